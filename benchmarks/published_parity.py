"""Compare the published models with reference outputs of their authors' code.

    python benchmarks/published_parity.py FOLDER [--model NAME]

FOLDER has the reference vectors (see `published_vectors.py`). Prints, for each model, its
number of parameters and the largest difference of each output. Exits with 1 if one exceeds 1e-4.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from published_vectors import FOLDERS, Vectors
from torch import Tensor

from onball.config import PreprocessingConfig
from onball.models import SpottingNet
from onball.models.backbones.adaspot import AdaSpot
from onball.models.backbones.saliency import top_left
from onball.models.backbones.stacker import FrameStacker
from onball.models.backbones.x3d import X3D
from onball.models.published import PUBLISHED
from onball.spotting.published import move_scores

#: Largest difference of logits that counts as equal.
TOLERANCE = 1e-4
#: Size of the frames that X3D is built for, and of those it is tested with, and its frames.
X3D_SIZES = {"x3d-s": (13, 160, 182), "x3d-m": (16, 224, 256)}


@dataclass
class Parity:
    """Comparison of one model with its vectors.

    Attributes:
        name: of the model.
        parameters: number of parameters, all of which have a place in the net.
        differences: largest absolute difference of each output.
        seconds: time of the forward passes.
    """

    name: str
    parameters: int
    differences: dict[str, float]
    seconds: float

    @property
    def largest(self) -> float:
        """Largest difference of all outputs."""
        return max(self.differences.values())


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", action="append", choices=list(FOLDERS), help="default: all")
    given = parser.parse_args()
    print(f"{'model':18} {'parameters':>10}  {'seconds':>7}  largest difference of each output")
    equal = True
    for name in given.model or FOLDERS:
        parity = measure(given.folder, name)
        outputs = "  ".join(f"{k} {v:.1e}" for k, v in parity.differences.items())
        print(f"{name:18} {parity.parameters:10,}  {parity.seconds:7.1f}  {outputs}", flush=True)
        equal &= parity.largest <= TOLERANCE
    return 0 if equal else 1


def measure(root: Path, name: str) -> Parity:
    """Compare a model with the vectors in `root`."""
    vectors = Vectors(root, name)
    start = time.perf_counter()
    with torch.inference_mode():
        parameters, outputs = _x3d(vectors) if name in X3D_SIZES else _spotting(vectors)
    seconds = time.perf_counter() - start
    differences = {
        output: float(np.abs(found.numpy() - vectors.arrays[output]).max())
        for output, found in outputs.items()
    }
    return Parity(name, parameters, differences, seconds)


def _spotting(vectors: Vectors) -> tuple[int, dict[str, Tensor]]:
    """Number of parameters, and outputs, of a spotting model."""
    net = PUBLISHED[vectors.name].build(vectors.weights())
    return sum(p.numel() for p in net.parameters()), COMPARED[vectors.name](vectors, net)


def _adaspot(vectors: Vectors, net: SpottingNet) -> dict[str, Tensor]:
    clip = vectors.frames(100, 448, 796)
    regions = []
    backbone = net.backbone
    assert isinstance(backbone, AdaSpot)
    backbone.selector.register_forward_hook(lambda _, __, found: regions.append(found))
    scores = net(clip)
    blank = clip.clone()
    blank[:, :5] = 0
    blank_scores = net.scores_from_features(net.features(blank))
    # Versions of torchvision before 0.17 scale frames down without antialiasing.
    backbone.antialias = False
    aliased = net.scores_from_features(net.features(clip))
    return {
        "logits": scores.logits,
        "logits_lowres": scores.branches[0],
        "logits_highres": scores.branches[1],
        "roi_top_left": top_left(regions[0], *clip.shape[-2:])[0],
        "logits_no_antialias": aliased.logits,
        "logits_blank_start": blank_scores.logits,
        "roi_top_left_blank_start": top_left(regions[1], *clip.shape[-2:])[0],
    }


def _tdeed(vectors: Vectors, net: SpottingNet) -> dict[str, Tensor]:
    features = net.features(vectors.frames(100, 448, 796))
    scores = net.scores_from_features(features)
    assert scores.auxiliary is not None and scores.displacement is not None
    found = {
        "features": features[0],
        "logits": torch.cat([scores.logits, scores.auxiliary], dim=-1),
        "displacement": -scores.displacement,
        "scores": torch.from_numpy(
            move_scores(scores.probabilities()[0].numpy(), scores.displacement[0].numpy())
        )[None],
    }
    return found if scores.team is None else {**found, "team": scores.team}


def _e2espot(vectors: Vectors, net: SpottingNet) -> dict[str, Tensor]:
    clip = vectors.frames(100, 224, 398)
    features = net.features(clip)
    # A shorter clip is padded with frames of the mean colour, and cut again behind the backbone.
    mean = torch.tensor(PUBLISHED[vectors.name].model.preprocessing.mean).view(3, 1, 1)
    short = torch.cat([clip[:, :60] / 255, mean.expand_as(clip[:, 60:]).float()], dim=1)
    return {
        "features": features[0],
        "logits": net.scores_from_features(features).logits,
        "logits_short": net.scores_from_features(net.features(short)[:, :60]).logits,
    }


def _stacker(vectors: Vectors, net: SpottingNet) -> dict[str, Tensor]:
    clip = vectors.frames(77, 720, 1280, grey=True)
    backbone = net.backbone
    assert isinstance(backbone, FrameStacker)
    # The synthetic clip is what the network sees.
    backbone.levels = "full"

    def logits(frames: Tensor, centres: Sequence[int]) -> Tensor:
        """Logits `[1, n, 2]` of frames whose neighbours are all in the clip."""
        grey = backbone.grey(frames)
        maps = {t: backbone.encode(grey[:, [t - 2, t, t + 2]]) for t in stacks_of(centres)}
        pooled = [
            backbone.pool(torch.stack([maps[t] for t in stacks_of([centre])], dim=1))
            for centre in centres
        ]
        return net.scores_from_features(torch.stack(pooled, dim=1)).logits

    def stacks_of(centres: Sequence[int]) -> list[int]:
        return sorted({c + step for c in centres for step in range(-30, 31, 6)})

    sliding = logits(clip, [32, 38, 44])[0]
    flipped = logits(clip[:, :65].flip(-1), [32])[0]
    return {
        "logits": sliding[:1],
        "logits_sliding": sliding,
        "logits_flipped": flipped,
        "logits_reversed": logits(clip[:, :65].flip(1), [32])[0],
        "probabilities": sliding[:1].sigmoid(),
        "probabilities_tta": (sliding[:1].sigmoid() + flipped.sigmoid()) / 2,
    }


def _x3d(vectors: Vectors) -> tuple[int, dict[str, Tensor]]:
    """Number of parameters, and outputs, of X3D with the Kinetics classifier of the checkpoint."""
    weights = vectors.weights()
    backbone = X3D(PreprocessingConfig(mean=(0.45,) * 3, std=(0.225,) * 3), excitation="clip")
    backbone.load_published({"model_state": weights}, vectors.name)
    maps: list[Tensor] = []
    backbone.blocks[-1].pool.pre_act.register_forward_hook(lambda *call: maps.append(call[-1]))
    count, built_for, tested_with = X3D_SIZES[vectors.name]
    window = (count, -(-built_for // 32), -(-built_for // 32))
    outputs = {}
    for size, side in (("train_size", built_for), ("test_size", tested_with)):
        clip = vectors.frames(count, side, side, digest=f"{size}_frames_sha256")
        outputs[f"{size}_head_conv_spatial_mean"] = backbone.eval()(clip)[0]
        pooled = F.avg_pool3d(maps[-1], window, stride=1)
        hidden = F.conv3d(pooled, weights["blocks.5.pool.post_conv.weight"]).relu()
        logits = F.linear(
            hidden.flatten(2).transpose(1, 2),
            weights["blocks.5.proj.weight"],
            weights["blocks.5.proj.bias"],
        )
        outputs[f"{size}_logits"] = logits.mean(dim=1)[0]
    by_frame = X3D(PreprocessingConfig(mean=(0.45,) * 3, std=(0.225,) * 3), excitation="frame")
    by_frame.load_published(weights, vectors.name)
    clip = vectors.frames(count, built_for, built_for, digest="train_size_frames_sha256")
    outputs["one_frame_head_conv_spatial_mean"] = by_frame.eval()(clip[:, :1])[0]
    return sum(w.numel() for name, w in weights.items() if not _is_buffer(name)), outputs


def _is_buffer(name: str) -> bool:
    return name.endswith(("running_mean", "running_var", "num_batches_tracked"))


COMPARED: dict[str, Callable[[Vectors, SpottingNet], dict[str, Tensor]]] = {
    "adaspot-small": _adaspot,
    "adaspot-big": _adaspot,
    "tdeed-challenge1": _tdeed,
    "tdeed-challenge2": _tdeed,
    "team-baseline": _tdeed,
    "e2espot-rny002": _e2espot,
    "e2espot-rny008": _e2espot,
    "stacker-2023": _stacker,
}


if __name__ == "__main__":
    sys.exit(main())
