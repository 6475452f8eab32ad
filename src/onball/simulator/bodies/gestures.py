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

from onball.simulator.bodies.key_poses import (
    BALL_KEYS,
    BODY_KEYS,
    STRETCH_KEYS,
    STRETCH_PERIOD_MS,
    Key,
    Point,
    mirrored,
)
from onball.simulator.world import GOALKEEPERS, PEOPLE, Gesture, WorldState

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


# --- Standing, walking and running: where pelvis, feet and hands are without a gesture.


SPINE, SHOULDER_HALF = 0.50, 0.19
PELVIS_HEIGHT, ANKLE_HEIGHT = 0.975, 0.08

_SIDES = np.array([1.0, -1.0])
_PERSON = np.arange(PEOPLE)
_KEEPER = np.isin(_PERSON, GOALKEEPERS)
# Nobody stands quite like his neighbour; the index is all that tells people apart here.
_STANCE = 0.05 * np.sin(2.4 * _PERSON)[:, None] * _SIDES
_WIDTH = 0.13 + 0.03 * np.sin(1.3 * _PERSON)
_SWAY_S = 5.0 + 2.0 * np.sin(3.1 * _PERSON)
_MOOD_S = 31.0 + 9.0 * np.sin(1.9 * _PERSON)


def strides_per_second(speed: Floats) -> Floats:
    """How fast the stride's phase goes round at a speed (m/s): as `people.Crowd` has it."""
    return 0.75 + 0.11 * speed


def locomotion(moment: WorldState, targets: Targets) -> None:
    """Set the targets of everyone: standing, walking or running."""
    speed = np.clip(moment.speed.astype(np.float64), 0.0, 9.0)
    moving = np.clip(speed / 0.8, 0.0, 1.0)
    running = np.clip((speed - 1.6) / 3.0, 0.0, 1.0)
    # The left foot touches down at a phase of a quarter turn, the right one half a turn later.
    turns = moment.stride.astype(np.float64) / (2 * np.pi) - 0.25
    phase = np.stack([turns, turns + 0.5], 1) % 1.0  # [P, 2]
    duty = _feet(speed, moving, running, phase, targets)

    pelvis, lean = targets.pelvis, targets.lean
    # Lowest with both feet on the ground when walking, highest with none there when running.
    bob = np.cos(4 * np.pi * (turns - (duty - 0.5) / 2)) * moving
    pelvis[:, 2] = PELVIS_HEIGHT - 0.03 * moving - 0.05 * running
    pelvis[:, 2] += bob * (0.058 * running - 0.026)
    lean[:, 0] = 0.04 + 0.012 * speed + 0.016 * speed * running

    # An arm swings against the leg of its side, which is foremost as it touches down.
    swing = -np.cos(2 * np.pi * phase) * moving[:, None]
    bent = running[:, None]
    sprint = np.clip((speed - 4.0) / 4.0, 0.0, 1.0)[:, None]
    chest_x = SPINE * 0.95 * np.sin(lean[:, :1])
    chest_z = pelvis[:, 2:] + SPINE * 0.95 * np.cos(lean[:, :1])
    hands = targets.hands
    inward = 0.06 * bent * np.clip(swing, 0.0, 1.0)
    hands[:, :, 0] = chest_x + 0.05 + 0.13 * bent + (0.15 + 0.13 * bent + 0.06 * sprint) * swing
    hands[:, :, 1] = _SIDES * (SHOULDER_HALF + 0.10 - 0.03 * bent - inward)
    hands[:, :, 2] = (
        chest_z - 0.58 + 0.27 * bent + (0.12 * bent + 0.10 * sprint) * np.clip(swing, -0.4, 1.0)
    )
    targets.turns[:, 0] = -0.22 * moving * np.cos(2 * np.pi * phase[:, 0])
    targets.turns[:, 1] = -1.1 * targets.turns[:, 0]
    targets.toes[:] = _SIDES * (0.30 - 0.22 * moving)[:, None]
    _idle(moment, 1.0 - np.clip(speed / 0.6, 0.0, 1.0), targets)
    _ready(moment, 1.0 - np.clip(speed, 0.0, 1.0), targets)


