"""Fill the tables and figures of the documentation's results from the result files of experiments.

    python docs/results.py [--check] [--results results] [--page docs/results.md] [--published FILE]

- Between `<!-- table: NAME -->` and `<!-- end -->` of the page: the table `spotting`, `spotting-ap`,
  `spotting-tracks`, `classification`, `classification-ap`, the same of systems trained on a GPU, such as
  `gpu_spotting`, or there from random weights, such as `random_spotting`, or one of trainings with several
  seeds, `heads-seeds`, `heads_bench-seeds`, `tracks-seeds` or `clips-seeds`.
- Between `<!-- =NAME -->` and `<!-- -->`, in all pages beside it and in the README: mAP10 of a system,
  or a difference, `<!-- =NAME - NAME -->`. NAME is that of a config, `classification/regnety` for a
  classifier, `gpu:regnety` for one trained on a GPU, `random:regnety_bilstm` for one trained there from
  random weights, `study:regnety` for the published value, or `demo_model`.
- `results/map.png` and `results/loss_curves.png` beside the page.

Values are shown with the two decimals of the result files. With `--check`, nothing is written, and the
exit code is 1 if a page or a figure does not show the result files.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from PIL import Image

from onball.actions import ACTIONS
from onball.assets import demo_model
from onball.errors import OnballError
from onball.evaluation.repeats import RepeatedMean, paired_difference, repeated_mean
from onball.experiments import read_results
from onball.files import atomic_path, read_text, write_text_atomic
from onball.reports.style import (
    FAINT,
    INK,
    SERIES_COLOURS,
    remove_frame,
    set_title,
)

Row = dict[str, str]
TASKS = ("spotting", "classification")
#: Tables of trainings with several seeds, with the system that the others are compared with.
REPEATED = {
    "heads": "spotting/regnety_bilstm",
    "heads_bench": "spotting/regnety_bilstm",
    "tracks": "spotting/tracking_only",
    "clips": "classification/regnety",
}
#: Tables of `systems.csv`, the systems trained on a GPU, by task: those that start from trained weights or
#: have no backbone, and those with random ones.
GPU = {f"{start}_{task}": task for start in ("gpu", "random") for task in TASKS}
_TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_VALUE = re.compile(r"(<!-- =([^>]+) -->)[^<]*(<!-- -->)")
_CARD = re.compile(r"\*\*mAP10 ([\d.]+)")
#: Blue for onball, orange for published results; blue and orange for training and validation.
_OURS, _OTHER = SERIES_COLOURS[0], SERIES_COLOURS[4]
#: Rows of the table of tracks, and the configs of its columns: no tracks, strong noise, medium
#: noise, true tracks.
_TRACK_COLUMNS = ("no tracks", "strong noise", "medium noise", "true tracks")
_TRACK_ROWS = {
    "tracks alone": (
        None, "tracking_only+degraded", "tracking_only+medium", "tracking_only",
    ),
    "with RegNetY and a BiLSTM": (
        "regnety_bilstm", "regnety_tracking+degraded", "regnety_tracking+medium",
        "regnety_tracking",
    ),
    "with RegNetY and T-DEED": (
        "regnety_tdeed", "regnety_tracking_tdeed+degraded", "regnety_tracking_tdeed+medium",
        "regnety_tracking_tdeed",
    ),
}  # fmt: skip
_WIDTH_INCHES, _DPI, _COLUMNS = 10, 200, 4


def table(rows: Sequence[Row], published: dict[str, Row]) -> str:
    """Format one line per experiment, best mAP10 first, and a caption with their settings."""
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
            row["gflops"],
            f"{minutes:.0f}" if (minutes := float(row["wall_time_s"]) / 60) >= 1 else "< 1",
            row["seed"],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _caption(rows)])


def _caption(rows: Sequence[Row]) -> str:
    """Format the settings, once for all rows that share them."""
    configs: dict[str, list[str]] = {}
    for row in rows:
        settings = f", settings {row['settings']}" if row["settings"] else ""
        conditions = (
            f"data `{row['data']}` at {row['size'].replace('x', '×')}, {row['epochs']} epochs "
            f"({row['clips']} clips, {row['steps']} steps){settings}, on {row['hardware']}"
        )
        configs.setdefault(conditions, []).append(row["config"])
    if len(configs) == 1:
        return f"*All: {next(iter(configs))}.*"
    groups = {each: ", ".join(names) for each, names in configs.items()}
    common = max(configs, key=lambda each: len(configs[each]))
    if len(configs[common]) > 3:  # a list of two dozen names cannot be read
        del groups[common]
        groups[common] = "all others"
    return "\n".join(f"- *{names}: {each}.*" for each, names in groups.items())


def ap_table(rows: Sequence[Row], published: dict[str, Row]) -> str:
    """Format AP: a line per experiment, a column per action, the best of each column in bold."""
    lines = [
        f"| config | {' | '.join(action.value.lower() for action in ACTIONS)} |",
        f"|---|{'--:|' * len(ACTIONS)}",
    ]
    best = {action: max(float(row[f"AP {action}"]) for row in rows) for action in ACTIONS}
    for row in rows:
        cells = (_bold(row[f"AP {action}"], best[action]) for action in ACTIONS)
        lines.append(f"| `{_short(row)}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def tracks_table(rows: Sequence[Row], published: dict[str, Row]) -> str:
    """Format mAP10 by kind of system and quality of the tracks."""
    map10 = {_short(row): row["map10"] for row in rows}
    lines = [f"| | {' | '.join(_TRACK_COLUMNS)} |", f"|---|{'--:|' * len(_TRACK_COLUMNS)}"]
    for name, configs in _TRACK_ROWS.items():
        cells = ("" if config is None else map10.get(config, "not run") for config in configs)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def reference_first(rows: Sequence[Row], config: str) -> list[Row]:
    """Put the rows of a config with the fewest settings first; trainings end in any order."""
    return sorted(rows, key=lambda row: (row["config"] != config, row["settings"].count(";")))


def seeds_table(rows: Sequence[Row], published: dict[str, Row]) -> str:
    """Format means over seeds with 95 % t-intervals, and differences from the first one."""
    scores: dict[tuple[str, str], dict[int, Row]] = {}
    for row in rows:
        scores.setdefault((row["config"], row["settings"]), {})[int(row["seed"])] = row
    common = set.intersection(*(set(settings.split("; ")) for _, settings in scores))
    reference, *_ = scores
    lines = [
        "| system | mAP12 | mAP10 | difference in mAP10 | trainings | clips | parameters "
        "| published mAP10 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for system, trainings in sorted(
        scores.items(), key=lambda item: -_mean(item[1], "map10").value
    ):
        config, settings = system
        others = [f"`{text}`" for text in settings.split("; ") if text not in common]
        change = None
        if system != reference:
            change = paired_difference(_by_seed(trainings), _by_seed(scores[reference]))
        one = next(iter(trainings.values()))
        cells = [
            ", ".join([f"`{config}`", *others]),
            str(_mean(trainings, "map12")),
            str(_mean(trainings, "map10")),
            "" if change is None else _signed(change),
            str(len(trainings)),
            f"{int(one['clips']):,}",
            f"{int(one['parameters']):,}",
            published[config]["map10"] if config in published and not others else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    first = rows[0]
    caption = (
        f"*All: data `{first['data']}` at {first['size'].replace('x', '×')}, settings "
        f"{'; '.join(text for text in first['settings'].split('; ') if text in common)}, "
        f"on {first['hardware']}. "
        f"Differences are from `{first['config']}`, seed by seed.*"
    )
    return "\n".join([*lines, "", caption])


def _by_seed(trainings: Mapping[int, Row]) -> dict[int, float]:
    return {seed: float(row["map10"]) for seed, row in trainings.items()}


def _mean(trainings: Mapping[int, Row], column: str) -> RepeatedMean:
    return repeated_mean([float(row[column]) for row in trainings.values()])


def _signed(change: RepeatedMean) -> str:
    """Format a difference, in bold if its interval excludes 0."""
    sign = "−" if change.value < 0 else "+"
    text = f"{sign}{replace(change, value=abs(change.value))}"
    clear = change.half_width is not None and abs(change.value) > change.half_width
    return f"**{text}**" if clear else text


def _bold(value: str, best: float) -> str:
    return f"**{value}**" if float(value) == best > 0 else value


def _short(row: Row) -> str:
    return row["config"].rpartition("/")[2]


def draw_losses(curves: dict[str, list[Row]], path: Path) -> None:
    """Draw training and validation loss over the epochs, one small plot per experiment."""
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
        size = 8.5 if len(config) < 30 else 7.2
        set_title(plot, f"{config}\n{task}", size, bold=False, pad=6)
        plot.set_ylim(bottom=0)
        plot.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        plot.yaxis.set_major_locator(MaxNLocator(4))
        remove_frame(plot, grid="y")
        if index >= len(curves) - _COLUMNS:
            plot.set_xlabel("epoch", fontsize=8.5, color=FAINT)
    handles = [
        Line2D([], [], color=_OURS, marker=".", label="training loss"),
        Line2D([], [], color=_OTHER, marker="o", markersize=4, label="validation loss"),
    ]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=9.5,
        labelcolor=INK,
    )  # fmt: skip
    _save(figure, path, curves)


def draw_map(tables: dict[str, list[Row]], published: dict[str, Row], path: Path) -> None:
    """Draw mAP10 of each experiment, and on a scale of its own the published value of the system.

    The two are measured on different matches, so they share no axis.
    """
    counts = [len(rows) for rows in tables.values()]
    figure = Figure(
        figsize=(_WIDTH_INCHES, 0.6 + 0.3 * sum(counts) + 0.6 * len(counts)),
        dpi=_DPI,
        layout="constrained",
    )
    grid = figure.subplots(
        len(counts), 2, squeeze=False, sharey="row",
        gridspec_kw={"height_ratios": [count + 1.5 for count in counts], "width_ratios": [3, 2]},
    )  # fmt: skip
    for (ours, others), (task, rows) in zip(grid, tables.items(), strict=True):
        set_title(ours, f"{task}: onball, on simulated matches", 10, bold=False, pad=6)
        set_title(others, "the study, on SoccerNet's matches", 10, bold=False, pad=6)
        for place, row in enumerate(rows):
            _bar(ours, place, row["map10"], _OURS)
            if other := published.get(row["config"]):
                _bar(others, place, other["map10"], _OTHER)
        ours.set_yticks(range(len(rows)), [_short(row) for row in rows])
        ours.set_ylim(len(rows) - 0.4, -0.6)
        for plot in (ours, others):
            remove_frame(plot, grid="x")
            plot.tick_params(axis="y", labelsize=9, labelcolor=INK, length=0)
            plot.set_xlim(left=0)
            plot.margins(x=0.12)
            plot.set_xlabel("mAP10 in %", fontsize=8.5, color=FAINT)
    _save(figure, path, [tables, published])


def _bar(plot: Axes, place: float, value: str, colour: str) -> None:
    """Draw a bar and write its value as in the tables, without rounding it again."""
    plot.barh(place, float(value), height=0.6, color=colour, zorder=2)
    plot.annotate(
        value, (float(value), place), xytext=(3, 0), textcoords="offset points", va="center",
        fontsize=8.5, color=INK,
    )  # fmt: skip


def _save(figure: Figure, path: Path, data: object) -> None:
    """Save a figure with a fingerprint of the data that it shows."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None, "Description": _fingerprint(data)})


