"""Make the model of a training run the bundled demo model, and write its card with new measurements.

    onball simulate --out data/demo --train 40 --valid 3 --test 0 --minutes 4 --fps 12.5 --seed 1
    onball train spotting/demo --data data/demo
    onball simulate --out data/bench --preset bench
    python tools/publish_demo_model.py runs/demo --heldout data/bench
    python benchmarks/real_clips.py CLIPS --model demo --out real.json
    python tools/publish_demo_model.py runs/demo --heldout data/bench --real real.json

The weights are stored in half precision, and the stored model is measured. CLIPS are labelled real clips,
which are not part of the project.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from publish_ball_model import clips_text, table_of_chance

from onball.actions import ACTIONS
from onball.assets import demo_model
from onball.config import load_config
from onball.data.layout import find_matches
from onball.errors import DataError
from onball.evaluation import SpottingResult, evaluate_spotting
from onball.events import EventList
from onball.files import read_json_object
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
    run: Path,
    result: SpottingResult,
    control: SpottingResult,
    minutes: float,
    real: dict[str, Any],
    remark: str,
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
    backbone, temporal = config.model.backbone, config.model.temporal
    options = "".join(f", {key} {value}" for key, value in temporal.options.items())
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return f"""# onball's demo model

Finds the 12 ball actions in **simulated football, the only football it has ever seen**. On real
broadcasts it shows that the software runs, and no more: train on real matches for results that
mean something.

- net: `{backbone.name}`, \
{backbone.options.get("neighbours", 0)} neighbours on each side, \
`{temporal.name}`{options}, {parameters:,} parameters, stored in half precision
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

## Real football

{clips_text(real)} {table_of_chance(real)}

For real matches, take the other bundled model, `ball-tracks`, or one that was trained on real matches.

## How it was trained

```sh
onball simulate --out data/demo --train 40 --valid 3 --test 0 --minutes 4 --fps 12.5 --seed 1
onball train spotting/demo --data data/demo
onball simulate --out data/bench --preset bench
python tools/publish_demo_model.py runs/demo --heldout data/bench
```

{training.epochs} epochs of {training.clips_per_epoch} clips of {data.clip_frames} frames, batches of \
{training.batch_size}, learning rate {training.learning_rate:g}, seed {training.seed}, from random \
weights; those of epoch {best["epoch"]}, which had the best mAP10 on the validation matches \
({100 * float(best["map10"]):.2f}). {seconds / 60:.0f} minutes. {remark}

Reduced, because it was trained on a CPU: the study's setting is 398×224 pixels.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--heldout", type=Path, required=True)
    parser.add_argument("--real", type=Path, help="JSON of benchmarks/real_clips.py, for the card")
    parser.add_argument("--remark", default="Hardware: 2 CPU cores.")
    options = parser.parse_args()
    folder = RunFolder.open(options.run)
    began = load_config(folder.config)
    if began.training.initial_model is not None or began.model.backbone.options.get("pretrained"):
        sys.exit(
            f"{options.run}: did not start from random weights: train without --init, "
            "so that the commands of the card lead to the model"
        )
    net, config = load_model(folder.model, "spotting")
    save_model(net, config, demo_model(), half=True)
    if options.real is None:
        return
    result, control, minutes = measure(demo_model(), options.heldout)
    real = read_json_object(options.real, DataError)
    text = card(options.run, result, control, minutes, real, options.remark)
    save_model(net, config, demo_model(), card=text, half=True)
    print(text)


if __name__ == "__main__":
    main()
