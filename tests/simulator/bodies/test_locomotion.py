"""Standing, walking and running."""

from dataclasses import replace

import numpy as np
import pytest
from body_helpers import HANDS, PERSON, body, posed_world

from onball.simulator.bodies.skeleton import (
    Joint,
    skeleton,
)
from onball.simulator.world import (
    strides_per_second,
)


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
def test_a_foot_on_the_ground_does_not_slide(speed):
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


def test_standing_people_shift_their_weight_and_sometimes_put_hands_on_hips():
    times = range(0, 120_000, 500)
    people = np.stack([skeleton(replace(posed_world(), time_ms=t))[5] for t in times])
    assert 0.04 < np.ptp(people[:, Joint.PELVIS, 1]) < 0.15
    assert np.ptp(people[:, Joint.LEFT_ANKLE], axis=0).max() < 0.02
    akimbo = np.linalg.norm(people[:, Joint.LEFT_HAND] - people[:, Joint.LEFT_HIP], axis=1) < 0.2
    assert 0.05 < akimbo.mean() < 0.5


def test_standing_goalkeepers_are_ready():
    world = posed_world()
    keeper, player = skeleton(world)[[0, PERSON]]
    assert keeper[Joint.PELVIS, 2] < player[Joint.PELVIS, 2] - 0.1
    assert (keeper[HANDS, 0] > player[HANDS, 0] + 0.2).all()
    running = skeleton(posed_world(speed=4.0))
    np.testing.assert_allclose(running[0, Joint.HEAD], running[PERSON, Joint.HEAD], atol=1e-9)


def test_fast_runners_lean_forward():
    def lean(speed):
        joints = body(speed=speed, stride=0.0)
        return joints[Joint.NECK, 0] - joints[Joint.PELVIS, 0]

    assert lean(8.0) > lean(3.0) > lean(0.0) > 0
