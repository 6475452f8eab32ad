"""Actions of recorded matches: events of kloppy mapped to the 12 actions, and dead times between them.

A provider's pass, carry or duel becomes one of the 12 actions; other events are counted by kind. The mapping
reads types and qualifiers by name, so this module does not import kloppy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from onball.actions import Action
from onball.events import EventList, Team
from onball.simulator.world import PITCH_LENGTH, PITCH_WIDTH, TICK_MS, DeadTime

LONG = 32.0
"""Least length of a long ball, metres, as kloppy defines it."""
_WHISTLE_WITHIN = 5000 // TICK_MS
"""Most ticks from the last event of a half to its end."""
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
"""Part of the body for names of qualifiers."""


@dataclass(frozen=True)
class RecordedAction:
    """One action from a file of events.

    Attributes:
        action: its label.
        half: number of the period in its file (kloppy's id, SoccerNet's half).
        time_ms: time since the kick-off of that period, or, for SoccerNet's first half, since the first
            frame.
        team: 0 home, 1 away, None if unknown.
        player: the provider's id of the player, or None.
        number: shirt number of the player, or None.
        body: "left", "right", "head", "hand", "slide", or "" if unknown.
        maybe_high: True for a pass that may be a high pass, which the height of the ball decides.
        goal_kick: True for a goal kick, which is high if it is long.
        side: side of the team in the file, for labels that name sides instead of teams.
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


@dataclass(frozen=True)
class PlacedAction:
    """A recorded action at a tick.

    Attributes:
        recorded: the action.
        tick: tick of the recording or of the motion.
        row: row in `Motion` of the acting person, or -1 if unknown.
    """

    recorded: RecordedAction
    tick: int
    row: int = -1


def actions_of_events(dataset: Any) -> tuple[list[RecordedAction], Counter[str]]:
    """Actions in a kloppy `EventDataset` (in kloppy's coordinates), and counts of the other events."""
    found: list[RecordedAction] = []
    ignored: Counter[str] = Counter()
    for event in dataset.records:
        action, maybe_high = _action(event)
        if action is None:
            generic = event.event_type.name == "GENERIC"
            ignored[str(event.event_name if generic else event.event_type.name)] += 1
            continue
        team = {"home": 0, "away": 1}.get(event.team.ground.value) if event.team else None
        player = event.player
        recorded = RecordedAction(
            action=action,
            half=int(event.period.id),
            time_ms=round(event.timestamp.total_seconds() * 1000),
            team=team,
            player=None if player is None else str(player.player_id),
            number=None if player is None or player.jersey_no is None else int(player.jersey_no),
            body=_body(event),
            maybe_high=maybe_high,
            goal_kick="GOAL_KICK" in _qualifiers(event) or event.event_name == "goalkick",
        )
        result = getattr(event.result, "name", "")
        if action is Action.SHOT and result == "OWN_GOAL":
            # An own goal is no shot: only the goal is an action, by the other team.
            other = None if team is None else 1 - team
            found.append(
                replace(recorded, action=Action.GOAL, team=other, player=None, number=None)
            )
            continue
        found.append(recorded)
        if action is Action.SHOT and result == "GOAL":
            found.append(replace(recorded, action=Action.GOAL, body=""))
    return found, ignored


def actions_of_labels(labels: EventList) -> list[RecordedAction]:
    """Actions of a `Labels-ball.json` or of onball's CSV."""
    return [
        RecordedAction(Action(event.label), event.half, event.position_ms, side=event.team)
        for event in labels
    ]


