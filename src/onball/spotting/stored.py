"""Videos and results on stores, for `onball.spotting.videos`.

videos    found by listing; their two ends are read, for their fingerprints. A video is downloaded when its
          turn comes, into a cache of bounded size, and deleted when its results are written.
results   compared with those on the store, and written, in a folder of this machine; uploaded when they
          are complete, their record last. Scores that are kept while they are computed stay in that
          folder, so that an interrupted run continues on the same machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from onball.errors import InputError, OnballError, VideoError
from onball.files import FINGERPRINT_BYTES, VIDEO_SUFFIXES, file_digest, require_writable
from onball.outputs import RECORD_FILE, publish_outputs
from onball.progress import Progress, ProgressCallback
from onball.stores import Store, StoredFile

#: Name of the folder of downloaded videos, and of that of results.
_VIDEOS, _RESULTS = "videos", "results"
_COMPLETE, _LOCK, _PART = ".complete", ".lock", ".part"
_CONNECTIONS = 8
_GB = 1_000_000_000
CACHE_GB = 50.0
"""Size of the cache by default, in gigabytes."""


@dataclass(frozen=True, slots=True)
class StoreCache:
    """Folder of this machine for files of stores.

    Attributes:
        folder: the folder.
        limit_bytes: most bytes of videos in it.
    """

    folder: Path
    limit_bytes: int

    @classmethod
    def of(cls, folder: str | Path | None, size_gb: float) -> StoreCache:
        """Return the cache in a folder, by default in the user's cache.

        Raises:
            InputError: the size is not positive.
        """
        if not size_gb > 0:
            raise InputError(f"cache of {size_gb:g} GB: its size must be above 0")
        if folder is None:
            base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
            folder = (Path(base) if base else Path.home() / ".cache") / "onball" / "stores"
        return cls(Path(folder), round(size_gb * _GB))

    def make_room(self, size: int, place: Path) -> None:
        """Delete videos that no process uses, the oldest first, until one more fits in.

        Args:
            size: bytes of the video that is to be downloaded.
            place: its own folder, which stays.

        Raises:
            OnballError: it does not fit in.
        """
        entries = [one for one in (self.folder / _VIDEOS).iterdir() if one != place]
        sizes = {one: _downloaded(one) for one in entries}
        for one in sorted((one for one in entries if sizes[one]), key=_last_used):
            if sum(sizes.values()) + size <= self.limit_bytes:
                return
            lock = FileLock(one / _LOCK)
            try:
                with lock.acquire(blocking=False):
                    shutil.rmtree(one, ignore_errors=True)
                    sizes[one] = 0
            except (Timeout, OSError):
                continue
        if sum(sizes.values()) + size > self.limit_bytes:
            raise OnballError(
                f"{self.folder}: no room for a video of {size / _GB:.2f} GB within "
                f"{self.limit_bytes / _GB:g} GB: raise --cache-size"
            )


def _downloaded(entry: Path) -> int:
    """Bytes of a video in the cache; those of its ends do not count."""
    with suppress(OSError):
        files = [one for one in entry.iterdir() if not one.name.startswith(".")]
        complete = (entry / _COMPLETE).exists()
        return sum(one.stat().st_size for one in files if complete or one.suffix == _PART)
    return 0


def _last_used(entry: Path) -> float:
    with suppress(OSError):
        return entry.stat().st_mtime
    return 0.0


class StoredVideo:
    """A video on a store.

    Args:
        file: the video.
        store: its store.
        cache: where it is downloaded to.
        purpose: work that it is downloaded for; other work has a copy of its own.

    Attributes:
        path: the file in the cache. Until `fetch` it has the size of the video and only its two ends,
            so that its fingerprint is that of the video.
    """

    def __init__(self, file: StoredFile, store: Store, cache: StoreCache, purpose: str) -> None:
        self.file = file
        self._store = store
        self._cache = cache
        key = "\n".join([file.address, str(file.size), file.version, purpose])
        self._entry = cache.folder / _VIDEOS / hashlib.sha256(key.encode()).hexdigest()[:16]
        self.path = self._entry / file.name
        self._lock = FileLock(self._entry / _LOCK)

    def prepare(self) -> None:
        """Read the ends of the video. Raises `OnballError`."""
        if self.path.exists():
            return
        size = self.file.size
        head = self._store.read_part(self.file.address, 0, min(size, FINGERPRINT_BYTES))
        tail_start = max(len(head), size - FINGERPRINT_BYTES)
        tail = self._store.read_part(self.file.address, tail_start, size)
        self._entry.mkdir(parents=True, exist_ok=True)
        temporary = self._entry / ".ends"
        with temporary.open("wb") as target:
            target.write(head)
            target.truncate(size)
            target.seek(tail_start)
            target.write(tail)
        temporary.replace(self.path)

    def fetch(self, progress: ProgressCallback) -> None:
        """Download the video, or what a call that was interrupted has left of it.

        It stays in the cache until `release`. Raises `OnballError`.
        """
        self._entry.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        if (self._entry / _COMPLETE).exists():
            return
        self._cache.make_room(self.file.size, self._entry)
        part = self.path.with_name(self.path.name + _PART)
        task = f"download of {self.file.name}"
        self._store.download(
            self.file,
            part,
            lambda done: progress(Progress(task, done, self.file.size, "bytes")),
        )
        part.replace(self.path)
        (self._entry / _COMPLETE).touch()

    def release(self, *, done: bool) -> None:
        """Delete the video; if its work is not done, keep it for the next call."""
        self._lock.release(force=True)
        if done:
            shutil.rmtree(self._entry, ignore_errors=True)


def find_stored_videos(
    addresses: Iterable[str], cache: StoreCache, purpose: str
) -> list[StoredVideo]:
    """Find the videos that addresses name: files, folders and patterns.

    Args:
        addresses: `s3://bucket/match.mp4`, `s3://bucket/matches`, `s3://bucket/*/*.mp4` …
        cache: where they are to be downloaded to.
        purpose: see `StoredVideo`.

    Raises:
        VideoError: an address names no video; all such addresses are reported together.
        OnballError: a store cannot be read.
    """
    found: dict[str, StoredVideo] = {}
    problems = []
    for address in addresses:
        store = Store(address)
        files = store.files(address)
        named = [one for one in files if one.address.rstrip("/") == address.rstrip("/")]
        videos = named or [one for one in files if _is_video_name(one.name)]
        if not videos:
            problems.append(
                f"{address}: no video there: check the address"
                if files
                else f"{address}: no such file, folder or bucket: check the address"
            )
        for one in videos:
            found.setdefault(one.address, StoredVideo(one, store, cache, purpose))
    if problems:
        raise VideoError("\n  ".join(problems))
    require_writable(cache.folder)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(StoredVideo.prepare, found.values()))
    return list(found.values())


def _is_video_name(name: str) -> bool:
    return Path(name).suffix.lower() in VIDEO_SUFFIXES and not name.startswith(".")


class StoredResults:
    """Folder of the results of many videos, on a store.

    Args:
        address: `s3://bucket/results`.
        cache: in which they are compared and written.

    Attributes:
        address: the folder, without a slash at its end.
        folder: folder of this machine.
    """

    def __init__(self, address: str, cache: StoreCache) -> None:
        self.address = address.rstrip("/")
        self._store = Store(address)
        key = hashlib.sha256(self.address.encode()).hexdigest()[:16]
        self.folder = cache.folder / _RESULTS / key
        self._former: dict[str, dict[str, str]] = {}

    def mirror(self, names: Sequence[str]) -> None:
        """Download the results of some videos that are there.

        Args:
            names: names of their folders.

        Raises:
            OnballError: the store cannot be read or written.
        """
        self._store.check_writable(self.address)
        wanted = set(names)
        there: dict[str, list[StoredFile]] = {}
        for file in self._store.files(self.address):
            name, _, rest = file.address.removeprefix(f"{self.address}/").partition("/")
            if name in wanted and rest and "/" not in rest:
                there.setdefault(name, []).append(file)
        for name in names:
            self._clear(name)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            list(pool.map(self._download, [one for files in there.values() for one in files]))
        for name, files in there.items():
            self._former[name] = {
                one.name: file_digest(self.folder / name / one.name) for one in files
            }

    def _clear(self, name: str) -> None:
        """Delete former copies of results, but not scores that are kept."""
        folder = self.folder / name
        if folder.is_dir():
            for path in folder.iterdir():
                if path.is_file() and (path.name == RECORD_FILE or not path.name.startswith(".")):
                    path.unlink()

    def _download(self, file: StoredFile) -> None:
        path = self.folder / file.address.removeprefix(f"{self.address}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._store.read(file.address))

    def publish(self, name: str) -> None:
        """Upload the results of a video. Raises `OnballError`."""
        folder, former = self.folder / name, self._former.get(name, {})
        publish_outputs(
            folder,
            former,
            lambda path, file: self._store.upload(path, f"{self.address}/{name}/{file}"),
        )

    def release(self, name: str) -> None:
        """Delete the copy on this machine."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
