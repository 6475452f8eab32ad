"""What a file of events says, as actions: the inverse of the mapping that hands labels to kloppy.

A provider's pass, carry or duel becomes one of the 12 actions, and what is none of them is counted.
Events are looked at by the names of their types and qualifiers, so this module needs no kloppy.
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
"""Metres: kloppy's definition of a long ball."""


@dataclass(frozen=True)
class Act:
    """One recorded action.

    Attributes:
        action: the label.
        half: which period, counted as its file counts (kloppy's id, SoccerNet's half).
        time_ms: since the kick-off of that period (SoccerNet's first half: since the first frame).
        team: 0 home, 1 away, or None if the file does not say.
        player: the provider's id of the player, or None.
        number: his shirt number, or None.
        body: "left", "right", "head", "hand", "slide" or "" (not said).
        unsure: a pass that may have been high: how the ball flew decides.
        goal_kick: a kick from the goal area, which may be long without being seen to fly.
        side: the side that the file itself names, for labels without teams.
    """

    action: Action
    half: int
    time_ms: int
    team: int | None = None
    player: str | None = None
    number: int | None = None
    body: str = ""
    unsure: bool = False
    goal_kick: bool = False
    side: Team | None = None


@dataclass(frozen=True)
class Placed:
    """An act on the grid: its tick, and the row of `Motion` of who did it, or -1."""

    act: Act
    tick: int
    row: int = -1


def acts_of_dataset(dataset: Any) -> tuple[list[Act], Counter[str]]:
    """The actions in a kloppy `EventDataset` in kloppy's own coordinates, and the kinds left out."""
    found: list[Act] = []
    ignored: Counter[str] = Counter()
    for event in dataset.records:
        action, unsure = _action(event)
        if action is None:
            generic = event.event_type.name == "GENERIC"
            ignored[str(event.event_name if generic else event.event_type.name)] += 1
            continue
        team = {"home": 0, "away": 1}.get(event.team.ground.value) if event.team else None
        player = event.player
        act = Act(
            action=action,
            half=int(event.period.id),
            time_ms=round(event.timestamp.total_seconds() * 1000),
            team=team,
            player=None if player is None else str(player.player_id),
            number=None if player is None or player.jersey_no is None else int(player.jersey_no),
            body=_body(event),
            unsure=unsure,
            goal_kick="GOAL_KICK" in _qualifiers(event) or event.event_name == "goalkick",
        )
        result = getattr(event.result, "name", "")
        if action is Action.SHOT and result == "OWN_GOAL":
            # Nobody shot at a goal: the goal alone is an action, and it counts for the other team.
            other = None if team is None else 1 - team
            found.append(replace(act, action=Action.GOAL, team=other, player=None, number=None))
            continue
        found.append(act)
        if action is Action.SHOT and result == "GOAL":
            found.append(replace(act, action=Action.GOAL, body=""))
    return found, ignored


def acts_of_labels(labels: EventList) -> list[Act]:
    """The events of a `Labels-ball.json` or of our CSV."""
    return [Act(event.label, event.half, event.position_ms, side=event.team) for event in labels]


def _qualifiers(event: Any) -> set[str]:
    """What is said about the event: the names of its qualifiers, and Metrica's own subtypes."""
    said = {q.value.name for q in event.qualifiers or () if hasattr(q.value, "name")}
    raw = event.raw_event if isinstance(event.raw_event, dict) else {}
    subtypes = raw.get("subtypes") or []
    for subtype in [subtypes] if isinstance(subtypes, dict) else subtypes:
        said.add(str(subtype.get("name")))
    return said


def _action(event: Any) -> tuple[Action | None, bool]:
    """The action, and whether only the ball's flight can tell a pass from a high one."""
    kind = event.event_type.name
    said = _qualifiers(event)
    match kind:
        case "PASS":
            return _kind_of_pass(event, said)
        case "CARRY":
            return Action.DRIVE, False
        case "SHOT":
            return Action.SHOT, False
        case "BALL_OUT":
            return Action.OUT, False
        case "INTERCEPTION":
            return Action.BALL_PLAYER_BLOCK, False
        case "RECOVERY" if "INTERCEPTION" in said:
            return Action.BALL_PLAYER_BLOCK, False
        case "CLEARANCE":
            return (Action.HEADER if "HEAD" in said else Action.HIGH_PASS), False
        case "DUEL" if getattr(event.result, "name", "") == "WON":
            # Providers call a tackle a duel on the ground; one for a loose ball is not a tackle.
            tackle = {"TACKLE", "SLIDING_TACKLE"} & said
            if tackle or ("GROUND" in said and "LOOSE_BALL" not in said):
                return Action.PLAYER_SUCCESSFUL_TACKLE, False
        case "GENERIC":
            return _generic(event, said)
    return None, False


def _kind_of_pass(event: Any, said: set[str]) -> tuple[Action, bool]:
    if "THROW_IN" in said:
        return Action.THROW_IN, False
    if "FREE_KICK" in said:
        return Action.FREE_KICK, False
    if "CORNER_KICK" in said:
        return Action.CROSS, False
    if "KICK_OFF" in said:
        return Action.PASS, False
    if {"HEAD", "HEAD_PASS", "FLICK_ON"} & said:
        return Action.HEADER, False
    if "CROSS" in said:
        return Action.CROSS, False
    if {"HIGH_PASS", "LAUNCH", "LONG_BALL", "CHIPPED_PASS"} & said:
        return Action.HIGH_PASS, False
    start, end = event.coordinates, event.receiver_coordinates
    if "GOAL_KICK" in said and start is not None and end is not None:
        length = np.hypot((end.x - start.x) * PITCH_LENGTH, (end.y - start.y) * PITCH_WIDTH)
        return (Action.HIGH_PASS if length > LONG else Action.PASS), False
    return Action.PASS, True


def _generic(event: Any, said: set[str]) -> tuple[Action | None, bool]:
    """Events that kloppy has no type for, by the names that StatsBomb, DataFactory and Metrica use."""
    match str(event.event_name).lower():
        case "block":
            return Action.BALL_PLAYER_BLOCK, False
        case "clearances":
            return Action.HIGH_PASS, False
        case "goalkick":
            return Action.PASS, True
        case "challenge" if {"TACKLE", "WON"} <= said and "FAULT" not in said:
            return Action.PLAYER_SUCCESSFUL_TACKLE, False
    return None, False


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


def _body(event: Any) -> str:
    said = _qualifiers(event)
    return next((part for name, part in _BODY.items() if name in said), "")


# --- When a recorded match stands still: after the ball went out or in, and around half-t


_WHISTLE_WITHIN = 5000 // TICK_MS  # a half ends at most so long after its last event


def dead_times(
    placed: Sequence[Placed], halves: Sequence[int], breaks: Sequence[int]
) -> tuple[DeadTime, ...]:
    """From each OUT and GOAL to the next event; and two around each change of sides.

    Of those the first lasts from the last event, or the break if that came much later, to the tick
    with which the new half begins, the second from there to the new half's first event.

    Args:
        placed: in order of time.
        halves: the ticks with which the halves begin.
        breaks: the ticks with which the breaks before all halves but the first begin.
    """
    found: list[tuple[int, int, int, bool]] = []
    for before, after in pairwise(placed):
        if before.act.action not in (Action.OUT, Action.GOAL) or after.tick <= before.tick:
            continue
        if any(before.tick < half <= after.tick for half in halves):
            continue  # the break covers it
        person = before.row if before.act.action is Action.GOAL else after.row
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
