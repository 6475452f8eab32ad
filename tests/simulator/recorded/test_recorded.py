"""Recorded matches become motion and labels: written in providers' formats, read through kloppy."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("kloppy")

from onball.actions import Action
from onball.errors import DataError, InputError, OnballWarning
from onball.events import Event, EventList, Team
from onball.formats.event_table import write_event_table
from onball.formats.soccernet import write_labels
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
    Motion,
)

# What is left out of event data is told in warnings; the tests that are about them catch them.
pytestmark = pytest.mark.filterwarnings("ignore::onball.errors.OnballWarning")

CENTIMETRES = 0.02
BREAK = 75  # ticks

Place = tuple[float, float]
Track = Callable[[float], Place | None]
BallTrack = Callable[[float], tuple[float, float, float] | None]


def player_at(person: int, seconds: float) -> Place:
    """Where a player is: the home team on the left, its keeper deepest, everybody in slow circles."""
    number = person % 11
    x = -48.0 + 4.0 * number + 2.0 * np.sin(0.6 * seconds + number)
    y = (-24.0 + 5.0 * number if number else 0.0) + 2.0 * np.cos(0.6 * seconds + number)
    return (x, y) if person < 11 else (-x, -y)


def players(skip: Iterable[int] = ()) -> dict[tuple[str, int], Track]:
    """Both teams with shirts 1 to 11, by side and shirt."""
    return {
        ("home" if person < 11 else "away", person % 11 + 1): lambda s, p=person: player_at(p, s)
        for person in range(PLAYERS)
        if person not in skip
    }


def rolling_ball(seconds: float) -> tuple[float, float, float]:
    return -20.0 + 4.0 * seconds, 6.0 * np.sin(seconds), 0.3


def turned(track: Track) -> Track:
    def other(seconds: float) -> Place | None:
        place = track(seconds)
        return None if place is None else (-place[0], -place[1], *place[2:])

    return other


def write_tracab(
    folder: Path,
    tracks: dict[tuple[str, int], Track],
    ball: BallTrack = rolling_ball,
    *,
    seconds: float = 6.0,
    halves: int = 1,
    pitch: Place = (105.0, 68.0),
    change_sides: bool = True,
    seen: Callable[[float], bool] = lambda seconds: True,
) -> dict[str, Path]:
    """Tracab's DAT, centimetres, 25 Hz; a frame without the ball is left out as a whole."""
    lines, phases = [], ""
    scale = 100 * pitch[0] / 105, 100 * pitch[1] / 68
    frames = round(seconds * 25)
    for half in range(5):
        first = 1000 + 20_000 * half if half < halves else 0
        last = first + frames - 1 if half < halves else 0
        phases += f"<Phase{half + 1}StartFrame>{first}</Phase{half + 1}StartFrame>"
        phases += f"<Phase{half + 1}EndFrame>{last}</Phase{half + 1}EndFrame>"
        for frame in range(frames if half < halves else 0):
            time = frame / 25
            if not seen(time):
                continue
            sign = -1 if half % 2 and change_sides else 1
            people = ""
            for number, ((side, shirt), track) in enumerate(tracks.items()):
                place = track(time)
                if place is not None:
                    x, y = (round(sign * c * s) for c, s in zip(place, scale, strict=True))
                    people += f"{1 if side == 'home' else 0},{number},{shirt},{x},{y},0.00;"
            bx, by, bz = ball(time)
            place3 = f"{sign * bx * scale[0]:.0f},{sign * by * scale[1]:.0f},{100 * bz:.0f}"
            lines.append(f"{first + frame}:{people}:{place3},0.00,H,Alive;:")
    (folder / "match.dat").write_text("\n".join(lines) + "\n")
    (folder / "match.xml").write_text(
        f"<root><GameID>1</GameID><FrameRate>25</FrameRate><Kickoff>2024-05-01 20:00:00</Kickoff>"
        f"<PitchLongSide>{100 * pitch[0]:.0f}</PitchLongSide>"
        f"<PitchShortSide>{100 * pitch[1]:.0f}</PitchShortSide>{phases}</root>"
    )
    return {"tracking": folder / "match.dat", "meta": folder / "match.xml"}


