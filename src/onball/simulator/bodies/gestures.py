"""Target poses of bodies: standing, walking and running, and gestures interpolated between key poses.

`locomotion` sets the targets of everybody, and `perform` blends the gesture of one person into them.
Between two keys each coordinate follows a monotone cubic (Fritsch and Carlson, "Monotone piecewise cubic
interpolation", 1980), which does not overshoot the keys and keeps its speed where they continue in one
direction: a kicking foot is fast at the contact.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from onball.simulator.bodies.key_poses import KEYS, STRETCH_PERIOD_MS, Point, mirrored
from onball.simulator.world import (
    GOALKEEPERS,
    PEOPLE,
    Floats,
    Gesture,
    WorldState,
    strides_per_second,
)

SPINE, SHOULDER_HALF = 0.50, 0.19  # metres
PELVIS_HEIGHT, ANKLE_HEIGHT = 0.975, 0.08  # metres
POSE = 22
"""Numbers in a pose: pelvis 3, lean 2, feet 6, turns 2, toes 2, hands 6, elbows 1."""
_LEGS = 15  # numbers of a pose that belong to the legs; the others belong to the arms

_MIRRORED = {
    Gesture.KICK_LEFT: Gesture.KICK_RIGHT,
    Gesture.LOFT_LEFT: Gesture.LOFT_RIGHT,
    Gesture.TOUCH_LEFT: Gesture.TOUCH_RIGHT,
    Gesture.SHOT_LEFT: Gesture.SHOT_RIGHT,
    Gesture.DIVE_RIGHT: Gesture.DIVE_LEFT,
}
_RIGHT_FOOTED = (Gesture.KICK_RIGHT, Gesture.LOFT_RIGHT, Gesture.SHOT_RIGHT, Gesture.TOUCH_RIGHT)
_LEFT_FOOTED = (Gesture.KICK_LEFT, Gesture.LOFT_LEFT, Gesture.SHOT_LEFT, Gesture.TOUCH_LEFT)
_STANDING_X = dict.fromkeys(_RIGHT_FOOTED, 5) | dict.fromkeys(_LEFT_FOOTED, 8)
"""Column of a pose with the x of the standing foot of a kick."""
_ZERO_POSE = np.zeros(POSE)
_FADE_IN_MS = 500

_SIDES = np.array([1.0, -1.0])
_PERSON = np.arange(PEOPLE)
_KEEPER = np.isin(_PERSON, GOALKEEPERS)
# Variation between people follows from their index, the only difference between bodies.
_STANCE = 0.05 * np.sin(2.4 * _PERSON)[:, None] * _SIDES
_WIDTH = 0.13 + 0.03 * np.sin(1.3 * _PERSON)
_SWAY_S = 5.0 + 2.0 * np.sin(3.1 * _PERSON)
_HANDS_ON_HIPS_S = 31.0 + 9.0 * np.sin(1.9 * _PERSON)
_READY = np.array(
    [0.0, 0.0, 0.79, 0.42, 0.0, 0.02, 0.24, 0.08, -0.02, -0.24, 0.08, 0.0, 0.0, 0.35, -0.35,
     0.42, 0.32, 0.92, 0.42, -0.32, 0.92, 0.35]
)  # fmt: skip
"""Pose `[POSE]` of a waiting goalkeeper."""


@dataclass(frozen=True)
class Targets:
    """Target poses of bodies, in their own frames (metres forward, left, up; radians).

    Attributes:
        rows: `[P, POSE]`; all other attributes are views of it.
    """

    rows: Floats

    @property
    def pelvis(self) -> Floats:
        """Centre of the pelvis, `[P, 3]`."""
        return self.rows[:, :3]

    @property
    def lean(self) -> Floats:
        """Pitch (forward) and roll (left) of the back, `[P, 2]`."""
        return self.rows[:, 3:5]

    @property
    def feet(self) -> Floats:
        """Left and right ankle, `[P, 2, 3]`."""
        return self.rows[:, 5:11].reshape(-1, 2, 3)

    @property
    def turns(self) -> Floats:
        """Rotation of hips and shoulders around the back, to the left, `[P, 2]`."""
        return self.rows[:, 11:13]

    @property
    def toes(self) -> Floats:
        """Direction of left and right foot, to the left, `[P, 2]`."""
        return self.rows[:, 13:15]

    @property
    def hands(self) -> Floats:
        """Left and right hand, `[P, 2, 3]`."""
        return self.rows[:, 15:21].reshape(-1, 2, 3)

    @property
    def elbows(self) -> Floats:
        """0 for hanging elbows, 1 for elbows that point away from the body, `[P]`."""
        return self.rows[:, 21]

    def blend(self, person: int, pose: Floats, legs: float, arms: float) -> None:
        """Blend a pose `[POSE]` into the row of one person.

        Args:
            person: index of the row.
            pose: the pose.
            legs, arms: weights of the pose, 0 to 1, for the legs (with pelvis and back) and the arms.
        """
        row = self.rows[person]
        row[:_LEGS] += legs * (pose[:_LEGS] - row[:_LEGS])
        row[_LEGS:] += arms * (pose[_LEGS:] - row[_LEGS:])


# Gestures


def gesture_span(gesture: Gesture) -> tuple[int, int]:
    """Begin and end of a gesture, milliseconds after its contact.

    `Gesture.STRETCH` has no end; it can stop without a jump whenever the time since its contact is a
    multiple of `STRETCH_PERIOD_MS`.
    """
    if gesture is Gesture.NONE:
        return 0, 0
    times = _curve(gesture).times
    return times[0], 1_000_000_000 if gesture is Gesture.STRETCH else times[-1]


def held_ball(gesture: Gesture, ms: int) -> Point:
    """Ball between the hands `ms` after the contact of a gesture: metres forward, left, up."""
    pose, _, _ = gesture_targets(gesture, ms)
    x, y, z = (pose[15:18] + pose[18:21]) / 2
    return float(x) + 0.03, float(y), max(float(z) + 0.03, 0.11)


def perform(targets: Targets, person: int, gesture: Gesture, ms: int, speed: float) -> None:
    """Blend a gesture into the targets of one person.

    Args:
        targets: changed in place.
        person: index of the row.
        gesture: the gesture.
        ms: time since its contact, milliseconds.
        speed: of the person, m/s.
    """
    pose, legs, arms = gesture_targets(gesture, ms)
    if gesture is Gesture.STRETCH:
        legs *= min(max(1.0 - speed, 0.0), 1.0)  # joggers stretch their arms only
    targets.blend(person, pose, legs, arms)
    standing_x = _STANDING_X.get(gesture)
    if standing_x is not None:
        # The standing foot does not slide on the ground while the body moves over it.
        over = -0.001 * ms * min(speed, 6.0)
        targets.rows[person, standing_x] += legs * min(max(over, -0.45), 0.26)


def gesture_targets(gesture: Gesture, ms: int) -> tuple[Floats, float, float]:
    """Pose of a gesture `ms` after its contact.

    Returns:
        The pose `[POSE]`, and its weights against standing and running, 0 to 1, for the legs (with pelvis
        and back) and for the arms. Both are 0 before the begin and after the end of the gesture, and
        for `Gesture.NONE`.
    """
    if gesture is Gesture.NONE:
        return _ZERO_POSE, 0.0, 0.0
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
    """Piecewise cubic through the K keys of a gesture.

    Attributes:
        times: of the keys, `[K]`, milliseconds after the contact.
        coefficients: `[K - 1, 4, POSE + 2]`, of powers of the milliseconds since the begin of the piece.
    """

    times: list[int]
    coefficients: Floats


@cache
def _curve(gesture: Gesture) -> _Curve:
    """Fit the curve of a gesture."""
    keys = KEYS[_MIRRORED.get(gesture, gesture)]
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
    # At each key, the weighted harmonic mean of the slopes before and after it, or 0 where their signs
    # differ: the curve never leaves the range of its keys.
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


# Standing, walking and running


def locomotion(world: WorldState, targets: Targets) -> None:
    """Set the targets of everybody, standing, walking or running, without gestures."""
    speed = np.clip(world.speed.astype(np.float64), 0.0, 9.0)
    moving = np.clip(speed / 0.8, 0.0, 1.0)
    running = np.clip((speed - 1.6) / 3.0, 0.0, 1.0)
    # The left foot touches down at a phase of a quarter turn, the right one half a turn later.
    turns = world.stride.astype(np.float64) / (2 * np.pi) - 0.25
    phase = np.stack([turns, turns + 0.5], 1) % 1.0  # [P, 2]
    duty = _set_feet(speed, moving, running, phase, targets)

    pelvis, lean = targets.pelvis, targets.lean
    # The pelvis is lowest with both feet on the ground in walking, highest with none in running.
    bob = np.cos(4 * np.pi * (turns - (duty - 0.5) / 2)) * moving
    pelvis[:, 2] = PELVIS_HEIGHT - 0.03 * moving - 0.05 * running
    pelvis[:, 2] += bob * (0.058 * running - 0.026)
    lean[:, 0] = 0.04 + 0.012 * speed + 0.016 * speed * running

    # An arm swings against the leg of its side, which is foremost at touch-down.
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
    _idle(world, 1.0 - np.clip(speed / 0.6, 0.0, 1.0), targets)
    _keeper_ready(world, 1.0 - np.clip(speed, 0.0, 1.0), targets)


def _set_feet(
    speed: Floats, moving: Floats, running: Floats, phase: Floats, targets: Targets
) -> Floats:
    """Set the ankles; returns the fraction of the stride that a foot is on the ground, `[P]`."""
    stride_length = speed / strides_per_second(speed)
    longest = 0.78 + 0.16 * running
    duty = np.clip(longest / np.maximum(stride_length, 1e-3), 0.1, 0.60)
    length = (duty * stride_length)[:, None]  # of the path of a foot on the ground
    on_ground = np.minimum(phase / duty[:, None], 1.0)
    swing = np.maximum(phase - duty[:, None], 0.0) / (1.0 - duty[:, None])
    # In the air the foot first continues backwards, and it moves backwards again at touch-down.
    slope = np.minimum((1.0 - duty) / duty, 1.2)[:, None]
    square, cube = swing * swing, swing * swing * swing
    forward = 3 * square - 2 * cube - slope * (swing - 3 * square + 2 * cube)
    x = length * (0.5 - on_ground + forward)
    lift = np.clip(0.04 + 0.055 * speed, 0.0, 0.46)[:, None]
    heel_off = (0.05 + 0.06 * running)[:, None]
    roll = np.clip(2.2 * on_ground - 1.2, 0.0, 1.0)
    # The heel is highest soon after the foot has left the ground behind the body.
    rise = heel_off * roll * roll * (1 - swing) ** 2 + lift * np.sin(np.pi * swing**0.75) ** 1.3
    lifted = np.clip((speed - 0.15) / 0.65, 0.0, 1.0)[:, None]
    feet = targets.feet
    feet[:, :, 0] = x + (1 - moving)[:, None] * _STANCE - 0.07 * running[:, None]
    feet[:, :, 1] = _SIDES * (_WIDTH - (_WIDTH - 0.08) * running)[:, None]
    feet[:, :, 2] = ANKLE_HEIGHT + lifted * rise
    return np.asarray(duty)


def _idle(world: WorldState, calm: Floats, targets: Targets) -> None:
    """Add shifting of weight, breathing and hands on hips to standing people; `calm`: weights `[P]`."""
    seconds = world.time_ms / 1000.0
    sway = calm * np.sin(2 * np.pi * seconds / _SWAY_S + 2.4 * _PERSON)
    targets.pelvis[:, 1] += 0.04 * sway
    targets.pelvis[:, 2] -= 0.012 * np.abs(sway)
    targets.lean[:, 1] -= 0.05 * sway
    breath = calm * np.sin(2 * np.pi * seconds / 3.4 + _PERSON)
    targets.lean[:, 0] += 0.012 * breath
    hands = targets.hands
    hands[:, :, 1] += 0.04 * sway[:, None]
    hands[:, :, 2] += 0.008 * breath[:, None]
    wave = np.sin(2 * np.pi * seconds / _HANDS_ON_HIPS_S + 1.7 * _PERSON)
    akimbo = calm * np.clip((wave - 0.72) / 0.12, 0.0, 1.0) * ~_KEEPER
    weight = akimbo[:, None]
    hands[:, :, 0] += weight * (0.03 - hands[:, :, 0])
    hands[:, :, 1] += weight * (targets.pelvis[:, 1:2] + 0.19 * _SIDES - hands[:, :, 1])
    hands[:, :, 2] += weight * (targets.pelvis[:, 2:] + 0.08 - hands[:, :, 2])
    targets.elbows[:] = akimbo


def _keeper_ready(world: WorldState, standing: Floats, targets: Targets) -> None:
    """Bend the knees and open the hands of waiting goalkeepers, less so while the ball is far away."""
    keepers = list(GOALKEEPERS)
    weight = standing[keepers]
    if np.isfinite(world.ball).all():
        gap = np.linalg.norm(world.xy[keepers] - world.ball[:2], axis=1)
        # No readiness with the ball at the chest, little with the ball at the other end.
        weight = weight * np.clip((gap - 0.8) / 1.5, 0.0, 1.0)
        weight = weight * np.clip((75.0 - gap) / 30.0, 0.25, 1.0)
    weight = np.nan_to_num(weight)
    bounce = 0.012 * np.sin(2 * np.pi * world.time_ms / 900.0 + np.array(keepers))
    pose = np.tile(_READY, (len(keepers), 1))
    pose[:, 2] += bounce
    targets.rows[keepers] += weight[:, None] * (pose - targets.rows[keepers])
