"""Bodies: from the arrays of a `Moment` to the joints of every person, vectorised over people.

A body is standing, walking or running (from `speed` and `stride`), and a gesture takes over its
legs, its arms or both for a while. Feet and hands are set as targets, knees and elbows follow by
two-bone inverse kinematics; so a kicking foot is where the ball is at the moment of contact.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.gestures import Targets, gesture_targets
from onball.synthetic.world import Gesture, Moment

Floats = NDArray[np.float64]

THIGH, SHIN, FOOT = 0.46, 0.46, 0.19
UPPER_ARM, FOREARM = 0.31, 0.33
SPINE, NECK_TO_HEAD = 0.50, 0.21
HIP_HALF, SHOULDER_HALF = 0.10, 0.19
PELVIS_HEIGHT, ANKLE_HEIGHT = 0.93, 0.08
REACH = 0.7
"""Hands within this distance (metres) of a ball they are to hold close around it."""


class Part(IntEnum):
    """What a piece of a body is made of; a look gives each part a colour."""

    SHIRT = 0
    SLEEVE = 1
    SHORTS = 2
    SOCKS = 3
    BOOTS = 4
    SKIN = 5
    HAIR = 6


class Joint(IntEnum):
    """Rows of a skeleton. Every left joint is followed by its right twin."""

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
    LEFT_HEM = 12  # where the shorts end
    RIGHT_HEM = 13
    LEFT_KNEE = 14
    RIGHT_KNEE = 15
    LEFT_ANKLE = 16
    RIGHT_ANKLE = 17
    LEFT_TOE = 18
    RIGHT_TOE = 19


class Capsule(NamedTuple):
    """A limb: the hull of two balls with radii in metres around two joints."""

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

#: Columns of `CAPSULES` as arrays: joints `[C]`, radii `[C]`, parts `[C]`.
STARTS = np.array([c.start for c in CAPSULES])
ENDS = np.array([c.end for c in CAPSULES])
START_RADII = np.array([c.start_radius for c in CAPSULES])
END_RADII = np.array([c.end_radius for c in CAPSULES])
PARTS = np.array([c.part for c in CAPSULES])

_SIDES = np.array([1.0, -1.0])
_FORWARD = np.array([1.0, 0.0, 0.0])
_KNEES_BEND = np.array([[1.0, 0.12, 0.3], [1.0, -0.12, 0.3]])
_ELBOWS_SAG = np.array([-0.05, 0.0, -0.12])  # decides where elbows go in arms spread sideways


def skeleton(moment: Moment) -> Floats:
    """Joints of everyone in the world, `[PEOPLE, len(Joint), 3]`, metres.

    People without a position (NaN) have NaN joints.
    """
    targets = _locomotion(moment)
    for person in np.flatnonzero(moment.gesture != Gesture.NONE).tolist():
        gesture = Gesture(int(moment.gesture[person]))
        targets.blend(person, *gesture_targets(gesture, int(moment.gesture_ms[person])))
    _hold_ball(moment, targets)
    joints = _joints(targets)
    return _to_world(joints, moment)


def _locomotion(moment: Moment) -> Targets:
    """Standing, walking and running: targets in each body's own frame."""
    speed = np.clip(moment.speed.astype(np.float64), 0.0, 9.0)
    moving = np.clip(speed / 1.2, 0.0, 1.0)
    running = np.clip((speed - 1.0) / 4.0, 0.0, 1.0)
    left = moment.stride.astype(np.float64)
    phase = np.stack([left, left + np.pi], 1)  # [P, 2]: left, right
    swing = np.sin(phase)
    pace = np.clip(0.16 + 0.06 * speed, 0.0, 0.50) * moving
    # The heel is highest soon after it left the ground behind the body.
    lift = np.clip(0.05 + 0.08 * speed, 0.0, 0.50) * moving
    # Nobody stands quite like his neighbour; the index is all that tells people apart here.
    person = np.arange(len(speed))
    stance = np.stack([0.05 * np.sin(2.4 * person), -0.05 * np.sin(2.4 * person)], 1)

    pelvis = np.zeros((len(speed), 3))
    pelvis[:, 2] = PELVIS_HEIGHT - 0.015 - 0.05 * running + 0.035 * moving * np.cos(2 * left)
    feet = np.empty((len(speed), 2, 3))
    feet[:, :, 0] = pace[:, None] * swing + (1 - moving)[:, None] * stance - 0.06 * running[:, None]
    feet[:, :, 1] = _SIDES * (0.13 - 0.05 * running)[:, None]
    feet[:, :, 2] = ANKLE_HEIGHT + lift[:, None] * np.clip(np.cos(phase + 0.7), 0, None)
    lean = np.stack([0.04 + 0.032 * speed, np.zeros(len(speed))], 1)

    back_and_forth = -swing * moving[:, None]  # an arm swings against the leg of its side
    hands = np.empty((len(speed), 2, 3))
    chest = pelvis + SPINE * 0.95 * _spine_direction(lean)
    bent = running[:, None]
    hands[:, :, 0] = chest[:, None, 0] + 0.05 + 0.10 * bent + (0.12 + 0.2 * bent) * back_and_forth
    hands[:, :, 1] = _SIDES * (SHOULDER_HALF + 0.10 - 0.03 * bent)
    hands[:, :, 2] = (
        chest[:, None, 2] - 0.58 + 0.24 * bent + 0.16 * bent * np.clip(back_and_forth, -0.5, 1)
    )
    twist = 0.28 * moving * np.sin(left)
    return Targets(pelvis, lean, feet, hands, twist)


