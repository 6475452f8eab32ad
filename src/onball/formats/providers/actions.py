"""Events of kloppy as the 12 actions.

A provider's pass, carry or duel becomes one of the 12 actions, a shot that scores becomes two. The mapping
reads types and qualifiers by name, so this module does not import kloppy. Where kloppy leaves out what a
provider says (milliseconds and balls out of play of Wyscout; crosses, high passes and tackles of Sportec;
own goals of DataFactory), it is read from the provider's own entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import hypot
from typing import Any

from onball.actions import Action
from onball.events import Team

#: Size of a football pitch in metres.
PITCH_LENGTH, PITCH_WIDTH = 105.0, 68.0
#: Least length of a long ball, metres, as kloppy defines it.
LONG = 32.0
#: Largest time between two records of one ball that is out of play: some providers write one for each team.
_SAME_OUT_MS = 1500
_CLOCK_SLACK_MS = 2000
#: Match clock at the beginning of each period.
_KICK_OFF_MINUTES = {1: 0, 2: 45, 3: 90, 4: 105, 5: 120}
#: Part of the body for names of qualifiers.
_BODY = {
    "LEFT_FOOT": "left",
    "RIGHT_FOOT": "right",
    "HEAD": "head",
    "BOTH_HANDS": "hand",
    "LEFT_HAND": "hand",
    "RIGHT_HAND": "hand",
    "KEEPER_ARM": "hand",
    "HAND_PASS": "hand",
    "SLIDING_TACKLE": "slide",
}
# Numbers in entries of Wyscout v2 and DataFactory.
_V2_WHISTLE, _V2_DEFENDING, _V2_OWN_GOAL = 51, 12, 102
_DATAFACTORY_OWN_GOAL = 10


@dataclass(frozen=True, slots=True)
class RecordedAction:
    """One action from a file of events.

    Attributes:
        action: its label.
        half: number of the period in its file (kloppy's id, SoccerNet's half).
        time_ms: time since the kick-off of that period, or, for SoccerNet's first half, since the first
            frame. Of OUT and GOAL, mostly that of the kick.
        team: 0 home, 1 away, None if unknown.
        player: the provider's id of the player, or None.
        number: shirt number of the player, or None.
        body: "left", "right", "head", "hand", "slide", or "" if unknown.
        maybe_high: True for a pass that may be a high pass, which the height of the ball decides.
        goal_kick: True for a goal kick, which is high if it is long.
        side: side of the team in the file, for labels that name sides instead of teams.
        end_ms: time at which the ball of an OUT or GOAL crosses the line, if the file says it.
    """

    action: Action
    half: int
    time_ms: int
    team: int | None = None
    player: str | None = None
    number: int | None = None
    body: str = ""
    maybe_high: bool = False
    goal_kick: bool = False
    side: Team | None = None
    end_ms: int | None = None


def actions_of_events(dataset: Any) -> tuple[list[RecordedAction], Counter[str]]:
    """Actions in a kloppy `EventDataset` (in kloppy's coordinates), and counts of the other events."""
    found: list[RecordedAction] = []
    ignored: Counter[str] = Counter()
    for event, actions in recorded_actions(dataset):
        found += actions
        if not actions:
            generic = event.event_type.name == "GENERIC"
            ignored[str(event.event_name if generic else event.event_type.name)] += 1
    return found, ignored


def recorded_actions(dataset: Any) -> Iterator[tuple[Any, list[RecordedAction]]]:
    """Each event of a kloppy `EventDataset` with its actions: none, one, or two for a goal.

    Repetitions are left out: a ball out of play that is recorded for both teams, and an event that kloppy
    returns twice.
    """
    sides = {str(team.team_id): index for index, team in enumerate(dataset.metadata.teams)}
    records = list(dataset.records)
    repeated = _repeated_outs(records)
    previous = None
    for event in records:
        kind = event.event_type.name, event.raw_event
        same = previous is not None and kind[0] == previous[0] and kind[1] is previous[1]
        previous = kind
        if not (same and event.raw_event) and id(event) not in repeated:
            yield event, _actions(event, sides)


def _repeated_outs(records: list[Any]) -> set[int]:
    """Identities of the events that record a ball out of play a second time.

    Opta records it for both teams, with outcome 0 for the one that played the ball: that one is kept.
    """
    repeated: set[int] = set()
    last = None
    for event in records:
        if event.event_type.name != "BALL_OUT":
            continue
        if last is not None and _is_same_out(last, event):
            first = getattr(last.raw_event, "outcome", None)
            if first == 1 and getattr(event.raw_event, "outcome", None) == 0:
                repeated.add(id(last))
                last = event
            else:
                repeated.add(id(event))
        else:
            last = event
    return repeated


def _is_same_out(first: Any, second: Any) -> bool:
    if first.period.id != second.period.id:
        return False
    times = (_end_ms(event) or event_time_ms(event) for event in (first, second))
    return abs(next(times) - next(times)) <= _SAME_OUT_MS


def _actions(event: Any, sides: Mapping[str, int]) -> list[RecordedAction]:
    action, maybe_high = _action(event)
    own_goal = _is_own_goal(event)
    if action is None and not own_goal:
        return []
    team = {"home": 0, "away": 1}.get(event.team.ground.value) if event.team else None
    if team is None:  # Sportec's tackles name the winner only
        team = sides.get(str(_entry(event).get("WinnerTeam")))
    player = event.player
    recorded = RecordedAction(
        action=action or Action.GOAL,
        half=int(event.period.id),
        time_ms=event_time_ms(event),
        team=team,
        player=None if player is None else str(player.player_id),
        number=None if player is None or player.jersey_no is None else int(player.jersey_no),
        body=_body(event),
        maybe_high=maybe_high,
        goal_kick="GOAL_KICK" in _qualifiers(event) or event.event_name == "goalkick",
        end_ms=_end_ms(event) if action in (Action.OUT, Action.SHOT) else None,
    )
    goal = replace(recorded, action=Action.GOAL, body="")
    if own_goal:
        # An own goal is no shot: the goal is an action, by the other team.
        other = None if team is None else 1 - team
        goal = replace(goal, team=other, player=None, number=None)
        found = [] if action in (None, Action.SHOT) else [recorded]
        return [*found, goal]
    if action is Action.SHOT:
        recorded = replace(recorded, end_ms=None)
        if getattr(event.result, "name", "") == "GOAL":
            return [recorded, goal]
    return [recorded]


def event_time_ms(event: Any) -> int:
    """Time of an event of kloppy since the kick-off of its period, in milliseconds.

    kloppy reads the seconds only of Wyscout's third version. It takes the time of Opta's events from the
    clock of the day, which for some events is when they were entered: one that contradicts the match
    clock, in whole seconds, is replaced by that.
    """
    time_ms: int = round(event.timestamp.total_seconds() * 1000)
    if hasattr(event.raw_event, "time_min"):
        minutes = event.raw_event.time_min - _KICK_OFF_MINUTES.get(int(event.period.id), 0)
        clock_ms = 1000 * int(60 * minutes + event.raw_event.time_sec)
        agree = clock_ms < 0 or -_CLOCK_SLACK_MS <= time_ms - clock_ms <= 1000 + _CLOCK_SLACK_MS
        return time_ms if agree else clock_ms
    fraction = str(_entry(event).get("matchTimestamp", "")).rpartition(".")[2]
    if fraction.isdigit() and time_ms % 1000 == 0:
        time_ms += round(float(f"0.{fraction}") * 1000)
    return time_ms


def _end_ms(event: Any) -> int | None:
    """Time at which the ball of a pass or shot arrives, which StatsBomb records."""
    entry = _entry(event)
    duration = entry.get("duration")
    clock = str(entry.get("timestamp", "")).split(":")
    if not isinstance(duration, int | float) or len(clock) != 3:
        return None
    start_s = (int(clock[0]) * 60 + int(clock[1])) * 60 + float(clock[2])
    return round((start_s + duration) * 1000)


def is_restart_only(event: Any) -> bool:
    """Return True if a ball out of play has the time of the throw-in, corner or goal kick after it.

    kloppy infers it from the restart in data of DataFactory, which have no event of their own for it.
    """
    return event.event_type.name == "BALL_OUT" and "t" in _entry(event)


def _entry(event: Any) -> Mapping[str, Any]:
    """The provider's own entry of an event, where it is a mapping."""
    return event.raw_event if isinstance(event.raw_event, dict) else {}


def _is_own_goal(event: Any) -> bool:
    if getattr(event.result, "name", "") == "OWN_GOAL":
        return True
    entry = _entry(event)
    if event.event_type.name == "SHOT" and "t" in entry:
        return bool(entry.get("type") == _DATAFACTORY_OWN_GOAL)
    tags = entry.get("tags")
    return isinstance(tags, list) and any(
        isinstance(tag, dict) and tag.get("id") == _V2_OWN_GOAL for tag in tags
    )


def _qualifiers(event: Any) -> set[str]:
    """Names of the qualifiers of an event, and of Metrica's subtypes."""
    names = {q.value.name for q in event.qualifiers or () if hasattr(q.value, "name")}
    subtypes = _entry(event).get("subtypes") or []
    for subtype in [subtypes] if isinstance(subtypes, dict) else subtypes:
        names.add(str(subtype.get("name")))
    return names


def _action(event: Any) -> tuple[Action | None, bool]:
    """Action of an event, None for other events, and whether it is a pass that may be high."""
    kind = event.event_type.name
    names = _qualifiers(event)
    match kind:
        case "PASS":
            return _pass(event, names)
        case "CARRY":
            return Action.DRIVE, False
        case "SHOT":
            return Action.SHOT, False
        case "BALL_OUT" if _entry(event).get("subEventId") != _V2_WHISTLE:
            return Action.OUT, False
        case "INTERCEPTION":
            return Action.BALL_PLAYER_BLOCK, False
        case "RECOVERY" if "INTERCEPTION" in names:
            return Action.BALL_PLAYER_BLOCK, False
        case "CLEARANCE":
            return (Action.HEADER if "HEAD" in names else Action.HIGH_PASS), False
        case "DUEL" if getattr(event.result, "name", "") == "WON" and not _is_attacking(event):
            # Providers record a tackle as a duel on the ground; one for a loose ball is no tackle.
            tackle = {"TACKLE", "SLIDING_TACKLE"} & names
            if tackle or ("GROUND" in names and "LOOSE_BALL" not in names):
                return Action.PLAYER_SUCCESSFUL_TACKLE, False
        case "GENERIC":
            return _generic(event, names)
    return None, False


def _is_attacking(event: Any) -> bool:
    """Return True if a duel is that of the player with the ball: Wyscout records one for either player."""
    entry = _entry(event)
    if "subEventId" in entry:
        return bool(entry["subEventId"] != _V2_DEFENDING)
    return "offensive_duel" in _secondary(entry)


def _secondary(entry: Mapping[str, Any]) -> list[str]:
    """Secondary types of an entry of Wyscout's third version."""
    kind = entry.get("type")
    return list(kind.get("secondary") or ()) if isinstance(kind, dict) else []


def _pass(event: Any, names: set[str]) -> tuple[Action, bool]:
    if "THROW_IN" in names:
        return Action.THROW_IN, False
    if "FREE_KICK" in names:
        return Action.FREE_KICK, False
    if "CORNER_KICK" in names:
        return Action.CROSS, False
    if {"HEAD", "HEAD_PASS", "FLICK_ON"} & names:
        return Action.HEADER, False
    entry = _entry(event)
    if "CROSS" in names or {"Evaluation", "Side"} <= entry.keys():  # Sportec's crosses have a side
        return Action.CROSS, False
    if {"HIGH_PASS", "LAUNCH", "LONG_BALL", "CHIPPED_PASS"} & names:
        return Action.HIGH_PASS, False
    if entry.get("Height") == "high":  # Sportec
        return Action.HIGH_PASS, False
    start, end = event.coordinates, event.receiver_coordinates
    if "GOAL_KICK" in names and start is not None and end is not None:
        length = hypot((end.x - start.x) * PITCH_LENGTH, (end.y - start.y) * PITCH_WIDTH)
        return (Action.HIGH_PASS if length > LONG else Action.PASS), False
    return Action.PASS, "KICK_OFF" not in names


def _generic(event: Any, names: set[str]) -> tuple[Action | None, bool]:
    """Action of an event without a type in kloppy, by the provider's name of it."""
    entry = _entry(event)
    match str(event.event_name).lower():
        case "block":
            return Action.BALL_PLAYER_BLOCK, False
        case "clearances":
            return Action.HIGH_PASS, False
        case "goalkick":
            return Action.PASS, True
        case "challenge" if {"TACKLE", "WON"} <= names and "FAULT" not in names:
            return Action.PLAYER_SUCCESSFUL_TACKLE, False
        case "game_interruption" if "ball_out" in _secondary(entry):
            return Action.OUT, False
        case "tacklinggame" if (entry.get("Type"), entry.get("WinnerRole")) == (
            "ground",
            "withoutBallControl",
        ):
            return Action.PLAYER_SUCCESSFUL_TACKLE, False
    return None, False


def _body(event: Any) -> str:
    names = _qualifiers(event)
    return next((part for name, part in _BODY.items() if name in names), "")
