"""Lightning callbacks of a run: best model, metrics of each epoch, checkpoints, progress.

After each epoch they run in this order: `BestModel` validates and saves the model, `EpochLog` adds
the row of the epoch to `metrics.csv`, and `Checkpoints` saves the state to resume from.
"""

from __future__ import annotations

import csv
import io
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from torch import nn

from onball.config import ExperimentConfig, SavedModelConfig
from onball.data.clips import Clips
from onball.errors import ConfigError, DataError
from onball.evaluation.average_precision import means_of
from onball.files import atomic_path, read_text, write_text_atomic
from onball.models import save_model
from onball.progress import Progress, ProgressCallback, no_progress
from onball.runs import RunFolder
from onball.training.module import CLIPS_PER_STEP, LossNotFiniteError, TrainingModule
from onball.training.validation import ValidationResult


class BestModel(Callback):  # type: ignore[misc]
    """Validate after an epoch and save the model if its headline mean is the highest so far.

    Without matches to validate on, the latest model counts as the best. In distributed training
    the first process validates while the others wait.

    Args:
        config: the experiment.
        validate: measures a net; None if there is nothing to validate on.
        folder: folder of the saved model.

    Attributes:
        result: result of the validation after the current epoch, if there was one.
        means: the means of the AP over the classes; the last one is that of the headline.
        exhausted: True once that mean has not risen for `early_stopping_epochs` epochs.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        validate: Callable[[nn.Module], ValidationResult] | None,
        folder: Path,
    ) -> None:
        self.result: ValidationResult | None = None
        self.exhausted = False
        self.means = means_of(config.model.actions)
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
            self._save_if_best(epoch, pl_module)
        patience = training.early_stopping_epochs
        if patience is not None:
            over = due and self._validate is not None and epoch - self._best_epoch >= patience
            self.exhausted = bool(trainer.strategy.broadcast(over))

    def on_train_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        # A resumed run may have a longer patience than the one that ended it.
        patience = self._config.training.early_stopping_epochs
        waited = trainer.current_epoch - self._best_epoch
        self.exhausted = self.exhausted and patience is not None and waited >= patience

    def _save_if_best(self, epoch: int, module: TrainingModule) -> None:
        if self._validate is not None:
            self.result = self._validate(module.eval_net)
            module.log("valid/loss", self.result.loss, rank_zero_only=True)
            for mean in self.means:
                value = mean.of(self.result.evaluation.ap)
                module.log(f"valid/{mean.key}", value, rank_zero_only=True)
            headline = self.result.map_headline
            # While it is 0 the latest model is kept, though that does not count as a rise.
            if headline < self._best or (headline == self._best > 0):
                return
            if headline > self._best:
                self._best, self._best_epoch = headline, epoch
        card = model_card(self._config, epoch, self.result)
        save_model(module.eval_net, SavedModelConfig.of(self._config), self._folder, card=card)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "best_epoch": self._best_epoch, "exhausted": self.exhausted}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best = state_dict["best"]
        self._best_epoch = state_dict["best_epoch"]
        self.exhausted = state_dict["exhausted"]


def model_card(config: ExperimentConfig, epoch: int, result: ValidationResult | None) -> str:
    """Return the model card of a trained model, in Markdown.

    Args:
        config: the experiment.
        epoch: epoch after which the weights were taken, counted from 1.
        result: result on the matches of the split `valid`, if there were any.
    """
    data, model, training = config.data, config.model, config.training
    spotting = config.task == "spotting"
    if result is None:
        score = "There were no matches to validate on."
    else:
        how = " at a tolerance of 1 s" if spotting else ", over all clips"
        ap, means = result.evaluation.ap, means_of(model.actions)
        values = ", ".join(f"{mean.name} {100 * mean.of(ap):.2f}" for mean in reversed(means))
        score = (
            f"On the validation matches: {values}{how}. The epoch was chosen by this very "
            f"{means[-1].name}, so expect a little less on other matches."
        )
    ball, count = model.actions.are_ball_actions, len(model.actions)
    kinds = "12 ball actions" if ball else f"{count} kinds of events ({', '.join(model.actions)})"
    if spotting:
        what = f"Predicts the frames of a football video on which one of {kinds} happens."
        use = "Use it with `onball spot VIDEO --out DIR --model FOLDER`"
    else:
        what = f"Predicts which of {kinds} happen in a clip of {data.clip_frames} frames."
        use = "Load it with `onball.models.load_model(FOLDER)`"
    options = ", ".join(f"{key} {value}" for key, value in model.temporal.options.items())
    return f"""# {"Ball action spotting model" if spotting else "Clip classifier"}

