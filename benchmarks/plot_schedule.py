"""Draw the learning rate of a config over its training steps.

    python benchmarks/plot_schedule.py configs/spotting/demo.yaml docs/learning_rate.png

Prints the peak, its epoch, the last learning rate and the number of rises after the peak (0 if correct).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from matplotlib.figure import Figure

from onball.config import load_config
from onball.files import atomic_path
from onball.training.module import TrainingSteps, learning_rate_factor


def main() -> None:
    """Step a scheduler through all epochs, draw its learning rates and print a summary."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("output", type=Path, help="PNG file to write")
    options = parser.parse_args()
    training = load_config(options.config).training
    steps = TrainingSteps.of(training)
    # Through torch's own scheduler, as in training, so that the figure shows the rates in effect.
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=training.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, steps.warmup, steps.total)
    )
    rates = []
    for _ in range(steps.total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    figure = Figure(figsize=(7, 2.8), dpi=140, layout="constrained")
    axes = figure.add_subplot()
    epochs = [step / steps.per_epoch for step in range(steps.total)]
    axes.plot(epochs, rates, color="#2f7ed8", linewidth=2)
    axes.set_xlabel("epoch")
    axes.set_ylabel("learning rate")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{options.config.stem}: linear warm-up, then cosine", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(options.output) as temporary:
        figure.savefig(temporary)
    peak = max(range(steps.total), key=rates.__getitem__)
    rises = sum(
        after > before for before, after in zip(rates[peak:], rates[peak + 1 :], strict=False)
    )
    print(
        f"peak {rates[peak]:.3g} at epoch {peak / steps.per_epoch:.2f}, last {rates[-1]:.3g}, "
        f"rises after the peak: {rises}"
    )


if __name__ == "__main__":
    main()
