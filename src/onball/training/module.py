"""The learning rate, step by step: a linear warm-up, then half a cosine down to zero."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, cast

import lightning as L
import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from onball.config import ExperimentConfig, TrainingConfig
from onball.data.augment import augment
from onball.data.clips import Clips
from onball.errors import OnballError
from onball.models import ClipClassifier, SpottingNet
from onball.tracking.features import mirrored_signs
from onball.training.losses import clip_loss, spotting_loss
from onball.training.targets import (
    frame_targets_of,
    mix_frames,
    mix_targets,
    mix_values,
    mixup_lambdas,
)


@dataclass(frozen=True, slots=True)
class TrainingSteps:
    """How many steps a training takes: in an epoch, while it warms up, and in all.

    Attributes:
        clips_per_step: clips of all processes and accumulated batches.
        clips_per_epoch: as configured; rounded up to whole steps if several processes or batches
            share one, so that each does the same.
    """

    per_epoch: int
    warmup: int
    total: int
    clips_per_step: int
    clips_per_epoch: int

    @classmethod
    def of(cls, config: TrainingConfig, processes: int = 1) -> Self:
        """The steps of a training with that config; the last batch of an epoch may be smaller."""
        clips_per_step = config.batch_size * config.accumulate * processes
        per_epoch = math.ceil(config.clips_per_epoch / clips_per_step)
        clips = config.clips_per_epoch
        if config.accumulate * processes > 1:
            clips = per_epoch * clips_per_step
        warmup = round(min(config.warmup_epochs, config.epochs) * per_epoch)
        return cls(per_epoch, warmup, config.epochs * per_epoch, clips_per_step, clips)


def learning_rate_factor(step: int, warmup_steps: int, total_steps: int) -> float:
    """What the learning rate is multiplied by at a step (counted from 0), 0 to 1.

    It rises in equal steps from 1/`warmup_steps` to 1, reaches 1 at the last step of the warm-up,
    falls along half a cosine (Loshchilov & Hutter 2017, without restarts), and never rises again:
    the last step of all still learns a little, any step after it nothing.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step + 1 - warmup_steps) / (total_steps + 1 - warmup_steps)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


# --- The Lightning modules: one training step of a spotting net or a clip classifier, the


#: Under this key a checkpoint says how many clips all processes together took in a step.
CLIPS_PER_STEP = "clips_per_step"


class LossNotFiniteError(OnballError):
    """The loss became infinite or not a number."""