def _hold_ball(moment: Moment, targets: Targets) -> None:
    """Hands that throw or have caught close around the ball, wherever the world has put it."""
    throwing = (moment.gesture == Gesture.THROW_IN) & (moment.gesture_ms <= 0)
    catching = (moment.gesture == Gesture.CATCH) & (moment.gesture_ms >= 0)
    holders = np.flatnonzero(throwing | catching)
    if len(holders) == 0 or not np.isfinite(moment.ball).all():
        return
    away = moment.ball[:2] - moment.xy[holders]
    cos, sin = np.cos(moment.heading[holders]), np.sin(moment.heading[holders])
    ball = np.empty((len(holders), 3))
    ball[:, 0] = away[:, 0] * cos + away[:, 1] * sin
    ball[:, 1] = away[:, 1] * cos - away[:, 0] * sin
    ball[:, 2] = moment.ball[2]
    around = ball[:, None] + np.array([[-0.03, 0.11, -0.03], [-0.03, -0.11, -0.03]])
    near = np.linalg.norm(around - targets.hands[holders], axis=2).max(1) < REACH
    targets.hands[holders[near]] = around[near]


def _spine_direction(lean: Floats) -> Floats:
    """Unit vectors `[P, 3]` from pelvis to neck for pitch (forward) and roll (left), radians."""
    direction = np.stack([np.tan(lean[:, 0]), np.tan(lean[:, 1]), np.ones(len(lean))], 1)
    return np.asarray(direction / np.linalg.norm(direction, axis=1, keepdims=True))


def _joints(targets: Targets) -> Floats:
    """Joints in the body's frame: x forward, y left, z up, origin on the ground."""
    people = len(targets.pelvis)
    joints = np.empty((people, len(Joint), 3))
    spine = _spine_direction(targets.lean)
    neck = targets.pelvis + SPINE * spine
    # The head looks ahead: it leans half as much as the back.
    head = neck + NECK_TO_HEAD * _spine_direction(targets.lean * 0.5)
    across = np.stack([np.sin(targets.twist), np.cos(targets.twist), np.zeros(people)], 1)
    across = across[:, None] * _SIDES[:, None]  # [P, 2, 3]
    hips = targets.pelvis[:, None] + HIP_HALF * across * (1, 1, 0)
    shoulders = (neck - 0.04 * spine)[:, None] + SHOULDER_HALF * across * (-1, 1, 1)
    # Elbows point backwards from hanging arms, down from stretched ones, forwards from raised ones.
    reach = targets.hands - shoulders
    elbows_bend = np.stack([reach[..., 2], 0 * reach[..., 1], -reach[..., 0]], -1) + _ELBOWS_SAG
    elbows, hands = two_bones(shoulders, targets.hands, UPPER_ARM, FOREARM, elbows_bend)
    knees, ankles = two_bones(hips, targets.feet, THIGH, SHIN, _KNEES_BEND)
    shin = (ankles - knees) / SHIN
    # A foot stands at a right angle to the shin, and points more the higher it is.
    toes = _FORWARD - (shin @ _FORWARD)[..., None] * shin
    toes = toes + np.clip(ankles[..., 2:] - ANKLE_HEIGHT, 0.0, 0.3) * 2 * shin
    toes = toes / np.maximum(np.linalg.norm(toes, axis=2, keepdims=True), 1e-6)
    joints[:, Joint.PELVIS] = targets.pelvis
    joints[:, Joint.NECK] = neck
    joints[:, Joint.HEAD] = head
    joints[:, Joint.CROWN] = head + np.array([-0.035, 0.0, 0.035])
    for first, pair in (
        (Joint.LEFT_SHOULDER, shoulders),
        (Joint.LEFT_ELBOW, elbows),
        (Joint.LEFT_HAND, hands),
        (Joint.LEFT_HIP, hips),
        (Joint.LEFT_HEM, hips + 0.6 * (knees - hips)),
        (Joint.LEFT_KNEE, knees),
        (Joint.LEFT_ANKLE, ankles),
        (Joint.LEFT_TOE, ankles + FOOT * toes),
    ):
        joints[:, first : first + 2] = pair
    np.maximum(joints[..., 2], 0.045, out=joints[..., 2])
    return joints


def two_bones(
    root: Floats, target: Floats, first: float, second: float, bend: Floats
) -> tuple[Floats, Floats]:
    """Two-bone inverse kinematics, any leading axes.

    Args:
        root, target: `[..., 3]`; a target out of reach is approached as far as the bones go.
        first, second: lengths of the bones.
        bend: `[..., 3]`, the side to which the joint between the bones bends.

    Returns: the joint between the bones and the end, each `[..., 3]`.
    """
    way = target - root
    length = np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-6)
    way = way / length
    length = np.clip(length, abs(first - second) + 1e-3, first + second - 1e-3)
    along = (first**2 - second**2 + length**2) / (2 * length)
    aside = np.sqrt(np.maximum(first**2 - along**2, 0.0))
    normal = bend - np.sum(bend * way, axis=-1, keepdims=True) * way
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    return root + along * way + aside * normal, root + length * way


def _to_world(joints: Floats, moment: Moment) -> Floats:
    cos, sin = np.cos(moment.heading)[:, None], np.sin(moment.heading)[:, None]
    world = np.empty_like(joints)
    world[..., 0] = moment.xy[:, None, 0] + joints[..., 0] * cos - joints[..., 1] * sin
    world[..., 1] = moment.xy[:, None, 1] + joints[..., 0] * sin + joints[..., 1] * cos
    world[..., 2] = np.where(np.isnan(moment.xy[:, :1]), np.nan, joints[..., 2])
    return world
