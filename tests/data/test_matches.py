"""Labelled matches: their frames from video or cache, and labels that fit their video."""

from __future__ import annotations

import io
import shutil

import av
import numpy as np
import pytest

from onball.actions import Action
from onball.config import DataConfig
from onball.data.frames import VideoFrames, cached_frames
from onball.data.matches import load_matches
from onball.errors import DataError, EmptySplitError, OnballWarning
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.video import read_frames

SIZE = (64, 36)


def video_of(data: DataConfig):
    return next(data.root.rglob("*.mp4"))


@pytest.fixture
def copied(data, tmp_path):
    """The same data in a root of its own, to be changed."""
    shutil.copytree(data.root, tmp_path / "copied")
    return data.model_copy(update={"root": tmp_path / "copied"})


def relabel(data: DataConfig, *events: Event) -> None:
    write_labels(EventList.of(events), next(data.root.rglob("Labels-ball.json")))


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
def test_a_match_has_its_name_its_frames_and_its_labels(data, cache):
    config = data if cache else data.model_copy(update={"cache": None})
    (match,) = load_matches(config, "train")
    assert match.name.endswith("match")
    assert len(match.frames.times_ms) == 50
    assert match.frames.read(10, 12).shape == (2, 36, 64, 3)
    assert [(event.position_ms, event.label) for event in match.labels] == [(2000, Action.SHOT)]
    assert tuple(match.events) == match.labels.events


def test_filling_the_cache_tells_how_far_it_is(data):
    told = []
    load_matches(data, "train", lambda match, ms: told.append((match.name, ms)))
    assert told[-1] == (load_matches(data, "train")[0].name, 49 * 80)
    told.clear()
    load_matches(data, "train", lambda match, ms: told.append((match.name, ms)))
    assert not told, "a filled cache is not filled again"


@pytest.mark.parametrize("cache", [True, False])
def test_a_label_beyond_the_end_of_the_video_is_an_error(copied, cache):
    config = copied if cache else copied.model_copy(update={"cache": None})
    relabel(config, Event(2000, Action.SHOT), Event(90_500, Action.GOAL), Event(99_000, Action.OUT))
    with pytest.raises(DataError) as caught:
        load_matches(config, "train")
    message = str(caught.value)
    assert "\n" not in message
    assert "Labels-ball.json: 2 of 3 labels lie beyond the video's end at 3.92 s" in message
    assert "first GOAL at 90.5 s" in message
    assert "data.skip_labels_outside=true" in message


def test_labels_beyond_the_end_can_be_left_out_with_a_warning(copied):
    config = copied.model_copy(update={"skip_labels_outside": True})
    relabel(config, Event(2000, Action.SHOT), Event(90_500, Action.GOAL))
    with pytest.warns(OnballWarning, match=r"1 of 2 labels .* GOAL at 90\.5 s: left out") as told:
        (match,) = load_matches(config, "train")
    assert [event.label for event in match.labels] == [Action.SHOT]
    assert len(told) == 1 and "\n" not in str(told[0].message)


def test_a_label_within_a_second_after_the_last_frame_is_kept(copied):
    relabel(copied, Event(3920 + 1000, Action.SHOT))
    (match,) = load_matches(copied, "train")
    assert len(match.labels) == 1
    relabel(copied, Event(3920 + 1001, Action.SHOT))
    with pytest.raises(DataError, match="beyond the video's end"):
        load_matches(copied, "train")


def test_data_that_cannot_be_loaded_is_told(copied):
    with pytest.raises(DataError, match=r"data\.root is not set"):
        load_matches(DataConfig(), "train")
    with pytest.raises(EmptySplitError):
        load_matches(copied, "valid")
    video_of(copied).unlink()
    with pytest.raises(DataError, match="no video"):
        load_matches(copied, "train")
