"""Make the model of a training run the bundled demo model, and write its card with new measurements.

    onball simulate --out data/demo --train 40 --valid 3 --test 0 --minutes 4 --fps 12.5 --seed 1
    onball train spotting/demo --data data/demo
    onball simulate --out data/bench --preset bench
    python tools/publish_demo_model.py runs/demo --heldout data/bench --remark "Hardware: 2 CPU cores."

The weights are stored in half precision, and the stored model is measured.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import torch

from onball.actions import ACTIONS
from onball.assets import demo_model
from onball.config import load_config
from onball.data.layout import find_matches
from onball.evaluation import SpottingResult, evaluate_spotting
from onball.events import EventList
from onball.formats.soccernet import read_labels
from onball.models import load_model, save_model
from onball.runs import RunFolder
from onball.spotting.spotter import Spotter

_CONTROL_SHIFT_MS = 7000


def measure(model: Path, heldout: Path) -> tuple[SpottingResult, SpottingResult, float]:
    """Return the result on the held-out matches, that against shifted labels, and their minutes."""
    spotter = Spotter.from_pretrained(model)
    matches = find_matches(heldout, "test")
    truth = [read_labels(match.require_labels()) for match in matches]
    found = [spotter.spot(match.require_video()) for match in matches]
    moved = [
        EventList.of(replace(e, position_ms=e.position_ms + _CONTROL_SHIFT_MS) for e in labels)
        for labels in truth
    ]
    last = sum(max(event.position_ms for event in labels) for labels in truth)
    return evaluate_spotting(truth, found), evaluate_spotting(moved, found), last / 60_000


def card(
    run: Path, result: SpottingResult, control: SpottingResult, minutes: float, remark: str
) -> str:
    """Write the text of the model card."""
    folder = RunFolder.open(run)
    config = load_config(folder.config)
    net, _ = load_model(folder.model, "spotting")
    epochs = list(csv.DictReader(folder.metrics.open(encoding="utf-8")))
    best = max(epochs, key=lambda row: float(row["map10"] or 0))
    seconds = sum(float(row["seconds"]) for row in epochs)
    data, training = config.data, config.training
    table = "\n".join(
        f"| {action} | {100 * result.ap[action]:.2f} | {100 * result.exact_ap[action]:.2f} "
        f"| {result.truth_counts[action]} |"
        for action in ACTIONS
    )
    init = " --init FORMER_DEMO_MODEL" if training.initial_model else ""
    backbone, temporal = config.model.backbone, config.model.temporal
    options = ", ".join(f"{key} {value}" for key, value in temporal.options.items())
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return f"""# onball's demo model

Finds the 12 ball actions in **simulated football, the only football it has ever seen**. On real
broadcasts it shows that the software runs, and no more: train on real matches for results that
mean something.

- net: `{backbone.name}`, \
{backbone.options.get("neighbours", 0)} neighbours on each side, \
`{temporal.name}` ({options}), {parameters:,} parameters, stored in half precision
- input: {data.width}×{data.height} pixels at {data.fps:g} frames per second

## How good it is

The test split of the simulator's benchmark (`onball simulate --preset bench`: two matches,
{minutes:.0f} minutes; training and validation matches come from another data set seed, and no two
matches share a seed), tolerance 1 s (±0.5 s), in per cent:

**mAP10 {100 * result.map10:.2f}, mAP12 {100 * result.map12:.2f}.** Control: against the same \
labels moved by \
{_CONTROL_SHIFT_MS // 1000} s the same predictions score mAP10 {100 * control.map10:.2f}.

| action | AP | exact AP | labelled |
|---|---|---|---|
{table}

Actions with few labels have rough figures: one event more or less moves them by many points.

## How it was trained

```sh
onball simulate --out data/demo --train 40 --valid 3 --test 0 --minutes 4 --fps 12.5 --seed 1
onball train spotting/demo --data data/demo{init}
onball simulate --out data/bench --preset bench
python tools/publish_demo_model.py runs/demo --heldout data/bench
```

{training.epochs} epochs of {training.clips_per_epoch} clips of {data.clip_frames} frames, batches of \
{training.batch_size}, learning rate {training.learning_rate:g}, seed {training.seed}; the weights of epoch \
{best["epoch"]}, which had the best mAP10 on the validation matches \
({100 * float(best["map10"]):.2f}). {seconds / 60:.0f} minutes. {remark}

Reduced, because it was trained on a CPU: the study's setting is 398×224 pixels.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--heldout", type=Path, required=True)
    parser.add_argument(
        "--remark", default=f"Hardware: CPU with {torch.get_num_threads()} threads."
    )
    options = parser.parse_args()
    net, config = load_model(RunFolder.open(options.run).model, "spotting")
    save_model(net, config, demo_model(), half=True)
    result, control, minutes = measure(demo_model(), options.heldout)
    text = card(options.run, result, control, minutes, options.remark)
    save_model(net, config, demo_model(), card=text, half=True)
    print(text)


if __name__ == "__main__":
    main()
