"""Positions of recorded matches: scale, sides, gaps in tracks, substitutes."""

from __future__ import annotations

import numpy as np
import pytest
from recording_files import (
    BREAK,
    CENTIMETRES,
    player_at,
    players,
    rolling_ball,
    truth,
    turned,
    write_metrica,
    write_skillcorner,
    write_tracab,
)

pytest.importorskip("kloppy")

from onball.errors import OnballWarning
from onball.events import EventList
from onball.simulator.recorded.match import recorded_motion
from onball.simulator.world import BALL_RADIUS, PLAYERS, REFEREE, TICK_MS

# Warnings list the ignored parts of event data; tests of these warnings catch them.
pytestmark = pytest.mark.filterwarnings("ignore::onball.errors.OnballWarning")


def test_tracab_positions_become_metres_on_a_pitch_of_105_by_68(tmp_path):
    motion = recorded_motion(**write_tracab(tmp_path, players(), pitch=(100.0, 64.0)))
    assert motion.ticks == 150 and motion.halves == (0,) and motion.events == EventList()
    assert np.abs(motion.xy[:, :PLAYERS] - truth(motion)).max() < CENTIMETRES
    ball = [rolling_ball(tick / 25) for tick in range(motion.ticks)]
    assert np.abs(motion.ball - ball).max() < CENTIMETRES


def test_ten_frames_a_second_are_interpolated(tmp_path):
    motion = recorded_motion(**write_skillcorner(tmp_path, players()))
    assert motion.ticks == 151
    assert np.abs(motion.xy[:, :PLAYERS] - truth(motion)).max() < CENTIMETRES


def test_metrica_needs_only_one_of_its_two_files(tmp_path):
    home = write_metrica(tmp_path, players())
    motion = recorded_motion(home)
    assert np.abs(motion.xy[:, :PLAYERS] - truth(motion)).max() < CENTIMETRES
    assert (motion.ball[:, 2] == np.float32(BALL_RADIUS)).all(), "no height: the ball rolls"
    other = recorded_motion(tmp_path / "Game_Away_Team.csv")
    np.testing.assert_array_equal(other.xy, motion.xy)


def test_sides_change_at_half_time(tmp_path):
    motion = recorded_motion(**write_tracab(tmp_path, players(), halves=2))
    begin = 150 + BREAK
    assert motion.halves == (0, begin) and motion.ticks == begin + 150
    expected = truth(motion)[:150]
    assert np.abs(motion.xy[:150, :PLAYERS] - expected).max() < CENTIMETRES
    assert np.abs(motion.xy[begin:, :PLAYERS] + expected).max() < CENTIMETRES
    assert np.isnan(motion.ball[150:begin]).all()
    assert motion.events.metadata == {"halftime": "1 - 00:09"}
    before, after = motion.dead_times
    assert (before.begin_ms, before.end_ms, before.begins_half) == (6000, begin * TICK_MS, False)
    assert after.begin_ms == begin * TICK_MS and after.begins_half


def test_home_defends_the_left_goal_first_in_every_orientation(tmp_path):
    other_way = {key: turned(track) for key, track in players().items()}
    both = recorded_motion(
        **write_tracab(
            tmp_path, other_way, turned(rolling_ball), halves=2, change_sides=False
        )
    )  # fmt: skip
    expected = truth(both)[:150]
    assert np.abs(both.xy[:150, :PLAYERS] - expected).max() < CENTIMETRES
    assert np.abs(both.xy[-150:, :PLAYERS] + expected).max() < CENTIMETRES
    ball = [rolling_ball(tick / 25)[:2] for tick in range(150)]
    assert np.abs(both.ball[:150, :2] - ball).max() < CENTIMETRES


