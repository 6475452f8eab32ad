"""How bodies kick, head, throw, slide, block, catch and cheer: key poses around the contact.

A key pose sets where pelvis, feet and hands are in the body's frame (metres forward, left, up) at a
time relative to the contact, and how far it overrules standing and running for legs and arms.
Between two keys everything moves evenly, so a foot has speed at the moment of contact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.world import CONTACT_OFFSET, Gesture

Floats = NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Targets:
    """Where bodies want to be, in their own frames.

    Attributes:
        pelvis: `[P, 3]`, metres.
        lean: `[P, 2]`: pitch (forward) and roll (left) of the back, radians.
        feet: `[P, 2, 3]`: left and right ankle.
        hands: `[P, 2, 3]`: left and right.
        twist: `[P]`: turn of the hips against the shoulders, radians.
    """

    pelvis: Floats
    lean: Floats
    feet: Floats
    hands: Floats
    twist: Floats

    def blend(self, person: int, pose: Floats, legs: float, arms: float) -> None:
        """Pull one person towards a key pose `[17]`; legs and arms: 0 not at all, 1 fully."""
        for values, wanted, share in (
            (self.pelvis[person], pose[:3], legs),
            (self.lean[person], pose[3:5], legs),
            (self.feet[person], pose[5:11].reshape(2, 3), legs),
            (self.hands[person], pose[11:].reshape(2, 3), arms),
        ):
            values += share * (wanted - values)
        self.twist[person] *= 1 - legs


class Key(NamedTuple):
    """One key pose of a right-footed gesture."""

    ms: int
    pelvis: Point = (0.0, 0.0, 0.90)
    lean: tuple[float, float] = (0.08, 0.0)
    left_foot: Point = (0.05, 0.13, 0.08)
    right_foot: Point = (-0.05, -0.13, 0.08)
    left_hand: Point = (0.15, 0.32, 0.90)
    right_hand: Point = (0.15, -0.32, 0.90)
    legs: float = 1.0
    arms: float = 1.0


def _ankle_at_contact(gesture: Gesture) -> Point:
    """The ankle whose foot touches a ball at the gesture's contact."""
    x, y, z = CONTACT_OFFSET[gesture]
    return x - 0.21, y, z + 0.05


def _faded(key: Key, ms: int) -> Key:
    """The same pose at another time without any say: where a gesture begins or ends."""
    return key._replace(ms=ms, legs=0.0, arms=0.0)


def _played(keys: tuple[Key, ...], begin: int, end: int) -> tuple[Key, ...]:
    return (_faded(keys[0], begin), *keys, _faded(keys[-1], end))


_PLANTED: Point = (0.22, 0.14, 0.08)

