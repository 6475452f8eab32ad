"""The Lightning module: one training step, the optimizer and its schedule."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor

from onball.config import TrainingConfig
from onball.data.augment import colour_jitter, flip
from onball.errors import OnballError
from onball.models import SpottingNet
from onball.training.losses import class_weights, spotting_loss
from onball.training.schedule import TrainingSteps, learning_rate_factor


class SpottingModule(L.LightningModule):  # type: ignore[misc]
    """A spotting net in training.

    Batches are uint8 frames `[B, T, 3, H, W]` and targets `[B, T]`. All chance in a step
    (augmentation, dropout) hangs on the seed and the step's number alone, so that a resumed run
    goes on exactly as it would have.

    Raises `OnballError` in a step whose loss is not finite.
    """

    def __init__(self, net: SpottingNet, config: TrainingConfig) -> None:
        super().__init__()
        self.net = net
        self.config = config
        self.steps = TrainingSteps.of(config)
        weights = class_weights(config.background_weight, config.action_weight)
        self.register_buffer("class_weights", weights, persistent=False)
        self.class_weights: Tensor

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        frames, targets = batch
        torch.manual_seed((self.config.seed << 32) + self.global_step)
        frames = flip(frames, self.config.flip_probability)
        frames = colour_jitter(frames, self.config.jitter)
        loss = spotting_loss(self.net(frames), targets, self.class_weights)
        if not torch.isfinite(loss):
            raise OnballError(
                f"the loss became {loss.item()} at step {self.global_step} (epoch "
                f"{self.current_epoch + 1}); lower training.learning_rate"
            )
        self.log("train/loss", loss, prog_bar=True, batch_size=len(frames))
        self.log("train/learning_rate", self.learning_rate)
        return loss

    @property
    def learning_rate(self) -> float:
        """The learning rate of the present step."""
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def configure_optimizers(self) -> dict[str, Any]:
        config = self.config
        # Biases and the parameters of normalisation layers are not decayed.
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
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
