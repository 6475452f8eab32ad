"""Runs on stores, `s3://bucket/runs/one`: trained in a folder of this machine, uploaded after every epoch.

On the store, a run has the files of `RunFolder`, and

    .onball-run.json             names and digests of the files, uploaded after all of them
    checkpoints/last-1f0c….ckpt  the state to resume from, under a name of its own for each content

so that the record always names a complete checkpoint, whenever an upload is interrupted: the former one
is deleted when the record names the next. Another machine resumes from the files of the record.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from onball.errors import DataError, OnballError, OnballWarning
from onball.files import file_digest, write_bytes_atomic
from onball.runs import RunFolder
from onball.spotting.stored import CACHE_GB, StoreCache
from onball.stores import Store, acquire_lock

_RECORD = ".onball-run.json"
_VERSION = 1
_FOLDERS = ("model", "tensorboard", "checkpoints")


class StoredRun:
    """A run on a store, and the folder of this machine that it is trained in.

    Args:
        address: `s3://bucket/runs/one`.
        cache: folder for the folders of such runs; in the user's cache by default.

    Attributes:
        address: without a slash at its end.
        run: the folder of this machine. It has the state of the store, or a later one that could not
            be uploaded.

    Raises:
        MissingDependencyError: the package for such addresses is not installed.
        InputError: the store cannot be opened, for example without credentials.
    """

    def __init__(self, address: str, cache: Path | None = None) -> None:
        self.address = address.rstrip("/")
        self._store = Store(self.address)
        base = StoreCache.of(None, CACHE_GB).folder / "runs" if cache is None else cache
        name = self.address.rpartition("/")[2]
        key = hashlib.sha256(self.address.encode()).hexdigest()[:16]
        self.run = RunFolder(base / f"{name}-{key}", self.address)
        self._record = self.run.path / _RECORD

    def fetch(self) -> None:
        """Download the run if the store has another state of it than the folder of this machine began with.

        Of several processes of a machine, one downloads and the others wait.

        Raises:
            DataError: the record or the checkpoint on the store is damaged.
            OnballError: the store cannot be read.
        """
        folder = self.run.path
        folder.parent.mkdir(parents=True, exist_ok=True)
        with acquire_lock(FileLock(folder.with_name(f".{folder.name}.lock"))):
            content = self._stored_record()
            if content == (self._record.read_bytes() if self._record.is_file() else None):
                return
            self._record.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            if content is not None:
                for name, about in _files_of(content, f"{self.address}/{_RECORD}").items():
                    self._fetch_file(name, about["stored"], about["sha256"])
                write_bytes_atomic(self._record, content)

    def _stored_record(self) -> bytes | None:
        address = f"{self.address}/{_RECORD}"
        return self._store.read(address) if self._store.files(address) else None

    def _fetch_file(self, name: str, stored: str, digest: str) -> None:
        address = f"{self.address}/{stored}"
        found = [file for file in self._store.files(address) if file.address == address]
        if not found:
            raise DataError(f"{address}: no such file, and the record of the run names it")
        path = self.run.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._store.download(found[0], path)
        # Other files may be of a later epoch than the checkpoint, as after a crash of the machine.
        if stored != name and file_digest(path) != digest:
            raise DataError(f"{address}: damaged: its content is not the one that was uploaded")

    def check_writable(self) -> None:
        """Raise an error if no files can be written to the store."""
        self._store.check_writable(self.address)

    def publish(self) -> None:
        """Upload what has changed since the last call, then the record.

        Raises:
            OnballError: the store cannot be written; the former state stays.
        """
        former = self._files_of_record()
        files: dict[str, dict[str, str]] = {}
        for path, name in self._local_files():
            digest = file_digest(path)
            stored = _stored_name(name, digest)
            files[name] = {"stored": stored, "sha256": digest}
            if files[name] != former.get(name):
                self._store.upload(path, f"{self.address}/{stored}")
        content = json.dumps({"version": _VERSION, "files": files}, indent=1).encode()
        self._store.write(f"{self.address}/{_RECORD}", content)
        write_bytes_atomic(self._record, content)
        now = {about["stored"] for about in files.values()}
        for stored in {about["stored"] for about in former.values()} - now:
            self._store.delete(f"{self.address}/{stored}")

    def publish_or_warn(self) -> None:
        """Upload as `publish`; a store that cannot be written is a warning, for the next call tries again."""
        try:
            self.publish()
        except OnballError as error:
            message = f"not uploaded, and tried again after the next epoch: {error}"
            warnings.warn(OnballWarning(message), stacklevel=2)

    def publish_finally(self) -> None:
        """Upload at the end of the training. Raises `OnballError` that names the folder of this machine."""
        try:
            self.publish()
        except OnballError as error:
            raise OnballError(
                f"not uploaded: {error}; the run is in {self.run.path}, and `onball train "
                f"{self.address} --resume` on this machine uploads it"
            ) from error

    def _files_of_record(self) -> dict[str, dict[str, str]]:
        if not self._record.is_file():
            return {}
        return _files_of(self._record.read_bytes(), str(self._record))

    def _local_files(self) -> Iterator[tuple[Path, str]]:
        """The files of the run, with their names below its folder."""
        files = [path for name in _FOLDERS for path in sorted((self.run.path / name).rglob("*"))]
        for path in (self.run.config, self.run.metrics, *files):
            if path.is_file() and not path.name.startswith("."):
                yield path, path.relative_to(self.run.path).as_posix()

    def clear(self) -> None:
        """Delete the run on the store and on this machine; the record first.

        Raises:
            OnballError: the store cannot be written.
        """
        content = self._stored_record()
        if content is not None:
            self._store.delete(f"{self.address}/{_RECORD}")
            for about in _files_of(content, f"{self.address}/{_RECORD}").values():
                self._store.delete(f"{self.address}/{about['stored']}")
        shutil.rmtree(self.run.path, ignore_errors=True)


def _stored_name(name: str, digest: str) -> str:
    """Name on the store: checkpoints have one for each content."""
    path = PurePosixPath(name)
    if path.suffix != ".ckpt":
        return name
    return str(path.with_name(f"{path.stem}-{digest[:16]}{path.suffix}"))


def _files_of(content: bytes, place: str) -> dict[str, dict[str, str]]:
    """Files that a record names. Raises `DataError` if it is none."""
    try:
        record: Any = json.loads(content)
        files: dict[str, dict[str, str]] = {
            name: {key: str(about[key]) for key in ("stored", "sha256")}
            for name, about in record["files"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{place}: no record of a training run") from None
    if record.get("version") != _VERSION:
        raise DataError(f"{place}: written by another version of onball")
    for name in (name for pair in files.items() for name in (pair[0], pair[1]["stored"])):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise DataError(f"{place}: names a file outside the run: {name}")
    return files
