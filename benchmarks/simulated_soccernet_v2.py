"""Label simulated matches as SoccerNet-v2 is labelled, to train the joint system without that data set.

    onball simulate --out data/halves --train 2 --valid 0 --test 0 --minutes 5 --seed 2026
    python benchmarks/simulated_soccernet_v2.py data/halves --out data/soccernet_v2
    onball experiments run spotting/regnety_gsf_tdeed_joint --data data/bench \
        --with budgets/gpu --with budgets/demo_backbone --set data.auxiliary.root=data/soccernet_v2

Two simulated matches of one half each become the halves of one match of SoccerNet-v2: two videos and a
`Labels-v2.json`. Of its 17 actions, the simulator's labels tell six: goals, shots that a goal follows and
others, balls out of play, throw-ins and free kicks. This shows that joint training works, and what a second
set of labels is worth on simulated football; it says nothing about the real data set.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

from onball.actions import Action
from onball.data.layout import VIDEO_FILE, Match, find_matches
from onball.events import EventList, format_game_time
from onball.files import write_json_atomic
from onball.formats.soccernet import read_labels
from onball.formats.soccernet_v2 import HALVES, V2_LABELS_FILE

_NAMES = {
    Action.GOAL: "Goal",
    Action.OUT: "Ball out of play",
    Action.THROW_IN: "Throw-in",
    Action.FREE_KICK: "Direct free-kick",
}
_GOAL_AFTER_MS = 5000  # longest flight of a shot


def v2_labels(events: EventList) -> Iterator[tuple[int, str]]:
    """Times in ms and SoccerNet-v2's names of those events that it has."""
    goals = [event.position_ms for event in events if event.label == Action.GOAL]
    for event in events:
        if event.label == Action.SHOT:
            scored = any(0 <= goal - event.position_ms <= _GOAL_AFTER_MS for goal in goals)
            yield event.position_ms, "Shots on target" if scored else "Shots off target"
        elif event.label in _NAMES:
            yield event.position_ms, _NAMES[Action(event.label)]


def write_match(matches: tuple[Match, Match], folder: Path) -> int:
    """Write two matches as the halves of one; returns its number of annotations."""
    folder.mkdir(parents=True, exist_ok=True)
    annotations = []
    for half, match in zip(HALVES, matches, strict=True):
        shutil.copy(match.require_video(), folder / f"{half}_{VIDEO_FILE}")
        for time_ms, label in v2_labels(read_labels(match.require_labels())):
            clock = format_game_time(half, time_ms)
            annotations.append({"gameTime": clock, "position": str(time_ms), "label": label})
    write_json_atomic(folder / V2_LABELS_FILE, {"annotations": annotations})
    return len(annotations)


def main() -> None:
    """Write all pairs of matches, and print their numbers of annotations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="simulated data set of matches with one half")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new data set")
    options = parser.parse_args()
    matches = find_matches(options.data, "train")
    if len(matches) % 2:
        parser.error(f"{options.data}: {len(matches)} matches; an even number is needed")
    for number, pair in enumerate(zip(matches[::2], matches[1::2], strict=True), start=1):
        name = f"simulated/match {number}"
        print(f"{name}: {write_match(pair, options.out / name)} annotations")


if __name__ == "__main__":
    main()
