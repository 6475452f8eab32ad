"""The state that a run goes on from: written after every epoch, on interruption, and on failure."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint

from onball.errors import ConfigError, DataError
from onball.files import atomic_path
from onball.training.best import BestModel
from onball.training.module import CLIPS_PER_STEP, LossNotFiniteError, TrainingModule

LAST_CHECKPOINT = Path("checkpoints", "last.ckpt")
#: The state before the step whose loss was not finite.
FAILED_CHECKPOINT = Path("checkpoints", "failed.ckpt")


class Checkpoints(Checkpoint):  # type: ignore[misc]
    """Keeps the state to resume from: after every epoch, and when the user interrupts the run.

    Ctrl-C or SIGTERM ends the run after the present step; a second one ends the process at once.

    Args:
        run_dir: the folder of the run.
        best: says when to stop early.

    Attributes:
        interrupted: the run was ended so.
    """

    def __init__(self, run_dir: Path, best: BestModel) -> None:
        self.interrupted = False
        self._run_dir = run_dir
        self._best = best
        self._former: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            self._former[name] = signal.signal(name, self._interrupt)
        if self._best.exhausted:
            trainer.should_stop = True

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _restore_signals(self) -> None:
        # Before Lightning's teardown, which takes its own handlers away.
        for name, handler in self._former.items():
            signal.signal(name, handler)
        self._former = {}

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: TrainingModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        if (batch_idx + 1) % pl_module.config.accumulate:
            return
        self._agree(trainer)
        # After an epoch's last step, the state is saved (once) when validation is through.
        if self.interrupted and trainer.global_step % pl_module.steps.per_epoch:
            self._save(trainer, LAST_CHECKPOINT)
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        if not trainer.should_stop:
            self._save(trainer, LAST_CHECKPOINT)
            self._agree(trainer)
            trainer.should_stop = self.interrupted or self._best.exhausted

    def _agree(self, trainer: L.Trainer) -> None:
        # A signal reaches the processes of one training at different moments; all must stop at once.
        if trainer.world_size > 1:
            self.interrupted = trainer.strategy.reduce_boolean_decision(self.interrupted, all=False)

    def on_exception(
        self, trainer: L.Trainer, pl_module: TrainingModule, exception: BaseException
    ) -> None:
        self._restore_signals()
        # Saving needs all processes, and this error comes in all of them.
        if isinstance(exception, LossNotFiniteError):
            self._save(trainer, FAILED_CHECKPOINT)

    def on_train_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        self._restore_signals()

    def _save(self, trainer: L.Trainer, name: Path) -> None:
        path = self._run_dir / name
        if not trainer.is_global_zero:
            trainer.save_checkpoint(path)  # the first process writes, the others take part
            return
        with atomic_path(path) as aside:
            trainer.save_checkpoint(aside)


def global_step(checkpoint: Path, clips_per_step: int) -> int:
    """The step that a checkpoint was saved after.

    Raises `DataError` if it is damaged, `ConfigError` if a step took another number of clips: the
    steps of an epoch would be others.
    """
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        step, before = int(state["global_step"]), int(state[CLIPS_PER_STEP])
    except Exception as error:
        raise DataError(
            f"{checkpoint}: damaged ({type(error).__name__}); start the run anew in another folder"
        ) from error
    if before != clips_per_step:
        raise ConfigError(
            f"{checkpoint}: all processes together took {before} clips per step, now they take "
            f"{clips_per_step}: resume with as many processes as before"
        )
    return step