def test_a_span_can_be_selected(tmp_path):
    files = write_tracab(tmp_path, players(), halves=2)
    whole = recorded_motion(**files)
    part = recorded_motion(**files, start_ms=2000, duration_ms=1000)
    assert part.ticks == 25 and part.halves == (0,)
    np.testing.assert_array_equal(part.xy[:, :PLAYERS], whole.xy[50:75, :PLAYERS])
    across = recorded_motion(**files, start_ms=5000, duration_ms=6000)
    assert across.halves == (0, 25 + BREAK) and across.ticks == 150
    second = recorded_motion(**files, start_ms=10_000)
    assert np.abs(second.xy[:, :PLAYERS] - truth(second, 1.0)).max() < CENTIMETRES, (
        "home left again"
    )


def test_short_gaps_are_filled_and_long_ones_are_not(tmp_path):
    tracks = players()
    tracks["home", 5] = lambda s: player_at(4, 0) if not 1.0 < s < 2.6 else None
    tracks["away", 5] = lambda s: player_at(15, 0) if not 1.0 < s < 3.4 else None

    def ball(seconds: float) -> tuple[float, float, float] | None:
        hidden = 1.0 < seconds < 1.8 or 3.0 < seconds < 4.6
        return None if hidden else rolling_ball(seconds)

    motion = recorded_motion(write_metrica(tmp_path, tracks, ball))
    assert np.isfinite(motion.xy[:, 4]).all()
    np.testing.assert_allclose(motion.xy[45, 4], player_at(4, 0), atol=CENTIMETRES)
    assert np.isnan(motion.xy[27:84, 15]).all() and np.isfinite(motion.xy[86:, 15]).all()
    assert np.isfinite(motion.ball[:75]).all() and np.isfinite(motion.ball[116:]).all()
    assert np.isnan(motion.ball[77:114]).all()
    for track in (motion.heading, motion.speed, motion.stride):
        assert np.isfinite(track).all()


def test_missing_frames_count_as_gaps(tmp_path):
    files = write_tracab(tmp_path, players(), seen=lambda s: not (1.0 < s < 1.6 or 2.5 < s < 5.5))
    motion = recorded_motion(**files)
    assert np.isfinite(motion.ball[:60]).all() and np.isfinite(motion.xy[:60, :PLAYERS]).all()
    assert np.isnan(motion.ball[65:135]).all() and np.isnan(motion.xy[65:135, :PLAYERS]).all()
    assert np.isfinite(motion.xy[:, REFEREE]).all()


def test_a_substitute_gets_the_row_of_the_replaced_player(tmp_path):
    tracks = players()
    tracks["home", 7] = lambda s: player_at(6, s) if s < 3.0 else None
    tracks["home", 14] = lambda s: player_at(6, s) if s > 3.5 else None
    tracks["away", 1] = lambda s: player_at(11, s) if s < 2.0 else None
    tracks["away", 30] = lambda s: player_at(11, s) if s > 2.1 else None
    motion = recorded_motion(**write_tracab(tmp_path, tracks))
    there = ~np.isnan(motion.xy[..., 0])
    for row, gap in ((6, range(75, 88)), (11, range(50, 53))):
        assert not there[list(gap), row].any()
        here = there[:, row]
        assert here.sum() == 150 - len(gap)
        assert np.abs(motion.xy[here, row] - truth(motion)[here, row]).max() < CENTIMETRES
    assert (there[:, :PLAYERS].sum(1) <= 22).all()


def test_a_twelfth_player_is_dropped_with_a_warning(tmp_path):
    tracks = players() | {("home", 20): lambda s: (0.0, 30.0) if s > 1 else None}
    with pytest.warns(OnballWarning, match="beyond the eleventh"):
        motion = recorded_motion(**write_tracab(tmp_path, tracks))
    assert np.abs(motion.xy[:, :PLAYERS] - truth(motion)).max() < CENTIMETRES


def test_the_goalkeeper_has_the_first_row_with_any_shirt_number(tmp_path):
    shirts = {1: 8, 8: 1}
    tracks = {(side, shirts.get(n, n)): track for (side, n), track in players().items()}
    motion = recorded_motion(**write_tracab(tmp_path, dict(sorted(tracks.items()))))
    for row in (0, 11):
        assert np.abs(motion.xy[:, row] - truth(motion)[:, row]).max() < CENTIMETRES
