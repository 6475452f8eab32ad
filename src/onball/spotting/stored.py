"""Videos and results on stores, for `onball.spotting.videos`.

videos    found by listing; their two ends are read, for their fingerprints. When its turn comes, a video
          that has an index is read where it is, in blocks; others, which are read more than once, are
          downloaded into a cache of bounded size, and deleted when their results are written. The
          next video is opened or downloaded while one is spotted.
results   compared with those on the store, and written, in a folder of this machine; uploaded when they
          are complete, their record last. Scores that are kept while they are computed stay in that
          folder, so that an interrupted run continues on the same machine.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from onball.errors import InputError, OnballError, VideoError
from onball.files import FINGERPRINT_BYTES, VIDEO_SUFFIXES, file_digest, require_writable
from onball.outputs import RECORD_FILE, finish_outputs, publish_outputs
from onball.progress import Progress, ProgressCallback, no_progress
from onball.stores import BlockReader, Store, StoredFile, acquire_lock, cache_folder, naming
from onball.video import probe
from onball.video.decoding import has_index
from onball.video.streams import opened_by

#: Name of the folder of downloaded videos, and of that of results.
_VIDEOS, _RESULTS = "videos", "results"
_COMPLETE, _LOCK, _PART = ".complete", ".lock", ".part"
_CONNECTIONS = 8
#: Seconds between reports of the progress of a download.
_REPORT_S = 0.2
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
        folder = cache_folder() if folder is None else folder
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
            except (Timeout, OSError, NotImplementedError):
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
        purpose: work that it is read for; other work has a copy of its own.

    Attributes:
        path: the file in the cache. Until `open` it has the size of the video and only its two ends,
            so that its fingerprint is that of the video. From then until `release`, `onball.video`
            reads the video by this path.
    """

    def __init__(self, file: StoredFile, store: Store, cache: StoreCache, purpose: str) -> None:
        self.file = file
        self._store = store
        self._cache = cache
        key = "\n".join([file.address, str(file.size), file.version, purpose])
        self._entry = cache.folder / _VIDEOS / hashlib.sha256(key.encode()).hexdigest()[:16]
        self.path = self._entry / file.name
        # Another thread than the one that opens the video releases it.
        self._lock = FileLock(self._entry / _LOCK, thread_local=False)
        self._opening: Future[None] | None = None
        self._opened = ExitStack()
        self._reader: BlockReader | None = None
        self._downloaded = 0
        self._stopped = False

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

    def begin(self, pool: Executor, *, whole: bool) -> None:
        """Begin to open the video in a thread of a pool, see `open`."""
        self._stopped = False
        self._opening = pool.submit(self._open, whole)

    def open(self, pool: Executor, progress: ProgressCallback, *, whole: bool) -> None:
        """Make the video readable until `release`; a download that was interrupted is continued.

        Args:
            pool: of which a thread opens it.
            progress: called with the bytes that are downloaded.
            whole: download it, although it has an index.

        Raises:
            VideoError: it is no video.
            OnballError: it cannot be read, or there is no room for it.
        """
        if self._opening is not None:
            if self._await(self._opening, progress) is None:
                return
            self.release(done=False)  # beside the video before, there may have been no room
        self.begin(pool, whole=whole)
        assert self._opening is not None
        error = self._await(self._opening, progress)
        if error is not None:
            raise error

    def _await(self, opening: Future[None], progress: ProgressCallback) -> BaseException | None:
        """Wait until the video is open, and report its download; returns the error if it failed."""
        ended = False
        while not ended:
            ended = bool(wait([opening], _REPORT_S).done)
            if self._downloaded:
                task = f"download of {self.file.name}"
                progress(Progress(task, self._downloaded, self.file.size, "bytes"))
        return opening.exception()

    def _open(self, whole: bool) -> None:
        self._entry.mkdir(parents=True, exist_ok=True)
        # Another process may spot the same video for hours.
        acquire_lock(self._lock, lambda: self._stopped)
        part = self.path.with_name(self.path.name + _PART)
        if (self._entry / _COMPLETE).exists():
            return
        if not whole and not part.exists() and self._read_in_blocks():
            return
        self._cache.make_room(self.file.size, self._entry)
        self._store.download(self.file, part, self._count)
        part.replace(self.path)
        (self._entry / _COMPLETE).touch()

    def _read_in_blocks(self) -> bool:
        """Let the video be read in blocks from the store, if it has an index."""
        reader = self._opened.enter_context(self.in_blocks())
        if not has_index(self.path):
            self._opened.close()
            return False
        self._reader = reader
        return True

    @contextmanager
    def in_blocks(self) -> Iterator[BlockReader]:
        """Read the video in blocks from the store in a `with` block, whether it has an index or not."""
        with (
            BlockReader(self.file, self._store) as reader,
            opened_by(self.path, partial(reader.open, str(self.path))),
        ):
            yield reader

    def _count(self, downloaded: int) -> None:
        self._downloaded = downloaded
        if self._stopped:
            raise OnballError(
                f"{self.file.address}: its download was stopped: call again to continue"
            )

    def check(self) -> None:
        """Raise `OnballError` if not all was read that was asked for, or the video has changed."""
        if self._reader is not None and self._reader.error is not None:
            raise self._reader.error
        if self.file not in self._store.files(self.file.address):
            raise OnballError(f"{self.file.address}: changed while it was read: spot it again")

    def release(self, *, done: bool) -> None:
        """Delete the video from this machine; if its work is not done, keep it for the next call."""
        if self._opening is not None:
            self._stopped = True
            self._opening.cancel()
            wait([self._opening])
            self._opening = None
        self._opened.close()
        self._reader = None
        self._lock.release(force=True)
        if done:
            shutil.rmtree(self._entry, ignore_errors=True)