def _qualifiers(event: Any) -> set[str]:
    """Names of the qualifiers of an event, and of Metrica's subtypes."""
    names = {q.value.name for q in event.qualifiers or () if hasattr(q.value, "name")}
    raw = event.raw_event if isinstance(event.raw_event, dict) else {}
    subtypes = raw.get("subtypes") or []
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
        case "BALL_OUT":
            return Action.OUT, False
        case "INTERCEPTION":
            return Action.BALL_PLAYER_BLOCK, False
        case "RECOVERY" if "INTERCEPTION" in names:
            return Action.BALL_PLAYER_BLOCK, False
        case "CLEARANCE":
            return (Action.HEADER if "HEAD" in names else Action.HIGH_PASS), False
        case "DUEL" if getattr(event.result, "name", "") == "WON":
            # Providers record a tackle as a duel on the ground; one for a loose ball is no tackle.
            tackle = {"TACKLE", "SLIDING_TACKLE"} & names
            if tackle or ("GROUND" in names and "LOOSE_BALL" not in names):
                return Action.PLAYER_SUCCESSFUL_TACKLE, False
        case "GENERIC":
            return _generic(event, names)
    return None, False


def _pass(event: Any, names: set[str]) -> tuple[Action, bool]:
    if "THROW_IN" in names:
        return Action.THROW_IN, False
    if "FREE_KICK" in names:
        return Action.FREE_KICK, False
    if "CORNER_KICK" in names:
        return Action.CROSS, False
    if "KICK_OFF" in names:
        return Action.PASS, False
    if {"HEAD", "HEAD_PASS", "FLICK_ON"} & names:
        return Action.HEADER, False
    if "CROSS" in names:
        return Action.CROSS, False
    if {"HIGH_PASS", "LAUNCH", "LONG_BALL", "CHIPPED_PASS"} & names:
        return Action.HIGH_PASS, False
    start, end = event.coordinates, event.receiver_coordinates
    if "GOAL_KICK" in names and start is not None and end is not None:
        length = np.hypot((end.x - start.x) * PITCH_LENGTH, (end.y - start.y) * PITCH_WIDTH)
        return (Action.HIGH_PASS if length > LONG else Action.PASS), False
    return Action.PASS, True


def _generic(event: Any, names: set[str]) -> tuple[Action | None, bool]:
    """Action of an event without a type in kloppy, by its name in StatsBomb, DataFactory or Metrica."""
    match str(event.event_name).lower():
        case "block":
            return Action.BALL_PLAYER_BLOCK, False
        case "clearances":
            return Action.HIGH_PASS, False
        case "goalkick":
            return Action.PASS, True
        case "challenge" if {"TACKLE", "WON"} <= names and "FAULT" not in names:
            return Action.PLAYER_SUCCESSFUL_TACKLE, False
    return None, False


def _body(event: Any) -> str:
    names = _qualifiers(event)
    return next((part for name, part in _BODY.items() if name in names), "")


def dead_times(
    placed: Sequence[PlacedAction], halves: Sequence[int], breaks: Sequence[int]
) -> tuple[DeadTime, ...]:
    """Dead times from each OUT and GOAL to the next action, and two around each change of sides.

    The first of those two is from the last action (or from five seconds before the break, if that is
    later) to the first tick of the new half, the second one from there to the first action of the new half.

    Args:
        placed: actions in order of time, with ticks of the motion.
        halves: first tick of each half.
        breaks: first tick of the break before each half but the first.
    """
    found: list[tuple[int, int, int, bool]] = []
    for before, after in pairwise(placed):
        if before.recorded.action not in (Action.OUT, Action.GOAL) or after.tick <= before.tick:
            continue
        if any(before.tick < half <= after.tick for half in halves):
            continue  # the break covers it
        person = before.row if before.recorded.action is Action.GOAL else after.row
        found.append((before.tick, after.tick, person, False))
    for pause, half in zip(breaks, halves[1:], strict=True):
        last = next((p for p in reversed(placed) if p.tick < half), None)
        first = next((p for p in placed if p.tick >= half), None)
        begin = pause if last is None else max(last.tick, pause - _WHISTLE_WITHIN)
        found.append((begin, half, -1 if last is None else last.row, False))
        end = half + 1 if first is None else max(first.tick, half + 1)
        found.append((half, end, -1 if first is None else first.row, True))
    return tuple(
        DeadTime(begin * TICK_MS, end * TICK_MS, max(person, 0), begins_half)
        for begin, end, person, begins_half in sorted(found)
    )
