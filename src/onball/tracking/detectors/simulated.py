"""Simulated detector: true boxes of a simulated match with errors like those of real detectors.

It provides tracks of any quality without a detector trained on simulated football. The levels, per
frame unless said otherwise:

| | perfect | mild | medium | strong | ballnet |
|---|--:|--:|--:|--:|--:|
| centre off by (standard deviation, fraction of the box's size) | 0 | 3 % | 6 % | 10 % | 8 %, goals 16 % |
| size off by | 0 | 4 % | 8 % | 12 % | 8 % |
| least standard deviation of a side, pixels | 0 | 0.15 | 0.25 | 0.4 | 0.5 |
| a person is missed | 0 | 2 % | 5 % | 12 % | 6 % |
| … and out of each second, for most of it | 0 | 1 % | 3 % | 8 % | 4 % |
| … and if another covers all of it, besides | 0 | 30 % | 60 % | 80 % | 60 % |
| the ball is missed | 0 | 8 % | 18 % | 40 % | 12 % |
| … and out of each second, for most of it | 0 | 5 % | 15 % | 35 % | 15 % |
| false people | 0 | 0.05 | 0.3 | 1.0 | 0.4 |
| false balls | 0 | 0.05 | 0.2 | 0.5 | 4 |
| … and at a person, for 70 % of four seconds, with probability | 0 | 0 | 0 | 0 | 40 % |
| mean confidence of true boxes | 1 | 0.86 | 0.78 | 0.67 | people 0.71, balls 0.51, goals 0.3 |
| distinguishes players, goalkeepers and referees | yes | yes | yes | no | no |
| a goal is missed | – | – | – | – | 10 % |
| a ball in a goal is missed, besides | – | – | – | – | 40 % |
| … and out of each second, for most of it | – | – | – | – | 40 % |

`medium` represents a detector trained on football, `strong` one trained on everyday objects: in a
frame 398 pixels wide a ball has two. These four are assumptions, not measurements. Half of the false balls
are at a person's feet for one frame, half at a fixed position for a second. False boxes have a mean
confidence of 0.25.

`ballnet` represents the ball network on real football, and is the only one that returns goals. Its errors of
the ball are like those at 238 places that were labelled in real clips: there, the ball is among the boxes in
87 % of the frames, with confidences of 0.27 to 0.74 (10 to 90 %), beside 7.1 false ones of 0.16 to 0.39, of
which two thirds are at people, mostly at their feet, and half of these for seconds. At 13 places in the
second and a half after a goal, behind posts, net and goalkeeper, the ball is among the boxes in 31 %, with a
mean confidence of 0.25.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from onball.errors import InputError
from onball.timing import nearest_frames
from onball.tracking.detectors.base import Detections
from onball.tracks import BALL, GOAL, PERSON, Tracks, are_people

_BLOCK_MS = 1000
#: Range of the missed part of a second that is mostly missed.
_LEAST_PART, _MOST_PART = 0.5, 1.0
_FALSE_SCORE = (2.0, 6.0)
#: How long a false ball stays at a person, and the share of the frames in which it is detected.
_DECOY_MS, _DECOY_SEEN = 4000, 0.7
#: Random streams, so that draws for one purpose do not change another.
_FRAME, _MISSED, _SPOTS, _DECOYS, _IN_GOAL = 0, 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class DetectorNoise:
    """Errors of a detector; see the module's table for units.

    Attributes:
        centre, size, least_px: standard deviations of positions and sizes.
        missed, burst, covered: probabilities that a person is not detected.
        ball_missed, ball_burst: the same for the ball.
        false_people, false_balls: mean numbers in a frame.
        score: parameters of the beta distribution of confidences; None for 1.
        knows_football: False for a detector that finds persons and balls only.
        goal_missed: the probability that a goal is not detected; None for a detector that knows no goals.
        goal_centre: as `centre`, of goals; None for the same.
        ball_score, goal_score, false_ball_score: as `score`, of balls, goals and false balls; None for the
            same as of other boxes.
        decoys: the probability that a person has a false ball at a fixed place of the body for some seconds.
        ball_in_goal: the probability that a ball behind posts, net or goalkeeper is missed in a frame, and
            the same for most of a second. It is in the box of a goal, so this is for levels that know goals.
        ball_in_goal_score: as `score`, of these balls; None for the same as of other balls.
    """

    centre: float = 0.0
    size: float = 0.0
    least_px: float = 0.0
    missed: float = 0.0
    burst: float = 0.0
    covered: float = 0.0
    ball_missed: float = 0.0
    ball_burst: float = 0.0
    false_people: float = 0.0
    false_balls: float = 0.0
    score: tuple[float, float] | None = None
    knows_football: bool = True
    goal_missed: float | None = None
    goal_centre: float | None = None
    ball_score: tuple[float, float] | None = None
    goal_score: tuple[float, float] | None = None
    false_ball_score: tuple[float, float] | None = None
    decoys: float = 0.0
    ball_in_goal: float = 0.0
    ball_in_goal_score: tuple[float, float] | None = None


LEVELS: dict[str, DetectorNoise] = {
    "perfect": DetectorNoise(),
    "mild": DetectorNoise(0.03, 0.04, 0.15, 0.02, 0.01, 0.3, 0.08, 0.05, 0.05, 0.05, (12.0, 2.0)),
    "medium": DetectorNoise(0.06, 0.08, 0.25, 0.05, 0.03, 0.6, 0.18, 0.15, 0.3, 0.2, (7.0, 2.0)),
    "strong": DetectorNoise(
        0.10, 0.12, 0.4, 0.12, 0.08, 0.8, 0.40, 0.35, 1.0, 0.5, (4.0, 2.0), False
    ),
    "ballnet": DetectorNoise(
        centre=0.08,
        size=0.08,
        least_px=0.5,
        missed=0.06,
        burst=0.04,
        covered=0.6,
        ball_missed=0.12,
        ball_burst=0.15,
        false_people=0.4,
        false_balls=4.0,
        score=(6.0, 2.5),
        knows_football=False,
        goal_missed=0.1,
        goal_centre=0.16,
        ball_score=(3.4, 3.3),
        goal_score=(3.0, 7.0),
        false_ball_score=(5.5, 16.5),
        decoys=0.4,
        ball_in_goal=0.4,
        ball_in_goal_score=(5.5, 16.5),
    ),
}


def simulated_level(name: str) -> str | None:
    """Level of a detector called `simulated:LEVEL`, by default medium; None for other detectors."""
    kind, _, level = name.partition(":")
    return (level or "medium") if kind == "simulated" else None


def simulated_name(level: str, seed: int) -> str:
    """Name of the detector in tracks files."""
    return f"simulated:{level}, seed {seed}"


class SimulatedDetector:
    """Detector that returns true boxes with the errors of `level`. Pixels are not used.

    The boxes of a frame depend only on the seed, the match and the frame's time, not on how frames
    are batched.

    Args:
        truth: true boxes of the video, also an attribute; goals among them are for levels that return
            goals.
        level: one of `LEVELS`, or custom noise.
        seed: seed of the errors.
        match: name of the match; errors differ between matches, since a net could learn them.

    Raises `InputError` for an unknown level.
    """

    def __init__(
        self,
        truth: Tracks,
        level: str | DetectorNoise = "medium",
        seed: int = 0,
        match: str = "",
    ) -> None:
        if isinstance(level, str) and level not in LEVELS:
            raise InputError(
                f"simulated detector: unknown level '{level}': one of {', '.join(LEVELS)}"
            )
        self.truth = truth
        self._noise = LEVELS[level] if isinstance(level, str) else level
        self._seed = (seed, zlib.crc32(match.encode()))
        self._size = (truth.video.width, truth.video.height)
        self._frames = np.unique(truth.time_ms)
        self._slack_ms = 500 / truth.video.fps + 1
        self.name = simulated_name(level if isinstance(level, str) else "own", seed)
        self._hidden = lru_cache(maxsize=4096)(self._draw_hidden)
        self._decoy = lru_cache(maxsize=4096)(self._draw_decoy)
        self._spots = lru_cache(maxsize=64)(self._draw_spots)

    def detect(
        self, frames: NDArray[np.uint8], times_ms: NDArray[np.int64]
    ) -> Sequence[Detections]:
        """Detect as `Detector.detect`; boxes are on the scale of the true ones."""
        return self.detect_at(times_ms)

    def detect_at(self, times_ms: NDArray[np.int64]) -> Sequence[Detections]:
        """Detect at times in ms, without frames."""
        return [self._detect(int(time)) for time in times_ms]

    def _detect(self, time_ms: int) -> Detections:
        rng = np.random.default_rng((*self._seed, _FRAME, time_ms))
        noise, truth = self._noise, self.truth
        rows = self._rows(time_ms)
        kinds, boxes = truth.kinds[rows], truth.boxes[rows].astype(np.float64)
        miss = np.where(kinds == BALL, noise.ball_missed, noise.missed)
        miss = np.where(kinds == GOAL, noise.goal_missed or 0.0, miss)
        in_goal = _in_goal(boxes, kinds)
        miss = miss + noise.covered * _covered(boxes, kinds) + noise.ball_in_goal * in_goal
        found = rng.random(len(boxes)) >= miss
        hidden = [
            self._is_hidden(
                _MISSED, int(track), noise.ball_burst if kind == BALL else noise.burst, time_ms
            )
            for track, kind in zip(truth.track_ids[rows], kinds, strict=True)
        ]
        found &= ~np.array(hidden, bool)
        if in_goal.any():
            found &= ~(in_goal & self._is_hidden(_IN_GOAL, 0, noise.ball_in_goal, time_ms))
        of_people = are_people(kinds)
        people, ids = boxes[of_people], truth.track_ids[rows][of_people]
        boxes, in_goal = self._moved(boxes[found], kinds[found], rng), in_goal[found]
        kinds = kinds[found] if noise.knows_football else _everyday(kinds[found])
        scores = np.ones(len(boxes)) if noise.score is None else rng.beta(*noise.score, len(boxes))
        _redraw(scores, kinds == BALL, noise.ball_score, rng)
        _redraw(scores, in_goal, noise.ball_in_goal_score, rng)
        _redraw(scores, kinds == GOAL, noise.goal_score, rng)
        false_boxes, false_kinds = self._false(people, time_ms, rng)
        false_scores = rng.beta(*_FALSE_SCORE, len(false_boxes))
        _redraw(false_scores, false_kinds == BALL, noise.false_ball_score, rng)
        decoys, decoy_scores = self._decoys(people, ids, time_ms, rng)
        boxes = np.concatenate([boxes, false_boxes, decoys]).reshape(-1, 4)
        kinds = np.concatenate([kinds, false_kinds, np.full(len(decoys), BALL)]).astype(np.uint8)
        scores = np.concatenate([scores, false_scores, decoy_scores])
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, self._size[0])
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, self._size[1])
        whole = (boxes[:, 2] - boxes[:, 0] > 0.5) & (boxes[:, 3] - boxes[:, 1] > 0.5)
        return Detections(
            boxes[whole].astype(np.float32), scores[whole].astype(np.float32), kinds[whole]
        )

    def _rows(self, time_ms: int) -> slice:
        """Rows of the true frame at that time; empty if none is near."""
        if not len(self._frames):
            return slice(0, 0)
        frame = self._frames[nearest_frames(np.array([time_ms]), self._frames)[0]]
        if abs(int(frame) - time_ms) > self._slack_ms:
            return slice(0, 0)
        times = self.truth.time_ms
        return slice(
            int(np.searchsorted(times, frame)), int(np.searchsorted(times, frame, "right"))
        )

    def _is_hidden(self, stream: int, track: int, probability: float, time_ms: int) -> bool:
        begin, end = self._hidden(stream, track, probability, time_ms // _BLOCK_MS)
        return begin <= time_ms % _BLOCK_MS < end

    def _draw_hidden(
        self, stream: int, track: int, probability: float, block: int
    ) -> tuple[float, float]:
        """Interval of a second in which a person or ball is missed, in ms from its start."""
        # Seeds are not negative; a track may be.
        rng = np.random.default_rng((*self._seed, stream, track + 1, block))
        if rng.random() >= probability:
            return 0.0, 0.0
        part = rng.uniform(_LEAST_PART, _MOST_PART) * _BLOCK_MS
        begin = rng.uniform(0, _BLOCK_MS - part)
        return begin, begin + part

    def _moved(
        self, boxes: NDArray[np.float64], kinds: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Add noise to the centres and sizes of boxes."""
        noise = self._noise
        of_goals = noise.centre if noise.goal_centre is None else noise.goal_centre
        off = np.where(kinds == GOAL, of_goals, noise.centre)[:, None]
        size = boxes[:, 2:] - boxes[:, :2]
        centre = (boxes[:, 2:] + boxes[:, :2]) / 2
        centre = centre + rng.normal(size=size.shape) * np.maximum(off * size, noise.least_px)
        size = size + rng.normal(size=size.shape) * np.maximum(noise.size * size, noise.least_px)
        half = np.maximum(size, 1.0 if noise.size else 0.0) / 2
        return np.concatenate([centre - half, centre + half], axis=1)

    def _decoys(
        self,
        people: NDArray[np.float64],
        ids: NDArray[np.int64],
        time_ms: int,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Boxes and confidences of the false balls that stay at people: boots, heads, white shorts."""
        boxes, scores = np.zeros((0, 4)), []
        if self._noise.decoys:
            for box, track in zip(people, ids.tolist(), strict=True):
                # People do not change theirs at the same time.
                decoy = self._decoy(track, (time_ms + 337 * track) // _DECOY_MS)
                if decoy is None or rng.random() >= _DECOY_SEEN:
                    continue
                x, y, level = decoy
                tall = box[3] - box[1]
                place = np.array([(box[0] + box[2]) / 2 + x * tall, box[1] + y * tall])
                place += rng.normal(size=2) * np.maximum(0.03 * tall, self._noise.least_px)
                boxes = np.concatenate([boxes, _balls(place[None], tall)])
                scores.append(float(np.clip(level + 0.05 * rng.normal(), 0.05, 0.95)))
        return boxes, np.array(scores)

    def _draw_decoy(self, track: int, block: int) -> tuple[float, float, float] | None:
        """Draw whether a person has a false ball: its place in heights of the person, its confidence."""
        rng = np.random.default_rng((*self._seed, _DECOYS, track + 1, block))
        if rng.random() >= self._noise.decoys:
            return None
        at_feet = rng.random() < 0.8
        y = rng.uniform(0.8, 1.1) if at_feet else rng.uniform(-0.1, 0.8)
        x, score = 0.12 * rng.normal(), self._noise.false_ball_score or _FALSE_SCORE
        return float(x), float(y), float(rng.beta(*score))

    def _draw_spots(self, block: int) -> NDArray[np.float64]:
        """Places `[N, 2]` of the false balls of a second, as fractions of the frame."""
        rng = np.random.default_rng((*self._seed, _SPOTS, block))
        return rng.random((rng.poisson(self._noise.false_balls / 2), 2))

    def _false(
        self, people: NDArray[np.float64], time_ms: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """False boxes and their kinds."""
        noise = self._noise
        width, height = self._size
        tall = float(np.median(people[:, 3] - people[:, 1])) if len(people) else height / 14
        parts, kinds = [], []
        count = rng.poisson(noise.false_people)
        places = rng.random((count, 2)) * [width, height]
        sizes = tall * rng.uniform(0.6, 1.3, (count, 1)) * [0.4, 1.0]
        parts.append(np.concatenate([places - sizes / 2, places + sizes / 2], axis=1))
        kinds += [PERSON] * count
        at_feet = rng.poisson(noise.false_balls / 2) if len(people) else 0
        if at_feet:
            feet = people[rng.integers(len(people), size=at_feet)]
            places = np.stack([(feet[:, 0] + feet[:, 2]) / 2, feet[:, 3]], axis=1)
            parts.append(_balls(places + rng.normal(size=places.shape) * tall / 4, tall))
        spots = self._spots(time_ms // _BLOCK_MS)
        parts.append(_balls(spots * [width, height], tall))
        kinds += [BALL] * (at_feet + len(spots))
        return np.concatenate(parts), np.array(kinds, np.uint8)


def _balls(places: NDArray[np.float64], person: float) -> NDArray[np.float64]:
    """Boxes of balls at these positions, for people of that height in pixels."""
    half = max(1.0, person / 8) / 2
    return np.concatenate([places - half, places + half], axis=1)


def _redraw(
    scores: NDArray[np.float64],
    rows: NDArray[np.bool_],
    beta: tuple[float, float] | None,
    rng: np.random.Generator,
) -> None:
    """Draw the confidences of some rows again if their distribution is another."""
    if beta is not None:
        scores[rows] = rng.beta(*beta, int(rows.sum()))


def _everyday(kinds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(are_people(kinds), PERSON, kinds).astype(np.uint8)


def _covered(boxes: NDArray[np.float64], kinds: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Fraction of each person that is occluded by another nearer to the camera, `[N]`."""
    if len(boxes) < 2:
        return np.zeros(len(boxes))
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod((high - low).clip(0), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    people = are_people(kinds)
    # A person whose feet are lower in the frame is nearer to the camera.
    in_front = boxes[None, :, 3] > boxes[:, None, 3]
    shared = shared * (in_front & people[:, None] & people[None, :])
    return np.asarray((shared / np.maximum(area, 1e-9)[:, None]).max(axis=1).clip(0, 1))


def _in_goal(boxes: NDArray[np.float64], kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Find the balls whose centre is in the box of a goal, bool `[N]`."""
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    goals = boxes[kinds == GOAL]
    inside = ((centre > goals[:, :2]) & (centre < goals[:, 2:])).all(axis=2).any(axis=1)
    return np.asarray(inside & (kinds == BALL))
