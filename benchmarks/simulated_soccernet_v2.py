"""Label simulated matches as SoccerNet-v2 is labelled, to train the joint system without that data set.

    onball simulate --out data/halves --train 2 --valid 0 --test 0 --minutes 5 --seed 2026
    python benchmarks/simulated_soccernet_v2.py data/halves --out data/soccernet_v2
    onball experiments run spotting/regnety_gsf_tdeed_joint --data data/bench \
        --set data.auxiliary.root=data/soccernet_v2

Two simulated matches of one half each become the halves of one match of SoccerNet-v2: two videos and a
`Labels-v2.json`. Of its 17 actions, the simulator's labels tell six: goals, shots that a goal follows and
others, balls out of play, throw-ins and free kicks. This shows that joint training works, and what a second
set of labels is worth on simulated football; it says nothing about the real data set.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from onball.actions import Action
from onball.data.layout import VIDEO_FILE, Match, find_matches
from onball.events import Event
from onball.formats.soccernet import LABELS_FILE, read_labels
from onball.formats.soccernet_v2 import HALVES, V2_LABELS_FILE

_NAMES = {
    Action.GOAL: "Goal",
    Action.OUT: "Ball out of play",
    Action.THROW_IN: "Throw-in",
    Action.FREE_KICK: "Direct free-kick",
}
_GOAL_AFTER_MS = 5000  # longest flight of a shot


def v2_labels(events: list[Event]) -> Iterator[tuple[int, str]]:
    """Times in ms and names of SoccerNet-v2 of the events that it has."""
    goals = [event.position_ms for event in events if event.label == Action.GOAL]
    for event in events:
        if event.label == Action.SHOT:
            scored = any(0 <= goal - event.position_ms <= _GOAL_AFTER_MS for goal in goals)
            yield event.position_ms, "Shots on target" if scored else "Shots off target"
        elif event.label in _NAMES:
            yield event.position_ms, _NAMES[Action(event.label)]


def write_match(matches: tuple[Match, Match], folder: Path) -> int:
    """Write two matches as the halves of one; returns its number of annotations."""
    folder.mkdir(parents=True)
    annotations = []
    for half, match in zip(HALVES, matches, strict=True):
        shutil.copy(match.folder / VIDEO_FILE, folder / f"{half}_{VIDEO_FILE}")
        for time_ms, label in v2_labels(list(read_labels(match.folder / LABELS_FILE))):
            minutes, seconds = divmod(time_ms // 1000, 60)
            clock = f"{half} - {minutes:02d}:{seconds:02d}"
            annotations.append({"gameTime": clock, "position": str(time_ms), "label": label})
    content = json.dumps({"annotations": annotations}, indent=2)
    (folder / V2_LABELS_FILE).write_text(content, encoding="utf-8")
    return len(annotations)


def main() -> None:
    """Write all pairs of matches, and print their numbers of annotations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="simulated data set of matches with one half")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new data set")
    options = parser.parse_args()
    matches = find_matches(options.data, "train")
    for number, pair in enumerate(zip(matches[::2], matches[1::2], strict=True), start=1):
        name = f"simulated/2026/match {number}"
        print(f"{name}: {write_match(pair, options.out / name)} annotations")


if __name__ == "__main__":
    main()
