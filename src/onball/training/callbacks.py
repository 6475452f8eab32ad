"""The model card of a trained model: what it is, how it was trained, how good it is."""

from __future__ import annotations

import csv
import errno
import io
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from rich.console import Console
from torch import nn

from onball.config import ExperimentConfig, SavedModelConfig
from onball.data.clips import Clips
from onball.errors import ConfigError, DataError, OnballError
from onball.files import DISK_FULL, atomic_path, read_text, write_text_atomic
from onball.models import save_model
from onball.runs import RunFolder
from onball.training.module import CLIPS_PER_STEP, LossNotFiniteError, TrainingModule
from onball.training.validation import ValidationResult


def model_card(config: ExperimentConfig, epoch: int, result: ValidationResult | None) -> str:
    """Markdown for people who find the model's folder.

    Args:
        config: of the experiment.
        epoch: after which the weights were taken, counted from 1.
        result: on the matches of the split `valid`, if there were any.
    """
    data, model, training = config.data, config.model, config.training
    spotting = config.task == "spotting"
    if result is None:
        score = "There were no matches to validate on."
    else:
        how = " at a tolerance of 1 s" if spotting else ", over all clips"
        score = (
            f"On the validation matches: mAP10 {100 * result.map10:.2f}, mAP12 "
            f"{100 * result.map12:.2f}{how}. The epoch was chosen by this very mAP10, so expect a "
            "little less on other matches."
        )
    if spotting:
        what = "Says on which frame of a football video one of 12 ball actions happens."
        use = "Use it with `onball spot VIDEO --out DIR --model FOLDER`"
    else:
        what = f"Says which of 12 ball actions happen in a clip of {data.clip_frames} frames."
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


# --- Keeping the best model: validation after an epoch, and stopping early when it no lon


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
            self.result = self._validate(module.eval_net)
            module.log("valid/loss", self.result.loss, rank_zero_only=True)
            module.log("valid/map12", self.result.map12, rank_zero_only=True)
            module.log("valid/map10", self.result.map10, rank_zero_only=True)
            # Until something is found at all, the latest model is the best, but none has risen.
            if self.result.map10 < self._best or (self.result.map10 == self._best > 0):
                return
            if self.result.map10 > self._best:
                self._best, self._best_epoch = self.result.map10, epoch
        card = model_card(self._config, epoch, self.result)
        save_model(module.eval_net, SavedModelConfig.of(self._config), self._folder, card=card)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "best_epoch": self._best_epoch, "exhausted": self.exhausted}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best = state_dict["best"]
        self._best_epoch = state_dict["best_epoch"]
        self.exhausted = state_dict["exhausted"]


# --- The state that a run goes on from: written after every epoch, on interruption, and o


class Checkpoints(Checkpoint):  # type: ignore[misc]
    """Keeps the state to resume from: after every epoch, and when the user interrupts the run.

    Ctrl-C or SIGTERM ends the run after the present step; a second one ends the process at once.

    Args:
        run: the folder of the run.
        best: says when to stop early.

    Attributes:
        interrupted: the run was ended so.
    """

    def __init__(self, run: RunFolder, best: BestModel) -> None:
        self.interrupted = False
        self._run = run
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
            self._save(trainer, self._run.last_checkpoint)
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        if not trainer.should_stop:
            self._save(trainer, self._run.last_checkpoint)
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
            self._save(trainer, self._run.failed_checkpoint)

    def on_train_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        self._restore_signals()

    def _save(self, trainer: L.Trainer, path: Path) -> None:
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


# --- What a run says of itself: a line on the console and a row in `metrics.csv` per epoc


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


# --- Failures in the middle of a run, told in one line that says which setting to change.


#: What torch says, on a CPU, when an allocation fails.
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
#: And when it cannot write.
_CANNOT_WRITE = ("PytorchStreamWriter failed", "No space left", "File too large")
#: What gloo says when a process that it waits for is no more.
_PEER_GONE = ("Connection closed by peer", "Connection reset by peer")


@contextmanager
def friendly_errors(run: RunFolder) -> Iterator[None]:
    """Turn the failures of a training into errors of one line; the run's files are as they were."""
    try:
        yield
    except LossNotFiniteError as error:
        saved = run.failed_checkpoint
        state = f"; the state before it is in {saved}" if saved.is_file() else ""
        raise LossNotFiniteError(
            f"{error}{state}: lower training.learning_rate, or look at those clips"
        ) from error
    except OnballError as error:
        if "in DataLoader worker process" not in str(error):
            raise
        # A worker's error comes with its traceback, which ends with `module.Class: message`.
        message = str(error).splitlines()[-1].partition(": ")[2]
        raise type(error)(message) from error
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(run) from error
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise _out_of_memory(run) from error
        if error.errno in DISK_FULL:  # the loggers' files
            raise _disk_full(run) from error
        raise
    except RuntimeError as error:
        message = str(error)
        if any(words in message for words in _OUT_OF_MEMORY):
            raise _out_of_memory(run) from error
        if any(words in message for words in _CANNOT_WRITE):
            raise _disk_full(run) from error
        if "DataLoader worker" in message and "Traceback" not in message:
            raise OnballError(
                "a process that prepares clips was ended from outside, mostly for lack of memory: "
                f"lower training.workers or training.batch_size{_kept(run)}"
            ) from error
        if any(words in message for words in _PEER_GONE):
            raise OnballError(
                f"another process of this training ended: its own message says why{_kept(run)}"
            ) from error
        raise


def _out_of_memory(run: RunFolder) -> OnballError:
    return OnballError(
        "out of memory: lower training.batch_size (and raise training.accumulate by as much), "
        f"data.clip_frames or data.width × data.height{_kept(run)}"
    )


def _disk_full(run: RunFolder) -> OnballError:
    return OnballError(
        f"{run.path}: cannot be written (the disk is full): free some space and go on with --resume"
    )


def _kept(run: RunFolder) -> str:
    saved = run.last_checkpoint
    return f"; {saved} is untouched" if saved.is_file() else ""
