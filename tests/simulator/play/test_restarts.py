"""Positions of players at set pieces."""

from __future__ import annotations

import numpy as np
import pytest

from onball.simulator.play.restarts import wall_places
from onball.simulator.world import (
    HALF_LENGTH,
)


def test_a_wall_stands_between_ball_and_goal():
    for ball in (np.array([30.0, 8.0]), np.array([-33.0, -12.0])):
        goal = np.array([np.sign(ball[0]) * HALF_LENGTH, 0.0])
        wall = np.array(wall_places(ball, goal))
        assert np.linalg.norm(wall - ball, axis=1) == pytest.approx(9.15, abs=0.15)
        assert np.diff(np.linalg.norm(np.diff(wall, axis=0), axis=1)) == pytest.approx(0, abs=1e-9)
        along = (wall.mean(0) - ball) @ (goal - ball) / np.linalg.norm(goal - ball)
        assert along > 8.5
