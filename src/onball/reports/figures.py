"""Charts of the report: how the runs trained, how they compare, and each spotting run in detail.

A chart goes into the page as SVG; beside the page it is written as PNG, with its numbers as CSV.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from onball.actions import Action, ActionSet, EventLabel
from onball.errors import optional_dependency
from onball.evaluation.average_precision import Mean, headline_of, means_of
from onball.files import atomic_path, write_text_atomic
from onball.reports.runs import Epoch, Evaluated, EvaluatedSpotting, Run
from onball.reports.style import (
    FAINT,
    GRID,
    GROUND,
    HEAT_COLOURS,
    INK,
    Look,
    action_name,
    in_chart,
    label_axes,
    new_axes,
    remove_frame,
    set_title,
)

with optional_dependency("matplotlib", "plot", "A report"):
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
    from matplotlib.transforms import Bbox

#: CSS variables of the page that replace the fixed colours of the charts.
_PAGE_COLOURS = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    GRID: "var(--grid)",
    GROUND: "var(--card)",
}
#: Text on the light cells of the heat map, which stay light in dark mode: not quite `INK`, so that
#: no CSS variable replaces it.
_CELL_INK = "#1d2331"
_HEAT = LinearSegmentedColormap.from_list("heat", HEAT_COLOURS)
#: Resolution of the PNG files, in dots per inch.
PNG_DPI = 180
#: Longest name of a run that is written into a chart; the beginning of longer ones is cut off.
_MAX_CHARACTERS = 36
#: Smallest distance of the names of neighbouring points, as a fraction of the axis.
MIN_LABEL_GAP = 0.075
_MAX_LABEL_HEIGHT = 0.97
#: Longest name of an action above a curve, and beside a matrix; the end of longer ones is cut off.
_MAX_TITLE, _MAX_TICK = 20, 24
#: A confusion matrix of more classes takes the full width of the page.
MOST_CLASSES_BESIDE = 20
#: Inches of a cell of a large confusion matrix, and of the names beside it.
_CELL_INCHES, _NAMES_INCHES = 0.31, 1.6


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its numbers.

    Attributes:
        name: stem of the names of its files.
        description: text for readers who cannot see it.
        figure: the chart, without a legend of the runs: the page has one for several charts.
        header: header of the table of numbers.
        rows: rows of the table.
        legend: the runs it shows; the PNG file gets a legend of them.
    """

    name: str
    description: str
    figure: Figure
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    legend: Sequence[Look] = field(default=())

    def svg(self) -> str:
        """Return the chart as an `<svg>` element without size and links, in the page's colours."""
        text = io.StringIO()
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": self.name}):
            self.figure.savefig(
                text,
                format="svg",
                transparent=True,
                metadata={"Creator": None, "Date": None, "Format": None, "Type": None},
            )
        # Computing the layout again for the PNG would take as long as drawing.
        self.figure.set_layout_engine("none")
        return _inline(text.getvalue(), self.name, self.description)

    def write(self, folder: Path) -> None:
        """Write `<name>.png` and `<name>.csv`."""
        write_csv(folder / f"{self.name}.csv", self.header, self.rows)
        width, height = self.figure.get_size_inches()
        below = 0.0
        if self.legend:
            entry = 0.6 + 0.08 * max(len(look.name) for look in self.legend)
            columns = max(1, min(3, int(width / entry)))
            below = 0.15 + 0.2 * -(-len(self.legend) // columns)
            self.figure.legend(
                handles=[
                    Line2D([], [], color=look.colour, linestyle=look.dash, label=look.name)
                    for look in self.legend
                ],
                loc="upper center",
                bbox_to_anchor=(0.5, 0.0),
                ncols=columns,
                frameon=False,
                fontsize=8,
                labelcolor=INK,
            )
        area = Bbox([[0.0, -below], [width, height]])
        with atomic_path(folder / f"{self.name}.png") as temporary:
            self.figure.savefig(temporary, dpi=PNG_DPI, bbox_inches=area, facecolor="white")


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table as CSV: numbers with all digits, an empty cell for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    write_text_atomic(path, text.getvalue())


def _inline(svg: str, name: str, description: str) -> str:
    """Turn an SVG file into an element of a page."""
    body = svg[svg.index("<svg") :]
    opening, _, body = body.partition(">")
    box = re.search(r'viewBox="[^"]+"', opening)
    assert box is not None
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    # A page has one name space for ids: charts must not use each other's clipping paths.
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = body.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for colour, variable in _PAGE_COLOURS.items():
        body = body.replace(colour, variable)
    escaped = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'<svg {box[0]} role="img" aria-label="{escaped}">{body.strip()}'


#: Curves of at most this many epochs mark each of them.
_MARKED_EPOCHS = 12


def training_charts(
    runs: Sequence[Run], look: Mapping[str, Look], actions: ActionSet, stem: str = ""
) -> list[Chart]:
    """Draw training loss, validation loss and validation mAP over the epochs.

    Args:
        runs: runs of one task.
        look: look of each run, by name.
        actions: the evaluated actions.
        stem: beginning of the names of the charts.
    """
    mean = headline_of(actions)
    return [
        _curves(
            runs, look, f"{stem}training_loss", "Training loss", "loss", lambda e: e.train_loss
        ),
        _curves(
            runs, look, f"{stem}validation_loss", "Validation loss", "loss", lambda e: e.valid_loss
        ),
        _curves(
            runs,
            look,
            f"{stem}validation_{mean.key}",
            f"Validation {mean.name}",
            f"{mean.name}, per cent",
            lambda e: None if e.map_headline is None else 100 * e.map_headline,
        ),
    ]


def _curves(
    runs: Sequence[Run],
    look: Mapping[str, Look],
    name: str,
    heading: str,
    unit: str,
    value: Callable[[Epoch], float | None],
) -> Chart:
    figure, axes = new_axes()
    rows: list[tuple[object, ...]] = []
    for run in runs:
        points = [(epoch.epoch, y) for epoch in run.epochs if (y := value(epoch)) is not None]
        rows += [(run.name, x, y) for x, y in points]
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=look[run.name].colour,
            linestyle=look[run.name].dash,
            linewidth=1.8,
            # A line through a single epoch would be invisible, and one through a few is easily misread.
            marker="o" if len(points) <= _MARKED_EPOCHS else "",
            markersize=6 if len(points) < 3 else 4,
        )
    if not rows:
        axes.text(0.5, 0.5, "not validated", transform=axes.transAxes, ha="center", color=FAINT)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    set_title(axes, heading)
    label_axes(axes, "epoch", unit)
    description = f"{heading} over epochs of {', '.join(run.name for run in runs)}"
    return Chart(
        name, description, figure, ("run", "epoch", unit), rows, [look[r.name] for r in runs]
    )


