"""Find actions while frames arrive, as from a camera or capture card, with bounded memory and delay.

python examples/stream_frames.py [VIDEO or NUMBER]   # number of a camera; default: a bundled match
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import cv2
import numpy as np

from onball import FrameBatch, Spotter, sample_match


def frames_of(source: str | int, fps: float, size: tuple[int, int]) -> Iterator[FrameBatch]:
    """Yield the frames of a camera or file one by one, at the rate and size of a model."""
    capture = cv2.VideoCapture(source)
    if not capture.isOpened():
        sys.exit(f"{source}: cannot be opened")
    number = 0
    while True:
        arrived, frame = capture.read()
        if not arrived:
            break
        # The model sees frames at a constant rate: others are skipped.
        if capture.get(cv2.CAP_PROP_POS_MSEC) + 1 < number * 1000 / fps:
            continue
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        yield FrameBatch(rgb[None], np.array([round(number * 1000 / fps)]))
        number += 1
    capture.release()


def main() -> None:
    given = sys.argv[1] if len(sys.argv) > 1 else str(sample_match() / "224p.mp4")
    spotter = Spotter.from_pretrained()
    config = spotter.config
    frames = frames_of(int(given) if given.isdigit() else given, config.fps, config.size)
    # An event is reported as soon as no later frame can change it.
    for event in spotter.stream(frames, threshold=0.3):
        print(
            f"{event.position_ms / 1000:7.2f} s  {event.label}  {event.confidence:.2f}", flush=True
        )


if __name__ == "__main__":
    main()
