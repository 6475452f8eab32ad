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
from collections.abc import Iterator, Sequence
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
from learning_curve_results import (
    CHANCE,
    METHODS,
    MINUTES,
    POOL,
    START,
    Row,
    draw,
    markdown,
    read_rows,
    write_rows,
)

from onball import Event, EventList, Spotter, read_labels
from onball.assets import demo_model
from onball.config import ExperimentConfig, load_config
from onball.config.saved_model import training_settings
from onball.config.shipped import base_config
from onball.data.layout import find_matches
from onball.data.matches import LabelledMatch
from onball.errors import DataError, OnballNotice, OnballWarning
from onball.evaluation.spotting import evaluate_spotting
from onball.experiments import hardware, test_model
from onball.files import read_text
from onball.models import load_model
from onball.models.finding import resolve_model
from onball.models.saved import read_model_config
from onball.reports.style import save_figure
from onball.runs import RunFolder
from onball.spotting.matches import spot_matches
from onball.training import train
from onball.training.module import TrainingSteps
from onball.training.run import feature_store, load_split

#: Methods that leave the backbone as it is.
FROZEN = ("features", "uncertain")
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