def bar_charts(
    evaluated: Sequence[Evaluated], look: Mapping[str, Look], stem: str = ""
) -> list[Chart]:
    """Draw each mean AP with 95 % intervals (spotting only), the run of highest headline on top."""
    ordered = sorted(evaluated, key=lambda one: one.means.map_headline, reverse=True)
    means = means_of(ordered[0].means.actions)
    return [_bars(ordered, look, f"{stem}{mean.key}", mean) for mean in means]


def cost_charts(
    evaluated: Sequence[Evaluated], look: Mapping[str, Look], stem: str = ""
) -> list[Chart]:
    """Draw headline mAP over the number of parameters and over the operations per clip."""
    return [
        _costs(
            evaluated, look, f"{stem}parameters", "parameters", "million parameters",
            lambda one: one.run.cost.parameters / 1e6,
        ),
        _costs(
            evaluated, look, f"{stem}gflops", "arithmetic", "GFLOPs per clip",
            lambda one: one.run.cost.gflops,
        ),
    ]  # fmt: skip


def tolerance_chart(evaluated: Sequence[EvaluatedSpotting], look: Mapping[str, Look]) -> Chart:
    """Draw headline mAP over the tolerance, which shows the temporal precision of the runs."""
    figure, axes = new_axes(4.2, 2.9)
    means = means_of(evaluated[0].means.actions)
    shown = means[-1].name
    rows: list[tuple[object, ...]] = []
    for one in evaluated:
        results = one.report.results
        rows += [
            (one.run.name, r.tolerance_s, *(100 * mean.of(r.ap) for mean in reversed(means)))
            for r in results
        ]
        axes.plot(
            [r.tolerance_s for r in results], [100 * r.map_headline for r in results],
            color=look[one.run.name].colour, linestyle=look[one.run.name].dash,
            linewidth=1.8, marker="o", markersize=4,
        )  # fmt: skip
    axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    set_title(axes, _sentence(f"{shown} over tolerance"))
    label_axes(axes, "tolerance δ, seconds (a match is within ±δ/2)", "per cent")
    description = (
        f"{shown} at tolerances from 0.5 to 5 s of {', '.join(o.run.name for o in evaluated)}"
    )
    header = ("run", "tolerance_s", *(mean.name for mean in reversed(means)))
    return Chart(
        "tolerance", description, figure, header, rows, [look[o.run.name] for o in evaluated]
    )