class VideoOpener:
    """Opens the videos of a batch in turn; while one is used, the next one is opened or downloaded.

    Args:
        videos: in the order in which they are opened; some may be left out.
        whole: see `StoredVideo.open`.
    """

    def __init__(self, videos: Iterable[StoredVideo], *, whole: bool) -> None:
        self._whole = whole
        self._videos = list(videos)
        # A single thread: two downloads at the same time would share the connection.
        self._pool = ThreadPoolExecutor(1, "onball-videos")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for video in self._videos:
            video.release(done=False)
        self._pool.shutdown()

    def open(self, video: StoredVideo, progress: ProgressCallback) -> None:
        """Make a video readable, see `StoredVideo.open`, and begin to open the next one."""
        del self._videos[: self._videos.index(video)]
        video.open(self._pool, progress, whole=self._whole)
        for following in self._videos[1:2]:
            following.begin(self._pool, whole=self._whole)


def find_stored_videos(
    addresses: Iterable[str], cache: StoreCache, purpose: str
) -> list[StoredVideo]:
    """Find the videos that addresses name, and read their ends.

    Args:
        addresses: see `list_stored_videos`.
        cache: where they are to be downloaded to.
        purpose: see `StoredVideo`.

    Raises:
        VideoError: an address names no video; all such addresses are reported together.
        OnballError: a store cannot be read.
    """
    found = [
        StoredVideo(file, store, cache, purpose) for file, store in list_stored_videos(addresses)
    ]
    require_writable(cache.folder)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(StoredVideo.prepare, found))
    return found


@contextmanager
def opened_video(address: str, purpose: str) -> Iterator[Path]:
    """Open a video on a store, in the user's cache, for a `with` block.

    Args:
        address: the video.
        purpose: see `StoredVideo`; work that is done at the same time needs different ones.

    Yields:
        Path by which `onball.video` reads it. Errors in the block name the address instead.

    Raises:
        VideoError: it is no video.
        OnballError: it cannot be read, or has changed meanwhile.
    """
    (video,) = find_stored_videos([address], StoreCache.of(None, CACHE_GB), purpose)
    done = False
    try:
        with naming(address, video.path), VideoOpener([video], whole=False) as opener:
            opener.open(video, no_progress)
            yield video.path
            video.check()
        done = True
    except VideoError:
        done = True
        raise
    finally:
        video.release(done=done)


def stored_duration_ms(address: str) -> int:
    """Return the length of a video on a store, of which little is read; 0 if its header has none.

    Raises:
        VideoError: it is no video.
        OnballError: it cannot be read.
    """
    (video,) = find_stored_videos([address], StoreCache.of(None, CACHE_GB), "length")
    try:
        with naming(address, video.path), video.in_blocks():
            return probe(video.path).duration_ms
    finally:
        video.release(done=True)


def list_stored_videos(addresses: Iterable[str]) -> list[tuple[StoredFile, Store]]:
    """Find the videos that addresses name: files, folders and patterns.

    Args:
        addresses: `s3://bucket/match.mp4`, `s3://bucket/matches`, `s3://bucket/*/*.mp4` …

    Returns:
        Each video with its store.

    Raises:
        VideoError: an address names no video; all such addresses are reported together.
        OnballError: a store cannot be read.
    """
    found: dict[str, tuple[StoredFile, Store]] = {}
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
            found.setdefault(one.address, (one, store))
    if problems:
        raise VideoError("\n  ".join(problems))
    return list(found.values())


def place_of(address: str) -> Path:
    """Return a path by which `name_results` names the result of a video on a store."""
    return Path("/", address.replace("://", "/"))


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
        # The results of an archive are many; a task asks for those of one match.
        folder = f"{self.address}/{names[0]}" if len(names) == 1 else self.address
        for file in self._store.files(folder):
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

    def finish(self, name: str, files: Iterable[str]) -> None:
        """Complete the record of results that are all there, if a process was killed before it did.

        Args:
            name: name of their folder.
            files: names of one or more of them.

        Raises:
            OnballError: the store cannot be written.
        """
        record = self.folder / name / RECORD_FILE
        former = record.read_bytes() if record.is_file() else b""
        finish_outputs(record.parent, files)
        if record.is_file() and record.read_bytes() != former:
            self._store.upload(record, f"{self.address}/{name}/{RECORD_FILE}")

    def release(self, name: str) -> None:
        """Delete the copy on this machine."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    # Files that processes of several machines share until there are results

    def fetch(self, path: Path) -> None:
        """Download a file of `folder` unless it is missing on the store. Raises `OnballError`."""
        for file in self._store.files(self._address_of(path)):
            self._download(file)

    def share(self, path: Path) -> None:
        """Upload a file of `folder`. Raises `OnballError`."""
        self._store.upload(path, self._address_of(path))

    def remove(self, folder: Path) -> None:
        """Delete a folder in `folder` on the store and here. Raises `OnballError`."""
        self._store.delete_folder(self._address_of(folder))
        shutil.rmtree(folder, ignore_errors=True)

    def names(self) -> set[str]:
        """Names of the videos that have results on the store. Raises `OnballError`."""
        below = f"{self.address}/"
        places = [one.address.removeprefix(below) for one in self._store.files(self.address)]
        return {place.split("/")[0] for place in places if place.count("/") == 1}

    def _address_of(self, path: Path) -> str:
        return f"{self.address}/{path.relative_to(self.folder).as_posix()}"
