"""Dense scores → events: displaced, local maxima, then non-maximum suppression, at once or as scores come in.

An event stands if no event of the same action with a higher score stands within the window before or
after it (greedy suppression in the order of scores, as in object detection, here in one dimension). The
rule is symmetric in time and needs no look back, so a stream gives the same events as a whole match.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS
from onball.config import InferenceConfig
from onball.events import Event, Team
from onball.inference.displacement import displaced
from onball.inference.engine import ScoredFrames


def find_peaks(
    probabilities: NDArray[np.floating],
    pts_ms: NDArray[np.integer],
    *,
    nms_window_ms: int,
    threshold: float,
    left: NDArray[np.floating] | None = None,
) -> list[Event]:
    """The events in the dense scores of one video, in order of time.

    Args:
        probabilities: `[T, 12]`, 0 to 1, in the order of `ACTIONS` (no background).
        pts_ms: `[T]`, strictly increasing.
        nms_window_ms: two events of one action are at least this far apart.
        threshold: lowest score of an event.
        left: `[T, 12]`, the part of the probabilities that is the left team's; None if unknown.
    """
    finder = PeakFinder(nms_window_ms=nms_window_ms, threshold=threshold)
    return finder.push(probabilities, pts_ms, left) + finder.finish()


@dataclass
class _Candidates:
    """Local maxima of one action that are not decided yet, in order of time."""

    times: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)

    def only(self, indices: list[int]) -> _Candidates:
        """The candidates of those indices."""
        return _Candidates(
            [self.times[i] for i in indices],
            [self.scores[i] for i in indices],
            [self.teams[i] for i in indices],
        )


class PeakFinder:
    """Takes dense scores piece by piece and gives each event as soon as it is certain."""

    def __init__(self, *, nms_window_ms: int, threshold: float) -> None:
        self._window = nms_window_ms
        self._threshold = threshold
        self._open = [_Candidates() for _ in ACTIONS]
        self._decided: list[Event] = []
        # The last two frames: a maximum is known only when its right neighbour is.
        self._tail_scores = np.full((1, len(ACTIONS)), -np.inf)
        self._tail_left = np.full((1, len(ACTIONS)), np.nan)
        self._tail_times = np.zeros(1, np.int64)

    def push(
        self,
        probabilities: NDArray[np.floating],
        pts_ms: NDArray[np.integer],
        left: NDArray[np.floating] | None = None,
    ) -> list[Event]:
        """Takes the scores `[t, 12]` of the next frames at `pts_ms` `[t]`; returns what is certain now.

        Over all calls the events come in order of time. `left` `[t, 12]` is the part of the scores
        that is the left team's; an event is the team's with the larger part.
        """
        if not len(pts_ms):
            return []
        if left is None:
            left = np.full(probabilities.shape, np.nan)
        lefts = np.concatenate([self._tail_left, left])
        scores = np.concatenate([self._tail_scores, probabilities.astype(np.float64)])
        times = np.concatenate([self._tail_times, pts_ms.astype(np.int64)])
        self._collect(scores, times, lefts)
        self._tail_scores, self._tail_times = scores[-2:], times[-2:]
        self._tail_left = lefts[-2:]
        return self._decide(horizon=int(times[-1]) - 1)

    def finish(self) -> list[Event]:
        """The rest of the events, after the last frame."""
        end = np.full((1, len(ACTIONS)), -np.inf)
        self._collect(
            np.concatenate([self._tail_scores, end]),
            np.append(self._tail_times, 2**62),
            np.concatenate([self._tail_left, end]),
        )
        return self._decide(horizon=None)

    def _collect(
        self, scores: NDArray[np.float64], times: NDArray[np.int64], lefts: NDArray[np.float64]
    ) -> None:
        """Local maxima among all frames but the first and the last; of a plateau its first frame."""
        middle = scores[1:-1]
        peak = (middle > scores[:-2]) & (middle >= scores[2:]) & (middle >= self._threshold)
        # Rows of a transposed mask come action by action, each in order of time.
        for action, row in zip(*np.nonzero(peak.T), strict=True):
            self._open[action].times.append(int(times[row + 1]))
            score = float(middle[row, action])
            self._open[action].scores.append(score)
            self._open[action].teams.append(_team(float(lefts[row + 1, action]), score))

    def _decide(self, horizon: int | None) -> list[Event]:
        undecided_from: list[int] = []
        for index, candidates in enumerate(self._open):
            kept, unknown = _suppress(candidates, self._window, horizon)
            self._decided += [
                Event(
                    candidates.times[i],
                    ACTIONS[index],
                    min(candidates.scores[i], 1.0),
                    candidates.teams[i],
                )
                for i in kept
            ]
            self._open[index] = candidates.only(unknown)
            undecided_from += self._open[index].times[:1]
        # Nothing is given out while something earlier may still turn out to be an event.
        limit = min(undecided_from, default=2**62 if horizon is None else horizon)
        self._decided.sort(key=lambda event: (event.position_ms, event.label.order))
        ready = [event for event in self._decided if event.position_ms < limit]
        self._decided = self._decided[len(ready) :]
        return ready


def _team(left: float, score: float) -> Team:
    """Whose action it is, if the left team's part of its score is known."""
    if np.isnan(left):
        return Team.UNKNOWN
    return Team.LEFT if left > score / 2 else Team.RIGHT


def _suppress(
    candidates: _Candidates, window: int, horizon: int | None
) -> tuple[list[int], list[int]]:
    """Indices of the candidates that stand for certain, and of those that cannot be told yet.

    All candidates up to `horizon` (in ms; None: the end) are known.
    """
    times = np.array(candidates.times, np.int64)
    # Neighbours of a candidate: closer than the window on either side.
    first = np.searchsorted(times, times - window, side="right")
    last = np.searchsorted(times, times + window, side="left")
    unseen, stands, falls, unknown = 0, 1, 2, 3
    state = np.zeros(len(times), np.int8)
    # Equal scores: the earlier one wins.
    for i in np.argsort(-np.array(candidates.scores), kind="stable"):
        neighbours = state[first[i] : last[i]]
        if stands in neighbours:
            state[i] = falls
        elif unknown in neighbours or (horizon is not None and times[i] + window > horizon):
            state[i] = unknown
        else:
            state[i] = stands
    assert unseen not in state
    return (np.flatnonzero(state == stands).tolist(), np.flatnonzero(state == unknown).tolist())


def events_of(
    scored: Iterable[ScoredFrames], config: InferenceConfig, reach: int, threshold: float
) -> Iterator[Event]:
    """Events one by one, in order of time, each as soon as it is certain.

    Args:
        scored: consecutive frames of one video.
        config: the width of the suppression.
        reach: of the net's displacements, in sampled frames; 0 if it gives none.
        threshold: lowest score of an event.
    """
    finder = PeakFinder(nms_window_ms=config.nms_window_ms, threshold=threshold)
    for part in displaced(scored, reach) if reach else scored:
        yield from finder.push(part.probabilities, part.pts_ms, part.left)
    yield from finder.finish()
