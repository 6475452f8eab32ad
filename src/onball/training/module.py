"""Lightning modules: the learning rate schedule, and a training step of each kind of net.

A step augments and blends the clips of a batch (`onball.data.augment`, `onball.training.targets`),
runs the net, and computes the loss (`onball.training.losses`).
"""

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
from onball.models.components import Backbone
from onball.models.freezing import freeze, parameter_groups
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
    """Numbers of steps and clips of a training.

    Attributes:
        per_epoch: steps of an epoch.
        warmup: steps of the warm-up.
        total: steps of all epochs.
        clips_per_step: clips of all processes and accumulated batches.
        clips_per_epoch: as configured; rounded up to whole steps if several processes or batches
            share a step, so that all have equally many clips.
    """

    per_epoch: int
    warmup: int
    total: int
    clips_per_step: int
    clips_per_epoch: int

    @classmethod
    def of(cls, config: TrainingConfig, processes: int = 1) -> Self:
        """Return the steps for a config; the last batch of an epoch may be smaller."""
        clips_per_step = config.batch_size * config.accumulate * processes
        per_epoch = math.ceil(config.clips_per_epoch / clips_per_step)
        clips = config.clips_per_epoch
        if config.accumulate * processes > 1:
            clips = per_epoch * clips_per_step
        warmup = round(min(config.warmup_epochs, config.epochs) * per_epoch)
        return cls(per_epoch, warmup, config.epochs * per_epoch, clips_per_step, clips)


