"""Make the nets of training runs together the bundled model `ball-tracks`, and write its card.

    onball ballnet render --out data/excerpts
    onball ballnet train data/excerpts --out runs/ballnet
    cp runs/ballnet/ball.onnx src/onball/assets/ball.onnx
    (the commands of RECIPE below)
    python tools/publish_ball_model.py runs/ball_tracks/seed_* --heldout data/heldout
    python benchmarks/real_clips.py CLIPS --model ball-tracks --out real.json
    python tools/publish_ball_model.py runs/ball_tracks/seed_* --heldout data/heldout --real real.json

The probabilities of the nets are averaged, and their weights are stored in half precision. CLIPS are labelled
real clips, which are not part of the project.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from onball.actions import ACTIONS
from onball.assets import ball_tracks_model
from onball.config import DataConfig, load_config
from onball.data.matches import load_matches
from onball.errors import DataError
from onball.evaluation import SpottingResult, evaluate_spotting
from onball.files import read_json_object
from onball.models import load_model, save_model
from onball.models.nets import BlendedNet
from onball.runs import RunFolder
from onball.spotting.matches import spot_matches
from onball.spotting.spotter import Spotter

RECIPE = """\
onball simulate --out data/tracks --train 20 --valid 2 --test 2 --minutes 10 --fps 12.5 --size 640x360 \\
    --look broad --rare 6 --no-video --boxes --seed 300
onball simulate --out data/tracks --train 24 --valid 0 --test 0 --minutes 10 --fps 12.5 --size 640x360 \\
    --look broad --rare 6 --no-video --boxes --seed 310
onball track --data data/tracks --detector simulated:ballnet --name tracks_ballnet.parquet --fps 6.25
onball train spotting/ball_tracks --data data/tracks --seeds 3 --out runs/ball_tracks
onball simulate --out data/heldout --preset bench --size 448x256 --train 0 --valid 0 --no-video --boxes
onball track --data data/heldout --detector simulated:ballnet --name tracks_ballnet.parquet --fps 6.25
"""


def measure(model: Path, data: DataConfig) -> SpottingResult:
    """Score the model on the test split, on tracks with simulated errors."""
    spotter = Spotter.from_pretrained(model)
    matches = load_matches(data, "test", spotter.config.model)
    found = [spotted.events for spotted in spot_matches(spotter, matches)]
    return evaluate_spotting([match.labels for match in matches], found)


def clips_text(real: dict[str, Any]) -> str:
    """Write which real clips benchmarks/real_clips.py measured a model on."""
    return (
        f"{real['clips']} clips of real matches with {real['events']} events labelled by hand, none of "
        "which was used in training."
    )


def table_of_chance(real: dict[str, Any]) -> str:
    """Write the table of F1 on real clips beside chance, and a sentence before it."""
    rows = "\n".join(
        f"| ±{tolerance} s, {which} | {100 * score['value']:.1f} | {100 * score['chance']:.1f} "
        f"| {100 * score['chance_99']:.1f} | {score['p']:.3f} |"
        for tolerance in ("0.5", "1")
        for which, key in (("right action", "action"), ("any action", "any"))
        for score in [real["scores"][f"f1_{key}_{tolerance}s"]]
    )
    return f"""F1 at the model's own thresholds, in per cent, beside the score of the same events \
shifted in time (mean and 99th percentile of 1,000 shifts):

| | F1 | chance | 99th percentile | p |
|---|--:|--:|--:|--:|
{rows}"""


def card(runs: list[Path], result: SpottingResult, real: dict[str, Any], remark: str) -> str:
    """Write the text of the model card."""
    configs = [load_config(RunFolder.open(run).config) for run in runs]
    config = configs[0]
    net, _ = load_model(ball_tracks_model(), "spotting")
    parameters = sum(parameter.numel() for parameter in net.parameters())
    seeds = ", ".join(str(each.training.seed) for each in configs)
    training = config.training
    table = "\n".join(
        f"| {action} | {100 * result.ap[action]:.1f} | {result.truth_counts[action]} |"
        for action in ACTIONS
    )
    return f"""# ball-tracks

Finds the 12 ball actions from the path of the ball, the people near it and the goal. It has seen
**simulated football only**, and its events on real broadcasts are better than chance.

- input: tracks of the ball network, which is part of onball (`onball track --detector ballnet`), at
  {config.data.fps:g} frames per second; no other pixels
- net: mean of {len(runs)} nets with a `{config.model.temporal.name}`, {parameters:,} parameters in all,
  stored in half precision

## Real football

{clips_text(real)} They served to choose among ideas, so that the figures are slightly \
optimistic. {table_of_chance(real)}

Most clips end in a shot: passes, drives, shots and goals are frequent in them, other actions rare.

## Simulated football

The test split of the simulator's benchmark, on true tracks with errors like those of the ball \
network, tolerance 1 s (±0.5 s), in per cent: \
**mAP10 {100 * result.map10:.1f}, mAP12 {100 * result.map12:.1f}.**

| action | AP | labelled |
|---|---|---|
{table}

## How it was trained

```sh
{RECIPE}python tools/publish_ball_model.py runs/ball_tracks/seed_* --heldout data/heldout
```

{training.epochs} epochs of {training.clips_per_epoch} clips of {config.data.clip_frames} frames, batches of \
{training.batch_size}, learning rate {training.learning_rate:g}, seeds {seeds}. {remark}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--heldout", type=Path, required=True)
    parser.add_argument("--real", type=Path, help="JSON of benchmarks/real_clips.py, for the card")
    parser.add_argument("--remark", default="Hardware: 2 CPU cores.")
    options = parser.parse_args()
    loaded = [load_model(RunFolder.open(run).model, "spotting") for run in options.runs]
    config = loaded[0][1]
    members = config.model.model_copy(update={"members": len(loaded)})
    config = config.model_copy(update={"model": members})
    net = BlendedNet([each for each, _ in loaded])
    save_model(net, config, ball_tracks_model(), half=True)
    if options.real is None:
        return
    data = load_config(RunFolder.open(options.runs[0]).config).data
    result = measure(ball_tracks_model(), data.model_copy(update={"root": options.heldout}))
    real = read_json_object(options.real, DataError)
    text = card(options.runs, result, real, options.remark)
    save_model(net, config, ball_tracks_model(), card=text, half=True)
    print(text)


if __name__ == "__main__":
    main()
