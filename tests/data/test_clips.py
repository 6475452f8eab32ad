"""Clips and the frame cache, on real small videos."""

from __future__ import annotations

import io
import shutil
import sys

import av
import numpy as np
import pytest
import torch

from onball.actions import Action
from onball.classes import IGNORE, class_of
from onball.config import DataConfig
from onball.data.cache import cache_folder, cached_frames
from onball.data.clips import ClipDataset, EpochSampler, VideoFrames, load_matches
from onball.errors import DataError, OnballError
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.video import VideoWriter, read_frames

SIZE = (64, 36)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """One match of 4 s at 25 fps whose pictures grow brighter with time, an event at 2 s."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "train" / "league" / "season" / "match"
    with VideoWriter(folder / "224p.mp4", SIZE, 25, crf=0, gop=10) as writer:
        for index in range(100):
            writer.write(np.full((36, 64, 3), 2 * index + 20, np.uint8))
    events = EventList.of([Event(2000, Action.SHOT)], "league/season/match")
    write_labels(events, folder / "Labels-ball.json")
    return root


@pytest.fixture
def data(root, tmp_path):
    return DataConfig(
        root=root, width=64, height=36, clip_frames=10, cache=tmp_path / "cache", fps=12.5
    )


def video_of(data: DataConfig):
    return next(data.root.rglob("*.mp4"))


def clip_dataset(data: DataConfig, **settings) -> ClipDataset:
    matches = load_matches(data, "train")
    return ClipDataset(
        matches, data, **{"action_share": 0.5, "label_dilation": 0, "seed": 0} | settings
    )


def test_the_cache_holds_what_the_reader_gives(data):
    decoded = []
    cached = cached_frames(video_of(data), data, decoded.append)
    batches = list(read_frames(video_of(data), data.fps, data.size))
    assert np.array_equal(cached.read(0, 50), np.concatenate([b.frames for b in batches]))
    assert np.array_equal(cached.times_ms, np.concatenate([b.pts_ms for b in batches]))
    assert decoded[-1] == cached.times_ms[-1]


def test_a_filled_cache_is_used_again_even_without_the_video_library(data, monkeypatch):
    first = cached_frames(video_of(data), data).read(3, 7)
    monkeypatch.setitem(sys.modules, "onball.video", None)
    assert np.array_equal(cached_frames(video_of(data), data).read(3, 7), first)


def test_a_cache_hangs_on_the_content_and_the_sampling_not_on_the_place(data, tmp_path):
    video = video_of(data)
    here = cache_folder(video, data)
    copy = tmp_path / video.parent.name / video.name
    copy.parent.mkdir()
    shutil.copyfile(video, copy)
    assert cache_folder(copy, data) == here
    assert cache_folder(video, data.model_copy(update={"fps": 25.0})) != here
    assert cache_folder(video, data.model_copy(update={"width": 62})) != here
    copy.write_bytes(video.read_bytes()[:-1] + b"x")
    assert cache_folder(copy, data) != here


def test_an_interrupted_build_leaves_no_cache(data):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_frames(video_of(data), data, interrupt)
    assert list(data.cache.iterdir()) == []


def test_a_damaged_cache_names_the_folder_to_delete(data):
    folder = cache_folder(video_of(data), data)
    cached_frames(video_of(data), data)
    (folder / "frames.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"damaged frame cache.*delete the folder"):
        cached_frames(video_of(data), data)


def test_a_cache_that_cannot_be_written_is_told_in_one_line(data, tmp_path):
    (tmp_path / "file").write_text("")
    blocked = data.model_copy(update={"cache": tmp_path / "file" / "cache"})
    with pytest.raises(OnballError, match=r"set data\.cache to another folder"):
        cached_frames(video_of(data), blocked)


def test_video_and_cache_give_the_same_frames(data):
    direct, cached = VideoFrames(video_of(data), data), cached_frames(video_of(data), data)
    assert np.array_equal(direct.times_ms, cached.times_ms)
    for start, stop in ((0, 10), (17, 30), (40, 50)):
        assert np.array_equal(direct.read(start, stop), cached.read(start, stop))


@pytest.mark.parametrize("fps", [7.0, 12.5, 25.0, 29.97])
def test_a_video_is_sampled_at_the_readers_moments(data, fps):
    read = [batch.pts_ms for batch in read_frames(video_of(data), fps, SIZE)]
    video = VideoFrames(video_of(data), data.model_copy(update={"fps": fps}))
    assert video.times_ms.tolist() == np.concatenate(read).tolist()


def test_a_film_that_does_not_say_its_length_needs_the_cache(data, tmp_path):
    class Pipe(io.BytesIO):
        seek = None  # nobody can go back and write the length into the header

    stream = Pipe()
    with av.open(stream, "w", format="matroska") as container:
        track = container.add_stream("libx264", rate=25, width=64, height=36)
        for _ in range(5):
            picture = av.VideoFrame.from_ndarray(np.zeros((36, 64, 3), np.uint8), "rgb24")
            container.mux(track.encode(picture))
        container.mux(track.encode())
    film = tmp_path / "live.mkv"
    film.write_bytes(stream.getvalue())
    with pytest.raises(DataError, match=r"live\.mkv: its header says no length; set data\.cache"):
        VideoFrames(film, data)
    assert len(cached_frames(film, data).times_ms) == 3


@pytest.mark.parametrize("cache", [True, False])
def test_a_clip_and_its_targets_belong_together(data, cache):
    clips = clip_dataset(data if cache else data.model_copy(update={"cache": None}))
    hits = 0
    for index in range(30 if cache else 6):
        frames, targets = clips[(0, index)]
        assert (frames.dtype, tuple(frames.shape)) == (torch.uint8, (10, 3, 36, 64))
        # Frame k of the grid is frame 2k of the film, painted 4k + 20 (encoding may take two
        # levels off or add one); the event is at k = 25.
        index_of = ((frames.float().mean(dim=(1, 2, 3)) - 19.5) / 4).round().int().tolist()
        assert np.diff(index_of).tolist() == [1] * 9
        expected = [class_of(Action.SHOT) if k == 25 else 0 for k in index_of]
        assert targets.tolist() == expected
        hits += 25 in index_of
    assert hits >= 1


def test_a_clip_longer_than_the_video_is_padded_and_not_scored(data):
    longer = data.model_copy(update={"clip_frames": 60})
    frames, targets = clip_dataset(longer)[(0, 0)]
    assert targets[50:].tolist() == [IGNORE] * 10
    assert (targets[:50] != IGNORE).all()
    assert torch.equal(frames[50:], frames[49:50].expand(10, -1, -1, -1))


def test_the_sampler_carries_the_epoch_and_resumes_amid_one():
    sampler = EpochSampler(4, epoch=2, skip=3)
    sampler.set_epoch(2)
    assert list(sampler) == [(2, 3)]
    sampler.set_epoch(3)
    assert list(sampler) == [(3, 0), (3, 1), (3, 2), (3, 3)]
    assert len(sampler) == 4


def test_data_that_cannot_be_trained_on_is_told(data, tmp_path):
    with pytest.raises(DataError, match=r"data\.root is not set"):
        load_matches(DataConfig(), "train")
    match = video_of(data).parent
    bare = tmp_path / "bare" / "train" / "l" / "s" / "m"
    shutil.copytree(match, bare)
    write_labels(EventList.of([]), bare / "Labels-ball.json")
    with pytest.raises(DataError, match="no action is labelled"):
        clip_dataset(data.model_copy(update={"root": tmp_path / "bare"}))
    (bare / "224p.mp4").unlink()
    with pytest.raises(DataError, match="no video"):
        load_matches(data.model_copy(update={"root": tmp_path / "bare"}), "train")
