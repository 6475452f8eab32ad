"""From recorded events to labels, gestures and flights of the ball.

The inverse of the mapping with which labels are handed to kloppy: a provider's pass, carry or duel
becomes one of the 12 actions, and what is none of them is counted. Events are looked at by the names of
their types and qualifiers, so this module needs no kloppy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.events import EventList, Team
from onball.synthetic.world import (
    BALL_RADIUS,
    CONTACT_OFFSET,
    GOAL_WIDTH,
    HALF_LENGTH,
    HALF_WIDTH,
    PEOPLE,
    PITCH_LENGTH,
    PITCH_WIDTH,
    PLAYERS,
    TEAM_SIZE,
    TICK_MS,
    DeadTime,
    Gesture,
)

_LONG = 32.0  # metres: kloppy's definition of a long ball
_HIGH = 2.0  # metres: over everybody's head
_FLIGHT_MS = 3500  # no kick flies longer
_CROSSES_WITHIN = 5000 // TICK_MS  # from a shot to the goal, from a kick to the ball's going out
_CROSSES_AFTER = 1000 // TICK_MS  # if nobody saw it
_WHISTLE_WITHIN = 5000 // TICK_MS  # a half ends at most so long after its last event
_GESTURE_LASTS_MS = 1000
_CELEBRATION_LASTS_MS = 9000
_GRAVITY = 9.81


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
        return (Action.HIGH_PASS if length > _LONG else Action.PASS), False
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


def as_played(placed: Sequence[Placed], ball: NDArray[np.float32]) -> list[Placed]:
    """The acts, in order, with what only the ball tells: high passes, when it goes out or in."""
    ordered = sorted(placed, key=lambda p: p.tick)
    out = []
    for index, item in enumerate(ordered):
        later = [p.tick for p in ordered[index + 1 : index + 8] if p.tick > item.tick]
        end = min([*later[:1], item.tick + _FLIGHT_MS // TICK_MS, len(ball)])
        flight = ball[item.tick : end]
        if item.act.unsure and _flew(flight, item.act.goal_kick):
            item = replace(item, act=replace(item.act, action=Action.HIGH_PASS))
        if item.act.side is None and item.act.action in (Action.GOAL, Action.OUT):
            goal = item.act.action is Action.GOAL
            # Many providers give the moment of the kick: the ball itself tells better.
            until = item.tick + _CROSSES_WITHIN
            until = until if goal else min([*later[:1], until])
            crossing = _crossing(ball[item.tick : until], goal)
            if crossing is not None:
                item = replace(item, tick=item.tick + crossing)
            elif goal or any(p.tick == item.tick for p in ordered[max(0, index - 3) : index]):
                item = replace(item, tick=item.tick + _CROSSES_AFTER)
        out.append(item)
    # A goal after the end of the recording is not in it.
    return sorted((p for p in out if p.tick < len(ball)), key=lambda p: p.tick)


def _flew(flight: NDArray[np.float32], goal_kick: bool) -> bool:
    known = flight[~np.isnan(flight[:, 0])]
    if not len(known):
        return False
    if (known[:, 2] > _HIGH).any():
        return True
    return goal_kick and float(np.linalg.norm(known[:, :2] - known[0, :2], axis=1).max()) > _LONG


def _crossing(path: NDArray[np.float32], goal: bool) -> int | None:
    """When a ball `[T, 3]` is first beyond a line: between the posts, or anywhere; None if never."""
    x, y = np.abs(path[:, 0]), np.abs(path[:, 1])
    if goal:
        beyond = (x > HALF_LENGTH) & (y < GOAL_WIDTH / 2 + 0.3)
    else:
        beyond = (x > HALF_LENGTH) | (y > HALF_WIDTH)
    found = np.flatnonzero(beyond)
    return int(found[0]) if len(found) else None


def nearest_row(xy: NDArray[np.float32], ball: NDArray[np.float32], team: int | None) -> int:
    """Who of the team (None: of both) is nearest to the ball `[3]`, of people `[PEOPLE, 2]`; or -1."""
    rows = {0: range(TEAM_SIZE), 1: range(TEAM_SIZE, PLAYERS)}.get(team, range(PLAYERS))  # type: ignore[arg-type]
    gaps = np.linalg.norm(xy[rows] - ball[:2], axis=1)
    return -1 if np.isnan(gaps).all() else int(rows[int(np.nanargmin(gaps))])


_KICKS: dict[Action, tuple[Gesture, Gesture]] = {
    Action.PASS: (Gesture.KICK_RIGHT, Gesture.KICK_LEFT),
    Action.DRIVE: (Gesture.TOUCH_RIGHT, Gesture.TOUCH_LEFT),
    Action.HIGH_PASS: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
    Action.CROSS: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
    Action.FREE_KICK: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
    Action.SHOT: (Gesture.SHOT_RIGHT, Gesture.SHOT_LEFT),
}
_OTHERS: dict[Action, Gesture] = {
    Action.HEADER: Gesture.HEADER,
    Action.THROW_IN: Gesture.THROW_IN,
    Action.BALL_PLAYER_BLOCK: Gesture.BLOCK,
    Action.PLAYER_SUCCESSFUL_TACKLE: Gesture.TACKLE,
    Action.GOAL: Gesture.CELEBRATE,
}


def gesture_of(act: Act, ball_on_left: bool) -> Gesture:
    """What the body does; the foot is the named one, else the one on the ball's side."""
    if act.action in _KICKS:
        if act.body == "head":
            return Gesture.HEADER
        if act.body == "hand":
            return Gesture.NONE
        return _KICKS[act.action][act.body == "left" or (not act.body and ball_on_left)]
    if act.body == "slide":
        return Gesture.SLIDE
    return _OTHERS.get(act.action, Gesture.NONE)


