"""Files on stores: object storage and other file systems with addresses such as `s3://bucket/match.mp4`.

is_stored   tell addresses from paths
Store       list, read, download and upload files, by fsspec; lost connections are opened again
BlockReader a file that is read in blocks where it is needed, a few blocks ahead
local_copy  a file for programs that need a path, downloaded again when it changes

Errors are one line each, and name the address: `InputError` for what the user can correct, such as a
bucket that does not exist or missing credentials, `OnballError` for a connection that stays lost.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeVar, cast

from onball.errors import InputError, MissingDependencyError, OnballError, optional_dependency

if TYPE_CHECKING:
    from filelock import AcquireReturnProxy, BaseFileLock
    from fsspec import AbstractFileSystem

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<path>.*)", re.I | re.S)
#: Schemes that fsspec knows, and that are no stores here: live sources and paths of this machine.
_NO_STORES = {"http", "https", "file", "local", "data", "rtsp", "rtmp", "udp", "srt", "tcp"}
#: Extras of onball and packages for some schemes; fsspec names the packages of others.
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs"}
_S3_OPTIONS = {
    "config_kwargs": {
        "connect_timeout": 10,
        "read_timeout": 60,
        "retries": {"total_max_attempts": 1},
    }
}
_PART_BYTES = 8 << 20
#: Size of the blocks of a file that is read in blocks, how many are in memory, and read ahead.
_BLOCK_BYTES, _BLOCKS, _BLOCKS_AHEAD = 4 << 20, 12, 3
_ATTEMPTS = 5
_FIRST_PAUSE_S = 0.5

_Result = TypeVar("_Result")


def is_stored(path: object) -> bool:
    """Return True for the address of a file on a store, `s3://bucket/match.mp4`."""
    found = _ADDRESS.match(path) if isinstance(path, str) else None
    if found is None or found["scheme"].lower() in _NO_STORES:
        return False
    with optional_dependency("fsspec", "stores", "A store"):
        from fsspec.registry import known_implementations, registry
    return found["scheme"].lower() in {*known_implementations, *registry}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file on a store.

    Attributes:
        address: `s3://bucket/matches/match.mp4`.
        size: in bytes.
        version: text that changes with its content, as far as the store has one.
    """

    address: str
    size: int
    version: str

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.address.rpartition("/")[2]


