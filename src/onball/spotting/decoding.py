"""Decoding of dense scores into events: displacement → peaks → calibration → threshold.

    ScoredFrames of the engine
        → `apply_displacement`   scores move to the frames that they point to
        → `PeakFinder`           local maxima, then non-maximum suppression per action
        → `apply_calibration`    scores become calibrated confidences
        → `decode_events`        the steps together, down to a threshold
        → `confident_events`     the events that people are shown

`frame_confidences` applies displacement and calibration to all frames: curves with the events as maxima.

Each step is a generator with bounded memory: a stream is decoded as it flows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.config import InferenceConfig, SuppressionConfig
from onball.events import Event, EventList, Team
from onball.formats.frame_confidences import FrameConfidences
from onball.spotting.engine import ScoredFrames
from onball.spotting.published import Peak, PublishedPeaks

# Displacement


def apply_displacement(scored: Iterable[ScoredFrames], radius: int) -> Iterator[ScoredFrames]:
    """Move scores to the frames that their displacements point to (T-DEED, Xarles et al. 2024).

    Of several frames that point to the same one, each action keeps its highest score; a frame that
    none points to gets score 0. The blurred scores around an event so gather on one frame.

    Args:
        scored: consecutive frames; those without displacements pass unchanged.
        radius: displacements are clipped to this many frames, and the stream is delayed by as many.
    """
    gathered = GatheredScores(radius)
    for part in scored:
        if part.displacement is None:
            yield part
        else:
            yield from gathered.push(part, part.displacement)
    yield from gathered.finish()


class GatheredScores:
    """Highest scores per target frame, for frames that are not final yet: see `apply_displacement`.

    Args:
        radius: displacements are clipped to this many frames.
    """

    def __init__(self, radius: int) -> None:
        self._radius = radius
        self._times = np.zeros(0, np.int64)
        # `radius` more slots than frames: scores may point to frames that are yet to come.
        self._scores = np.zeros((radius, 0), np.float32)
        self._left: NDArray[np.float32] | None = None

    def push(self, part: ScoredFrames, displacement: NDArray[np.float32]) -> Iterator[ScoredFrames]:
        """Add the next frames and yield those that no later frame can point to."""
        known, new = len(self._times), len(part.pts_ms)
        classes = part.probabilities.shape[1]
        if not self._scores.size:
            self._scores = np.zeros((len(self._scores), classes), np.float32)
        self._times = np.concatenate([self._times, part.pts_ms])
        self._scores = np.pad(self._scores, ((0, new), (0, 0)))
        if part.left is not None:
            if self._left is None:
                self._left = np.zeros((len(self._scores) - new, classes), np.float32)
            self._left = np.pad(self._left, ((0, new), (0, 0)))
        moves = np.rint(displacement.clip(-self._radius, self._radius)).astype(int)
        targets = (known + np.arange(new) + moves).clip(min=0)
        for index, target in enumerate(targets):
            higher = part.probabilities[index] > self._scores[target]
            self._scores[target, higher] = part.probabilities[index, higher]
            if part.left is not None and self._left is not None:
                self._left[target, higher] = part.left[index, higher]
        # A later frame may still point back `radius` frames, but never before the first one kept.
        yield from self._release(known + new - self._radius)

    def finish(self) -> Iterator[ScoredFrames]:
        """Yield the remaining frames; scores that point beyond the last frame go to it."""
        count = len(self._times)
        if not count:
            return
        for beyond in range(count, len(self._scores)):
            higher = self._scores[beyond] > self._scores[count - 1]
            self._scores[count - 1, higher] = self._scores[beyond, higher]
            if self._left is not None:
                self._left[count - 1, higher] = self._left[beyond, higher]
        yield from self._release(count)

    def _release(self, count: int) -> Iterator[ScoredFrames]:
        if count <= 0:
            return
        left = None if self._left is None else self._left[:count]
        yield ScoredFrames(self._scores[:count], self._times[:count], left)
        self._scores, self._times = self._scores[count:], self._times[count:]
        if self._left is not None:
            self._left = self._left[count:]


# Peaks


@dataclass
class _Candidates:
    """Local maxima of one action that are neither confirmed nor suppressed, in order of time."""

    times: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)

    def select(self, indices: list[int]) -> _Candidates:
        return _Candidates(
            [self.times[i] for i in indices],
            [self.scores[i] for i in indices],
            [self.teams[i] for i in indices],
        )


class PeakFinder:
    """Local maxima of dense scores after greedy non-maximum suppression, found in a stream.

    The events are those of taking the highest maximum of an action, dropping all that are nearer to
    it than the window, and repeating with what remains. Each event is returned as soon as no later
    frame can change it.

    With `wait_ms` an event is decided that long after it, by what is known then: a later maximum that
    would have been dropped itself may then drop it; and if the wait is shorter than the window, a higher
    one may come too late to drop it, and is an event too.

    Args:
        nms_window_ms: smallest distance between two events of one action.
        threshold: lowest score of an event.
        actions: the K classes of the scores.
        wait_ms: time after which an event is decided; None waits until nothing can change it.
    """

    def __init__(
        self,
        *,
        nms_window_ms: int,
        threshold: float,
        actions: ActionSet = BALL_ACTIONS,
        wait_ms: int | None = None,
    ) -> None:
        self._window = nms_window_ms
        self._threshold = threshold
        self._wait = wait_ms
        self._actions = actions
        # Time and score of the last event of each action.
        self._last = [(-nms_window_ms, 0.0)] * len(actions)
        self._open = [_Candidates() for _ in actions]
        self._confirmed: list[Event] = []
        # The last two frames: a maximum is known only with its right neighbour.
        self._tail_scores = np.full((1, len(actions)), -np.inf)
        self._tail_left = np.full((1, len(actions)), np.nan)
        self._tail_times = np.zeros(1, np.int64)

    def push(
        self,
        probabilities: NDArray[np.floating],
        pts_ms: NDArray[np.integer],
        left: NDArray[np.floating] | None = None,
    ) -> list[Event]:
        """Add the next frames and return the events that are final now.

        The events of all calls together are in order of time.

        Args:
            probabilities: `[t, K]`, 0 to 1, in the order of the classes (no background).
            pts_ms: `[t]`, strictly increasing.
            left: `[t, K]`, the left team's part of the probabilities; an event belongs to the
                team with the larger part. None if the net does not separate the teams.
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
        """Return the remaining events, after the last frame."""
        end = np.full((1, len(self._actions)), -np.inf)
        self._collect(
            np.concatenate([self._tail_scores, end]),
            np.append(self._tail_times, 2**62),
            np.concatenate([self._tail_left, end]),
        )
        return self._decide(horizon=None)

    def _collect(
        self, scores: NDArray[np.float64], times: NDArray[np.int64], lefts: NDArray[np.float64]
    ) -> None:
        """Add the local maxima among all frames but the first and last; of a plateau its first."""
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
        for index in range(len(self._open)):
            if self._wait is None:
                kept, undecided = _suppress(self._open[index], self._window, horizon)
            else:
                until = math.inf if horizon is None else horizon - self._wait
                kept, undecided = self._decide_in_time(index, until)
            candidates = self._open[index]
            self._confirmed += [
                Event(
                    candidates.times[i],
                    self._actions.names[index],
                    min(candidates.scores[i], 1.0),
                    candidates.teams[i],
                )
                for i in kept
            ]
            self._open[index] = candidates.select(undecided)
            undecided_from += self._open[index].times[:1]
        # Wait while an earlier candidate may still become an event.
        limit = min(undecided_from, default=2**62 if horizon is None else horizon)
        self._confirmed.sort(
            key=lambda event: (event.position_ms, self._actions.index(event.label))
        )
        ready = [event for event in self._confirmed if event.position_ms < limit]
        self._confirmed = self._confirmed[len(ready) :]
        return ready

    def _decide_in_time(self, index: int, until_ms: float) -> tuple[list[int], list[int]]:
        """Decide the candidates up to `until_ms` by what is known; return indices as `_suppress`."""
        last_ms, last_score = self._last[index]
        candidates = self._open[index]
        candidates = self._open[index] = candidates.select(
            [
                i
                for i, time in enumerate(candidates.times)
                if time >= last_ms + self._window or candidates.scores[i] > last_score
            ]
        )
        best, _ = _suppress(candidates, self._window, None)
        times = candidates.times
        kept = [i for i in best if times[i] <= until_ms]
        if kept:
            self._last[index] = times[kept[-1]], candidates.scores[kept[-1]]
        return kept, [i for i, time in enumerate(times) if time > until_ms]


