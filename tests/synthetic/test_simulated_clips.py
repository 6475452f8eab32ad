"""Clips that are simulated while a net trains."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from onball.actions import Action
from onball.classes import class_of
from onball.config import DataConfig
from onball.data.targets import frame_targets
from onball.errors import DataError
from onball.events import Event, EventList
from onball.synthetic.clips import SimulatedClips
from onball.synthetic.film import Film, MatchPlan

DATA = DataConfig(width=64, height=36, fps=12.5, clip_frames=20)


class NumberFilm:
    """A film that tells in its pixels which match and which frame it shows; a PASS each second."""

    def __init__(self, seed: int, events: bool) -> None:
        self._seed = seed
        passes = [Event(1000 * i, Action.PASS) for i in range(1, 30 if events else 1)]
        self.motion: Any = SimpleNamespace(events=EventList.of(passes))

    def frame(self, time_ms: int) -> np.ndarray:
        picture = np.zeros((36, 64, 3), np.uint8)
        picture[0, 0] = self._seed % 251, time_ms // 80 // 256, time_ms // 80 % 256
        return picture


class NumberClips(SimulatedClips):
    """Clips from `NumberFilm`s instead of painted ones; some matches may have no action."""

    eventless: tuple[int, ...] = ()

    def _film(self, seed: int) -> NumberFilm:
        return NumberFilm(seed, seed % 1_000_000 not in self.eventless)


def number_clips(**settings: Any) -> NumberClips:
    return NumberClips(DATA, **({"clips_per_match": 2, "match_minutes": 0.5} | settings))


def where(clip: torch.Tensor) -> tuple[int, list[int]]:
    """The match (its seed modulo 251) and the numbers of the frames of a clip `[T, 3, H, W]`."""
    red, green, blue = clip[:, :, 0, 0].T.to(torch.int64)
    assert len(set(red.tolist())) == 1, "a clip is from one match"
    return int(red[0]), (green * 256 + blue).tolist()


def test_an_item_is_as_from_a_clip_dataset():
    frames, targets = next(iter(number_clips()))
    assert frames.dtype == torch.uint8 and frames.shape == (20, 3, 36, 64)
    assert targets.dtype == torch.int64 and targets.shape == (20,)


def test_frames_are_consecutive_and_targets_are_theirs():
    for dilation in (0, 2):
        for frames, targets in islice(number_clips(label_dilation=dilation), 20):
            numbers = where(frames)[1]
            assert numbers == list(range(numbers[0], numbers[0] + 20))
            events = NumberFilm(0, True).motion.events
            expected = frame_targets(events, np.arange(375) * 80, dilation=dilation)
            assert targets.tolist() == expected[numbers].tolist()
            assert class_of(Action.PASS) in targets.tolist()


def test_the_same_seed_gives_the_same_clips_and_another_seed_others():
    def first(**settings: Any) -> list[tuple[int, list[int]]]:
        return [where(frames) for frames, _ in islice(number_clips(**settings), 8)]

    assert first() == first()
    assert first() != first(seed=1)
    # Two clips from each of four matches.
    matches = [match for match, _ in first()]
    assert matches[0::2] == matches[1::2] and len(set(matches)) == 4


def test_a_run_can_go_on_where_it_stopped():
    later = [where(frames) for frames, _ in islice(number_clips(first_match=3), 4)]
    assert later == [where(frames) for frames, _ in islice(number_clips(), 6, 10)]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_play_different_matches_and_always_the_same_ones(workers):
    def clips() -> list[tuple[int, list[int]]]:
        loader = DataLoader(number_clips(), batch_size=None, num_workers=workers)
        return [where(frames) for frames, _ in islice(loader, 12)]

    found = clips()
    assert found == clips()
    alone = [where(frames) for frames, _ in islice(number_clips(), 12)]
    assert sorted(found) == sorted(alone), "the matches are those of one process, shared out"
    assert len(set(map(str, found))) == 12


def test_batches_come_from_a_data_loader():
    loader = DataLoader(number_clips(), batch_size=3, num_workers=2)
    frames, targets = next(iter(loader))
    assert frames.shape == (3, 20, 3, 36, 64) and targets.shape == (3, 20)


def test_workers_start_also_after_opencv_has_worked_in_this_process():
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        cv2.GaussianBlur(np.zeros((2000, 2000), np.uint8), (15, 15), 3)  # its threads start
        loader = DataLoader(number_clips(), batch_size=None, num_workers=2, timeout=60)
        assert len(list(islice(loader, 4))) == 4
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(before)


def test_matches_without_an_action_are_passed_over():
    clips = number_clips()
    clips.eventless = (0, 2)
    matches = [where(frames)[0] for frames, _ in islice(clips, 4)]
    plain = [where(frames)[0] for frames, _ in islice(number_clips(), 8)]
    assert matches == plain[2:4] + plain[6:8]


def test_matches_that_are_too_short_for_an_action_are_an_error_and_no_endless_search():
    clips = number_clips()
    clips.eventless = tuple(range(1000))
    with pytest.raises(DataError, match="match_minutes"):
        next(iter(clips))


@pytest.mark.parametrize(
    "settings",
    [{"seed": -1}, {"clips_per_match": 0}, {"label_dilation": -1}, {"match_minutes": 0.02}],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=r"0 or more|shorter than a clip"):
        number_clips(**settings)


def test_no_match_is_one_that_a_data_set_may_hold():
    from onball.synthetic.datasets import plan_dataset

    seeds: list[int] = []

    class Recorded(NumberClips):
        def _film(self, seed: int) -> NumberFilm:
            seeds.append(seed)
            return super()._film(seed)

    list(islice(Recorded(DATA, clips_per_match=1, match_minutes=0.5), 3))
    assert len(set(seeds)) == 3
    plan = MatchPlan(seed=0, duration_ms=1000)
    highest = plan_dataset(1000, {"train": 1000, "valid": 1000, "test": 1000}, plan)
    on_disk = {match.seed for matches in highest.values() for match in matches.values()}
    assert min(seeds) > max(on_disk)


def test_painted_clips_show_the_film_at_the_time_of_their_targets():
    clips = SimulatedClips(DATA, clips_per_match=2, match_minutes=0.5, label_dilation=0)
    items = list(islice(clips, 2))
    film = Film(MatchPlan(seed=1_000_000_000, duration_ms=30_000, width=64, height=36, fps=12.5))
    times = [round(k * 80) for k in range(375)]
    pictures = np.stack([film.frame(time) for time in times])
    expected = frame_targets(film.motion.events, np.array(times))
    for frames, targets in items:
        shown = frames.permute(0, 2, 3, 1).numpy()
        starts = [k for k in range(356) if np.array_equal(pictures[k : k + 20], shown)]
        assert len(starts) == 1
        assert targets.tolist() == expected[starts[0] : starts[0] + 20].tolist()


def test_painted_clips_are_the_same_each_time_also_from_workers():
    def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
        clips = SimulatedClips(DATA, clips_per_match=1, match_minutes=0.3)
        return list(islice(DataLoader(clips, num_workers=2, timeout=300), 4))

    for (frames, targets), (again, targets_again) in zip(batches(), batches(), strict=True):
        assert torch.equal(frames, again) and torch.equal(targets, targets_again)
