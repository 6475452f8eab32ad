"""Fills the tables of docs/results.md and draws its pictures, from the files that experiments left.

    python docs/results.py [--results results] [--page docs/results.md] [--published FILE]

Text between `<!-- table: NAME -->` and `<!-- end -->` is replaced; names are `spotting`, `spotting-ap`,
`classification` and `classification-ap`. Pictures go to the folder `results` beside the page.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from onball.actions import ACTIONS
from onball.errors import OnballError
from onball.experiments import read_results
from onball.files import atomic_path, read_text, write_text_atomic

Row = dict[str, str]
TASKS = ("spotting", "classification")
_TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: Blue and orange of Okabe and Ito's palette, which colour-blind people tell apart.
_OURS, _OTHER = "#0072B2", "#E69F00"
_INK, _FAINT, _GRID = "#1d2330", "#6b7484", "#e4e7ec"
_WIDTH_INCHES, _DPI, _COLUMNS = 10, 200, 4


def table(rows: Sequence[Row], published: dict[str, Row]) -> str:
    """One line per experiment, best mAP10 first, and a caption with what all have in common."""
    lines = [
        "| config | mAP12 | mAP10 | published mAP12 / mAP10 | parameters | GFLOPs | minutes | seed |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    best = {key: max(float(row[key]) for row in rows) for key in ("map12", "map10")}
    for row in rows:
        other = published.get(row["config"])
        cells = [
            f"`{row['config']}`",
            *(_bold(row[key], best[key]) for key in ("map12", "map10")),
            f"{other['map12']} / {other['map10']}" if other else "",
            f"{int(row['parameters']):,}",
            f"{float(row['gflops']):.1f}",
            f"{float(row['wall_time_s']) / 60:.0f}",
            row["seed"],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _caption(rows)])


def _caption(rows: Sequence[Row]) -> str:
    """The settings, once for each way in which the rows were made."""
    made: dict[str, list[str]] = {}
    for row in rows:
        settings = f", settings {row['settings']}" if row["settings"] else ""
        way = (
            f"data `{row['data']}` at {row['size'].replace('x', '×')}, {row['epochs']} epochs "
            f"({row['clips']} clips, {row['steps']} steps){settings}, on {row['hardware']}"
        )
        made.setdefault(way, []).append(row["config"])
    if len(made) == 1:
        return f"*All: {next(iter(made))}.*"
    return "\n".join(f"- *{', '.join(names)}: {way}.*" for way, names in made.items())


def ap_table(rows: Sequence[Row], published: dict[str, Row]) -> str:
    """AP of each action (columns) in each experiment (lines), the best of an action in bold."""
    lines = [
        f"| config | {' | '.join(action.value.lower() for action in ACTIONS)} |",
        f"|---|{'--:|' * len(ACTIONS)}",
    ]
    best = {action: max(float(row[f"AP {action}"]) for row in rows) for action in ACTIONS}
    for row in rows:
        cells = (_bold(row[f"AP {action}"], best[action]) for action in ACTIONS)
        lines.append(f"| `{_short(row)}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _bold(value: str, best: float) -> str:
    return f"**{value}**" if float(value) == best > 0 else value


def _short(row: Row) -> str:
    return row["config"].rpartition("/")[2]


def draw_losses(curves: dict[str, list[Row]], path: Path) -> None:
    """Loss of training and validation over the epochs, one small plot per experiment."""
    lines = -(-len(curves) // _COLUMNS)
    figure = Figure(figsize=(_WIDTH_INCHES, 0.75 + 1.85 * lines), dpi=_DPI, layout="constrained")
    plots = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for plot in plots[len(curves) :]:
        plot.set_visible(False)
    for index, (plot, (name, epochs)) in enumerate(zip(plots, curves.items(), strict=False)):
        for column, colour, mark in (("train_loss", _OURS, "."), ("valid_loss", _OTHER, "o")):
            known = [row for row in epochs if row[column]]
            plot.plot(
                [int(row["epoch"]) for row in known], [float(row[column]) for row in known],
                color=colour, marker=mark, markersize=4, linewidth=1.6, clip_on=False,
            )  # fmt: skip
        task, _, config = name.rpartition("/")
        # A long name would run into the next plot.
        plot.set_title(
            f"{config}\n{task}", fontsize=8.5 if len(config) < 30 else 7.2, color=_INK, loc="left"
        )
        plot.set_ylim(bottom=0)
        plot.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        plot.yaxis.set_major_locator(MaxNLocator(4))
        _plain(plot, grid="y")
        if index >= len(curves) - _COLUMNS:
            plot.set_xlabel("epoch", fontsize=8.5, color=_FAINT)
    handles = [
        Line2D([], [], color=_OURS, marker=".", label="training loss"),
        Line2D([], [], color=_OTHER, marker="o", markersize=4, label="validation loss"),
    ]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=9.5,
        labelcolor=_INK,
    )  # fmt: skip
    _save(figure, path)


def draw_map(tables: dict[str, list[Row]], published: dict[str, Row], path: Path) -> None:
    """mAP10 of each experiment beside the published one, a group of bars each."""
    counts = [len(rows) for rows in tables.values()]
    figure = Figure(
        figsize=(_WIDTH_INCHES, 0.8 + 0.45 * sum(counts) + 0.6 * len(counts)),
        dpi=_DPI,
        layout="constrained",
    )
    plots = figure.subplots(
        len(counts), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": counts}
    ).ravel()
    for plot, (task, rows) in zip(plots, tables.items(), strict=True):
        for place, row in enumerate(rows):
            other = published.get(row["config"])
            _bar(plot, place - (0.19 if other else 0.0), float(row["map10"]), _OURS)
            if other:
                _bar(plot, place + 0.19, float(other["map10"]), _OTHER)
        plot.set_yticks(range(len(rows)), [_short(row) for row in rows])
        plot.set_ylim(len(rows) - 0.4, -0.6)
        plot.set_title(f"{task}, mAP10 in %", fontsize=10.5, color=_INK, loc="left")
        _plain(plot, grid="x")
        plot.tick_params(axis="y", labelsize=9, labelcolor=_INK)
        plot.set_xlim(left=0)
        plot.margins(x=0.08)
    data = sorted({row["data"] for rows in tables.values() for row in rows})
    handles = [
        Patch(color=_OURS, label=f"onball, on {', '.join(data)}"),
        Patch(color=_OTHER, label="published, on SoccerNet's matches: other data, other scale"),
    ]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=9.5,
        labelcolor=_INK,
    )  # fmt: skip
    _save(figure, path)


def _bar(plot: Axes, place: float, value: float, colour: str) -> None:
    plot.barh(place, value, height=0.36, color=colour, zorder=2)
    plot.annotate(
        f"{value:.1f}", (value, place), xytext=(3, 0), textcoords="offset points", va="center",
        fontsize=8.5, color=_INK,
    )  # fmt: skip


def _plain(plot: Axes, *, grid: str) -> None:
    plot.grid(axis=grid, color=_GRID, linewidth=0.8, zorder=0)
    plot.set_axisbelow(True)
    for spine in plot.spines.values():
        spine.set_visible(False)
    plot.tick_params(length=0, labelsize=8.5, labelcolor=_FAINT)


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as aside:
        # Without the library's version, so that the same results give the same file.
        figure.savefig(aside, metadata={"Software": None})
    print(path)


def read_curves(folder: Path) -> dict[str, list[Row]]:
    """Rows of `metrics.csv` by `<task>/<config>`; spotting first."""
    curves = {}
    for path in sorted(folder.glob("*/*.csv"), key=lambda p: (p.parent.name != TASKS[0], p)):
        with path.open(newline="", encoding="utf-8") as file:
            curves[f"{path.parent.name}/{path.stem}"] = list(csv.DictReader(file))
    return curves


def fill_page(page: Path, tables: dict[str, list[Row]], published: dict[str, Row]) -> None:
    """Replace what lies between the markers of a page."""

    def filled(found: re.Match[str]) -> str:
        task, _, kind = found[2].partition("-")
        if task not in TASKS or kind not in ("", "ap"):
            raise OnballError(
                f"{page}: unknown table '{found[2]}': give {', '.join(TASKS)} or …-ap"
            )
        write: Callable[[Sequence[Row], dict[str, Row]], str] = ap_table if kind else table
        rows = tables.get(task)
        return (
            f"{found[1]}\n{write(rows, published) if rows else '*No results yet.*'}\n\n{found[3]}"
        )

    write_text_atomic(page, _TABLE.sub(filled, read_text(page, OnballError)))
    print(page)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    docs = Path(__file__).parent
    parser.add_argument("--results", type=Path, default=docs.parent / "results")
    parser.add_argument("--page", type=Path, default=docs / "results.md")
    parser.add_argument("--published", type=Path, default=docs / "results" / "published.csv")
    options = parser.parse_args()
    tables = {task: read_results(options.results / f"{task}.csv") for task in TASKS}
    tables = {
        task: sorted(rows, key=lambda row: -float(row["map10"]))
        for task, rows in tables.items()
        if rows
    }
    with options.published.open(newline="", encoding="utf-8") as file:
        published = {row["config"]: row for row in csv.DictReader(file)}
    try:
        fill_page(options.page, tables, published)
        pictures = options.page.parent / "results"
        curves = read_curves(options.results / "curves")
        if curves:
            draw_losses(curves, pictures / "loss_curves.png")
        if tables:
            draw_map(tables, published, pictures / "map.png")
    except OnballError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
