"""Writers of event data in the public schemas of providers, for actions whose times are known.

Each takes `Played` actions in order and writes what its provider would record: StatsBomb, Wyscout (both
versions), Opta F24 with F7, Stats Perform MA3 with MA1, Sportec, DataFactory. Home is team 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from onball.actions import Action
from onball.events import EventList, Team

TEAMS = ("Ajax", "Benfica")
KICK_OFFS_MIN = {1: 0, 2: 45, 3: 90, 4: 105, 5: 120}
ZONE = timezone(timedelta(hours=2))


class Played(NamedTuple):
    """An action that a provider recorded: milliseconds since the kick-off of its period."""

    action: Action
    time_ms: int
    period: int = 1
    team: int = 0


def played(labels: EventList, kickoffs_ms: dict[int, int]) -> list[Played]:
    """Labels of a video as actions of periods; the team on the left is the home team in the first."""
    found = []
    for event in labels:
        period = max(number for number, at in kickoffs_ms.items() if at <= event.position_ms)
        left = event.team is not Team.RIGHT
        team = int(left != (period % 2 == 1))
        found.append(Played(event.label, event.position_ms - kickoffs_ms[period], period, team))
    return found


def clock(time_ms: int, minutes: int = 0) -> str:
    seconds, milliseconds = divmod(time_ms + 60_000 * minutes, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"


def day_time(period: int, time_ms: int) -> datetime:
    """Time of the day: the first period begins at 20:00, the others 75 minutes after each other."""
    begin = datetime(2024, 5, 4, 20, tzinfo=ZONE) + timedelta(minutes=75 * (period - 1))
    return begin + timedelta(milliseconds=time_ms)


def periods_of(actions: Iterable[Played]) -> list[int]:
    return sorted({one.period for one in actions})


def _last_ms(actions: Sequence[Played], period: int) -> int:
    return max(one.time_ms for one in actions if one.period == period) + 5000


# StatsBomb

_BALL = {"end_location": [70.5, 40.5]}
_STATSBOMB: dict[Action, tuple[int, str, dict[str, Any]]] = {
    Action.PASS: (30, "Pass", _BALL | {"height": {"id": 1}}),
    Action.DRIVE: (43, "Carry", _BALL),
    Action.HEADER: (30, "Pass", _BALL | {"body_part": {"id": 37}}),
    Action.HIGH_PASS: (30, "Pass", _BALL | {"height": {"id": 3}}),
    Action.CROSS: (30, "Pass", _BALL | {"cross": True}),
    Action.THROW_IN: (30, "Pass", _BALL | {"type": {"id": 67, "name": "Throw-in"}}),
    Action.FREE_KICK: (30, "Pass", _BALL | {"type": {"id": 62, "name": "Free Kick"}}),
    Action.SHOT: (16, "Shot", _BALL | {"outcome": {"id": 100}}),
    Action.BALL_PLAYER_BLOCK: (6, "Block", {}),
    Action.PLAYER_SUCCESSFUL_TACKLE: (
        4, "Duel", {"type": {"id": 11, "name": "Tackle"}, "outcome": {"id": 4}}
    ),
    Action.OUT: (38, "Miscontrol", {}),
}  # fmt: skip


def write_statsbomb(folder: Path, actions: Sequence[Played]) -> tuple[Path, Path]:
    """Write events and line-ups; a goal is the end of its shot, an OUT the end of a pass or its own."""
    out: list[dict[str, Any]] = []

    def add(period: int, time_ms: int, kind: int, name: str, team: int) -> dict[str, Any]:
        entry = {
            "id": f"event-{len(out)}", "index": len(out) + 1, "period": period,
            "timestamp": clock(time_ms), "duration": 0.0, "type": {"id": kind, "name": name},
            "team": {"id": 10 + team, "name": TEAMS[team]},
            "possession_team": {"id": 10 + team, "name": TEAMS[team]}, "location": [60.5, 40.5],
        }  # fmt: skip
        out.append(entry)
        return entry

    for team in (0, 1):
        lineup = [
            {"player": {"id": 100 * team + s}, "position": {"id": s}, "jersey_number": s}
            for s in range(1, 12)
        ]
        entry = add(1, 0, 35, "Starting XI", team)
        entry["tactics"] = {"formation": 442, "lineup": lineup}
    for period in periods_of(actions):
        add(period, 0, 18, "Half Start", 0)
        kick: dict[str, Any] = {}
        kick_ms = 0
        for one in (one for one in actions if one.period == period):
            if one.action is Action.GOAL:
                kick["shot"] = kick["shot"] | {"outcome": {"id": 97, "name": "Goal"}}
                kick["duration"] = (one.time_ms - kick_ms) / 1000
                continue
            if one.action is Action.OUT and "pass" in kick:
                kick["pass"] = kick["pass"] | {"outcome": {"id": 75, "name": "Out"}}
                kick["duration"] = (one.time_ms - kick_ms) / 1000
                continue
            kind, name, details = _STATSBOMB[one.action]
            kick, kick_ms = add(period, one.time_ms, kind, name, one.team), one.time_ms
            kick["player"] = {"id": 100 * one.team + 4}
            if one.action is Action.OUT:
                kick["out"] = True
            if details:
                kick[name.lower()] = details
        add(period, _last_ms(actions, period), 34, "Half End", 0)
    people = [
        [{"player_id": 100 * team + s, "player_name": f"P{s}", "jersey_number": s} for s in range(1, 12)]
        for team in (0, 1)
    ]  # fmt: skip
    lineups = [
        {"team_id": 10 + team, "team_name": TEAMS[team], "lineup": people[team]} for team in (0, 1)
    ]
    return _written(folder, "statsbomb_events.json", out), _written(
        folder, "statsbomb_lineups.json", lineups
    )


def _written(folder: Path, name: str, content: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


# Wyscout


def _wyscout_teams() -> dict[str, Any]:
    return {
        "teams": {
            str(10 + team): {"team": {"wyId": 10 + team, "officialName": TEAMS[team], "name": TEAMS[team]}}
            for team in (0, 1)
        },
        "players": {
            str(10 + team): [
                {"player": {"wyId": 100 * team + 4, "firstName": "A", "lastName": "B", "shortName": "A. B"}}
            ]
            for team in (0, 1)
        },
    }  # fmt: skip


_WYSCOUT_2: dict[Action, tuple[str, int, str, int, list[int]]] = {
    Action.PASS: ("Pass", 8, "Simple pass", 85, [1801]),
    Action.HEADER: ("Pass", 8, "Head pass", 82, [1801]),
    Action.HIGH_PASS: ("Pass", 8, "High pass", 83, [1801]),
    Action.CROSS: ("Pass", 8, "Cross", 80, [1801]),
    Action.THROW_IN: ("Free Kick", 3, "Throw in", 36, [1801]),
    Action.FREE_KICK: ("Free Kick", 3, "Free Kick", 31, [1801]),
    Action.SHOT: ("Shot", 10, "Shot", 100, [1802]),
    Action.PLAYER_SUCCESSFUL_TACKLE: ("Duel", 1, "Ground defending duel", 12, [703]),
    Action.OUT: ("Interruption", 5, "Ball out of the field", 50, []),
}


def write_wyscout_2(folder: Path, actions: Sequence[Played]) -> Path:
    """Write version 2, which has no carries; a goal is a tag of its shot."""
    events: list[dict[str, Any]] = []
    for one in actions:
        if one.action is Action.GOAL:
            events[-1]["tags"].append({"id": 101})
            continue
        if one.action not in _WYSCOUT_2:
            continue
        name, number, kind, kind_number, tags = _WYSCOUT_2[one.action]
        events.append(
            {
                "id": 1000 + len(events), "playerId": 100 * one.team + 4, "teamId": 10 + one.team,
                "matchId": 7, "matchPeriod": {1: "1H", 2: "2H", 3: "E1", 4: "E2", 5: "P"}[one.period],
                "eventSec": one.time_ms / 1000, "eventName": name, "eventId": number,
                "subEventName": kind, "subEventId": kind_number,
                "positions": [{"x": 50, "y": 50}, {"x": 60, "y": 50}],
                "tags": [{"id": tag} for tag in tags],
            }
        )  # fmt: skip
    return _written(folder, "wyscout_v2.json", {"events": events, **_wyscout_teams()})


_WYSCOUT_3: dict[Action, tuple[str, list[str]]] = {
    Action.PASS: ("pass", ["short_or_medium_pass"]),
    Action.DRIVE: ("touch", ["carry"]),
    Action.HEADER: ("pass", ["head_pass"]),
    Action.HIGH_PASS: ("pass", ["long_pass"]),
    Action.CROSS: ("pass", ["cross"]),
    Action.THROW_IN: ("throw_in", []),
    Action.FREE_KICK: ("free_kick", ["free_kick_cross"]),
    Action.SHOT: ("shot", ["opportunity"]),
    Action.BALL_PLAYER_BLOCK: ("interception", []),
    Action.PLAYER_SUCCESSFUL_TACKLE: ("duel", ["defensive_duel", "ground_duel"]),
    Action.OUT: ("game_interruption", ["ball_out"]),
}


def write_wyscout_3(folder: Path, actions: Sequence[Played]) -> Path:
    """Write version 3; a goal is a property of its shot."""
    events: list[dict[str, Any]] = []
    place = {"x": 50, "y": 50}
    for one in actions:
        if one.action is Action.GOAL:
            events[-1]["shot"]["isGoal"] = True
            continue
        primary, secondary = _WYSCOUT_3[one.action]
        minutes = KICK_OFFS_MIN[one.period]
        total_s = one.time_ms // 1000 + 60 * minutes
        entry: dict[str, Any] = {
            "id": 1000 + len(events), "matchId": 7,
            "matchPeriod": {1: "1H", 2: "2H", 3: "1E", 4: "2E", 5: "P"}[one.period],
            "minute": total_s // 60, "second": total_s % 60,
            "matchTimestamp": clock(one.time_ms, minutes), "location": place,
            "type": {"primary": primary, "secondary": secondary}, "possession": None,
            "team": {"id": 10 + one.team, "formation": "4-4-2"},
            "opponentTeam": {"id": 11 - one.team, "formation": "4-4-2"},
            "player": {"id": 100 * one.team + 4},
        }  # fmt: skip
        if primary in ("pass", "throw_in", "free_kick"):
            entry["pass"] = {"accurate": False, "endLocation": place, "recipient": {"id": None}}
            entry["pass"]["height"] = "high" if one.action is Action.HIGH_PASS else None
        if primary == "shot":
            entry["shot"] = {
                "isGoal": False,
                "onTarget": True,
                "goalZone": "gc",
                "bodyPart": "head",
            }
        if primary == "touch":
            entry["carry"] = {"progression": 5, "endLocation": place}
        if primary == "duel":
            entry["groundDuel"] = {"recoveredPossession": True, "keptPossession": False}
        events.append(entry)
    eleven = {"players": [{str(100 * team + 4): {"position": "cb"}} for team in (0, 1)]}
    meta = {
        "match": {"dateutc": "2024-05-04 18:00:00", "gameweek": 3, "teamsData": {
            team: {"formation": {"lineup": [], "bench": []}} for team in ("10", "11")
        }}, "coaches": {},
        "formations": {team: {"1H": {"0": {"4-4-2": eleven}}} for team in ("10", "11")},
    }  # fmt: skip
    return _written(folder, "wyscout_v3.json", {"events": events, **meta, **_wyscout_teams()})


# Opta and Stats Perform

_OPTA: dict[Action, tuple[int, int, list[int]]] = {
    Action.PASS: (1, 1, []),
    Action.HEADER: (1, 1, [3]),
    Action.HIGH_PASS: (1, 1, [1]),
    Action.CROSS: (1, 1, [2]),
    Action.THROW_IN: (1, 1, [107]),
    Action.FREE_KICK: (1, 1, [5]),
    Action.SHOT: (15, 1, []),
    Action.BALL_PLAYER_BLOCK: (74, 1, []),
    Action.PLAYER_SUCCESSFUL_TACKLE: (7, 1, []),
    Action.OUT: (5, 0, []),
}


def _opta_rows(actions: Sequence[Played]) -> list[tuple[Played, int, int, list[int]]]:
    """Rows (action, type, outcome, qualifiers); the ball is out for both teams, nobody drives."""
    rows: list[tuple[Played, int, int, list[int]]] = []
    for one in actions:
        if one.action is Action.GOAL:
            shot, _, outcome, qualifiers = rows[-1]
            rows[-1] = shot, 16, outcome, qualifiers
        elif one.action in _OPTA:
            rows.append((one, *_OPTA[one.action]))
            if one.action is Action.OUT:
                rows.append((one._replace(team=1 - one.team), 5, 1, []))
    return rows


def write_opta(folder: Path, actions: Sequence[Played]) -> tuple[Path, Path]:
    """Write F24 and F7."""
    lines = []

    def add(
        period: int, time_ms: int, team: int, kind: int, outcome: int, qualifiers: list[int]
    ) -> None:
        at = day_time(period, time_ms).astimezone(timezone(timedelta(hours=1)))  # London, in summer
        stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}"
        total_s = time_ms // 1000 + 60 * KICK_OFFS_MIN[period]
        inner = "".join(f'<Q id="1" qualifier_id="{one}"/>' for one in qualifiers)
        lines.append(
            f'<Event id="{900 + len(lines)}" event_id="{len(lines)}" type_id="{kind}" period_id="{period}" '
            f'min="{total_s // 60}" sec="{total_s % 60}" team_id="{10 + team}" outcome="{outcome}" x="50.0" '
            f'y="50.0" timestamp="{stamp}" last_modified="2024-05-04T23:00:00">{inner}</Event>'
        )  # fmt: skip

    for period in periods_of(actions):
        for team in (0, 1):
            add(period, 0, team, 32, 1, [])
        for one, kind, outcome, qualifiers in _opta_rows(actions):
            if one.period == period:
                add(period, one.time_ms, one.team, kind, outcome, qualifiers)
        add(period, _last_ms(actions, period), 0, 30, 1, [])
    events = f'<Games timestamp="2024-05-04T23:00:00"><Game id="77">{"".join(lines)}</Game></Games>'
    names = {1: "first_half", 2: "second_half", 3: "first_half_extra", 4: "second_half_extra"}
    stats = "".join(
        f'<Stat Type="{names[period]}_start">{day_time(period, 0):%Y%m%dT%H%M%S%z}</Stat>'
        for period in periods_of(actions)
        if period in names
    )
    teams = "".join(
        f'<TeamData Formation="442" Score="0" Side="{side}" TeamRef="t{10 + team}"><PlayerLineUp>'
        f'<MatchPlayer Formation_Place="5" PlayerRef="p{100 * team + 4}" Position="Defender" '
        'ShirtNumber="4" Status="Start"/>'
        "</PlayerLineUp></TeamData>"
        for team, side in enumerate(("Home", "Away"))
    )
    clubs = "".join(
        f'<Team uID="t{10 + team}"><Name>{TEAMS[team]}</Name><Player uID="p{100 * team + 4}"><PersonName>'
        "<First>A</First><Last>B</Last></PersonName></Player></Team>"
        for team in (0, 1)
    )
    people = (
        f'<SoccerFeed><SoccerDocument Type="Result" uID="f77"><MatchData><MatchInfo><Result/></MatchInfo>'
        f"{stats}{teams}</MatchData>{clubs}</SoccerDocument></SoccerFeed>"
    )
    return _written(folder, "f24.xml", events), _written(folder, "f7.xml", people)


def write_stats_perform(folder: Path, actions: Sequence[Played]) -> tuple[Path, Path]:
    """Write MA3 and MA1 as JSON."""
    events: list[dict[str, Any]] = []

    def stamp(period: int, time_ms: int) -> str:
        at = day_time(period, time_ms).astimezone(UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"

    def add(
        period: int, time_ms: int, team: int, kind: int, outcome: int, qualifiers: list[int]
    ) -> None:
        total_s = time_ms // 1000 + 60 * KICK_OFFS_MIN[period]
        events.append(
            {
                "id": 900 + len(events), "eventId": len(events), "typeId": kind, "periodId": period,
                "timeMin": total_s // 60, "timeSec": total_s % 60, "contestantId": f"team{team}",
                "playerId": f"player{team}", "outcome": outcome, "x": 50.0, "y": 50.0,
                "timeStamp": stamp(period, time_ms), "lastModified": stamp(period, time_ms),
                "qualifier": [{"id": 1, "qualifierId": one} for one in qualifiers],
            }
        )  # fmt: skip

    for period in periods_of(actions):
        add(period, 0, 0, 32, 1, [])
        for one, kind, outcome, qualifiers in _opta_rows(actions):
            if one.period == period:
                add(period, one.time_ms, one.team, kind, outcome, qualifiers)
        add(period, _last_ms(actions, period), 0, 30, 1, [])
    info = {"id": "match7", "week": "3", "date": "2024-05-04Z"}
    sides = ("home", "away")
    contestants = [
        {"id": f"team{team}", "name": TEAMS[team], "position": sides[team]} for team in (0, 1)
    ]
    periods = [
        {
            "id": period, "start": f"{day_time(period, 0).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{day_time(period, 2_700_000).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        for period in periods_of(actions)
    ]  # fmt: skip
    line_ups = [
        {
            "contestantId": f"team{team}", "formationUsed": "442",
            "player": [
                {
                    "playerId": f"player{team}", "shirtNumber": 4, "matchName": "A. B", "firstName": "A",
                    "lastName": "B",
                }
            ],
        }
        for team in (0, 1)
    ]  # fmt: skip
    details = {"period": periods, "scores": {"total": {"home": 1, "away": 0}}}
    ma1 = {
        "matchInfo": info | {"contestant": contestants},
        "liveData": {"matchDetails": details, "lineUp": line_ups},
    }
    ma3 = {"matchInfo": info, "liveData": {"event": events}}
    return _written(folder, "ma3.json", ma3), _written(folder, "ma1.json", ma1)


# Sportec

_SPORTEC: dict[Action, tuple[str, str]] = {
    Action.PASS: ("flat", '<Pass FreeKickLayup="false"/>'),
    Action.HIGH_PASS: ("high", '<Pass FreeKickLayup="false"/>'),
    Action.CROSS: ("high", '<Cross Side="left"/>'),
}


def write_sportec(folder: Path, actions: Sequence[Played], left: int = 0) -> tuple[Path, Path]:
    """Write events and match information; passes, crosses, throw-ins, free kicks, shots and tackles."""
    lines = []

    def add(one: Played, inner: str) -> None:
        at = day_time(one.period, one.time_ms).isoformat(timespec="milliseconds")
        lines.append(
            f'<Event MatchId="DFL-MAT-7" EventId="{len(lines)}" EventTime="{at}" X-Position="50" '
            f'Y-Position="30">{inner}</Event>'
        )

    def play(
        one: Played, height: str = "flat", inner: str = '<Pass FreeKickLayup="false"/>'
    ) -> str:
        return (
            f'<Play Evaluation="unsuccessful" Height="{height}" Team="CLU-{one.team}" '
            f'Player="OBJ-{one.team}">{inner}</Play>'
        )

    for period in periods_of(actions):
        left_now = left if period % 2 else 1 - left
        section = {1: "firstHalf", 2: "secondHalf", 3: "firstHalfExtra", 4: "secondHalfExtra"}[
            period
        ]
        kick_off = Played(Action.PASS, 0, period)
        add(
            kick_off,
            f'<KickOff GameSection="{section}" TeamLeft="CLU-{left_now}" TeamRight="CLU-{1 - left_now}">'
            f"{play(kick_off)}</KickOff>",
        )
        out_ms = 0
        for one in (one for one in actions if one.period == period):
            if one.action in _SPORTEC:
                add(one, play(one, *_SPORTEC[one.action]))
            elif one.action is Action.OUT:
                out_ms = one.time_ms
            elif one.action is Action.THROW_IN:
                at = day_time(period, out_ms).isoformat(timespec="milliseconds")
                add(
                    one,
                    f'<ThrowIn DecisionTimestamp="{at}" Team="CLU-{one.team}">{play(one)}</ThrowIn>',
                )
            elif one.action is Action.FREE_KICK:
                add(one, f"<FreeKick>{play(one)}</FreeKick>")
            elif one.action is Action.SHOT:
                scored = Action.GOAL in [
                    other.action for other in actions
                    if other.period == period and 0 <= other.time_ms - one.time_ms < 3000
                ]  # fmt: skip
                kind = "SuccessfulShot" if scored else "SavedShot"
                add(
                    one,
                    f'<ShotAtGoal TypeOfShot="head" Team="CLU-{one.team}" Player="OBJ-{one.team}"><{kind}/>'
                    "</ShotAtGoal>",
                )
            elif one.action is Action.PLAYER_SUCCESSFUL_TACKLE:
                add(
                    one,
                    f'<TacklingGame Type="ground" WinnerRole="withoutBallControl" '
                    f'WinnerTeam="CLU-{one.team}"/>',
                )
        add(Played(Action.OUT, _last_ms(actions, period), period), "<FinalWhistle/>")
    teams = "".join(
        f'<Team TeamId="CLU-{team}" TeamName="{TEAMS[team]}" Role="{role}"><Players>'
        f'<Player PersonId="OBJ-{team}" ShirtNumber="4" Shortname="A. B" FirstName="A" '
        'LastName="B" Starting="true"/></Players>'
        '<TrainerStaff><Trainer Shortname="T" Role="headcoach"/></TrainerStaff></Team>'
        for team, role in enumerate(("home", "guest"))
    )
    info = (
        '<PutDataRequest><MatchInformation><General MatchId="DFL-MAT-7" MatchDay="3" Result="1:0" '
        'KickoffTime="2024-05-04T20:00:00.000+02:00"/>'
        f'<Teams>{teams}</Teams><Environment PitchX="105" PitchY="68"/><OtherGameInformation '
        'TotalTimeFirstHalf="2700000" TotalTimeSecondHalf="2700000"/></MatchInformation></PutDataRequest>'
    )
    events = f"<PutDataRequest>{''.join(lines)}</PutDataRequest>"
    return _written(folder, "sportec_events.xml", events), _written(
        folder, "sportec_information.xml", info
    )


# DataFactory

_DATAFACTORY: dict[Action, tuple[str, int]] = {
    Action.PASS: ("correctPasses", 180),
    Action.THROW_IN: ("throwIn", 46),
    Action.HIGH_PASS: ("clearances", 29),
    Action.CROSS: ("cornerKicks", 28),
    Action.SHOT: ("shots", 35),
}


def write_datafactory(folder: Path, actions: Sequence[Played]) -> Path:
    """Write whole seconds of passes, throw-ins, clearances, corners and shots."""
    kinds = (
        "goals", "substitutions", "clearances", "cornerKicks", "correctPasses", "fouls", "shots", "status",
        "stealings", "throwIn",
    )  # fmt: skip
    incidences: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
    place = {"1": {"x": 0.1, "y": 0.1, "z": -1}, "2": {"x": 0.2, "y": 0.1, "z": -1}}
    number = 0
    for number, one in enumerate(actions):
        if one.action is Action.GOAL:
            last = max(incidences["shots"])
            incidences["shots"][last]["type"] = 9
            incidences["goals"][last] = incidences["shots"][last]
        elif one.action in _DATAFACTORY:
            kind, code = _DATAFACTORY[one.action]
            total_s = one.time_ms // 1000 + 60 * KICK_OFFS_MIN[one.period]
            incidences[kind][str(2000 + number)] = {
                "type": code, "t": {"half": one.period, "m": total_s // 60, "s": total_s % 60},
                "team": 10 + one.team, "plyrId": 100 * one.team + 4, "coord": place,
            }  # fmt: skip
    starts, ends = {1: 1, 2: 18, 3: 50, 4: 52}, {1: 17, 2: 49, 3: 51, 4: 53}
    for period in periods_of(actions):
        for code, time_ms in ((starts[period], 0), (ends[period], _last_ms(actions, period))):
            incidences["status"][str(code)] = {
                "type": code, "t": {"half": period, "m": 0, "s": 0},
                "time": f"{day_time(period, time_ms):%H:%M:%S}",
            }  # fmt: skip
    content = {
        "match": {
            "matchId": 7, "homeTeamId": 10, "homeTeamName": TEAMS[0], "awayTeamId": 11,
            "awayTeamName": TEAMS[1], "date": "20240504", "stadiumGMT": "+02:00", "week": "3",
        },
        "scoreStatus": {"10": {"score": 1}, "11": {"score": 0}},
        "players": {
            str(100 * team + 4): {
                "name": {"first": "A", "last": "B", "shortName": "A. B", "nick": None},
                "squadNo": 4, "substitute": False, "teamId": 10 + team,
            }
            for team in (0, 1)
        },
        "teams": {str(10 + team): {"name": TEAMS[team]} for team in (0, 1)},
        "incidences": incidences,
    }  # fmt: skip
    return _written(folder, "datafactory.json", content)
