"""`onball train --dry-run`: what a training would take, printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console
from onball.errors import MissingDependencyError

if TYPE_CHECKING:
    from onball.config import ExperimentConfig


#: More points than this the plot cannot show.
_POINTS = 400


def print_plan(config: ExperimentConfig) -> None:
    """The net's size and arithmetic, the memory of a step, and the learning rate over the steps."""
    from onball.reports.terminal import needs_ascii, plot_lines
    from onball.training.trainer import plan_training

    plan = plan_training(config)
    cost, data, training = plan.cost, config.data, config.training
    parts = [config.model.backbone.name, config.model.temporal.name]
    if config.task == "spotting":
        parts.append(f"{config.model.head.name} head")
    precision = str(plan.precision).removeprefix("torch.")
    frozen = "" if cost.trainable == cost.parameters else f", {cost.trainable:,} of them trained"
    rows = {
        "net": f"{config.task}: {' → '.join(parts)}",
        "parameters": f"{cost.parameters:,}{frozen}",
        "one clip": f"{data.clip_frames} frames of {data.width}×{data.height}: {cost.gflops:.2f} "
        "GFLOPs forward (a multiply-add counts 1)",
        "memory": f"about {plan.memory_bytes / 2**30:.1f} GiB for a batch of {training.batch_size} "
        f"in {precision} on {plan.device}, and the program itself",
        "steps": f"{plan.steps.total:,}: {training.epochs} epochs of {plan.steps.per_epoch:,}, each "
        f"of {plan.steps.clips_per_step} clips",
        "frames": f"{training.epochs * plan.steps.clips_per_epoch * data.clip_frames:,}",
    }
    for name, text in rows.items():
        console.say(f"{name:<11} {text}")
    console.say("")
    every = max(1, len(plan.learning_rates) // _POINTS)
    shown = range(0, len(plan.learning_rates), every)
    console.say(
        plot_lines(
            [float(step) for step in shown],
            [plan.learning_rates[step] for step in shown],
            x_label="step",
            y_label="learning rate",
            ascii=needs_ascii(sys.stdout.encoding),
        )
    )


# --- `onball train`: a model from a config and labelled matches.


@contextmanager
def needs_training_packages() -> Iterator[None]:
    """Say in one line what to install if an import inside fails for want of it."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("lightning", "tensorboard"):
            raise
        raise MissingDependencyError(package, "train", "Training") from error


def train(
    config: Annotated[
        str,
        typer.Argument(
            help="A YAML file, or the name of one that comes with onball: spotting/regnety_bilstm."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: --set training.epochs=5 (repeatable)."),
    ] = None,
    overlays: Annotated[
        list[str] | None,
        typer.Option("--with", help="A YAML file put over the config: budgets/cpu (repeatable)."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The data set; short for --set data.root=….")
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            help="Start from the weights of this saved model; short for --set "
            "training.initial_model=…."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; else runs/<name of the config>.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only say what it would take: size, arithmetic, memory, steps."
        ),
    ] = False,
) -> None:
    """Train a model; the run's folder gets checkpoints, logs and the saved model."""
    from onball.config import find_config, load_config

    path = find_config(config)
    settings = list(overrides or [])
    for key, folder in (("data.root", data), ("training.initial_model", init)):
        if folder is not None:
            # Quoted: settings are YAML, and to YAML a folder called 2024 is a number.
            settings.append(f"{key}={json.dumps(str(folder), ensure_ascii=False)}")
    experiment = load_config(path, settings, [find_config(name) for name in overlays or ()])
    with needs_training_packages():
        from onball.training.run import train as run_training
        from onball.training.trainer import rank

    if dry_run:
        print_plan(experiment)
        return
    run_dir = out or Path("runs") / path.stem
    model = run_training(experiment, run_dir=run_dir, resume=resume)
    if rank() > 0:  # of the processes that trained together, one tells
        return
    console.say(f"Saved model: {model}")
    if experiment.task == "spotting":
        console.say(f"Next: {console.this_command()} spot VIDEO --model {model}")
