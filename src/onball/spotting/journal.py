"""Scores of a video that are kept on disk while they are computed, so that no work is lost.

    magic line | record: what the scores depend on, as JSON | record: scores | record: scores | …

A record is its length, its CRC-32 and its content. Records are only ever appended, each in one
write: a process that is killed, or a disk that fills up, leaves at most the last one incomplete. A
journal is read up to the first record that is not intact, and continued there.
"""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from io import FileIO
from pathlib import Path
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

#: First line; the number is that of the format.
_MAGIC = b"onball scores 1\n"
#: Length and CRC-32 of a record's content.
_HEAD = struct.Struct("<II")


class _Block(msgspec.Struct, array_like=True):
    """Scores of consecutive frames as bytes, little-endian; see `ScoredFrames`."""

    pts_ms: bytes
    probabilities: bytes
    left: bytes | None
    displacement: bytes | None


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
    """

    def __init__(self, path: str | Path, request: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.frames = 0
        self.last_ms: int | None = None
        self._request = json.loads(json.dumps(dict(request)))
        self._file: FileIO | None = None
        self._begin, self._end = self._examine()

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
        if self._begin == self._end:
            return
        with self.path.open("rb") as file:
            file.seek(self._begin)
            while file.tell() < self._end:
                content = _read_record(file)
                assert content is not None, "examined before"
                yield _unpacked(content)

    def append(self, part: ScoredFrames) -> None:
        """Keep the scores of the next frames.

        Raises:
            OnballError: the file cannot be written. What was kept before remains.
        """
        block = _record(_packed(part))
        try:
            if self._file is None:
                self._file, block = self._open(), self._opening() + block
            _write(self._file, block)
        except OSError as error:
            self.close()
            if not self.frames:
                self._begin = self._end = 0
                self.path.unlink(missing_ok=True)
            raise write_error(self.path, error) from error
        self._end += len(block)
        self.frames += len(part.pts_ms)
        self.last_ms = int(part.pts_ms[-1])

    def close(self) -> None:
        """Close the file; `append` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opening(self) -> bytes:
        """The beginning of the file, if it has none yet."""
        if self._begin:
            return b""
        opening = _MAGIC + _record(json.dumps(self._request).encode())
        self._begin = len(opening)
        return opening

    def _open(self) -> FileIO:
        """Open the file for appending, without what is not intact."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Not buffered: what is appended survives the process.
        file = FileIO(self.path, "r+" if self.path.exists() else "x")
        file.truncate(self._end)
        file.seek(self._end)
        return file

    def _examine(self) -> tuple[int, int]:
        """Begin and end of the scores in the file that answer the request; 0 if there are none."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return 0, 0
        except OSError as error:
            raise write_error(self.path, error) from error
        with file:
            content = _read_record(file) if file.readline(len(_MAGIC)) == _MAGIC else None
            if content is None:
                self._discard("they are damaged or of another version")
                return 0, 0
            if changes := differences(json.loads(content), self._request):
                self._discard(f"they are of another run: {changes}")
                return 0, 0
            begin = end = file.tell()
            while (content := _read_record(file)) is not None:
                times = _unpacked(content).pts_ms
                self.frames += len(times)
                self.last_ms = int(times[-1])
                end = file.tell()
        return begin, end

    def _discard(self, reason: str) -> None:
        message = f"{self.path.parent}: the scores of an interrupted run are not used: {reason}"
        warnings.warn(message, OnballNotice, stacklevel=5)


def continue_scores(
    journal: ScoreJournal,
    compute: Callable[[int | None], Generator[ScoredFrames]],
) -> Iterator[ScoredFrames]:
    """Yield the scores that a journal keeps, and then the others, which it keeps from now on.

    Args:
        journal: the journal of a video; it is closed at the end.
        compute: yields the scores of all frames after a time in milliseconds, None for all frames,
            and maybe those of some frames before it.
    """
    with journal:
        yield from journal.read()
        last_ms = journal.last_ms
        with closing(compute(last_ms)) as computed:
            for part in computed:
                new = part if last_ms is None else _after(part, last_ms)
                if len(new.pts_ms):
                    journal.append(new)
                    yield new


def _after(part: ScoredFrames, time_ms: int) -> ScoredFrames:
    """The frames after a time."""
    new = slice(int(np.searchsorted(part.pts_ms, time_ms, side="right")), None)
    return ScoredFrames(
        part.probabilities[new],
        part.pts_ms[new],
        None if part.left is None else part.left[new],
        None if part.displacement is None else part.displacement[new],
    )


# Records


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
