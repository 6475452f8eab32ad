"""A timeline of events as a picture: one lane per action, predictions over the truth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from onball.actions import ACTIONS, Action
from onball.errors import optional_dependency
from onball.events import EventList
from onball.files import atomic_path

with optional_dependency("matplotlib", "plot", "Drawing a timeline"):
    from matplotlib.axes import Axes
    from matplotlib.colors import to_rgba
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter


_INK, _FAINT, _LANE = "#1d2330", "#8a93a3", "#f3f5f8"
_LANE_INCHES, _FRAME_INCHES = 0.34, 1.25


def draw_timeline(
    predictions: EventList,
    path: str | Path,
    *,
    truth: EventList | None = None,
    title: str = "",
    duration_ms: int | None = None,
) -> None:
    """Writes the timeline of one video as a picture; the suffix of `path` (.png, .svg) says which kind.

    A prediction is a filled mark, the fainter the less confident; an annotation is a tick below it.

    Args:
        predictions: found events.
        path: the picture; written aside and renamed.
        truth: annotations to compare with.
        title: one line above the picture.
        duration_ms: length of the video; else the time of the last event.
    """
    lanes = [a for a in ACTIONS if any(e.label is a for e in [*predictions, *(truth or ())])]
    last = max((e.position_ms for e in [*predictions, *(truth or ())]), default=1000)
    end_s = (duration_ms or last + 1000) / 1000
    figure = Figure(figsize=(12, _FRAME_INCHES + _LANE_INCHES * max(1, len(lanes))), dpi=150)
    axes = figure.add_subplot()
    for lane, action in enumerate(lanes):
        _draw_lane(axes, lane, action, predictions, truth)
    axes.set_xlim(-0.004 * end_s, 1.004 * end_s)
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.set_yticks(range(len(lanes)), [_name(action) for action in lanes], fontsize=8.5)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{int(s) // 60}:{int(s) % 60:02d}"))
    axes.tick_params(length=0, colors=_INK)
    axes.tick_params(axis="x", labelsize=8.5, colors=_FAINT)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, loc="left", fontsize=11, color=_INK, pad=22, fontweight="bold")
    axes.legend(
        handles=list(_legend(truth is not None)), loc="lower right", bbox_to_anchor=(1, 1.0),
        ncols=3, frameon=False, fontsize=8.5, labelcolor=_INK, handletextpad=0.3,
    )  # fmt: skip
    figure.tight_layout()
    with atomic_path(path) as aside:
        figure.savefig(aside)


def _draw_lane(
    axes: Axes, lane: int, action: Action, predictions: EventList, truth: EventList | None
) -> None:
    if lane % 2 == 0:
        axes.axhspan(lane - 0.5, lane + 0.5, color=_LANE, zorder=0, linewidth=0)
    found = [event for event in predictions if event.label is action]
    times = [event.position_ms / 1000 for event in found]
    colours = [to_rgba(action.colour, 0.25 + 0.75 * event.confidence) for event in found]
    height = -0.1 if truth is not None else 0.0
    axes.scatter(
        times, [lane + height] * len(found), s=38, color=colours,
        linewidths=0, zorder=3,
    )  # fmt: skip
    labelled = [event.position_ms / 1000 for event in truth or () if event.label is action]
    axes.vlines(labelled, lane + 0.16, lane + 0.42, color=_INK, linewidth=1.6, zorder=2)


def _legend(with_truth: bool) -> Iterable[Line2D]:
    mark = {"linestyle": "none", "marker": "o", "markersize": 6, "markeredgewidth": 0}
    colour = Action.PASS.colour
    yield Line2D([], [], color=colour, label="found, sure", **mark)  # type: ignore[arg-type]
    yield Line2D([], [], color=colour, alpha=0.35, label="found, unsure", **mark)  # type: ignore[arg-type]
    if with_truth:
        yield Line2D(
            [], [], color=_INK, linestyle="none", marker="|", markersize=8, markeredgewidth=1.6,
            label="labelled",
        )  # fmt: skip


def _name(action: Action) -> str:
    return action.value.capitalize()
