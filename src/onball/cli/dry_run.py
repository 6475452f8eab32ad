"""`onball train --dry-run`: what a training would take, printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from onball.cli import console

if TYPE_CHECKING:
    from onball.config import ExperimentConfig

#: More points than this the plot cannot show.
_POINTS = 400


def print_plan(config: ExperimentConfig) -> None:
    """The net's size and arithmetic, the memory of a step, and the learning rate over the steps."""
    from onball.reports.terminal import needs_ascii, plot_lines
    from onball.training.plan import plan_training

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
