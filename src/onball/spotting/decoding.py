"""Moving scores to where their frames say the event is, before peaks are looked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, NUM_ACTIONS
from onball.config import InferenceConfig, SavedModelConfig
from onball.evaluation.calibration import FittedCalibration
from onball.events import Event, EventList, Team
from onball.files import atomic_path, require_writable, write_json_atomic
from onball.models.saved import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, check_model_folder
from onball.spotting.engine import ScoredFrames


def displaced(scored: Iterable[ScoredFrames], radius: int) -> Iterator[ScoredFrames]:
    """The scores, each at the frame that its displacement points to (T-DEED, Xarles et al. 2024).

    Where several frames point to one, the highest score of each action stands; a frame that none
    points to has score 0. So the blurred scores around an event gather on one frame.

    Args:
        scored: consecutive frames, with displacements; without any they pass as they are.
        radius: displacements are cut off at so many frames; the stream is delayed by as much.
    """
    gathered = _Gathered(radius)
    for part in scored:
        if part.displacement is None:
            yield part
        else:
            yield from gathered.push(part, part.displacement)
    yield from gathered.finish()


class _Gathered:
    """Highest scores per target frame, for frames that are not final yet."""

    def __init__(self, radius: int) -> None:
        self._radius = radius
        self._times = np.zeros(0, np.int64)
        # So many slots more than frames: events may be pointed to before their frame has come.
        self._scores = np.zeros((radius, NUM_ACTIONS), np.float32)
        self._left: NDArray[np.float32] | None = None

    def push(self, part: ScoredFrames, displacement: NDArray[np.float32]) -> Iterator[ScoredFrames]:
        known, new = len(self._times), len(part.pts_ms)
        self._times = np.concatenate([self._times, part.pts_ms])
        self._scores = np.pad(self._scores, ((0, new), (0, 0)))
        if part.left is not None:
            if self._left is None:
                self._left = np.zeros((len(self._scores) - new, NUM_ACTIONS), np.float32)
            self._left = np.pad(self._left, ((0, new), (0, 0)))
        moves = np.rint(displacement.clip(-self._radius, self._radius)).astype(int)
        targets = (known + np.arange(new) + moves).clip(min=0)
        for index, target in enumerate(targets):
            higher = part.probabilities[index] > self._scores[target]
            self._scores[target, higher] = part.probabilities[index, higher]
            if part.left is not None and self._left is not None:
                self._left[target, higher] = part.left[index, higher]
        # A later frame may still point back `radius` frames; and no target lies before what is kept.
        yield from self._release(known + new - self._radius)

    def finish(self) -> Iterator[ScoredFrames]:
        """The rest; what points beyond the last frame belongs to it."""
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


# --- Dense scores → events: displaced, local maxima, then non-maximum suppression, at onc


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
    scored: Iterable[ScoredFrames], config: InferenceConfig, radius: int, threshold: float
) -> Iterator[Event]:
    """Events one by one, in order of time, each as soon as it is certain.

    Args:
        scored: consecutive frames of one video.
        config: the width of the suppression.
        radius: of the net's displacements, in sampled frames; 0 if it gives none.
        threshold: lowest score of an event.
    """
    finder = PeakFinder(nms_window_ms=config.nms_window_ms, threshold=threshold)
    for part in displaced(scored, radius) if radius else scored:
        yield from finder.push(part.probabilities, part.pts_ms, part.left)
    yield from finder.finish()


# --- Applying a calibration: events with calibrated confidences, and those that people ar


def calibrated_events(
    scored: Iterable[ScoredFrames],
    config: InferenceConfig,
    radius: int,
    threshold: float | None = None,
) -> Iterator[Event]:
    """Events with calibrated confidences, in order of time, each as soon as it is certain.

    Args:
        scored: consecutive frames of one video.
        config: the width of the suppression, the calibration, the lowest score.
        radius: of the net's displacements, in sampled frames; 0 if it gives none.
        threshold: lowest calibrated confidence; None: `config.threshold` decides alone, by score.
    """
    least = config.threshold if threshold is None else least_score(threshold, config)
    for event in calibrate(events_of(scored, config, radius, least), config):
        if threshold is None or event.confidence >= threshold:
            yield event


def calibrate(events: Iterable[Event], config: InferenceConfig) -> Iterator[Event]:
    """The events with their scores turned into confidences, one by one."""
    curves = {action: _columns(knots) for action, knots in config.calibration.items()}
    for event in events:
        if event.label in curves:
            value = float(np.interp(event.confidence, *curves[event.label]))
            event = replace(event, confidence=min(max(value, 0.0), 1.0))
        yield event


def least_score(threshold: float, config: InferenceConfig) -> float:
    """A score below which no event of any action reaches the calibrated confidence `threshold`."""
    if not config.calibration:
        return threshold
    curves = [_columns(knots) for knots in config.calibration.values()]
    # A hair less: the way there and back rounds.
    scores = [float(np.interp(threshold, values, at)) - 1e-9 for at, values in curves]
    return max(0.0, min(threshold, *scores))


def reported(events: EventList, config: InferenceConfig) -> EventList:
    """The events that people want to see: each reaches the report threshold of its action."""
    return events.where(lambda event: event.confidence >= config.report_threshold_of(event.label))


def with_calibration(config: SavedModelConfig, fitted: FittedCalibration) -> SavedModelConfig:
    """The model's config with the fitted maps and report thresholds instead of its own."""
    inference = config.inference.model_copy(
        update={"calibration": fitted.maps, "report_thresholds": fitted.report_thresholds}
    )
    return config.model_copy(update={"inference": inference})


def uncalibrated(config: SavedModelConfig) -> SavedModelConfig:
    """The model's config without any calibration: what a new one is fitted on."""
    inference = config.inference.model_copy(update={"calibration": {}, "report_thresholds": {}})
    return config.model_copy(update={"inference": inference})


def save_with_config(model: Path, config: SavedModelConfig, folder: Path) -> None:
    """Write the saved model in `model` into `folder`, which may be the same, with another config.

    The weights are copied as they are. The config comes last: without it a folder is no model.

    Raises `ModelError` if `folder` is a file or holds something other than a saved model,
    `OnballError` if it cannot be written.
    """
    check_model_folder(folder)
    require_writable(folder)
    if folder.resolve() != model.resolve():
        for name in (WEIGHTS_FILE, CARD_FILE):
            if (model / name).is_file():
                with atomic_path(folder / name) as aside:
                    shutil.copyfile(model / name, aside)
    write_json_atomic(folder / CONFIG_FILE, config.model_dump(mode="json"))


def _columns(
    knots: tuple[tuple[float, float], ...],
) -> tuple[list[float], list[float]]:
    """Scores and calibrated scores."""
    return [score for score, _ in knots], [value for _, value in knots]
