"""When a recorded match stands still: after the ball went out or in, and around half-time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from onball.actions import Action
from onball.synthetic.recorded.acts import Placed
from onball.synthetic.world import TICK_MS, DeadTime

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
