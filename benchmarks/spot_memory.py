"""Measure the peak memory of `onball spot` on a short and a long video.

    python benchmarks/spot_memory.py [--short 2] [--long 10] [--size 398x224] [--limit-mb 1500]
    python benchmarks/spot_memory.py --short 10 --long 90 --curve memory.csv    # a whole match

The videos repeat the bundled sample match. Prints the peak resident memory of each run, their ratio and
the speed as a multiple of real time; `--curve` writes the memory of the long run, ten times a minute.
Exits with code 1 if the long video needs more memory than the limit or more than `--most-ratio` times
the memory of the short one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from itertools import chain, islice, repeat
from pathlib import Path
from threading import Thread

from onball.assets import sample_match
from onball.data.layout import VIDEO_FILE
from onball.video import VideoWriter, read_frames

_CURVE_SECONDS = 6


def loop_sample(target: Path, minutes: float, size: tuple[int, int]) -> None:
    """Write a video of a given length that repeats the sample match, at 25 frames per second."""
    source = sample_match() / VIDEO_FILE
    frames = (
        frame
        for path in chain(repeat(source))
        for batch in read_frames(path, fps=25, size=size)
        for frame in batch.frames
    )
    with VideoWriter(target, size, 25) as video:
        for frame in islice(frames, round(minutes * 60 * 25)):
            video.write(frame)


def peak_mb(command: list[str], curve: Path | None = None) -> float:
    """Run a command and return its peak resident memory in MB (2**20 bytes).

    `curve` is a CSV file for its memory over time, on Linux.
    """
    child = os.posix_spawn(command[0], command, dict(os.environ))
    if curve is not None:
        watcher = Thread(target=write_curve, args=(child, curve), daemon=True)
        watcher.start()
    _, status, usage = os.wait4(child, 0)
    if curve is not None:
        watcher.join()
    if status:
        sys.exit(f"{' '.join(command)} failed")
    # Linux counts in kB, macOS in bytes.
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def write_curve(process: int, path: Path) -> None:
    """Write seconds and resident memory in MB of a process until it ends."""
    begin = time.monotonic()
    with path.open("w", encoding="utf-8") as file:
        file.write("seconds,mb\n")
        while True:
            try:
                pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            except (OSError, IndexError):
                return
            if pages == 0:  # ended, and not yet waited for
                return
            size = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
            file.write(f"{time.monotonic() - begin:.0f},{size:.0f}\n")
            file.flush()
            time.sleep(_CURVE_SECONDS)


def main() -> None:
    """Spot both videos, print the measurements and exit with 1 above the limits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", type=float, default=2, help="minutes")
    parser.add_argument("--long", type=float, default=10, help="minutes")
    parser.add_argument("--size", default="398x224")
    parser.add_argument("--limit-mb", type=float, default=1500)
    parser.add_argument("--most-ratio", type=float, default=1.05)
    parser.add_argument("--curve", type=Path, help="CSV file for the memory of the long run")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--model", default="demo")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "onball", "spot", "--quiet", "--out", folder]
        command += ["--model", options.model]
        if options.threads is not None:
            command += ["--threads", str(options.threads)]
        # The first run fills the caches of the system.
        peak_mb([*command, str(sample_match() / VIDEO_FILE)])
        for name, minutes in (("short", options.short), ("long", options.long)):
            video = Path(folder, f"{name}.mp4")
            loop_sample(video, minutes, (width, height))
            begin = time.monotonic()
            peaks.append(peak_mb([*command, str(video)], options.curve if name == "long" else None))
            speed = minutes * 60 / (time.monotonic() - begin)
            print(
                f"{minutes:g} minutes: peak {peaks[-1]:.0f} MB, {speed:.1f} times real time",
                flush=True,
            )
    ratio = peaks[1] / peaks[0]
    print(f"long / short: {ratio:.3f}")
    if peaks[1] > options.limit_mb or ratio > options.most_ratio:
        sys.exit(f"over {options.limit_mb:.0f} MB or {options.most_ratio} times the short video")


if __name__ == "__main__":
    main()
