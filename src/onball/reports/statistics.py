"""Statistics of a data set as a figure: events per action and split, per minute, gaps between events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.data.statistics import STRETCH_GAP_MS, PlayStatistics, play_stretches
from onball.errors import optional_dependency
from onball.events import EventList
from onball.reports.style import (
    FAINT,
    INK,
    action_name,
    draw_lanes,
    remove_frame,
    save_figure,
    set_title,
)

with optional_dependency("matplotlib", "plot", "Drawing statistics"):
    from matplotlib.axes import Axes
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter, MaxNLocator

#: Share of white in the colour of the first, second, … split.
_WHITENING = (0.0, 0.38, 0.62, 0.76, 0.86)
_BIN_S = 0.2


def draw_statistics(
    labels: Mapping[str, Mapping[str, EventList]],
    path: str | Path,
    *,
    title: str = "",
    actions: ActionSet = BALL_ACTIONS,
) -> None:
    """Draw the statistics of a data set and save the figure.

    Top left: number of events of each action in each split, on a logarithmic scale. Top right:
    events per minute in play, over all splits. Bottom: time from an event to the next one of the
    same stretch, in the colour of the first (`onball.data.statistics` defines minutes in play and
    stretches).

    Args:
        labels: labels by split and match. A match that is in two splits counts once over all.
        path: file to write; its suffix (.png, .svg) selects the format.
        title: beginning of the line above the figure.
        actions: the actions that the labels may have.
    """
    every = {name: match for matches in labels.values() for name, match in matches.items()}
    splits = {
        split: PlayStatistics.of(matches.values(), actions) for split, matches in labels.items()
    }
    play = PlayStatistics.of(every.values(), actions)
    figure = Figure(
        figsize=(12, 9), dpi=150, layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.08)
    )
    counts, rates, gaps = figure.subplot_mosaic(
        [["counts", "rates"], ["gaps", "gaps"]], height_ratios=[1.9, 1], width_ratios=[1.9, 1]
    ).values()
    _draw_counts(counts, splits, actions)
    _draw_rates(rates, play, actions)
    _draw_gaps(gaps, list(every.values()), actions)
    summary = (
        f"{_count_matches(play)}, {play.events} events, {play.in_play_minutes:.1f} min in play"
    )
    figure.suptitle(
        f"{title}:  {summary}" if title else summary,
        x=0.012, ha="left", fontsize=12, color=INK, fontweight="bold",
    )  # fmt: skip
    save_figure(figure, path)


def _draw_counts(axes: Axes, splits: Mapping[str, PlayStatistics], actions: ActionSet) -> None:
    height = 0.8 / len(splits)
    largest = max(
        (found.actions[action].events for found in splits.values() for action in actions), default=1
    )
    for place, found in enumerate(splits.values()):
        offset = (place - (len(splits) - 1) / 2) * height
        for lane, action in enumerate(actions):
            count = found.actions[action].events
            # Bars begin at a half: on a logarithmic scale from 1 a single event would be no bar.
            axes.barh(
                lane + offset, max(0.0, count - 0.5), height * 0.9, left=0.5,
                color=_shade(action.colour, place), zorder=3,
            )  # fmt: skip
            axes.annotate(
                str(count), (max(count, 0.5), lane + offset), (4, 0),
                textcoords="offset points", va="center", fontsize=6.5 if len(splits) > 2 else 8,
                color=INK if count else FAINT, zorder=4,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(0.5, max(10, largest) * 2.2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _finish(
        axes,
        actions,
        "events per action" + (" and split" if len(splits) > 1 else "") + " (logarithmic)",
    )
    if len(splits) > 1:
        axes.legend(
            handles=[
                Patch(color=_shade(FAINT, place), label=f"{split}: {_count_matches(found)}")
                for place, (split, found) in enumerate(splits.items())
            ],
            loc="lower right", frameon=False, fontsize=8.5, labelcolor=INK,
        )  # fmt: skip


def _draw_rates(axes: Axes, play: PlayStatistics, actions: ActionSet) -> None:
    rates = [play.actions[action].per_minute or 0.0 for action in actions]
    axes.barh(
        range(len(actions)), rates, 0.62, color=[action.colour for action in actions], zorder=3
    )
    for lane, rate in enumerate(rates):
        axes.annotate(
            f"{rate:.2f}", (rate, lane), (4, 0),
            textcoords="offset points", va="center", fontsize=8, color=INK if rate else FAINT,
        )  # fmt: skip
    axes.set_xlim(0, max([*rates, 0.1]) * 1.18)
    _finish(axes, actions, "events per minute in play")
    axes.set_yticklabels([])


def _draw_gaps(axes: Axes, matches: Sequence[EventList], actions: ActionSet) -> None:
    gaps: dict[EventLabel, list[float]] = {action: [] for action in actions}
    for match in matches:
        for stretch in play_stretches(match):
            for event, following in pairwise(stretch):
                gaps[event.label].append((following.position_ms - event.position_ms) / 1000)
    end = STRETCH_GAP_MS / 1000
    edges = [i * _BIN_S for i in range(round(end / _BIN_S) + 1)]
    shown = [action for action in actions if gaps[action]]
    if shown:
        axes.hist(
            [gaps[action] for action in shown], edges, stacked=True,
            color=[action.colour for action in shown], edgecolor="white", linewidth=0.4, zorder=3,
        )  # fmt: skip
        pooled = sorted(gap for values in gaps.values() for gap in values)
        middle = pooled[len(pooled) // 2]
        axes.axvline(middle, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=4)
        axes.annotate(
            f"median {middle:.2f} s", (middle, 1), (5, -4), xycoords=("data", "axes fraction"),
            textcoords="offset points", va="top", fontsize=8.5, color=INK, zorder=5,
        )  # fmt: skip
        axes.legend(
            handles=[Patch(color=action.colour, label=action_name(action)) for action in shown],
            loc="upper right", ncols=2, facecolor="white", edgecolor="none", fontsize=8,
            labelcolor=INK,
        )  # fmt: skip
    axes.set_xlim(0, end)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("seconds", fontsize=8.5, color=FAINT, loc="right")
    remove_frame(axes, grid="y")
    set_title(axes, "time until the next event, by the action it follows", bold=False, pad=6)


def _finish(axes: Axes, actions: ActionSet, title: str) -> None:
    remove_frame(axes, grid="x")
    draw_lanes(axes, actions.names)
    set_title(axes, title, bold=False, pad=6)


def _shade(colour: str, place: int) -> tuple[float, float, float]:
    """Mix a colour with the white of the split at this place."""
    white = _WHITENING[min(place, len(_WHITENING) - 1)]
    red, green, blue = (part + (1 - part) * white for part in to_rgb(colour))
    return red, green, blue


def _count_matches(play: PlayStatistics) -> str:
    return f"{play.matches} match" + ("es" if play.matches != 1 else "")
