"""Functions for workers of an engine to call."""

from __future__ import annotations

import signal
from pathlib import Path

from onball.errors import VideoError
from onball.outputs import OutputLockedError


def log(file: str, text: str) -> int:
    """Append a line, and return the number of such lines."""
    with Path(file).open("a") as stream:
        stream.write(f"{text}\n")
    return Path(file).read_text().splitlines().count(text)


def double(number: int) -> int:
    return 2 * number


def do(order: tuple[str, str, str]) -> str:
    """Log a name and do as an order says: `ok`, `bad`, `bug`, `busy` or `die`, `busy2` twice."""
    file, name, what = order
    times = log(file, name)
    kind, limit = what.rstrip("0123456789"), int(what.lstrip("abcdefghijklmnopqrstuvwxyz") or 99)
    if times <= limit:
        match kind:
            case "bad":
                raise VideoError(f"{name}: is no video")
            case "bug":
                raise ZeroDivisionError("division by zero")
            case "busy":
                raise OutputLockedError(f"{name}: another process")
            case "die":
                signal.raise_signal(signal.SIGKILL)
    return name
