"""Exports of every system: whether ONNX and OpenVINO compute what PyTorch computes.

    python benchmarks/export_parity.py                                 every config and published model
    python benchmarks/export_parity.py spotting/x3d tdeed-challenge1   these only
    python benchmarks/export_parity.py --table parity.csv              continue where it was interrupted

Each system has small frames and random weights, the same in every run: parameters that begin as zeros
get noise, batch normalisation has the statistics of the sample match, and the classifier is scaled so
that the confidences spread over 0 to 1. `export_model` exports it and compares the two runtimes with
PyTorch on the sample match. `rounding` is the difference that rounding alone makes in PyTorch: that of the
same net with the next larger float32 for each weight. `spread` is the standard deviation of the confidences
over the frames. The table is Markdown; the exit code is 1 if a system that should be exported is not, or
differs by more than the bound.

The time of an export is in the tracing, which does not depend on the frames' size; the networks of the
systems are those of the configs.
"""

from __future__ import annotations

import argparse
import copy
import csv
import hashlib
import math
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from onball.assets import sample_match
from onball.config import ComponentConfig, SavedModelConfig, list_configs, load_config
from onball.data.frames import VideoFrames
from onball.data.layout import VIDEO_FILE
from onball.errors import ModelError
from onball.models import ClipClassifier, SpottingNet, build_model, save_model
from onball.models.published import PUBLISHED
from onball.models.runtimes.records import FORMATS, SCORE_BOUND
from onball.spotting.exporting import export_model

#: Systems that are refused; every other one must be exported.
REFUSED = ("stacker-2023",)
#: Frames that batch normalisation has the statistics of, and the largest distance between them. They are
#: from all of the sample match: on a region of the frame that it never saw, an AdaSpot with random weights
#: would amplify rounding differences from layer to layer.
_FRAMES, _STEP = 24, 40
#: Standard deviation of the logits over these frames, and the largest factor to reach it.
_LOGITS, _MOST_GAIN = 2.0, 50.0
_SEED = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result for one system.

    Attributes:
        refusal: the reason why it is not exported; empty if it is.
        onnx, openvino: the largest difference of a confidence, by format; NaN if it is not exported.
        rounding: the same between PyTorch and PyTorch with weights that differ by one rounding.
        spread: standard deviation of the confidences over the frames, the largest of any class.
        seconds: processor time of both exports.
    """

    refusal: str
    onnx: float
    openvino: float
    rounding: float
    spread: float
    seconds: float

    @property
    def largest(self) -> float:
        """Largest difference of a confidence in any format."""
        return max(self.onnx, self.openvino)


def main() -> int:
    """Print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("systems", nargs="*", help="configs and published models; default: all")
    parser.add_argument("--table", type=Path, help="CSV file of the results; those in it are kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| system | frames | ONNX | OpenVINO | rounding | spread | processor time |")
    print("|---|---|---|---|---|---|---|", flush=True)
    failed = False
    # Some configs have the same net, and differ in its training.
    measured = {} if options.table is None else read_table(options.table)
    for name in options.systems or systems():
        config = small_config(name)
        key = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:16]
        if key not in measured:
            with tempfile.TemporaryDirectory() as folder:
                measured[key] = measure(config, Path(folder))
            if options.table is not None:
                add_to_table(options.table, key, measured[key])
        outcome = measured[key]
        if outcome.refusal:
            cells = [f"refused: {outcome.refusal}", "", "", "", ""]
            failed |= name not in REFUSED and config.task == "spotting"
        else:
            differences = (outcome.onnx, outcome.openvino, outcome.rounding)
            cells = [f"{difference:.0e}" for difference in differences]
            cells += [f"{outcome.spread:.2f}", f"{outcome.seconds:.0f} s"]
            failed |= not outcome.largest <= SCORE_BOUND
        print(f"| {name} | {config.width}×{config.height} | {' | '.join(cells)} |", flush=True)
    return int(failed)


