"""Writers of recorded matches in the formats of providers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from onball.actions import Action
from onball.events import Team
from onball.simulator.world import (
    PLAYERS,
    TICK_MS,
    Motion,
)

CENTIMETRES = 0.02
BREAK = 75  # ticks
Place = tuple[float, float]
Track = Callable[[float], Place | None]
BallTrack = Callable[[float], tuple[float, float, float] | None]


def player_at(person: int, seconds: float) -> Place:
    """Position of a player: home team on the left, goalkeeper in the rear, all in slow circles."""
    number = person % 11
    x = -48.0 + 4.0 * number + 2.0 * np.sin(0.6 * seconds + number)
    y = (-24.0 + 5.0 * number if number else 0.0) + 2.0 * np.cos(0.6 * seconds + number)
    return (x, y) if person < 11 else (-x, -y)


def players(skip: Iterable[int] = ()) -> dict[tuple[str, int], Track]:
    """Tracks of both teams with shirts 1 to 11, by side and shirt."""
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
    """Write Tracab's DAT: centimetres, 25 Hz, without the frames that are not `seen`."""
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
    """Write the two CSV files of Metrica: 0 to 1 along both axes, 25 Hz; return that of the home team."""

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
    """Write SkillCorner's JSON lines: metres, 10 Hz."""
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
    """Write StatsBomb's events and line-ups; player S of team T has the id 100 T + S and the shirt S."""

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
    """True positions of all players at the ticks of a motion, `[T, 22, 2]`."""
    times = np.arange(motion.ticks) * TICK_MS / 1000 + offset_s
    return np.stack([[player_at(p, s) for p in range(PLAYERS)] for s in times])


def labels(motion: Motion) -> list[tuple[int, Action, Team]]:
    return [(event.position_ms, event.label, event.team) for event in motion.events]