{what}

- backbone: `{model.backbone.name}`; temporal head: `{model.temporal.name}` ({options or "defaults"})
- input: {data.width}×{data.height} pixels, {data.fps:g} frames per second
- training: epoch {epoch} of {training.epochs}, {training.clips_per_epoch} clips of \
{data.clip_frames} frames per epoch, batches of {training.batch_size}, learning rate \
{training.learning_rate:g}, seed {training.seed}

{score}

{use}, where FOLDER is the folder of this file.
"""


# Metrics of each epoch


@dataclass(frozen=True, slots=True)
class EpochSummary:
    """Summary of a completed epoch.

    Attributes:
        epoch: number of the epoch, from 1.
        epochs: number of epochs of the run.
        loss: mean training loss.
        result: result of the validation after the epoch, if there was one.
        frames_per_second: frames trained on per second, of all processes.
        seconds_left: estimated time to the end of the run.
    """

    epoch: int
    epochs: int
    loss: float
    result: ValidationResult | None
    frames_per_second: float
    seconds_left: float


class EpochLog(Callback):  # type: ignore[misc]
    """Add a row to `metrics.csv` after each epoch and report its summary.

    Args:
        path: the CSV file.
        best: has the result of the validation.
        on_epoch: called with the summary.
    """

    def __init__(
        self, path: Path, best: BestModel, on_epoch: Callable[[EpochSummary], None]
    ) -> None:
        self._path = path
        self._best = best
        self._on_epoch = on_epoch
        self._losses: list[torch.Tensor] = []
        self._frames = 0
        self._begin = self._trained = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        self._losses = []
        self._start_clock()

    def on_train_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        # Lightning does not call on_train_epoch_start if a run resumes within an epoch.
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
        # The module logs the mean over processes; `outputs` has the loss of this process alone.
        self._losses.append(trainer.callback_metrics["train/loss"].detach().clone())
        self._frames += batch.classes.numel() * trainer.world_size
        self._trained = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        if trainer.should_stop or not self._losses or not trainer.is_global_zero:
            return
        epoch, epochs = trainer.current_epoch + 1, pl_module.config.epochs
        loss = torch.stack([loss.cpu() for loss in self._losses]).mean().item()
        speed = self._frames / max(1e-9, self._trained - self._begin)
        seconds = time.monotonic() - self._begin
        result = self._best.result
        row = {
            "epoch": epoch,
            "step": trainer.global_step,
            "learning_rate": f"{pl_module.learning_rate:.3g}",
            "train_loss": f"{loss:.5f}",
            "valid_loss": f"{result.loss:.5f}" if result else "",
            **{
                mean.key: f"{mean.of(result.evaluation.ap):.5f}" if result else ""
                for mean in self._best.means
            },
            "frames_per_second": f"{speed:.1f}",
            "seconds": f"{seconds:.1f}",
        }
        _append_row(self._path, row)
        left = (epochs - epoch) * seconds
        self._on_epoch(EpochSummary(epoch, epochs, loss, result, speed, left))


def _append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row; rows of this epoch or later ones, from before a resume, are dropped."""
    rows: list[dict[str, Any]] = []
    if path.exists():
        rows = list(csv.DictReader(io.StringIO(read_text(path, DataError))))
    rows = [former for former in rows if int(former["epoch"]) < row["epoch"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, row])
    write_text_atomic(path, text.getvalue())


class StepCallback(Callback):  # type: ignore[misc]
    """Base of callbacks that run after each step of the optimiser, not after each batch."""

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: TrainingModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        if (batch_idx + 1) % pl_module.config.accumulate == 0:
            self.on_step_end(trainer, pl_module)

    def on_step_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        """Run after a step."""
        raise NotImplementedError


