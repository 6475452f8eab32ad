"""What happens around the training steps: validation, the log, saved states, interruption."""

from __future__ import annotations

import csv
import io
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from rich.console import Console

from onball.config import ExperimentConfig, SavedModelConfig
from onball.data.clips import LabelledMatch
from onball.errors import DataError
from onball.files import atomic_path, read_text, write_text_atomic
from onball.models import save_model
from onball.training.card import model_card
from onball.training.module import SpottingModule
from onball.training.validation import ValidationResult, validate


class BestModel(Callback):  # type: ignore[misc]
    """Validates after an epoch and keeps the model with the highest mAP10 so far.

    Without matches to validate on, the latest model counts as the best.

    Attributes:
        result: of the validation after the present epoch, if there was one.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        matches: Sequence[LabelledMatch],
        folder: Path,
        precision: torch.dtype,
    ) -> None:
        self.result: ValidationResult | None = None
        self._config = config
        self._matches = matches
        self._folder = folder
        self._precision = precision
        self._best = -1.0

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: SpottingModule) -> None:
        self.result = None
        if trainer.should_stop:
            return
        epoch = trainer.current_epoch + 1
        training = self._config.training
        due = epoch % training.validate_every_epochs == 0 or epoch == training.epochs
        if self._matches and not due:
            return
        if self._matches:
            weights = pl_module.class_weights.cpu().numpy()
            self.result = validate(
                pl_module.net, self._matches, self._config.inference, weights, self._precision
            )
            pl_module.log("valid/loss", self.result.loss)
            pl_module.log("valid/map12", self.result.map12)
            pl_module.log("valid/map10", self.result.map10)
            if self.result.map10 < self._best:
                return
            self._best = self.result.map10
        card = model_card(self._config, epoch, self.result)
        save_model(pl_module.net, SavedModelConfig.of(self._config), self._folder, card=card)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best = state_dict["best"]


class EpochLog(Callback):  # type: ignore[misc]
    """One line on the console and one row in `metrics.csv` per epoch."""

    def __init__(self, path: Path, best: BestModel, console: Console) -> None:
        self._path = path
        self._best = best
        self._console = console
        self._losses: list[torch.Tensor] = []
        self._frames = 0
        self._begin = self._trained = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: SpottingModule) -> None:
        self._restart()

    def on_train_start(self, trainer: L.Trainer, pl_module: SpottingModule) -> None:
        # Lightning does not call on_train_epoch_start where a run resumes amid an epoch.
        self._restart()

    def _restart(self) -> None:
        self._losses, self._frames, self._begin = [], 0, time.monotonic()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: SpottingModule,
        outputs: dict[str, torch.Tensor],
        batch: tuple[torch.Tensor, torch.Tensor],
        batch_idx: int,
    ) -> None:
        self._losses.append(outputs["loss"].detach())
        self._frames += batch[1].numel()
        self._trained = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: SpottingModule) -> None:
        if trainer.should_stop or not self._losses:
            return
        epoch = trainer.current_epoch + 1
        speed = self._frames / max(1e-9, self._trained - self._begin)
        seconds = time.monotonic() - self._begin
        row = {
            "epoch": epoch,
            "step": trainer.global_step,
            "learning_rate": f"{pl_module.learning_rate:.3g}",
            "train_loss": f"{torch.stack(self._losses).mean().item():.5f}",
            "valid_loss": "",
            "map12": "",
            "map10": "",
            "frames_per_second": f"{speed:.1f}",
            "seconds": f"{seconds:.1f}",
        }
        shown = ""
        if self._best.result:
            result = self._best.result
            row["valid_loss"] = f"{result.loss:.5f}"
            row["map12"], row["map10"] = f"{result.map12:.5f}", f"{result.map10:.5f}"
            shown = f"mAP12@1 {100 * result.map12:.2f}  mAP10@1 {100 * result.map10:.2f}  "
        _append_row(self._path, row)
        left = (pl_module.config.epochs - epoch) * seconds / 60
        self._console.print(
            f"epoch {epoch}/{pl_module.config.epochs}  loss {row['train_loss']}  {shown}"
            f"{speed:.0f} frames/s  about {left:.0f} min left",
            highlight=False,
            soft_wrap=True,
        )


class LastCheckpoint(Checkpoint):  # type: ignore[misc]
    """Keeps the state to resume from: after every epoch, and when the user interrupts the run.

    Ctrl-C or SIGTERM ends the run after the present step; a second one ends the process at once.

    Attributes:
        interrupted: the run was ended so.
    """

    def __init__(self, path: Path) -> None:
        self.interrupted = False
        self._path = path
        self._former: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: SpottingModule) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            self._former[name] = signal.signal(name, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        self._restore_signals()

    def _restore_signals(self) -> None:
        for name, handler in self._former.items():
            signal.signal(name, handler)
        self._former = {}

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: SpottingModule, *_: object) -> None:
        # After an epoch's last step, the state is saved (once) when validation is through.
        if self.interrupted and trainer.global_step % pl_module.steps.per_epoch:
            self._save(trainer)
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: SpottingModule) -> None:
        if not trainer.should_stop:
            self._save(trainer)
            trainer.should_stop = self.interrupted

    def teardown(self, trainer: L.Trainer, pl_module: SpottingModule, stage: str) -> None:
        self._restore_signals()

    def _save(self, trainer: L.Trainer) -> None:
        with atomic_path(self._path) as aside:
            trainer.save_checkpoint(aside)


def _append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row; rows of this epoch or later ones, from before a resume, go."""
    rows: list[dict[str, Any]] = []
    if path.exists():
        rows = list(csv.DictReader(io.StringIO(read_text(path, DataError))))
    rows = [former for former in rows if int(former["epoch"]) < row["epoch"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, row])
    write_text_atomic(path, text.getvalue())
