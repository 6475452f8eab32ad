"""Scores of a video that are kept on disk while they are computed, so that no work is lost.

    scores:  magic line | record: what they depend on, as JSON | record: scores | record: scores | …
    parts:   magic line | record: what they depend on, as JSON | record: result of a part | …

A record is its length, its CRC-32 and its content. Records are only ever appended, each in one
write: a process that is killed, or a disk that fills up, leaves at most the last one incomplete. A
file is read up to the first record that is not intact, and continued there.

Scores are final some windows after their frames were computed. Until then the results of the backbone
are kept in the second file, each from the thread that computed it.
"""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from io import FileIO
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, BinaryIO, Self
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from onball.errors import OnballNotice
from onball.files import write_error
from onball.outputs import differences
from onball.spotting.engine import ScoredFrames

JOURNAL_FILE = ".onball-scores"
"""Name of the journal of a video in the folder of its results."""

#: First lines; the number is that of the format.
_SCORES_MAGIC, _PARTS_MAGIC = b"onball scores 1\n", b"onball parts 1\n"
#: Length and CRC-32 of a record's content.
_HEAD = struct.Struct("<II")
#: A file of parts is written again without those that are no longer needed when it exceeds the others
#: by this factor, and this size.
_PARTS_GROWTH, _PARTS_LEAST = 2, 1 << 20


class _Block(msgspec.Struct, array_like=True):
    """Scores of consecutive frames as bytes, little-endian; see `ScoredFrames`."""

    pts_ms: bytes
    probabilities: bytes
    left: bytes | None
    displacement: bytes | None


class _Part(msgspec.Struct, array_like=True):
    """Result `[t, F]` of the part of a video that begins at frame `first`."""

    first: int
    columns: int
    dtype: str
    content: bytes


