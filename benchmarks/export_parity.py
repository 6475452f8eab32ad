"""Exports of every system: whether ONNX and OpenVINO compute what PyTorch computes.

    python benchmarks/export_parity.py                                 every config and published model
    python benchmarks/export_parity.py spotting/x3d tdeed-challenge1   these only

Each system has small frames and random weights, the same in every run: parameters that begin as zeros
get noise, batch normalisation has the statistics of the sample match, and the classifier is scaled so
that the confidences spread over 0 to 1. `export_model` exports it and compares the two runtimes with
PyTorch on the sample match. The table is Markdown; the exit code is 1 if a system that should be exported is
not, or differs by more than the bound.

The time of an export is in the tracing, which does not depend on the frames' size; the networks of the
systems are those of the configs.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from dataclasses import dataclass
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
from onball.models.runtimes.records import FORMATS
from onball.spotting.exporting import SCORE_BOUND, export_model

#: Systems that are refused; every other one must be exported.
REFUSED = ("stacker-2023",)
#: Frames that batch normalisation sees.
#: Frames of the sample match that the statistics are of, and the distance between them.
_FRAMES, _STEP = 8, 12
#: Standard deviation of the logits over these frames, and the largest factor to reach it.
_LOGITS, _MOST_GAIN = 2.0, 50.0
_SEED = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result for one system.

    Attributes:
        refusal: the reason why it is not exported; empty if it is.
        differences: the largest difference of a confidence, by format.
        spread: standard deviation of the confidences over the frames, the largest of any class.
        seconds: processor time of both exports.
    """

    refusal: str
    differences: dict[str, float]
    spread: float
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Exported within the bound, or refused by the package itself."""
        return bool(self.refusal) or all(d <= SCORE_BOUND for d in self.differences.values())


def main() -> int:
    """Print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("systems", nargs="*", help="configs and published models; default: all")
    wanted = parser.parse_args().systems or systems()
    torch.set_num_threads(1)
    print("| system | frames | ONNX | OpenVINO | spread | processor time |")
    print("|---|---|---|---|---|---|", flush=True)
    failed = False
    measured: dict[str, Outcome] = {}
    for name in wanted:
        config = small_config(name)
        # Some configs have the same net, and differ in its training.
        same = config.model_dump_json()
        if same not in measured:
            with tempfile.TemporaryDirectory() as folder:
                measured[same] = measure(config, Path(folder))
        outcome = measured[same]
        if outcome.refusal:
            cells = [f"refused: {outcome.refusal}", "", "", ""]
            failed |= name not in REFUSED and config.task == "spotting"
        else:
            cells = [f"{outcome.differences[format]:.1g}" for format in FORMATS]
            cells += [f"{outcome.spread:.2f}", f"{outcome.seconds:.0f} s"]
            failed |= not outcome.as_expected
        print(f"| {name} | {config.width}×{config.height} | {' | '.join(cells)} |", flush=True)
    return int(failed)


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
        backbone = ComponentConfig(**{**dict(model.backbone), "crop": 32})
        model = model.model_copy(update={"backbone": backbone})
    return config.model_copy(update={"width": width, "height": height, "model": model})


def measure(config: SavedModelConfig, folder: Path) -> Outcome:
    """Export a system with random weights in both formats, into a folder that exists."""
    net, spread = random_system(config)
    save_model(net, config, folder / "model")
    start, differences = time.process_time(), {}
    for format in FORMATS:
        try:
            exported = export_model(folder / "model", format=format, score_bound=math.inf)
        except ModelError as error:
            reason = str(error).removeprefix(f"{folder / 'model'}: ")
            return Outcome(reason, {}, spread, time.process_time() - start)
        assert exported.record.parity is not None
        differences[format] = exported.record.parity.score
    return Outcome("", differences, spread, time.process_time() - start)


@torch.no_grad()
def random_system(config: SavedModelConfig) -> tuple[SpottingNet | ClipClassifier, float]:
    """Build a net with random weights, and measure how far its confidences differ between frames.

    The second value is the standard deviation over the frames, the largest of any class.
    """
    torch.manual_seed(_SEED)
    net = build_model(config.model, config.task, fetch_weights=False).eval()
    if not isinstance(net, SpottingNet) or net.backbone.export_obstacle:
        return net, math.nan
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
    return net, float(net(*inputs).probabilities().std(dim=1).max())


def sample_clip(config: SavedModelConfig, net: SpottingNet) -> list[torch.Tensor]:
    """Inputs of a net: frames `[1, T, 3, H, W]` of the sample match, uint8, and track features."""
    count, step = _FRAMES, _STEP
    if config.model.takes_frames:
        frames = VideoFrames(sample_match() / VIDEO_FILE, config).read(0, count * step)[::step]
    else:
        frames = np.zeros((count, config.height, config.width, 3), np.uint8)
    inputs = [torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)[None]]
    if net.tracking is not None:
        inputs.append(torch.rand(1, count, net.tracking.input_dim))
    return inputs


if __name__ == "__main__":
    sys.exit(main())