def _feet(
    speed: Floats, moving: Floats, running: Floats, phase: Floats, targets: Targets
) -> Floats:
    """Set the ankles; returns which share of the stride `[P]` a foot is on the ground."""
    stride_length = speed / strides_per_second(speed)
    longest = 0.78 + 0.16 * running
    duty = np.clip(longest / np.maximum(stride_length, 1e-3), 0.1, 0.60)
    length = (duty * stride_length)[:, None]  # of the way of a foot on the ground
    on_ground = np.minimum(phase / duty[:, None], 1.0)
    swing = np.maximum(phase - duty[:, None], 0.0) / (1.0 - duty[:, None])
    # In the air it goes on backwards at first, and comes down moving backwards again.
    slope = np.minimum((1.0 - duty) / duty, 1.2)[:, None]
    square, cube = swing * swing, swing * swing * swing
    forward = 3 * square - 2 * cube - slope * (swing - 3 * square + 2 * cube)
    x = length * (0.5 - on_ground + forward)
    lift = np.clip(0.04 + 0.055 * speed, 0.0, 0.46)[:, None]
    heel_off = (0.05 + 0.06 * running)[:, None]
    roll = np.clip(2.2 * on_ground - 1.2, 0.0, 1.0)
    # The heel is highest soon after the foot left the ground behind the body.
    rise = heel_off * roll * roll * (1 - swing) ** 2 + lift * np.sin(np.pi * swing**0.75) ** 1.3
    lifted = np.clip((speed - 0.15) / 0.65, 0.0, 1.0)[:, None]
    feet = targets.feet
    feet[:, :, 0] = x + (1 - moving)[:, None] * _STANCE - 0.07 * running[:, None]
    feet[:, :, 1] = _SIDES * (_WIDTH - (_WIDTH - 0.08) * running)[:, None]
    feet[:, :, 2] = ANKLE_HEIGHT + lifted * rise
    return np.asarray(duty)


def _idle(moment: WorldState, calm: Floats, targets: Targets) -> None:
    """Who stands shifts his weight, breathes, and has his hands on his hips now and then."""
    seconds = moment.time_ms / 1000.0
    sway = calm * np.sin(2 * np.pi * seconds / _SWAY_S + 2.4 * _PERSON)
    targets.pelvis[:, 1] += 0.04 * sway
    targets.pelvis[:, 2] -= 0.012 * np.abs(sway)
    targets.lean[:, 1] -= 0.05 * sway
    breath = calm * np.sin(2 * np.pi * seconds / 3.4 + _PERSON)
    targets.lean[:, 0] += 0.012 * breath
    hands = targets.hands
    hands[:, :, 1] += 0.04 * sway[:, None]
    hands[:, :, 2] += 0.008 * breath[:, None]
    mood = np.sin(2 * np.pi * seconds / _MOOD_S + 1.7 * _PERSON)
    akimbo = calm * np.clip((mood - 0.72) / 0.12, 0.0, 1.0) * ~_KEEPER
    share = akimbo[:, None]
    hands[:, :, 0] += share * (0.03 - hands[:, :, 0])
    hands[:, :, 1] += share * (targets.pelvis[:, 1:2] + 0.19 * _SIDES - hands[:, :, 1])
    hands[:, :, 2] += share * (targets.pelvis[:, 2:] + 0.08 - hands[:, :, 2])
    targets.elbows[:] = akimbo


def _ready(moment: WorldState, standing: Floats, targets: Targets) -> None:
    """Goalkeepers wait on bent knees with their hands open; less so while the ball is far off."""
    keepers = list(GOALKEEPERS)
    share = standing[keepers]
    if np.isfinite(moment.ball).all():
        gap = np.linalg.norm(moment.xy[keepers] - moment.ball[:2], axis=1)
        # A ball at the chest needs no readiness, one at the other end little.
        share = share * np.clip((gap - 0.8) / 1.5, 0.0, 1.0)
        share = share * np.clip((75.0 - gap) / 30.0, 0.25, 1.0)
    share = np.nan_to_num(share)
    bounce = 0.012 * np.sin(2 * np.pi * moment.time_ms / 900.0 + np.array(keepers))
    pose = np.tile(_READY, (len(keepers), 1))
    pose[:, 2] += bounce
    targets.rows[keepers] += share[:, None] * (pose - targets.rows[keepers])


#: As in `gestures.POSE`: pelvis, lean, left and right ankle, turns, toes, hands, elbows.
_READY = np.array(
    [0.0, 0.0, 0.79, 0.42, 0.0, 0.02, 0.24, 0.08, -0.02, -0.24, 0.08, 0.0, 0.0, 0.35, -0.35,
     0.42, 0.32, 0.92, 0.42, -0.32, 0.92, 0.35]
)  # fmt: skip