_KICK = (
    Key(-150, (-0.02, 0, 0.90), (0.10, 0.08), _PLANTED, (-0.48, -0.16, 0.50),
        (0.30, 0.45, 1.20), (-0.30, -0.42, 1.05)),
    Key(-50, (0.02, 0, 0.88), (0.12, 0.10), _PLANTED, (-0.22, -0.16, 0.22),
        (0.20, 0.50, 1.20), (-0.20, -0.45, 1.05)),
    Key(0, (0.04, 0, 0.88), (0.06, 0.10), _PLANTED, _ankle_at_contact(Gesture.KICK_RIGHT),
        (0.05, 0.52, 1.15), (0.05, -0.48, 1.10)),
    Key(110, (0.06, 0, 0.90), (-0.04, 0.06), _PLANTED, (0.66, -0.04, 0.48),
        (-0.22, 0.48, 1.10), (0.32, -0.36, 1.20)),
    Key(190, (0.06, 0, 0.91), (-0.02, 0.04), _PLANTED, (0.60, -0.04, 0.46),
        (-0.20, 0.42, 1.05), (0.30, -0.34, 1.15)),
)  # fmt: skip
_LOFT = (
    Key(-190, (-0.06, 0, 0.90), (0.06, 0.14), _PLANTED, (-0.62, -0.24, 0.66),
        (0.40, 0.58, 1.40), (-0.40, -0.48, 1.20)),
    Key(-70, (-0.02, 0, 0.87), (-0.08, 0.20), _PLANTED, (-0.34, -0.22, 0.28),
        (0.25, 0.64, 1.40), (-0.25, -0.52, 1.20)),
    Key(0, (0.02, 0, 0.86), (-0.22, 0.20), _PLANTED, _ankle_at_contact(Gesture.LOFT_RIGHT),
        (0.00, 0.66, 1.35), (0.02, -0.56, 1.20)),
    Key(130, (0.08, 0, 0.92), (-0.26, 0.08), (0.20, 0.12, 0.10), (0.78, 0.04, 0.98),
        (-0.12, 0.60, 1.25), (0.36, -0.40, 1.30)),
    Key(230, (0.10, 0, 0.92), (-0.12, 0.04), (0.18, 0.12, 0.10), (0.72, 0.06, 0.72),
        (-0.20, 0.50, 1.15), (0.32, -0.36, 1.20)),
)  # fmt: skip
_HEADER = (
    Key(-220, (-0.02, 0, 0.74), (0.30, 0), left_hand=(-0.35, 0.35, 0.80), right_hand=(-0.35, -0.35, 0.80)),
    Key(-100, (-0.06, 0, 1.12), (-0.12, 0), (-0.05, 0.12, 0.24), (-0.30, -0.12, 0.34),
        left_hand=(0.25, 0.42, 1.60), right_hand=(0.25, -0.42, 1.60)),
    Key(-40, (-0.10, 0, 1.30), (-0.20, 0), (-0.22, 0.12, 0.44), (-0.45, -0.12, 0.60),
        left_hand=(0.25, 0.48, 1.75), right_hand=(0.25, -0.48, 1.75)),
    Key(0, (-0.04, 0, 1.34), (0.22, 0), (-0.10, 0.12, 0.46), (-0.28, -0.12, 0.56),
        left_hand=(-0.05, 0.50, 1.55), right_hand=(-0.05, -0.50, 1.55)),
    Key(110, (0.0, 0, 1.18), (0.34, 0), (0.05, 0.12, 0.30), (-0.10, -0.12, 0.34),
        left_hand=(-0.10, 0.46, 1.35), right_hand=(-0.10, -0.46, 1.35)),
    Key(220, (0.0, 0, 0.80), (0.28, 0), left_hand=(0.10, 0.40, 0.95), right_hand=(0.10, -0.40, 0.95)),
)  # fmt: skip
_THROW_IN = (
    Key(-920, (0, 0, 0.92), (0.04, 0), left_hand=(0.42, 0.16, 1.40), right_hand=(0.42, -0.16, 1.40)),
    Key(-800, (0, 0, 0.92), (-0.05, 0), left_hand=(0.02, 0.13, 1.98), right_hand=(0.02, -0.13, 1.98)),
    Key(-260, (-0.02, 0, 0.90), (-0.30, 0), (0.25, 0.10, 0.08), (-0.25, -0.12, 0.08),
        left_hand=(-0.32, 0.13, 1.86), right_hand=(-0.32, -0.13, 1.86)),
    Key(0, (0.05, 0, 0.96), (0.10, 0), (0.25, 0.10, 0.08), (-0.30, -0.10, 0.14),
        left_hand=(0.22, 0.11, 2.10), right_hand=(0.22, -0.11, 2.10)),
    Key(140, (0.08, 0, 0.92), (0.45, 0), (0.28, 0.10, 0.08), (-0.32, -0.10, 0.18),
        left_hand=(0.66, 0.16, 1.20), right_hand=(0.66, -0.16, 1.20)),
    Key(280, (0.08, 0, 0.90), (0.35, 0), (0.25, 0.10, 0.08), (-0.10, -0.10, 0.12),
        left_hand=(0.50, 0.20, 0.95), right_hand=(0.50, -0.20, 0.95)),
)  # fmt: skip
_SLIDE = (
    Key(-180, (-0.05, 0, 0.46), (-0.40, -0.10), (0.02, 0.16, 0.14), (0.50, -0.12, 0.12),
        (-0.30, 0.45, 0.70), (-0.25, -0.50, 0.90)),
    Key(0, (0.02, 0, 0.20), (-0.95, -0.10), (0.28, 0.22, 0.14), _ankle_at_contact(Gesture.SLIDE),
        (-0.55, 0.40, 0.10), (-0.10, -0.60, 0.75)),
    Key(330, (0.02, 0, 0.18), (-1.00, -0.10), (0.26, 0.24, 0.12), (0.84, -0.10, 0.10),
        (-0.58, 0.40, 0.08), (-0.15, -0.60, 0.60)),
    Key(520, (0.02, 0, 0.40), (-0.10, 0.0), (0.10, 0.20, 0.10), (0.30, -0.14, 0.10),
        (-0.20, 0.45, 0.30), (0.20, -0.40, 0.70)),
)  # fmt: skip
_BLOCK = (
    Key(-90, (0, 0, 0.84), (-0.06, 0.12), (-0.02, 0.18, 0.08), (0.12, -0.20, 0.30),
        (-0.10, 0.55, 1.20), (-0.10, -0.55, 1.20)),
    Key(0, (0, 0, 0.83), (-0.12, 0.14), (-0.02, 0.18, 0.08), (0.20, -0.05, 0.47),
        (-0.15, 0.60, 1.25), (-0.15, -0.60, 1.25)),
    Key(150, (0, 0, 0.84), (-0.08, 0.10), (-0.02, 0.18, 0.08), (0.24, -0.10, 0.38),
        (-0.10, 0.56, 1.20), (-0.10, -0.56, 1.20)),
)  # fmt: skip
_CATCH = (
    Key(
        -160, (0, 0, 0.82), (0.20, 0), left_hand=(0.46, 0.20, 1.24), right_hand=(0.46, -0.20, 1.24)
    ),
    Key(0, (0, 0, 0.84), (0.16, 0), left_hand=(0.32, 0.12, 1.12), right_hand=(0.32, -0.12, 1.12)),
    Key(700, (0, 0, 0.90), (0.10, 0), left_hand=(0.30, 0.12, 1.14), right_hand=(0.30, -0.12, 1.14)),
)
_CELEBRATE = (
    Key(150, legs=0.0, left_hand=(0.05, 0.40, 1.98), right_hand=(0.05, -0.40, 1.98)),
    Key(9_000, legs=0.0, left_hand=(0.05, 0.40, 1.98), right_hand=(0.05, -0.40, 1.98)),
)

