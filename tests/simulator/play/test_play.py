"""Simulated play: actions at their labels, the rules of football, and plausible physics."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from onball.actions import Action
from onball.events import Team
from onball.simulator.play.match import play_match
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.simulator.world import (
    BALL_RADIUS,
    CONTACT_OFFSET,
    GOAL_HEIGHT,
    GOAL_WIDTH,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    PLAYERS,
    TEAM_SIZE,
    TICK_MS,
    Gesture,
    Motion,
)

TICK_S = TICK_MS / 1000
KICKS = tuple(g for g in Gesture if g.name.startswith(("KICK", "LOFT", "SHOT")))


def events_of(matches: list[Motion], *actions: Action):
    """Yield match, event and tick of every event of the given actions."""
    for motion in matches:
        for event in motion.events:
            if event.label in actions:
                yield motion, event, event.position_ms // TICK_MS


def side(motion: Motion, tick: int, team: Team) -> slice:
    """Rows of the team that defends a side at a tick."""
    second_half = len(motion.halves) > 1 and tick >= motion.halves[1]
    home = (team is Team.LEFT) != second_half
    return slice(0, TEAM_SIZE) if home else slice(TEAM_SIZE, PLAYERS)


def without_the_break(motion: Motion, steps: np.ndarray) -> np.ndarray:
    """Differences between consecutive ticks, except at half-time, when people change sides."""
    keep = np.ones(len(steps), bool)
    keep[[half - 1 for half in motion.halves[1:]]] = False
    return steps[keep]


def test_all_actions_happen(matches):
    seen = {event.label for motion in matches for event in motion.events}
    assert seen == set(Action)  # `Pace` ensures even GOAL and FREE KICK


def test_speed_and_turning_stay_within_human_limits(matches):
    for motion in matches:
        velocity = np.diff(motion.xy.astype(float), axis=0) / TICK_S
        speed = without_the_break(motion, np.linalg.norm(velocity, axis=2))
        assert speed.max() <= 9.5
        force = np.linalg.norm(np.diff(velocity, axis=0), axis=2) / TICK_S
        for half in motion.halves[1:]:
            force[half - 2 : half] = 0
        assert force.max() <= 7.0


def test_positions_are_continuous(matches):
    for motion in matches:
        people = np.linalg.norm(np.diff(motion.xy, axis=0), axis=2)
        assert without_the_break(motion, people).max() <= 0.45
        for ball in (motion.ball, motion.spare_ball):
            assert not np.isnan(ball).any(), "the ball never vanishes"
            steps = np.linalg.norm(np.diff(ball, axis=0), axis=1)
            assert without_the_break(motion, steps).max() <= 1.6
            assert ball[:, 2].min() >= BALL_RADIUS - 1e-3, "never below the grass"


def test_the_acting_player_is_at_the_ball(matches):
    for motion, event, tick in events_of(matches, *(set(Action) - {Action.OUT, Action.GOAL})):
        rows = side(motion, tick, event.team)
        acting = motion.gesture_ms[tick, rows] == 0
        acting &= motion.gesture[tick, rows] != Gesture.NONE
        gaps = np.linalg.norm(motion.xy[tick, rows] - motion.ball[tick, :2], axis=1)
        people = np.flatnonzero(acting & (gaps < 2.2))
        assert len(people), f"{event.label} at {event.position_ms}: nobody acts"
        nearest = people[np.argmin(gaps[people])]
        gesture = Gesture(int(motion.gesture[tick, rows][nearest]))
        forward, left, up = CONTACT_OFFSET[gesture]
        heading = float(motion.heading[tick, rows][nearest])
        ahead = np.array([np.cos(heading), np.sin(heading)])
        expected = motion.xy[tick, rows][nearest] + ahead * forward
        expected = expected + np.array([-ahead[1], ahead[0]]) * left
        assert np.linalg.norm(expected - motion.ball[tick, :2]) < 0.5, (event, gesture)
        assert motion.ball[tick, 2] == pytest.approx(up, abs=0.02), (event, gesture)


@pytest.mark.parametrize(
    ("action", "gestures"),
    [
        (Action.PASS, KICKS),
        (Action.HIGH_PASS, KICKS),
        (Action.CROSS, KICKS),
        (Action.SHOT, KICKS),
        (Action.FREE_KICK, (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT)),
        (Action.DRIVE, (Gesture.TOUCH_RIGHT, Gesture.TOUCH_LEFT)),
        (Action.HEADER, (Gesture.HEADER,)),
        (Action.THROW_IN, (Gesture.THROW_IN,)),
        (Action.PLAYER_SUCCESSFUL_TACKLE, (Gesture.SLIDE, Gesture.TACKLE)),
        (Action.BALL_PLAYER_BLOCK, (Gesture.BLOCK, Gesture.DIVE_LEFT, Gesture.DIVE_RIGHT)),
    ],
)
def test_each_action_has_its_own_gesture_at_the_label(matches, action, gestures):
    found = list(events_of(matches, action))
    assert found
    for motion, event, tick in found:
        rows = side(motion, tick, event.team)
        now = motion.gesture_ms[tick, rows] == 0
        assert np.isin(motion.gesture[tick, rows][now], gestures).any(), event


def test_shots_are_saved_and_blocked(matches):
    blocks = [
        motion.gesture[tick][motion.gesture_ms[tick] == 0]
        for motion, _, tick in events_of(matches, Action.BALL_PLAYER_BLOCK)
    ]
    dives = sum(np.isin(g, (Gesture.DIVE_LEFT, Gesture.DIVE_RIGHT)).any() for g in blocks)
    assert 0 < dives < len(blocks)


def test_the_ball_crosses_a_line_when_it_is_out(matches):
    for motion, _, tick in events_of(matches, Action.OUT):
        x, y = np.abs(motion.ball[tick, :2])
        assert x >= HALF_LENGTH or y >= HALF_WIDTH
        before = np.abs(motion.ball[tick - 1, :2])
        assert before[0] < HALF_LENGTH + 0.2 and before[1] < HALF_WIDTH + 0.2


def test_the_ball_in_play_is_inside_the_lines(matches):
    crossings = 0
    for motion in matches:
        times = np.arange(motion.ticks) * TICK_MS
        live = np.ones(motion.ticks, bool)
        for dead in motion.dead_times:
            live[(times >= dead.begin_ms - TICK_MS) & (times <= dead.end_ms)] = False
        out = np.abs(motion.ball[:, 0]) > HALF_LENGTH + BALL_RADIUS
        out |= np.abs(motion.ball[:, 1]) > HALF_WIDTH + BALL_RADIUS
        crossings += int((out[1:] & ~out[:-1] & live[1:]).sum())
    assert crossings <= 2, "in a quarter of an hour, hardly ever"


def test_shots_are_taken_near_the_opponents_goal(matches):
    for motion, event, tick in events_of(matches, Action.SHOT):
        towards = 1 if event.team is Team.LEFT else -1
        assert motion.ball[tick, 0] * towards > 20


def test_goals_are_between_the_posts_and_outs_are_not(matches):
    goals = list(events_of(matches, Action.GOAL))
    assert goals
    for motion, _, tick in goals:
        x, y, z = motion.ball[tick]
        assert abs(x) >= HALF_LENGTH and abs(y) < GOAL_WIDTH / 2 and z < GOAL_HEIGHT
    for motion, _, tick in events_of(matches, Action.OUT):
        x, y, z = np.abs(motion.ball[tick])
        assert x < HALF_LENGTH or y > GOAL_WIDTH / 2 or z > GOAL_HEIGHT


def test_teams_change_sides_at_half_time(matches):
    for motion in matches:
        first, second = motion.halves
        keeper = GOALKEEPERS[0]
        assert motion.xy[first:second, keeper, 0].mean() < -30
        assert motion.xy[second:, keeper, 0].mean() > 30
        minutes, seconds = divmod(second * TICK_MS // 1000, 60)
        assert motion.events.metadata["halftime"] == f"1 - {minutes:02d}:{seconds:02d}"
        assert all(event.half == 1 for event in motion.events), "one file, as SoccerNet has it"


def test_the_only_label_in_dead_time_is_the_restart(matches):
    for motion in matches:
        labels = np.array([event.position_ms for event in motion.events])
        for dead in motion.dead_times:
            assert not ((labels > dead.begin_ms) & (labels < dead.end_ms)).any()
        lengths = [(d.end_ms - d.begin_ms) / 1000 for d in motion.dead_times]
        assert np.median(lengths) > 6
        assert 0.2 < sum(lengths) / (motion.ticks * TICK_S) < 0.6


@pytest.mark.slow
def test_a_wall_stands_before_a_free_kick_near_the_goal():
    for seed in range(30):
        motion = play_match(seed, 5 * 60_000)
        for _, event, tick in events_of([motion], Action.FREE_KICK):
            walls = np.flatnonzero(motion.gesture[tick - 2] == Gesture.WALL)
            if not len(walls):
                continue
            gaps = np.linalg.norm(motion.xy[tick, walls] - motion.ball[tick, :2], axis=1)
            assert 8.0 < np.median(gaps) < 10.5
            other = Team.RIGHT if event.team is Team.LEFT else Team.LEFT
            rows = np.arange(PLAYERS)[side(motion, tick, other)]
            assert np.isin(walls, rows).all()
            return
    pytest.fail("150 minutes without a wall")


def test_opponents_keep_their_distance_from_a_free_kick(matches):
    found = list(events_of(matches, Action.FREE_KICK))
    assert found
    for motion, event, tick in found:
        other = Team.RIGHT if event.team is Team.LEFT else Team.LEFT
        gaps = np.linalg.norm(
            motion.xy[tick, side(motion, tick, other)] - motion.ball[tick, :2], axis=1
        )
        assert gaps.min() > 7.5


def test_a_seed_gives_the_same_match_in_another_process():
    script = (
        "from onball.simulator.play.match import play_match; import hashlib; m = play_match(7, 20_000);"
        "print(hashlib.sha256(m.xy.tobytes() + m.ball.tobytes()).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    here = play_match(7, 20_000)
    digest = hashlib.sha256(here.xy.tobytes() + here.ball.tobytes()).hexdigest()
    assert run.stdout.strip() == digest
    assert not np.array_equal(play_match(7, 2000).xy, play_match(8, 2000).xy)


@pytest.mark.parametrize("halves", [1, 2])
@pytest.mark.parametrize("duration_ms", [1, 80, 1_000, 5_000])
def test_matches_may_be_of_any_length(duration_ms, halves):
    motion = play_match(0, duration_ms, halves=halves)
    assert motion.ticks == -(-duration_ms // TICK_MS)
    assert motion.halves[0] == 0 and all(0 <= half < motion.ticks for half in motion.halves)
    assert motion.at(duration_ms).ball.shape == (3,)


def test_a_match_without_time_for_its_second_half_can_be_rendered():
    plan = MatchPlan(0, 3_000, 64, 36, halves=2)
    renderer = MatchRenderer(plan)
    assert renderer.motion.halves == (0,)
    assert renderer.frame(2_960).shape == (36, 64, 3)
    assert renderer.clock_ms(2_960) == 2_960 and not renderer.swapped(2_960)
