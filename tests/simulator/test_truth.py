"""True tracks, cameras and MOTChallenge files: written, read back and compared."""

from __future__ import annotations

import configparser
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onball.errors import DataError
from onball.formats import parquet
from onball.formats.camera_parquet import CAMERA_COLUMNS, CAMERA_FILE
from onball.formats.mot import MOT_CLASSES, write_mot_ground_truth
from onball.formats.parquet import arrow_schema
from onball.formats.tracks_parquet import CLASSES, COLUMNS, read_tracks
from onball.simulator.truth import (
    BALL_ID,
    SPARE_BALL_ID,
    TRUTH_COLUMNS,
    VIEWS,
    CameraWriter,
    TruthWriter,
)
from onball.simulator.world import PEOPLE, Camera, WorldState
from onball.tracks import KINDS, TRACKS_FILE, TrackedVideo

ROWS = PEOPLE + 2
VIDEO = TrackedVideo(398, 224, 400, 25.0)


def state_at(time_ms: int, *, ball: bool = True, spare: bool = True) -> WorldState:
    """Person i is at (i, -i), the ball at (1, 2, 3), the spare ball at (50, 36)."""
    nowhere = np.full(3, np.nan, np.float32)
    people = np.arange(PEOPLE, dtype=np.float32)
    zeros = np.zeros(PEOPLE, np.float32)
    return WorldState(
        time_ms=time_ms,
        xy=np.stack([people, -people], axis=1),
        heading=zeros,
        speed=zeros,
        stride=zeros,
        gesture=np.zeros(PEOPLE, np.uint8),
        gesture_ms=np.zeros(PEOPLE, np.int32),
        ball=np.array([1, 2, 3], np.float32) if ball else nowhere,
        spare_ball=np.array([50, 36, 0.11], np.float32) if spare else nowhere,
    )


def boxes_of(*seen: int) -> np.ndarray:
    """Boxes `[PEOPLE + 2, 4]`: that of id i is (i, 2i, i + 10.25, 2i + 20.5)."""
    boxes = np.full((ROWS, 4), np.nan, np.float32)
    for i in seen:
        boxes[i] = (i, 2 * i, i + 10.25, 2 * i + 20.5)
    return boxes


def write_tracks(
    folder: Path, *frames: tuple[int, np.ndarray | None, bool], video: TrackedVideo = VIDEO
) -> list[dict]:
    with TruthWriter(folder / TRACKS_FILE) as tracks:
        for time_ms, boxes, swapped in frames:
            tracks.add(state_at(time_ms), boxes, swapped)
        tracks.finish(video)
    table = pq.read_table(folder / TRACKS_FILE)
    assert table.schema.equals(arrow_schema((*COLUMNS, *TRUTH_COLUMNS)))
    return table.to_pylist()


def test_exactly_the_objects_in_the_image_have_rows(tmp_path):
    rows = write_tracks(tmp_path, (0, boxes_of(3, BALL_ID), False), (40, boxes_of(3), False))
    assert [(row["time_ms"], row["track_id"]) for row in rows] == [(0, 3), (0, BALL_ID), (40, 3)]
    assert rows[0] == {
        "time_ms": 0, "track_id": 3, "class": "player", "team": "left", "score": 1,
        "x0": 3, "y0": 6, "x1": 13.25, "y1": 26.5, "pitch_x": 3, "pitch_y": -3, "pitch_z": 0,
    }  # fmt: skip
    assert [rows[1][name] for name in ("pitch_x", "pitch_y", "pitch_z")] == [1, 2, 3]


@pytest.mark.parametrize("swapped", [False, True])
def test_classes_and_teams_follow_from_the_person_and_the_half(tmp_path, swapped):
    rows = write_tracks(tmp_path, (0, boxes_of(*range(ROWS)), swapped))
    assert [row["track_id"] for row in rows] == list(range(33))
    outfield = ["player"] * 10
    assert [row["class"] for row in rows] == [
        "goalkeeper", *outfield, "goalkeeper", *outfield, *["referee"] * 3, *["person"] * 6,
        "ball", "spare ball",
    ]  # fmt: skip
    home, away = ("right", "left") if swapped else ("left", "right")
    assert [row["team"] for row in rows] == (
        [home] * 11 + [away] * 11 + ["unknown"] * 3 + [home] * 3 + [away] * 3 + ["unknown"] * 2
    )


