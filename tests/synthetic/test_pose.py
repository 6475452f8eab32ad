"""Bodies: contacts, proportions, the running cycle."""

import numpy as np
import pytest

from onball.synthetic.pose import (
    CAPSULES,
    END_RADII,
    ENDS,
    FOREARM,
    SHIN,
    START_RADII,
    STARTS,
    THIGH,
    UPPER_ARM,
    Joint,
    skeleton,
    two_bones,
)
from onball.synthetic.world import BALL_RADIUS, CONTACT_OFFSET, PEOPLE, Gesture, Moment

PERSON = 7
GESTURES = [gesture for gesture in Gesture if gesture is not Gesture.NONE]
LIMB_THAT_TOUCHES = {
    Gesture.KICK_RIGHT: {Joint.RIGHT_TOE},
    Gesture.KICK_LEFT: {Joint.LEFT_TOE},
    Gesture.LOFT_RIGHT: {Joint.RIGHT_TOE},
    Gesture.LOFT_LEFT: {Joint.LEFT_TOE},
    Gesture.HEADER: {Joint.HEAD, Joint.CROWN},
    Gesture.THROW_IN: {Joint.LEFT_HAND, Joint.RIGHT_HAND},
    Gesture.SLIDE: {Joint.RIGHT_TOE},
    Gesture.BLOCK: {Joint.RIGHT_TOE, Joint.RIGHT_ANKLE, Joint.RIGHT_KNEE},
    Gesture.CATCH: {Joint.LEFT_HAND, Joint.RIGHT_HAND},
}


def moment(gesture=Gesture.NONE, ms=0, *, xy=(0.0, 0.0), heading=0.0, speed=0.0, stride=0.0):
    """Everyone does the same at the same place; no ball in sight."""
    return Moment(
        time_ms=0,
        xy=np.tile(np.float32(xy), (PEOPLE, 1)),
        heading=np.full(PEOPLE, heading, np.float32),
        speed=np.full(PEOPLE, speed, np.float32),
        stride=np.full(PEOPLE, stride, np.float32),
        gesture=np.full(PEOPLE, gesture, np.uint8),
        gesture_ms=np.full(PEOPLE, ms, np.int32),
        ball=np.full(3, np.nan, np.float32),
    )


def body(*args, **kwargs):
    return skeleton(moment(*args, **kwargs))[PERSON]


def distances_to_limbs(joints, point):
    """From a point to the surface of every capsule, metres."""
    start, end = joints[STARTS], joints[ENDS]
    along = end - start
    share = ((point - start) * along).sum(1) / np.maximum((along**2).sum(1), 1e-9)
    nearest = start + np.clip(share, 0, 1)[:, None] * along
    return np.linalg.norm(nearest - point, axis=1) - np.maximum(START_RADII, END_RADII)


@pytest.mark.parametrize("gesture", LIMB_THAT_TOUCHES)
@pytest.mark.parametrize("heading", [0.0, 2.1, -1.3])
@pytest.mark.parametrize("speed", [0.0, 6.0])
def test_the_right_limb_touches_the_ball_at_contact(gesture, heading, speed):
    x, y, z = CONTACT_OFFSET[gesture]
    cos, sin = np.cos(heading), np.sin(heading)
    ball = np.array([10 + x * cos - y * sin, -4 + x * sin + y * cos, z])
    joints = body(gesture, 0, xy=(10.0, -4.0), heading=heading, speed=speed, stride=1.0)

    gaps = distances_to_limbs(joints, ball)
    touching = int(np.argmin(gaps))
    assert CAPSULES[touching].end in LIMB_THAT_TOUCHES[gesture]
    assert gaps[touching] < BALL_RADIUS + 0.03


@pytest.mark.parametrize(
    ("gesture", "toe"),
    [
        (Gesture.KICK_RIGHT, Joint.RIGHT_TOE),
        (Gesture.KICK_LEFT, Joint.LEFT_TOE),
        (Gesture.LOFT_RIGHT, Joint.RIGHT_TOE),
        (Gesture.LOFT_LEFT, Joint.LEFT_TOE),
    ],
)
def test_a_kick_swings_from_behind_through_the_ball(gesture, toe):
    contact = body(gesture, 0)[toe]
    assert body(gesture, -140)[toe, 0] < -0.3
    assert body(gesture, 130)[toe, 0] > contact[0] + 0.2
    assert body(gesture, 130)[toe, 2] > contact[2] + 0.2
    metres_per_second = np.linalg.norm(contact - body(gesture, -20)[toe]) / 0.020
    assert metres_per_second > 6


def test_left_and_right_kicks_mirror_each_other():
    right, left = body(Gesture.KICK_RIGHT, -60), body(Gesture.KICK_LEFT, -60)
    mirrored = left[Joint.LEFT_ANKLE] * (1, -1, 1)
    np.testing.assert_allclose(right[Joint.RIGHT_ANKLE], mirrored, atol=1e-9)


