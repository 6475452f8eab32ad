"""Files and folders that are written atomically, fingerprints of files, and strict JSON reading.

A file or folder written here appears under its name when it is complete, and not at all if writing
it fails: no other process ever reads half of one.
"""

from __future__ import annotations

import codecs
import errno
import glob
import hashlib
import json
import os
import secrets
import shlex
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from filelock import SoftFileLease, Timeout

from onball.errors import InputError, OnballError

#: Error numbers of a full disk, and of a quota or limit that is reached.
DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: Names of videos in folders and among the matches of a pattern; a file that is named itself may
#: have any name.
VIDEO_SUFFIXES = (
    ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
    ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv",
)  # fmt: skip

#: Characters for which cmd.exe or PowerShell need quotes around a path.
_SPECIAL_ON_WINDOWS = set(" \t&()[]{}^=;!'+,`~$@%#")

#: Bytes at either end of a file that its fingerprint depends on.
FINGERPRINT_BYTES = 1 << 16

#: Seconds without a sign of life after which the process that builds a folder is taken for dead, and
#: seconds between two looks at it. A file is seen on other machines of a network file system seconds
#: after it is written, so that these are not smaller.
BUILDER_DEAD_S = 60.0
BUILDER_POLL_S = 0.25

#: Bytes at the beginning of a text that its encoding is recognised by.
_TEXT_START = 64


def shell_quoted(path: str | Path, windows: bool = os.name == "nt") -> str:
    """Return a path as it is typed in a command, in quotes if it needs them.

    Args:
        path: the path.
        windows: quote for cmd.exe and PowerShell instead of POSIX shells.
    """
    text = str(path)
    if windows:
        return f'"{text}"' if _SPECIAL_ON_WINDOWS & set(text) else text
    return shlex.quote(text)


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give a temporary path for a file that replaces `target` when the block succeeds.

    The folder is created if it is missing. The temporary path is in the folder of `target`, has its
    suffix, for writers that choose a format by it, and exists as an empty file when the block
    begins. If the block raises, the temporary file is deleted and `target` stays unchanged.

    Raises `OnballError` if the folder cannot be made or written, the disk is full, or `target` is
    a folder. Other exceptions of the block pass through.
    """
    target = Path(target)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Created here, and not only by the writer, so that a wrong folder is reported before hours
        # of work; not with `tempfile`, whose files only their owner may read.
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise write_error(target, error) from error
    try:
        yield temporary
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise write_error(target, error) from error
        raise
    try:
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise write_error(target, error) from error


@contextmanager
def atomic_folder(
    target: str | Path, *, replace: bool = False, exclusive: bool = False
) -> Iterator[Path]:
    """Give an empty temporary folder that becomes `target` when the block succeeds.

    The parent folder is created if it is missing; the temporary folder is in it. If the block
    raises, the temporary folder is deleted and `target` stays unchanged.

    Args:
        target: the folder.
        replace: replace a folder that exists already, where a link points to if it is one. By
            default such a folder is kept: another process was first, and its folder is as good.
        exclusive: no other process writes `target`. The temporary folder, `.NAME.part`, then always
            has the same name, so that one left by a killed process is deleted first.

    Raises `OSError` if the folders cannot be created or renamed.
    """
    # Of a link, the folder it points to is replaced.
    place = Path(target).resolve() if replace else Path(target)
    place.parent.mkdir(parents=True, exist_ok=True)
    if exclusive:
        temporary = place.with_name(f".{place.name}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
    else:
        temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        temporary.chmod(0o755)
    former = temporary.with_name(f"{temporary.name}.former")
    try:
        yield temporary
        if replace and place.exists():
            place.rename(former)
        try:
            temporary.rename(place)
        except OSError:
            if replace or not place.is_dir():
                raise
    finally:
        if former.exists() and not place.exists():
            former.rename(place)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


@contextmanager
def sole_builder(folder: str | Path) -> Iterator[bool]:
    """Choose one process to build a folder, of all on any machine that share the disk; others wait.

    The claim is a file beside the folder, which its process touches while it builds: it needs no locks
    of the file system, which many network file systems lack, or keep on each machine for itself. The
    claim of a process that was killed is taken over at once on the same machine, else after
    `BUILDER_DEAD_S`, and its temporary folders are deleted. A process that was only suspended may then
    build a second time: the block shall use `atomic_folder`, which keeps the folder of the first.

    Args:
        folder: the folder; its parent is created if it is missing.

    Yields:
        True if the folder is to be built in the block; False if it is there.

    Raises `OSError` if the claim cannot be written.
    """
    folder = Path(folder)
    if folder.is_dir():
        yield False
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    claim = folder.with_name(f".{folder.name}.lock")
    lease = SoftFileLease(claim, lease_duration=BUILDER_DEAD_S)
    last_seen: tuple[int, int] | None = None
    while not lease.is_locked:
        try:
            lease.acquire(1.5 * BUILDER_DEAD_S, BUILDER_POLL_S, cancel_check=folder.is_dir)
        except Timeout:
            if folder.is_dir():
                yield False
                return
            # Network file systems cannot swap two names, which a takeover of the lease needs.
            seen = _last_sign(claim)
            if seen is not None and seen == last_seen:
                lease.break_lock()
            last_seen = seen
    try:
        is_there = folder.is_dir()
        if not is_there:
            for left in folder.parent.glob(f".{glob.escape(folder.name)}.*/"):
                shutil.rmtree(left, ignore_errors=True)
        yield not is_there
    finally:
        lease.release()


def _last_sign(claim: Path) -> tuple[int, int] | None:
    """The file of a claim and the time of its last touch; None if it is gone."""
    with suppress(OSError), claim.open("rb") as file:  # opening asks the server, not a cache
        about = os.fstat(file.fileno())
        return about.st_ino, about.st_mtime_ns
    return None


@contextmanager
def removed_if_failed(folder: str | Path) -> Iterator[None]:
    """Remove a folder that does not exist before the block, if the block fails."""
    folder = Path(folder)
    is_new = not folder.exists()
    try:
        yield
    except BaseException:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def write_error(target: Path, error: Exception) -> OnballError:
    """Return the error to raise for a file or folder that cannot be written, as one line.

    It is an `InputError` if one of the folders above it is a file.
    """
    full = isinstance(error, OSError) and error.errno in DISK_FULL
    hint = "free some space or choose another place" if full else "choose another place"
    reason = getattr(error, "strerror", None) or error
    file = next((path for path in target.parents if path.is_file()), None)
    if file is not None:
        return InputError(f"{target}: cannot be written ({file} is a file, not a folder): {hint}")
    return OnballError(f"{target}: cannot be written ({reason}): {hint}")


def require_writable(folder: str | Path) -> None:
    """Check that files can be written into a folder, for the beginning of long work.

    A missing folder is created for the check and removed again, so that work that fails leaves no
    empty folders. Raises `OnballError` with one line that names the folder and the reason.
    """
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        for path in missing:  # from the innermost
            # Another process may have written into it meanwhile.
            with suppress(OSError):
                path.rmdir()


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, its line ends unchanged. Raises `OnballError` as `atomic_path` does."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_bytes_atomic(path: str | Path, content: bytes) -> None:
    """Write `content` as it is. Raises `OnballError` as `atomic_path` does."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json_atomic(path: str | Path, content: Any) -> None:
    """Write `content` as indented JSON. Raises `OnballError` as `atomic_path` does.

    The text is pure ASCII, for readers that open files in the locale's encoding, as SoccerNet's
    evaluator does.
    """
    write_text_atomic(path, json.dumps(content, indent=4) + "\n")