def read_table(path: Path) -> dict[str, Outcome]:
    """Outcomes in a CSV file, by a digest of the settings; none if there is no file."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        row.pop("key"): Outcome(row.pop("refusal"), *(float(value) for value in row.values()))
        for row in rows
    }


def add_to_table(path: Path, key: str, outcome: Outcome) -> None:
    """Add an outcome to a CSV file, which may be missing."""
    row = {"key": key, **asdict(outcome)}
    begin = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if begin:
            writer.writeheader()
        writer.writerow(row)


def systems() -> list[str]:
    """Names of all configs that are systems of their own, and of all published models."""
    groups = ("spotting", "classification")
    shipped = [one.name for one in list_configs() if one.name.startswith(groups)]
    return [*shipped, *PUBLISHED]


def small_config(name: str) -> SavedModelConfig:
    """Settings of a system with small frames, and with windows as they are."""
    if name in PUBLISHED:
        config = PUBLISHED[name].config
    else:
        config = SavedModelConfig.of(load_config(name))
    width, height = 64, 36
    model = config.model
    if model.backbone.name == "adaspot":
        # Maps of several values, among which the largest saliency is found.
        width, height = 192, 128
        backbone = ComponentConfig(**{**dict(model.backbone), "crop": 64})
        model = model.model_copy(update={"backbone": backbone})
    return config.model_copy(update={"width": width, "height": height, "model": model})


def measure(config: SavedModelConfig, folder: Path) -> Outcome:
    """Export a system with random weights in both formats, into a folder that exists."""
    net = random_system(config)
    save_model(net, config, folder / "model")
    rounding = spread = math.nan
    if isinstance(net, SpottingNet) and not net.backbone.export_obstacle:
        rounding, spread = conditioning(net, config)
    start, differences = time.process_time(), []
    for format in FORMATS:
        try:
            exported = export_model(folder / "model", format=format, score_bound=math.inf)
        except ModelError as error:
            reason = str(error).removeprefix(f"{folder.name}/model: ")
            spent = time.process_time() - start
            return Outcome(reason, math.nan, math.nan, rounding, spread, spent)
        assert exported.record.parity is not None
        differences.append(exported.record.parity.score)
    return Outcome("", *differences, rounding, spread, time.process_time() - start)


@torch.no_grad()
def random_system(config: SavedModelConfig) -> SpottingNet | ClipClassifier:
    """Build a net with random weights, whose confidences depend on the frames."""
    torch.manual_seed(_SEED)
    net = build_model(config.model, config.task, fetch_weights=False).eval()
    if not isinstance(net, SpottingNet) or net.backbone.export_obstacle:
        return net
    for parameter in net.parameters():
        if not parameter.any():  # gates and motion, which begin closed
            parameter.normal_(std=0.1)
    inputs = sample_clip(config, net)
    norms = [one for one in net.modules() if isinstance(one, nn.BatchNorm2d | nn.BatchNorm3d)]
    for norm in norms:
        norm.train()
        norm.momentum = None  # statistics are the mean of what it sees
    net(*inputs)
    net.eval()
    spread = float(net(*inputs).logits.std(dim=1).max())
    for head in (net.head.linear, *(branch.linear for branch in net.branches)):
        head.weight *= min(_MOST_GAIN, _LOGITS / max(spread, 1e-6))
    return net


@torch.no_grad()
def conditioning(net: SpottingNet, config: SavedModelConfig) -> tuple[float, float]:
    """`rounding` and `spread` of a net, see `Outcome`, on frames that its statistics are not of."""
    inputs = sample_clip(config, net, between=True)
    confidences = net(*inputs).probabilities()
    rounded = copy.deepcopy(net)
    for parameter in rounded.parameters():
        parameter.copy_(torch.nextafter(parameter, torch.full_like(parameter, math.inf)))
    difference = float((rounded(*inputs).probabilities() - confidences).abs().max())
    return difference, float(confidences.std(dim=1).max())


def sample_clip(
    config: SavedModelConfig, net: SpottingNet, *, between: bool = False
) -> list[torch.Tensor]:
    """Inputs of a net: frames `[1, T, 3, H, W]` of the sample match, uint8, and track features.

    Args:
        config: settings of the net.
        net: the net.
        between: take the frames halfway between the others.
    """
    count = min(_FRAMES, config.model.positions or _FRAMES)
    if config.model.takes_frames:
        video = VideoFrames(sample_match() / VIDEO_FILE, config)
        step = min(_STEP, len(video.times_ms) // count)
        places = range(step // 2 if between else 0, count * step, step)
        frames = np.concatenate([video.read(place, place + 1) for place in places])
    else:
        frames = np.zeros((count, config.height, config.width, 3), np.uint8)
    inputs = [torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)[None]]
    if net.tracking is not None:
        inputs.append(torch.rand(1, count, net.tracking.input_dim))
    return inputs


if __name__ == "__main__":
    sys.exit(main())