class TrainingModule(L.LightningModule):  # type: ignore[misc]
    """A net in training.

    Batches are `Clips`. All chance in a step hangs on the seed and the keys of its clips alone
    (augmentation and mixup: each clip's own; dropout: the first clip's), so that a resumed run goes
    on exactly as it would have, and several processes do what one would.

    Args:
        net: to be trained.
        config: the experiment.
        steps: its steps.
        describe: names the clips of a batch, for messages.

    Raises `LossNotFiniteError` in a step whose loss is not finite, before the weights are touched.
    """

    def __init__(
        self,
        net: nn.Module,
        config: ExperimentConfig,
        steps: TrainingSteps,
        describe: Callable[[Clips], str],
    ) -> None:
        super().__init__()
        self.net = net
        self.config = config.training
        self.steps = steps
        self.average: AveragedModel | None = None
        if self.config.ema_decay is not None:
            average: Any = get_ema_multi_avg_fn(self.config.ema_decay)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(net, multi_avg_fn=average, use_buffers=True)
            # It is not learned: processes that train together would wait for its gradients.
            self.average.requires_grad_(False)
        self._describe = describe
        tracking = config.model.tracking
        #: What a flip does to each tracking input; whether it is known stays.
        self._flip_signs: Tensor | None = None
        if tracking is not None:
            signs = torch.from_numpy(mirrored_signs(tracking.features))
            self._flip_signs = torch.cat([signs, torch.ones_like(signs)])
        if self.config.freeze_backbone:
            self._backbone.requires_grad_(False)

    @property
    def eval_net(self) -> SpottingNet | ClipClassifier:
        """The net that is validated and saved: the averaged one, if there is one."""
        return cast(SpottingNet, self.net if self.average is None else self.average.module)

    @property
    def _backbone(self) -> nn.Module:
        backbone: nn.Module = self.net.get_submodule("backbone")
        return backbone

    def training_step(self, batch: Clips, batch_idx: int) -> Tensor:
        keys = zip(batch.source.tolist(), batch.key.tolist(), strict=True)
        seeds = [(self.config.seed, source, *key) for source, key in keys]
        generators = [torch.Generator().manual_seed(_seed(*seed)) for seed in seeds]
        torch.manual_seed(_seed(1, *seeds[0]))
        if self.config.freeze_backbone:
            self._backbone.eval()  # statistics of normalisation layers stay, too
        frames, flipped = augment(batch.frames, self.config.augmentation, generators)
        shares = mixup_lambdas(self.config.mixup, generators)
        tracking = mix_values(self._mirrored(batch.tracking, flipped), shares)
        loss = self.loss(mix_frames(frames, shares), tracking, batch, flipped, shares)
        told = _mean_over_processes(loss.detach())
        if not torch.isfinite(told):  # in every process, or the others would wait for this one
            raise LossNotFiniteError(
                f"the loss became {told.item()} at step {self.global_step} (epoch "
                f"{self.current_epoch + 1}), on {self._describe(batch)}"
            )
        self.log("train/loss", told, prog_bar=True, batch_size=len(frames))
        self.log("train/learning_rate", self.learning_rate)
        return loss

    def _mirrored(self, tracking: Tensor, flipped: Tensor) -> Tensor:
        """What the tracks `[B, T, 2F]` of mirrored clips say: left and right have changed sides."""
        if self._flip_signs is None:
            return tracking
        signs = self._flip_signs.to(tracking.device)
        return torch.where(flipped.to(tracking.device)[:, None, None], tracking * signs, tracking)

    @abstractmethod
    def loss(
        self, frames: Tensor, tracking: Tensor, clips: Clips, flipped: Tensor, shares: Tensor
    ) -> Tensor:
        """The loss of augmented and blended frames `[B, T, 3, H, W]`, a scalar.

        Args:
            tracking: `[B, T, 2F]`, mirrored and blended as the frames are.
            clips: as they were loaded.
            flipped: bool `[B]`, which of them were mirrored.
            shares: `[B]`, λ of each in its blend.
        """

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        # Not in on_train_batch_end: a checkpoint may be saved before that, and not every batch
        # ends with a step.
        super().optimizer_step(*args, **kwargs)
        if self.average is not None:
            self.average.update_parameters(self.net)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[CLIPS_PER_STEP] = self.steps.clips_per_step

    @property
    def learning_rate(self) -> float:
        """The learning rate of the present step."""
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def configure_optimizers(self) -> dict[str, Any]:
        config = self.config
        trained = [p for p in self.net.parameters() if p.requires_grad]
        # Biases and the parameters of normalisation layers are not decayed.
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=config.learning_rate)
        steps = self.steps
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, steps.warmup, steps.total)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class SpottingModule(TrainingModule):
    """A spotting net in training: classes, displacements or offsets, and a second label set."""

    def __init__(
        self,
        net: SpottingNet,
        config: ExperimentConfig,
        steps: TrainingSteps,
        describe: Callable[[Clips], str],
    ) -> None:
        super().__init__(net, config, steps, describe)
        self._teams = config.model.teams
        self._radius = net.head.radius

    def loss(
        self, frames: Tensor, tracking: Tensor, clips: Clips, flipped: Tensor, shares: Tensor
    ) -> Tensor:
        scores = self.net(frames, tracking)
        targets = frame_targets_of(
            clips,
            self.config.loss,
            teams=self._teams,
            head_radius=self._radius,
            auxiliary=scores.auxiliary is not None,
            flipped=flipped,
        )
        return spotting_loss(scores, mix_targets(targets, shares), self.config.loss)


class ClassificationModule(TrainingModule):
    """A clip classifier in training: which actions happen in each clip."""

    def __init__(
        self,
        net: ClipClassifier,
        config: ExperimentConfig,
        steps: TrainingSteps,
        describe: Callable[[Clips], str],
    ) -> None:
        super().__init__(net, config, steps, describe)

    def loss(
        self, frames: Tensor, tracking: Tensor, clips: Clips, flipped: Tensor, shares: Tensor
    ) -> Tensor:
        return clip_loss(self.net(frames, tracking), mix_values(clips.present, shares))


def _seed(*numbers: int) -> int:
    """A 64-bit seed out of some numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def _mean_over_processes(value: Tensor) -> Tensor:
    if distributed.is_available() and distributed.is_initialized():
        value = value.clone()
        distributed.all_reduce(value)
        return value / distributed.get_world_size()
    return value
