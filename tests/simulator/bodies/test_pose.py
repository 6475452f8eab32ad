"""Bodies: contacts, proportions, the running cycle."""

from dataclasses import replace

import numpy as np
import pytest

from onball.simulator.bodies.gestures import gesture_span, held_ball
from onball.simulator.bodies.key_poses import STRETCH_PERIOD_MS
from onball.simulator.bodies.skeleton import (
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
from onball.simulator.world import (
    BALL_RADIUS,
    CONTACT_OFFSET,
    PEOPLE,
    Gesture,
    WorldState,
    strides_per_second,
)

PERSON = 7
HELD = [
    Gesture.CATCH,
    Gesture.PICK_UP,
    Gesture.CARRY,
    Gesture.THROW_IN,
    Gesture.DIVE_LEFT,
    Gesture.DIVE_RIGHT,
]
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
HANDS = [Joint.LEFT_HAND, Joint.RIGHT_HAND]
ANKLES = [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]


def moment(gesture=Gesture.NONE, ms=0, *, xy=(0.0, 0.0), heading=0.0, speed=0.0, stride=0.0):
    """Everyone does the same at the same place; no ball in sight."""
    return WorldState(
        time_ms=0,
        xy=np.tile(np.float32(xy), (PEOPLE, 1)),
        heading=np.full(PEOPLE, heading, np.float32),
        speed=np.full(PEOPLE, speed, np.float32),
        stride=np.full(PEOPLE, stride, np.float32),
        gesture=np.full(PEOPLE, gesture, np.uint8),
        gesture_ms=np.full(PEOPLE, ms, np.int32),
        ball=np.full(3, np.nan, np.float32),
        spare_ball=np.full(3, np.nan, np.float32),
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


def test_the_standing_foot_of_a_running_kicker_stays_on_its_place():
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


def test_who_falls_lies_low_and_gets_up():
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
def test_gestures_of_the_arms_leave_the_legs_alone(gesture):
    for ms in (0, 700):
        doing, walking = (body(g, ms, speed=1.4, stride=1.0) for g in (gesture, Gesture.NONE))
        np.testing.assert_array_equal(doing[Joint.LEFT_KNEE :], walking[Joint.LEFT_KNEE :])
    signalling = body(Gesture.SIGNAL, 700)
    assert signalling[Joint.RIGHT_HAND, 2] > 1.9 > 1.0 > signalling[Joint.LEFT_HAND, 2]
    assert np.linalg.norm(np.subtract(*body(Gesture.WALL, 20_000)[HANDS])) < 0.12
    assert np.linalg.norm(np.subtract(*body(Gesture.CARRY, 90_000)[HANDS])) < 0.3


def test_stretching_goes_on_and_on_and_leaves_a_jogger_his_legs():
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
def test_hands_hold_the_ball_where_the_world_put_it(gesture, ms, ball):
    world = moment(gesture, ms, xy=(5.0, 3.0))
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
def test_the_ball_passes_from_gesture_to_gesture_without_a_jump(first, first_ms, second, second_ms):
    ball = np.float32(CONTACT_OFFSET[Gesture.CARRY])
    before = skeleton(replace(moment(first, first_ms, speed=1.0), ball=ball))[PERSON]
    after = skeleton(replace(moment(second, second_ms, speed=1.0), ball=ball))[PERSON]
    np.testing.assert_allclose(before, after, atol=0.06)


def test_hands_do_not_jump_back_when_the_ball_flies_off():
    hands = []
    for ms in range(0, 200, 2):
        ball = np.float32(CONTACT_OFFSET[Gesture.DIVE_LEFT]) + np.float32([0.015 * ms, 0, 0])
        hands.append(skeleton(replace(moment(Gesture.DIVE_LEFT, ms), ball=ball))[PERSON, HANDS])
    assert np.linalg.norm(np.diff(hands, axis=0), axis=2).max() / 0.002 < 25


@pytest.mark.parametrize("gesture", HELD)
def test_a_ball_can_be_kept_between_the_hands(gesture):
    np.testing.assert_allclose(held_ball(gesture, 0), CONTACT_OFFSET[gesture], atol=0.09)
    begin, end = gesture_span(gesture)
    path = np.array([held_ball(gesture, ms) for ms in range(begin, min(end, 3_000), 20)])
    assert (path[:, 2] >= BALL_RADIUS).all()
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() / 0.020 < 12


def test_a_held_ball_goes_on_where_the_gesture_before_left_it():
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
def test_bones_keep_their_length_and_nobody_sinks_into_the_ground(gesture):
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


@pytest.mark.parametrize("gesture", GESTURES)
def test_gestures_begin_and_end_without_a_jump(gesture):
    span = range(-1100, 2600, 5)
    path = np.stack([body(gesture, ms, speed=3.0, stride=1.0) for ms in span])
    fastest = np.linalg.norm(np.diff(path, axis=0), axis=2).max() / 0.005
    shot = gesture in (Gesture.SHOT_RIGHT, Gesture.SHOT_LEFT)
    assert fastest < (30 if shot else 25)  # metres per second: a foot, not a jump between poses


@pytest.mark.parametrize("gesture", GESTURES)
def test_a_gesture_has_a_beginning_and_an_end(gesture):
    begin, end = gesture_span(gesture)
    assert begin <= 0 < end
    np.testing.assert_allclose(body(gesture, begin), body(), atol=1e-6)
    if gesture is not Gesture.STRETCH:
        np.testing.assert_allclose(body(gesture, end), body(), atol=1e-6)


def test_running_repeats_every_stride_and_the_feet_alternate():
    start = body(speed=6.0, stride=0.4)
    np.testing.assert_allclose(body(speed=6.0, stride=0.4 + 2 * np.pi), start, atol=1e-5)
    half = body(speed=6.0, stride=0.4 + np.pi)
    assert start[Joint.LEFT_ANKLE, 0] == pytest.approx(half[Joint.RIGHT_ANKLE, 0], abs=0.05)
    cycle = [body(speed=6.0, stride=phase) for phase in np.linspace(0, 2 * np.pi, 40)]
    reach = np.array([joints[[Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE], 0] for joints in cycle])
    assert (np.ptp(reach, axis=0) > 0.7).all()
    assert np.corrcoef(reach.T)[0, 1] < -0.8


@pytest.mark.parametrize("speed", [1.0, 1.5, 3.0, 5.0, 8.0])
def test_a_foot_on_the_ground_does_not_skate(speed):
    phase = np.linspace(0, 1, 200, endpoint=False)
    seconds = phase / strides_per_second(np.float64(speed))
    cycle = np.stack([body(speed=speed, stride=2 * np.pi * p)[Joint.LEFT_ANKLE] for p in phase])
    over_ground = np.gradient(cycle[:, 0], seconds) + speed
    flat = cycle[:, 2] < 0.085  # the whole foot, not the heel
    assert flat.mean() > 0.1
    assert np.median(np.abs(over_ground[flat])) < 0.1
    assert np.mean(np.abs(over_ground[flat]) > 0.5) < 0.25


def test_a_standing_body_ignores_its_stride():
    np.testing.assert_array_equal(body(speed=0.0, stride=0.0), body(speed=0.0, stride=2.0))
    assert 1.5 < body()[Joint.HEAD, 2] < 1.75


def test_who_stands_shifts_his_weight_and_puts_his_hands_on_his_hips_at_times():
    times = range(0, 120_000, 500)
    people = np.stack([skeleton(replace(moment(), time_ms=t))[5] for t in times])
    assert 0.04 < np.ptp(people[:, Joint.PELVIS, 1]) < 0.15
    assert np.ptp(people[:, Joint.LEFT_ANKLE], axis=0).max() < 0.02
    akimbo = np.linalg.norm(people[:, Joint.LEFT_HAND] - people[:, Joint.LEFT_HIP], axis=1) < 0.2
    assert 0.05 < akimbo.mean() < 0.5


def test_standing_goalkeepers_are_ready():
    world = moment()
    keeper, player = skeleton(world)[[0, PERSON]]
    assert keeper[Joint.PELVIS, 2] < player[Joint.PELVIS, 2] - 0.1
    assert (keeper[HANDS, 0] > player[HANDS, 0] + 0.2).all()
    running = skeleton(moment(speed=4.0))
    np.testing.assert_allclose(running[0, Joint.HEAD], running[PERSON, Joint.HEAD], atol=1e-9)


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
