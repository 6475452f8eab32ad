"""Skeletons: from a `WorldState` to the joints of every person, vectorised over people.

Standing, walking or running (from `speed` and `stride`) and gestures set the targets of pelvis, feet and
hands; knees and elbows follow by two-bone inverse kinematics. So a kicking foot is at the ball at the
contact.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from onball.simulator.bodies.gestures import (
    ANKLE_HEIGHT,
    POSE,
    SHOULDER_HALF,
    SPINE,
    Targets,
    locomotion,
    perform,
)
from onball.simulator.world import PEOPLE, Floats, Gesture, WorldState

THIGH, SHIN, FOOT = 0.46, 0.46, 0.19  # metres
UPPER_ARM, FOREARM = 0.31, 0.33
NECK_TO_HEAD, HIP_HALF = 0.21, 0.10
_RELEASE, _DIVER_RELEASE = (0.50, 0.95), (0.10, 0.60)
"""Distances, metres, of the ball from the hands of the pose at which hands begin to leave it, and at which
they have left it; smaller for diving goalkeepers, who may parry."""


class Part(IntEnum):
    """Material of a part of the body; a look gives each one a colour."""

    SHIRT = 0
    SLEEVE = 1
    SHORTS = 2
    SOCKS = 3
    BOOTS = 4
    SKIN = 5
    HAIR = 6


class Joint(IntEnum):
    """Rows of a skeleton. Every left joint is followed by the right one."""

    PELVIS = 0
    NECK = 1
    HEAD = 2
    CROWN = 3  # centre of the hair, a little behind and above the centre of the head
    LEFT_SHOULDER = 4
    RIGHT_SHOULDER = 5
    LEFT_ELBOW = 6
    RIGHT_ELBOW = 7
    LEFT_HAND = 8
    RIGHT_HAND = 9
    LEFT_HIP = 10
    RIGHT_HIP = 11
    LEFT_HEM = 12  # end of the shorts
    RIGHT_HEM = 13
    LEFT_KNEE = 14
    RIGHT_KNEE = 15
    LEFT_ANKLE = 16
    RIGHT_ANKLE = 17
    LEFT_TOE = 18
    RIGHT_TOE = 19


class Capsule(NamedTuple):
    """A limb: the convex hull of two spheres with radii in metres around two joints."""

    start: Joint
    end: Joint
    start_radius: float
    end_radius: float
    part: Part


J = Joint
CAPSULES: tuple[Capsule, ...] = (
    Capsule(J.NECK, J.PELVIS, 0.14, 0.13, Part.SHIRT),
    Capsule(J.LEFT_SHOULDER, J.LEFT_HIP, 0.09, 0.09, Part.SHIRT),
    Capsule(J.RIGHT_SHOULDER, J.RIGHT_HIP, 0.09, 0.09, Part.SHIRT),
    Capsule(J.LEFT_HIP, J.RIGHT_HIP, 0.11, 0.11, Part.SHORTS),
    Capsule(J.LEFT_HIP, J.LEFT_HEM, 0.11, 0.11, Part.SHORTS),
    Capsule(J.RIGHT_HIP, J.RIGHT_HEM, 0.11, 0.11, Part.SHORTS),
    Capsule(J.LEFT_HEM, J.LEFT_KNEE, 0.08, 0.065, Part.SKIN),
    Capsule(J.RIGHT_HEM, J.RIGHT_KNEE, 0.08, 0.065, Part.SKIN),
    Capsule(J.LEFT_KNEE, J.LEFT_ANKLE, 0.07, 0.05, Part.SOCKS),
    Capsule(J.RIGHT_KNEE, J.RIGHT_ANKLE, 0.07, 0.05, Part.SOCKS),
    Capsule(J.LEFT_ANKLE, J.LEFT_TOE, 0.055, 0.045, Part.BOOTS),
    Capsule(J.RIGHT_ANKLE, J.RIGHT_TOE, 0.055, 0.045, Part.BOOTS),
    Capsule(J.LEFT_SHOULDER, J.LEFT_ELBOW, 0.07, 0.055, Part.SLEEVE),
    Capsule(J.RIGHT_SHOULDER, J.RIGHT_ELBOW, 0.07, 0.055, Part.SLEEVE),
    Capsule(J.LEFT_ELBOW, J.LEFT_HAND, 0.05, 0.045, Part.SKIN),
    Capsule(J.RIGHT_ELBOW, J.RIGHT_HAND, 0.05, 0.045, Part.SKIN),
    Capsule(J.NECK, J.HEAD, 0.06, 0.11, Part.SKIN),
    Capsule(J.CROWN, J.CROWN, 0.11, 0.11, Part.HAIR),
)

# Columns of `CAPSULES` as arrays, each `[C]`: joints, radii, parts.
STARTS = np.array([c.start for c in CAPSULES])
ENDS = np.array([c.end for c in CAPSULES])
START_RADII = np.array([c.start_radius for c in CAPSULES])
END_RADII = np.array([c.end_radius for c in CAPSULES])
PARTS = np.array([c.part for c in CAPSULES])

_SIDES = np.array([1.0, -1.0])
_KNEES_BEND = np.array([[1.0, 0.12, 0.3], [1.0, -0.12, 0.3]])
_AROUND_BALL = np.array([[-0.03, 0.11, -0.03], [-0.03, -0.11, -0.03]])
_GESTURES = np.arange(max(Gesture) + 1)
_DIVES = np.isin(_GESTURES, [Gesture.DIVE_LEFT, Gesture.DIVE_RIGHT])
_HOLDS_AFTER = np.isin(_GESTURES, [Gesture.CATCH, Gesture.PICK_UP, Gesture.CARRY]) | _DIVES


def skeleton(world: WorldState) -> Floats:
    """Joints of all people, `[PEOPLE, len(Joint), 3]`, metres.

    People without a position (NaN) have NaN joints.
    """
    targets = Targets(np.zeros((PEOPLE, POSE)))
    locomotion(world, targets)
    for person in np.flatnonzero(world.gesture).tolist():
        gesture = Gesture(int(world.gesture[person]))
        since, speed = int(world.gesture_ms[person]), float(world.speed[person])
        perform(targets, person, gesture, since, speed)
    trunk = _trunk(targets.lean)
    _hold_ball(world, targets, trunk)
    return _to_world(_joints(targets, trunk), world)


def _hold_ball(world: WorldState, targets: Targets, trunk: Floats) -> None:
    """Move hands that throw, carry or have caught the ball to its true position."""
    holds = _HOLDS_AFTER[world.gesture] & (world.gesture_ms >= 0)
    holds |= (world.gesture == Gesture.THROW_IN) & (world.gesture_ms <= 0)
    holders = np.flatnonzero(holds)
    if len(holders) == 0 or not np.isfinite(world.ball).all():
        return
    away = world.ball[:2] - world.xy[holders]
    cos, sin = np.cos(world.heading[holders]), np.sin(world.heading[holders])
    ball = np.empty((len(holders), 3))
    ball[:, 0] = away[:, 0] * cos + away[:, 1] * sin
    ball[:, 1] = away[:, 1] * cos - away[:, 0] * sin
    ball[:, 2] = world.ball[2]
    trunk = trunk[holders]
    around = ball[:, None] + _AROUND_BALL @ trunk
    around[..., 2] = np.maximum(around[..., 2], 0.06)
    # Hands leave the ball gradually: they must not jump back to the pose.
    gap = np.linalg.norm(ball - targets.hands[holders].mean(1), axis=1)
    near, far = np.where(_DIVES[world.gesture[holders], None], _DIVER_RELEASE, _RELEASE).T
    weight = np.clip((far - gap) / (far - near), 0.0, 1.0)[:, None]
    around = around.reshape(-1, 6)
    targets.rows[holders, 15:21] += weight * (around - targets.rows[holders, 15:21])


def _trunk(lean: Floats) -> Floats:
    """Orientations of backs: directions forward, left and up in the frame of the body, `[P, 3, 3]`.

    The back leans by an angle of any size in the direction of `lean` (pitch forward, roll left; radians,
    `[P, 2]`).
    """
    angle = np.sqrt((lean * lean).sum(1))
    scale = np.sinc(angle / np.pi)
    x, y, z = lean[:, 0] * scale, lean[:, 1] * scale, np.cos(angle)
    frame = np.empty((len(lean), 3, 3))
    rest = 1.0 / (1.0 + np.maximum(z, -0.9))
    frame[:, 0, 0], frame[:, 0, 1], frame[:, 0, 2] = 1 - x * x * rest, -x * y * rest, -x
    frame[:, 1, 0], frame[:, 1, 1], frame[:, 1, 2] = -x * y * rest, 1 - y * y * rest, -y
    frame[:, 2, 0], frame[:, 2, 1], frame[:, 2, 2] = x, y, z
    return frame


def _joints(targets: Targets, trunk: Floats) -> Floats:
    """Joints `[P, len(Joint), 3]` in the frame of the body: x forward, y left, z up from the ground."""
    joints = np.empty((len(targets.rows), len(Joint), 3))
    pelvis, spine = targets.pelvis, trunk[:, 2]
    neck = pelvis + SPINE * spine
    # The head leans half as much as the back, and more if the body lies.
    lying = 1.0 - np.clip(spine[:, 2:], 0.0, 1.0)
    head_frame = _trunk(targets.lean * (0.5 + 0.35 * lying))
    head = neck + NECK_TO_HEAD * head_frame[:, 2]
    sin, cos = np.sin(targets.turns)[..., None], np.cos(targets.turns)[..., None]
    across = cos * trunk[:, 1, None] - sin * trunk[:, 0, None]  # [P, 2 (hips, shoulders), 3]
    hips = pelvis[:, None] + HIP_HALF * across[:, :1] * _SIDES[:, None]
    shoulders = (neck - 0.04 * spine)[:, None] + SHOULDER_HALF * across[:, 1:] * _SIDES[:, None]
    bend = _elbow_directions(targets, shoulders, trunk)
    elbows, hands = two_bones(shoulders, targets.hands, UPPER_ARM, FOREARM, bend)
    # Knees point ahead; those of a body that bends or falls forwards turn with it.
    knees_bend = _KNEES_BEND + np.maximum(spine[:, :1, None], 0.0) * (
        _KNEES_BEND @ trunk - _KNEES_BEND
    )
    knees, ankles = two_bones(hips, targets.feet, THIGH, SHIN, knees_bend)
    joints[:, Joint.PELVIS] = pelvis
    joints[:, Joint.NECK] = neck
    joints[:, Joint.HEAD] = head
    joints[:, Joint.CROWN] = head + 0.035 * (head_frame[:, 2] - head_frame[:, 0])
    for first, pair in (
        (Joint.LEFT_SHOULDER, shoulders),
        (Joint.LEFT_ELBOW, elbows),
        (Joint.LEFT_HAND, hands),
        (Joint.LEFT_HIP, hips),
        (Joint.LEFT_HEM, hips + 0.6 * (knees - hips)),
        (Joint.LEFT_KNEE, knees),
        (Joint.LEFT_ANKLE, ankles),
        (Joint.LEFT_TOE, ankles + FOOT * _foot_directions(targets.toes, ankles, knees, lying)),
    ):
        joints[:, first : first + 2] = pair
    np.maximum(joints[..., 2], 0.045, out=joints[..., 2])
    return joints


def _elbow_directions(targets: Targets, shoulders: Floats, trunk: Floats) -> Floats:
    """Directions in which elbows point, `[P, 2, 3]`.

    Backwards for hanging arms, down for stretched ones, forwards for raised ones, and away from the body
    as far as `targets.elbows` says.
    """
    arm = (targets.hands - shoulders) @ trunk.transpose(0, 2, 1)
    bend = np.empty_like(arm)
    bend[..., 0] = arm[..., 2] - 0.05
    bend[..., 1] = _SIDES * (0.05 + 1.5 * targets.elbows[:, None])
    bend[..., 2] = -arm[..., 0] - 0.12
    return np.asarray(bend @ trunk)


def _foot_directions(toes: Floats, ankles: Floats, knees: Floats, lying: Floats) -> Floats:
    """Directions from ankles to toes, `[P, 2, 3]`.

    A low foot is flat on the ground or touches it with the toe; a lifted foot is at a right angle to the
    shin and points down more the higher it is; the feet of a lying body are stretched.
    """
    ahead = np.empty_like(ankles)
    ahead[..., 0], ahead[..., 1] = np.cos(toes), np.sin(toes)
    height = ankles[..., 2]
    ahead[..., 2] = -np.clip((height - 0.05) / FOOT, 0.0, 0.8)
    shin = (ankles - knees) / SHIN
    flat = ahead * (1, 1, 0)
    pointing = np.clip(height - ANKLE_HEIGHT, 0.0, 0.3) * 2 + 0.8 * lying
    square = flat + (pointing - (shin * flat).sum(2))[..., None] * shin
    lifted = np.maximum(np.clip((height - 0.12) / 0.16, 0.0, 1.0), np.minimum(2 * lying, 1.0))
    direction = ahead + lifted[..., None] * (square - ahead)
    length = np.sqrt((direction * direction).sum(2, keepdims=True))
    return np.asarray(direction / np.maximum(length, 1e-6))


def two_bones(
    root: Floats, target: Floats, first: float, second: float, bend: Floats
) -> tuple[Floats, Floats]:
    """Two-bone inverse kinematics, any leading axes.

    Args:
        root, target: `[..., 3]`; a target out of reach is approached with a straight limb.
        first, second: lengths of the bones.
        bend: side to which the joint between the bones bends, `[..., 3]`.

    Returns:
        The joint between the bones and the end of the second one, each `[..., 3]`.
    """
    way = target - root
    length = np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-6)
    way = way / length
    length = np.clip(length, abs(first - second) + 1e-3, first + second - 1e-3)
    along = (first**2 - second**2 + length**2) / (2 * length)
    across = np.sqrt(np.maximum(first**2 - along**2, 0.0))
    normal = bend - np.sum(bend * way, axis=-1, keepdims=True) * way
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    return root + along * way + across * normal, root + length * way


def _to_world(joints: Floats, world: WorldState) -> Floats:
    """Move joints from the frames of the bodies to the pitch."""
    cos, sin = np.cos(world.heading)[:, None], np.sin(world.heading)[:, None]
    placed = np.empty_like(joints)
    placed[..., 0] = world.xy[:, None, 0] + joints[..., 0] * cos - joints[..., 1] * sin
    placed[..., 1] = world.xy[:, None, 1] + joints[..., 0] * sin + joints[..., 1] * cos
    placed[..., 2] = np.where(np.isnan(world.xy[:, :1]), np.nan, joints[..., 2])
    return placed
