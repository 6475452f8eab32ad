"""Measure frames per second of the viewer's timeline while it scrolls and zooms, in Chromium.

    python benchmarks/viewer_speed.py                    # 5,000 events in 90 minutes
    python benchmarks/viewer_speed.py --events 20000 --seconds 10

The events have labels to compare with, and confidences of 25 frames per second or, with
`--no-curves`, candidates below the threshold; the timeline shows first the whole match and then ten
minutes. Frames come at the rate of the screen at most, 60 per second; the time to draw one is
measured apart. Exit code 1 if fewer than `--least` frames per second come.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from onball.actions import ACTIONS
from onball.events import Event, EventList, SpottingInfo
from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE
from onball.viewer.server import ViewServer

MATCH_MS = 90 * 60_000
#: One turn of the wheel for each frame, back and forth; returns the times of the frames.
SCROLL = """async ([seconds, zoomed]) => {
    const canvas = document.querySelector('.timeline canvas');
    const box = canvas.getBoundingClientRect();
    const turn = (by, ctrlKey) => canvas.dispatchEvent(new WheelEvent('wheel', {
        deltaY: by, ctrlKey, clientX: box.x + box.width / 2, clientY: box.y + 100,
        bubbles: true, cancelable: true,
    }));
    if (zoomed) for (let i = 0; i < 22; i++) turn(-30, true);
    const times = [];
    let frame = 0;
    await new Promise((resolve) => {
        const next = (now) => {
            times.push(now);
            if (now - times[0] > seconds * 1000) return resolve();
            frame++;
            if (zoomed) turn(frame % 240 < 120 ? 40 : -40, false);
            else turn(frame % 60 < 30 ? -6 : 6, true);
            requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
    });
    return times;
}"""


def write_match(folder: Path, count: int, curves: bool) -> None:
    """Write labels, as many predictions, four times as many candidates below 0.3, and all frames."""
    rng = np.random.default_rng(0)

    def events(number: int, low: float, high: float) -> list[Event]:
        times = rng.integers(0, MATCH_MS, number)
        kinds = rng.integers(0, len(ACTIONS), number)
        confidences = rng.uniform(low, high, number)
        return [
            Event(int(time), ACTIONS[kind], float(confidence))
            for time, kind, confidence in zip(times, kinds, confidences, strict=True)
        ]

    info = SpottingInfo("random", thresholds=dict.fromkeys(ACTIONS, 0.3), duration_ms=MATCH_MS)
    EventList.of(events(count, 1, 1)).save(folder / LABELS_FILE)
    found = EventList.of([*events(count, 0.3, 1), *events(4 * count, 0.0, 0.3)], info=info)
    found.save(folder / RESULTS_FILE)
    if curves:
        times = np.arange(0, MATCH_MS, 40)
        # Peaks of some frames over noise, as of a net.
        scores = rng.uniform(0, 1, (len(times), len(ACTIONS))) ** 8
        FrameConfidences.of(times, scores.astype(np.float32), ACTIONS).save(
            folder / CONFIDENCES_FILE
        )


def measure(page: Page, seconds: float, zoomed: bool) -> tuple[float, float]:
    """Return frames per second, and the 95th percentile of the time between frames in ms."""
    times = page.evaluate(SCROLL, [seconds, zoomed])
    gaps = np.diff(times)
    return 1000 / statistics.fmean(gaps), float(np.percentile(gaps, 95))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--least", type=float, default=0.0, help="least frames per second")
    parser.add_argument(
        "--no-curves", action="store_true", help="without confidences of all frames"
    )
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed")
    rates = []
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
    ):
        write_match(Path(folder), options.events, not options.no_curves)
        with ViewServer([folder], port=0) as server:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(server.url)
            page.wait_for_selector(".event")
            if not options.no_curves:
                page.wait_for_selector("input[type=checkbox]")
            for zoomed, title in (
                (False, "whole match, zooming"),
                (True, "ten minutes, scrolling"),
            ):
                rate, slow = measure(page, options.seconds, zoomed)
                rates.append(rate)
                print(f"{title}: {rate:.1f} frames per second, 95 % within {slow:.1f} ms")
            browser.close()
    return int(min(rates) < options.least)


if __name__ == "__main__":
    sys.exit(main())
