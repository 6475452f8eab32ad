"""What makes recorded players a team: the goal they defend, their keeper, and who fills which row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onball.synthetic.recorded.periods import Period, Person
from onball.synthetic.recorded.ticks import Stay
from onball.synthetic.world import TEAM_SIZE


def home_defends_left(period: Period, people: Sequence[Person]) -> bool:
    """Whether the home team defends the left goal: its outermost players stand further left."""
    middle = []
    for team in (0, 1):
        x = period.xy[:, [p.team == team for p in people], 0]
        x = x[~np.isnan(x).all(axis=1)] if x.size else x
        # The keepers keep the outermost places at the ends that their teams defend.
        middle.append(np.mean(np.nanmin(x, 1) + np.nanmax(x, 1)) if x.size else 0.0)
    return bool(middle[0] <= middle[1])


def deepest(period: Period, people: Sequence[Person], team: int, home_left: bool) -> int | None:
    """Who of a team's first eleven is on average nearest to his own goal: surely its keeper."""
    early = period.xy[period.times_ms <= period.times_ms[0] + 1000, :, 0]
    seen = np.count_nonzero(~np.isnan(early), axis=0)
    eleven = [i for i, person in enumerate(people) if person.team == team and seen[i]]
    toward = 1.0 if home_left == (team == 0) else -1.0
    return min(eleven, key=lambda i: toward * float(np.nanmean(period.xy[:, i, 0])), default=None)


def rows_of_team(
    found: Sequence[Stay], people: Sequence[Person], keeper: int | None
) -> tuple[list[tuple[int, Stay]], int]:
    """Which of a team's rows, 0 to 10, each stay fills, and how many stays there was no row for.

    A player keeps his row; one who comes on takes that of who left last for good. Row 0 is the
    goalkeeper's. A track without a place of its own (an unnamed one, say) may borrow an empty row.
    """
    # In order of beginnings, so that the last one's remains.
    last_end = {stay.person: stay.end for stay in found}
    owner: list[int | None] = [None] * TEAM_SIZE
    busy_until = [0] * TEAM_SIZE
    placed, dropped = [], 0
    for stay in found:
        free = [row for row in range(TEAM_SIZE) if busy_until[row] <= stay.begin]
        is_keeper = stay.person == keeper or people[stay.person].keeper
        own = [row for row in free if owner[row] == stay.person]
        vacant = [row for row in free if owner[row] is None and (row == 0) == is_keeper]
        gone = [
            row for row in free if (who := owner[row]) is not None and last_end[who] <= stay.begin
        ]
        left = sorted(gone, key=lambda row: -busy_until[row])
        if is_keeper:
            left.sort(key=lambda row: row != 0)
        choices = own or vacant or left or free[::-1]
        if not choices:
            dropped += 1
            continue
        row = choices[0]
        if not own and (vacant or left) and stay.person not in owner:
            owner[row] = stay.person
        busy_until[row] = stay.end
        placed.append((row, stay))
    return placed, dropped
