"""What a run says of itself: a line on the console and a row in `metrics.csv` per epoch."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from rich.console import Console

from onball.data.clips import Clips
from onball.errors import DataError
from onball.files import read_text, write_text_atomic
from onball.training.best import BestModel
from onball.training.module import TrainingModule


class EpochLog(Callback):  # type: ignore[misc]
    """One line on the console and one row in `metrics.csv` per epoch."""

    def __init__(self, path: Path, best: BestModel, console: Console) -> None:
        self._path = path
        self._best = best
        self._console = console
        self._losses: list[torch.Tensor] = []
        self._frames = 0
        self._begin = self._trained = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        self._losses = []
        self._start_clock()

    def on_train_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        # Lightning does not call on_train_epoch_start where a run resumes amid an epoch.
        self._start_clock()

    def _start_clock(self) -> None:
        self._frames, self._begin = 0, time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """The losses of the epoch so far."""
        return {"losses": [loss.item() for loss in self._losses]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._losses = [torch.tensor(loss) for loss in state_dict["losses"]]

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: TrainingModule,
        outputs: dict[str, torch.Tensor],
        batch: Clips,
        batch_idx: int,
    ) -> None:
        # The module logs the mean over processes; its output is this process's own share.
        self._losses.append(trainer.callback_metrics["train/loss"].detach().clone())
        self._frames += batch.classes.numel() * trainer.world_size
        self._trained = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        if trainer.should_stop or not self._losses or not trainer.is_global_zero:
            return
        epoch = trainer.current_epoch + 1
        speed = self._frames / max(1e-9, self._trained - self._begin)
        seconds = time.monotonic() - self._begin
        row = {
            "epoch": epoch,
            "step": trainer.global_step,
            "learning_rate": f"{pl_module.learning_rate:.3g}",
            "train_loss": f"{torch.stack([loss.cpu() for loss in self._losses]).mean().item():.5f}",
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
            shown = f"mAP12 {100 * result.map12:.2f}  mAP10 {100 * result.map10:.2f}  "
        _append_row(self._path, row)
        left = (pl_module.config.epochs - epoch) * seconds / 60
        self._console.print(
            f"epoch {epoch}/{pl_module.config.epochs}  loss {row['train_loss']}  {shown}"
            f"{speed:.0f} frames/s  about {left:.0f} min left",
            highlight=False,
            soft_wrap=True,
        )


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