def test_without_a_video_all_people_have_rows_without_boxes(tmp_path):
    rows = write_tracks(tmp_path, (80, None, True))
    assert [row["track_id"] for row in rows] == list(range(ROWS))
    assert all(np.isnan([row[name] for name in ("x0", "y0", "x1", "y1")]).all() for row in rows)
    assert [row["pitch_x"] for row in rows[:PEOPLE]] == list(range(PEOPLE))
    assert rows[SPARE_BALL_ID]["pitch_x"] == 50


def test_without_a_video_an_absent_ball_has_no_row(tmp_path):
    with TruthWriter(tmp_path / TRACKS_FILE) as tracks:
        tracks.add(state_at(0, ball=False, spare=False), None, False)
        tracks.finish(VIDEO)
    assert pq.read_table(tmp_path / TRACKS_FILE)["track_id"].to_pylist() == list(range(PEOPLE))


def test_rows_are_written_in_groups_of_limited_size(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_ROWS_PER_GROUP", 100)
    frames = [(40 * i, boxes_of(*range(30)), False) for i in range(10)]
    rows = write_tracks(tmp_path, *frames)
    assert [row["time_ms"] for row in rows] == [40 * i for i in range(10) for _ in range(30)]
    assert pq.read_metadata(tmp_path / TRACKS_FILE).num_row_groups == 3


def test_a_match_without_frames_gives_a_file_without_rows(tmp_path):
    assert write_tracks(tmp_path) == []


def test_cameras_are_stored_exactly(tmp_path):
    camera = Camera.looking_at(np.array([0.0, -70.0, 20.0]), np.array([10.0, 5.0, 0.0]), 2.5)
    matrix = camera.matrix(398, 224)
    with CameraWriter(tmp_path / CAMERA_FILE) as cameras:
        for i, view in enumerate(VIEWS):
            cameras.add(40 * i, view, 40 * i if view != "replay" else 7, matrix + i, -0.125)
    table = pq.read_table(tmp_path / CAMERA_FILE)
    assert table.schema.equals(arrow_schema(CAMERA_COLUMNS))
    assert table["time_ms"].to_pylist() == [0, 40, 80, 120]
    assert table["view"].to_pylist() == ["main", "close_up", "behind_goal", "replay"]
    assert table["world_ms"].to_pylist() == [0, 40, 80, 7]
    assert table["k1"].to_pylist() == [-0.125] * 4
    columns = [table[f"m{row}{column}"].to_numpy() for row in range(3) for column in range(4)]
    read = np.stack(columns, axis=1).reshape(-1, 3, 4)
    assert all(np.array_equal(read[i], matrix + i) for i in range(4))
    # The documented projection: pixels are the first two components divided by the third.
    point = np.array([10.0, 5.0, 0.0])
    seen = read[0] @ [*point, 1.0]
    assert np.allclose(seen[:2] / seen[2], camera.project(point, 398, 224)[0])


@pytest.mark.parametrize("view, shape", [("aerial", (3, 4)), ("main", (3, 3))])
def test_a_camera_of_another_kind_or_shape_is_refused(tmp_path, view, shape):
    with (
        CameraWriter(tmp_path / CAMERA_FILE) as cameras,
        pytest.raises(ValueError, match=r"aerial|\[3, 4\]"),
    ):
        cameras.add(0, view, 0, np.zeros(shape), 0.0)


def read_truth(folder: Path) -> list[list[float]]:
    lines = (folder / "gt" / "gt.txt").read_text().splitlines()
    return [[float(number) for number in line.split(",")] for line in lines]


def write_mot(folder: Path) -> Path:
    return write_mot_ground_truth(folder / TRACKS_FILE, name="sequence")


def test_mot_has_the_same_boxes(tmp_path):
    everyone = boxes_of(0, 5, 22, 24, 25, BALL_ID, SPARE_BALL_ID)
    write_tracks(tmp_path, (0, everyone, False), (40, boxes_of(5), False), (120, boxes_of(5), True))
    assert write_mot(tmp_path) == tmp_path / "gt" / "gt.txt"
    truth = read_truth(tmp_path)
    assert [row[:2] for row in truth] == [
        [1, 1], [1, 6], [1, 23], [1, 25], [1, 26], [1, 32], [1, 33], [2, 6], [4, 6],
    ]  # fmt: skip
    assert truth[1] == [1, 6, 5, 10, 10.25, 20.5, 1, 1, 1]
    assert [row[7] for row in truth[:7]] == [1, 1, 2, 2, 7, 8, 12]
    assert all(row[6] == row[8] == 1 for row in truth)


def test_every_class_has_a_motchallenge_class():
    assert set(MOT_CLASSES) == set(CLASSES)
    # TrackEval scores 1 and ignores 2, 7, 8, 9 and 12; it knows 1 to 13.
    assert set(MOT_CLASSES.values()) == {1, 2, 7, 8, 9, 12}


@pytest.mark.parametrize("fps", [12.5, 25.0, 30000 / 1001, 50.0, 60.0])
def test_mot_frame_numbers_fit_any_frame_rate(tmp_path, fps):
    times = [round(frame * 1000 / fps) for frame in range(2000)]
    video = replace(VIDEO, duration_ms=round(2_000_000 / fps), fps=fps)
    write_tracks(tmp_path, *((time, boxes_of(4), False) for time in times), video=video)
    write_mot(tmp_path)
    assert [row[0] for row in read_truth(tmp_path)] == list(range(1, 2001))
    assert "seqLength=2000\n" in (tmp_path / "seqinfo.ini").read_text()


def test_the_sequence_is_as_long_as_the_video_even_if_its_end_is_empty(tmp_path):
    video = replace(VIDEO, duration_ms=80)
    write_tracks(tmp_path, (0, boxes_of(4), False), (40, boxes_of(), False), video=video)
    write_mot(tmp_path)
    sequence = configparser.ConfigParser()
    sequence.optionxform = str
    sequence.read(tmp_path / "seqinfo.ini")
    assert dict(sequence["Sequence"]) == {
        "name": "sequence", "imDir": "img1", "frameRate": "25", "seqLength": "2",
        "imWidth": "398", "imHeight": "224", "imExt": ".jpg",
    }  # fmt: skip


def test_mot_of_tracks_without_boxes_is_refused_and_leaves_no_file(tmp_path):
    write_tracks(tmp_path, (0, None, False))
    with pytest.raises(DataError, match="without a video"):
        write_mot(tmp_path)
    assert not list((tmp_path / "gt").iterdir()) and not (tmp_path / "seqinfo.ini").exists()


def test_missing_or_invalid_tracks_are_reported_in_one_line(tmp_path):
    with pytest.raises(DataError, match=r"tracks\.parquet: no such file"):
        write_mot(tmp_path)
    (tmp_path / TRACKS_FILE).write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match="cannot be read as tracks") as caught:
        write_mot(tmp_path)
    assert "\n" not in str(caught.value)
    pq.write_table(pa.table({"time_ms": [0], "id": [1]}), tmp_path / TRACKS_FILE)
    with pytest.raises(DataError, match="cannot be read as tracks"):
        write_mot(tmp_path)