class ScoreJournal:
    """Scores of the first frames of a video, in a file that grows while more are computed.

    A file that holds scores for another request is emptied when the first scores are appended, and
    an `OnballNotice` says so. Without scores no file is made. A journal belongs to one process at a
    time.

    Args:
        path: the file.
        request: everything that the scores depend on, as short texts and numbers for JSON.

    Attributes:
        frames: number of frames whose scores are kept.
        last_ms: time of the last one of them; None without any.
        parts: results of parts of the video whose scores are not final.
    """

    def __init__(self, path: str | Path, request: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.frames = 0
        self.last_ms: int | None = None
        self._file = _RecordFile(self.path, _SCORES_MAGIC, request)
        if self._file.mismatch:
            self._warn(self._file.mismatch)
        for content in self._file.examine():
            times = _unpacked(content).pts_ms
            self.frames += len(times)
            self.last_ms = int(times[-1])
        self.parts = KeptParts(_parts_file(self.path), request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def read(self) -> Iterator[ScoredFrames]:
        """Yield the scores that are kept, in order of time."""
        return map(_unpacked, self._file.read())

    def append(self, part: ScoredFrames) -> None:
        """Keep the scores of the next frames.

        Raises:
            OnballError: the file cannot be written. What was kept before remains.
        """
        self._file.append(_packed(part))
        self.frames += len(part.pts_ms)
        self.last_ms = int(part.pts_ms[-1])

    def close(self) -> None:
        """Close the files; `append` opens them again."""
        self._file.close()
        self.parts.close()

    def _warn(self, reason: str) -> None:
        message = f"{self.path.parent}: the scores of an interrupted run are not used: {reason}"
        warnings.warn(message, OnballNotice, stacklevel=4)


class KeptParts:
    """Results of parts of a video, in a file; see `onball.spotting.engine.PartialResults`.

    A file that holds results for another request is emptied.

    Args:
        path: the file.
        request: see `ScoreJournal`.
    """

    def __init__(self, path: Path, request: Mapping[str, Any]) -> None:
        self._file = _RecordFile(path, _PARTS_MAGIC, request)
        self._parts: dict[int, bytes] = {}  # content of the record of each part, by its first frame
        for content in self._file.examine():
            self._parts[_decoded_part(content).first] = content
        self._lock = Lock()

    def __call__(self, first: int, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the result of a part, which is computed and kept unless it is there.

        Raises:
            OnballError: the file cannot be written.
        """
        with self._lock:
            kept = self._parts.get(first)
        if kept is not None:
            part = _decoded_part(kept)
            return np.frombuffer(part.content, part.dtype).reshape(-1, part.columns).copy()
        result = compute()
        part = _Part(first, result.shape[1], result.dtype.str, result.tobytes())
        content = msgspec.msgpack.encode(part)
        with self._lock:
            self._file.append(content)
            self._parts[first] = content
        return result

    def forget_before(self, first: int) -> None:
        """Forget the parts that begin before a frame: they are not needed any more."""
        with self._lock:
            for passed in [part for part in self._parts if part < first]:
                del self._parts[passed]
            needed = sum(map(len, self._parts.values()))
            if self._file.size > max(_PARTS_LEAST, _PARTS_GROWTH * needed):
                self._file.replace(self._parts.values())

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


def journal_files(journal: Path) -> tuple[Path, ...]:
    """Return all files that there may be of a journal."""
    parts = _parts_file(journal)
    return journal, parts, _new_file(parts)


def _parts_file(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}-parts")


def continue_scores(
    journal: ScoreJournal,
    compute: Callable[[int | None, KeptParts], Generator[ScoredFrames]],
    begin_after: Callable[[int], int] = lambda done_ms: 0,
) -> Iterator[ScoredFrames]:
    """Yield the scores that a journal keeps, and then the others, which it keeps from now on.

    Args:
        journal: the journal of a video; it is closed at the end.
        compute: yields the scores of all frames after a time in milliseconds, None for all frames,
            and maybe those of some frames before it; with the results of parts that are kept.
        begin_after: index of the first frame on which the scores after a time depend.
    """
    with journal:
        yield from journal.read()
        last_ms = journal.last_ms
        with closing(compute(last_ms, journal.parts)) as computed:
            for part in computed:
                new = part if last_ms is None else _after(part, last_ms)
                if len(new.pts_ms):
                    journal.append(new)
                    begin = begin_after(int(new.pts_ms[-1]))
                    if begin:  # a clip before the first frame belongs to it
                        journal.parts.forget_before(begin)
                    yield new


def _after(part: ScoredFrames, time_ms: int) -> ScoredFrames:
    """The frames after a time."""
    return part.select(slice(int(np.searchsorted(part.pts_ms, time_ms, side="right")), None))


# Records


class _RecordFile:
    """A file of records that answer a request. It is made when the first record is appended.

    Attributes:
        mismatch: reason for which the records that are there are not used; empty if they are.
        size: bytes of the intact records, or 0.
    """

    def __init__(self, path: Path, magic: bytes, request: Mapping[str, Any]) -> None:
        self._path = path
        self._opening = magic + _record(json.dumps(dict(request)).encode())
        self._file: FileIO | None = None
        self._begin = self.size = 0
        self.mismatch = self._compare(magic, json.loads(json.dumps(dict(request))))

    def _compare(self, magic: bytes, request: Mapping[str, Any]) -> str:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise write_error(self._path, error) from error
        with file:
            content = _read_record(file) if file.readline(len(magic)) == magic else None
            if content is None:
                return "they are damaged or of another version"
            if changes := differences(json.loads(content), request):
                return f"they are of another run: {changes}"
            self._begin = self.size = file.tell()
        return ""

    def examine(self) -> Iterator[bytes]:
        """Yield the contents of all intact records, after which the file is continued."""
        if self._begin:
            with self._path.open("rb") as file:
                file.seek(self._begin)
                while (content := _read_record(file)) is not None:
                    yield content
                    self.size = file.tell()

    def read(self) -> Iterator[bytes]:
        """Yield the contents of the records that were examined or appended."""
        if self._begin == self.size:
            return
        with self._path.open("rb") as file:
            file.seek(self._begin)
            while file.tell() < self.size:
                content = _read_record(file)
                assert content is not None, "examined before"
                yield content

    def append(self, content: bytes) -> None:
        """Add a record. Raises `OnballError` if it cannot be written; the others remain."""
        block = _record(content)
        try:
            if self._file is None:
                self._file = self._open()
            if not self.size:
                block = self._opening + block
            _write(self._file, block)
        except OSError as error:
            self.close()
            if not self.size:
                self._path.unlink(missing_ok=True)
            raise write_error(self._path, error) from error
        if not self.size:
            self._begin = len(self._opening)
        self.size += len(block)

    def replace(self, contents: Iterable[bytes]) -> None:
        """Replace all records at once. Raises `OnballError` if the file cannot be written."""
        new = self._opening + b"".join(map(_record, contents))
        self.close()
        try:
            _new_file(self._path).write_bytes(new)
            _new_file(self._path).replace(self._path)
        except OSError as error:
            _new_file(self._path).unlink(missing_ok=True)
            raise write_error(self._path, error) from error
        self.size = len(new)

    def close(self) -> None:
        """Close the file; `append` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> FileIO:
        """Open the file for appending, without what is not intact."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Not buffered: what is appended survives the process.
        file = FileIO(self._path, "r+" if self._path.exists() else "x")
        file.truncate(self.size)
        file.seek(self.size)
        return file


def _new_file(path: Path) -> Path:
    """File that is to replace another."""
    return path.with_name(f"{path.name}.new")


def _record(content: bytes) -> bytes:
    return _HEAD.pack(len(content), crc32(content)) + content


def _write(file: FileIO, content: bytes) -> None:
    """Write all bytes; the system takes only some of them where the disk becomes full."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _read_record(file: BinaryIO) -> bytes | None:
    """Content of the next record; None at the end, and if it is not intact."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    content = file.read(length)
    return content if len(content) == length and crc32(content) == checksum else None


def _packed(part: ScoredFrames) -> bytes:
    def scores(array: NDArray[np.float32] | None) -> bytes | None:
        return None if array is None else np.asarray(array, "<f4").tobytes()

    return msgspec.msgpack.encode(
        _Block(
            np.asarray(part.pts_ms, "<i8").tobytes(),
            np.asarray(part.probabilities, "<f4").tobytes(),
            scores(part.left),
            scores(part.displacement),
        )
    )


def _unpacked(content: bytes) -> ScoredFrames:
    block = msgspec.msgpack.decode(content, type=_Block)
    times = np.frombuffer(block.pts_ms, "<i8").astype(np.int64)

    def scores(stored: bytes) -> NDArray[np.float32]:
        return np.frombuffer(stored, "<f4").astype(np.float32)

    return ScoredFrames(
        scores(block.probabilities).reshape(len(times), -1),
        times,
        None if block.left is None else scores(block.left).reshape(len(times), -1),
        None if block.displacement is None else scores(block.displacement),
    )


def _decoded_part(content: bytes) -> _Part:
    return msgspec.msgpack.decode(content, type=_Part)
