"""Headings, strides, gestures, officials and the height of the ball in recorded matches."""

from __future__ import annotations

import numpy as np
import pytest
from recording_files import (
    AWAY,
    END,
    HOME,
    SB_CARRY,
    SB_PASS,
    StatsBombEvent,
    players,
    truth,
    write_metrica,
    write_statsbomb,
    write_tracab,
)

pytest.importorskip("kloppy")

from onball.simulator.recorded.match import recorded_motion
from onball.simulator.world import (
    ASSISTANTS,
    BALL_RADIUS,
    HALF_WIDTH,
    PLAYERS,
    REFEREE,
    SUBSTITUTES,
    TICK_MS,
    Gesture,
)

# Warnings list the ignored parts of event data; tests of these warnings catch them.
pytestmark = pytest.mark.filterwarnings("ignore::onball.errors.OnballWarning")


def test_speed_heading_and_stride_follow_from_positions(tmp_path):
    motion = recorded_motion(**write_tracab(tmp_path, players(), seconds=8.0))
    inner = slice(10, -10)
    assert np.abs(motion.speed[inner, :PLAYERS] - 1.2).max() < 0.15, "circles of 2 m at 0.6 rad/s"
    velocity = np.gradient(truth(motion), TICK_MS / 1000, axis=0)
    direction = np.arctan2(velocity[..., 1], velocity[..., 0])
    away = (motion.heading[:, :PLAYERS] - direction + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(away[inner]).max() < 0.25
    turn = (np.diff(motion.heading, axis=0) + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(turn).max() <= 8.0 * TICK_MS / 1000 + 1e-4
    steps = np.diff(motion.stride[inner, :PLAYERS], axis=0)
    assert steps == pytest.approx(2 * np.pi * (0.75 + 0.11 * 1.2) * 0.04, rel=0.05)


def test_standing_people_look_at_the_ball(tmp_path):
    tracks = players()
    tracks["home", 3] = lambda s: (-20.0, -20.0)
    motion = recorded_motion(**write_tracab(tmp_path, tracks))
    to_ball = motion.ball[:, :2] - motion.xy[:, 2]
    away = motion.heading[:, 2] - np.arctan2(to_ball[:, 1], to_ball[:, 0])
    assert np.abs(np.sin(away)).max() < 0.05 and (np.cos(away) > 0).all()


def test_officials_follow_play(tmp_path):
    motion = recorded_motion(**write_tracab(tmp_path, players(), seconds=12.0, halves=2))
    for begin in motion.halves:
        part = slice(begin + 75, begin + 300)
        gap = np.linalg.norm(motion.xy[part, REFEREE] - motion.ball[part, :2], axis=1)
        assert gap.min() > 5 and gap.max() < 14 and abs(np.median(gap) - 9) < 2
    assert motion.speed[:, REFEREE].max() < 7.5
    for assistant in ASSISTANTS:
        assert (np.abs(motion.xy[:, assistant, 1]) > HALF_WIDTH).all()
    right = ASSISTANTS[0]
    ball_x, line = motion.ball[50:250, 0], np.sort(motion.xy[50:250, 11:22, 0], axis=1)[:, -2]
    level = np.maximum(np.maximum(line, ball_x), 0)
    assert np.abs(motion.xy[50:250, right, 0] - level).max() < 1.0
    assert np.isnan(motion.xy[:, list(SUBSTITUTES)]).all() and np.isnan(motion.spare_ball).all()


def test_the_recorded_player_kicks_at_the_label(tmp_path):
    left = {"body_part": {"id": 38}}
    script: list[StatsBombEvent] = [
        (1, 2.0, SB_PASS, HOME, 7, END | left),
        (1, 4.0, SB_PASS, AWAY, 3, END | {"body_part": {"id": 37}}),
    ]
    motion = recorded_motion(
        **write_tracab(tmp_path, players()), **write_statsbomb(tmp_path, script)
    )
    for tick, row, gesture in ((50, 6, Gesture.KICK_LEFT), (100, 13, Gesture.HEADER)):
        assert motion.gesture[tick, row] == gesture and motion.gesture_ms[tick, row] == 0
        assert motion.gesture_ms[tick - 3, row] == -3 * TICK_MS
        others = np.delete(motion.gesture[tick], [6, 13])
        assert (others == Gesture.NONE).all()


def test_a_ball_without_height_flies_between_a_high_pass_and_the_next_event(tmp_path):
    script: list[StatsBombEvent] = [
        (1, 1.0, SB_PASS, HOME, 7, END | {"height": {"id": 3}}),
        (1, 3.0, SB_CARRY, HOME, 8, END),
    ]
    motion = recorded_motion(
        write_metrica(tmp_path, players()), **write_statsbomb(tmp_path, script)
    )
    height = motion.ball[:, 2]
    begin, end = (event.position_ms // TICK_MS for event in motion.events)
    assert height[[0, begin, end, -1]] == pytest.approx(BALL_RADIUS, abs=0.01)
    assert height.max() == pytest.approx(BALL_RADIUS + 9.81 * 2.0**2 / 8, abs=0.1)
