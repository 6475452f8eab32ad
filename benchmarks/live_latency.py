"""Measure the latency of `onball live`: from the moment of an event to its line of output.

    python benchmarks/live_latency.py [--video FILE] [--model FOLDER] [--lookahead 1.5 …] [--limit 3]

Plays a video in real time (by default the bundled match) and notes when each line arrives at this
program: pipes, the printing of JSON and the threads are included. The moment of an event is that of the
line `connected`, which is printed with the first frame, plus the event's position. Prints median, 95th
percentile and maximum for each lookahead, and the frames that were left out. Exits with code 1 if an
event came later than the limit at the default lookahead, or none came.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from onball.assets import sample_match
from onball.data.layout import VIDEO_FILE
from onball.spotting.live import DEFAULT_LOOKAHEAD_MS


def measure(command: list[str]) -> tuple[list[float], dict[str, Any]]:
    """Run a command; return the latency of each event in seconds, and the summary."""
    latencies: list[float] = []
    begun_s, summary = 0.0, {}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            now_s = time.monotonic()
            message = json.loads(line)
            if message["type"] == "connected":
                begun_s = now_s
            elif message["type"] == "event":
                latencies.append(now_s - begun_s - message["position_ms"] / 1000)
            elif message["type"] == "summary":
                summary = message
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return latencies, summary


def main() -> None:
    """Measure each lookahead, print the table and exit with 1 above the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--video", type=Path, default=sample_match() / VIDEO_FILE)
    parser.add_argument("--model")
    default = DEFAULT_LOOKAHEAD_MS / 1000
    parser.add_argument("--lookahead", type=float, nargs="+", default=[default], help="seconds")
    parser.add_argument("--limit", type=float, default=3.0, help="seconds")
    given = parser.parse_args()
    late = False
    print(
        f"{os.cpu_count()} cores, load of the last minute {os.getloadavg()[0]:.1f} before the runs"
    )
    print("lookahead  events  median     p95     max  frames left out")
    for lookahead in given.lookahead:
        command = [sys.executable, "-m", "onball", "live", str(given.video)]
        command += ["--lookahead", str(lookahead)]
        command += ["--model", given.model] if given.model else []
        latencies, summary = measure(command)
        if not latencies:
            sys.exit("no event was found")
        middle, high, largest = np.percentile(latencies, [50, 95, 100])
        skipped = summary["skipped"] / (summary["frames"] + summary["skipped"])
        print(
            f"{lookahead:7g} s  {len(latencies):6}  {middle:4.2f} s  {high:4.2f} s  {largest:4.2f} s  "
            f"{skipped:.1%}",
            flush=True,
        )
        late |= lookahead == default and largest > given.limit
    if late:
        sys.exit(f"an event came later than {given.limit:g} s")


if __name__ == "__main__":
    main()
