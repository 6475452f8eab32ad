"""Create a control data set with the same videos and randomly shifted labels.

    python benchmarks/shuffled_labels.py data/demo --out data/shuffled [--seed 0]
    onball train spotting/demo --data data/shuffled --out runs/shuffled
    onball spot --data data/bench --split test --model runs/shuffled/model --out out/shuffled
    onball evaluate out/shuffled --data data/bench --split test

Shifts every label of every split by a random 5 to 20 s, forwards or backwards; videos are linked, not
copied. A model trained on these labels can learn the frequency of actions but not their times: a higher
score would indicate a leak.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from onball.data.layout import SPLITS, SPLITS_FILE, find_matches, read_splits, write_splits
from onball.events import EventList
from onball.formats.soccernet import LABELS_FILE, read_labels, write_labels

NEAREST_MS, FARTHEST_MS = 5_000, 20_000


def shuffled(events: EventList, seed: int) -> EventList:
    """Shift each event by a random time, in the opposite direction if it would leave the match."""
    rng = np.random.default_rng(seed)
    last = max((event.position_ms for event in events), default=0)
    moved = []
    for event in events:
        by = int(rng.uniform(NEAREST_MS, FARTHEST_MS)) * (1 if rng.random() < 0.5 else -1)
        if not 0 <= event.position_ms + by <= last:
            by = -by
        moved.append(replace(event, position_ms=min(max(event.position_ms + by, 0), last)))
    return EventList.of(moved, events.match, events.metadata)


def main() -> None:
    """Write the control data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    splits = read_splits(options.root) if (options.root / SPLITS_FILE).exists() else None
    names = {split: [m.name for m in find_matches(options.root, split)]
             for split in SPLITS if splits is None or splits.get(split)}  # fmt: skip
    for number, match in enumerate(find_matches(options.root, "all")):
        folder = options.out / match.name
        folder.mkdir(parents=True, exist_ok=True)
        video = match.require_video()
        link = folder / video.name
        link.unlink(missing_ok=True)
        link.symlink_to(video.resolve())
        labels = read_labels(match.require_labels())
        write_labels(shuffled(labels, options.seed + number), folder / LABELS_FILE)
    write_splits(options.out, names)
    print(f"{sum(map(len, names.values()))} matches in {options.out}")


if __name__ == "__main__":
    main()
