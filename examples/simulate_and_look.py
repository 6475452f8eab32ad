"""Simulate some seconds of football with exact labels, and draw frames and a timeline of its events.

    python examples/simulate_and_look.py [MINUTES] [SEED]

Writes the data set `data/look`, and `actions.png` and `timeline.png` into the working directory.
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image

from onball import draw_timeline, find_matches, probe, read_frames, read_labels, simulate


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 0.2
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    simulate("data/look", train=1, valid=0, test=0, minutes=minutes, seed=seed, overwrite=True)
    (match,) = find_matches("data/look", "train")
    labels = read_labels(match.labels)

    images = []
    for event in labels.events[:6]:
        print(f"{event.position_ms / 1000:6.2f} s  {event.label} by the team on the {event.team}")
        start = event.position_ms  # a label lies on a frame
        batches = read_frames(match.video, fps=None, size=None, start_ms=start, end_ms=start + 1)
        images.append(next(batches).frames[0])
    rows = [np.hstack(images[first : first + 2]) for first in range(0, len(images) - 1, 2)]
    Image.fromarray(np.vstack(rows)).save("actions.png")

    length = probe(match.video).duration_ms
    draw_timeline(labels, "timeline.png", title=f"Seed {seed}", duration_ms=length)


if __name__ == "__main__":
    main()
