"""Renderer of a match: score, clock, and frames in any order."""

from __future__ import annotations

import numpy as np

from onball.actions import Action
from onball.events import Team
from onball.simulator.cameras import CameraSetup
from onball.simulator.rendering import MatchRenderer
from onball.simulator.world import TICK_MS


def test_the_score_counts_goals_by_team_on_both_sides(renderers):
    for renderer in renderers:
        goals = [event for event in renderer.motion.events if event.label is Action.GOAL]
        home = sum((goal.team is Team.LEFT) != renderer.swapped(goal.position_ms) for goal in goals)
        assert renderer.score(renderer.duration_ms) == (home, len(goals) - home)
        assert renderer.score(0) == (0, 0)


def test_the_clock_of_the_second_half_starts_at_the_nominal_end_of_the_first(renderers):
    renderer = renderers[0]
    break_ms = renderer.motion.halves[1] * TICK_MS
    assert renderer.clock_ms(1_000) == 1_000
    assert renderer.clock_ms(break_ms) == renderer.duration_ms // 2


def test_frames_can_be_rendered_in_any_order(renderers):
    renderer = renderers[0]
    times = [50_000, 10_000, 50_000]
    one, _, again = (renderer.frame(t) for t in times)
    assert one.shape == (72, 128, 3)
    assert np.array_equal(one, again)
    fresh = MatchRenderer(renderer.plan, motion=renderer.motion)
    assert np.array_equal(fresh.frame(50_000), one)


def test_look_and_camera_can_be_given_and_nothing_else_changes(renderers):
    first, other = renderers[:2]
    setup = CameraSetup.random(other.plan.seed)
    given = MatchRenderer(first.plan, motion=first.motion, look=other.look, camera=setup)
    assert given.look is other.look and given.shots() == first.shots()
    camera, own = (renderer.view(10_000).camera for renderer in (given, first))
    assert camera.position.tolist() == [setup.x, -setup.back, setup.height] != own.position.tolist()
    drawn = CameraSetup.random(first.plan.seed)
    same = MatchRenderer(first.plan, motion=first.motion, look=first.look, camera=drawn)
    assert np.array_equal(same.frame(10_000), first.frame(10_000))