_KEYS: dict[Gesture, tuple[Key, ...]] = {
    Gesture.KICK_RIGHT: _played(_KICK, -320, 310),
    Gesture.LOFT_RIGHT: _played(_LOFT, -400, 360),
    Gesture.HEADER: _played(_HEADER, -320, 340),
    Gesture.THROW_IN: _played(_THROW_IN, -1_050, 480),
    Gesture.SLIDE: _played(_SLIDE, -330, 680),
    Gesture.BLOCK: _played(_BLOCK, -220, 300),
    Gesture.CATCH: _played(_CATCH, -380, 1_000),
    Gesture.CELEBRATE: _played(_CELEBRATE, -100, 9_400),
}
_MIRRORED = {Gesture.KICK_LEFT: Gesture.KICK_RIGHT, Gesture.LOFT_LEFT: Gesture.LOFT_RIGHT}


def gesture_targets(gesture: Gesture, ms: int) -> tuple[Floats, float, float]:
    """The pose of a gesture at `ms` after its contact.

    Returns: pelvis 3, lean 2, feet 6 and hands 6 as one row `[17]`, and how far (0 to 1) the pose
    overrules standing and running for the legs (with pelvis and back) and for the arms. Before
    its beginning and after its end, and for `Gesture.NONE`, both shares are 0.
    """
    if gesture is Gesture.NONE:
        return np.zeros(17), 0.0, 0.0
    times, values = _table(gesture)
    after = int(np.searchsorted(times, ms, side="right"))
    if after == 0 or after == len(times):
        return values[min(after, len(times) - 1), :17], 0.0, 0.0
    share = (ms - times[after - 1]) / (times[after] - times[after - 1])
    row = values[after - 1] + share * (values[after] - values[after - 1])
    return row[:17], float(row[17]), float(row[18])


@cache
def _table(gesture: Gesture) -> tuple[NDArray[np.int64], Floats]:
    """Times `[K]` and, for each, pose and both shares as one row `[K, 19]`."""
    keys = _KEYS[_MIRRORED.get(gesture, gesture)]
    if gesture in _MIRRORED:
        keys = tuple(map(_mirror, keys))
    rows = [
        (*key.pelvis, *key.lean, *key.left_foot, *key.right_foot, *key.left_hand, *key.right_hand,
         key.legs, key.arms)
        for key in keys
    ]  # fmt: skip
    return np.array([key.ms for key in keys]), np.array(rows, dtype=np.float64)


def _mirror(key: Key) -> Key:
    def swap(point: Point) -> Point:
        return point[0], -point[1], point[2]

    return key._replace(
        pelvis=swap(key.pelvis),
        lean=(key.lean[0], -key.lean[1]),
        left_foot=swap(key.right_foot),
        right_foot=swap(key.left_foot),
        left_hand=swap(key.right_hand),
        right_hand=swap(key.left_hand),
    )