def _team(left: float, score: float) -> Team:
    """Team of an event, from the left team's part of its score; unknown if that is NaN."""
    if np.isnan(left):
        return Team.UNKNOWN
    return Team.LEFT if left > score / 2 else Team.RIGHT


def _suppress(
    candidates: _Candidates, window: int, horizon: int | None
) -> tuple[list[int], list[int]]:
    """Indices of the candidates that are confirmed, and of those that are still undecided.

    All candidates up to `horizon` (in ms; None: the end) are known.
    """
    times = np.array(candidates.times, np.int64)
    # Neighbours of a candidate: closer than the window on either side.
    first = np.searchsorted(times, times - window, side="right")
    last = np.searchsorted(times, times + window, side="left")
    unseen, confirmed, suppressed, undecided = 0, 1, 2, 3
    state = np.zeros(len(times), np.int8)
    # Equal scores: the earlier one wins.
    for i in np.argsort(-np.array(candidates.scores), kind="stable"):
        neighbours = state[first[i] : last[i]]
        if confirmed in neighbours:
            state[i] = suppressed
        elif undecided in neighbours or (horizon is not None and times[i] + window > horizon):
            state[i] = undecided
        else:
            state[i] = confirmed
    assert unseen not in state
    return (
        np.flatnonzero(state == confirmed).tolist(),
        np.flatnonzero(state == undecided).tolist(),
    )


