"""Standing, walking and running: where pelvis, feet and hands are without a gesture.

A foot on the ground moves backwards under the body as fast as the body moves forwards, so it stays
where it is on the grass. How long it can stay there is a matter of leg length: the faster, the
smaller its share of the stride.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.bodies.gestures import Targets
from onball.synthetic.world import GOALKEEPERS, PEOPLE, Moment

Floats = NDArray[np.float64]

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


def locomotion(moment: Moment, targets: Targets) -> None:
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


def _idle(moment: Moment, calm: Floats, targets: Targets) -> None:
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


def _ready(moment: Moment, standing: Floats, targets: Targets) -> None:
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