class Store:
    """The store of an address.

    Args:
        address: any address on it.
        pause_s: seconds before the first repetition after a lost connection, by default 0.5; then twice
            as long each time.

    Raises:
        MissingDependencyError: the package for such addresses is not installed.
        InputError: the store cannot be opened, for example without credentials.
    """

    def __init__(self, address: str, *, pause_s: float | None = None) -> None:
        with optional_dependency("fsspec", "stores", "A store"):
            import fsspec
        scheme = address.partition("://")[0].lower()
        self._pause_s = _FIRST_PAUSE_S if pause_s is None else pause_s
        options = _S3_OPTIONS if scheme in _PACKAGES else {}
        try:
            with _one_line_errors(address):
                opened = fsspec.core.url_to_fs(address, skip_instance_cache=True, **options)
        except ImportError as error:
            if scheme in _PACKAGES:
                package = _PACKAGES[scheme]
                raise MissingDependencyError(package, "stores", f"{scheme}://") from error
            raise InputError(f"{address}: {' '.join(str(error).split())}") from error
        self._files: AbstractFileSystem = opened[0]
        if scheme in _PACKAGES:
            self._files.retries = 1  # this class repeats calls itself
        #: Beginning of all addresses, before the paths of the file system.
        self._prefix = address.rstrip("/").removesuffix(str(opened[1]).strip("/"))

    # Finding

    def files(self, address: str) -> list[StoredFile]:
        """Find the files of an address: itself, those below a folder, or those that a pattern matches.

        Args:
            address: file, folder, or a pattern with `*`, `?`, `[…]` or `**`.

        Returns:
            The files in the order of their addresses; none if there are none.
        """

        def find() -> dict[str, dict[str, Any]]:
            self._files.invalidate_cache()
            # Names may have these signs too: "match [1080p].mp4".
            if any(sign in address for sign in "*?[") and not self._files.exists(address):
                found: dict[str, dict[str, Any]] = self._files.glob(address, detail=True)
            else:
                found = self._files.find(address, detail=True)
            return found

        try:
            found = self._repeated(find, address)
        except _NotFoundError:
            return []
        return [
            StoredFile(self._address(path), int(about["size"]), _version(about))
            for path, about in sorted(found.items())
            if about["type"] == "file"
        ]

    def _address(self, path: str) -> str:
        return self._prefix + path.lstrip("/")

    # Reading

    def read(self, address: str) -> bytes:
        """Return the content of a small file."""
        content: bytes = self._repeated(lambda: self._files.cat_file(address), address)
        return content

    def read_part(self, address: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to before `stop`, which must not be after the end."""
        if stop <= start:
            return b""

        def read() -> bytes:
            part: bytes = self._files.cat_file(address, start=start, end=stop)
            if len(part) != stop - start:
                raise ConnectionError(f"{len(part):,} of {stop - start:,} bytes arrived")
            return part

        return self._repeated(read, address)

    def download(
        self, file: StoredFile, path: Path, progress: Callable[[int], object] = lambda done: None
    ) -> None:
        """Append the bytes of a file that `path` does not have yet, part by part.

        Args:
            file: the file.
            path: a file with the beginning of it; it may be missing.
            progress: called with the number of bytes that are there.
        """
        with path.open("ab") as target:
            done = target.tell()
            progress(done)
            while done < file.size:
                part = self.read_part(file.address, done, min(file.size, done + _PART_BYTES))
                target.write(part)
                done += len(part)
                progress(done)

    # Writing

    def upload(self, path: Path, address: str) -> None:
        """Copy a file to an address; other readers see all of it or none."""
        self._repeated(lambda: self._files.put_file(str(path), address), address)

    def write(self, address: str, content: bytes) -> None:
        """Write a small file; other readers see all of it or none."""
        self._repeated(lambda: self._files.pipe_file(address, content), address)

    def delete(self, address: str) -> None:
        """Delete a file, if it is there."""
        with suppress(_NotFoundError):
            self._repeated(lambda: self._files.rm_file(address), address)

    def delete_folder(self, folder: str) -> None:
        """Delete a folder with all files in it, if it is there."""

        def delete() -> None:
            self._files.invalidate_cache()
            self._files.rm(folder, recursive=True)

        with suppress(_NotFoundError):
            self._repeated(delete, folder)

    def check_writable(self, folder: str) -> None:
        """Raise an error if no files can be written into a folder, by writing and deleting one."""
        probe = f"{folder.rstrip('/')}/.onball-writable"
        self._repeated(lambda: self._files.pipe_file(probe, b"onball"), folder)
        self._repeated(lambda: self._files.rm_file(probe), folder)

    def _repeated(self, call: Callable[[], _Result], address: str) -> _Result:
        """Call a function again after lost connections, with pauses between."""
        pause_s = self._pause_s
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with _one_line_errors(address):
                    return call()
            except _ConnectionLostError:
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(pause_s)
                pause_s *= 2
        raise AssertionError


class BlockReader:
    """A file on a store that is read in blocks, of which some are kept in memory; for any threads.

    While blocks are read one after the other, the next ones are fetched already. (fsspec's own caches
    belong to one open file each, and fetch at most one block ahead.)

    Args:
        file: the file.
        store: its store.

    Attributes:
        error: what ended the reading, after connections were opened again; None without an error.
            After it the file appears to end.
    """

    def __init__(self, file: StoredFile, store: Store) -> None:
        self.error: OnballError | None = None
        self._file = file
        self._store = store
        self._size = _BLOCK_BYTES
        self._count = -(-file.size // self._size)
        #: The last used one is the last.
        self._blocks: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(1 + _BLOCKS_AHEAD, "onball-blocks")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._blocks.clear()

    def open(self, name: str) -> BinaryIO:
        """Open the file at its beginning.

        Args:
            name: its name, for programs that recognise formats by it.
        """
        return cast(BinaryIO, _BlockFile(self, self._file.size, name))

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to before `stop` or the end.

        Raises:
            OnballError: they cannot be read; raised once, because FFmpeg asks again after an error.
        """
        stop = min(stop, self._file.size)
        if self.error is not None or stop <= start:
            return b""
        first, last = start // self._size, (stop - 1) // self._size
        try:
            blocks = [self._block(number) for number in range(first, last + 1)]
        except OnballError as error:
            self.error = error
            raise
        return b"".join(blocks)[start - first * self._size : stop - first * self._size]

    def _block(self, number: int) -> bytes:
        with self._lock:
            if number - 1 in self._blocks:
                for later in range(number + 1, min(number + 1 + _BLOCKS_AHEAD, self._count)):
                    self._fetch(later)
            wanted = self._fetch(number)
            while len(self._blocks) > _BLOCKS:
                self._blocks.popitem(last=False)
        return wanted.result()

    def _fetch(self, number: int) -> Future[bytes]:
        """Begin to read a block unless it is there."""
        if number not in self._blocks:
            start = number * self._size
            stop = min(self._file.size, start + self._size)
            read = self._store.read_part
            self._blocks[number] = self._pool.submit(read, self._file.address, start, stop)
        self._blocks.move_to_end(number)
        return self._blocks[number]


class _BlockFile(io.RawIOBase):
    """Position in a file that is read in blocks."""

    def __init__(self, reader: BlockReader, size: int, name: str) -> None:
        self.name = name
        self._reader = reader
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if begin + offset < 0:
            raise ValueError("position before the beginning of the file")
        self._position = begin + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        stop = self._size if size < 0 else self._position + size
        data = self._reader.read(self._position, stop)
        self._position += len(data)
        return data


def cache_folder() -> Path:
    """Return the folder of this user for files of stores."""
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "onball" / "stores"


def acquire_lock(
    lock: BaseFileLock, is_cancelled: Callable[[], bool] = lambda: False
) -> AcquireReturnProxy[BaseFileLock]:
    """Wait for the lock of a folder in the cache.

    Args:
        lock: the lock.
        is_cancelled: ends the waiting, without the lock.

    Returns:
        Context manager that releases it.

    Raises:
        OnballError: the disk has no file locks.
    """
    try:
        return lock.acquire(cancel_check=is_cancelled)
    except (NotImplementedError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not supported"
        raise OnballError(
            f"{lock.lock_file}: files cannot be locked on this disk ({reason}): choose a folder on "
            "another one, by --cache or the environment variable XDG_CACHE_HOME"
        ) from error


def local_copy(address: str) -> Path:
    """Return a copy of a file on a store, of an earlier call if the file has not changed since.

    One copy of each address is kept, in the user's cache.

    Raises:
        InputError: there is no such file, or no access to it.
        OnballError: it cannot be downloaded.
    """
    store = Store(address)
    file = next((one for one in store.files(address) if one.address == address), None)
    if file is None:
        raise InputError(f"{address}: no such file: check the address")
    place = cache_folder() / "files" / _digest(address)
    path = place / _digest(f"{file.size} {file.version}") / file.name
    if not path.exists():
        former = list(place.glob("*"))
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as new:
                store.download(file, Path(new, file.name))
                if not path.parent.exists():  # else another process was faster
                    Path(new).replace(path.parent)
        except OSError as error:
            raise OnballError(f"{place}: cannot be written ({error.strerror})") from error
        for one in former:
            shutil.rmtree(one, ignore_errors=True)
    return path


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def naming(address: str, path: Path) -> Iterator[None]:
    """Name an address in place of a path of this machine, in errors that are raised in the block."""
    try:
        yield
    except OnballError as error:
        if str(path) not in str(error):
            raise
        raise type(error)(str(error).replace(str(path), address)) from error


class _NotFoundError(InputError):
    """There is no such file or bucket."""


class _ConnectionLostError(OnballError):
    """The store did not answer, or not to the end; another attempt may succeed."""


@contextmanager
def _one_line_errors(address: str) -> Iterator[None]:
    """Turn the errors of fsspec's file systems into those of onball.

    Each has errors of its own for a connection; all of which nothing else is known are taken for that.
    """
    try:
        yield
    except (OnballError, ImportError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise _NotFoundError(f"{address}: no such file or bucket: check the address") from error
    except PermissionError as error:
        raise InputError(f"{address}: access denied: check the credentials and rights") from error
    except Exception as error:
        kind, text = type(error).__name__, " ".join(str(error).split())
        if any(word in kind for word in ("Credential", "Token", "Profile")):
            raise InputError(
                f"{address}: no credentials for this store ({text}): set them up as for its own tools"
            ) from error
        if isinstance(error, ValueError | NotImplementedError) and not isinstance(error, OSError):
            raise InputError(f"{address}: cannot be used ({text})") from error
        raise _ConnectionLostError(
            f"{address}: the connection failed ({text or kind}): call again to continue"
        ) from error


def _version(about: dict[str, Any]) -> str:
    """Version of a file: its checksum or time of change, under the names that stores give them."""
    names: Sequence[str] = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created")
    return str(next((about[name] for name in names if about.get(name)), ""))
