"""Events that were converted come back by `onball data import`: actions, times and teams."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from itertools import chain

import pytest
from tiny_matches import write_flashes

from onball.actions import Action, ActionSet
from onball.data.importing import import_tags
from onball.events import Event, EventList, SpottingInfo, Team, VideoPart
from onball.formats.conversion import FORMATS, convert_events
from onball.formats.tags import read_tags
from onball.formats.tags.times import exact_rate
from onball.video import probe

#: Formats that count frames; chapters count seconds, and are 10 s long. The others have milliseconds.
FRAMES, SECONDS = ("edl", "fcpxml", "label-studio"), ("chapters",)
#: Formats with an entry for each file of a match.
BY_FILE = ("osl", "label-studio", "fiftyone")
WITHOUT_TEAMS = ("chapters", "label-studio")
#: Formats with accents removed.
PLAIN = ("sportscode", "kloppy")
WITH_PERIODS = ("sportscode", "srt", "vtt", "edl", "fcpxml", "otio", "chapters")
NAMES = ActionSet.of(["PASS", "SHOT", "Zweikampf \"Köln\" 'x'", "射门", "a & b <c>"])
TEAMS = (Team.LEFT, Team.RIGHT, Team.UNKNOWN, Team.RIGHT, Team.LEFT)


def match(rate, seconds=(10, 125.3, 1_800, 3_700.04, 5_400.5)):
    """Events at the frames nearest to some times, and kick-offs of two halves."""
    positions = [round(1000 * round(time * rate) / rate) for time in seconds]
    events = [
        Event(position, label, 0.8, team, 1 + (position > 2_700_000))
        for position, label, team in zip(positions, NAMES, TEAMS, strict=True)
    ]
    kickoffs = tuple(round(1000 * round(time * rate) / rate) for time in (0, 2_700))
    info = SpottingInfo(
        "demo", video="match.mp4", duration_ms=5_500_000, classes=NAMES, kickoffs_ms=kickoffs
    )
    return EventList.of(events, match="FC Köln - 上海", info=info)


def plain(name):
    return name.translate(str.maketrans("&<>ö", "+()o"))


@pytest.mark.parametrize("fps", [23.976, 25, 29.97, 50])
@pytest.mark.parametrize("format", FORMATS)
def test_actions_times_and_teams_come_back(tmp_path, format, fps):
    events = match(exact_rate(fps))
    path = convert_events(events, format, tmp_path, lead_s=0, lag_s=0, fps=fps)[0].path
    found = read_tags(path, fps=fps)
    within_ms = 1000 if format in SECONDS else 0.51 if format in FRAMES else 1e-6
    times = [1000 * tag.start_s for tag in found.tags]
    assert times == pytest.approx([event.position_ms for event in events], abs=within_ms)
    names = [str(event.label) for event in events]
    if format == "srt":  # players take < and > for markup
        names = [name.translate(str.maketrans("<>", "‹›")) for name in names]
    assert [tag.code for tag in found.tags] == ([*map(plain, names)] if format in PLAIN else names)
    if format not in WITHOUT_TEAMS:
        teams = [Team(tag.team or "unknown") for tag in found.tags]
        assert teams == [event.team for event in events]
    if format in WITH_PERIODS:
        assert found.period_starts_s == pytest.approx(
            {1: 0, 2: 2_700}, abs=max(21, within_ms) / 1000
        )


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    write_flashes(folder, 0)
    return folder / "224p.mp4"


@pytest.mark.parametrize("format", FORMATS)
def test_a_converted_match_is_imported(tmp_path, video, format):
    events = EventList.of(
        [Event(1_470, Action.PASS, 0.4, Team.LEFT), Event(8_010, Action.SHOT, 0.5, Team.RIGHT)]
    )
    lead_s = 1.2 if format in ("sportscode", "llc") else 0
    path = convert_events(events, format, tmp_path, lead_s=lead_s, video=video)[0].path
    rules = tmp_path / "codes.yaml"
    rule = f"{{action: %s, offset_s: {lead_s}}}"
    rules.write_text("".join(f"{one.label}: {rule % one.label}\n" for one in events), "utf-8")
    (part,) = import_tags(path, [video], tmp_path / "data", codes=rules).parts
    within_ms = 10_000 if format in SECONDS else 20 if format in FRAMES else 0
    for found, wanted in zip(part.events, events, strict=True):
        assert found.label == wanted.label
        assert abs(found.position_ms - wanted.position_ms) <= within_ms
        assert found.team is (Team.UNKNOWN if format in WITHOUT_TEAMS else wanted.team)


@pytest.fixture(scope="module")
def halves(video, tmp_path_factory):
    """Two files, and the events of the match that they were spotted as."""
    folder = tmp_path_factory.mktemp("halves")
    files = [folder / name for name in ("half1.mp4", "half2.mp4")]
    for file in files:
        shutil.copy(video, file)
    length_ms = probe(video).duration_ms
    parts = tuple(VideoPart(file.name, k * length_ms, length_ms) for k, file in enumerate(files))
    events = [
        Event(1_480, Action.PASS, 0.4, Team.LEFT),
        Event(length_ms + 2_000, Action.SHOT, 0.5, Team.RIGHT, 2),
        Event(length_ms + 4_240, Action.PASS, 0.6, Team.RIGHT, 2),
    ]
    info = SpottingInfo("demo", duration_ms=2 * length_ms, kickoffs_ms=(0, length_ms), parts=parts)
    return files, EventList.of(events, match="final", info=info), length_ms


@pytest.mark.parametrize("format", [one for one in FORMATS if one not in SECONDS])
def test_a_converted_match_of_two_files_is_imported(tmp_path, halves, format):
    files, events, length_ms = halves
    path = convert_events(events, format, tmp_path, lead_s=0, lag_s=0, video=files)[0].path
    within_ms = 20 if format in FRAMES else 1e-6
    local = [(one.label, one.position_ms % length_ms) for one in events]
    if format in BY_FILE:
        names = {"osl": ("final-1", "final-2"), "label-studio": ("half1.mp4", "half2.mp4")}
        parts = [
            read_tags(path, fps=25, part=name).tags
            for name in names.get(format, ("half1", "half2"))
        ]
        found = [[(tag.code, round(1000 * tag.start_s)) for tag in tags] for tags in parts]
    else:
        imported = import_tags(path, files, tmp_path / "data", fps=25).parts
        found = [[(one.label, one.position_ms) for one in part.events] for part in imported]
    assert [len(part) for part in found] == [1, 2]
    for (label, time_ms), (wanted, wanted_ms) in zip(chain(*found), local, strict=True):
        assert label == wanted and abs(time_ms - wanted_ms) <= within_ms


def test_a_marker_of_otio_that_was_moved_is_where_it_was_moved_to(tmp_path):
    path = convert_events(match(Fraction(25)), "otio", tmp_path, fps=25, period_markers=False)[
        0
    ].path
    content = json.loads(path.read_text())
    (clip,) = content["tracks"]["children"][0]["children"]
    clip["markers"][0]["marked_range"]["start_time"]["value"] += 1
    path.write_text(json.dumps(content))
    assert [tag.start_s for tag in read_tags(path).tags[:2]] == [10.04, 125.28]
