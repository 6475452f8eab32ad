"""Draw docs/hero.png: frames of the sample match, and the timeline of the demo model's events.

python docs/hero.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from onball.assets import sample_match
from onball.data.layout import VIDEO_FILE
from onball.formats.soccernet import LABELS_FILE, read_labels
from onball.reports.timeline import draw_timeline
from onball.spotting.spotter import Spotter
from onball.video import probe, read_frames

#: Actions to show, in order of preference; the first six that the sample match has are shown.
_PREFERRED = (
    "GOAL", "SHOT", "CROSS", "HEADER", "THROW IN", "FREE KICK", "PLAYER SUCCESSFUL TACKLE",
    "BALL PLAYER BLOCK", "HIGH PASS", "DRIVE", "PASS",
)  # fmt: skip
_SHOWN = 6


def main() -> None:
    video = sample_match() / VIDEO_FILE
    labels = read_labels(sample_match() / LABELS_FILE)
    spotter = Spotter.from_pretrained()
    events = spotter.spot(video).above(spotter.config.inference.report_threshold)
    there = [name for name in _PREFERRED if any(event.label == name for event in labels)][:_SHOWN]
    shown = sorted(next(event for event in labels if event.label == name) for name in there)
    with tempfile.TemporaryDirectory() as folder:
        figure_file = Path(folder, "timeline.png")
        draw_timeline(events, figure_file, truth=labels, duration_ms=probe(video).duration_ms)
        timeline = imread(figure_file)

    figure = Figure(figsize=(12, 8.6), dpi=130)
    rows = 2
    columns = len(shown) // rows
    for index, event in enumerate(shown):
        batch = next(read_frames(video, fps=25, size=None, start_ms=event.position_ms))
        row, column = divmod(index, columns)
        axes = figure.add_axes(
            (0.012 + column * 0.328, 0.732 - row * 0.262, 0.32, 0.255)
        )  # left, bottom, width, height as fractions of the figure
        axes.imshow(np.asarray(batch.frames[0]))
        axes.set_axis_off()
        axes.text(
            8, 212, f"{event.game_time.split(' - ')[1]}  {event.label.value.capitalize()}",
            color="white", fontsize=10.5, fontweight="bold",
            bbox={"facecolor": event.label.colour, "edgecolor": "none", "pad": 3.5},
        )  # fmt: skip
    axes = figure.add_axes((0.0, 0.0, 1.0, 0.46))
    axes.imshow(timeline)
    axes.set_axis_off()
    figure.savefig(Path(__file__).with_name("hero.png"))


if __name__ == "__main__":
    main()
