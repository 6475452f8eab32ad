"""Train systems that train in a minute with several seeds, and compare them seed by seed.

    onball simulate --out data/bench_448x256 --preset bench --size 448x256
    python benchmarks/ablations.py heads --data data/bench_448x256 --out ablations --results results
    python docs/results.py

There are three studies, each with a budget of `configs/budgets/` and a table in docs/results.md:

    heads   temporal heads, losses and labels on features of a frozen backbone
    clips   clip classifiers on the same features
    tracks  nets on the true tracks alone

The frozen backbone is that of the demo model, which has not seen these matches. Its features are computed
once, by the first training or by `onball features`. Each system is trained with the seeds 0, 1, …, by
`run_experiment`, and tested. Systems with the same seed train on the same clips, unless their settings say
otherwise.

Every result is a row of RESULTS/<study>.csv and is not computed again: the program can be stopped and run in
pieces, with other --only and --seeds, and a training that was interrupted is resumed.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.config.shipped import find_config
from onball.errors import OnballNotice, OnballWarning
from onball.evaluation.repeats import repeated_mean
from onball.experiments import Experiment, add_result, read_results, run_experiment


@dataclass(frozen=True)
class System:
    """A config of `configs/` with settings that set it apart from others of the same config.

    Attributes:
        config: name of the config.
        settings: `a.b=c`.
    """

    config: str
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of its folder."""
        return "_".join([self.config.rpartition("/")[2], *self.settings]).replace("/", "-")


@dataclass(frozen=True)
class Study:
    """Systems with one budget.

    Attributes:
        budget: overlay of all of them.
        systems: the first is the reference of the others.
    """

    budget: str
    systems: tuple[System, ...]

    def experiment(self, system: System, data: Path, seed: int) -> Experiment:
        """The experiment of a system with a seed."""
        settings = (f"data.root={json.dumps(str(data))}", f"training.seed={seed}")
        overlays = (find_config(self.budget),)
        return Experiment(find_config(system.config), overlays, (*settings, *system.settings))


BILSTM = "spotting/regnety_bilstm"
STUDIES = {
    "heads": Study(
        "budgets/heads",
        (
            System(BILSTM),
            # Temporal heads.
            System("spotting/regnety"),
            System("spotting/regnety_bigru"),
            System("spotting/regnety_tcn"),
            System("spotting/regnety_transformer"),
            # Losses and further outputs.
            System("spotting/regnety_bilstm_focal1"),
            System("spotting/regnety_bilstm_tdeed"),
            System("spotting/regnety_bilstm_tdeed_no_displacement"),
            System(BILSTM, ("model.head.independent=true",)),
            # Labels and sampling.
            System(BILSTM, ("training.loss.label_dilation=0",)),
            System(BILSTM, ("training.loss.label_dilation=4",)),
            System(BILSTM, ("training.loss.soft_label_sigma=1.5",)),
            System(BILSTM, ("training.class_balance=0",)),
            System(BILSTM, ("training.class_balance=1",)),
            # Large heads, and tracks beside the features: several times slower.
            System("spotting/regnety_tridet"),
            System("spotting/regnety_tdeed"),
            System("spotting/regnety_tracking"),
            System("spotting/regnety_bilstm_512"),
            System("spotting/regnety_bilstm_focal2"),
            System("spotting/regnety_bilstm_team"),
            System("spotting/regnety_tracking_tdeed"),
        ),
    ),
    "clips": Study(
        "budgets/clips",
        (
            System("classification/regnety"),
            System("classification/regnety", ("training.clips_per_epoch=200",)),
            System("classification/regnety", ("model.pooling=attention",)),
            System("classification/regnety_bilstm", ("model.pooling=max",)),
            System("classification/regnety_bilstm"),
            System("classification/regnety_tracking"),
            System("classification/regnety_bilstm", ("model.tracking.features=full",)),
        ),
    ),
    "tracks": Study(
        "budgets/tracks",
        (
            System("spotting/tracking_only"),
            # The budget of the nets on frames.
            System(
                "spotting/tracking_only",
                (
                    "training.epochs=8",
                    "training.clips_per_epoch=250",
                    "training.batch_size=4",
                    "training.learning_rate=8e-4",
                ),
            ),
            System("spotting/tracking_only", ("model.tracking.features=study",)),
        ),
    ),
}


def missing(
    study: Study, systems: Sequence[System], data: Path, seeds: Sequence[int], table: Path
) -> Iterator[tuple[System, Experiment]]:
    """List the trainings without a row: all systems with the first seed, then with the next."""
    for seed in seeds:
        for system in systems:
            planned = study.experiment(system, data, seed)
            wanted = planned.row().items()
            if not any(wanted <= row.items() for row in read_results(table)):
                yield system, planned


def main() -> None:
    """Train and test what is missing, and print the means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--data", type=Path, required=True, help="the data set")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--results", type=Path, help="folder of the table; default: OUT")
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5), metavar="N")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="systems, such as regnety_tcn")
    options = parser.parse_args()
    warnings.simplefilter("ignore", OnballWarning)
    warnings.simplefilter("ignore", OnballNotice)
    study = STUDIES[options.study]
    table = (options.results or options.out) / f"{options.study}.csv"
    systems = [
        system for system in study.systems if not options.only or system.name in options.only
    ]
    for system, planned in missing(study, systems, options.data, options.seeds, table):
        begin = time.perf_counter()
        folder = options.out / options.study / system.name
        row = run_experiment(planned, folder / "runs", folder / "results")
        add_result(table, row)
        took = time.perf_counter() - begin
        print(f"{system.name}, seed {row['seed']}: mAP10 {row['map10']} ({took:.0f} s)", flush=True)
    rows = read_results(table)
    for system in systems:
        key = study.experiment(system, options.data, 0).row()
        alike = [
            row for row in rows if all(row[name] == key[name] for name in ("config", "settings"))
        ]
        if alike:
            mean = repeated_mean([float(row["map10"]) for row in alike])
            print(f"{mean!s:>12} mAP10 of {mean.count} trainings: {system.name}")


if __name__ == "__main__":
    main()