def _bars(
    evaluated: Sequence[Evaluated],
    look: Mapping[str, Look],
    name: str,
    mean: Mean,
) -> Chart:
    figure, axes = new_axes(4.2, 0.9 + 0.5 * len(evaluated))
    rows: list[tuple[object, ...]] = []
    right = 1.0
    for place, one in enumerate(evaluated):
        share, interval = mean.of(one.means.ap), one.means.intervals.get(mean.key)
        low, high = (100 * end for end in interval) if interval else (None, None)
        rows.append((one.run.name, 100 * share, low, high))
        axes.barh(place, 100 * share, height=0.5, color=look[one.run.name].colour)
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=INK, linewidth=1.4)
            axes.plot(
                [low, high], [place, place], color=INK, linestyle="", marker="|", markersize=7
            )
        end = max(100 * share, high or 0)
        right = max(right, end)
        axes.annotate(
            f"{100 * share:.1f}", (end, place), (5, 0), textcoords="offset points",
            va="center", fontsize=8.5, color=INK,
        )  # fmt: skip
        # Above the bar, a name of any length takes no width from the bars.
        axes.annotate(
            _short(one.run.name), (0, place - 0.27), (1, 1), textcoords="offset points",
            va="bottom", fontsize=8.5, color=INK,
        )  # fmt: skip
    axes.set_yticks([])
    axes.set_ylim(len(evaluated) - 0.65, -0.72)
    axes.set_xlim(0, right * 1.14)
    axes.grid(False, axis="y")
    set_title(axes, _sentence(mean.name))
    label_axes(axes, "per cent")
    description = f"{mean.name}: " + ", ".join(f"{row[0]} {row[1]:.1f}" for row in rows)
    return Chart(name, description, figure, ("run", mean.name, "low", "high"), rows)


def _costs(
    evaluated: Sequence[Evaluated],
    look: Mapping[str, Look],
    name: str,
    of: str,
    unit: str,
    cost: Callable[[Evaluated], float],
) -> Chart:
    figure, axes = new_axes(4.6, 3.1)
    mean = headline_of(evaluated[0].means.actions).name
    heading = _sentence(f"{mean} over {of}")
    points = [(one.run.name, cost(one), 100 * one.means.map_headline) for one in evaluated]
    for run, x, y in points:
        axes.plot(
            x, y, marker="o", markersize=9, color=look[run].colour,
            markeredgecolor=GROUND, markeredgewidth=1.2,
        )  # fmt: skip
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    # Room for the names at the right, also where all nets cost the same.
    axes.set_xscale("log")
    axes.set_xlim(min(xs) / 1.6, max(xs) * 1.6)
    slack = max(1.0, 0.15 * (max(ys) - min(ys)))
    axes.set_ylim(max(0.0, min(ys) - slack), max(ys) + slack)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.tick_params(which="both", length=0)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    _name_points(axes, points)
    set_title(axes, heading)
    label_axes(axes, unit, f"{mean}, per cent")
    costs = ", ".join(f"{run} {y:.1f} at {x:.3g} {unit}" for run, x, y in points)
    header = ("run", unit, f"{mean}, per cent")
    legend = [look[run] for run, _, _ in points]
    return Chart(name, f"{heading}: {costs}", figure, header, points, legend)


