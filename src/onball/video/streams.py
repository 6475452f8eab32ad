"""Opening of a video file, and choice of its stream to read: not its cover or a track of thumbnails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import av
from av.stream import Disposition

from onball.errors import VideoError

#: Formats of still images, which FFmpeg opens as videos.
_IMAGES = ("image2", "_pipe")
#: Format of ANSI art, as which FFmpeg opens any `.txt`.
_TEXT = "tty"
#: Streams of images beside a video.
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
#: Packets of the most frequent stream after which the streams of a file are compared.
_COMPARED_PACKETS, _MOST_COMPARED_PACKETS = 50, 5000
#: Functions that open files whose content is elsewhere, see `opened_by`.
_openers: dict[Path, Callable[[], BinaryIO]] = {}


def file_identity(path: Path) -> tuple[Path, int, int]:
    """Return path, size and time of change of a file, a key of what was found in it."""
    status = path.stat()
    return path.resolve(), status.st_size, status.st_mtime_ns


@contextmanager
def opened_by(path: Path, opener: Callable[[], BinaryIO]) -> Iterator[None]:
    """Let `onball.video` read the content of a file through a function, during the block.

    Args:
        path: a file of the same size, whose own content is not read. Its path names the video.
        opener: opens the content, seekable; each call is independent of the others.
    """
    key = path.resolve()
    _openers[key] = opener
    try:
        yield
    finally:
        del _openers[key]


def open_bytes(path: Path) -> BinaryIO:
    """Open a file to read its bytes."""
    opener = _openers.get(path.resolve()) if _openers else None
    return path.open("rb") if opener is None else opener()


def open_container(path: Path) -> av.container.InputContainer:
    """Open a file with FFmpeg. Raises `VideoError` if it is not a readable video."""
    try:
        # Tags may be in any encoding; a wrong one must not prevent reading the frames.
        if _openers and path.resolve() in _openers:
            return av.open(open_bytes(path), metadata_errors="replace")
        # With its protocol: "12:30 kick-off.mp4" would be one of protocol 12.
        return av.open(f"file:{path}", metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"{path}: not a readable video ({error.strerror}): give a complete video file"
        ) from error


def main_video_stream(
    path: Path | str,
    container: av.container.InputContainer,
    count_packets: Callable[[], Mapping[int, int]] = dict,
) -> av.VideoStream:
    """Return the video stream of a container to read, not a cover or thumbnails.

    Of streams with at least half as many frames as the most frequent one, that by which the file
    is to be played is taken, else the largest, else the first.

    Args:
        path: name of the video, for messages.
        container: the open container.
        count_packets: called if there are several, for the number of packets of each by its index
            in the same part of the video; by default they are taken to be equal.

    Raises `VideoError` if there is no video stream.
    """
    if any(name in container.format.name for name in _IMAGES):
        raise VideoError(f"{path}: is an image, not a video: give a video file")
    if container.format.name == _TEXT:
        raise VideoError(f"{path}: is a text file, not a video: give a video file")
    streams = [s for s in container.streams.video if not s.disposition & _PICTURES]
    if not streams:
        raise VideoError(
            f"{path}: holds no video ({container.format.long_name}): give a video file"
        )
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise VideoError(f"{path}: its video codec is not known here: convert it to H.264")
    if len(known) == 1:
        return known[0]
    counts = count_packets()
    most = max(counts.get(stream.index, 0) for stream in known)
    frequent = [stream for stream in known if 2 * counts.get(stream.index, 0) >= most]
    return max(
        frequent,
        key=lambda stream: (
            bool(stream.disposition & Disposition.default),
            stream.codec_context.width * stream.codec_context.height,
            -stream.index,
        ),
    )


def packet_counts(path: Path) -> dict[int, int]:
    """Count the packets at the beginning of each video stream of a file, by index of the stream."""
    return _packet_counts(*file_identity(path))


@lru_cache(maxsize=1024)
def _packet_counts(path: Path, size: int, modified_ns: int) -> dict[int, int]:
    counts: Counter[int] = Counter()
    with open_container(path) as container, suppress(av.FFmpegError):
        packets = container.demux(container.streams.video)
        for packet in islice(packets, _MOST_COMPARED_PACKETS):
            counts[packet.stream_index] += bool(packet.size)
            if counts[packet.stream_index] >= _COMPARED_PACKETS:
                break
    return dict(counts)
