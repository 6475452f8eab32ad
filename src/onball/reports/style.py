"""Colours, line styles and axes that all charts share.

The colours of the actions belong to the actions themselves (`onball.actions`). Everything else that
is drawn takes its colours from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from onball.actions import BALL_ACTIONS, Action, EventLabel
from onball.errors import optional_dependency
from onball.files import atomic_path

with optional_dependency("matplotlib", "plot", "Drawing"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Text, secondary text, grid lines, background. The HTML page replaces each of them by a CSS
#: variable, which has one value for light and one for dark mode.
INK, FAINT, GRID, GROUND = "#1d2330", "#5c6675", "#e3e7ed", "#fefefe"
#: Every second lane of a chart with one lane per action.
LANE = "#f3f5f8"
#: Okabe and Ito's colours, safe for colour-blind readers. Black and yellow are left out: each is
#: invisible on one of the page's two backgrounds.
SERIES_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
#: Colours of a heat map, from few to many.
HEAT_COLOURS = ("#eef3f9", "#7fb2dd", "#0a4f86")

_DASHES = ("-", (0, (4, 1.6)), (0, (1.2, 1.2)), (0, (5, 1.3, 1.2, 1.3)))


class Look(NamedTuple):
    """Line style of a run, the same in every chart.

    Attributes:
        name: name of the run.
        colour: `#rrggbb`.
        dash: line style of matplotlib. Runs that share a colour differ in it.
    """

    name: str
    colour: str
    dash: str | tuple[int, tuple[float, ...]]

    @property
    def svg_dashes(self) -> str:
        """The `stroke-dasharray` of its line in a legend; "" is a solid line."""
        return "" if isinstance(self.dash, str) else " ".join(f"{2 * n:g}" for n in self.dash[1])


def looks(names: Sequence[str]) -> dict[str, Look]:
    """Choose a look for each run: six colours, then the same colours with other dashes."""
    n = len(SERIES_COLOURS)
    return {
        name: Look(name, SERIES_COLOURS[i % n], _DASHES[i // n % len(_DASHES)])
        for i, name in enumerate(names)
    }


def new_axes(width: float = 4.2, height: float = 2.9) -> tuple[Figure, Axes]:
    """Create an empty chart of the report; width and height in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    axes.grid(True, color=GRID, linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    axes.tick_params(length=0, labelsize=8.5, labelcolor=FAINT)
    return figure, axes


def set_title(axes: Axes, text: str, size: float = 10, *, bold: bool = True, pad: int = 8) -> None:
    """Write the title of a chart, above it and left-aligned."""
    weight = "bold" if bold else "normal"
    axes.set_title(text, loc="left", fontsize=size, color=INK, fontweight=weight, pad=pad)


def label_axes(axes: Axes, x: str = "", y: str = "", size: float = 8.5) -> None:
    """Write the labels of the axes."""
    axes.set_xlabel(x, fontsize=size, color=FAINT)
    axes.set_ylabel(y, fontsize=size, color=FAINT)


def remove_frame(axes: Axes, grid: Literal["x", "y"] | None = None) -> None:
    """Remove the spines and the tick marks; draw grid lines across one axis if asked to."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(which="both", length=0, labelsize=8.5, labelcolor=FAINT)
    if grid:
        axes.grid(axis=grid, color=GRID, linewidth=0.8, zorder=0)
        axes.set_axisbelow(True)


def draw_lanes(axes: Axes, actions: Sequence[EventLabel] = BALL_ACTIONS.names) -> None:
    """Prepare one lane per action, the first on top, with its name at the left."""
    for lane in range(0, len(actions), 2):
        axes.axhspan(lane - 0.5, lane + 0.5, color=LANE, zorder=0, linewidth=0)
    axes.set_ylim(len(actions) - 0.5, -0.5)
    names = [in_chart(action_name(action)) for action in actions]
    axes.set_yticks(range(len(actions)), names)
    axes.tick_params(axis="y", labelsize=8.5, labelcolor=INK)


def action_name(action: EventLabel) -> str:
    """Name of an action as charts and tables write it, such as "Throw in".

    Only the 12 actions are in capitals in the files; other names may hold an acronym.
    """
    return action.value.capitalize() if isinstance(action, Action) else action.value


def in_chart(name: str) -> str:
    """Escape the signs of a name that begin a formula in a chart of matplotlib."""
    return name.replace("$", r"\$")


def save_figure(figure: Figure, path: str | Path) -> None:
    """Save a figure; the suffix of `path` (.png, .svg) selects the format.

    A file that exists is replaced only after the new one is complete.
    """
    with atomic_path(path) as temporary:
        # Without the version of matplotlib, so that equal figures give equal files.
        metadata = {"Software": None} if Path(path).suffix.lower() == ".png" else None
        figure.savefig(temporary, metadata=metadata)
