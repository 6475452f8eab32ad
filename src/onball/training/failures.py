"""Failures in the middle of a run, told in one line that says which setting to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from onball.errors import OnballError
from onball.training.checkpoints import FAILED_CHECKPOINT, LAST_CHECKPOINT
from onball.training.module import LossNotFiniteError

#: What torch says, on a CPU, when an allocation fails.
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
_DISK_FULL = ("PytorchStreamWriter failed", "No space left", "File too large")


@contextmanager
def told_in_one_line(run_dir: Path) -> Iterator[None]:
    """Turn the failures of a training into errors of one line; the run's files are as they were."""
    try:
        yield
    except LossNotFiniteError as error:
        saved = run_dir / FAILED_CHECKPOINT
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
        raise _out_of_memory(run_dir) from error
    except RuntimeError as error:
        if any(words in str(error) for words in _OUT_OF_MEMORY):
            raise _out_of_memory(run_dir) from error
        if any(words in str(error) for words in _DISK_FULL):
            raise OnballError(
                f"{run_dir}: cannot be written (is the disk full?): free some space and go on with "
                "--resume"
            ) from error
        raise


def _out_of_memory(run_dir: Path) -> OnballError:
    saved = run_dir / LAST_CHECKPOINT
    kept = f"; {saved} is untouched" if saved.is_file() else ""
    return OnballError(
        "out of memory: lower training.batch_size (and raise training.accumulate by as much), "
        f"data.clip_frames or data.width × data.height{kept}"
    )