def to_json(value: Any) -> Any:
    """Convert dataclasses, enums, labels, arrays and what contains them to the types of JSON."""
    return msgspec.to_builtins(value, enc_hook=_encode)


def _encode(value: Any) -> Any:
    """Convert what msgspec does not know: other kinds of text, and arrays."""
    return str(value) if isinstance(value, str) else value.tolist()


def read_text(path: str | Path, error: type[InputError]) -> str:
    """Read a UTF-8 text file, with or without a byte order mark.

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


def decode_text(content: bytes, encoding: str | None = None) -> tuple[str, str]:
    """Decode text as other programs save it: UTF-8, UTF-16 or, if it is neither, Windows-1252.

    UTF-16 is recognised by its byte order mark, or by the zeros in Latin text and in separators.

    Args:
        content: the bytes.
        encoding: name of the encoding; None to recognise it.

    Returns:
        The text without a byte order mark, and the name of its encoding.

    Raises `LookupError` for an unknown encoding, `UnicodeError` for text that is not in it.
    """
    if encoding is not None:
        return content.decode(encoding).removeprefix("\ufeff"), encoding
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace"), "utf-16"
    zeros = [content[first:_TEXT_START:2].count(0) for first in (0, 1)]
    if min(zeros) == 0 and max(zeros) > len(content[:_TEXT_START]) // 4:
        order = "utf-16-be" if zeros[0] else "utf-16-le"
        return content.decode(order, "replace"), order
    if min(zeros) == 0 and max(zeros) > len(content[:_TEXT_START]) // 32:
        # In other alphabets only separators, digits and ends of lines have a zero.
        order = "utf-16-be" if zeros[0] else "utf-16-le"
        with suppress(UnicodeDecodeError):
            text = content.decode(order)
            if all(char.isspace() or _is_character(char) for char in text[:_TEXT_START]):
                return text, order
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        # Every byte is a character of Latin-1; five are none of Windows-1252.
        try:
            return content.decode("cp1252"), "cp1252"
        except UnicodeDecodeError:
            return content.decode("latin-1"), "latin-1"


def _is_character(char: str) -> bool:
    """Return False for control characters, surrogates and code points without a character."""
    return unicodedata.category(char) not in ("Cc", "Cn", "Co", "Cs")


def read_json_object(path: str | Path, error: type[InputError]) -> dict[str, Any]:
    """Read a JSON object (`{…}`) from a file.

    Raises `error` with one line that names the file, and the line in it, if there is none.
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


def fingerprint(path: str | Path) -> str:
    """Return a hexadecimal fingerprint of a large file, from its length and its two ends.

    SHA-256 of the length and the first and last 64 KiB: videos differ in these, and reading them
    takes no time. Raises `OSError` if the file cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(FINGERPRINT_BYTES)
        file.seek(max(0, size - FINGERPRINT_BYTES))
        tail = file.read()
    return hashlib.sha256(b"%d " % size + head + tail).hexdigest()


def identify(path: str | Path, error: type[InputError]) -> str:
    """Return the name of a large file with its fingerprint, `match.mp4 (1f0c9a77)`.

    Raises `error` with one line that names the file if it cannot be read.
    """
    try:
        return f"{Path(path).name} ({fingerprint(path)[:8]})"
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from None


def file_digest(path: str | Path) -> str:
    """Return the hexadecimal SHA-256 of the whole content of a file.

    Raises `OSError` if the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
