"""Tracks files: round trips, errors in rows and metadata, and true tracks of the simulator."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tiny_tracks import tiny_tracks

from onball.errors import DataError
from onball.formats.tracks_parquet import open_writer, read_about, read_tracks, write_tracks
from onball.tracks import BALL, KINDS, TrackedVideo, Tracks
from onball.video import VideoWriter


@pytest.fixture
def tracks() -> Tracks:
    tracks = tiny_tracks([400], duration_ms=800)
    return replace(tracks, video=replace(tracks.video, cuts_ms=(400, 600)))


def rewritten(path, change):
    """Rewrite the file with a changed table and the same metadata."""
    about = pq.read_metadata(path).metadata
    table = change(pq.read_table(path))
    pq.write_table(table.replace_schema_metadata({b"onball": about[b"onball"]}), path)
    return path


def with_column(name, values, kind=None):
    def change(table):
        index = table.column_names.index(name)
        return table.set_column(index, name, pa.array(values(table.column(name)), kind))

    return change


def test_a_round_trip_changes_nothing(tracks, tmp_path):
    write_tracks(tracks, tmp_path / "t.parquet", detector="mine", video="video.mp4")
    read = read_tracks(tmp_path / "t.parquet")
    for name in ("time_ms", "track_ids", "kinds", "boxes", "scores"):
        assert np.array_equal(getattr(read, name), getattr(tracks, name)), name
    assert read.video == tracks.video
    assert read_about(tmp_path / "t.parquet")["detector"] == "mine"


def test_a_video_without_detections_has_an_empty_tracks_file(tracks, tmp_path):
    write_tracks(tracks.where(np.zeros(len(tracks), bool)), tmp_path / "t.parquet")
    assert len(read_tracks(tmp_path / "t.parquet")) == 0


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    with (
        pytest.raises(RuntimeError, match="stop"),
        open_writer(tmp_path / "t.parquet", detector="", video=""),
    ):
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def swap_first_and_last(table):
    rows = np.arange(table.num_rows)
    rows[[0, -1]] = rows[[-1, 0]]
    return table.take(pa.array(rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swap_first_and_last, r"row 1 .*earlier than the row before: sort"),
        (
            with_column("track_id", lambda c: np.zeros(len(c)), pa.int32()),
            r"row 1 .*second box in the same frame",
        ),
        (with_column("x1", lambda c: np.full(len(c), 200.0), pa.float32()), r"outside the image"),
        (with_column("x0", lambda c: np.full(len(c), -3.0), pa.float32()), r"outside the image"),
        (with_column("x1", lambda c: np.zeros(len(c)), pa.float32()), r"box is empty"),
        (with_column("y0", lambda c: np.full(len(c), np.nan), pa.float32()), r"is no number"),
        (with_column("score", lambda c: np.full(len(c), 1.5), pa.float32()), r"between 0 and 1"),
        (with_column("class", lambda c: ["dog"] * len(c)), r"unknown class 'dog': one of player"),
        (with_column("time_ms", lambda c: ["0"] * len(c)), r"'time_ms' is not of whole numbers"),
        (with_column("time_ms", lambda c: [0.5] * len(c)), r"'time_ms' is not of whole numbers"),
        (with_column("score", lambda c: [True] * len(c)), r"'score' is not of numbers"),
        (with_column("class", lambda c: [*["ball"] * (len(c) - 1), None]), r"row 99: no value"),
        (with_column("x0", lambda c: [None, *[1.0] * (len(c) - 1)]), r"row 0: no value .*'x0'"),
        (lambda table: table.drop_columns(["score"]), r"has no column 'score'"),
    ],
)
def test_an_invalid_row_is_reported(tracks, tmp_path, change, message):
    path = tmp_path / "t.parquet"
    write_tracks(tracks, path)
    with pytest.raises(DataError, match=rf"t\.parquet: .*{message}") as error:
        read_tracks(rewritten(path, change))
    assert "\n" not in str(error.value)


def test_a_box_beyond_the_border_by_rounding_is_clipped(tracks, tmp_path):
    tracks.boxes[0] = [-0.3, 0, 64.2, 36.4]
    write_tracks(tracks, tmp_path / "t.parquet")
    assert read_tracks(tmp_path / "t.parquet").boxes[0].tolist() == [0, 0, 64, 36]


def test_files_without_tracks_are_refused(tracks, tmp_path):
    path = tmp_path / "t.parquet"
    with pytest.raises(DataError, match=r"no such file: make it with `onball track"):
        read_tracks(path)
    path.write_bytes(b"no parquet")
    with pytest.raises(DataError, match=r"no Parquet file, or cut off"):
        read_tracks(path)
    write_tracks(tracks, path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"no Parquet file, or cut off"):
        read_tracks(path)
    pq.write_table(pa.table({"time_ms": [1]}), path)
    with pytest.raises(DataError, match=r"does not say which video"):
        read_tracks(path)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"width": float("inf")}, r"do not say what the video is"),
        ({"fps": float("nan")}, r"rate that is not above 0"),
        ({"cuts_ms": None}, r"do not say what the video is"),
        ({"format_version": 2}, r"format 2, .*newer onball"),
    ],
)
def test_metadata_without_a_valid_video_is_refused(tracks, tmp_path, about, message):
    path = tmp_path / "t.parquet"
    write_tracks(tracks, path)
    changed = json.loads(pq.read_metadata(path).metadata[b"onball"]) | about
    table = pq.read_table(path).replace_schema_metadata({b"onball": json.dumps(changed).encode()})
    pq.write_table(table, path)
    with pytest.raises(DataError, match=message):
        read_tracks(path)


def test_damaged_bytes_never_end_in_a_traceback(tracks, tmp_path):
    path = tmp_path / "t.parquet"
    write_tracks(tracks, path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(4, len(whole) - 4, 3)] = rng.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        try:
            read_tracks(path)
        except DataError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 100


def test_tracks_of_another_video_are_refused(tracks, tmp_path):
    video = tmp_path / "video.mp4"
    with VideoWriter(video, (64, 36), 25) as writer:
        for _ in range(20):
            writer.write(np.zeros((36, 64, 3), np.uint8))
    path = tmp_path / "t.parquet"
    write_tracks(tracks, path)
    assert len(read_tracks(path, video)) == len(tracks)
    for other in (TrackedVideo(128, 72, 800, 25.0), TrackedVideo(64, 36, 60_000, 25.0)):
        write_tracks(replace(tracks, video=other), path)
        with pytest.raises(
            DataError, match=r"tracks of another video .*video\.mp4 is 64×36, 0\.8 s"
        ):
            read_tracks(path, video)


def test_true_tracks_of_a_simulated_match_are_read(onball, tmp_path):
    code, _, stderr = onball(
        "simulate", "--out", tmp_path / "data", "--train", 1, "--valid", 0, "--test", 0,
        "--minutes", 0.05, "--seed", 3,
    )  # fmt: skip
    assert code == 0, stderr
    (path,) = (tmp_path / "data").rglob("tracks.parquet")
    tracks = read_tracks(path, path.with_name("224p.mp4"))
    assert (tracks.video.width, tracks.video.height, tracks.video.fps) == (398, 224, 25.0)
    assert set(np.unique(tracks.kinds)) <= set(range(len(KINDS)))
    assert BALL in tracks.kinds
    assert (np.diff(tracks.time_ms) >= 0).all()
    rows = pq.read_table(path).filter(pc.field("class") != "spare ball")
    assert 0 <= rows.num_rows - len(tracks) < rows.num_rows // 100
    camera = pq.read_table(path.with_name("camera.parquet"))
    views = np.array(camera["view"].to_pylist())
    changes = camera["time_ms"].to_numpy()[1:][views[1:] != views[:-1]]
    assert set(changes.tolist()) <= set(tracks.video.cuts_ms)
    # Other programs may write the names as text.
    rewritten(path, with_column("class", lambda c: c.cast(pa.string())))
    assert np.array_equal(read_tracks(path).kinds, tracks.kinds)
    rewritten(path, lambda table: table.drop_columns(["x1"]))
    with pytest.raises(DataError, match=r"has no column 'x1'"):
        read_tracks(path)
    again = path.with_name("again.parquet")
    write_tracks(tracks, again)
    assert np.array_equal(read_tracks(again).boxes, tracks.boxes)