def _fingerprint(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def shows(path: Path, data: object) -> bool:
    """Return True if a figure was drawn from these data."""
    if not path.exists():
        return False
    with Image.open(path) as image:
        return bool(image.info.get("Description") == _fingerprint(data))


def read_curves(folder: Path) -> dict[str, list[Row]]:
    """Read the rows of each `metrics.csv`, by `<task>/<config>`, spotting first."""
    curves = {}
    for path in sorted(folder.glob("*/*.csv"), key=lambda p: (p.parent.name != TASKS[0], p)):
        with path.open(newline="", encoding="utf-8") as file:
            curves[f"{path.parent.name}/{path.stem}"] = list(csv.DictReader(file))
    return curves


_TABLES: dict[str, Callable[[Sequence[Row], dict[str, Row]], str]] = {
    "": table,
    "ap": ap_table,
    "tracks": tracks_table,
    "seeds": seeds_table,
}


def fill_tables(text: str, tables: dict[str, list[Row]], published: dict[str, Row]) -> str:
    """Replace the tables between the markers of a page."""

    def filled(found: re.Match[str]) -> str:
        task, _, kind = found[2].partition("-")
        if task not in (*TASKS, *GPU, *REPEATED) or kind not in _TABLES:
            raise OnballError(
                f"unknown table '{found[2]}': give {', '.join((*TASKS, *GPU))}, …-ap, …-tracks, or "
                f"{', '.join(f'{name}-seeds' for name in REPEATED)}"
            )
        write = _TABLES[kind]
        rows = tables.get(task)
        return (
            f"{found[1]}\n{write(rows, published) if rows else '*No results yet.*'}\n\n{found[3]}"
        )

    return _TABLE.sub(filled, text)


def fill_values(text: str, values: dict[str, str]) -> str:
    """Replace the single values and differences between the markers of a page."""

    def filled(found: re.Match[str]) -> str:
        first, *others = (_value(name.strip(), values) for name in found[2].split(" - "))
        return f"{found[1]}{str(first - sum(others)).replace('-', '−')}{found[3]}"

    return _VALUE.sub(filled, text)


def _value(name: str, values: dict[str, str]) -> Decimal:
    if name not in values:
        raise OnballError(f"<!-- ={name} -->: the results have no such system")
    return Decimal(values[name])


def read_values(tables: dict[str, list[Row]], published: dict[str, Row]) -> dict[str, str]:
    """Return mAP10, as it is written in the result files, by the name that pages have for it."""
    values = {
        f"{task.partition('_')[0]}:{row['config']}" if task in GPU else row["config"]: row["map10"]
        for task, rows in tables.items()
        for row in rows
    }
    values |= {f"study:{config}": row["map10"] for config, row in published.items()}
    values = {name.replace("spotting/", ""): value for name, value in values.items()}
    if found := _CARD.search(read_text(demo_model() / "README.md", OnballError)):
        values["demo_model"] = found[1]
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    docs = Path(__file__).parent
    parser.add_argument("--results", type=Path, default=docs.parent / "results")
    parser.add_argument("--page", type=Path, default=docs / "results.md")
    parser.add_argument("--published", type=Path, default=docs / "results" / "published.csv")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if outdated"
    )
    options = parser.parse_args()
    tables = {task: read_results(options.results / f"{task}.csv") for task in TASKS}
    systems = read_results(options.results / "systems.csv")
    for name, task in GPU.items():
        untrained = name.startswith("random")
        tables[name] = [
            row
            for row in systems
            if row["config"].startswith(f"{task}/")
            and ("model.backbone.pretrained=false" in row["settings"]) == untrained
        ]
    tables = {
        task: sorted(rows, key=lambda row: -float(row["map10"]))
        for task, rows in tables.items()
        if rows
    }
    with options.published.open(newline="", encoding="utf-8") as file:
        published = {row["config"]: row for row in csv.DictReader(file)}
    repeated = {
        name: reference_first(read_results(options.results / f"{name}.csv"), config)
        for name, config in REPEATED.items()
    }
    values = read_values(tables, published)
    outdated = []
    pages = sorted(options.page.parent.glob("*.md"))
    readme = options.page.parent.parent / "README.md"
    for page in [*pages, *([readme] if readme.exists() else [])]:
        text = read_text(page, OnballError)
        try:
            filled = fill_values(fill_tables(text, {**tables, **repeated}, published), values)
        except OnballError as error:
            sys.exit(f"{page}: {error}")
        if filled != text:
            outdated.append(page)
            if not options.check:
                write_text_atomic(page, filled)
    figures = options.page.parent / "results"
    curves = read_curves(options.results / "curves")
    if curves and not shows(path := figures / "loss_curves.png", curves):
        outdated.append(path)
        if not options.check:
            draw_losses(curves, path)
    own = {task: [name for name in (f"gpu_{task}", task) if name in tables] for task in TASKS}
    drawn = {task: tables[names[0]] for task, names in own.items() if names}
    if drawn and not shows(path := figures / "map.png", [drawn, published]):
        outdated.append(path)
        if not options.check:
            draw_map(drawn, published, path)
    for path in outdated:
        print(path)
    if options.check and outdated:
        sys.exit("these do not show the result files: run python docs/results.py")


if __name__ == "__main__":
    main()
