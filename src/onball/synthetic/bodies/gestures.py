"""How bodies move through the key poses of their gestures, and `Targets`: where limbs want to be.

Between two keys everything moves along a smooth curve that never swings beyond them, and that keeps
its speed where the keys lead on in one direction: a kicking foot is fast at the contact.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.bodies.key_poses import BALL_KEYS, Key, Point, mirrored
from onball.synthetic.bodies.key_poses_body import BODY_KEYS, STRETCH_KEYS, STRETCH_PERIOD_MS
from onball.synthetic.world import Gesture

Floats = NDArray[np.float64]

POSE = 22
"""Numbers in a pose: pelvis 3, lean 2, feet 6, turns 2, toes 2, hands 6, elbows 1."""
_LEGS = 15  # the first so many of them belong to the legs, the others to the arms


@dataclass(frozen=True)
class Targets:
    """Where bodies want to be, in their own frames (metres forward, left, up; radians).

    Attributes:
        rows: `[P, POSE]`; all other attributes are views of it.
    """

    rows: Floats

    @property
    def pelvis(self) -> Floats:
        """`[P, 3]`."""
        return self.rows[:, :3]

    @property
    def lean(self) -> Floats:
        """`[P, 2]`: pitch (forward) and roll (left) of the back."""
        return self.rows[:, 3:5]

    @property
    def feet(self) -> Floats:
        """`[P, 2, 3]`: left and right ankle."""
        return self.rows[:, 5:11].reshape(-1, 2, 3)

    @property
    def turns(self) -> Floats:
        """`[P, 2]`: of hips and shoulders around the back, to the left."""
        return self.rows[:, 11:13]

    @property
    def toes(self) -> Floats:
        """`[P, 2]`: where left and right foot point, to the left."""
        return self.rows[:, 13:15]

    @property
    def hands(self) -> Floats:
        """`[P, 2, 3]`: left and right."""
        return self.rows[:, 15:21].reshape(-1, 2, 3)

    @property
    def elbows(self) -> Floats:
        """`[P]`: 0 hanging, 1 pointing away from the body."""
        return self.rows[:, 21]

    def blend(self, person: int, pose: Floats, legs: float, arms: float) -> None:
        """Pull one person towards a pose `[POSE]`; legs and arms: 0 not at all, 1 fully."""
        row = self.rows[person]
        row[:_LEGS] += legs * (pose[:_LEGS] - row[:_LEGS])
        row[_LEGS:] += arms * (pose[_LEGS:] - row[_LEGS:])


_KEYS: dict[Gesture, tuple[Key, ...]] = {
    **BALL_KEYS,
    **BODY_KEYS,
    Gesture.STRETCH: STRETCH_KEYS,
}
_MIRRORED = {
    Gesture.KICK_LEFT: Gesture.KICK_RIGHT,
    Gesture.LOFT_LEFT: Gesture.LOFT_RIGHT,
    Gesture.TOUCH_LEFT: Gesture.TOUCH_RIGHT,
    Gesture.SHOT_LEFT: Gesture.SHOT_RIGHT,
    Gesture.DIVE_RIGHT: Gesture.DIVE_LEFT,
}
_RIGHT_FOOTED = (Gesture.KICK_RIGHT, Gesture.LOFT_RIGHT, Gesture.SHOT_RIGHT, Gesture.TOUCH_RIGHT)
_LEFT_FOOTED = (Gesture.KICK_LEFT, Gesture.LOFT_LEFT, Gesture.SHOT_LEFT, Gesture.TOUCH_LEFT)
#: Which number of a pose is the x of the foot that stands while the other one kicks.
_STANDING_X = dict.fromkeys(_RIGHT_FOOTED, 5) | dict.fromkeys(_LEFT_FOOTED, 8)
_NOTHING = np.zeros(POSE)
_FADE_IN_MS = 500


def lasts(gesture: Gesture) -> tuple[int, int]:
    """When the body begins and ends a gesture, milliseconds after its contact.

    `Gesture.STRETCH` has no end; it can be cut off without a jump whenever the time since its
    contact is a multiple of `STRETCH_PERIOD_MS`.
    """
    if gesture is Gesture.NONE:
        return 0, 0
    times = _curve(gesture).times
    return times[0], 1_000_000_000 if gesture is Gesture.STRETCH else times[-1]


def held_ball(gesture: Gesture, ms: int) -> Point:
    """Where a ball between the hands is in a gesture, in the body's frame: forward, left, up."""
    pose, _, _ = gesture_targets(gesture, ms)
    x, y, z = (pose[15:18] + pose[18:21]) / 2
    return float(x) + 0.03, float(y), max(float(z) + 0.03, 0.11)


