"""Clips of events: exact frames, names, lists, reels, and what a second call does."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numbered_videos import decode_plainly, hide_lead_in, numbers, steady, uneven, write_video
from PIL import Image
from sounding_videos import heard_from, write_with_sound

from onball.actions import Action, ActionSet
from onball.errors import InputError, OnballWarning
from onball.events import Event, EventList, SpottingInfo, Team, VideoPart
from onball.formats import write_results
from onball.outputs import OutputConflictError, OutputState
from onball.reports.captions import caption
from onball.reports.contact_sheet import SheetCell, draw_sheet
from onball.reports.event_clips import cut_clips
from onball.video import probe, read_frames

EVENTS = EventList.of(
    [
        Event(1_000, Action.PASS, 0.9, Team.LEFT),
        Event(2_000, Action.SHOT, 0.8, Team.RIGHT),
        Event(2_400, Action.GOAL, 0.7, Team.RIGHT),
        Event(3_200, Action.PASS, 0.2, Team.LEFT),
    ],
    info=SpottingInfo(
        video="match.mp4", duration_ms=4_000, kickoffs_ms=(400,),
        thresholds=dict.fromkeys(Action, 0.3),
    ),
)  # fmt: skip
SHORT = {"lead_s": 0.4, "lag_s": 0.4}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "match.mp4", steady(25, 4))


def table(out):
    return list(csv.DictReader(io.StringIO((out / "clips.csv").read_text("utf-8-sig"))))


def test_each_event_that_is_shown_gets_a_clip_and_a_row(tmp_path, video):
    made = cut_clips(EVENTS, video, tmp_path, **SHORT)
    names = [
        "00-00-01-000_PASS_left.mp4",
        "00-00-02-000_SHOT_right.mp4",
        "00-00-02-400_GOAL_right.mp4",
    ]
    assert [clip.path.name for clip in made] == names
    assert decode_plainly(made[1].path)[0] == list(range(40, 60))
    assert {path.name for path in tmp_path.iterdir()} == {*names, "clips.csv", ".onball.json"}
    assert table(tmp_path)[1] == {
        "file": names[1], "start": "00:00:01.600", "end": "00:00:02.400", "actions": "SHOT",
        "clock": "00'01", "team": "right", "confidence": "0.8",
    }  # fmt: skip


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("times", [steady(25, 4), uneven(4)], ids=["steady", "variable"])
def test_clips_begin_with_the_right_frame_and_last_as_long_as_they_should(tmp_path, suffix, times):
    source = write_video(tmp_path / f"match.{suffix}", times)  # with B-frames
    (clip,) = cut_clips(EVENTS, source, tmp_path / "out", actions=["shot"], **SHORT)
    inside = [k for k, time in enumerate(times) if 1_600 <= 1000 * time < 2_400]
    shown, shown_times = decode_plainly(clip.path)
    assert shown == inside
    longest = max(later - time for time, later in pairwise(times))
    assert abs(shown_times[-1] - Fraction(8, 10)) <= longest + Fraction(1, 25)
    assert abs(clip.cut.duration_ms - 800) <= 1000 * longest


def test_times_count_from_the_first_shown_frame(tmp_path):
    source = write_video(tmp_path / "match.mp4", steady(25, 5))
    hide_lead_in(source, Fraction(1))
    (clip,) = cut_clips(EVENTS, source, tmp_path / "out", actions=["shot"], **SHORT)
    assert decode_plainly(clip.path)[0] == list(range(65, 85))


def test_the_sound_is_kept_unless_it_is_not_wanted(tmp_path):
    source = write_with_sound(tmp_path / "match.mp4", seconds=4, tone_from_s=2)
    (clip,) = cut_clips(EVENTS, source, tmp_path / "a", actions=["shot"], **SHORT)
    assert heard_from(clip.path)[0] == pytest.approx(0.4, abs=0.02)
    (clip,) = cut_clips(EVENTS, source, tmp_path / "b", actions=["shot"], sound=False, **SHORT)
    assert heard_from(clip.path) is None


def test_clips_that_overlap_are_merged_on_request(tmp_path, video):
    made = cut_clips(EVENTS, video, tmp_path, merge=True, **SHORT)
    assert [clip.path.name for clip in made] == [
        "00-00-01-000_PASS_left.mp4", "00-00-02-000_SHOT+GOAL_right.mp4",
    ]  # fmt: skip
    assert decode_plainly(made[1].path)[0] == list(range(40, 70))


@pytest.mark.parametrize(
    ("by", "folders"), [("action", ["PASS", "SHOT", "GOAL"]), ("team", ["left", "right"])]
)
def test_clips_are_put_into_folders(tmp_path, video, by, folders):
    made = cut_clips(EVENTS, video, tmp_path, by=by, reel=True, **SHORT)
    assert list(dict.fromkeys(clip.path.parent.name for clip in made)) == folders
    assert all((tmp_path / folder / "reel.mp4").is_file() for folder in folders)
    assert len(table(tmp_path)) == 3


def test_a_reel_shows_each_scene_once_with_a_caption(tmp_path, video):
    *_, reel = cut_clips(EVENTS, video, tmp_path, reel=True, **SHORT)
    assert reel.path.name == "reel.mp4" and reel.cut.frames == 50
    frames = next(read_frames(reel.path, None, None)).frames
    originals = next(read_frames(video, None, None)).frames[15:30]
    changed = np.abs(frames[:15].astype(int) - originals).max(axis=(0, 3)) > 40
    rows, columns = np.nonzero(changed)
    assert rows.min() > 24 and columns.min() < 8, "drawn in the lower left corner"


def test_captions_are_shortened_and_drawn_in_any_script():
    for text in ("PASS · 00'12 · left", "射门 · 12'00", "Ü" * 300, "<b>&"):
        image = caption(text, "#e4572e")(np.full((180, 320, 3), 200, np.uint8))
        assert image.shape == (180, 320, 3) and image.dtype == np.uint8
        assert (
            (image[:120] == 200).all()
            and (image[130:] < 120).any()
            and (image[:, 312:] == 200).all()
        )


def test_a_second_call_cuts_only_what_is_missing(tmp_path, video):
    def interrupt(clip):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_clips(EVENTS, video, tmp_path, on_clip=interrupt, **SHORT)
    assert len(list(tmp_path.glob("*.mp4"))) == 1
    states = [clip.state for clip in cut_clips(EVENTS, video, tmp_path, **SHORT)]
    assert states == [OutputState.DONE, OutputState.MISSING, OutputState.MISSING]
    first = next(iter(sorted(tmp_path.glob("*.mp4"))))
    first.write_bytes(b"mine")
    again = cut_clips(EVENTS, video, tmp_path, **SHORT)
    assert [clip.state for clip in again] == [
        OutputState.EDITED,
        OutputState.DONE,
        OutputState.DONE,
    ]
    assert first.read_bytes() == b"mine"
    replaced = cut_clips(EVENTS, video, tmp_path, overwrite=True, **SHORT)
    assert all(clip.cut is not None for clip in replaced) and first.read_bytes() != b"mine"


def test_other_lengths_are_refused_where_clips_are(tmp_path, video):
    cut_clips(EVENTS, video, tmp_path, **SHORT)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        OutputConflictError, match=r"holds results with start 0\.600 s instead of 0\.000 s"
    ):
        cut_clips(EVENTS, video, tmp_path, lead_s=2)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_list_has_the_clips_of_earlier_calls(tmp_path, video):
    cut_clips(EVENTS, video, tmp_path, actions=["shot"], **SHORT)
    cut_clips(EVENTS, video, tmp_path, actions=["pass"], **SHORT)
    assert [row["actions"] for row in table(tmp_path)] == ["PASS", "SHOT"]


def test_events_outside_of_the_video_are_an_error_before_any_work(tmp_path, video):
    late = EventList.of([*EVENTS, Event(70_000, Action.OUT)])
    with pytest.raises(
        InputError, match=r"ends at 00:00:04, and 1 of 5 events lie outside, first OUT"
    ):
        cut_clips(late, video, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    other = replace(EVENTS, info=replace(EVENTS.info, duration_ms=90_000))
    with pytest.warns(OnballWarning, match="is it the right one"):
        cut_clips(other, video, tmp_path / "out", actions=["shot"], **SHORT)


def test_joined_videos_are_cut_each_with_its_own_times(tmp_path, video):
    parts = (VideoPart("a.mp4", 0, 4_000), VideoPart("b.mp4", 4_000, 4_000))
    events = EventList.of(
        [Event(3_800, Action.PASS, 0.9), Event(5_000, Action.SHOT, 0.9)],
        info=SpottingInfo(parts=parts, duration_ms=8_000),
    )
    second = write_video(tmp_path / "b.mp4", steady(25, 4))
    made = cut_clips(events, [video, second], tmp_path / "out", reel=True, **SHORT)
    assert [decode_plainly(clip.path)[0] for clip in made[:2]] == [
        list(range(85, 100)), list(range(15, 35)),
    ]  # fmt: skip
    assert made[1].path.name == "00-00-05-000_SHOT.mp4" and made[2].cut.frames == 35
    with pytest.raises(InputError, match="the events are those of 2 videos that were joined"):
        cut_clips(events, video, tmp_path / "other")


def test_names_of_any_kind_become_files(tmp_path, video):
    known = ActionSet.of(["a/b: <c>?", "射门", "..", "x"])
    events = EventList.of([Event(1_000, label) for label in (*known, known.names[3])])
    made = cut_clips(events, video, tmp_path, by="action", **SHORT)
    assert len({clip.path for clip in made}) == 5
    assert all(clip.path.is_file() and tmp_path in clip.path.parents for clip in made)
    assert made[-1].path.name == "00-00-01-000_x-2.mp4"


def test_no_event_makes_no_folder(tmp_path, video):
    assert cut_clips(EVENTS, video, tmp_path / "out", threshold=1) == []
    assert not (tmp_path / "out").exists()


# The command


def test_the_command_cuts_and_says_what_is_there(onball, tmp_path, video):
    write_results(EVENTS, tmp_path / "match" / "results_spotting.json")
    arguments = (
        "clips", tmp_path / "match", video, "-o", tmp_path / "out", "--action", "SHOT,goal",
        "--lead", "goal=1,0.2", "--lag", "0.2", "--merge", "--reel", "--by", "team",
    )  # fmt: skip
    code, shown, error = onball(*arguments)
    assert code == 0, error
    assert "00-00-02-000_SHOT+GOAL_right.mp4, 1.2 s" in shown and "2 new files" in shown
    code, shown, error = onball(*arguments)
    assert "reel.mp4 (is there already)" in shown and "--overwrite cuts clips again" in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "half"], "clips cannot be grouped by 'half': choose action or team"),
        (["--lead", "x"], "--lead: 'x' is not a number"),
        (["--lead", "0", "--lag", "0"], "the clip of PASS at 00:00:01 has no length"),
        (["--actions", "zzz"], "unknown action 'zzz'"),
    ],
)
def test_mistakes_are_one_line(onball, tmp_path, video, options, message):
    write_results(EVENTS, tmp_path / "match" / "results_spotting.json")
    code, _, error = onball("clips", tmp_path / "match", video, "-o", tmp_path / "out", *options)
    assert code == 2 and message in error and len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


# Contact sheets


def test_a_sheet_has_the_frame_of_each_event_in_order_and_is_not_drawn_again(tmp_path, video):
    made = cut_clips(EVENTS, video, tmp_path, **SHORT, sheet=True)
    sheet = made[-1]
    assert sheet.path == tmp_path / "sheet.jpg" and sheet.state is OutputState.MISSING
    assert len(sheet.excerpts) == 3 and sheet.cut is None
    assert len(table(tmp_path)) == 3  # it is no clip
    with Image.open(sheet.path) as opened:
        drawn = np.asarray(opened.convert("RGB"))
    # Cells of 240 × 180 pixels for frames of 64 × 48, with a gap of 10.
    for column, position_ms in enumerate((1_000, 2_000, 2_400)):
        cell = drawn[10:190, 10 + 250 * column : 250 + 250 * column]
        assert numbers(cell[None]) == [position_ms // 40]
    again = cut_clips(EVENTS, video, tmp_path, **SHORT, sheet=True)
    assert [clip.state for clip in again] == [OutputState.DONE] * 4
    with pytest.raises(OutputConflictError, match="clips"):
        cut_clips(EVENTS, video, tmp_path, **SHORT, actions=["goal"], sheet=True)


def test_each_group_has_a_sheet_and_many_cells_are_in_rows(tmp_path, video):
    made = cut_clips(EVENTS, video, tmp_path, **SHORT, by="team", sheet=True)
    sheets = [clip.path.relative_to(tmp_path).as_posix() for clip in made if clip.cut is None]
    assert sheets == ["left/sheet.jpg", "right/sheet.jpg"]
    cell = SheetCell(probe(video), 10**7, "a very long title " * 9, "00:00", "#123456")
    draw_sheet([cell] * 12, tmp_path / "many.jpg")
    with Image.open(tmp_path / "many.jpg") as opened:
        assert opened.width == 10 + 250 * 5 and opened.height == 10 + 3 * 238
