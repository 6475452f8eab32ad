"""Conversion of FOOTPASS: labels from either file, tracks from HDF5, and errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from data_set_samples import write_footpass

from onball.data.check import check_data
from onball.data.convert import ConvertedMatch, ConvertSettings, convert_data
from onball.data.layout import read_splits
from onball.errors import DataError, LabelError
from onball.formats.soccernet import read_labels
from onball.formats.tracks_parquet import read_tracks
from onball.tracks import KINDS

NO_TRACKS = ConvertSettings(tracks=False)


def converted(source: Path, out: Path, settings: ConvertSettings | None = None) -> ConvertedMatch:
    (match,) = convert_data("footpass", source, out, settings=settings)
    if match.error is not None:
        raise match.error
    return match


def test_labels_become_actions_at_the_time_of_their_frame(tmp_path):
    source = write_footpass(tmp_path / "source", tactical=False)
    match = converted(source, tmp_path / "out")
    assert match.left_out == {"after the end of the video": 1}
    labels = read_labels(match.folder / "Labels-ball.json")
    assert [(e.position_ms, e.label, e.team, e.visible, e.extra["jersey"]) for e in labels] == [
        (200, "PASS", "left", True, "9"),
        (800, "BALL PLAYER BLOCK", "right", False, "4"),
        (2000, "SHOT", "left", True, "1"),
    ]
    assert read_splits(tmp_path / "out") == {"train": ("footpass/2023-2024/game_7",)}
    assert check_data(tmp_path / "out", full=True).problems == []
    assert "CC BY-NC 4.0" in (tmp_path / "out" / "LICENCE.txt").read_text()


def test_boxes_become_tracks_in_pixels_of_the_video(tmp_path):
    pytest.importorskip("h5py")
    source = write_footpass(tmp_path / "source")
    match = converted(source, tmp_path / "out")
    tracks = read_tracks(match.folder / "tracks.parquet", match.folder / "36p.mp4")
    assert check_data(tmp_path / "out").problems == []
    assert np.unique(tracks.time_ms).tolist() == [40 * n for n in (*range(40), *range(45, 75))]
    first = tracks.where(tracks.time_ms == 0)
    assert [KINDS[kind] for kind in first.kinds] == ["player", "goalkeeper"]
    assert first.track_ids.tolist() == [109, 201]
    # 1920×1080 to 64×36: one thirtieth; cut at the border of the image.
    assert first.boxes == pytest.approx(np.array([[10, 18, 12, 22], [63, 500 / 30, 64, 620 / 30]]))


def test_labels_of_the_tactical_data_are_taken_where_there_are_no_others(tmp_path):
    pytest.importorskip("h5py")
    source = write_footpass(tmp_path / "source", labels=False)
    match = converted(source, tmp_path / "out", NO_TRACKS)
    labels = read_labels(match.folder / "Labels-ball.json")
    assert [(event.position_ms, event.label, event.team) for event in labels] == [
        (200, "PASS", "left"),
        (2000, "SHOT", "left"),
    ]
    assert not (match.folder / "tracks.parquet").exists()
    (source / "train_tactical_data.h5").write_bytes(b"no HDF5")
    with pytest.raises(DataError, match="no HDF5 file, or cut off"):
        convert_data("footpass", source, tmp_path / "other")


def test_missing_and_damaged_files_are_named(tmp_path):
    source = write_footpass(tmp_path / "source", tactical=False)
    video, file = source / "videos_352x640_TRAIN" / "game_7.mp4", source / "playbyplay_train.json"
    content = json.loads(file.read_text())
    content["events"]["game_7_H1"][0][3] = 9
    file.write_text(json.dumps(content))
    with pytest.raises(LabelError, match="event 1: class 9 is not from 1 to 8"):
        converted(source, tmp_path / "out")
    file.write_text(json.dumps({"events": {"match 7": []}}))
    with pytest.raises(DataError, match="'match 7' is no half of a match"):
        converted(source, tmp_path / "out")
    file.write_text(json.dumps({"events": {"game_8_H1": []}}))
    with pytest.raises(DataError, match=r"no game_8\.mp4 in it"):
        converted(source, tmp_path / "out")
    file.unlink()
    with pytest.raises(DataError, match="no labels of FOOTPASS"):
        converted(source, tmp_path / "out")
    assert video.is_file() and not (tmp_path / "out").exists()


def test_archives_that_were_not_unpacked_are_named(tmp_path):
    source = write_footpass(tmp_path / "source", tactical=False)
    next(source.rglob("game_7.mp4")).rename(source / "videos_352x640_TRAIN.zip")
    with pytest.raises(
        DataError, match=r"no game_7\.mp4 in it: unpack .videos_352x640_TRAIN\.zip. first"
    ):
        converted(source, tmp_path / "out")
    with pytest.raises(DataError, match="is a file: unpack it if it is an archive, and name the"):
        converted(source / "videos_352x640_TRAIN.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()
