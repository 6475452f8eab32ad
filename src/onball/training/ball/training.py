"""Training of the ball network on rendered excerpts, and its export to ONNX."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, default_collate

from onball.errors import DataError
from onball.files import atomic_path, require_writable
from onball.models.compute import choose_device, choose_precision
from onball.progress import Progress, ProgressCallback, no_progress
from onball.tracking.detectors.ball_layout import INPUT, INPUT_CHANNELS, OUTPUTS
from onball.training.ball.network import BallNetwork, Maps
from onball.training.ball.samples import BallSamples, Sample, Targets

CHECKPOINT_FILE = "checkpoint.pt"
MODEL_FILE = "ball.onnx"
#: Weights of the losses: heatmaps of ball, people and goals, then offsets and sizes.
_HEAT_WEIGHTS = (1.0, 0.5, 0.3)
_REGRESSION_WEIGHT = 0.3
_SAVE_EVERY = 200  # steps


@dataclass(frozen=True)
class BallTraining:
    """Settings of a training.

    Attributes:
        steps: number of optimiser steps.
        batch: crops in a step.
        learning_rate: its largest value; it rises during the first 5 % of the steps, then falls along
            a cosine.
        weight_decay: of AdamW.
        averaging: decay of the exponential moving average of the weights, which is what is saved.
        precision: `auto` computes in bfloat16 where the device does so natively; `32` and `bf16` choose.
        seed: of weights and samples.
    """

    steps: int = 6000
    batch: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    averaging: float = 0.998
    precision: Literal["auto", "32", "bf16"] = "auto"
    seed: int = 0


def train_ball_network(
    data: str | Path,
    out: str | Path,
    settings: BallTraining = BallTraining(),
    *,
    workers: int = 1,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
) -> Path:
    """Train the network on excerpts, and write `OUT/ball.onnx`.

    An interrupted call goes on from its last checkpoint.

    Args:
        data: folder of `onball.simulator.excerpts.render_excerpts`.
        out: folder for checkpoint and model.
        settings: of the training.
        workers: processes that make samples; 0 makes them in this one.
        device: `auto`, `cpu`, `cuda` …
        progress: called with the number of steps.

    Returns:
        The ONNX file.

    Raises:
        InputError: the device cannot be used.
        DataError: there are no excerpts, or the checkpoint is of other settings.
    """
    folders = sorted(path.parent for path in Path(data).glob("*/tracks.parquet"))
    if not folders:
        raise DataError(f"{data}: no excerpts of simulated matches: render them first")
    out = Path(out)
    require_writable(out)
    place = choose_device(device)
    bfloat16 = choose_precision(settings.precision, place) is torch.bfloat16
    torch.manual_seed(settings.seed)
    network = BallNetwork().to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average_of = get_ema_multi_avg_fn(settings.averaging)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=average_of, use_buffers=True)
    optimizer = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _rate(step, settings.steps)
    )
    first = _resume(out / CHECKPOINT_FILE, settings, network, average, optimizer, schedule)
    samples = BallSamples(folders, seed=settings.seed + 1_000_003 * first)
    batches = iter(DataLoader(samples, settings.batch, num_workers=workers, collate_fn=_collate))
    network.train()
    mean = 0.0
    for step in range(first, settings.steps):
        frames, targets = next(batches)
        inputs = frames.to(place).float().contiguous(memory_format=torch.channels_last)
        targets = Targets(*(each.to(place) for each in targets))
        with torch.autocast(place.type, torch.bfloat16, enabled=bfloat16):
            maps = network(inputs)
        loss = training_loss(maps, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        mean = loss.item() if step == first else 0.98 * mean + 0.02 * loss.item()
        done = step + 1
        if done % _SAVE_EVERY == 0 or done == settings.steps:
            state = {
                "step": done, "settings": asdict(settings), "network": network.state_dict(),
                "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
            }  # fmt: skip
            with atomic_path(out / CHECKPOINT_FILE) as partial:
                torch.save(state, partial)
        progress(Progress(f"loss {mean:.3f}", done, settings.steps, "steps", resumed=first))
    return export_onnx(cast(BallNetwork, average.module.cpu()), out / MODEL_FILE)


def _rate(step: int, steps: int) -> float:
    """Factor of the learning rate."""
    warmup = max(1, steps // 20)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup)))) + 1e-3


def _collate(samples: list[Sample]) -> Sample:
    frames, targets = default_collate(samples)
    return Sample(frames, Targets(*targets))


def _resume(path: Path, settings: BallTraining, *parts: Any) -> int:
    """Load the checkpoint, if there is one; returns the number of steps done."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True, map_location="cpu")
    if state["settings"] != asdict(settings):
        raise DataError(f"{path}: a training with other settings: choose another --out")
    for part, name in zip(parts, ("network", "average", "optimizer", "schedule"), strict=True):
        part.load_state_dict(state[name])
    return int(state["step"])


def training_loss(maps: Maps, targets: Targets) -> Tensor:
    """Penalty-reduced focal loss of the heatmaps, and L1 loss at the centres (CenterNet).

    Args:
        maps: outputs of the network.
        targets: of the batch.
    """
    logits = maps.logits.float()
    positive = targets.centres
    scores = logits.sigmoid()
    log_score, log_rest = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    at_centres = -((1 - scores) ** 2) * log_score * positive * targets.weight
    elsewhere = -(scores**2) * log_rest * (1 - targets.heat) ** 4 * ~positive
    count = positive.sum((0, 2, 3)).clamp(min=1)
    heat = ((at_centres + elsewhere).sum((0, 2, 3)) / count) @ logits.new_tensor(_HEAT_WEIGHTS)
    predicted = torch.cat(maps[1:], 1)
    error = (predicted.float() - targets.regression).abs()
    ball = (error[:, :3] * positive[:, :1]).sum() / count[0]
    people = (error[:, 3:7] * positive[:, 1:2]).sum() / count[1]
    goals = (error[:, 7:] * positive[:, 2:]).sum() / count[2]
    return heat + _REGRESSION_WEIGHT * (ball + people + goals)


def export_onnx(network: BallNetwork, path: Path) -> Path:
    """Write a network as an ONNX file: normalised frames `[1, 5, H, W]` to the maps, sigmoids applied."""

    class Exported(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
            maps = self.network.of_normalised(frames)
            return (maps.logits.sigmoid(), *maps[1:])

    example = torch.zeros(1, INPUT_CHANNELS, 384, 640)
    axes = {INPUT: {2: "height", 3: "width"}}
    with atomic_path(path) as partial, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Exported().eval(),
            (example,),
            str(partial),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            dynamo=False,
        )
    return path
