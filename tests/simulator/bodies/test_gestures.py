"""Gestures: contacts with the ball, shapes of the movement, begin and end."""

import itertools

import numpy as np
import pytest
from body_helpers import ANKLES, GESTURES, HANDS, body, distances_to_limbs, posed_world

from onball.simulator.bodies.gestures import gesture_span, held_ball
from onball.simulator.bodies.key_poses import STRETCH_PERIOD_MS
from onball.simulator.bodies.skeleton import CAPSULES, Joint, skeleton
from onball.simulator.world import BALL_RADIUS, CONTACT_OFFSET, PEOPLE, Gesture

HELD = [
    Gesture.CATCH,
    Gesture.PICK_UP,
    Gesture.CARRY,
    Gesture.THROW_IN,
    Gesture.DIVE_LEFT,
    Gesture.DIVE_RIGHT,
]
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
    Gesture.TOUCH_RIGHT: {Joint.RIGHT_TOE},
    Gesture.TOUCH_LEFT: {Joint.LEFT_TOE},
    Gesture.SHOT_RIGHT: {Joint.RIGHT_TOE},
    Gesture.SHOT_LEFT: {Joint.LEFT_TOE},
    Gesture.TACKLE: {Joint.RIGHT_TOE},
    Gesture.DIVE_LEFT: {Joint.LEFT_HAND, Joint.RIGHT_HAND},
    Gesture.DIVE_RIGHT: {Joint.LEFT_HAND, Joint.RIGHT_HAND},
    Gesture.PICK_UP: {Joint.LEFT_HAND, Joint.RIGHT_HAND},
    Gesture.CARRY: {Joint.LEFT_HAND, Joint.RIGHT_HAND},
}
MIRRORED = [
    (Gesture.KICK_RIGHT, Gesture.KICK_LEFT),
    (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
    (Gesture.TOUCH_RIGHT, Gesture.TOUCH_LEFT),
    (Gesture.SHOT_RIGHT, Gesture.SHOT_LEFT),
    (Gesture.DIVE_RIGHT, Gesture.DIVE_LEFT),
]


@pytest.mark.parametrize("gesture", LIMB_THAT_TOUCHES)
def test_the_right_limb_touches_the_ball_at_contact(gesture):
    x, y, z = CONTACT_OFFSET[gesture]
    for heading, speed in itertools.product([0.0, 2.1, -1.3], [0.0, 6.0]):
        cos, sin = np.cos(heading), np.sin(heading)
        ball = np.array([10 + x * cos - y * sin, -4 + x * sin + y * cos, z])
        joints = body(gesture, 0, xy=(10.0, -4.0), heading=heading, speed=speed, stride=1.0)

        gaps = distances_to_limbs(joints, ball)
        touching = int(np.argmin(gaps))
        assert CAPSULES[touching].end in LIMB_THAT_TOUCHES[gesture], (heading, speed)
        assert gaps[touching] < BALL_RADIUS + 0.03, (heading, speed)


@pytest.mark.parametrize(
    ("gesture", "toe"),
    [
        (Gesture.SHOT_RIGHT, Joint.RIGHT_TOE),
        (Gesture.SHOT_LEFT, Joint.LEFT_TOE),
        (Gesture.LOFT_RIGHT, Joint.RIGHT_TOE),
        (Gesture.LOFT_LEFT, Joint.LEFT_TOE),
    ],
)
def test_a_hard_kick_swings_from_behind_through_the_ball(gesture, toe):
    contact = body(gesture, 0)[toe]
    assert body(gesture, -140)[toe, 0] < -0.3
    assert body(gesture, 130)[toe, 0] > contact[0] + 0.2
    assert body(gesture, 130)[toe, 2] > contact[2] + 0.2
    metres_per_second = np.linalg.norm(contact - body(gesture, -20)[toe]) / 0.020
    assert metres_per_second > 6


def test_a_pass_swings_less_than_a_shot():
    def swing(gesture):
        return np.stack([body(gesture, ms)[Joint.RIGHT_TOE] for ms in range(-300, 300, 10)])

    passed, shot = swing(Gesture.KICK_RIGHT), swing(Gesture.SHOT_RIGHT)
    assert np.ptp(passed[:, 0]) < 0.8 * np.ptp(shot[:, 0])
    assert passed[:, 2].max() < 0.5 < 1.0 < shot[:, 2].max()
    fast = np.linalg.norm(passed[30] - passed[28]) / 0.020
    assert 3 < fast < np.linalg.norm(shot[30] - shot[28]) / 0.020


@pytest.mark.parametrize(("right", "left"), MIRRORED)
def test_left_and_right_mirror_each_other(right, left):
    for ms in (-100, -60, 0, 100):
        one, other = body(right, ms) * (1, -1, 1), body(left, ms)
        for joint in (Joint.LEFT_ANKLE, Joint.LEFT_KNEE, Joint.LEFT_HAND, Joint.LEFT_SHOULDER):
            np.testing.assert_allclose(one[joint], other[joint + 1], atol=1e-9)
            np.testing.assert_allclose(one[joint + 1], other[joint], atol=1e-9)


def test_the_standing_foot_of_a_running_kicker_does_not_slide():
    places = [
        body(Gesture.KICK_RIGHT, ms, xy=(0.004 * ms, 0.0), speed=4.0, stride=1.0)[Joint.LEFT_ANKLE]
        for ms in range(-40, 90, 10)
    ]
    assert np.ptp(np.stack(places)[:, 0]) < 0.06


@pytest.mark.parametrize("gesture", [Gesture.DIVE_LEFT, Gesture.DIVE_RIGHT])
def test_a_diving_keeper_flies_level_lands_lies_and_gets_up(gesture):
    side = 1 if gesture is Gesture.DIVE_LEFT else -1
    flying = body(gesture, 0)
    assert flying[ANKLES, 2].min() > 0.4
    assert abs(flying[Joint.HEAD, 2] - flying[ANKLES, 2].mean()) < 0.3
    assert side * (flying[Joint.HEAD, 1] - flying[ANKLES, 1].mean()) > 1.2
    for ms in (500, 800, 1150):
        assert body(gesture, ms)[:, 2].max() < 0.75
    assert body(gesture, 2200)[Joint.HEAD, 2] > 1.5
    assert body(gesture, -600)[Joint.HEAD, 2] > 1.5


def test_a_fallen_player_lies_low_and_gets_up():
    for ms in (420, 900, 1550):
        assert body(Gesture.FALL, ms)[:, 2].max() < 0.6
    assert body(Gesture.FALL, 0)[Joint.HEAD, 2] > 1.2
    assert body(Gesture.FALL, 2420)[Joint.HEAD, 2] > 1.5


def test_a_tackler_is_low_with_both_feet_near_the_ground():
    lunging, standing = body(Gesture.TACKLE, 0), body()
    assert lunging[Joint.PELVIS, 2] < standing[Joint.PELVIS, 2] - 0.3
    assert lunging[ANKLES, 2].max() < 0.2
    assert np.ptp(lunging[ANKLES, 0]) > 0.9


def test_a_knee_slide_is_on_both_knees_with_wide_arms():
    for ms in (300, 900, 1500):
        sliding = body(Gesture.KNEE_SLIDE, ms, speed=3.0)
        assert sliding[[Joint.LEFT_KNEE, Joint.RIGHT_KNEE], 2].max() < 0.15
        assert sliding[Joint.LEFT_HAND, 1] - sliding[Joint.RIGHT_HAND, 1] > 1.2
        assert sliding[Joint.NECK, 0] < sliding[Joint.PELVIS, 0]


def test_a_step_over_leads_the_foot_around_the_ball_without_touching_it():
    ball = np.array(CONTACT_OFFSET[Gesture.FEINT])
    path = np.stack([body(Gesture.FEINT, ms) for ms in range(-300, 360, 10)])
    assert min(distances_to_limbs(joints, ball).min() for joints in path) > BALL_RADIUS - 0.01
    toe = path[:, Joint.RIGHT_TOE]
    assert toe[:, 0].max() > ball[0] + 0.2
    assert toe[:, 1].max() > 0.0 > -0.35 > toe[:, 1].min()


@pytest.mark.parametrize("gesture", [Gesture.CARRY, Gesture.WALL, Gesture.SIGNAL])
def test_gestures_of_the_arms_do_not_move_the_legs(gesture):
    for ms in (0, 700):
        doing, walking = (body(g, ms, speed=1.4, stride=1.0) for g in (gesture, Gesture.NONE))
        np.testing.assert_array_equal(doing[Joint.LEFT_KNEE :], walking[Joint.LEFT_KNEE :])
    signalling = body(Gesture.SIGNAL, 700)
    assert signalling[Joint.RIGHT_HAND, 2] > 1.9 > 1.0 > signalling[Joint.LEFT_HAND, 2]
    assert np.linalg.norm(np.subtract(*body(Gesture.WALL, 20_000)[HANDS])) < 0.12
    assert np.linalg.norm(np.subtract(*body(Gesture.CARRY, 90_000)[HANDS])) < 0.3


def test_stretching_repeats_and_moves_only_the_arms_of_a_jogger():
    np.testing.assert_allclose(
        body(Gesture.STRETCH, 1_000), body(Gesture.STRETCH, 1_000 + 5 * STRETCH_PERIOD_MS)
    )
    left, right = body(Gesture.STRETCH, 1_000), body(Gesture.STRETCH, 3_000)
    assert left[Joint.LEFT_ANKLE, 0] > 0.4 and right[Joint.RIGHT_ANKLE, 0] > 0.4
    jogging = body(Gesture.STRETCH, 1_000, speed=2.0, stride=1.0)
    np.testing.assert_array_equal(
        jogging[Joint.LEFT_KNEE :], body(speed=2.0, stride=1.0)[Joint.LEFT_KNEE :]
    )


def test_a_header_is_met_in_the_air_and_ends_on_the_ground():
    feet = [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]
    assert body(Gesture.HEADER, 0)[feet, 2].min() > 0.3
    assert body(Gesture.HEADER, -300)[feet, 2].min() < 0.15
    assert body(Gesture.HEADER, 300)[feet, 2].min() < 0.15
    assert body(Gesture.HEADER, 0)[Joint.PELVIS, 2] > body()[Joint.PELVIS, 2] + 0.3


def test_a_slide_lies_low_for_half_a_second():
    for ms in (0, 100, 300):
        assert body(Gesture.SLIDE, ms, speed=5.0)[Joint.HEAD, 2] < 1.0
    assert body(Gesture.SLIDE, 500, speed=5.0)[Joint.PELVIS, 2] < 0.3
    assert body(Gesture.SLIDE, 950, speed=5.0)[Joint.HEAD, 2] > 1.4


def test_celebrating_arms_are_up_while_the_legs_run():
    cheering = body(Gesture.CELEBRATE, 1000, speed=5.0, stride=1.0)
    running = body(speed=5.0, stride=1.0)
    assert (cheering[[Joint.LEFT_HAND, Joint.RIGHT_HAND], 2] > cheering[Joint.HEAD, 2]).all()
    np.testing.assert_array_equal(cheering[Joint.LEFT_KNEE :], running[Joint.LEFT_KNEE :])


@pytest.mark.parametrize("gesture", HELD)
def test_a_ball_can_be_kept_between_the_hands(gesture):
    np.testing.assert_allclose(held_ball(gesture, 0), CONTACT_OFFSET[gesture], atol=0.09)
    begin, end = gesture_span(gesture)
    path = np.array([held_ball(gesture, ms) for ms in range(begin, min(end, 3_000), 20)])
    assert (path[:, 2] >= BALL_RADIUS).all()
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() / 0.020 < 12


def test_a_held_ball_continues_where_the_previous_gesture_left_it():
    chest = CONTACT_OFFSET[Gesture.CARRY]
    for gesture, ms in (
        (Gesture.PICK_UP, 600),
        (Gesture.CARRY, 0),
        (Gesture.CARRY, 90_000),
        (Gesture.THROW_IN, -1_000),
        (Gesture.CATCH, 1_000),
        (Gesture.DIVE_LEFT, 2_250),
        (Gesture.DIVE_RIGHT, 2_250),
    ):
        np.testing.assert_allclose(held_ball(gesture, ms), chest, atol=0.02)
    behind_the_head = held_ball(Gesture.THROW_IN, -220)
    assert behind_the_head[0] < body(Gesture.THROW_IN, -220)[Joint.CROWN, 0]


@pytest.mark.parametrize("gesture", GESTURES)
def test_gestures_begin_and_end_continuously(gesture):
    begin, end = gesture_span(gesture)
    times = np.arange(max(begin, -1100) - 20, min(end, 2600) + 20, 5)
    # Each person does a part of the gesture, up to the first pose of the next person.
    length = -(-len(times) // PEOPLE)
    parts = np.arange(PEOPLE) * length + np.arange(length + 1)[:, None]
    path = np.stack(
        [
            skeleton(posed_world(gesture, ms, speed=3.0, stride=1.0))
            for ms in times[parts.clip(max=len(times) - 1)]
        ]
    )
    fastest = np.linalg.norm(np.diff(path, axis=0), axis=3).max() / 0.005
    shot = gesture in (Gesture.SHOT_RIGHT, Gesture.SHOT_LEFT)
    assert fastest < (30 if shot else 25)  # metres per second: a foot, not a jump between poses


def test_each_gesture_has_a_beginning_and_an_end():
    for gesture in GESTURES:
        begin, end = gesture_span(gesture)
        assert begin <= 0 < end, gesture
        np.testing.assert_allclose(body(gesture, begin), body(), atol=1e-6, err_msg=str(gesture))
        if gesture is not Gesture.STRETCH:
            np.testing.assert_allclose(body(gesture, end), body(), atol=1e-6, err_msg=str(gesture))