def learning_rate_factor(step: int, warmup_steps: int, total_steps: int) -> float:
    """Return the factor of the learning rate at a step (counted from 0), 0 to 1.

    It rises in equal steps from 1/`warmup_steps` to 1 at the last step of the warm-up, then falls
    along half a cosine (Loshchilov & Hutter 2017, without restarts). At the last step it is still
    above 0, and it is 0 at any later step.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step + 1 - warmup_steps) / (total_steps + 1 - warmup_steps)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


#: Key of a checkpoint for the number of clips that all processes together took in a step.
CLIPS_PER_STEP = "clips_per_step"


class LossNotFiniteError(OnballError):
    """The loss became infinite or NaN."""


class TrainingModule(L.LightningModule):  # type: ignore[misc]
    """Base class of nets in training, on batches of `Clips`.

    All random numbers of a step derive from the seed of the run and the keys of its clips: for
    augmentation and mixup from each clip's own, for dropout from the first clip's. So a resumed run
    continues exactly, and several processes compute what one would.

    The exponential moving average of the weights is part of the module and not Lightning's
    `EMAWeightAveraging`: that callback provides the average to Lightning's validation loop only,
    while whole matches are validated, and the model saved, in a callback after the epoch. It also
    overwrites the net with the average at the end of training, so the last step would not be the
    state to resume from.

    Args:
        net: the net to train.
        config: the experiment.
        steps: numbers of its steps.
        describe: returns the names of the clips of a batch, for error messages.

    Raises:
        LossNotFiniteError: in a step whose loss is not finite, before it changes the weights.
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
            # It has no gradients, which processes that train together would wait for.
            self.average.requires_grad_(False)
        self._describe = describe
        tracking = config.model.tracking
        #: Factor of each track feature and mask in a mirrored clip.
        self._flip_signs: Tensor | None = None
        if tracking is not None:
            self._flip_signs = torch.from_numpy(mirrored_signs(tracking.features))
        self._frozen = freeze(self._backbone, config.frozen)

    @property
    def eval_net(self) -> SpottingNet | ClipClassifier:
        """The net to validate and save: the averaged one, if there is one."""
        return cast(SpottingNet, self.net if self.average is None else self.average.module)

    @property
    def _backbone(self) -> Backbone:
        return cast(Backbone, self.net.get_submodule("backbone"))

    def training_step(self, batch: Clips, batch_idx: int) -> Tensor:
        keys = zip(batch.source.tolist(), batch.key.tolist(), strict=True)
        seeds = [(self.config.seed, source, *key) for source, key in keys]
        generators = [torch.Generator().manual_seed(_seed(*seed)) for seed in seeds]
        torch.manual_seed(_seed(1, *seeds[0]))
        for module in self._frozen:
            module.eval()  # keeps the statistics of normalisation layers
        if batch.frames.ndim == 5:
            frames, flipped = augment(batch.frames, self.config.augmentation, generators)
        else:  # features of a backbone cannot be changed as pixels can
            frames = batch.frames
            flipped = torch.zeros(len(frames), dtype=torch.bool, device=frames.device)
        lambdas = mixup_lambdas(self.config.mixup, generators)
        track_features = mix_values(self._mirror(batch.track_features, flipped), lambdas)
        loss = self.loss(mix_frames(frames, lambdas), track_features, batch, flipped, lambdas)
        mean = _mean_over_processes(loss.detach())
        if not torch.isfinite(mean):  # in every process, or the others would wait for this one
            raise LossNotFiniteError(
                f"the loss became {mean.item()} at step {self.global_step} (epoch "
                f"{self.current_epoch + 1}), on {self._describe(batch)}"
            )
        self.log("train/loss", mean, prog_bar=True, batch_size=len(frames))
        self.log("train/learning_rate", self.learning_rate)
        return loss

    def _mirror(self, track_features: Tensor, flipped: Tensor) -> Tensor:
        """Track features `[B, T, 2F]` with left and right exchanged in the clips that are flipped."""
        if self._flip_signs is None:
            return track_features
        device = track_features.device
        mirrored = track_features * self._flip_signs.to(device)
        return torch.where(flipped.to(device)[:, None, None], mirrored, track_features)

    @abstractmethod
    def loss(
        self, frames: Tensor, track_features: Tensor, clips: Clips, flipped: Tensor, lambdas: Tensor
    ) -> Tensor:
        """Return the loss of a batch, a scalar.

        Args:
            frames: `[B, T, 3, H, W]`, augmented and blended; or features `[B, T, C]`, blended.
            track_features: `[B, T, 2F]`, mirrored and blended as the frames are.
            clips: the clips as they were loaded.
            flipped: bool `[B]`, True for mirrored clips.
            lambdas: `[B]`, weight λ of each clip in its blend.
        """

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        # Not in on_train_batch_end: a checkpoint may be saved before that, and not every batch
        # ends with a step.
        super().optimizer_step(*args, **kwargs)
        if self.average is not None:
            self.average.update_parameters(self.net)

    def on_train_start(self) -> None:
        # A checkpoint holds the learning rate of the schedule that it was saved with, which is
        # another one if the run is resumed with more epochs.
        schedule = cast(torch.optim.lr_scheduler.LambdaLR, self.lr_schedulers())
        for group, rate in zip(schedule.optimizer.param_groups, schedule.base_lrs, strict=True):
            factor = learning_rate_factor(schedule.last_epoch, self.steps.warmup, self.steps.total)
            group["lr"] = rate * factor

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[CLIPS_PER_STEP] = self.steps.clips_per_step

    @property
    def learning_rate(self) -> float:
        """The learning rate of the current step."""
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def configure_optimizers(self) -> dict[str, Any]:
        config = self.config
        groups = parameter_groups(self.net, self._backbone, config)
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
    """Spotting net in training: classes, displacements or offsets, and a second label set."""

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
        self, frames: Tensor, track_features: Tensor, clips: Clips, flipped: Tensor, lambdas: Tensor
    ) -> Tensor:
        scores = self.net(frames, track_features)
        targets = frame_targets_of(
            clips,
            self.config.loss,
            teams=self._teams,
            head_radius=self._radius,
            auxiliary=scores.auxiliary is not None,
            flipped=flipped,
        )
        return spotting_loss(scores, mix_targets(targets, lambdas), self.config.loss)


class ClassificationModule(TrainingModule):
    """Clip classifier in training: the actions that happen in each clip."""

    def loss(
        self, frames: Tensor, track_features: Tensor, clips: Clips, flipped: Tensor, lambdas: Tensor
    ) -> Tensor:
        return clip_loss(self.net(frames, track_features), mix_values(clips.present, lambdas))


def _seed(*numbers: int) -> int:
    """Combine numbers into a 64-bit seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def _mean_over_processes(value: Tensor) -> Tensor:
    if distributed.is_available() and distributed.is_initialized():
        value = value.clone()
        distributed.all_reduce(value)
        return value / distributed.get_world_size()
    return value
