"""Train systems with several seeds, and compare them seed by seed.

    onball simulate --out data/bench --preset bench
    python benchmarks/ablations.py heads --data data/bench --out ablations --results results
    python docs/results.py

There are five studies, each with a budget of `configs/budgets/` and a table in docs/results.md:

    systems  every system end to end, on one GPU
    pixels   nets on pixels of matches with broad looks, for use on real matches
    heads    temporal heads, losses and labels on features of a frozen backbone
    clips    clip classifiers on the same features
    tracks   nets on the true tracks alone

Some systems of the first take the tracks that `configs/tracks/` describes. The frozen backbone is that of
the demo model, which has not seen these matches. Its features are computed once, by the first training or by
`onball features`. Each system is trained with the seeds 0, 1, …, by `run_experiment`, and tested. Systems
with the same seed train on the same clips, unless their settings say otherwise.

Every result is a row of RESULTS/<study>.csv and is not computed again: the program can be stopped and run in
pieces, with other --only and --seeds, and a training that was interrupted is resumed. With --jobs, several
trainings share a device: small nets leave most of a GPU idle.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from onball.config.shipped import find_config
from onball.errors import OnballError, OnballNotice, OnballWarning
from onball.evaluation.repeats import repeated_mean
from onball.experiments import Experiment, add_result, read_results, run_experiment


@dataclass(frozen=True)
class System:
    """A config of `configs/` with settings that set it apart from others of the same config.

    Attributes:
        config: name of the config.
        settings: `a.b=c`.
        overlays: put over the config after the budget.
        share: number of jobs whose memory and time it takes.
    """

    config: str
    settings: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    share: int = 1

    @property
    def name(self) -> str:
        """Name of its folder."""
        folder, _, config = self.config.rpartition("/")
        shown = [each for each in self.overlays if not each.startswith("budgets/")]
        kind = "clips_" if folder == "classification" else ""
        return "_".join(
            [
                kind + "+".join([config, *(each.rpartition("/")[2] for each in shown)]),
                *self.settings,
            ]
        ).replace("/", "-")


@dataclass(frozen=True)
class Study:
    """Systems with one budget.

    Attributes:
        budget: overlay of all of them.
        systems: the first is the reference of the others.
    """

    budget: str
    systems: tuple[System, ...]

    def experiment(
        self, system: System, data: Path, seed: int, settings: Sequence[str] = ()
    ) -> Experiment:
        """The experiment of a system with a seed, and with settings for all systems."""
        own = (f"data.root={json.dumps(str(data))}", f"training.seed={seed}")
        overlays = tuple(find_config(name) for name in (self.budget, *system.overlays))
        return Experiment(find_config(system.config), overlays, (*own, *settings, *system.settings))


BILSTM = "spotting/regnety_bilstm"
#: RegNetY-002 of the systems starts from the backbone of the demo model.
START = "budgets/demo_backbone"
#: Other backbones have no weights in the project, and start from random ones.
RANDOM = ("model.backbone.pretrained=false",)
#: A clip is one example for a classifier, where spotting has one for each frame.
CLIPS = ("training.clips_per_epoch=200",)
#: Windows around the ball are read from the videos: a cache would hold each frame once more.
DECODED = ("data.cache=null", "training.workers=3")
#: Other simulated matches with labels of SoccerNet-v2 (benchmarks/simulated_soccernet_v2.py).
JOINT = ("data.auxiliary.root=data/soccernet_v2",)
#: The region of AdaSpot's second network in frames of 398×224; they are half as large as those of its config.
CROP = ("model.backbone.crop=64",)
#: Nets on the pixels of matches with broad looks; twice as many clips as the other systems have.
PIXELS, TRACKS = "spotting/regnety_tdeed", "spotting/regnety_tracking_tdeed"
LONGER = ("training.clips_per_epoch=200",)
VARIED = (START, "pixels/varied")
#: Tracks would not move with the frames.
STILL = (
    "training.augmentation.crop.probability=0",
    "training.augmentation.camera_shift.probability=0",
)
STUDIES = {
    "systems": Study(
        "budgets/gpu",
        (
            System(BILSTM, overlays=(START,)),
            System("classification/convnext_tiny", (*RANDOM, *CLIPS), share=3),
            System("spotting/x3d_tdeed", RANDOM, share=4),
            System("classification/resnet50", (*RANDOM, *CLIPS), share=2),
            System("classification/efficientnet_b0", (*RANDOM, *CLIPS), share=2),
            System("spotting/regnety_gsf_tdeed", overlays=(START,)),
            System("spotting/regnety_tdeed", overlays=(START,)),
            System("spotting/regnety_tracking_tdeed", overlays=(START,)),
            System("spotting/regnety_tracking", overlays=(START,)),
            System("spotting/regnety_tcn", overlays=(START,)),
            System("spotting/regnety_bigru", overlays=(START,)),
            System("spotting/regnety_transformer", overlays=(START,)),
            System("spotting/regnety_tridet", overlays=(START,)),
            System("spotting/regnety", overlays=(START,)),
            System("classification/regnety_bilstm", CLIPS, overlays=(START,)),
            System("classification/regnety", CLIPS, overlays=(START,)),
            System("classification/regnety_augmented", CLIPS, overlays=(START,)),
            System("classification/regnety_tracking", CLIPS, overlays=(START,)),
            System("spotting/regnety_bilstm_512", overlays=(START,)),
            System("spotting/regnety_bilstm_focal1", overlays=(START,)),
            System("spotting/regnety_bilstm_focal2", overlays=(START,)),
            System("spotting/regnety_bilstm_tdeed", overlays=(START,)),
            System("spotting/regnety_bilstm_tdeed_no_displacement", overlays=(START,)),
            System("spotting/regnety_bilstm_team", overlays=(START,)),
            System("spotting/regnety_gsf_tdeed_team", overlays=(START,)),
            System("spotting/regnety_cropped", DECODED, overlays=(START,)),
            System("spotting/regnety_cropped_tridet", DECODED, overlays=(START,)),
            System("spotting/adaspot_low", overlays=("budgets/gpu_published",), share=2),
            System("spotting/adaspot_small", CROP, overlays=("budgets/gpu_published",), share=2),
            System(
                "spotting/adaspot_big",
                (*CROP, *RANDOM),
                overlays=("budgets/gpu_published",),
                share=2,
            ),
            System("spotting/e2espot", DECODED, overlays=("budgets/gpu_e2espot",), share=2),
            System("spotting/tdeed_published", overlays=("budgets/gpu_published",), share=2),
            System("spotting/x3d_bilstm", RANDOM, share=4),
            System("spotting/x3d", RANDOM, share=4),
            # What the systems above lose for the lack of weights to start from.
            System(BILSTM, RANDOM),
            System("classification/regnety_augmented", (*RANDOM, *CLIPS)),
            System("spotting/regnety_gsf_tdeed_joint", JOINT, overlays=(START,)),
            System("spotting/tracking_only"),
            *(
                System(config, overlays=(START, tracks))
                for config in ("spotting/regnety_tracking", "spotting/regnety_tracking_tdeed")
                for tracks in ("tracks/degraded", "tracks/medium")
            ),
            *(
                System("spotting/tracking_only", overlays=(tracks,))
                for tracks in ("tracks/degraded", "tracks/medium")
            ),
            System("spotting/regnety_cropped", DECODED, overlays=(START, "tracks/degraded")),
            System("classification/regnety_tracking", CLIPS, overlays=(START, "tracks/degraded")),
        ),
    ),
    "pixels": Study(
        "budgets/gpu",
        (
            System(PIXELS, LONGER, (START,)),
            System(PIXELS, LONGER, VARIED),
            System(PIXELS, (*LONGER, "training.augmentation.style.probability=0.5"), VARIED),
            System(PIXELS, (*LONGER, "training.augmentation.augmix.probability=0.5"), VARIED),
            System(PIXELS, (*LONGER, "model.backbone.grey=true"), VARIED),
            System(PIXELS, (*LONGER, "training.freeze=stages:2"), VARIED),
            System(BILSTM, LONGER, VARIED),
            System(BILSTM, LONGER, ("pixels/varied", "pixels/efficientnet_lite0")),
            System(TRACKS, (*LONGER, *STILL), (*VARIED, "tracks/ballnet")),
        ),
    ),
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
            # Longer training.
            System(BILSTM, ("training.epochs=16",)),
            System("spotting/regnety_transformer", ("training.epochs=16",)),
            System("spotting/regnety_tcn", ("training.epochs=16",)),
            System("spotting/regnety_tridet", ("training.epochs=16",)),
            System("spotting/regnety_tdeed", ("training.epochs=16",)),
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
    study: Study,
    systems: Sequence[System],
    data: Path,
    seeds: Sequence[int],
    table: Path,
    settings: Sequence[str] = (),
) -> Iterator[tuple[System, Experiment]]:
    """List the trainings without a row: all systems with the first seed, then with the next."""
    for seed in seeds:
        for system in systems:
            planned = study.experiment(system, data, seed, settings)
            wanted = planned.row().items()
            if not any(wanted <= row.items() for row in read_results(table)):
                yield system, planned


def run_planned(planned: Experiment, folder: Path, table: Path, device: str) -> None:
    """Train and test a system, add its row to the table, and print its mAP10."""
    warnings.simplefilter("ignore", OnballWarning)
    warnings.simplefilter("ignore", OnballNotice)
    begin = time.perf_counter()
    row = run_experiment(planned, folder / "runs", folder / "results", device=device)
    add_result(table, row)
    took = time.perf_counter() - begin
    name = f"{folder.name}, seed {row['seed']}"
    print(f"{name}: mAP10 {row['map10']} ({took:.0f} s)", flush=True)


def _run_in_process(planned: Experiment, folder: Path, table: Path, device: str) -> None:
    """The same in a process of its own, whose output is a file in the folder."""
    seed = planned.row()["seed"]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"seed{seed}.log").open("w") as log, contextlib.redirect_stderr(log):
        try:
            run_planned(planned, folder, table, device)
        except Exception as error:
            if not isinstance(error, OnballError):
                traceback.print_exc()
            reason = str(error).partition("\n")[0] or type(error).__name__
            print(f"{folder.name}, seed {seed}: FAILED: {reason}", flush=True)
            sys.exit(1)


def run_side_by_side(
    jobs: Sequence[tuple[System, Experiment]],
    out: Path,
    table: Path,
    *,
    device: str,
    slots: int,
    minutes: float | None,
    minutes_each: float | None,
) -> int:
    """Run trainings in processes that share a device; returns the number of those without a row.

    Args:
        jobs: in the order in which they start.
        out: parent of their folders.
        table: see `run_planned`.
        device: see `run_planned`.
        slots: largest sum of the shares of those that run at a time.
        minutes: all that runs after this time is stopped, to be resumed by a later call.
        minutes_each: a training that takes longer is stopped.
    """
    context = multiprocessing.get_context("forkserver")
    # Each process would otherwise import torch for ten seconds.
    context.set_forkserver_preload(["lightning", "onball.experiments", "tensorboard"])
    begin, waiting, failed = time.monotonic(), list(jobs), 0
    running: dict[BaseProcess, tuple[System, float]] = {}

    def late(since: float, limit: float | None) -> bool:
        return limit is not None and time.monotonic() - since > 60 * limit

    while waiting or running:
        over = late(begin, minutes)
        for process, (system, started) in list(running.items()):
            if not process.is_alive():
                process.join()
                failed += process.exitcode != 0
                del running[process]
            elif over or late(started, minutes_each):
                print(
                    f"{system.name}: stopped after {time.monotonic() - started:.0f} s", flush=True
                )
                process.kill()
                process.join()
                failed += 1
                del running[process]
        if over:
            return failed + len(waiting)
        used = sum(system.share for system, _ in running.values())
        # A large training waits until there is room, and smaller ones pass it by.
        for index, (system, planned) in enumerate(waiting):
            if used == 0 or used + system.share <= slots:
                arguments = (planned, out / system.name, table, device)
                process = context.Process(target=_run_in_process, args=arguments)
                process.start()
                running[process] = (system, time.monotonic())
                del waiting[index]
                break
        else:
            time.sleep(0.2)
    return failed


def main() -> None:
    """Train and test what is missing, and print the means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--data", type=Path, required=True, help="the data set")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--results", type=Path, help="folder of the table; default: OUT")
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5), metavar="N")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="systems, such as regnety_tcn")
    parser.add_argument(
        "--share", type=int, metavar="N", help="leave out what takes more jobs' room"
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="for all systems")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings at a time")
    parser.add_argument("--minutes", type=float, help="stop after this time (with --jobs)")
    parser.add_argument("--minutes-each", type=float, help="stop a training after this time")
    options = parser.parse_args()
    study = STUDIES[options.study]
    table = (options.results or options.out) / f"{options.study}.csv"
    out = options.out / options.study
    systems = [
        system
        for system in study.systems
        if (not options.only or system.name in options.only)
        and (options.share is None or system.share <= options.share)
    ]
    planned = missing(study, systems, options.data, options.seeds, table, options.set)
    failed = 0
    if options.jobs == 1:
        for system, experiment in planned:
            run_planned(experiment, out / system.name, table, options.device)
    else:
        failed = run_side_by_side(
            list(planned), out, table, device=options.device, slots=options.jobs,
            minutes=options.minutes, minutes_each=options.minutes_each,
        )  # fmt: skip
    rows = read_results(table)
    for system in systems:
        key = study.experiment(system, options.data, 0, options.set).row()
        alike = [
            row for row in rows if all(row[name] == key[name] for name in ("config", "settings"))
        ]
        if alike:
            mean = repeated_mean([float(row["map10"]) for row in alike])
            print(f"{mean!s:>12} mAP10 of {mean.count} trainings: {system.name}")
    if failed:
        sys.exit(f"{failed} trainings have no row: the same call goes on with them")


if __name__ == "__main__":
    main()