def test_a_header_is_met_in_the_air_and_ends_on_the_ground():
    feet = [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]
    assert body(Gesture.HEADER, 0)[feet, 2].min() > 0.3
    assert body(Gesture.HEADER, -300)[feet, 2].min() < 0.15
    assert body(Gesture.HEADER, 300)[feet, 2].min() < 0.15


def test_a_slide_lies_low_for_half_a_second():
    for ms in (0, 100, 300):
        assert body(Gesture.SLIDE, ms, speed=5.0)[Joint.HEAD, 2] < 1.0
    assert body(Gesture.SLIDE, 700, speed=5.0)[Joint.HEAD, 2] > 1.4


def test_celebrating_arms_are_up_while_the_legs_run():
    cheering = body(Gesture.CELEBRATE, 1000, speed=5.0, stride=1.0)
    running = body(speed=5.0, stride=1.0)
    assert (cheering[[Joint.LEFT_HAND, Joint.RIGHT_HAND], 2] > cheering[Joint.HEAD, 2]).all()
    np.testing.assert_array_equal(cheering[Joint.LEFT_KNEE :], running[Joint.LEFT_KNEE :])


@pytest.mark.parametrize(("gesture", "ms"), [(Gesture.THROW_IN, -400), (Gesture.CATCH, 300)])
def test_hands_hold_the_ball_where_the_world_put_it(gesture, ms):
    ball = np.array([5.10, 3.0, 2.0 if gesture is Gesture.THROW_IN else 1.25], np.float32)
    joints = skeleton(moment(gesture, ms, xy=(5.0, 3.0))._replace(ball=ball))[PERSON]
    for hand in (Joint.LEFT_HAND, Joint.RIGHT_HAND):
        assert np.linalg.norm(joints[hand] - ball) < BALL_RADIUS + 0.05
    far_away = ball + np.float32(20)
    joints = skeleton(moment(gesture, ms, xy=(5.0, 3.0))._replace(ball=far_away))[PERSON]
    assert np.linalg.norm(joints[Joint.LEFT_HAND] - far_away) > 15


@pytest.mark.parametrize("gesture", GESTURES)
def test_bones_keep_their_length_and_nobody_sinks_into_the_ground(gesture):
    for ms in range(-1000, 1000, 60):
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


@pytest.mark.parametrize("gesture", GESTURES)
def test_gestures_begin_and_end_without_a_jump(gesture):
    path = np.stack([body(gesture, ms, speed=3.0, stride=1.0) for ms in range(-1100, 1100, 5)])
    fastest = np.linalg.norm(np.diff(path, axis=0), axis=2).max() / 0.005
    assert fastest < 25  # metres per second: a hard shot's foot, not a jump between two poses


def test_running_repeats_every_stride_and_the_feet_alternate():
    start = body(speed=6.0, stride=0.4)
    np.testing.assert_allclose(body(speed=6.0, stride=0.4 + 2 * np.pi), start, atol=1e-5)
    half = body(speed=6.0, stride=0.4 + np.pi)
    assert start[Joint.LEFT_ANKLE, 0] == pytest.approx(half[Joint.RIGHT_ANKLE, 0], abs=0.05)
    cycle = [body(speed=6.0, stride=phase) for phase in np.linspace(0, 2 * np.pi, 40)]
    reach = np.array([joints[[Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE], 0] for joints in cycle])
    assert (np.ptp(reach, axis=0) > 0.7).all()
    assert np.corrcoef(reach.T)[0, 1] < -0.8


def test_a_standing_body_ignores_its_stride():
    np.testing.assert_array_equal(body(speed=0.0, stride=0.0), body(speed=0.0, stride=2.0))
    assert 1.5 < body()[Joint.HEAD, 2] < 1.75


def test_fast_runners_lean_forward():
    def lean(speed):
        joints = body(speed=speed, stride=0.0)
        return joints[Joint.NECK, 0] - joints[Joint.PELVIS, 0]

    assert lean(8.0) > lean(3.0) > lean(0.0) > 0


def test_people_without_a_position_have_no_joints():
    world = moment()
    world.xy[3] = np.nan
    joints = skeleton(world)
    assert np.isnan(joints[3]).all()
    assert np.isfinite(np.delete(joints, 3, axis=0)).all()


def test_a_target_out_of_reach_is_approached_with_a_straight_limb():
    root, target = np.zeros(3), np.array([5.0, 0.0, 0.0])
    middle, end = two_bones(root, target, 0.4, 0.5, np.array([0.0, 0.0, 1.0]))
    assert end[0] == pytest.approx(0.9, abs=0.01)
    assert np.linalg.norm(middle) == pytest.approx(0.4, abs=1e-6)