def _name_points(axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Write the name of each run beside its point, on the side with more room, without overlap."""
    to_axes = axes.transAxes.inverted()
    spots = [(to_axes.transform(axes.transData.transform((x, y))), run) for run, x, y in points]
    for at_left in (True, False):
        side = sorted(
            (float(y), float(x), run) for (x, y), run in spots if (float(x) > 0.5) == at_left
        )
        heights = spread_labels([y for y, _, _ in side])
        for (_, x, run), height in zip(side, heights, strict=True):
            axes.annotate(
                _short(run), (x, height), (-8 if at_left else 8, 0), xycoords="axes fraction",
                textcoords="offset points", ha="right" if at_left else "left", va="center",
                fontsize=8.5, color=FAINT,
            )  # fmt: skip


def spread_labels(heights: Sequence[float]) -> list[float]:
    """Move labels of rising heights apart: up to the smallest gap, then down from the top.

    Args:
        heights: fractions of the axis, 0 to 1, in ascending order.

    Returns: heights at least `MIN_LABEL_GAP` apart, at most 0.97.
    """
    spread: list[float] = []
    for height in heights:
        spread.append(max(height, spread[-1] + MIN_LABEL_GAP) if spread else height)
    ceiling = _MAX_LABEL_HEIGHT
    for index in reversed(range(len(spread))):
        spread[index] = min(spread[index], ceiling)
        ceiling = spread[index] - MIN_LABEL_GAP
    return spread


def _short(name: str) -> str:
    return name if len(name) <= _MAX_CHARACTERS else "…" + name[1 - _MAX_CHARACTERS :]


def pr_charts(evaluated: Sequence[EvaluatedSpotting], look: Mapping[str, Look]) -> list[Chart]:
    """Draw precision over recall: one chart per action, one curve per run."""
    actions = evaluated[0].means.actions
    slugs = [slug(action) for action in actions]
    names = (
        one if slugs.count(one) == 1 else f"{one}_{number}" for number, one in enumerate(slugs, 1)
    )
    return [
        _pr(action, f"pr_{name}", evaluated, look)
        for action, name in zip(actions, names, strict=True)
    ]


def timing_chart(one: EvaluatedSpotting, look: Look) -> Chart:
    """Draw the histogram of the timing errors of the correct detections of a run."""
    timing = one.report.timing
    edges, counts = timing.edges_ms, timing.counts
    figure, axes = new_axes(4.6, 3.0)
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=look.colour,
             edgecolor=GROUND, linewidth=0.6)  # fmt: skip
    axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
    axes.set_xlim(edges[0], edges[-1])
    axes.grid(False, axis="x")
    if timing.median_ms is not None and timing.median_absolute_ms is not None:
        heading = (
            f"Timing error: median {timing.median_ms:+.0f} ms, "
            f"absolute {timing.median_absolute_ms:.0f} ms"
        )
    else:
        heading = "Timing error: no detection is correct"
    set_title(axes, heading)
    label_axes(axes, "early  ←  detection minus label, ms  →  late", "events")
    rows = list(zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True))
    return Chart(
        f"timing_{slug(one.run.name)}", f"{heading}, run {one.run.name}", figure,
        ("from_ms", "to_ms", "events"), rows,
    )  # fmt: skip


def confusion_chart(one: EvaluatedSpotting) -> Chart:
    """Draw the confusion matrix of a run: labelled actions against detected ones."""
    matrix = one.report.confusion
    names = [_short_name(action) for action in one.report.actions]
    n = len(names) + 1
    width = max(5.9, _NAMES_INCHES + _CELL_INCHES * n)
    figure, axes = new_axes(width, width - 0.7)
    axes.grid(False)
    rows_of_labels = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, rows_of_labels, out=np.zeros(matrix.shape), where=rows_of_labels > 0)
    # Detections without a label have no row total; the largest cell is their reference.
    share[-1] = matrix[-1] / max(1, matrix.max())
    shown = np.ma.masked_where(matrix == 0, share)
    axes.pcolormesh(shown, cmap=_HEAT, vmin=0, vmax=1, edgecolors="none")
    for row, column in zip(*np.nonzero(matrix), strict=True):
        axes.text(
            column + 0.5, row + 0.5, str(matrix[row, column]), ha="center", va="center",
            fontsize=8, color="white" if share[row, column] > 0.55 else _CELL_INK,
        )  # fmt: skip
    for line in range(n + 1):
        axes.axhline(line, color=GROUND, linewidth=1.5)
        axes.axvline(line, color=GROUND, linewidth=1.5)
    if n > MOST_CLASSES_BESIDE:  # help the eye to follow rows and columns
        for line in range(5, n, 5):
            axes.axhline(line, color=GRID, linewidth=0.8)
            axes.axvline(line, color=GRID, linewidth=0.8)
    axes.set_xlim(0, n)
    axes.set_ylim(n, 0)
    axes.set_xticks(
        np.arange(n) + 0.5, [*names, "Missed"], rotation=45, ha="left", rotation_mode="anchor"
    )
    axes.set_yticks(np.arange(n) + 0.5, [*names, "False alarm"])
    axes.xaxis.tick_top()
    remove_frame(axes)
    axes.tick_params(labelcolor=INK, labelsize=8)
    label_axes(axes, "found as", "labelled")
    axes.xaxis.set_label_position("bottom")
    found, labels = int(np.trace(matrix[:-1, :-1])), int(matrix[:-1].sum())
    description = f"Confusion matrix of {one.run.name}: {found} of {labels} labels found"
    header = one.report.confusion_names
    rows = [[name, *row] for name, row in zip(header, matrix.tolist(), strict=True)]
    return Chart(
        f"confusion_{slug(one.run.name)}", description, figure, ("labelled", *header), rows
    )


def slug(name: str) -> str:
    """Replace what a file name or an id on a page cannot hold by `_`."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)


def _pr(
    action: EventLabel,
    name: str,
    evaluated: Sequence[EvaluatedSpotting],
    look: Mapping[str, Look],
) -> Chart:
    figure, axes = new_axes(2.35, 2.1)
    rows: list[tuple[object, ...]] = []
    for one in evaluated:
        curve = one.report.curves[action]
        style = look[one.run.name]
        rows += [
            (one.run.name, float(t), float(p), float(r))
            for t, p, r in zip(curve.threshold, curve.precision, curve.recall, strict=True)
        ]
        axes.plot(curve.recall, curve.precision, color=style.colour, linestyle=style.dash,
                  linewidth=1.5)  # fmt: skip
        if curve.best.threshold is not None:
            axes.plot(curve.best.recall, curve.best.precision, marker="o", markersize=6,
                      color=style.colour, markeredgecolor=GROUND)  # fmt: skip
    labels = evaluated[0].means.counts[action] if evaluated else 0
    if not labels or not rows:
        axes.text(0.5, 0.5, "no labels" if not labels else "nothing found", ha="center",
                  va="center", fontsize=9, color=FAINT, transform=axes.transAxes)  # fmt: skip
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    ticks = [0, 0.5, 1]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(labelsize=8)
    set_title(axes, _beginning(action_name(action), _MAX_TITLE), size=9)
    label_axes(axes, "recall", "precision", size=8)
    return Chart(
        name,
        f"Precision over recall of {action}, {labels} labels",
        figure,
        ("run", "threshold", "precision", "recall"),
        rows,
        [look[one.run.name] for one in evaluated],
    )


def _short_name(action: EventLabel) -> str:
    shorter: dict[EventLabel, str] = {
        Action.PLAYER_SUCCESSFUL_TACKLE: "Tackle",
        Action.BALL_PLAYER_BLOCK: "Block",
    }
    return shorter.get(action) or _beginning(action_name(action), _MAX_TICK)


def _beginning(name: str, length: int) -> str:
    """Name for a chart, without the end of a long one."""
    return in_chart(name if len(name) <= length else name[: length - 1].rstrip() + "…")


def _sentence(heading: str) -> str:
    """Begin a heading with a capital letter, unless it begins with mAP."""
    return heading if heading.startswith("mAP") else heading[:1].upper() + heading[1:]