def test_true_tracks_are_read_like_those_of_a_perfect_detector(tmp_path):
    boxes = boxes_of(0, 22, 25, BALL_ID, SPARE_BALL_ID)
    boxes[5] = (390, 10, 390.05, 30)  # rounded, it has no width
    write_tracks(tmp_path, (0, boxes, False), (40, None, False))
    tracks = read_tracks(tmp_path / TRACKS_FILE)
    assert tracks.track_ids.tolist() == [0, 22, 25, BALL_ID]
    assert [KINDS[kind] for kind in tracks.kinds] == ["goalkeeper", "referee", "person", "ball"]
    assert np.array_equal(tracks.boxes, boxes[[0, 22, 25, BALL_ID]])
    assert (tracks.scores == 1).all() and tracks.video == VIDEO


def test_cuts_are_changes_of_view_and_jumps_in_time(tmp_path):
    frames = [
        (0, "main", 0), (40, "close_up", 40), (80, "close_up", 80), (120, "main", 120),
        (160, "replay", 20), (200, "replay", 40), (240, "replay", 900), (280, "main", 280),
    ]  # fmt: skip
    with CameraWriter(tmp_path / CAMERA_FILE) as cameras:
        for time_ms, view, world_ms in frames:
            cameras.add(time_ms, view, world_ms, np.eye(3, 4), 0.0)
    assert cameras.cuts_ms == [40, 120, 160, 240, 280]


def test_the_error_for_tracks_of_an_older_version_names_the_remedy(tmp_path):
    older = {"time_ms": [0], "id": [1], "kind": ["player"], "pitch_x": [0.0]}
    pq.write_table(pa.table(older), tmp_path / TRACKS_FILE)
    with pytest.raises(DataError, match=r"older version: .*simulate the match again"):
        read_tracks(tmp_path / TRACKS_FILE)
