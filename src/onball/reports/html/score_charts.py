"""Runs beside each other: mAP with its intervals, and mAP against what a net costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from onball.reports.html.chart import FAINT, GROUND, INK, Chart, Look, label, new_axes, title
from onball.reports.html.evaluated import Evaluated, EvaluatedSpotting, Means

#: Names written into a picture are cut to so many characters.
_MOST_CHARACTERS = 36
#: Names of neighbours are at least that part of the axis apart.
_LEAST_GAP = 0.075


def bar_charts(
    evaluated: Sequence[Evaluated], look: Mapping[str, Look], stem: str = ""
) -> list[Chart]:
    """mAP12 and mAP10 of each run, the highest mAP10 on top, with 95 % intervals if there are any."""
    ordered = sorted(evaluated, key=lambda one: one.means.map10, reverse=True)
    return [
        _bars(ordered, look, f"{stem}map12", "mAP12", lambda m: (m.map12, m.map12_interval)),
        _bars(ordered, look, f"{stem}map10", "mAP10", lambda m: (m.map10, m.map10_interval)),
    ]


def cost_charts(
    evaluated: Sequence[Evaluated], look: Mapping[str, Look], stem: str = ""
) -> list[Chart]:
    """mAP10 over the parameters of the nets, and over the arithmetic of one clip."""
    return [
        _costs(
            evaluated, look, f"{stem}parameters", "mAP10 over parameters", "million parameters",
            lambda one: one.run.cost.parameters / 1e6,
        ),
        _costs(
            evaluated, look, f"{stem}gflops", "mAP10 over arithmetic", "GFLOPs per clip",
            lambda one: one.run.cost.gflops,
        ),
    ]  # fmt: skip


def tolerance_chart(evaluated: Sequence[EvaluatedSpotting], look: Mapping[str, Look]) -> Chart:
    """mAP10 over the tolerance: how exact in time the runs are."""
    figure, axes = new_axes(4.2, 2.9)
    rows: list[tuple[object, ...]] = []
    for one in evaluated:
        results = one.report.results
        rows += [(one.run.name, r.tolerance_s, 100 * r.map10, 100 * r.map12) for r in results]
        axes.plot(
            [r.tolerance_s for r in results], [100 * r.map10 for r in results],
            color=look[one.run.name].colour, linestyle=look[one.run.name].dash,
            linewidth=1.8, marker="o", markersize=4,
        )  # fmt: skip
    axes.set_ylim(bottom=0)
    title(axes, "mAP10 over tolerance")
    label(axes, "tolerance δ, seconds (a match is within ±δ/2)", "per cent")
    says = f"mAP10 at tolerances from 0.5 to 5 s of {', '.join(o.run.name for o in evaluated)}"
    header = ("run", "tolerance_s", "mAP10", "mAP12")
    return Chart("tolerance", says, figure, header, rows, [look[o.run.name] for o in evaluated])


def _bars(
    evaluated: Sequence[Evaluated],
    look: Mapping[str, Look],
    name: str,
    heading: str,
    value: Callable[[Means], tuple[float, tuple[float, float] | None]],
) -> Chart:
    figure, axes = new_axes(4.2, 0.9 + 0.5 * len(evaluated))
    rows: list[tuple[object, ...]] = []
    right = 1.0
    for place, one in enumerate(evaluated):
        share, interval = value(one.means)
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
        # Above its bar a name of any length leaves the bar its room.
        axes.annotate(
            _short(one.run.name), (0, place - 0.27), (1, 1), textcoords="offset points",
            va="bottom", fontsize=8.5, color=INK,
        )  # fmt: skip
    axes.set_yticks([])
    axes.set_ylim(len(evaluated) - 0.65, -0.72)
    axes.set_xlim(0, right * 1.14)
    axes.grid(False, axis="y")
    title(axes, heading)
    label(axes, "per cent")
    says = f"{heading}: " + ", ".join(f"{row[0]} {row[1]:.1f}" for row in rows)
    return Chart(name, says, figure, ("run", heading, "low", "high"), rows)


def _costs(
    evaluated: Sequence[Evaluated],
    look: Mapping[str, Look],
    name: str,
    heading: str,
    unit: str,
    cost: Callable[[Evaluated], float],
) -> Chart:
    figure, axes = new_axes(4.6, 3.1)
    points = [(one.run.name, cost(one), 100 * one.means.map10) for one in evaluated]
    for run, x, y in points:
        axes.plot(
            x, y, marker="o", markersize=9, color=look[run].colour,
            markeredgecolor=GROUND, markeredgewidth=1.2,
        )  # fmt: skip
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    # Room for names at the right, and more than a sliver if all nets cost the same.
    axes.set_xscale("log")
    axes.set_xlim(min(xs) / 1.6, max(xs) * 1.6)
    slack = max(1.0, 0.15 * (max(ys) - min(ys)))
    axes.set_ylim(max(0.0, min(ys) - slack), max(ys) + slack)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.tick_params(which="both", length=0)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    _name_points(axes, points)
    title(axes, heading)
    label(axes, unit, "mAP10, per cent")
    says = f"{heading}: " + ", ".join(f"{run} {y:.1f} at {x:.3g} {unit}" for run, x, y in points)
    header = ("run", unit, "mAP10, per cent")
    return Chart(name, says, figure, header, points, [look[run] for run, _, _ in points])


def _name_points(axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Write each run's name beside its point, to the side with more room, one above another."""
    to_axes = axes.transAxes.inverted()
    spots = [(to_axes.transform(axes.transData.transform((x, y))), run) for run, x, y in points]
    for at_left in (True, False):
        side = sorted(
            (float(y), float(x), run) for (x, y), run in spots if (float(x) > 0.5) == at_left
        )
        heights = _spread([y for y, _, _ in side])
        for (_, x, run), height in zip(side, heights, strict=True):
            axes.annotate(
                _short(run), (x, height), (-8 if at_left else 8, 0), xycoords="axes fraction",
                textcoords="offset points", ha="right" if at_left else "left", va="center",
                fontsize=8.5, color=FAINT,
            )  # fmt: skip


def _spread(heights: Sequence[float]) -> list[float]:
    """Rising heights, moved up as far as they need to be apart, and down again from the top."""
    spread: list[float] = []
    for height in heights:
        spread.append(max(height, spread[-1] + _LEAST_GAP) if spread else height)
    ceiling = 0.97
    for index in reversed(range(len(spread))):
        spread[index] = min(spread[index], ceiling)
        ceiling = spread[index] - _LEAST_GAP
    return spread


def _short(name: str) -> str:
    return name if len(name) <= _MOST_CHARACTERS else "…" + name[1 - _MOST_CHARACTERS :]
