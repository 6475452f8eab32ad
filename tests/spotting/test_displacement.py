"""Displacement of scores to the frames that they point to, streamed or at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from onball.spotting.decoding import apply_displacement
from onball.spotting.engine import ScoredFrames

STEP_MS = 80


def scored(
    scores: np.ndarray, moves: np.ndarray | list[float], left: np.ndarray | None = None
) -> ScoredFrames:
    times = np.arange(len(scores), dtype=np.int64) * STEP_MS
    return ScoredFrames(scores, times, left, np.asarray(moves, np.float32))


def pulses(length: int, **at: float) -> np.ndarray:
    """Scores of the first action at frames `f3=0.5`, else zero."""
    scores = np.zeros((length, 12), np.float32)
    for frame, score in at.items():
        scores[int(frame[1:]), 0] = score
    return scores


def cut(whole: ScoredFrames, sizes: list[int]) -> Iterator[ScoredFrames]:
    start = 0
    while start < len(whole.pts_ms):
        for size in sizes:
            part = slice(start, start + size)
            fields = (None if field is None else field[part] for field in whole)
            yield ScoredFrames(*fields)
            start += size
            if start >= len(whole.pts_ms):
                return


def joined(parts: Iterator[ScoredFrames]) -> ScoredFrames:
    columns = zip(*parts, strict=True)
    return ScoredFrames(*(None if c[0] is None else np.concatenate(c) for c in columns))


def definition(whole: ScoredFrames, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Reference implementation that loops over frames and actions."""
    count = len(whole.pts_ms)
    scores, left = np.zeros((count, 12), np.float32), np.zeros((count, 12), np.float32)
    for frame in range(count):
        move = round(float(np.clip(whole.displacement[frame], -radius, radius)))
        target = min(max(frame + move, 0), count - 1)
        for action in range(12):
            if whole.probabilities[frame, action] > scores[target, action]:
                scores[target, action] = whole.probabilities[frame, action]
                if whole.left is not None:
                    left[target, action] = whole.left[frame, action]
    return scores, left


def random_video(length: int, seed: int = 0) -> ScoredFrames:
    rng = np.random.default_rng(seed)
    scores = rng.random((length, 12), np.float32)
    left = scores * rng.random((length, 12), np.float32)
    return scored(scores, 3 * rng.standard_normal(length), left)


@pytest.mark.parametrize("length", [1, 2, 5, 60])
@pytest.mark.parametrize("radius", [1, 4, 70])
@pytest.mark.parametrize("sizes", [[1000], [1], [3, 1, 11], [2, 40]])
def test_scores_move_as_defined_however_the_stream_is_cut(length, radius, sizes):
    whole = random_video(length, seed=length)
    moved = joined(apply_displacement(cut(whole, sizes), radius))
    scores, left = definition(whole, radius)
    assert np.array_equal(moved.pts_ms, whole.pts_ms), "every frame, once, in order"
    assert np.array_equal(moved.probabilities, scores)
    assert np.array_equal(moved.left, left)
    assert moved.displacement is None
    assert moved.probabilities.dtype == moved.left.dtype == np.float32


def test_blurred_scores_accumulate_on_their_common_frame():
    scores = pulses(9, f3=0.4, f4=0.5, f5=0.9, f6=0.3)
    moved = joined(apply_displacement([scored(scores, [0, 0, 0, 2, 1, -0.4, -1, 0, 0])], 4))
    # Frame 5 rounds to itself; 6 points back to it.
    assert moved.probabilities[:, 0].tolist() == pytest.approx([0, 0, 0, 0, 0, 0.9, 0, 0, 0])


def test_scores_that_point_beyond_an_end_go_to_the_first_or_last_frame():
    scores = pulses(6, f1=0.7, f4=0.6)
    moved = joined(apply_displacement([scored(scores, [0, -3, 0, 0, 3, 0])], 4))
    assert np.flatnonzero(moved.probabilities[:, 0]).tolist() == [0, 5]
    assert moved.probabilities[[0, 5], 0].tolist() == pytest.approx([0.7, 0.6])


def test_displacements_are_clipped_to_the_radius():
    moved = joined(apply_displacement([scored(pulses(20, f10=0.7), [100.0] * 20)], 4))
    assert np.flatnonzero(moved.probabilities[:, 0]).tolist() == [14]


def test_the_part_of_a_team_is_displaced_with_its_score():
    scores, left = pulses(5, f1=0.6, f3=0.8), np.zeros((5, 12), np.float32)
    left[1, 0], left[3, 0] = 0.6, 0.1
    moved = joined(apply_displacement([scored(scores, [0, 1, 0, -1, 0], left)], 2))
    assert moved.probabilities[2, 0] == pytest.approx(0.8)
    assert moved.left[2, 0] == pytest.approx(0.1)
    assert moved.left.sum() == pytest.approx(0.1)


def test_without_displacements_scores_are_unchanged():
    part = ScoredFrames(pulses(5, f1=0.5), np.arange(5, dtype=np.int64) * STEP_MS)
    assert list(apply_displacement([part], 4)) == [part]
    assert list(apply_displacement([], 4)) == []


def test_a_stream_is_delayed_by_the_radius_and_no_more():
    whole, radius = random_video(50), 4
    taken = 0

    def source() -> Iterator[ScoredFrames]:
        nonlocal taken
        for part in cut(whole, [1]):
            taken += 1
            yield part

    for part in apply_displacement(source(), radius):
        first = int(part.pts_ms[0]) // STEP_MS
        assert taken == min(50, first + 1 + radius)


def test_the_given_scores_are_not_modified():
    whole = random_video(30)
    before = [field.copy() for field in whole]
    list(apply_displacement(cut(whole, [7]), 4))
    assert all(np.array_equal(a, b) for a, b in zip(before, whole, strict=True))
