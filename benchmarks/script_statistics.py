"""Compares simulated play with the statistics of real annotations.

    python benchmarks/script_statistics.py [--minutes 20] [--seeds 3]

Prints, for each action, events per minute and the median gap to the next event, simulated and real; and the
share of next events by the same team. Minutes here include dead time, the reference's do not.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np

from onball.actions import ACTIONS, Action
from onball.synthetic.play import play_match
from onball.synthetic.script import reference_statistics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    counts: Counter[Action] = Counter()
    gaps: dict[Action, list[int]] = defaultdict(list)
    same: list[bool] = []
    dead_ms = 0
    for seed in range(options.seeds):
        events = list(play_match(seed, int(options.minutes * 60_000)).events)
        counts.update(event.label for event in events)
        for event, following in pairwise(events):
            gap = following.position_ms - event.position_ms
            if event.label in (Action.OUT, Action.GOAL):
                dead_ms += gap
            gaps[event.label].append(gap)
            same.append(event.team is following.team)
    reference = reference_statistics()
    in_play = options.minutes * options.seeds - dead_ms / 60_000
    real_gaps = {
        action: float(
            np.average(
                [entry["gap_s_p10_p50_p90"][1] for entry in following.values()],
                weights=[entry["p"] for entry in following.values()],
            )
        )
        for action, following in reference["transitions"].items()
        if following
    }
    print(f"{'action':26s} {'per minute':>10s} {'real':>6s} {'gap s':>7s} {'real':>6s}")
    for action in ACTIONS:
        gap = np.median(gaps[action]) / 1000 if gaps[action] else float("nan")
        real = reference["events_per_in_play_minute"][action]
        print(
            f"{action:26s} {counts[action] / in_play:10.2f} {real:6.2f} "
            f"{gap:7.2f} {real_gaps.get(action, float('nan')):6.2f}"
        )
    print(f"same team next: {np.mean(same):.3f}, real {reference['next_event_same_team_share']}")
    print(f"in play: {in_play:.1f} of {options.minutes * options.seeds:.1f} minutes")


if __name__ == "__main__":
    main()
