"""Rows, tables and figure of the learning curve: see `learning_curve.py`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from learning_curve_clubs import CLUBS
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from onball.errors import DataError
from onball.evaluation.repeats import RepeatedMean, repeated_mean
from onball.files import read_text, write_text_atomic
from onball.reports.style import (
    FAINT,
    INK,
    SERIES_COLOURS,
    label_axes,
    remove_frame,
    set_title,
)

METHODS = ("features", "uncertain", "tuned", "scratch")
#: Their names in the figure.
TITLES = {
    "features": "frozen backbone, random minutes",
    "uncertain": "frozen backbone, least certain minutes",
    "tuned": "all weights",
    "scratch": "from random weights",
}
#: What is measured without labels.
START, CHANCE = "start", "chance"
MINUTES = (5, 20, 10, 2, 40)
#: Minutes from which fewer are chosen; more are taken from further matches.
POOL = 20


@dataclass(frozen=True)
class Row:
    """A measurement.

    Attributes:
        club: name of the club.
        method: one of `METHODS`, `START` or `CHANCE`.
        minutes: labelled minutes.
        seed: seed of the training and of the random minutes.
        map10: mAP10 at 1 s on the test match, per cent.
        labels: number of labelled events to train on.
        steps: optimiser steps.
        train_s: seconds of training, on a machine with other work.
        test_labels: number of labelled events of the test match.
        model: name of the model to start from.
        settings: settings that all methods share.
        hardware: processor.
    """

    club: str
    method: str
    minutes: int
    seed: int
    map10: float
    labels: int
    steps: int
    train_s: float
    test_labels: int
    model: str
    settings: str
    hardware: str

    @property
    def key(self) -> Key:
        """Key of the row in a table."""
        return self.club, self.method, self.minutes, self.seed


Key = tuple[str, str, int, int]
COLUMNS = tuple(column.name for column in fields(Row))


# Tables


def read_rows(path: Path) -> dict[Key, Row]:
    """Rows of a table of results; none if there is no table."""
    if not path.is_file():
        return {}
    kinds = {column.name: column.type for column in fields(Row)}
    convert = {"int": int, "float": float, "str": str}
    found = {}
    for line in csv.DictReader(io.StringIO(read_text(path, DataError))):
        row = Row(**{name: convert[str(kinds[name])](value) for name, value in line.items()})
        found[row.key] = row
    return found


def write_rows(path: Path, rows: Mapping[Key, Row]) -> None:
    """Write a table of results, in an order that does not depend on that of the measurements."""
    order = (CHANCE, START, *METHODS)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in sorted(
        rows.values(), key=lambda r: (r.club, order.index(r.method), r.minutes, r.seed)
    ):
        writer.writerow(asdict(row))
    write_text_atomic(path, text.getvalue())


def mean_of(rows: Sequence[Row]) -> RepeatedMean | None:
    """Mean over clubs and seeds, with a t-interval; None without rows.

    The interval is for these clubs and their test matches, and for other seeds, that is other random
    minutes and trainings: two clubs are no sample from which to infer others.
    """
    clubs = sorted({row.club for row in rows})
    if not clubs:
        return None
    return repeated_mean(*([row.map10 for row in rows if row.club == club] for club in clubs))


def markdown(rows: Mapping[Key, Row], clubs: Sequence[str]) -> str:
    """Table of the means over seeds, one line per club and number of minutes.

    If there are trainings of all clubs, lines of the means over clubs and seeds follow.
    """
    lines = [
        f"| club | minutes | {' | '.join(METHODS)} |",
        f"|---|--:|{'--:|' * len(METHODS)}",
    ]
    measured = [club for club in clubs if any(row.club == club for row in rows.values())]
    for club in clubs:
        if club in measured:
            lines += _lines(club, [row for row in rows.values() if row.club == club])
        else:
            span = f"0 to {max(MINUTES)}"
            lines.append(f"| {club} | {span} |{' not run |' * len(METHODS)}")
    trained = {row.club for row in rows.values() if row.method in METHODS}
    if len(trained) == len(clubs) > 1:
        lines += _lines("mean", list(rows.values()))
    return "\n".join(lines)


def _lines(name: str, rows: Sequence[Row]) -> Iterator[str]:
    """Lines of a table for a club or all clubs, with those of no labels and of chance."""
    clubs = {row.club for row in rows}

    def cell(method: str, minutes: int) -> str:
        if method == "uncertain" and minutes >= POOL:
            return "–"
        found = [row for row in rows if (row.method, row.minutes) == (method, minutes)]
        mean = mean_of(found) if {row.club for row in found} == clubs else None
        return "not run" if mean is None else f"{mean} ({mean.count})"

    for method, title in ((CHANCE, "chance"), (START, "0")):
        yield f"| {name} | {title} | {cell(method, 0)} |{' |' * (len(METHODS) - 1)}"
    for minutes in sorted(MINUTES):
        cells = " | ".join(cell(method, minutes) for method in METHODS)
        yield f"| {name} | {minutes} | {cells} |"


# The figure


def draw(rows: Mapping[Key, Row], clubs: Sequence[str]) -> Figure:
    """Draw mAP10 over labelled minutes, one chart for each club of which there are results.

    Points are trainings, lines their means over the seeds.
    """
    clubs = [club for club in clubs if any(row.club == club for row in rows.values())]
    figure = Figure(figsize=(2.4 + 3.2 * len(clubs), 3.9), dpi=200, layout="constrained")
    figure.set_facecolor("white")
    axes = figure.subplots(1, len(clubs), sharey=True, squeeze=False)[0]
    titles = {club.name: club.title for club in CLUBS}
    for place, club in zip(axes, clubs, strict=True):
        own = [row for row in rows.values() if row.club == club]
        _draw_club(place, own)
        set_title(place, titles.get(club, club))
        label_axes(place, "labelled minutes")
    label_axes(axes[0], axes[0].get_xlabel(), "mAP10 on another match, %")
    axes[0].set_ylim(bottom=0)
    handles, names = [], []
    for place in axes:
        for handle, name in zip(*place.get_legend_handles_labels(), strict=True):
            if name not in names:
                handles.append(handle)
                names.append(name)
    figure.legend(
        handles,
        names,
        loc="outside upper left",
        ncols=2,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.4,
        columnspacing=1.6,
    )
    return figure


def _draw_club(axes: Axes, rows: Sequence[Row]) -> None:
    remove_frame(axes, "y")
    ticks = sorted(MINUTES)
    axes.set_xticks(range(len(ticks)), [str(minutes) for minutes in ticks])
    axes.set_xlim(-0.5, len(ticks) - 0.5)
    levels = ((START, "start model, no labels", INK), (CHANCE, "chance", FAINT))
    for method, text, colour in levels:
        for row in rows:
            if row.method == method:
                axes.axhline(row.map10, color=colour, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
                axes.annotate(
                    text,
                    (len(ticks) - 0.5, row.map10),
                    xytext=(0, -11 if method == START else 17),
                    textcoords="offset points",
                    ha="right",
                    fontsize=8,
                    color=colour,
                )
    for index, minutes in enumerate(ticks):
        if not any(row.minutes == minutes for row in rows):
            axes.annotate(
                "not run",
                (index, 0.5),
                xycoords=("data", "axes fraction"),
                fontsize=8,
                color=FAINT,
                ha="center",
                backgroundcolor="white",
            )
    for number, method in enumerate(METHODS):
        own = [row for row in rows if row.method == method]
        if not own:
            continue
        colour = SERIES_COLOURS[number]
        shift = 0.07 * (number - (len(METHODS) - 1) / 2)
        at = {
            minutes: [row.map10 for row in own if row.minutes == minutes]
            for minutes in ticks
            if any(row.minutes == minutes for row in own)
        }
        x = [ticks.index(minutes) + shift for minutes in at]
        axes.plot(
            x, [np.mean(v) for v in at.values()], color=colour, linewidth=2, label=TITLES[method]
        )
        for place, values in zip(x, at.values(), strict=True):
            axes.scatter(
                [place] * len(values), values, s=20, color=colour, edgecolor="white", zorder=3,
                linewidth=0.6,
            )  # fmt: skip
