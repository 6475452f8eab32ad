"""Compare spotting a video with spotting its small copy: speed, scores and events.

    python benchmarks/proxies.py                            # simulated matches, 720p and 1080p
    python benchmarks/proxies.py match.mp4 --model runs/mine

A match is simulated, and repeated up to `--minutes`, unless videos are given. Speeds are multiples of real
time. Events that both have are those of the same action within half a second, of those that are shown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from spot import looped_match

from onball.events import EventList
from onball.spotting.spotter import Spotter
from onball.video import make_proxy, probe, read_frames

_SIZES = ((1280, 720), (1920, 1080))
_SAME_MS = 500

_T = TypeVar("_T")


def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """Result of a function, and the seconds that it took."""
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def common_events(one: EventList, other: EventList) -> int:
    """Number of events of the first list that the second one has too."""
    rest = list(other)
    for event in one:
        for match in rest:
            if match.label == event.label and abs(match.position_ms - event.position_ms) < _SAME_MS:
                rest.remove(match)
                break
    return len(other) - len(rest)


def compare(video: Path, spotter: Spotter, folder: Path) -> None:
    """Print the figures of a video."""
    info = probe(video)
    seconds = info.duration_ms / 1000
    size = spotter.config.size
    proxy, making = timed(lambda: make_proxy(video, folder, size, threads=spotter.threads))
    events, whole = timed(lambda: spotter.spot(video))
    small_events, small = timed(lambda: spotter.spot(proxy))

    def read(path: Path) -> int:
        return sum(len(batch.frames) for batch in read_frames(path, spotter.config.fps, size))

    reading, small_reading = timed(lambda: read(video)), timed(lambda: read(proxy))
    assert reading[0] == small_reading[0], "a proxy has the same sampled frames"
    scores, small_scores = (
        np.concatenate([part.probabilities for part in spotter.scores(path)])
        for path in (video, proxy)
    )
    difference = np.abs(scores - small_scores)
    shown, small_shown = events.shown, small_events.shown
    print(f"{video.name}: {info.width} × {info.height}, {info.fps:g} frames/s, {seconds:.0f} s")
    print(f"  copy made               {seconds / making:8.1f} times real time")
    print(f"  copy of the file's size {proxy.stat().st_size / video.stat().st_size:8.2f}")
    for name, first, second in (
        ("reading", reading[1], small_reading[1]),
        ("spotting", whole, small),
    ):
        print(
            f"  {name:<9} the video     {seconds / first:8.1f} times real time, "
            f"the copy {seconds / second:.1f}: {first / second:.2f} times as fast"
        )
    print(
        f"  confidences differ by   {difference.max():8.3f} at most, {difference.mean():.5f} on average"
    )
    print(
        f"  events shown            {len(shown):8} of the video, {len(small_shown)} of the copy, "
        f"{common_events(shown, small_shown)} in both"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--model", default="demo", help="folder or name of a model")
    parser.add_argument("--runtime", default="torch")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    spotter = Spotter.from_pretrained(
        arguments.model, runtime=arguments.runtime, threads=arguments.threads
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for video in arguments.videos:
            compare(video, spotter, folder / "proxies")
        for size in () if arguments.videos else _SIZES:
            place = folder / f"{size[1]}p"
            place.mkdir()
            compare(looped_match(place, arguments.minutes, size), spotter, folder / "proxies")


if __name__ == "__main__":
    main()