def detect_events(
    scored: Iterable[ScoredFrames],
    config: InferenceConfig,
    radius: int,
    threshold: float,
    *,
    actions: ActionSet = BALL_ACTIONS,
) -> Iterator[Event]:
    """Yield events with their raw scores, in order of time, each as soon as it is final.

    Args:
        scored: consecutive frames of one video.
        config: the window of the suppression, or the published method that replaces it.
        radius: largest displacement of the net's head, in sampled frames; 0 if it has none.
        threshold: lowest score of an event. A published method also needs `config.threshold`.
        actions: the classes of the scores.
    """
    if radius:
        scored = apply_displacement(scored, radius)
    if config.suppression is not None:
        least = max(threshold, config.threshold)
        yield from _published_events(scored, config.suppression, least, actions)
        return
    finder = PeakFinder(nms_window_ms=config.nms_window_ms, threshold=threshold, actions=actions)
    for part in scored:
        yield from finder.push(part.probabilities, part.pts_ms, part.left)
    yield from finder.finish()


def suppression_window_ms(config: InferenceConfig, fps: float) -> int:
    """Distance in milliseconds up to which one event of an action suppresses another.

    Args:
        config: the window.
        fps: sampled frames per second.
    """
    if config.suppression is None:
        return config.nms_window_ms
    return math.ceil(1000 * config.suppression.window / fps)


def _published_events(
    scored: Iterable[ScoredFrames],
    config: SuppressionConfig,
    threshold: float,
    actions: ActionSet,
) -> Iterator[Event]:
    """Yield events by a published method; the teams of an action suppress each other."""
    peaks: PublishedPeaks | None = None
    times: deque[int] = deque()
    begin = 0  # frame of the first of the times

    def events(found: list[Peak]) -> Iterator[Event]:
        nonlocal begin
        for frame, label, score in found:
            while begin < frame:
                times.popleft()
                begin += 1
            side, action = divmod(label, len(actions))
            team = (Team.LEFT, Team.RIGHT)[side] if teams else Team.UNKNOWN
            yield Event(times[0], actions.names[action], min(score, 1.0), team)

    teams = False
    for part in _without_margins(scored, config.margin):
        scores = part.probabilities
        if peaks is None:
            teams = part.left is not None
            peaks = PublishedPeaks(config, threshold, [*range(len(actions))] * (1 + teams))
        if part.left is not None:
            scores = np.concatenate([part.left, scores - part.left], axis=1)
        times.extend(part.pts_ms.tolist())
        yield from events(peaks.push(scores))
    if peaks is not None:
        yield from events(peaks.finish())


def _without_margins(scored: Iterable[ScoredFrames], margin: int) -> Iterator[ScoredFrames]:
    """Scores without those of the first and the last frames of a video."""
    if not margin:
        yield from scored
        return
    held: ScoredFrames | None = None
    skipped = margin
    for part in scored:
        if held is None and part.pts_ms[0] > 0:
            skipped = 0  # a part of a video, which begins later
        joined = part if held is None else _joined(held, part)
        begin = min(skipped, len(joined.pts_ms))
        stop = max(begin, len(joined.pts_ms) - margin)
        if begin < stop:
            yield joined.select(slice(begin, stop))
        held, skipped = joined.select(slice(stop, None)), skipped - begin


