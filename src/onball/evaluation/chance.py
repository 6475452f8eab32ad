"""Chance level of predictions: the score of the same predictions at times that mean nothing.

On a few minutes of video, a model that emits many events scores well above zero without seeing anything:
some of them are near a label by accident. The chance level is measured by a permutation test: all
events of a video are shifted by one random time, and those that pass its end continue at its beginning.
Numbers of events, confidences and distances between events stay as they are, and only their relation to
the video is lost. A model works on these videos if its score exceeds that of nearly all shifts.

Labels may be in doubt. Such an event counts neither as found nor as missed, and predictions near it that
match no other label are not counted either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.evaluation.matching import Matcher, pairs_within
from onball.evaluation.spotting import action_matcher, rankings_of
from onball.events import EventColumns, EventList

#: Frame rate at which times are compared, finer than the 25 of SoccerNet's metric.
_FPS = 100


@dataclass(frozen=True, slots=True)
class SpottingScore:
    """Scores at one tolerance, 0 to 1.

    Attributes:
        precision, recall, f1: of the events that reach the threshold of their action, all actions
            together; 0 for a division by zero.
        mean_ap: AP of all events, averaged over the actions that have labels.
    """

    precision: float
    recall: float
    f1: float
    mean_ap: float


@dataclass(frozen=True, slots=True)
class ChanceLevel:
    """A score beside those of shifted predictions.

    Attributes:
        value: the score.
        shifted: `[S]`, the scores of S shifts, in ascending order.
    """

    value: float
    shifted: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Mean score of the shifts."""
        return float(self.shifted.mean())

    def percentile(self, percent: float) -> float:
        """Return a percentile of the scores of the shifts."""
        return float(np.percentile(self.shifted, percent))

    @property
    def p(self) -> float:
        """Probability of a score as high by chance: (shifts as good + 1) / (shifts + 1)."""
        return float(((self.shifted >= self.value).sum() + 1) / (len(self.shifted) + 1))

    @property
    def exceeded(self) -> bool:
        """True if the score is above the 99th percentile of the shifts."""
        return self.value > self.percentile(99)


class ChanceTest:
    """Scores of predictions and of the same predictions shifted in time.

    Args:
        truth: labels, one list for each video.
        predictions: events of the same videos, down to the lowest confidence.
        lengths_ms: duration of each video.
        thresholds: lowest confidence of an event that counts for precision and recall, by action.
        doubtful: labels in doubt, of the same videos; None if there are none.
        actions: actions to evaluate; events of others are ignored.
        class_aware: whether a prediction must have the action of its label. If not, all events are
            of one class.

    Raises:
        ValueError: the sequences differ in length, or a duration is not above 0.
    """

    def __init__(
        self,
        truth: Sequence[EventList],
        predictions: Sequence[EventList],
        lengths_ms: Sequence[int],
        thresholds: Mapping[EventLabel, float],
        *,
        doubtful: Sequence[EventList] | None = None,
        actions: ActionSet = BALL_ACTIONS,
        class_aware: bool = True,
    ) -> None:
        if doubtful is None:
            doubtful = [EventList.of([]) for _ in truth]
        if not len(truth) == len(predictions) == len(lengths_ms) == len(doubtful):
            raise ValueError("as many lists of labels, predictions and durations are needed")
        if min(lengths_ms, default=1) < 1:
            raise ValueError("durations must be above 0 ms")
        self._actions, self._matches = actions, len(truth)
        self._lengths = np.array(lengths_ms, np.int64)
        least = np.array([thresholds[action] for action in actions])
        found = EventColumns.of(predictions, actions)
        found = found.where(found.action >= 0)
        self._shown = found.confidence >= least[found.action]
        self._truth, self._found = EventColumns.of(truth, actions), found
        self._truth = self._truth.where(self._truth.action >= 0)
        self._doubtful = EventColumns.of(doubtful, actions)
        if not class_aware:
            self._truth = _of_one_class(self._truth)
            self._found = _of_one_class(self._found)

    def score(self, tolerance_s: float) -> SpottingScore:
        """Score the predictions.

        Args:
            tolerance_s: δ in seconds; a prediction matches within ±δ/2.
        """
        return self._score(self._found, tolerance_s)

    def shifted(self, tolerance_s: float, shifts: int = 1000, seed: int = 0) -> list[SpottingScore]:
        """Score shifted predictions; each video has a random shift of its own.

        Args:
            tolerance_s: see `score`.
            shifts: number of shifts.
            seed: seed of the shifts.
        """
        rng = np.random.default_rng(seed)
        scores = []
        for _ in range(shifts):
            by_ms = rng.integers(self._lengths)
            moved = (self._found.position_ms + by_ms[self._found.match]) % (
                self._lengths[self._found.match]
            )
            scores.append(self._score(replace(self._found, position_ms=moved), tolerance_s))
        return scores

    def against_chance(
        self, tolerance_s: float, shifts: int = 1000, seed: int = 0
    ) -> dict[str, ChanceLevel]:
        """Compare `f1` and `mean_ap` with those of shifted predictions; arguments as `shifted`."""
        score = self.score(tolerance_s)
        shifted = self.shifted(tolerance_s, shifts, seed)
        return {
            name: ChanceLevel(
                getattr(score, name), np.sort([getattr(one, name) for one in shifted])
            )
            for name in ("f1", "mean_ap")
        }

    def _score(self, found: EventColumns, tolerance_s: float) -> SpottingScore:
        # Of several events of a class on one frame, `Matcher` keeps the last.
        order = np.argsort(found.confidence, kind="stable")
        found, shown = found.where(order), self._shown[order]
        matcher, hits = self._match(found, tolerance_s)
        values = [
            ranking.ap(hits, positives)[1]
            for ranking, positives in zip(
                rankings_of(matcher), matcher.positives.tolist(), strict=True
            )
            if positives
        ]
        # The pairs of the events shown are their own: an event below the threshold takes no label.
        _, hits = self._match(found.where(shown), tolerance_s)
        pairs, labels = int(hits.sum()), int(matcher.positives.sum())
        precision = pairs / len(hits) if len(hits) else 0.0
        recall = pairs / labels if labels else 0.0
        f1 = 2 * pairs / (len(hits) + labels) if labels or len(hits) else 0.0
        return SpottingScore(precision, recall, f1, float(np.mean(values)) if values else 0.0)

    def _match(self, found: EventColumns, tolerance_s: float) -> tuple[Matcher, NDArray[np.bool_]]:
        """Matcher of the events that count, and the mask of those that match a label."""
        matcher = action_matcher(self._truth, found, self._matches, self._actions, _FPS)
        hits = matcher.match(tolerance_s) >= 0
        if len(self._doubtful) and not hits.all():
            _, near = pairs_within(self._doubtful, matcher.detections, tolerance_s, _FPS)
            counted = hits.copy()
            counted[np.setdiff1d(np.arange(len(hits)), near)] = True
            if not counted.all():
                kept = matcher.detections.where(counted)
                matcher = action_matcher(self._truth, kept, self._matches, self._actions, _FPS)
                hits = matcher.match(tolerance_s) >= 0
        return matcher, hits


def _of_one_class(events: EventColumns) -> EventColumns:
    return replace(events, action=np.zeros(len(events), np.int64))