def gesture_tracks(
    contacts: Iterable[tuple[int, int, Gesture]], ticks: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Gesture and time since its contact `[ticks, PEOPLE]`, from (tick, row, gesture) of contacts.

    Between two contacts of one body the nearer one counts.
    """
    gesture = np.zeros((ticks, PEOPLE), np.uint8)
    gesture_ms = np.full((ticks, PEOPLE), _GESTURE_LASTS_MS, np.int32)
    for tick, row, what in contacts:
        if row < 0 or what is Gesture.NONE:
            continue
        lasts = _CELEBRATION_LASTS_MS if what is Gesture.CELEBRATE else _GESTURE_LASTS_MS
        window = np.arange(
            max(0, tick - _GESTURE_LASTS_MS // TICK_MS), min(ticks, tick + lasts // TICK_MS)
        )
        since = (window - tick) * TICK_MS
        nearer = np.abs(since) <= np.abs(gesture_ms[window, row])
        nearer |= gesture[window, row] == 0
        gesture[window[nearer], row] = what
        gesture_ms[window[nearer], row] = since[nearer]
    return gesture, gesture_ms


_LOFTED = {Action.HIGH_PASS, Action.CROSS}


def with_heights(ball: NDArray[np.float32], placed: Sequence[Placed]) -> NDArray[np.float32]:
    """The ball `[T, 3]` with a height wherever its place is known.

    Where none was recorded the ball rolls, except between a high pass or a cross and the next event:
    there it flies a parabola under gravity, from and to the heights at which those contacts are.
    """
    ball = ball.copy()
    missing = np.isnan(ball[:, 2]) & ~np.isnan(ball[:, 0])
    height = np.full(len(ball), BALL_RADIUS)
    for item, after in zip_longest(placed, placed[1:]):
        start = _contact_height(item.act)
        end_tick = len(ball) if after is None else after.tick
        lasts = min(end_tick - item.tick, _FLIGHT_MS // TICK_MS)
        if lasts <= 0:
            continue
        met = after is not None and after.tick - item.tick <= _FLIGHT_MS // TICK_MS
        end = _contact_height(after.act) if after is not None and met else BALL_RADIUS
        if item.act.action not in _LOFTED:
            if start <= 1.0 and end <= 1.0:
                continue
            if start > 1.0 and end <= 1.0:  # headed or thrown: it falls
                lasts = min(lasts, 20)
        share = np.arange(lasts) / lasts
        seconds = lasts * TICK_MS / 1000
        curve = start + (end - start) * share
        if item.act.action in _LOFTED:
            curve += _GRAVITY / 2 * seconds**2 * share * (1 - share)
        height[item.tick : item.tick + lasts] = curve
    ball[missing, 2] = np.maximum(height, BALL_RADIUS)[missing]
    return ball


def _contact_height(act: Act) -> float:
    return CONTACT_OFFSET[gesture_of(act, False)][2] if act.action in _OTHERS else BALL_RADIUS


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
