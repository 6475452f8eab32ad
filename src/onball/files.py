"""Reading and writing whole files safely: nobody ever sees a half-written one."""

from __future__ import annotations

import errno
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onball.errors import InputError, OnballError

#: What writing to a full disk, or beyond a quota or limit, gives.
DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """A temporary path beside `target`, which takes its place when the block ends well.

    The folder is made if it is missing. The temporary path has the suffix of `target`, for
    writers that choose a format by it, and exists as an empty file when the block begins. If the
    block raises, the temporary file goes and `target` stays as it was.

    Raises `OnballError` if the folder cannot be made or written, the disk is full, or `target` is
    a folder. Other exceptions of the block pass through.
    """
    target = Path(target)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Made here, and not only by the writer, so that a wrong folder is told before hours of
        # work; not with `tempfile`, whose files only their owner may read.
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        yield temporary
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise _cannot_write(target, error) from error
        raise
    try:
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _cannot_write(target, error) from error


def require_writable(folder: str | Path) -> None:
    """Make the folder if it is missing and see that files can be written into it.

    For the beginning of long work. Errors are those of `atomic_path`.
    """
    probe = Path(folder) / f".writable.{secrets.token_hex(4)}"
    with atomic_path(probe):
        pass
    probe.unlink()


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 with its line ends as they are. Errors are those of `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json_atomic(path: str | Path, content: Any) -> None:
    """Write `content` as indented JSON. Errors are those of `atomic_path`.

    The text is pure ASCII: readers that open files in the locale's encoding, as SoccerNet's
    evaluator does, then understand it everywhere.
    """
    write_text_atomic(path, json.dumps(content, indent=4) + "\n")


def read_text(path: str | Path, error: type[InputError]) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises `error` with one line that names the file if it is missing, unreadable or not text.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise error(f"{path}: not a text file in UTF-8") from None
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from problem


def read_json_object(path: str | Path, error: type[InputError]) -> dict[str, Any]:
    """The JSON object (`{…}`) in a file.

    Raises `error` with one line that names the file, and the place in it, if there is none.
    """
    try:
        content = json.loads(read_text(path, error))
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise error(f"{path}: broken JSON at {where}: {problem.msg}") from None
    except RecursionError:
        raise error(f"{path}: broken JSON: nested too deeply") from None
    except ValueError:
        raise error(f"{path}: broken JSON: a number with too many digits") from None
    if not isinstance(content, dict):
        raise error(f"{path}: expected a JSON object, {{…}}, found a {type(content).__name__}")
    return content


def _cannot_write(target: Path, error: OSError) -> OnballError:
    full = error.errno in DISK_FULL
    hint = "free some space or choose another place" if full else "choose another place"
    return OnballError(f"{target}: cannot be written ({error.strerror}): {hint}")
