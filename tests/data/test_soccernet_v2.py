"""Matches of SoccerNet-v2: folders, videos and labels of each half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from soccernet_v2_labels import ANNOTATIONS, annotation, write_labels

from onball.config import DataConfig
from onball.config.schema import AuxiliaryDataConfig
from onball.data.clips import ClipDataset
from onball.data.joint import find_halves, load_halves
from onball.data.matches import LabelledFrames
from onball.errors import DataError, OnballWarning
from onball.video import VideoWriter

MATCH = "england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"


pytestmark = pytest.mark.usefixtures("one_thread")


def write_video(path: Path, grey: int) -> None:
    with VideoWriter(path, (64, 36), 25, crf=0) as writer:
        for _ in range(75):
            writer.write(np.full((36, 64, 3), grey, np.uint8))


def write_match(folder: Path, annotations: object = ANNOTATIONS) -> Path:
    write_labels(folder, annotations)
    for half in (1, 2):
        write_video(folder / f"{half}_224p.mkv", 80 * half)
    return folder


def touch_match(folder: Path) -> Path:
    """A match with empty videos that are found but not decoded."""
    write_labels(folder, ANNOTATIONS)
    for half in (1, 2):
        (folder / f"{half}_224p.mkv").touch()
    return folder


def data_of(root: Path | None, **settings: object) -> DataConfig:
    auxiliary = AuxiliaryDataConfig(root=root)
    return DataConfig(auxiliary=auxiliary, width=64, height=36, clip_frames=10, **settings)


def load(data: DataConfig) -> list[LabelledFrames]:
    return load_halves(find_halves(data), data)


def names(root: Path) -> list[str]:
    return [half.name for half in find_halves(data_of(root))]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("soccernet-v2")
    write_match(root / MATCH)
    return root


@pytest.mark.parametrize("cached", [False, True], ids=["from the video", "from the cache"])
def test_each_half_has_its_own_frames_and_labels(root, tmp_path, cached):
    data = data_of(root, cache=tmp_path / "cache" if cached else None)
    first, second = load(data)
    assert [first.name, second.name] == [f"{MATCH} half 1", f"{MATCH} half 2"]
    assert [event.position_ms for event in first.events] == [400, 2400]
    assert [event.position_ms for event in second.events] == [1200]
    for half, grey in ((first, 80), (second, 160)):
        assert half.frames.times_ms[:3].tolist() == [0, 80, 160]  # at the main data set's 12.5 fps
        frames = half.frames.read(0, 5)
        assert frames.shape == (5, 36, 64, 3)
        assert np.abs(frames.astype(int) - grey).max() <= 3


def test_clips_of_the_halves_carry_the_classes_of_the_17_actions(root):
    clips = ClipDataset(load(data_of(root)), 38, radius=0, action_share=0.0, seed=0, source=1)
    seen = {int(c) for index in range(8) for c in clips[0, index].classes.unique()}
    assert {0, 2, 9, 17} <= seen
    assert int(clips[0, 0].source) == 1
    assert clips.names == [f"{MATCH} half 1", f"{MATCH} half 2"]


def test_progress_names_the_half_that_is_decoded(root, tmp_path):
    data = data_of(root, cache=tmp_path)
    reports = []
    load_halves(find_halves(data), data, reports.append)
    assert {report.task for report in reports} == {f"{MATCH} half 1", f"{MATCH} half 2"}
    assert max(report.done for report in reports) > 2000


def test_without_splits_all_matches_are_used(tmp_path):
    for name in ("spain/2015/B", "england/2014/A"):
        touch_match(tmp_path / name)
    assert names(tmp_path)[::2] == ["england/2014/A half 1", "spain/2015/B half 1"]


def test_a_train_folder_or_a_list_selects_the_training_matches(tmp_path):
    touch_match(tmp_path / "train" / "l" / "s" / "A")
    touch_match(tmp_path / "train" / "l" / "s" / "B")
    touch_match(tmp_path / "test" / "l" / "s" / "C")
    assert names(tmp_path)[::2] == ["l/s/A half 1", "l/s/B half 1"]
    (tmp_path / "splits.json").write_text('{"train": ["l/s/C"], "test": ["l/s/A"]}')
    assert names(tmp_path) == ["l/s/C half 1", "l/s/C half 2"]


def test_the_smaller_video_is_preferred_to_the_larger_one(tmp_path):
    folder = touch_match(tmp_path / "l" / "s" / "A")
    (folder / "1_720p.mkv").touch()
    (folder / "2_224p.mkv").rename(folder / "2_720p.mkv")
    videos = [half.video.name for half in find_halves(data_of(tmp_path))]
    assert videos == ["1_224p.mkv", "2_720p.mkv"]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (["2_224p.mkv"], r"l.s.A: no video of half 2 in it: add 2_224p\.mkv"),
        (["1_224p.mkv", "2_224p.mkv"], r"l.s.A: no video of half 1 in it: add 1_224p\.mkv"),
        (["Labels-v2.json"], r"l.s.A: no Labels-v2\.json in it"),
    ],
)
def test_an_incomplete_match_is_an_error(tmp_path, missing, message):
    folder = touch_match(tmp_path / "l" / "s" / "A")
    for name in missing:
        (folder / name).unlink()
    with pytest.raises(DataError, match=message):
        find_halves(data_of(tmp_path))


def test_a_missing_root_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"--set data\.auxiliary\.root=FOLDER"):
        find_halves(data_of(None))
    with pytest.raises(DataError, match=r"^data\.auxiliary\.root: .*gone: no such folder"):
        find_halves(data_of(tmp_path / "gone"))
    with pytest.raises(DataError, match="no match in it"):
        find_halves(data_of(tmp_path))


def test_labels_beyond_the_end_of_a_half_are_an_error_or_dropped(tmp_path):
    late = annotation("2 - 45:00", "Corner", "2700000")
    write_match(tmp_path / "l" / "s" / "A", [*ANNOTATIONS, late])
    message = (
        r"Labels-v2\.json, 2_224p\.mkv: 1 of 2 labels lie beyond the video's end at [\d.]+ s, "
        r"first Corner at 2700 s"
    )
    with pytest.raises(DataError, match=message):
        load(data_of(tmp_path))
    with pytest.warns(OnballWarning, match=message):
        halves = load(data_of(tmp_path, skip_labels_outside=True))
    assert [len(half.events) for half in halves] == [2, 1]
