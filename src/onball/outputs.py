"""Records of written results, so that nothing of the user's is replaced and no work is repeated.

A command that writes results into a folder records them in the file `.onball.json` beside them:
the SHA-256 of each file, and the request that they answer (video, model, settings). Called again,
it compares the folder with the record before it begins:

| in the folder | the command |
|---|---|
| none of the files | does the work |
| all files, unchanged, for the same request | skips the work and says so |
| files that were changed since, for the same request | keeps them and says so |
| results of another request | refuses, and names the differences |
| files of these names without a record | refuses |

With `overwrite` it does the work in every case.

`write_outputs` writes and records results such that a process that is killed at any time leaves the
former results or the new ones, and in both cases is not taken for an edit by hand. `output_lock`
keeps two processes from writing the same results.

A single file that the user names, anywhere, has no record: `write_once` compares contents.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from onball.errors import InputError, OnballError
from onball.files import file_digest, read_json_object, write_error, write_json_atomic

RECORD_FILE = ".onball.json"
LOCK_FILE = ".onball.lock"
"""File in a folder that one process at a time writes, while it does."""
_VERSION = 1
#: Folder beside results for those that replace them.
_NEW = ".onball.part"


class OutputState(StrEnum):
    """State of the results of a request."""

    MISSING = "missing"
    """To be computed."""
    DONE = "done"
    """Complete and unchanged."""
    EDITED = "edited"
    """Computed by onball and changed by hand since; to be kept."""


class OutputConflictError(InputError):
    """Files are in the way that the request must not replace.

    Attributes:
        changed: keys of the request whose values differ; empty if there is no record of it.
    """

    def __init__(self, message: str, changed: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.changed = tuple(changed)


class OutputLockedError(OnballError):
    """Another process is writing the same results."""


def check_outputs(
    folder: str | Path,
    files: Iterable[str],
    request: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> OutputState:
    """Compare the files in a folder with the request that they shall answer.

    To be called for all results before the first is computed; it writes nothing.

    Args:
        folder: folder of the results; it may be missing.
        files: names of the files that the work writes, relative to `folder`. Files that were
            recorded together with one of them are compared too.
        request: what the results depend on, as short texts, numbers and lists for JSON. Keys and
            values appear in messages: `{"model": "demo", "threshold": 0.3}`.
        overwrite: replace whatever is there.

    Returns:
        `MISSING` if the work is to be done; `DONE` or `EDITED` if it is to be skipped. If a
        recorded file was deleted and the others are unchanged, the work is to be done.

    Raises:
        OutputConflictError: the files are results of another request, or not of onball.
    """
    folder = Path(folder)
    names = list(files)
    if overwrite or not any((folder / name).exists() for name in names):
        return OutputState.MISSING
    entry = next((e for e in _read_record(folder) if set(names) & set(e["files"])), None)
    recorded = {} if entry is None else entry["files"]
    for name in names:
        if name not in recorded and (folder / name).exists():
            raise OutputConflictError(
                f"{folder / name}: is there and was not written by onball: --overwrite replaces it, "
                "or choose another --out"
            )
    assert entry is not None
    wanted = json.loads(json.dumps(dict(request)))
    changes = differences(entry["request"], wanted)
    if changes:
        raise OutputConflictError(
            f"{folder}: holds results with {changes}: --overwrite replaces them, or choose another "
            "--out",
            changed_keys(entry["request"], wanted),
        )
    if edited_files(folder, names):
        return OutputState.EDITED
    complete = all(
        (folder / name).is_file()
        and ("replaces" not in entry or file_digest(folder / name) == recorded[name])
        for name in {*names, *recorded}
    )
    return OutputState.DONE if complete else OutputState.MISSING


def edited_files(folder: str | Path, files: Iterable[str]) -> list[str]:
    """Return the recorded files that were changed since onball wrote them.

    Args:
        folder: folder of the results.
        files: names of one or more of them; files recorded together with these are examined too.
    """
    folder, names = Path(folder), set(files)
    entries = [entry for entry in _read_record(folder) if names & set(entry["files"])]
    return [
        name
        for entry in entries
        for name, digest in entry["files"].items()
        if (folder / name).is_file()
        and file_digest(folder / name) not in (digest, entry.get("replaces", {}).get(name))
    ]


def record_outputs(folder: str | Path, files: Iterable[str], request: Mapping[str, Any]) -> None:
    """Record files that were just written, as the results of a request.

    Args:
        folder: folder of the results.
        files: names of all files written, relative to `folder`.
        request: see `check_outputs`.

    Raises:
        OnballError: the record cannot be written.
    """
    folder = Path(folder)
    _record(folder, {name: file_digest(folder / name) for name in files}, request)


def write_outputs(
    folder: str | Path,
    write: Mapping[str, Callable[[Path], None]],
    request: Mapping[str, Any],
) -> None:
    """Write the results of a request, all of them or none, and record them.

    Args:
        folder: folder of the results, which is made if it is missing.
        write: name of each file, and a function that writes it to the path that it is given. Files
            of these names are replaced.
        request: see `check_outputs`.

    Raises:
        OnballError: the files cannot be written; those that are there remain.
    """
    folder = Path(folder)
    new = folder / _NEW
    try:
        shutil.rmtree(new, ignore_errors=True)  # of a process that was killed
        new.mkdir(parents=True)
        for name, write_file in write.items():
            _write_new(write_file, new / name, folder / name)
        digests = {name: file_digest(new / name) for name in write}
        former = {name: file_digest(folder / name) for name in write if (folder / name).is_file()}
        # From here on a file of either digest is known not to be edited.
        _record(folder, digests, request, replaces=former)
        for name in write:
            (new / name).replace(folder / name)
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    _record(folder, digests, request)


def finish_outputs(folder: str | Path, files: Iterable[str]) -> None:
    """Complete the record of results that are all in place, if the process that wrote them was killed.

    Args:
        folder: folder of the results; the caller has its lock.
        files: names of one or more of them.

    Raises:
        OnballError: the record cannot be written.
    """
    folder, names = Path(folder), set(files)
    for entry in _read_record(folder):
        if "replaces" not in entry or not names & set(entry["files"]):
            continue
        digests = entry["files"]
        places = {name: folder / name for name in digests}
        if all(path.is_file() and file_digest(path) == digests[n] for n, path in places.items()):
            shutil.rmtree(folder / _NEW, ignore_errors=True)
            _record(folder, digests, entry["request"])


def publish_outputs(
    folder: str | Path, former: Mapping[str, str], upload: Callable[[Path, str], None]
) -> None:
    """Copy recorded results to another place, the complete record last.

    A copy that is interrupted is not taken for an edit by hand there: as in `write_outputs`, a record of
    what is about to be replaced comes first.

    Args:
        folder: folder with results and their record.
        former: SHA-256 of the files that are in the other place, by name.
        upload: copies a file to the name that it is given in the other place.

    Raises:
        OnballError: `upload` failed.
    """
    folder = Path(folder)
    entries = _read_record(folder)
    names = [name for entry in entries for name in entry["files"]]
    begun = [
        entry | {"replaces": {name: former[name] for name in entry["files"] if name in former}}
        for entry in entries
    ]
    with tempfile.TemporaryDirectory(prefix="onball-") as temporary:
        record = Path(temporary) / RECORD_FILE
        write_json_atomic(record, {"version": _VERSION, "results": begun})
        upload(record, RECORD_FILE)
    for name in names:
        upload(folder / name, name)
    upload(folder / RECORD_FILE, RECORD_FILE)


def _write_new(write: Callable[[Path], None], new: Path, target: Path) -> None:
    """Write a file that is to become `target`, which errors name."""
    try:
        write(new)
    except OnballError as error:
        raise type(error)(str(error).replace(str(new), str(target))) from error


def _record(
    folder: Path,
    digests: Mapping[str, str],
    request: Mapping[str, Any],
    replaces: Mapping[str, str] | None = None,
) -> None:
    """Record files by their digests.

    Args:
        folder: folder of the results.
        digests: SHA-256 of each file.
        request: see `check_outputs`.
        replaces: SHA-256 of the files that they are about to replace; None if they are in place.
    """
    others = [e for e in _read_record(folder) if not set(e["files"]) & set(digests)]
    entry = {"files": dict(digests), "request": dict(request)}
    if replaces is not None:
        entry["replaces"] = dict(replaces)
    content = {"version": _VERSION, "results": [*others, entry]}
    write_json_atomic(folder / RECORD_FILE, content)


@contextmanager
def output_lock(folder: str | Path) -> Iterator[None]:
    """Keep other processes that call this from writing results into a folder, during the block.

    The lock ends with the process, however that ends. The folder is made if it is missing, and
    removed again if it is empty after the block.

    Args:
        folder: folder of the results.

    Raises:
        OutputLockedError: another process has the lock.
        OnballError: the folder cannot be written.
    """
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    lock = FileLock(folder / LOCK_FILE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise _locked(folder) from None
    except NotImplementedError:
        pass  # a file system without locks
    except OSError as error:
        _remove_empty(missing)
        raise write_error(folder, error) from error
    try:
        yield
    finally:
        # While it is held: afterwards it may be that of another process.
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
        _remove_empty(missing)


def check_unlocked(folder: str | Path) -> None:
    """Raise `OutputLockedError` if another process has the lock of a folder."""
    path = Path(folder) / LOCK_FILE
    if not path.is_file():
        return
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise _locked(Path(folder)) from None
    except (OSError, NotImplementedError):
        return
    lock.release()


def _locked(folder: Path) -> OutputLockedError:
    return OutputLockedError(
        f"{folder}: another onball process is writing its results there: wait until it ends, or "
        "choose another --out"
    )


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, from the innermost, that are empty."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def check_unedited(folder: str | Path, file: str, *, overwrite: bool = False) -> None:
    """Check that a file may be written again with other content, for the same request.

    Args:
        folder: folder of the results.
        file: name of the file in it; it may be missing.
        overwrite: replace whatever is there.

    Raises:
        OutputConflictError: the file was changed by hand, or is not known to be written by onball.
    """
    folder = Path(folder)
    recorded = any(file in entry["files"] for entry in _read_record(folder))
    if overwrite or not (folder / file).exists():
        return
    if not recorded or file in edited_files(folder, [file]):
        what = "was changed by hand" if recorded else "is there and was not written by onball"
        raise OutputConflictError(f"{folder / file}: {what}: --overwrite replaces it")


def update_record(folder: str | Path, file: str) -> None:
    """Record the present content of a file, if the folder has a record of it, for its request.

    Raises:
        OnballError: the record cannot be written.
    """
    entries = _read_record(Path(folder))
    for entry in entries:
        if file in entry["files"]:
            entry["files"][file] = file_digest(Path(folder) / file)
            content = {"version": _VERSION, "results": entries}
            write_json_atomic(Path(folder) / RECORD_FILE, content)


def write_once(path: str | Path, write: Callable[[Path], None], *, overwrite: bool = False) -> bool:
    """Write a file unless it is there already.

    Args:
        path: the file.
        write: writes the file to the path that it is given; the same content every time.
        overwrite: replace a file with other content.

    Returns:
        False if the file is there already, with the same content.

    Raises:
        OutputConflictError: the file is there, with other content.
        OnballError: the file cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a file: choose another --out")
    if not path.exists():
        write(path)
        return True
    with tempfile.TemporaryDirectory(prefix="onball-") as folder:
        write(Path(folder) / path.name)
        same = path.is_file() and file_digest(path) == file_digest(Path(folder) / path.name)
    if same:
        return False
    if not overwrite:
        raise OutputConflictError(
            f"{path}: is there already, with other content: --overwrite replaces it, or choose "
            "another --out"
        )
    write(path)
    return True


def _read_record(folder: Path) -> list[dict[str, Any]]:
    """Entries of a folder's record; a missing or damaged record has none."""
    try:
        entries = read_json_object(folder / RECORD_FILE, InputError).get("results")
    except InputError:
        return []
    if not isinstance(entries, list):
        return []
    return [
        entry
        for entry in entries
        if isinstance(entry, dict)
        and isinstance(entry.get("files"), dict)
        and isinstance(entry.get("request"), dict)
    ]


def differences(former: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the values that differ, as text: `fps 25 instead of 12.5`; empty if none does."""
    return ", ".join(
        f"{key} {_text(former.get(key))} instead of {_text(now.get(key))}"
        for key in changed_keys(former, now)
    )


def changed_keys(former: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the keys of the values that differ; a missing one equals None."""
    return [key for key in {**former, **now} if former.get(key) != now.get(key)]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