class StepProgress(StepCallback):
    """Report the steps of the whole run that are done, and the latest loss.

    Args:
        progress: called after each step; its task names the epoch.
    """

    def __init__(self, progress: ProgressCallback) -> None:
        self._progress = progress

    def on_step_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        """Report the step."""
        if self._progress is no_progress:  # reading the loss would wait for the device
            return
        epoch = f"epoch {trainer.current_epoch + 1}/{pl_module.config.epochs}"
        loss = float(trainer.callback_metrics["train/loss"])
        total = pl_module.steps.total
        self._progress(Progress(f"{epoch}  loss {loss:.4f}", trainer.global_step, total, "steps"))


# Checkpoints


class Checkpoints(StepCallback, Checkpoint):  # type: ignore[misc]
    """Save the state to resume from: after every epoch, and when the user interrupts the run.

    Ctrl-C or SIGTERM ends the run after the current step; a second one ends the process at once.

    Args:
        run: the folder of the run.
        best: says when to stop early.
        on_saved: called in the first process after each time that the state was saved.

    Attributes:
        interrupted: True if the run was ended by a signal.
    """

    def __init__(
        self, run: RunFolder, best: BestModel, on_saved: Callable[[], None] = lambda: None
    ) -> None:
        self.interrupted = False
        self._run = run
        self._best = best
        self._on_saved = on_saved
        self._former: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        # Ray calls the training in another thread, where no handlers can be set, and ends it itself.
        in_main_thread = threading.current_thread() is threading.main_thread()
        for name in (signal.SIGINT, signal.SIGTERM) if in_main_thread else ():
            self._former[name] = signal.signal(name, self._interrupt)
        if self._best.exhausted:
            trainer.should_stop = True

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _restore_signals(self) -> None:
        # Before Lightning's teardown, which removes its own handlers.
        for name, handler in self._former.items():
            signal.signal(name, handler)
        self._former = {}

    def on_step_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        """End an interrupted run within an epoch, with its state saved."""
        self._synchronize(trainer)
        # After the last step of an epoch, the state is saved once validation is done.
        if self.interrupted and trainer.global_step % pl_module.steps.per_epoch:
            self._save(trainer, self._run.last_checkpoint)
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        if not trainer.should_stop:
            self._save(trainer, self._run.last_checkpoint)
            self._synchronize(trainer)
            trainer.should_stop = self.interrupted or self._best.exhausted

    def _synchronize(self, trainer: L.Trainer) -> None:
        # A signal reaches the processes at different times; all must stop after the same step.
        if trainer.world_size > 1:
            self.interrupted = trainer.strategy.reduce_boolean_decision(self.interrupted, all=False)

    def on_exception(
        self, trainer: L.Trainer, pl_module: TrainingModule, exception: BaseException
    ) -> None:
        self._restore_signals()
        # Saving needs all processes, and only this error is raised in all of them.
        if isinstance(exception, LossNotFiniteError):
            self._save(trainer, self._run.failed_checkpoint)

    def on_train_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        self._restore_signals()

    def _save(self, trainer: L.Trainer, path: Path) -> None:
        if not trainer.is_global_zero:
            trainer.save_checkpoint(path)  # the first process writes, the others take part
            return
        with atomic_path(path) as temporary:
            trainer.save_checkpoint(temporary)
        self._on_saved()


def global_step(checkpoint: Path, clips_per_step: int) -> int:
    """Return the number of steps after which a checkpoint was saved.

    Raises:
        DataError: the checkpoint is damaged.
        ConfigError: its steps had another number of clips, so that its epochs had other steps.
    """
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        step, before = int(state["global_step"]), int(state[CLIPS_PER_STEP])
    except Exception as error:
        raise DataError(
            f"{checkpoint}: damaged ({type(error).__name__}); start the run again in another folder"
        ) from error
    if before != clips_per_step:
        raise ConfigError(
            f"{checkpoint}: all processes together took {before} clips per step, now they take "
            f"{clips_per_step}: resume with as many processes as before"
        )
    return step
