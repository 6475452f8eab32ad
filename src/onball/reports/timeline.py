"""A timeline of events as a figure: one lane per action, predictions above the labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from onball.actions import BALL_ACTIONS, Action, EventLabel
from onball.errors import optional_dependency
from onball.events import EventList
from onball.reports.style import INK, draw_lanes, remove_frame, save_figure, set_title

with optional_dependency("matplotlib", "plot", "Drawing a timeline"):
    from matplotlib.axes import Axes
    from matplotlib.colors import to_rgba
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter

_LANE_INCHES, _FRAME_INCHES = 0.34, 1.25


def draw_timeline(
    predictions: EventList,
    path: str | Path,
    *,
    truth: EventList | None = None,
    title: str = "",
    duration_ms: int | None = None,
) -> None:
    """Draw the timeline of one video and save it.

    A prediction is a dot, paler the lower its confidence; a label is a tick below it. Lanes are in
    the order of the model's classes, or else of the 12 actions.

    Args:
        predictions: detected events.
        path: file to write; its suffix (.png, .svg) selects the format.
        truth: labels to compare the predictions with.
        title: one line above the figure.
        duration_ms: length of the video; default: the time of the last event, plus a second.
    """
    events = [*predictions, *(truth or ())]
    classes = BALL_ACTIONS if predictions.info is None else predictions.info.classes
    lanes = classes.ordered(event.label for event in events)
    last_ms = max((event.position_ms for event in events), default=1000)
    end_s = (duration_ms or last_ms + 1000) / 1000
    figure = Figure(figsize=(12, _FRAME_INCHES + _LANE_INCHES * max(1, len(lanes))), dpi=150)
    axes = figure.add_subplot()
    remove_frame(axes)
    draw_lanes(axes, lanes)
    for lane, action in enumerate(lanes):
        _draw_events(axes, lane, action, predictions, truth)
    axes.set_xlim(-0.004 * end_s, 1.004 * end_s)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{int(s) // 60}:{int(s) % 60:02d}"))
    if title:
        set_title(axes, title, size=11, pad=22)
    axes.legend(
        handles=list(_legend(truth is not None)), loc="lower right", bbox_to_anchor=(1, 1.0),
        ncols=3, frameon=False, fontsize=8.5, labelcolor=INK, handletextpad=0.3,
    )  # fmt: skip
    figure.tight_layout()
    save_figure(figure, path)


def _draw_events(
    axes: Axes, lane: int, action: EventLabel, predictions: EventList, truth: EventList | None
) -> None:
    found = [event for event in predictions if event.label == action]
    times = [event.position_ms / 1000 for event in found]
    colours = [to_rgba(action.colour, 0.25 + 0.75 * event.confidence) for event in found]
    height = -0.1 if truth is not None else 0.0
    axes.scatter(
        times, [lane + height] * len(found), s=38, color=colours,
        linewidths=0, zorder=3,
    )  # fmt: skip
    labelled = [event.position_ms / 1000 for event in truth or () if event.label == action]
    axes.vlines(labelled, lane + 0.16, lane + 0.42, color=INK, linewidth=1.6, zorder=2)


def _legend(with_truth: bool) -> Iterable[Line2D]:
    mark = {"linestyle": "none", "marker": "o", "markersize": 6, "markeredgewidth": 0}
    colour = Action.PASS.colour
    yield Line2D([], [], color=colour, label="found, sure", **mark)  # type: ignore[arg-type]
    yield Line2D([], [], color=colour, alpha=0.35, label="found, unsure", **mark)  # type: ignore[arg-type]
    if with_truth:
        yield Line2D(
            [], [], color=INK, linestyle="none", marker="|", markersize=8, markeredgewidth=1.6,
            label="labelled",
        )  # fmt: skip