def write_metrica(
    folder: Path,
    tracks: dict[tuple[str, int], Track],
    ball: BallTrack = rolling_ball,
    seconds: float = 6.0,
) -> Path:
    """Metrica's two CSV files, 0 to 1 along both sides, 25 Hz; returns that of the home team."""

    def cells(place: Place | None) -> str:
        if place is None:
            return "NaN,NaN"
        return f"{place[0] / 105 + 0.5:.6f},{place[1] / 68 + 0.5:.6f}"

    for side in ("Home", "Away"):
        shirts = {n: t for (s, n), t in tracks.items() if s == side.lower()}
        rows = [
            ",,," + f"{side},," * len(shirts) + ",",
            ",,," + "".join(f"{n},," for n in shirts) + ",",
            "Period,Frame,Time [s]," + "".join(f"Player{n},," for n in shirts) + "Ball,",
        ]
        for frame in range(round(seconds * 25)):
            time = frame / 25
            places = [cells(track(time)) for track in shirts.values()] + [cells(ball(time))]
            rows.append(f"1,{frame + 1},{(frame + 1) / 25:.2f}," + ",".join(places))
        (folder / f"Game_{side}_Team.csv").write_text("\n".join(rows) + "\n")
    return folder / "Game_Home_Team.csv"


def write_skillcorner(
    folder: Path, tracks: dict[tuple[str, int], Track], seconds: float = 6.0
) -> dict[str, Path]:
    """SkillCorner's JSON lines, metres, 10 Hz."""
    identity = {key: 100 + number for number, key in enumerate(tracks)}
    people = [
        {
            "player_role": {"id": 0 if shirt == 1 else 8}, "start_time": "00:00:00",
            "number": shirt, "team_id": 1 if side == "home" else 2, "id": identity[side, shirt],
            "first_name": side, "last_name": str(shirt), "trackable_object": identity[side, shirt],
        }
        for side, shirt in tracks
    ]  # fmt: skip
    meta = {
        "id": 7, "home_team_score": 0, "away_team_score": 0, "players": people, "referees": [],
        "home_team": {"id": 1, "name": "H"}, "away_team": {"id": 2, "name": "A"},
        "ball": {"trackable_object": 55}, "pitch_length": 105, "pitch_width": 68,
    }  # fmt: skip
    lines = []
    for frame in range(round(seconds * 10) + 1):
        time = frame / 10
        data = [
            {"x": place[0], "y": place[1], "player_id": identity[key], "is_detected": True}
            for key, track in tracks.items()
            if (place := track(time)) is not None
        ]
        ball = dict(zip("xyz", rolling_ball(time), strict=True))
        lines.append(
            json.dumps(
                {
                    "frame": 10 + frame, "timestamp": f"00:00:{time:05.2f}", "period": 1,
                    "ball_data": ball, "player_data": data,
                    "possession": {"player_id": None, "group": None},
                }
            )
        )  # fmt: skip
    (folder / "tracking.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "match.json").write_text(json.dumps(meta))
    return {"tracking": folder / "tracking.jsonl", "meta": folder / "match.json"}


SB_PASS, SB_CARRY, SB_SHOT, SB_DUEL, SB_CLEARANCE, SB_INTERCEPTION = 30, 43, 16, 4, 9, 10
SB_BLOCK, SB_PRESSURE, SB_BALL_RECEIPT, SB_OWN_GOAL = 6, 17, 42, 20
HOME, AWAY = 1, 2
END = {"end_location": [70.5, 40.5]}
_SB_NAMES = {
    SB_PASS: "pass", SB_CARRY: "carry", SB_SHOT: "shot", SB_DUEL: "duel", SB_BLOCK: "block",
    SB_CLEARANCE: "clearance", SB_INTERCEPTION: "interception",
}  # fmt: skip

#: period, seconds, kind, team, shirt, details
StatsBombEvent = tuple[int, float, int, int, int, dict[str, object]]


def write_statsbomb(folder: Path, events: list[StatsBombEvent]) -> dict[str, Path]:
    """StatsBomb's events and line-ups; player S of team T has the id 100 T + S and the shirt S."""

    def entry(number: int, period: int, seconds: float, kind: int, team: int) -> dict[str, object]:
        return {
            "id": f"event-{number}", "index": number, "period": period,
            "timestamp": f"00:00:{seconds:06.3f}",
            "type": {"id": kind, "name": _SB_NAMES.get(kind, "other").title()},
            "team": {"id": team}, "possession_team": {"id": team},
        }  # fmt: skip

    out = []
    for team in (HOME, AWAY):
        lineup = [
            {"player": {"id": 100 * team + s}, "position": {"id": s}, "jersey_number": s}
            for s in range(1, 12)
        ]
        tactics = {"formation": 442, "lineup": lineup}
        out.append(entry(len(out), 1, 0, 35, team) | {"tactics": tactics})
    for period in sorted({event[0] for event in events}):
        out.append(entry(len(out), period, 0, 18, HOME))
        for _, seconds, kind, team, shirt, details in (e for e in events if e[0] == period):
            event = entry(len(out), period, seconds, kind, team) | {"location": [60.5, 40.5]}
            event["player"] = {"id": 100 * team + shirt}
            out.append(event | ({_SB_NAMES[kind]: details} if kind in _SB_NAMES else details))
        out.append(entry(len(out), period, 59, 34, HOME))
    lineups = [
        {
            "team_id": team, "team_name": str(team),
            "lineup": [
                {"player_id": 100 * team + s, "player_name": f"{team}-{s}", "jersey_number": s}
                for s in range(1, 12)
            ],
        }
        for team in (HOME, AWAY)
    ]  # fmt: skip
    (folder / "events.json").write_text(json.dumps(out))
    (folder / "lineups.json").write_text(json.dumps(lineups))
    return {"events": folder / "events.json", "events_meta": folder / "lineups.json"}


def truth(motion: Motion, offset_s: float = 0.0) -> np.ndarray:
    """Where all players should be at the motion's ticks, `[T, 22, 2]`."""
    times = np.arange(motion.ticks) * TICK_MS / 1000 + offset_s
    return np.stack([[player_at(p, s) for p in range(PLAYERS)] for s in times])


def labels(motion: Motion) -> list[tuple[int, Action, Team]]:
    return [(event.position_ms, event.label, event.team) for event in motion.events]


# ---- Places ----


def test_tracab_places_arrive_in_metres_on_our_pitch(tmp_path):
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
    over, anew = motion.dead_times
    assert (over.begin_ms, over.end_ms, over.begins_half) == (6000, begin * TICK_MS, False)
    assert anew.begin_ms == begin * TICK_MS and anew.begins_half


def test_home_defends_the_left_goal_first_however_it_was_recorded(tmp_path):
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


def test_a_stretch_can_be_cut_out(tmp_path):
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


# ---- Holes ----


def test_short_holes_are_filled_and_long_ones_are_not(tmp_path):
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


def test_frames_that_are_missing_altogether_are_holes_too(tmp_path):
    files = write_tracab(tmp_path, players(), seen=lambda s: not (1.0 < s < 1.6 or 2.5 < s < 5.5))
    motion = recorded_motion(**files)
    assert np.isfinite(motion.ball[:60]).all() and np.isfinite(motion.xy[:60, :PLAYERS]).all()
    assert np.isnan(motion.ball[65:135]).all() and np.isnan(motion.xy[65:135, :PLAYERS]).all()
    assert np.isfinite(motion.xy[:, REFEREE]).all()


def test_a_substitute_takes_the_row_of_who_left(tmp_path):
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


def test_a_twelfth_player_is_left_out_with_a_warning(tmp_path):
    tracks = players() | {("home", 20): lambda s: (0.0, 30.0) if s > 1 else None}
    with pytest.warns(OnballWarning, match="beyond the eleventh"):
        motion = recorded_motion(**write_tracab(tmp_path, tracks))
    assert np.abs(motion.xy[:, :PLAYERS] - truth(motion)).max() < CENTIMETRES


def test_the_goalkeeper_comes_first_whatever_his_shirt(tmp_path):
    shirts = {1: 8, 8: 1}
    tracks = {(side, shirts.get(n, n)): track for (side, n), track in players().items()}
    motion = recorded_motion(**write_tracab(tmp_path, dict(sorted(tracks.items()))))
    for row in (0, 11):
        assert np.abs(motion.xy[:, row] - truth(motion)[:, row]).max() < CENTIMETRES


# ---- Bodies and officials ----


def test_bodies_run_turn_and_step_as_bodies_do(tmp_path):
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


# ---- Labels ----

CASES: list[tuple[int, int, dict[str, object], Action]] = [
    (SB_PASS, HOME, END | {"type": {"id": 65}}, Action.PASS),
    (SB_CARRY, HOME, END, Action.DRIVE),
    (SB_PASS, HOME, END | {"height": {"id": 3}}, Action.HIGH_PASS),
    (SB_PASS, AWAY, END | {"body_part": {"id": 37}, "height": {"id": 3}}, Action.HEADER),
    (SB_INTERCEPTION, HOME, {"outcome": {"id": 4}}, Action.BALL_PLAYER_BLOCK),
    (SB_BLOCK, AWAY, {}, Action.BALL_PLAYER_BLOCK),
    (SB_DUEL, AWAY, {"type": {"id": 11}, "outcome": {"id": 4}}, Action.PLAYER_SUCCESSFUL_TACKLE),
    (SB_CLEARANCE, AWAY, {"body_part": {"id": 40}}, Action.HIGH_PASS),
    (SB_CLEARANCE, AWAY, {"body_part": {"id": 37}}, Action.HEADER),
    (SB_PASS, AWAY, END | {"type": {"id": 67}}, Action.THROW_IN),
    (SB_PASS, HOME, END | {"type": {"id": 62}, "height": {"id": 3}}, Action.FREE_KICK),
    (SB_PASS, HOME, END | {"type": {"id": 61}}, Action.CROSS),
    (SB_PASS, HOME, END | {"cross": True, "height": {"id": 3}}, Action.CROSS),
    (SB_PASS, AWAY, {"end_location": [110.5, 40.5], "type": {"id": 63}}, Action.HIGH_PASS),
    (SB_PASS, AWAY, END | {"type": {"id": 63}}, Action.PASS),
    (SB_SHOT, HOME, END | {"outcome": {"id": 100}}, Action.SHOT),
]  # fmt: skip


def test_events_become_the_twelve_actions(tmp_path):
    files = write_tracab(tmp_path, players(), seconds=20.0, halves=2)
    script: list[StatsBombEvent] = [
        (period, 1.0 + index, kind, team, 4, details)
        for period in (1, 2)
        for index, (kind, team, details, _) in enumerate(CASES)
    ]
    lost = {"type": {"id": 11}, "outcome": {"id": 13}}
    script += [(1, 18.2, SB_DUEL, HOME, 4, lost), (1, 18.4, SB_PRESSURE, HOME, 4, {})]
    script += [(1, 18.5, SB_BALL_RECEIPT, HOME, 4, {}), (1, 18.6, SB_PRESSURE, HOME, 4, {})]
    script += [(1, 40.0, SB_PASS, HOME, 4, END)]
    with pytest.warns(OnballWarning) as caught:
        motion = recorded_motion(**files, **write_statsbomb(tmp_path, script))
    told = " ".join(str(w.message) for w in caught if issubclass(w.category, OnballWarning))
    assert "2 PRESSURE" in told and "1 DUEL" in told and "1 actions outside" in told
    second = motion.halves[1] * TICK_MS
    expected = []
    for begin, home in ((0, Team.LEFT), (second, Team.RIGHT)):
        expected += [
            (begin + 1000 + 1000 * index, action, home if team == HOME else home.other)
            for index, (_, team, _, action) in enumerate(CASES)
        ]
    assert labels(motion) == expected
    assert {event.half for event in motion.events} == {1}, "one video, one time"
    over, anew = motion.dead_times
    assert (over.begin_ms, over.end_ms) == (16_000, second)
    assert (anew.begin_ms, anew.end_ms, anew.person) == (second, second + 1000, 3)
    assert anew.begins_half and not over.begins_half


def test_goals_and_outs_are_when_the_ball_crosses_the_line(tmp_path):
    def ball(seconds: float) -> tuple[float, float, float]:
        if seconds < 6:  # kicked over the touchline at 1 s, out at 3.0 s
            return 0.0, min(33.98, 20.0 + 7.0 * max(0.0, seconds - 1.0)) + 0.1 * (seconds >= 3), 0.1
        return 40.0 + 10.0 * min(2.0, max(0.0, seconds - 7.0)), 1.0, 0.5  # over the line at 8.25 s

    script: list[StatsBombEvent] = [
        (1, 1.0, SB_PASS, HOME, 4, END | {"outcome": {"id": 75}}),
        (1, 5.0, SB_PASS, AWAY, 4, END | {"type": {"id": 67}}),
        (1, 7.0, SB_SHOT, HOME, 9, END | {"outcome": {"id": 97}}),
        (1, 10.0, SB_OWN_GOAL, HOME, 4, {}),
    ]
    motion = recorded_motion(
        **write_tracab(tmp_path, players(), ball, seconds=12.0), **write_statsbomb(tmp_path, script)
    )
    assert [(label, team) for _, label, team in labels(motion)] == [
        (Action.PASS, Team.LEFT), (Action.OUT, Team.LEFT), (Action.THROW_IN, Team.RIGHT),
        (Action.SHOT, Team.LEFT), (Action.GOAL, Team.LEFT), (Action.GOAL, Team.RIGHT),
    ]  # fmt: skip
    times = [event.position_ms for event in motion.events]
    assert times[1] == pytest.approx(3000, abs=40) and times[4] == pytest.approx(8280, abs=40)
    out, goal = motion.dead_times
    assert (out.begin_ms, out.end_ms, out.person) == (times[1], 5000, 14)
    assert (goal.begin_ms, goal.person) == (times[4], 8)
    assert motion.gesture[times[4] // TICK_MS + 20, 8] == Gesture.CELEBRATE


def test_an_unseen_goal_falls_a_second_after_the_shot(tmp_path):
    script: list[StatsBombEvent] = [(1, 2.0, SB_SHOT, AWAY, 9, END | {"outcome": {"id": 97}})]
    motion = recorded_motion(
        **write_tracab(tmp_path, players()), **write_statsbomb(tmp_path, script)
    )
    assert labels(motion) == [(2000, Action.SHOT, Team.RIGHT), (3000, Action.GOAL, Team.RIGHT)]


def test_the_named_player_kicks_at_the_label(tmp_path):
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


def test_a_pass_that_was_seen_to_fly_is_a_high_pass(tmp_path):
    def ball(seconds: float) -> tuple[float, float, float]:
        return 10.0 * seconds, 0.0, 0.1 + 4.0 * max(0.0, np.sin(np.pi * (seconds - 1.0)))

    script: list[StatsBombEvent] = [
        (1, 1.0, SB_PASS, HOME, 7, END), (1, 2.0, SB_PASS, HOME, 8, END), (1, 2.8, SB_CARRY, HOME, 9, END)
    ]  # fmt: skip
    files = write_tracab(tmp_path, players(), ball, seconds=4.0)
    motion = recorded_motion(**files, **write_statsbomb(tmp_path, script))
    found = [event.label for event in motion.events]
    assert found == [Action.HIGH_PASS, Action.PASS, Action.DRIVE]


@pytest.mark.parametrize(
    "write, name", [(write_labels, "Labels-ball.json"), (write_event_table, "e.csv")]
)
def test_labels_may_come_from_our_own_files(tmp_path, write, name):
    wanted = EventList.of(
        [
            Event(1000, Action.PASS, team=Team.LEFT),
            Event(2000, Action.OUT, team=Team.RIGHT),
            Event(10_000, Action.SHOT, team=Team.LEFT),
        ],
        match="a/b/c",
    )
    write(wanted, tmp_path / name)
    files = write_tracab(tmp_path, players(), halves=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        motion = recorded_motion(**files, events=tmp_path / name, name="a/b/c")
    assert motion.events.events == wanted.events and motion.events.match == wanted.match
    kicker = int(np.flatnonzero(motion.gesture[25])[0])
    assert kicker < 11, "left is the home team in the first half"
    assert 11 <= int(np.flatnonzero(motion.gesture[250])[0]) < PLAYERS


def test_a_turned_recording_turns_the_sides_of_its_labels(tmp_path):
    write_labels(EventList.of([Event(1000, Action.PASS, team=Team.LEFT)]), tmp_path / "l.json")
    tracks = {key: turned(track) for key, track in players().items()}
    motion = recorded_motion(**write_tracab(tmp_path, tracks), events=tmp_path / "l.json")
    assert labels(motion) == [(1000, Action.PASS, Team.RIGHT)]


def test_events_can_be_cut_with_the_tracking(tmp_path):
    script: list[StatsBombEvent] = [
        (1, 1.0, SB_PASS, HOME, 7, END), (1, 3.0, SB_CARRY, HOME, 8, END)
    ]  # fmt: skip
    files = write_tracab(tmp_path, players()) | write_statsbomb(tmp_path, script)
    motion = recorded_motion(**files, start_ms=2000, duration_ms=2000)
    assert labels(motion) == [(1000, Action.DRIVE, Team.LEFT)]
    assert motion.gesture[25, 7] in (Gesture.TOUCH_LEFT, Gesture.TOUCH_RIGHT)
    assert labels(recorded_motion(**files, start_ms=4000, duration_ms=1000)) == []


SAMPLES = Path(importlib.util.find_spec("kloppy").origin).parent / "tests" / "files"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="this kloppy came without its sample files")
@pytest.mark.parametrize(
    "tracking, meta, events, actions",
    [
        ("metrica_home.csv", None, None, set()),
        (
            "epts_metrica_tracking.txt",
            "epts_metrica_metadata.xml",
            "metrica_events.json",
            {Action.DRIVE, Action.PASS},
        ),
        ("skillcorner_v3_raw_data.jsonl", "skillcorner_meta_data.json", None, set()),
        ("statsperform_tracking_ma25.txt", "statsperform_tracking_ma1.xml", None, set()),
        (
            "sportec_positional.xml",
            "sportec_meta.xml",
            "sportec_events.xml",
            {Action.PASS, Action.HIGH_PASS},
        ),
    ],
)
def test_providers_own_samples_are_known_by_their_content(tracking, meta, events, actions):
    motion = recorded_motion(
        SAMPLES / tracking,
        None if events is None else SAMPLES / events,
        meta=None if meta is None else SAMPLES / meta,
    )
    assert len(motion.halves) == 2
    assert np.isfinite(motion.xy[:, :PLAYERS]).any() and np.isfinite(motion.ball).any()
    assert np.nanmax(np.abs(motion.xy[:, :PLAYERS])) < 60
    assert {event.label for event in motion.events} == actions


# ---- Errors ----


@pytest.mark.parametrize(
    "change, says",
    [
        ({"tracking": Path("absent.dat")}, "absent.dat: no such file"),
        ({"meta": Path("absent.xml")}, "absent.xml: no such file"),
        ({"events": Path("absent.json")}, "absent.json: no such file"),
        ({"provider": "tracap"}, "unknown provider 'tracap'.*choose one of metrica, .*tracab"),
        ({"events_provider": "opda"}, "unknown provider 'opda'"),
        ({"meta": None}, "tracab tracking data needs the metadata.*--tracking-meta"),
        ({"events_meta": None}, "statsbomb event data needs the line-ups.*--events-meta"),
        ({"provider": "sportec"}, "kloppy cannot read this as data of sportec"),
        ({"events_provider": "wyscout"}, "kloppy cannot read this as data of wyscout"),
        ({"start_ms": 60_000}, r"nothing at 60000 ms: the recording has 6\.0 s: choose an earlier"),
        ({"start_ms": -1}, "start at -1 ms: choose 0 or later"),
        ({"duration_ms": 0}, "duration of 0 ms: choose more than 0"),
    ],
)
def test_errors_say_what_where_and_what_to_do(tmp_path, change, says):
    script: list[StatsBombEvent] = [(1, 1.0, SB_PASS, HOME, 7, END)]
    files = write_tracab(tmp_path, players()) | write_statsbomb(tmp_path, script)
    with pytest.raises(InputError, match=says) as caught:
        recorded_motion(**(files | change))
    assert "\n" not in str(caught.value)


def test_a_file_of_no_known_format_is_an_error_that_names_the_choices(tmp_path):
    (tmp_path / "x.txt").write_text("nothing\n")
    with pytest.raises(InputError, match=r"cannot tell whose format.*metrica, secondspectrum"):
        recorded_motion(tmp_path / "x.txt")
    files = write_tracab(tmp_path, players())
    with pytest.raises(InputError, match=r"cannot tell whose format.*--events-provider"):
        recorded_motion(**files, events=tmp_path / "x.txt")


def test_events_of_another_match_are_an_error(tmp_path):
    script: list[StatsBombEvent] = [(1, 30.0, SB_PASS, HOME, 7, END)]
    files = write_tracab(tmp_path, players()) | write_statsbomb(tmp_path, script)
    with pytest.raises(DataError, match="no event of it lies within"):
        recorded_motion(**files)


def test_without_kloppy_one_line_says_what_to_install():
    code = (
        "import sys; sys.modules['kloppy'] = None\n"
        "from onball.errors import MissingDependencyError\n"
        "try:\n    import onball.simulator.recorded.match\n"
        "except MissingDependencyError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'onball[recorded]'" in done.stdout
