"""Joints: lengths of bones, hands at a held ball, inverse kinematics."""

from dataclasses import replace

import numpy as np
import pytest
from body_helpers import GESTURES, HANDS, PERSON, body, posed_world

from onball.simulator.bodies.skeleton import (
    FOREARM,
    SHIN,
    THIGH,
    UPPER_ARM,
    Joint,
    skeleton,
    two_bones,
)
from onball.simulator.world import (
    BALL_RADIUS,
    CONTACT_OFFSET,
    Gesture,
)


@pytest.mark.parametrize(
    ("gesture", "ms", "ball"),
    [
        (Gesture.THROW_IN, -400, (0.10, 0.0, 2.0)),
        (Gesture.THROW_IN, -1_000, (0.34, 0.0, 1.05)),
        (Gesture.CATCH, 300, (0.10, 0.0, 1.25)),
        (Gesture.PICK_UP, 300, (0.40, 0.0, 0.6)),
        (Gesture.CARRY, 2_000, (0.30, 0.05, 1.1)),
        (Gesture.DIVE_LEFT, 100, (0.25, 1.36, 0.65)),
    ],
)
def test_hands_hold_the_ball_at_its_true_position(gesture, ms, ball):
    world = posed_world(gesture, ms, xy=(5.0, 3.0))
    ball = np.float32(ball) + np.float32([5, 3, 0])
    joints = skeleton(replace(world, ball=ball))[PERSON]
    for hand in HANDS:
        assert np.linalg.norm(joints[hand] - ball) < BALL_RADIUS + 0.05
    far_away = ball + np.float32(20)
    joints = skeleton(replace(world, ball=far_away))[PERSON]
    assert np.linalg.norm(joints[Joint.LEFT_HAND] - far_away) > 15


@pytest.mark.parametrize(
    ("first", "first_ms", "second", "second_ms"),
    [
        (Gesture.PICK_UP, 600, Gesture.CARRY, 0),
        (Gesture.CARRY, 5_000, Gesture.PICK_UP, 600),
        (Gesture.CARRY, 3_000, Gesture.THROW_IN, -1_050),
        (Gesture.CATCH, 1_000, Gesture.CARRY, 1_000),
    ],
)
def test_the_held_ball_is_continuous_between_gestures(first, first_ms, second, second_ms):
    ball = np.float32(CONTACT_OFFSET[Gesture.CARRY])
    before = skeleton(replace(posed_world(first, first_ms, speed=1.0), ball=ball))[PERSON]
    after = skeleton(replace(posed_world(second, second_ms, speed=1.0), ball=ball))[PERSON]
    np.testing.assert_allclose(before, after, atol=0.06)


def test_hands_do_not_jump_back_when_the_ball_flies_off():
    hands = []
    for ms in range(0, 200, 2):
        ball = np.float32(CONTACT_OFFSET[Gesture.DIVE_LEFT]) + np.float32([0.015 * ms, 0, 0])
        hands.append(
            skeleton(replace(posed_world(Gesture.DIVE_LEFT, ms), ball=ball))[PERSON, HANDS]
        )
    assert np.linalg.norm(np.diff(hands, axis=0), axis=2).max() / 0.002 < 25


@pytest.mark.parametrize("gesture", GESTURES)
def test_bones_keep_their_length_and_bodies_stay_above_the_ground(gesture):
    for ms in range(-1000, 2600, 60):
        joints = body(gesture, ms, speed=4.0, stride=ms / 100)
        assert joints[:, 2].min() > 0.03
        for side in (0, 1):
            for first, second, length in (
                (Joint.LEFT_HIP, Joint.LEFT_KNEE, THIGH),
                (Joint.LEFT_KNEE, Joint.LEFT_ANKLE, SHIN),
                (Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, UPPER_ARM),
                (Joint.LEFT_ELBOW, Joint.LEFT_HAND, FOREARM),
            ):
                bone = np.linalg.norm(joints[first + side] - joints[second + side])
                assert bone == pytest.approx(length, abs=0.02)


def test_people_without_a_position_have_no_joints():
    world = posed_world()
    world.xy[3] = np.nan
    joints = skeleton(world)
    assert np.isnan(joints[3]).all()
    assert np.isfinite(np.delete(joints, 3, axis=0)).all()


def test_a_target_out_of_reach_is_approached_with_a_straight_limb():
    root, target = np.zeros(3), np.array([5.0, 0.0, 0.0])
    middle, end = two_bones(root, target, 0.4, 0.5, np.array([0.0, 0.0, 1.0]))
    assert end[0] == pytest.approx(0.9, abs=0.01)
    assert np.linalg.norm(middle) == pytest.approx(0.4, abs=1e-6)
