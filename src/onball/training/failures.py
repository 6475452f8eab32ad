"""Failures in the middle of a run, told in one line that says which setting to change."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from onball.errors import OnballError
from onball.files import DISK_FULL
from onball.training.checkpoints import FAILED_CHECKPOINT, LAST_CHECKPOINT
from onball.training.module import LossNotFiniteError

#: What torch says, on a CPU, when an allocation fails.
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
#: And when it cannot write.
_CANNOT_WRITE = ("PytorchStreamWriter failed", "No space left", "File too large")
#: What gloo says when a process that it waits for is no more.
_PEER_GONE = ("Connection closed by peer", "Connection reset by peer")


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
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise _out_of_memory(run_dir) from error
        if error.errno in DISK_FULL:  # the loggers' files
            raise _disk_full(run_dir) from error
        raise
    except RuntimeError as error:
        message = str(error)
        if any(words in message for words in _OUT_OF_MEMORY):
            raise _out_of_memory(run_dir) from error
        if any(words in message for words in _CANNOT_WRITE):
            raise _disk_full(run_dir) from error
        if "DataLoader worker" in message and "Traceback" not in message:
            raise OnballError(
                "a process that prepares clips was ended from outside, mostly for lack of memory: "
                f"lower training.workers or training.batch_size{_kept(run_dir)}"
            ) from error
        if any(words in message for words in _PEER_GONE):
            raise OnballError(
                f"another process of this training ended: its own message says why{_kept(run_dir)}"
            ) from error
        raise


def _out_of_memory(run_dir: Path) -> OnballError:
    return OnballError(
        "out of memory: lower training.batch_size (and raise training.accumulate by as much), "
        f"data.clip_frames or data.width × data.height{_kept(run_dir)}"
    )


def _disk_full(run_dir: Path) -> OnballError:
    return OnballError(
        f"{run_dir}: cannot be written (the disk is full): free some space and go on with --resume"
    )


def _kept(run_dir: Path) -> str:
    saved = run_dir / LAST_CHECKPOINT
    return f"; {saved} is untouched" if saved.is_file() else ""
