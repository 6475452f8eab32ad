"""The director and the film: cuts only in dead time, cameras that keep to the ball, halves and score."""

from __future__ import annotations

import numpy as np
import pytest

from onball.actions import Action
from onball.events import Team
from onball.simulator.cameras import CameraPath, CameraSetup, Director, Shot, follow
from onball.simulator.play.match import play_match
from onball.simulator.rendering import MatchRenderer
from onball.simulator.world import TICK_MS


def test_there_are_close_ups_replays_and_views_from_behind_the_goal(films):
    seen = {shot for film in films for _, _, shot in film.shots()}
    assert seen == {Shot.CLOSE_UP, Shot.REPLAY, Shot.BEHIND_GOAL}


def test_no_label_lies_in_a_cut_or_within_a_second_of_one(films):
    for film in films:
        labels = np.array([event.position_ms for event in film.motion.events])
        for begin, end, _ in film.shots():
            assert not ((labels > begin - 1_000) & (labels < end + 1_000)).any()


def test_people_change_sides_behind_a_cut(films):
    for film in films:
        break_ms = film.motion.halves[1] * TICK_MS
        before, after = film.view(break_ms - TICK_MS), film.view(break_ms)
        assert before.shot is not Shot.MAIN or before.camera.position[0] == pytest.approx(
            after.camera.position[0]
        )
        assert after.shot is Shot.MAIN


def test_a_replay_shows_what_happened_before(films):
    for film in films:
        for begin, end, shot in film.shots():
            if shot is not Shot.REPLAY:
                assert film.view(begin + TICK_MS).world_ms == begin + TICK_MS
                continue
            first, last = film.view(begin), film.view(end - 1)
            assert first.world_ms < last.world_ms < begin


def test_without_cuts_the_main_camera_stays_on_air():
    motion = play_match(1, 120_000)
    director = Director(motion, 1, cuts=False)
    assert director.shots() == []
    assert {director.at(t).shot for t in range(0, 120_000, 500)} == {Shot.MAIN}


def test_the_main_camera_keeps_a_ball_in_play_in_the_picture(films):
    for film in films:
        cameras = CameraPath(film.motion, CameraSetup.random(film.plan.seed), film.plan.seed)
        live = np.ones(film.motion.ticks, bool)
        for dead in film.motion.dead_times:
            live[dead.begin_ms // TICK_MS : dead.end_ms // TICK_MS] = False
        inside = []
        for tick in np.flatnonzero(live)[::11]:
            ball = film.motion.ball[tick].astype(float)
            (x, y), _ = cameras.at(int(tick) * TICK_MS).project(ball, 398, 224)
            inside.append(0 <= x < 398 and 0 <= y < 224)
        assert np.mean(inside) > 0.96


def test_an_operator_lags_and_overshoots():
    step = np.concatenate([np.zeros((50, 1)), np.ones((200, 1))])
    path = follow(step, 3.0, 0.75)[:, 0]
    assert path[54] < 0.2, "he lags"
    assert 1.01 < path.max() < 1.1, "he overshoots a little"
    assert path[-1] == pytest.approx(1.0, abs=0.01)


def test_the_score_counts_goals_by_team_whatever_side_it_plays_on(films):
    for film in films:
        goals = [event for event in film.motion.events if event.label is Action.GOAL]
        home = sum((goal.team is Team.LEFT) != film.swapped(goal.position_ms) for goal in goals)
        assert film.score(film.duration_ms) == (home, len(goals) - home)
        assert film.score(0) == (0, 0)


def test_the_clock_of_the_second_half_starts_where_the_first_should_end(films):
    film = films[0]
    break_ms = film.motion.halves[1] * TICK_MS
    assert film.clock_ms(1_000) == 1_000
    assert film.clock_ms(break_ms) == film.duration_ms // 2


def test_frames_can_be_asked_for_in_any_order(films):
    film = films[0]
    times = [50_000, 10_000, 50_000]
    one, _, again = (film.frame(t) for t in times)
    assert one.shape == (72, 128, 3)
    assert np.array_equal(one, again)
    fresh = MatchRenderer(film.plan, motion=film.motion)
    assert np.array_equal(fresh.frame(50_000), one)
