"""Draw docs/hero.png: what the demo model finds and misses in the sample match.

python docs/hero.py

Above, six frames at labels, each marked as found or missed; below, a lane per action with all labels
and detections. A label is found if a detection of its action lies within 0.5 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from onball.actions import ACTIONS, Action
from onball.assets import sample_match
from onball.data.layout import VIDEO_FILE
from onball.evaluation.matching import nearest_pairs
from onball.events import Event, EventColumns, EventList
from onball.formats.soccernet import LABELS_FILE, read_labels
from onball.reports.style import (
    FAINT,
    INK,
    SERIES_COLOURS,
    action_name,
    draw_lanes,
    remove_frame,
    save_figure,
)
from onball.spotting.spotter import Spotter
from onball.video import probe, read_frames

TOLERANCE_S = 1.0
#: Frames to show: of these actions the first label that was found, and the first that was missed.
FOUND_ACTIONS = (Action.PASS, Action.DRIVE, Action.THROW_IN)
MISSED_ACTIONS = (Action.BALL_PLAYER_BLOCK, Action.SHOT, Action.GOAL)
FOUND, MISSED, WRONG = SERIES_COLOURS[2], SERIES_COLOURS[1], "#8a93a1"
Matches = Mapping[Event, Event]


def match(labels: EventList, detections: EventList) -> dict[Event, Event]:
    """Pair labels and detections of each action; return the detection by label."""
    pairs = {}
    for action in ACTIONS:
        of_label, of_detection = labels.of_action(action), detections.of_action(action)
        columns = (EventColumns.of([events]) for events in (of_label, of_detection))
        for label, detection in zip(*nearest_pairs(*columns, TOLERANCE_S), strict=True):
            pairs[of_label[int(label)]] = of_detection[int(detection)]
    return pairs


def choose(labels: EventList, pairs: Matches) -> list[Event]:
    """Choose the labels to show frames of, in the order of time."""
    return sorted(
        next(label for label in labels.of_action(action) if (label in pairs) is found)
        for actions, found in ((FOUND_ACTIONS, True), (MISSED_ACTIONS, False))
        for action in actions
    )


def draw_frame(axes: Axes, image: np.ndarray, label: Event, detection: Event | None) -> None:
    """Draw the frame of a label, with a caption below it that says whether it was found."""
    axes.imshow(image)
    axes.set_xticks([])
    axes.set_yticks([])
    colour = MISSED if detection is None else FOUND
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=2)
    result = "missed" if detection is None else f"found {detection.confidence:.2f}"
    time_s = label.position_ms // 1000
    axes.text(
        0, -0.035, f"{time_s // 60}:{time_s % 60:02d}  {action_name(label.label)}",
        transform=axes.transAxes, va="top", fontsize=11, color=INK, fontweight="bold",
    )  # fmt: skip
    axes.text(
        1, -0.035, f"{'✗' if detection is None else '✓'} {result}", transform=axes.transAxes,
        va="top", ha="right", fontsize=11, color=colour, fontweight="bold",
    )  # fmt: skip


def draw_timeline(
    axes: Axes, labels: EventList, detections: EventList, pairs: Matches, duration_s: float
) -> None:
    """Draw one lane per action: labels above, detections below, coloured by whether they match."""
    lanes = [
        action for action in ACTIONS if labels.of_action(action) or detections.of_action(action)
    ]
    remove_frame(axes)
    draw_lanes(axes, lanes)
    axes.tick_params(axis="y", labelsize=10.5, length=0)
    axes.tick_params(axis="x", labelsize=9.5, labelcolor=FAINT, length=0)
    right = set(pairs.values())
    for lane, action in enumerate(lanes):
        for events, matched, height, marker, other in (
            (labels.of_action(action), pairs.keys(), -0.2, "|", MISSED),
            (detections.of_action(action), right, 0.2, "o", WRONG),
        ):
            colours = [FOUND if event in matched else other for event in events]
            axes.scatter(
                [event.position_ms / 1000 for event in events], [lane + height] * len(events),
                c=colours, marker=marker, s=70 if marker == "|" else 34, zorder=3,
                linewidths=2.4 if marker == "|" else 0,
            )  # fmt: skip
    axes.set_xlim(-0.5, duration_s + 0.5)
    ticks = range(0, int(duration_s) + 1, 15)
    axes.set_xticks(ticks, [f"{second // 60}:{second % 60:02d}" for second in ticks])
    missed, wrong = len(labels) - len(pairs), len(detections) - len(right)
    axes.legend(
        handles=list(_legend(len(pairs), len(labels), missed, wrong)), loc="lower left",
        bbox_to_anchor=(-0.012, 1.0), ncols=4, frameon=False, fontsize=10.5, labelcolor=INK,
        handletextpad=0.3, columnspacing=1.6,
    )  # fmt: skip


def _legend(found: int, labelled: int, missed: int, wrong: int) -> Iterable[Line2D]:
    for colour, marker, text in (
        (FOUND, "|", f"label, found ({found} of {labelled})"),
        (MISSED, "|", f"label, missed ({missed})"),
        (FOUND, "o", "detection at a label"),
        (WRONG, "o", f"detection without a label ({wrong})"),
    ):
        yield Line2D(
            [], [], linestyle="none", color=colour, marker=marker, label=text,
            markersize=10 if marker == "|" else 6, markeredgewidth=2.4 if marker == "|" else 0,
        )  # fmt: skip


def main() -> None:
    video = sample_match() / VIDEO_FILE
    labels = read_labels(sample_match() / LABELS_FILE)
    detections = Spotter.from_pretrained("demo").spot(video).shown
    pairs = match(labels, detections)
    figure = Figure(figsize=(12, 8.55), dpi=150, facecolor="white")
    above, below = figure.subfigures(2, 1, height_ratios=[5.0, 3.55])
    grid = above.subplots(2, 3)
    above.subplots_adjust(
        left=0.012, right=0.988, top=0.985, bottom=0.072, wspace=0.045, hspace=0.16
    )
    for axes, label in zip(grid.ravel(), choose(labels, pairs), strict=True):
        batch = next(read_frames(video, fps=25, size=None, start_ms=label.position_ms))
        draw_frame(axes, np.asarray(batch.frames[0]), label, pairs.get(label))
    axes = below.subplots()
    below.subplots_adjust(left=0.165, right=0.985, top=0.885, bottom=0.08)
    draw_timeline(axes, labels, detections, pairs, probe(video).duration_ms / 1000)
    save_figure(figure, Path(__file__).with_name("hero.png"))
    print(f"{len(pairs)} of {len(labels)} labels found, {len(detections)} detections")


if __name__ == "__main__":
    main()