def _joined(first: ScoredFrames, second: ScoredFrames) -> ScoredFrames:
    def join(a: NDArray[np.float32] | None, b: NDArray[np.float32] | None) -> Any:
        return None if a is None or b is None else np.concatenate([a, b])

    times = np.concatenate([first.pts_ms, second.pts_ms])
    scores = np.concatenate([first.probabilities, second.probabilities])
    displacement = join(first.displacement, second.displacement)
    return ScoredFrames(scores, times, join(first.left, second.left), displacement)


# Calibration


def apply_calibration(events: Iterable[Event], config: InferenceConfig) -> Iterator[Event]:
    """Yield the events with calibrated confidences in place of their scores."""
    curves: dict[EventLabel, tuple[list[float], list[float]]] = {
        action: _columns(knots) for action, knots in config.calibration.items()
    }
    for event in events:
        if event.label in curves:
            value = float(np.interp(event.confidence, *curves[event.label]))
            event = replace(event, confidence=min(max(value, 0.0), 1.0))
        yield event


def score_bound(confidence: float, config: InferenceConfig) -> float:
    """Score below which no event of any action reaches a calibrated confidence."""
    if not config.calibration:
        return confidence
    curves = [_columns(knots) for knots in config.calibration.values()]
    # Slightly less, because mapping there and back rounds.
    scores = [float(np.interp(confidence, values, at)) - 1e-9 for at, values in curves]
    return max(0.0, min(confidence, *scores))


def _columns(
    knots: tuple[tuple[float, float], ...],
) -> tuple[list[float], list[float]]:
    """Scores and calibrated confidences of the knots of a map."""
    return [score for score, _ in knots], [value for _, value in knots]


def frame_confidences(
    scored: Iterable[ScoredFrames], config: InferenceConfig, radius: int, actions: ActionSet
) -> FrameConfidences:
    """Return the calibrated confidence of each action at each frame, of which events are maxima.

    Args:
        scored: consecutive frames of one video.
        config: the calibration.
        radius: largest displacement of the net's head, in sampled frames; 0 if it has none.
        actions: the classes of the scores.
    """
    if radius:
        scored = apply_displacement(scored, radius)
    times, confidences = [np.zeros(0, np.int64)], [np.zeros((0, len(actions)), np.float32)]
    for part in scored:
        times.append(part.pts_ms)
        confidences.append(part.probabilities.clip(0, 1))
    joined = np.concatenate(confidences)
    for column, action in enumerate(actions):
        if action in config.calibration:
            curve = _columns(config.calibration[action])
            joined[:, column] = np.interp(joined[:, column], *curve)
    return FrameConfidences.of(np.concatenate(times), joined, actions.names)


# Threshold


def decode_events(
    scored: Iterable[ScoredFrames],
    config: InferenceConfig,
    radius: int,
    threshold: float | None = None,
    *,
    actions: ActionSet = BALL_ACTIONS,
) -> Iterator[Event]:
    """Yield events with calibrated confidences, in order of time, each as soon as it is final.

    Args:
        scored: consecutive frames of one video.
        config: the window of the suppression, the calibration and the lowest score.
        radius: largest displacement of the net's head, in sampled frames; 0 if it has none.
        threshold: lowest calibrated confidence; None applies only `config.threshold`, to scores.
        actions: the classes of the scores.
    """
    least = config.threshold if threshold is None else score_bound(threshold, config)
    detected = detect_events(scored, config, radius, least, actions=actions)
    for event in apply_calibration(detected, config):
        if threshold is None or event.confidence >= threshold:
            yield event


def report_thresholds(config: InferenceConfig, actions: ActionSet) -> dict[EventLabel, float]:
    """Return the lowest confidence of each action with which an event is shown to people."""
    return {action: config.report_threshold_of(action) for action in actions}


def confident_events(events: EventList, config: InferenceConfig) -> EventList:
    """Select the events to show to people: those that reach the report threshold of their action."""
    return events.where(lambda event: event.confidence >= config.report_threshold_of(event.label))
