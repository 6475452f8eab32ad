"""Measure how many minutes of labels a model needs for a new club, on simulated football.

    python benchmarks/learning_curve.py --out curve [--plot curve.png]

There are two clubs (`learning_curve_clubs.py`), which look like no match that the start model, by default
the bundled demo model, was trained on. The first 20 or 40 minutes of each are cut into pieces of a minute,
the pool to label; another match of 10 minutes tests. Compared are, for each number of labelled minutes,

    features    heads trained on features of the model's frozen backbone, on random minutes
    uncertain   the same, on the minutes in which the model is least certain: each time, the model that
                was trained on the minutes chosen before chooses further ones
    tuned       all weights trained further, on random minutes
    scratch     all weights trained from random ones, on random minutes

with the same clips, batches and optimiser steps. For each club, method and number of minutes there is a
training per seed, which also chooses the random minutes. `chance` is the mAP10 of random times at the
labels' rate.

Every result is a row of OUT/results.csv and is not computed again: the program can be stopped and run in
pieces, with other --methods, --minutes, --clubs and --seeds. It prints a table, with "not run" for what is
missing.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from learning_curve_clubs import (
    CLUBS,
    MATCH_MINUTES,
    MINUTE_MS,
    Club,
    contact_sheet,
    render_pieces,
)
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from onball import Event, EventList, Spotter, read_labels
from onball.assets import demo_model
from onball.config import ExperimentConfig, load_config
from onball.config.saved_model import training_settings
from onball.config.shipped import base_config
from onball.data.layout import find_matches
from onball.data.matches import LabelledMatch
from onball.errors import DataError, OnballNotice, OnballWarning
from onball.evaluation.repeats import RepeatedMean, repeated_mean
from onball.evaluation.spotting import evaluate_spotting
from onball.experiments import hardware, test_model
from onball.files import read_text, write_text_atomic
from onball.models import load_model
from onball.models.finding import resolve_model
from onball.models.saved import read_model_config
from onball.reports.style import (
    FAINT,
    INK,
    SERIES_COLOURS,
    label_axes,
    remove_frame,
    save_figure,
    set_title,
)
from onball.runs import RunFolder
from onball.spotting.matches import spot_matches
from onball.training import train
from onball.training.module import TrainingSteps
from onball.training.run import feature_store, load_split

METHODS = ("features", "uncertain", "tuned", "scratch")
#: Their names in the figure.
TITLES = {
    "features": "frozen backbone, random minutes",
    "uncertain": "frozen backbone, least certain minutes",
    "tuned": "all weights",
    "scratch": "from random weights",
}
#: Methods that leave the backbone as it is.
FROZEN = ("features", "uncertain")
#: What is measured without labels.
START, CHANCE = "start", "chance"
MINUTES = (5, 20, 10, 2, 40)
#: Minutes from which fewer are chosen; more are taken from further matches.
POOL = 20
#: Highest learning rates. That of features gave the best mAP10 on the second match of the first club's
#: pool after training on 5 minutes of its first (`--choose-rates`); no test match was used. Training all
#: weights has the same, and training from random weights that of the shipped configs.
RATES = {"features": 3e-4, "tuned": 3e-4, "scratch": 8e-4}
TRIED_RATES = (3e-5, 1e-4, 3e-4, 1e-3)
#: The same for all methods: 200 clips of 25 frames (2 s) in 52 steps.
BUDGET = (
    "training.epochs=4",
    "training.warmup_epochs=0.5",
    "training.clips_per_epoch=50",
    "training.batch_size=4",
    "training.action_share=0.75",
    "data.clip_frames=25",
)


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


# What is measured


class Bench:
    """The matches of a club, and trainings on some of its minutes.

    Args:
        club: the club.
        folder: where its matches, features and runs are kept.
        model: folder of the saved model to start from.
        more: further settings of all trainings.
    """

    def __init__(self, club: Club, folder: Path, model: Path, more: Sequence[str] = ()) -> None:
        self.club = club
        self.folder = folder / club.name
        self.model = model
        self.more = tuple(more)
        self.data = self.folder / "data"
        self.pool = [
            f"match-{1 + n // MATCH_MINUTES}-minute-{n % MATCH_MINUTES:02d}"
            for n in range(max(MINUTES))
        ]

    def render(self, minutes: int) -> None:
        """Write the test match and the first minutes of the pool, as far as they are missing."""
        test = self.data / "test" / "match-0"
        if not test.is_dir():
            render_pieces(self.club.match(0), [test], MATCH_MINUTES * MINUTE_MS)
        pieces = [self.data / "train" / name for name in self.pool[:minutes]]
        for first in range(0, minutes, MATCH_MINUTES):
            part = pieces[first : first + MATCH_MINUTES]
            if not all(piece.is_dir() for piece in part):
                render_pieces(self.club.match(1 + first // MATCH_MINUTES), part, MINUTE_MS)

    def test_labels(self) -> EventList:
        """Labels of the test match."""
        return read_labels(find_matches(self.data, "test")[0].require_labels())

    def settings(
        self, method: str, root: Path, seed: int, rate: float | None = None
    ) -> ExperimentConfig:
        """Settings of a training on the minutes in a folder."""
        kind = "features" if method in FROZEN else method
        own = [
            f"data.root={root}",
            f"training.seed={seed}",
            f"training.learning_rate={RATES[kind] if rate is None else rate}",
            "training.loggers=[]",
            "training.workers=0",
            "training.threads=1",
            "inference.clips=null",
            "inference.mirror=false",
        ]
        if method != "scratch":
            own.append(f"training.initial_model={self.model}")
        store = "features" if kind == "features" else "cache"
        own.append(f"data.{store}={self.folder / store}")
        start = training_settings(read_model_config(self.model))
        return load_config(base_config(), [*start, *BUDGET, *own, *self.more])

    def load(
        self, config: ExperimentConfig, root: Path, split: str, saved: Path
    ) -> list[LabelledMatch]:
        """The matches of a split, as frames or features."""
        store = None
        if config.data.features is not None:
            store = feature_store(config, load_model(saved, "spotting")[0])
        data = config.data.model_copy(update={"root": root})
        return load_split(data, config.model, split, features=store)

    def trained(
        self, method: str, names: Sequence[str], seed: int, run: Path, rate: float | None = None
    ) -> tuple[Path, ExperimentConfig]:
        """Folder of a model trained on some minutes of the pool, and its settings."""
        root = run / "data"
        (root / "train").mkdir(parents=True, exist_ok=True)
        for name in names:
            place = root / "train" / name
            if not place.exists():
                place.symlink_to((self.data / "train" / name).resolve())
        config = self.settings(method, root, seed, rate)
        return train(config, run_dir=run / "run", resume=True), config

    def run_folder(self, method: str, minutes: int, seed: int) -> Path:
        """Folder of a training."""
        return self.folder / "runs" / f"{method}-{minutes}-{seed}"

    def names(self, method: str, minutes: int, seed: int, steps: Sequence[int]) -> list[str]:
        """The minutes that a method labels first.

        Args:
            method: the method.
            minutes: their number.
            seed: seed of the random ones.
            steps: numbers of minutes after which the least certain ones are chosen again.
        """
        if method != "uncertain":
            return random_minutes(self.pool, minutes, seed)
        before = max((step for step in steps if step < minutes), default=0)
        if not before:
            chosen: list[str] = []
            saved, config = self.model, self.settings(method, self.data, seed)
        else:
            chosen = self.names(method, before, seed, steps)
            run = self.run_folder(method, before, seed)
            saved, config = self.trained(method, chosen, seed, run)
        doubts = self.doubts(saved, config)
        rest = sorted(set(self.pool[:POOL]) - set(chosen), key=lambda name: -doubts[name])
        return chosen + rest[: minutes - len(chosen)]

    def doubts(self, saved: Path, config: ExperimentConfig) -> dict[str, float]:
        """Uncertainty of a model about each minute of the pool, by name."""
        net, settings = load_model(saved, "spotting")
        matches = self.load(config, self.data, "train", saved)
        spotter = Spotter(net, settings, threads=1)
        return {match.name: uncertainty(match.events) for match in spot_matches(spotter, matches)}

    def measure(self, method: str, minutes: int, seed: int, steps: Sequence[int]) -> Row:
        """Train on some minutes and test."""
        self.render(0 if method == START else max(minutes, POOL))
        saved, names = self.model, list[str]()
        config = self.settings("features", self.data, seed)
        run = self.run_folder(method, minutes, seed)
        if method != START:
            names = self.names(method, minutes, seed, steps)
            saved, config = self.trained(method, names, seed, run)
        tested = test_model(saved, config, self.load(config, self.data, "test", saved))
        seconds = 0.0
        if method != START:
            epochs = csv.DictReader(
                io.StringIO(read_text(RunFolder(run / "run").metrics, DataError))
            )
            seconds = sum(float(epoch["seconds"]) for epoch in epochs)
        return self._row(
            method,
            minutes,
            seed,
            100 * tested.map10,
            labels=sum(
                len(read_labels(self.data / "train" / n / "Labels-ball.json")) for n in names
            ),
            steps=0 if method == START else TrainingSteps.of(config.training).total,
            train_s=round(seconds, 1),
        )

    def chance(self) -> Row:
        """MAP10 of random times."""
        self.render(0)
        labels = self.test_labels()
        return self._row(CHANCE, 0, 0, 100 * chance_level(labels, MATCH_MINUTES * MINUTE_MS))

    def _row(
        self,
        method: str,
        minutes: int,
        seed: int,
        map10: float,
        labels: int = 0,
        steps: int = 0,
        train_s: float = 0.0,
    ) -> Row:
        return Row(
            club=self.club.name,
            method=method,
            minutes=minutes,
            seed=seed,
            map10=round(map10, 2),
            labels=labels,
            steps=steps,
            train_s=train_s,
            test_labels=len(self.test_labels()),
            model=self.model.name,
            settings="; ".join((*BUDGET, *self.more)),
            hardware=hardware(),
        )


def random_minutes(pool: Sequence[str], count: int, seed: int) -> list[str]:
    """Choose minutes of a pool: among its first `POOL`, as long as these suffice."""
    near, far = list(pool[:POOL]), list(pool[POOL:])
    random.Random(seed).shuffle(near)
    random.Random(seed).shuffle(far)
    return (near + far)[:count]


def uncertainty(events: EventList) -> float:
    """Expected number of wrong decisions about predicted events, at a confidence of 0.5."""
    confidences = np.array([event.confidence for event in events])
    return float(np.minimum(confidences, 1 - confidences).sum())


def chance_level(labels: EventList, duration_ms: int, draws: int = 50, seed: int = 0) -> float:
    """MAP10 of predictions at random times with random confidences, 0 to 1.

    Of each action there are as many predictions as labels; the mean of several draws is returned.
    """
    rng = np.random.default_rng(seed)
    scores = []
    for _ in range(draws):
        drawn = [
            Event(int(rng.integers(duration_ms)), label.label, confidence=float(rng.random()))
            for label in labels
        ]
        scores.append(evaluate_spotting([labels], [EventList.of(drawn)]).map_headline)
    return float(np.mean(scores))


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


# The program


def choose_rates(bench: Bench, methods: Sequence[str], minutes: int = 5) -> None:
    """Print mAP10 on the second match of the pool after training on the first, for several rates."""
    bench.render(POOL)
    names = bench.pool[:minutes]
    held_out = bench.folder / "rates" / "held-out"
    for name in bench.pool[MATCH_MINUTES : 2 * MATCH_MINUTES]:
        (held_out / "test").mkdir(parents=True, exist_ok=True)
        if not (held_out / "test" / name).exists():
            (held_out / "test" / name).symlink_to((bench.data / "train" / name).resolve())
    for method in methods:
        for rate in TRIED_RATES:
            run = bench.folder / "rates" / f"{method}-{rate:g}"
            saved, config = bench.trained(method, names, 0, run, rate)
            tested = test_model(saved, config, bench.load(config, held_out, "test", saved))
            print(f"{method}, rate {rate:g}: mAP10 {100 * tested.map10:.1f}", flush=True)


def cells(options: argparse.Namespace) -> Iterator[tuple[Club, str, int, int]]:
    """Club, method, minutes and seed of what is to be measured, the most informative first."""
    clubs = [club for club in CLUBS if club.name in options.clubs]
    for club in clubs:
        yield club, CHANCE, 0, 0
        yield club, START, 0, 0
    for seed in range(options.seeds):
        for minutes in options.minutes:
            for club in clubs:
                for method in options.methods:
                    if method != "uncertain" or minutes < POOL:
                        yield club, method, minutes, seed


def main() -> None:
    """Measure what is missing, print the table and draw the figure."""
    names = [club.name for club in CLUBS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default=str(demo_model()), help="the model to start from")
    parser.add_argument("--minutes", type=int, nargs="*", choices=MINUTES, default=list(MINUTES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--clubs", nargs="+", choices=names, default=names)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--set", action="append", default=[], help="a setting of all trainings")
    parser.add_argument("--table", type=Path, help="results; default: OUT/results.csv")
    parser.add_argument("--plot", type=Path, help="figure to write")
    parser.add_argument("--sheet", type=Path, help="image to write of frames of the clubs only")
    parser.add_argument("--choose-rates", action="store_true", help="compare learning rates only")
    options = parser.parse_args()
    if options.sheet is not None:
        contact_sheet().save(options.sheet, quality=85)
        return
    # That there is no augmentation of features, and no validation, is as intended.
    warnings.simplefilter("ignore", OnballWarning)
    warnings.simplefilter("ignore", OnballNotice)
    model = resolve_model(options.model)
    benches = {club.name: Bench(club, options.out, model, options.set) for club in CLUBS}
    if options.choose_rates:
        choose_rates(benches[CLUBS[0].name], [m for m in options.methods if m in RATES])
        return
    table = options.table or options.out / "results.csv"
    rows = read_rows(table)
    for club, method, minutes, seed in cells(options):
        if (club.name, method, minutes, seed) in rows:
            continue
        bench = benches[club.name]
        if method == CHANCE:
            row = bench.chance()
        else:
            row = bench.measure(method, minutes, seed, sorted(MINUTES))
        # Another process may have added rows of other clubs or methods.
        rows = {**read_rows(table), row.key: row}
        write_rows(table, rows)
        print(f"{club.name}, {method}, {minutes} minutes, seed {seed}: {row.map10:.1f}", flush=True)
    print(markdown(rows, names))
    if options.plot is not None:
        save_figure(draw(rows, names), options.plot)


if __name__ == "__main__":
    main()
