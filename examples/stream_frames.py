"""Find actions while frames arrive, as from a camera or capture card, with bounded memory and delay.

python examples/stream_frames.py [VIDEO or NUMBER]   # number of a camera; default: a bundled match
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from onball import Spotter, sample_match


def frames_of(source: str | int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield the frames of a camera or file one by one, each with its time in milliseconds."""
    capture = cv2.VideoCapture(source)
    if not capture.isOpened():
        sys.exit(f"{source}: cannot be opened")
    while True:
        arrived, frame = capture.read()
        if not arrived:
            break
        live = isinstance(source, int)
        yield time.monotonic() * 1000 if live else capture.get(cv2.CAP_PROP_POS_MSEC), frame
    capture.release()


def main() -> None:
    given = sys.argv[1] if len(sys.argv) > 1 else str(sample_match() / "224p.mp4")
    spotter = Spotter.from_pretrained("demo")  # or another model that takes frames alone
    # The model takes frames at its own rate and size, in RGB; OpenCV's are in BGR.
    frames = spotter.sample_frames(
        frames_of(int(given) if given.isdigit() else given), channels="bgr", batch_frames=5
    )
    # An event is reported as soon as no later frame can change it.
    for event in spotter.stream(frames, threshold=0.3):
        print(
            f"{event.position_ms / 1000:7.2f} s  {event.label}  {event.confidence:.2f}", flush=True
        )


if __name__ == "__main__":
    main()
