"""Labelled matches: their frames from video or cache, and labels that fit their video."""

from __future__ import annotations

import shutil

import pytest

from onball.actions import Action
from onball.config import DataConfig
from onball.data.matches import load_matches
from onball.errors import DataError, EmptySplitError, OnballWarning
from onball.events import Event, EventList, Team
from onball.formats.soccernet import write_labels
from onball.progress import Progress

SIZE = (64, 36)


def video_of(data: DataConfig):
    return next(data.root.rglob("*.mp4"))


@pytest.fixture
def copied(data, tmp_path):
    """A copy of the data set that may be modified."""
    shutil.copytree(data.root, tmp_path / "copied")
    return data.model_copy(update={"root": tmp_path / "copied"})


def relabel(data: DataConfig, *events: Event) -> None:
    write_labels(EventList.of(events), next(data.root.rglob("Labels-ball.json")))


@pytest.mark.parametrize("cache", [True, False])
def test_a_match_has_its_name_its_frames_and_its_labels(data, cache):
    config = data if cache else data.model_copy(update={"cache": None})
    (match,) = load_matches(config, "train")
    assert match.name.endswith("match")
    assert len(match.frames.times_ms) == 50
    assert match.frames.read(10, 12).shape == (2, 36, 64, 3)
    assert [(event.position_ms, event.label) for event in match.labels] == [(2000, Action.SHOT)]
    assert match.events == [(2000, 1 + Action.SHOT.order, Team.UNKNOWN)]


def test_filling_the_cache_reports_progress(data):
    reports = []
    load_matches(data, "train", progress=reports.append)
    name = load_matches(data, "train")[0].name
    assert reports[-1] == Progress(name, 49 * 80, None, "ms")
    reports.clear()
    load_matches(data, "train", progress=reports.append)
    assert not reports, "a filled cache is not filled again"


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


def test_labels_beyond_the_end_can_be_dropped_with_a_warning(copied):
    config = copied.model_copy(update={"skip_labels_outside": True})
    relabel(config, Event(2000, Action.SHOT), Event(90_500, Action.GOAL))
    with pytest.warns(OnballWarning, match=r"1 of 2 labels .* GOAL at 90\.5 s: left out") as caught:
        (match,) = load_matches(config, "train")
    assert [event.label for event in match.labels] == [Action.SHOT]
    assert len(caught) == 1 and "\n" not in str(caught[0].message)


def test_a_label_within_a_second_after_the_last_frame_is_kept(copied):
    relabel(copied, Event(3920 + 1000, Action.SHOT))
    (match,) = load_matches(copied, "train")
    assert len(match.labels) == 1
    relabel(copied, Event(3920 + 1001, Action.SHOT))
    with pytest.raises(DataError, match="beyond the video's end"):
        load_matches(copied, "train")


def test_data_that_cannot_be_loaded_is_an_error(copied):
    with pytest.raises(DataError, match=r"data\.root is not set"):
        load_matches(DataConfig(), "train")
    with pytest.raises(EmptySplitError):
        load_matches(copied, "valid")
    video_of(copied).unlink()
    with pytest.raises(DataError, match="no video"):
        load_matches(copied, "train")


@pytest.mark.parametrize(
    ("video", "halves", "what"),
    [
        ("224p.mp4", [(1, 2000), (2, 1000)], "several halves"),
        ("1_224p.mp4", [(1, 1000), (2, 2000)], "several halves"),
        ("1_224p.mp4", [(2, 2000)], "another half"),
    ],
)
def test_labels_of_two_halves_are_not_used_for_one_video(copied, video, halves, what):
    events = [Event(time, Action.PASS, half=half) for half, time in halves]
    relabel(copied, *events)
    folder = video_of(copied).parent
    video_of(copied).rename(folder / video)
    with pytest.raises(DataError, match=f"Labels-ball.json: its labels are of {what}, and {video}"):
        load_matches(copied, "train")


@pytest.mark.parametrize("video", ["224p.mp4", "2_224p.mp4"])
def test_labels_of_the_half_of_their_video_are_used(copied, video):
    relabel(copied, *(Event(time, Action.PASS, half=2) for time in (1000, 2000)))
    video_of(copied).rename(video_of(copied).with_name(video))
    (match,) = load_matches(copied, "train")
    assert [event.position_ms for event in match.events] == [1000, 2000]
