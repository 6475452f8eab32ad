"""Measure how many minutes of labels a model needs for a new club, on simulated football.

    python benchmarks/learning_curve.py --model MODEL --out curve [--minutes 0 2 5 10 20 40] [--seeds 3]

The club is simulated: matches with other teams and stadiums than those of the model's training, at
30 frames per second and another size. Its first matches are cut into minutes, the pool to label;
others test. Compared are, for each number of labelled minutes,

    features    heads trained on features of the model's frozen backbone, on random minutes
    uncertain   the same, on the minutes in which the model is least certain
    tuned       all weights trained further, on random minutes
    scratch     all weights trained from random ones, on random minutes

Every result is a row of OUT/results.csv and is not computed again: the program can be stopped and run in
pieces, and with other --methods, --minutes and --looks. It prints means over looks and seeds with the
range, and "not run" for what is missing.
"""

from __future__ import annotations

import argparse
import csv
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from onball import Event, EventList, Spotter, cut_video, find_matches, read_labels, simulate
from onball.config import ExperimentConfig, load_config
from onball.config.saved_model import training_settings
from onball.config.shipped import base_config
from onball.errors import OnballNotice, OnballWarning
from onball.experiments import test_model
from onball.files import atomic_folder, write_text_atomic
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.models import load_model
from onball.models.saved import read_model_config
from onball.training import train
from onball.training.run import feature_store, load_split

METHODS = ("features", "uncertain", "tuned", "scratch")
#: Size of the video and seed of the matches of each look.
LOOKS = (((640, 360), 9001), ((854, 480), 9002))
MINUTE_MS = 60_000
COLUMNS = ("look", "method", "minutes", "seed", "map10")


