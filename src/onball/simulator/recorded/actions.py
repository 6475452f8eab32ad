"""Actions of recorded matches at ticks, and dead times between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from onball.actions import Action
from onball.events import EventList
from onball.formats.providers.actions import RecordedAction
from onball.simulator.world import TICK_MS, DeadTime

_WHISTLE_WITHIN = 5000 // TICK_MS
"""Most ticks from the last event of a half to its end."""


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


def actions_of_labels(labels: EventList) -> list[RecordedAction]:
    """Actions of a `Labels-ball.json` or of onball's CSV."""
    return [
        RecordedAction(Action(event.label), event.half, event.position_ms, side=event.team)
        for event in labels
    ]


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
