"""Keeping the best model: validation after an epoch, and stopping early when it no longer helps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import nn

from onball.config import ExperimentConfig, SavedModelConfig
from onball.models import save_model
from onball.training.card import model_card
from onball.training.module import TrainingModule
from onball.training.validation import ValidationResult


class BestModel(Callback):  # type: ignore[misc]
    """Validates after an epoch and keeps the model with the highest mAP10 so far.

    Without matches to validate on, the latest model counts as the best. In distributed training
    the first process validates and the others wait.

    Args:
        config: the experiment.
        validate: measures a net; None if there is nothing to validate on.
        folder: of the saved model.

    Attributes:
        result: of the validation after the present epoch, if there was one.
        exhausted: mAP10 has not risen for `early_stopping_epochs` epochs.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        validate: Callable[[nn.Module], ValidationResult] | None,
        folder: Path,
    ) -> None:
        self.result: ValidationResult | None = None
        self.exhausted = False
        self._config = config
        self._validate = validate
        self._folder = folder
        self._best = -1.0
        self._best_epoch = 0

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        self.result = None
        if trainer.should_stop:
            return
        epoch = trainer.current_epoch + 1
        training = self._config.training
        due = epoch % training.validate_every_epochs == 0 or epoch == training.epochs
        if trainer.is_global_zero and (due or self._validate is None):
            self._keep_if_best(epoch, pl_module)
        patience = training.early_stopping_epochs
        if patience is not None:
            over = due and self._validate is not None and epoch - self._best_epoch >= patience
            self.exhausted = bool(trainer.strategy.broadcast(over))

    def _keep_if_best(self, epoch: int, module: TrainingModule) -> None:
        if self._validate is not None:
            self.result = self._validate(module.kept_net)
            module.log("valid/loss", self.result.loss, rank_zero_only=True)
            module.log("valid/map12", self.result.map12, rank_zero_only=True)
            module.log("valid/map10", self.result.map10, rank_zero_only=True)
            # Until something is found at all, the latest model is the best, but none has risen.
            if self.result.map10 < self._best or (self.result.map10 == self._best > 0):
                return
            if self.result.map10 > self._best:
                self._best, self._best_epoch = self.result.map10, epoch
        card = model_card(self._config, epoch, self.result)
        save_model(module.kept_net, SavedModelConfig.of(self._config), self._folder, card=card)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "best_epoch": self._best_epoch, "exhausted": self.exhausted}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best = state_dict["best"]
        self._best_epoch = state_dict["best_epoch"]
        self.exhausted = state_dict["exhausted"]
