"""Conversion of SoccerNet-GAR: labels, classes, positions as a view from above, and errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from data_set_samples import GAR_FPS, write_sn_gar

from onball.data.check import check_data
from onball.data.classes import read_classes
from onball.data.convert import ConvertSettings, convert_data
from onball.data.convert.sn_gar import CLASSES
from onball.data.layout import find_matches, read_splits
from onball.errors import DataError, InputError
from onball.formats.soccernet import read_labels
from onball.formats.tracks_parquet import read_tracks
from onball.tracks import BALL, KINDS


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sn_gar(tmp_path_factory.mktemp("sn-gar"))


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "data"
    for match in convert_data("sn-gar", source, out):
        assert (match.outcome, match.events) == ("converted", 2)
        assert match.left_out == {
            "after the end of the video": 1,
            "the same action twice within a frame": 1,
        }
    return out


def test_labels_keep_their_time_and_team_and_the_data_set_passes_the_check(converted):
    assert check_data(converted, full=True, fps=GAR_FPS).problems == []
    assert read_splits(converted) == {"train": ("sn-gar/2022/3812",), "test": ("sn-gar/2022/3850",)}
    classes = read_classes(converted)
    assert classes is not None and classes.names == CLASSES
    (match,) = find_matches(converted, "test")
    labels = read_labels(match.require_labels())
    assert [(event.position_ms, event.label, event.team) for event in labels] == [
        (100, "PASS", "unknown"),
        (700, "THROW IN", "unknown"),
    ]
    assert [event.extra["team"] for event in labels] == ["home", "away"]


def test_the_video_takes_no_space_of_its_own(converted, source):
    made = converted / "sn-gar/2022/3812/224p.mp4"
    given = source / "SNGAR-Action-Spotting-Video/train/videos/3812.mp4"
    assert made.samefile(given)


def test_positions_become_a_view_from_above(converted):
    folder = converted / "sn-gar/2022/3812"
    tracks = read_tracks(folder / "tracks_pitch.parquet", folder / "224p.mp4")
    assert tracks.video.cuts_ms == (1836,)  # after the gap
    first = tracks.where(tracks.time_ms == 0)
    assert first.track_ids.tolist() == [101, 109, 309]
    assert [KINDS[kind] for kind in first.kinds] == ["goalkeeper", "player", "player"]
    assert first.scores.tolist() == [1.0, 1.0, 0.5]
    x, y = (first.boxes[:, :2] + first.boxes[:, 2:]).T / 2
    # 114 × 76 m in 96 × 54 pixels, seen with the positive side of the pitch above.
    assert x == pytest.approx([7 / 114 * 96, 47 / 114 * 96, 67 / 114 * 96], abs=0.01)
    assert y == pytest.approx([27, 18 / 76 * 54, 58 / 76 * 54], abs=0.01)
    balls = tracks.where(tracks.kinds == BALL)
    assert np.unique(balls.time_ms).size == 4
    assert balls.boxes[0] == pytest.approx([47.58, 26.64, 48.42, 27.36], abs=0.01)


def test_the_part_with_videos_is_enough_and_needed(tmp_path, source):
    part = source / "SNGAR-Action-Spotting-Video"
    for match in convert_data("sn-gar", part, tmp_path / "out", matches=["3850"]):
        assert sorted(path.name for path in match.folder.iterdir()) == [
            ".onball.json",
            "224p.mp4",
            "Labels-ball.json",
        ]
    tracking = source / "SNGAR-Action-Spotting-Tracking"
    with pytest.raises(DataError, match=r"no video of match 3812 .*SNGAR-Action-Spotting-Video"):
        convert_data("sn-gar", tracking, tmp_path / "out")


def test_other_files_are_refused_in_one_line(tmp_path, source):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file in it"):
        convert_data("sn-gar", tmp_path / "empty", out)
    with pytest.raises(DataError, match="no such folder"):
        convert_data("sn-gar", tmp_path / "missing", out)
    with pytest.raises(DataError, match="no annotations of SoccerNet-GAR"):
        convert_data("sn-gar", Path(__file__).parent, out)
    clips = tmp_path / "clips"
    clips.mkdir()
    content = {"version": "2.0", "task": "action_classification", "data": []}
    (clips / "annotations_train.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="not of SoccerNet-GAR action spotting"):
        convert_data("sn-gar", clips, out)
    assert not out.exists()
    # Matches with other classes must not come into one data set.
    out.mkdir()
    (out / "classes.txt").write_text("corner\n")
    with pytest.raises(InputError, match="lists other classes"):
        convert_data("sn-gar", source, out)


def test_damaged_positions_fail_their_match_only(tmp_path):
    source = write_sn_gar(tmp_path / "source")
    table = source / "SNGAR-Action-Spotting-Tracking/train/videos/3812.parquet"
    table.write_bytes(table.read_bytes()[:300])
    first, second = convert_data("sn-gar", source, tmp_path / "out")
    assert (first.outcome, second.outcome) == ("failed", "converted")
    assert f"{table}: no Parquet file, or cut off" in str(first.error)
    assert read_splits(tmp_path / "out") == {"test": ("sn-gar/2022/3850",)}
    settings = ConvertSettings(tracks=False)
    (again,) = convert_data("sn-gar", source, tmp_path / "out", matches=["3812"], settings=settings)
    assert again.outcome == "converted"
