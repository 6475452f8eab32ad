"""Simulated play: every action happens physically, at its label, by rules that hold everywhere."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from onball.actions import Action
from onball.events import Team
from onball.synthetic.camera import CameraPath, Station
from onball.synthetic.play import play_match
from onball.synthetic.script import draw_gap, reference_statistics
from onball.synthetic.world import (
    CONTACT_OFFSET,
    GOAL_HEIGHT,
    GOAL_WIDTH,
    HALF_LENGTH,
    HALF_WIDTH,
    TEAM_SIZE,
    TICK_MS,
    Gesture,
    Motion,
)

MINUTES = 12
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def matches() -> list[Motion]:
    return [play_match(seed, MINUTES * 60_000) for seed in SEEDS]


def moments(matches: list[Motion], *actions: Action):
    """Match, event and tick of every event of these actions."""
    for motion in matches:
        for event in motion.events:
            if event.label in actions:
                yield motion, event, event.position_ms // TICK_MS


def test_all_actions_happen(matches):
    seen = {event.label for motion in matches for event in motion.events}
    assert seen >= set(Action) - {Action.GOAL, Action.FREE_KICK}, "rare ones may miss 36 minutes"


def test_common_actions_are_as_frequent_as_in_real_matches(matches):
    reference = reference_statistics()["events_per_in_play_minute"]
    minutes = MINUTES * len(matches)
    for action in (Action.PASS, Action.DRIVE, Action.HEADER, Action.HIGH_PASS):
        simulated = sum(motion.events.counts()[action] for motion in matches) / minutes
        assert 0.6 * reference[action] < simulated < 1.5 * reference[action], action


def test_gaps_have_the_reference_median():
    rng = np.random.default_rng(0)
    gaps = [draw_gap(rng, (0.7, 1.3, 2.6)) for _ in range(4000)]
    assert np.quantile(gaps, [0.1, 0.5, 0.9]) == pytest.approx([0.7, 1.3, 2.6], rel=0.06)


def test_somebody_of_the_labelled_team_is_at_the_ball(matches):
    distances = []
    for motion, event, tick in moments(matches, *(set(Action) - {Action.OUT, Action.GOAL})):
        team = slice(0, TEAM_SIZE) if event.team is Team.LEFT else slice(TEAM_SIZE, 2 * TEAM_SIZE)
        gaps = np.linalg.norm(motion.xy[tick, team] - motion.ball[tick, :2], axis=1)
        distances.append(gaps.min())
    assert np.quantile(distances, 0.9) < 1.1
    assert max(distances) < 1.2


@pytest.mark.parametrize(
    "action, gesture", [(Action.HEADER, Gesture.HEADER), (Action.THROW_IN, Gesture.THROW_IN)]
)
def test_head_and_hands_meet_the_ball_high(matches, action, gesture):
    found = list(moments(matches, action))
    assert found
    for motion, _, tick in found:
        assert motion.ball[tick, 2] == pytest.approx(CONTACT_OFFSET[gesture][2], abs=0.02)
        acting = np.flatnonzero(motion.gesture[tick] == gesture)
        assert any(motion.gesture_ms[tick, person] == 0 for person in acting)


def test_kicks_are_labelled_when_the_foot_meets_the_ball(matches):
    kicks = (Gesture.KICK_LEFT, Gesture.KICK_RIGHT, Gesture.LOFT_LEFT, Gesture.LOFT_RIGHT)
    for motion, _, tick in moments(matches, Action.PASS, Action.HIGH_PASS, Action.SHOT):
        at_contact = (motion.gesture_ms[tick] == 0) & np.isin(motion.gesture[tick], kicks)
        catches = motion.gesture[tick] == Gesture.CATCH
        assert at_contact.any() or catches.any()


def test_the_ball_crosses_a_line_when_it_is_out(matches):
    for motion, _, tick in moments(matches, Action.OUT):
        x, y = np.abs(motion.ball[tick, :2])
        assert x >= HALF_LENGTH or y >= HALF_WIDTH
        before = np.abs(motion.ball[tick - 1, :2])
        assert before[0] < HALF_LENGTH + 0.2 and before[1] < HALF_WIDTH + 0.2


def test_goals_go_between_the_posts():
    goals = 0
    for seed in range(8):
        motion = play_match(seed, 20 * 60_000)
        for _, _, tick in moments([motion], Action.GOAL):
            goals += 1
            x, y, z = motion.ball[tick]
            assert abs(x) >= HALF_LENGTH and abs(y) < GOAL_WIDTH / 2 and z < GOAL_HEIGHT
    assert goals, "160 minutes without a goal"


def test_free_kicks_happen_and_are_kicked():
    kicked = 0
    for seed in range(6):
        motion = play_match(seed, 20 * 60_000)
        for _, _, tick in moments([motion], Action.FREE_KICK):
            kicked += 1
            at_contact = motion.gesture_ms[tick] == 0
            assert Gesture.LOFT_RIGHT in motion.gesture[tick][at_contact]
    assert kicked, "two hours without a free kick"


def test_nobody_is_faster_than_a_person(matches):
    for motion in matches:
        steps = np.linalg.norm(np.diff(motion.xy, axis=0), axis=2)
        assert steps.max() < 0.75, "metres within 40 ms"
        assert np.quantile(steps, 0.999) < 0.4


def test_a_ball_in_sight_does_not_jump(matches):
    for motion in matches:
        steps = np.linalg.norm(np.diff(motion.ball, axis=0), axis=1)
        steps = steps[~np.isnan(steps)]
        assert (steps > 1.6).mean() < 0.0005
        assert np.nanmin(motion.ball[:, 2]) > 0.05, "never below the grass"


def test_the_camera_keeps_the_ball_in_the_picture(matches):
    for seed, motion in zip(SEEDS, matches, strict=True):
        cameras = CameraPath(motion, Station.random(seed))
        inside = []
        for time_ms in range(0, MINUTES * 60_000, 440):
            ball = motion.at(time_ms).ball.astype(float)
            if np.isnan(ball[0]):
                continue
            (x, y), _ = cameras.at(time_ms).project(ball, 398, 224)
            inside.append(0 <= x < 398 and 0 <= y < 224)
        assert np.mean(inside) > 0.95


def test_a_shorter_match_is_the_beginning_of_a_longer_one():
    short, long = play_match(5, 20_000), play_match(5, 40_000)
    assert np.array_equal(short.xy, long.xy[: short.ticks])
    assert list(short.events) == [e for e in long.events if e.position_ms < 20_000]


def test_the_same_seed_plays_the_same_match_in_another_process():
    script = (
        "from onball.synthetic.play import play_match; import hashlib; m = play_match(7, 30_000);"
        "print(hashlib.sha256(m.xy.tobytes() + m.ball.tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(digests) == 1
    assert not np.array_equal(play_match(7, 2000).xy, play_match(8, 2000).xy)