def perform(targets: Targets, person: int, gesture: Gesture, ms: int, speed: float) -> None:
    """Let one person, who moves at `speed` (m/s), do a gesture `ms` after its contact."""
    pose, legs, arms = gesture_targets(gesture, ms)
    if gesture is Gesture.STRETCH:
        legs *= min(max(1.0 - speed, 0.0), 1.0)  # who jogs stretches his arms only
    targets.blend(person, pose, legs, arms)
    standing_x = _STANDING_X.get(gesture)
    if standing_x is not None:
        # The standing foot stays where it is on the ground while the body moves over it.
        over = -0.001 * ms * min(speed, 6.0)
        targets.rows[person, standing_x] += legs * min(max(over, -0.45), 0.26)


def gesture_targets(gesture: Gesture, ms: int) -> tuple[Floats, float, float]:
    """The pose of a gesture at `ms` after its contact.

    Returns: the pose `[POSE]`, and how far (0 to 1) it overrules standing and running for the legs
    (with pelvis and back) and for the arms. Before its beginning and after its end, and for
    `Gesture.NONE`, both shares are 0.
    """
    if gesture is Gesture.NONE:
        return _NOTHING, 0.0, 0.0
    fade = 1.0
    if gesture is Gesture.STRETCH:
        fade = min(max(ms / _FADE_IN_MS, 0.0), 1.0)
        ms %= STRETCH_PERIOD_MS
    times, coefficients = _curve(gesture)
    piece = bisect_right(times, ms) - 1
    if piece < 0 or piece >= len(coefficients):
        return coefficients[-1 if piece >= 0 else 0, 0, :POSE], 0.0, 0.0
    since = ms - times[piece]
    a, b, c, d = coefficients[piece]
    row = a + since * (b + since * (c + since * d))
    return row[:POSE], fade * float(row[POSE]), fade * float(row[POSE + 1])


class _Curve(NamedTuple):
    """Cubic pieces through the keys of a gesture; a piece has as many rows as a cubic has terms."""

    times: list[int]  # [K], ms
    coefficients: Floats  # [K - 1, 4, POSE + 2], of powers of the ms since the piece began


@cache
def _curve(gesture: Gesture) -> _Curve:
    keys = _KEYS[_MIRRORED.get(gesture, gesture)]
    if gesture in _MIRRORED:
        keys = tuple(map(mirrored, keys))
    values = np.array(
        [
            (*key.pelvis, *key.lean, *key.left_foot, *key.right_foot, *key.turns, *key.toes,
             *key.left_hand, *key.right_hand, key.elbows, key.legs, key.arms)
            for key in keys
        ],
        dtype=np.float64,
    )  # fmt: skip
    steps = np.diff([key.ms for key in keys])[:, None].astype(np.float64)
    secants = np.diff(values, axis=0) / steps
    slopes = np.zeros_like(values)
    # Fritsch and Carlson: at each key the harmonic mean of the ways to and from it, or a rest
    # where they point in different directions. So a curve never leaves the span of its keys.
    before, after = secants[:-1], secants[1:]
    near, far = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    onward = before * after > 0
    safe_before, safe_after = np.where(onward, before, 1.0), np.where(onward, after, 1.0)
    mean = (near + far) / (near / safe_before + far / safe_after)
    slopes[1:-1] = np.where(onward, mean, 0.0)
    square = (3 * secants - 2 * slopes[:-1] - slopes[1:]) / steps
    cube = (slopes[:-1] + slopes[1:] - 2 * secants) / steps**2
    coefficients = np.stack([values[:-1], slopes[:-1], square, cube], axis=1)
    return _Curve([key.ms for key in keys], coefficients)