def make_look(folder: Path, look: int, minutes: int) -> Path:
    """Simulate a club: `pool` with a folder for each minute, and a data set to test on."""
    size, seed = LOOKS[look]
    matches = folder / "matches"
    count = max(1, -(-minutes // 10))
    length = min(10, max(1, minutes))
    simulate(matches, train=count, valid=0, test=1, minutes=length, fps=30, size=size, seed=seed)
    for number, match in enumerate(find_matches(matches, "train")):
        labels = read_labels(match.require_labels())
        for minute in range(length):
            piece = folder / "pool" / f"{number}-{minute:02d}"
            if piece.is_dir():
                continue
            start = minute * MINUTE_MS
            events = [
                Event(event.position_ms - start, event.label, team=event.team)
                for event in labels
                if 0 <= event.position_ms - start < MINUTE_MS
            ]
            with atomic_folder(piece) as part:
                cut_video(match.require_video(), start, start + MINUTE_MS, part / "224p.mp4")
                write_labels(EventList.of(events), part / LABELS_FILE)
    return matches


def uncertainty(spotter: Spotter, video: Path) -> float:
    """Expected number of wrong decisions about the events of a minute, at a confidence of 0.5."""
    confidences = np.array([event.confidence for event in spotter.spot(video)])
    return float(np.minimum(confidences, 1 - confidences).sum())


def chosen_minutes(pool: Path, method: str, count: int, seed: int, model: str) -> list[Path]:
    """The minutes that a method labels first."""
    pieces = sorted(pool.iterdir())
    random.Random(seed).shuffle(pieces)
    if method == "uncertain":
        spotter = Spotter.from_pretrained(model, runtime="torch")
        doubts = {piece: uncertainty(spotter, piece / "224p.mp4") for piece in pieces}
        pieces.sort(key=lambda piece: -doubts[piece])
    return pieces[:count]


def settings_of(
    method: str, model: str, root: Path, folder: Path, seed: int, more: list[str]
) -> ExperimentConfig:
    """Settings of a training; all methods train for the same number of clips."""
    own = [
        f"data.root={root}",
        f"training.seed={seed}",
        "training.loggers=[]",
        "training.workers=0",
        "training.epochs=10",
        "training.clips_per_epoch=200",
        "training.learning_rate=1e-3",
        "inference.clips=null",
        "inference.mirror=false",
    ]
    if method != "scratch":
        own.append(f"training.initial_model={model}")
    if method in ("features", "uncertain"):
        own.append(f"data.features={folder / 'features'}")
    else:
        own.append(f"data.cache={folder / 'frames'}")
    if method == "tuned":
        own += ["training.learning_rate=2e-4", "training.layer_decay=0.7"]
    settings = training_settings(read_model_config(model))
    return load_config(base_config(), [*settings, *own, *more])


def measure(
    folder: Path, matches: Path, method: str, minutes: int, seed: int, options: argparse.Namespace
) -> float:
    """MAP10 at 1 s on the test match, in per cent."""
    run = folder / "runs" / f"{method}-{minutes}-{seed}"
    root = run / "data"
    (root / "train").mkdir(parents=True, exist_ok=True)
    pool = folder / "pool"
    for piece in chosen_minutes(pool, method, minutes, seed, options.model):
        place = root / "train" / piece.name
        if not place.exists():
            place.symlink_to(piece.resolve())
    config = settings_of(method, options.model, root, folder, seed, options.set)
    saved = Path(options.model)
    if minutes:
        saved = train(config, run_dir=run / "run", resume=True)
    data = config.data.model_copy(update={"root": matches})
    store = None
    if config.data.features is not None:
        store = feature_store(config, load_model(saved, "spotting")[0])
    test = load_split(data, config.model, "test", features=store)
    return 100 * test_model(saved, config, test).map10


def cells(options: argparse.Namespace) -> Iterator[tuple[int, str, int, int]]:
    """Look, method, minutes and seed of all results; without labels, there is one for each look."""
    for look in options.looks:
        for minutes in options.minutes:
            for method in options.methods:
                for seed in range(options.seeds):
                    if minutes or (method == "features" and seed == 0):
                        yield look, method, minutes, seed


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", required=True, help="folder of the saved model to start from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=int, nargs="+", default=[0, 2, 5, 10, 20, 40])
    parser.add_argument("--pool", type=int, default=40, help="minutes to choose from")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--looks", type=int, nargs="+", default=list(range(len(LOOKS))))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--set", action="append", default=[], help="a setting of all trainings")
    options = parser.parse_args()
    # That there is no augmentation of features, and no validation, is as intended.
    warnings.simplefilter("ignore", OnballWarning)
    warnings.simplefilter("ignore", OnballNotice)
    table = options.out / "results.csv"
    results: dict[tuple[int, str, int, int], float] = {}
    if table.is_file():
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                key = (int(row["look"]), row["method"], int(row["minutes"]), int(row["seed"]))
                results[key] = float(row["map10"])
    for look, method, minutes, seed in cells(options):
        if (look, method, minutes, seed) in results:
            continue
        folder = options.out / f"look{look}"
        matches = make_look(folder, look, options.pool)
        score = measure(folder, matches, method, minutes, seed, options)
        results[look, method, minutes, seed] = score
        rows = [
            ",".join(COLUMNS),
            *(f"{','.join(map(str, k))},{v:.2f}" for k, v in results.items()),
        ]
        write_text_atomic(table, "\n".join(rows) + "\n")
        print(f"look {look}, {method}, {minutes} minutes, seed {seed}: mAP10 {score:.2f}")
    print(f"\n{'minutes':>8}", *(f"{method:>22}" for method in METHODS))
    for minutes in sorted({key[2] for key in results} | set(options.minutes)):
        print(f"{minutes:8}", *(f"{summary(results, method, minutes):>22}" for method in METHODS))


def summary(results: dict[tuple[int, str, int, int], float], method: str, minutes: int) -> str:
    """Mean over looks and seeds with lowest and highest, and their number."""
    found = [v for (_, m, n, _), v in results.items() if n == minutes and m == method]
    if not found:
        return "not run"
    return f"{np.mean(found):.1f} ({min(found):.1f} to {max(found):.1f}, n={len(found)})"


if __name__ == "__main__":
    main()
