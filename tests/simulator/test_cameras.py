"""Cameras: cuts only in dead time, replays, and a main camera that follows the ball."""

from __future__ import annotations

import numpy as np
import pytest

from onball.simulator.cameras import CameraPath, CameraSetup, Director, Shot, follow
from onball.simulator.world import TICK_MS


def test_there_are_close_ups_replays_and_views_from_behind_the_goal(renderers):
    seen = {shot for renderer in renderers for _, _, shot in renderer.shots()}
    assert seen == {Shot.CLOSE_UP, Shot.REPLAY, Shot.BEHIND_GOAL}


def test_no_label_lies_in_a_cut_or_within_a_second_of_one(renderers):
    for renderer in renderers:
        labels = np.array([event.position_ms for event in renderer.motion.events])
        for begin, end, _ in renderer.shots():
            assert not ((labels > begin - 1_000) & (labels < end + 1_000)).any()


def test_people_change_sides_at_a_cut(renderers):
    for renderer in renderers:
        break_ms = renderer.motion.halves[1] * TICK_MS
        before, after = renderer.view(break_ms - TICK_MS), renderer.view(break_ms)
        assert before.shot is not Shot.MAIN or before.camera.position[0] == pytest.approx(
            after.camera.position[0]
        )
        assert after.shot is Shot.MAIN


def test_a_replay_shows_earlier_frames(renderers):
    for renderer in renderers:
        for begin, end, shot in renderer.shots():
            if shot is not Shot.REPLAY:
                assert renderer.view(begin + TICK_MS).world_ms == begin + TICK_MS
                continue
            first, last = renderer.view(begin), renderer.view(end - 1)
            assert first.world_ms < last.world_ms < begin


def test_directors_of_the_broad_look_differ_and_cut_at_no_label(matches):
    motion = matches[0]
    labels = np.array([event.position_ms for event in motion.events])
    shares = []
    for seed in range(12):
        shots = Director(motion, seed, broad=True).shots()
        shares.append(sum(end - begin for begin, end, _ in shots))
        for begin, end, _ in shots:
            assert not ((labels > begin - 1000) & (labels < end + 1000)).any()
    assert max(shares) > 2 * min(shares)


def test_without_cuts_only_the_main_camera_is_used(matches):
    motion = matches[0]
    director = Director(motion, 1, cuts=False)
    assert director.shots() == []
    assert {director.at(t).shot for t in range(0, 120_000, 500)} == {Shot.MAIN}


def test_the_main_camera_keeps_a_ball_in_play_in_the_image(renderers):
    for renderer in renderers:
        cameras = CameraPath(
            renderer.motion, CameraSetup.random(renderer.plan.seed), renderer.plan.seed
        )
        live = np.ones(renderer.motion.ticks, bool)
        for dead in renderer.motion.dead_times:
            live[dead.begin_ms // TICK_MS : dead.end_ms // TICK_MS] = False
        inside = []
        for tick in np.flatnonzero(live)[::11]:
            ball = renderer.motion.ball[tick].astype(float)
            (x, y), _ = cameras.at(int(tick) * TICK_MS).project(ball, 398, 224)
            inside.append(0 <= x < 398 and 0 <= y < 224)
        assert np.mean(inside) > 0.96


def test_the_operator_lags_and_overshoots():
    step = np.concatenate([np.zeros((50, 1)), np.ones((200, 1))])
    path = follow(step, 3.0, 0.75)[:, 0]
    assert path[54] < 0.2, "he lags"
    assert 1.01 < path.max() < 1.1, "he overshoots a little"
    assert path[-1] == pytest.approx(1.0, abs=0.01)
