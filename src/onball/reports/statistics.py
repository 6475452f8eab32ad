"""The statistics of a data set as a picture: events per action and split, per minute, gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

from onball.actions import ACTIONS, Action
from onball.data.statistics import STRETCH_GAP_MS, PlayStatistics, play_stretches
from onball.errors import optional_dependency
from onball.events import EventList
from onball.files import atomic_path

with optional_dependency("matplotlib", "plot", "Drawing statistics"):
    from matplotlib.axes import Axes
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter


_INK, _FAINT, _LANE, _GRID = "#1d2330", "#8a93a3", "#f3f5f8", "#dfe3ea"
#: Share of white in the colour of the first, second, … split.
_WHITENING = (0.0, 0.38, 0.62, 0.76, 0.86)
_BIN_S = 0.2


def draw_statistics(
    labels: Mapping[str, Mapping[str, EventList]], path: str | Path, *, title: str = ""
) -> None:
    """Writes the picture; the suffix of `path` (.png, .svg) says which kind.

    Above on the left: how many events of each action each split has, on a logarithmic scale. Above
    on the right: events per minute in play, over all splits. Below: how long after an event the
    next of the same stretch follows, in the colour of the first (see `onball.data.statistics` for
    minutes in play and stretches).

    Args:
        labels: by split, then by match. A match in two splits counts once over all.
        path: the picture; written aside and renamed.
        title: one line above it.
    """
    every = {name: match for matches in labels.values() for name, match in matches.items()}
    splits = {split: PlayStatistics.of(matches.values()) for split, matches in labels.items()}
    play = PlayStatistics.of(every.values())
    figure = Figure(
        figsize=(12, 9), dpi=150, layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.08)
    )
    counts, rates, gaps = figure.subplot_mosaic(
        [["counts", "rates"], ["gaps", "gaps"]], height_ratios=[1.9, 1], width_ratios=[1.9, 1]
    ).values()
    _draw_counts(counts, splits)
    _draw_rates(rates, play)
    _draw_gaps(gaps, list(every.values()))
    summary = f"{_matches(play)}, {play.events} events, {play.in_play_minutes:.1f} min in play"
    figure.suptitle(
        f"{title}:  {summary}" if title else summary,
        x=0.012, ha="left", fontsize=12, color=_INK, fontweight="bold",
    )  # fmt: skip
    with atomic_path(path) as aside:
        figure.savefig(aside)


def _draw_counts(axes: Axes, splits: Mapping[str, PlayStatistics]) -> None:
    height = 0.8 / len(splits)
    largest = max(
        (found.actions[action].events for found in splits.values() for action in ACTIONS), default=1
    )
    for place, found in enumerate(splits.values()):
        offset = (place - (len(splits) - 1) / 2) * height
        for lane, action in enumerate(ACTIONS):
            count = found.actions[action].events
            # From a half on, so that a single event is a bar too.
            axes.barh(
                lane + offset, max(0.0, count - 0.5), height * 0.9, left=0.5,
                color=_shade(action.colour, place), zorder=3,
            )  # fmt: skip
            axes.annotate(
                str(count), (max(count, 0.5), lane + offset), (4, 0),
                textcoords="offset points", va="center", fontsize=6.5 if len(splits) > 2 else 8,
                color=_INK if count else _FAINT, zorder=4,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(0.5, max(10, largest) * 2.2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _style_lanes(
        axes, "events per action" + (" and split" if len(splits) > 1 else "") + " (logarithmic)"
    )
    if len(splits) > 1:
        axes.legend(
            handles=[
                Patch(color=_shade("#3d4658", place), label=f"{split}: {_matches(found)}")
                for place, (split, found) in enumerate(splits.items())
            ],
            loc="lower right", frameon=False, fontsize=8.5, labelcolor=_INK,
        )  # fmt: skip


def _draw_rates(axes: Axes, play: PlayStatistics) -> None:
    rates = [play.actions[action].per_minute or 0.0 for action in ACTIONS]
    axes.barh(
        range(len(ACTIONS)), rates, 0.62, color=[action.colour for action in ACTIONS], zorder=3
    )
    for lane, rate in enumerate(rates):
        axes.annotate(
            f"{rate:.2f}", (rate, lane), (4, 0),
            textcoords="offset points", va="center", fontsize=8, color=_INK if rate else _FAINT,
        )  # fmt: skip
    axes.set_xlim(0, max([*rates, 0.1]) * 1.18)
    _style_lanes(axes, "events per minute in play")
    axes.set_yticklabels([])


def _draw_gaps(axes: Axes, matches: Sequence[EventList]) -> None:
    gaps: dict[Action, list[float]] = {action: [] for action in ACTIONS}
    for match in matches:
        for stretch in play_stretches(match):
            for event, following in pairwise(stretch):
                gaps[event.label].append((following.position_ms - event.position_ms) / 1000)
    end = STRETCH_GAP_MS / 1000
    edges = [i * _BIN_S for i in range(round(end / _BIN_S) + 1)]
    shown = [action for action in ACTIONS if gaps[action]]
    if shown:
        axes.hist(
            [gaps[action] for action in shown], edges, stacked=True,
            color=[action.colour for action in shown], edgecolor="white", linewidth=0.4, zorder=3,
        )  # fmt: skip
        pooled = sorted(gap for values in gaps.values() for gap in values)
        middle = pooled[len(pooled) // 2]
        axes.axvline(middle, color=_INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=4)
        axes.annotate(
            f"median {middle:.2f} s", (middle, 1), (5, -4), xycoords=("data", "axes fraction"),
            textcoords="offset points", va="top", fontsize=8.5, color=_INK, zorder=5,
        )  # fmt: skip
        axes.legend(
            handles=[Patch(color=action.colour, label=_name(action)) for action in shown],
            loc="upper right", ncols=2, facecolor="white", edgecolor="none", fontsize=8,
            labelcolor=_INK,
        )  # fmt: skip
    axes.set_xlim(0, end)
    axes.set_xlabel("seconds", fontsize=8.5, color=_FAINT, loc="right")
    _style(axes, "time until the next event, by the action it follows", grid="y")


def _style_lanes(axes: Axes, title: str) -> None:
    """One lane per action, from above."""
    for lane in range(0, len(ACTIONS), 2):
        axes.axhspan(lane - 0.5, lane + 0.5, color=_LANE, zorder=0, linewidth=0)
    axes.set_ylim(len(ACTIONS) - 0.5, -0.5)
    axes.set_yticks(range(len(ACTIONS)), [_name(action) for action in ACTIONS], fontsize=8.5)
    _style(axes, title, grid="x")


def _style(axes: Axes, title: str, grid: Literal["x", "y"]) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=_INK)
    axes.grid(axis=grid, color=_GRID, linewidth=0.7, zorder=1)
    axes.tick_params(which="both", length=0, colors=_FAINT, labelsize=8.5)
    axes.tick_params(axis="y", colors=_FAINT if grid == "y" else _INK)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _shade(colour: str, place: int) -> tuple[float, float, float]:
    white = _WHITENING[min(place, len(_WHITENING) - 1)]
    red, green, blue = (part + (1 - part) * white for part in to_rgb(colour))
    return red, green, blue


def _matches(play: PlayStatistics) -> str:
    return f"{play.matches} match" + ("es" if play.matches != 1 else "")


def _name(action: Action) -> str:
    return action.value.capitalize()
