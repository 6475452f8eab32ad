"""Conversion of SoccerTrack v2: clocks, periods, the camera, and errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from data_set_samples import PANORAMA, soccertrack_action, write_soccertrack

from onball.data.check import check_data
from onball.data.convert import ConvertSettings, convert_data
from onball.data.layout import find_matches, read_splits
from onball.errors import ConfigError, DataError, LabelError, OnballWarning
from onball.formats.soccernet import read_labels
from onball.formats.tracks_parquet import read_tracks
from onball.outputs import OutputConflictError
from onball.tracks import KINDS
from onball.video import probe, read_frames

SMALL = ConvertSettings(size=(128, 72))
NAME = "soccertrack-v2/117/117092"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_soccertrack(tmp_path_factory.mktemp("soccertrack"))


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "data"
    (match,) = convert_data("soccertrack-v2", source, out, settings=SMALL)
    assert (match.outcome, match.events, match.error) == ("converted", 6, None)
    assert match.left_out == {
        "in a third period, which was not filmed": 2,
        "gameTime names no period, or one without that time": 2,
        "the same action twice within a frame": 1,
    }
    return out


def test_match_time_becomes_time_of_the_joined_video(converted):
    events = read_labels(converted / NAME / "Labels-ball.json")
    # The first half has 2000 ms; the second begins two frames before its video.
    assert [(event.position_ms, event.label, event.team) for event in events] == [
        (80, "PASS", "left"),
        (1040, "GOAL", "left"),
        (1040, "HIGH PASS", "right"),
        (1040, "SHOT", "left"),
        (2000, "DRIVE", "left"),
        (3000, "BALL PLAYER BLOCK", "left"),
    ]
    assert {event.half for event in events} == {1}
    assert events[0].extra["player_id"] == "170959"


def test_where_halves_overlap_on_the_clock_the_period_of_game_time_decides(tmp_path):
    actions = [
        soccertrack_action("1 - 00:01", 1527, "PASS"),
        soccertrack_action("2 - 00:01", 1527, "SHOT"),
        soccertrack_action("00:01", 1527, "DRIVE"),  # of either half
    ]
    source = write_soccertrack(tmp_path / "source", actions=actions)
    table = source / "bas_periods.json"
    content = json.loads(table.read_text())
    content["matches"]["117092"]["periods"]["2"]["t0_ms"] = 967.0
    table.write_text(json.dumps(content))
    videos = source / "videos" / "117092"
    for half in ("1st", "2nd"):  # as other releases name them
        (videos / f"117092_panorama_{half}_half.mp4").rename(videos / f"117092_{half}.mp4")
    settings = ConvertSettings(view="whole", tracks=False, size=(128, 32))
    (match,) = convert_data("soccertrack-v2", source, tmp_path / "out", settings=settings)
    events = read_labels(match.folder / "Labels-ball.json")
    # The second half begins at 2000 ms of the joined video, two frames after its tracks.
    assert [(event.position_ms, event.label) for event in events] == [
        (1560, "PASS"),
        (2480, "SHOT"),
    ]
    assert match.left_out == {"gameTime names no period, or one without that time": 1}


def test_events_as_in_the_specification_instead_of_the_release_are_named(tmp_path):
    source = write_soccertrack(tmp_path / "source")
    events = source / "bas" / "117092" / "117092_12_class_events.json"
    events.write_text(events.read_text().replace('"actions"', '"annotations"'))
    (match,) = convert_data("soccertrack-v2", source, tmp_path / "out", settings=SMALL)
    assert "no array 'actions' in it: is it a file of SoccerTrack v2?" in str(match.error)


def test_the_result_is_a_data_set_that_passes_the_check(converted):
    assert check_data(converted, full=True).problems == []
    (match,) = find_matches(converted, "train")
    assert match.name == NAME and match.require_video().name == "72p.mp4"
    assert read_splits(converted) == {"train": (NAME,)}
    assert "CC BY 4.0" in (converted / "LICENCE.txt").read_text()
    assert not (converted / "classes.txt").exists()
    info = probe(match.require_video())
    assert (info.width, info.height, info.fps, info.frame_count) == (128, 72, 25.0, 90)


def test_the_camera_follows_the_players_and_tracks_stay_on_them(converted):
    video = converted / NAME / "72p.mp4"
    tracks = read_tracks(converted / NAME / "tracks.parquet", video)
    assert tracks.video.cuts_ms == (2000,) and tracks.video.duration_ms == 3600
    assert {KINDS[kind] for kind in tracks.kinds} == {"player", "goalkeeper"}
    frames = np.concatenate([batch.frames for batch in read_frames(video, 25, None)])
    for number in (0, 25, 49, 50, 70, 89):
        red = frames[number, ..., 0].astype(int) - frames[number, ..., 1] > 80
        assert red.any(), f"the play is outside frame {number}"
        x, y = np.argwhere(red).mean(axis=0)[::-1]
        boxes = tracks.boxes[tracks.time_ms == number * 40]
        # The marked point is 2 pixels to the left of the middle of the ten people: boxes of 4 pixels
        # begin at -20, -16 … 16 around it. The window shows 134 of 384 pixels.
        assert boxes[:, [0, 2]].mean() == pytest.approx(x, abs=2), number
        assert 20 < y < 52, number
    halves = [
        set(tracks.track_ids[tracks.time_ms < 2000]),
        set(tracks.track_ids[tracks.time_ms >= 2000]),
    ]
    assert not halves[0] & halves[1]


def test_a_second_call_skips_what_is_done_and_keeps_what_was_edited(converted, source):
    (match,) = convert_data("soccertrack-v2", source, converted, settings=SMALL)
    assert match.outcome == "done"
    labels = converted / NAME / "Labels-ball.json"
    before = labels.read_bytes()
    labels.write_bytes(before + b"\n")
    (match,) = convert_data("soccertrack-v2", source, converted, settings=SMALL)
    labels.write_bytes(before)
    assert match.outcome == "edited"
    with pytest.raises(OutputConflictError, match="size 128x72 instead of"):
        # Another size is another result; nothing is touched.
        convert_data("soccertrack-v2", source, converted)


def test_the_whole_panorama_needs_no_tracks(source, tmp_path):
    settings = ConvertSettings(view="whole", tracks=False, size=PANORAMA)
    (match,) = convert_data("soccertrack-v2", source, tmp_path, settings=settings)
    assert match.outcome == "converted"
    assert sorted(path.name for path in match.folder.iterdir()) == [
        ".onball.json",
        "96p.mp4",
        "Labels-ball.json",
    ]


def test_missing_files_are_named_before_any_work(tmp_path):
    source = write_soccertrack(tmp_path / "source")

    def error() -> str:
        with pytest.raises(DataError) as caught:
            convert_data("soccertrack-v2", source, tmp_path / "out", settings=SMALL)
        assert not (tmp_path / "out").exists()
        return str(caught.value)

    table = source / "bas_periods.json"
    content = json.loads(table.read_text())
    del content["matches"]["117092"]["periods"]["1"]["t0_event_shift_frames"]
    table.write_text(json.dumps(content))
    with pytest.warns(OnballWarning, match="an older table"):
        convert_data("soccertrack-v2", source, tmp_path / "out", settings=SMALL)
    del content["matches"]["117092"]["periods"]["2"]["t0_ms"]
    table.write_text(json.dumps(content))
    assert "no t0_ms and n_frames of match 117092, period 2" in error()
    table.unlink()
    assert "no bas_periods.json in it" in error() and "configs/bas_periods.json" in error()
    write_soccertrack(tmp_path / "other")
    (tmp_path / "other" / "bas_periods.json").rename(table)
    (source / "gsr" / "117092" / "117092_2nd.json").unlink()
    assert "no 117092_2nd.json (gsr)" in error() and "--view whole" in error()
    (source / "videos" / "117092" / "117092_panorama_2nd_half.mp4").unlink()
    assert "no 117092_panorama_2nd_half.mp4" in error()
    with pytest.raises(ConfigError, match="no match '1': there are '117092'"):
        convert_data("soccertrack-v2", source, tmp_path / "out", matches=["1"])
    with pytest.raises(ConfigError, match="did you mean 'soccertrack-v2'"):
        convert_data("soccertrack", source, tmp_path / "out")


def test_a_broken_match_does_not_end_the_others_and_leaves_nothing(tmp_path):
    source = write_soccertrack(tmp_path / "source", "117093")
    write_soccertrack(source, "117092", [soccertrack_action("1 - 00:00", 47, "Passs")])
    states = source / "gsr" / "117093" / "117093_2nd.json"
    whole = states.read_text()
    states.write_text(whole[: len(whole) // 2])
    first, second = convert_data("soccertrack-v2", source, tmp_path / "out", settings=SMALL)
    assert isinstance(first.error, LabelError) and "action 1: unknown action 'Passs'" in str(
        first.error
    )
    assert isinstance(second.error, DataError) and "cut off inside the array" in str(second.error)
    assert not (tmp_path / "out").exists()
    states.write_text(whole)
    (match,) = convert_data(
        "soccertrack-v2", source, tmp_path / "out", matches=["117093"], settings=SMALL
    )
    assert match.outcome == "converted"
    assert read_splits(tmp_path / "out") == {"valid": ("soccertrack-v2/117/117093",)}
