"""Videos for a browser: thumbnails, frame times, and copies of files that browsers cannot play.

Browsers play H.264, VP8, VP9 and AV1 with 8 bits and 4:2:0, in MP4 or WebM. Other videos get a copy
(a proxy): H.264 with the same frames at the same times, and the sound as AAC. It is made once, and kept
in the user's cache under the fingerprint of the video.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from onball.errors import OnballError, VideoError, describe_exception
from onball.events import POSITION_LIMIT_MS
from onball.files import fingerprint
from onball.video import VideoInfo, probe, read_frames
from onball.video.cutting import VideoSpan, join_spans
from onball.video.decoding import open_source

_PLAYED_SUFFIXES = (".mp4", ".m4v", ".mov", ".webm")
_PLAYED_CODECS = ("h264", "vp8", "vp9", "av1")
_PLAYED_FORMATS = ("yuv420p", "yuvj420p")
_MEDIA_TYPES = {".webm": "video/webm"}

_THUMBNAIL_WIDTH = 160
_THUMBNAIL_QUALITY = "6"  # of JPEG in FFmpeg, from 1 (best) to 31
_THUMBNAILS_KEPT = 4000
#: Thumbnails computed at a time: each decodes from a keyframe on.
_THUMBNAIL_READERS = 2
_PROXY_CRF = 21
_PROXY_GOP = 50
#: After the end of any video, whose length headers do not always state.
_NO_END_MS = POSITION_LIMIT_MS

ProxyState = Literal["none", "running", "ready", "failed"]


def is_playable(info: VideoInfo) -> bool:
    """Return True if browsers play a video as it is."""
    return (
        info.path.suffix.lower() in _PLAYED_SUFFIXES
        and info.codec in _PLAYED_CODECS
        and info.pixel_format in _PLAYED_FORMATS
    )


def media_type(path: Path) -> str:
    """Return the media type of a video that browsers play."""
    return _MEDIA_TYPES.get(path.suffix.lower(), "video/mp4")


def frame_times_ms(path: Path) -> list[float]:
    """Return the time of each frame in milliseconds since the first one, without decoding.

    Raises:
        VideoError: the file is no video.
    """
    with open_source(path, threads=1) as source:
        stream, tick_ms = source.stream, source.ms_per_tick
        packets = source.container.demux(stream)
        ticks = sorted({p.pts for p in packets if p.pts is not None and not p.is_discard})
    return [float((tick - ticks[0]) * tick_ms) for tick in ticks]


class Thumbnails:
    """Small JPEG images of frames, kept in memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, int], bytes] = OrderedDict()
        self._lock = Lock()
        self._readers = BoundedSemaphore(_THUMBNAIL_READERS)

    def get(self, video: Path, position_ms: int) -> bytes:
        """Return the frame that is shown at a position as a JPEG file.

        Raises:
            VideoError: the file is no video, or shows no frame there.
        """
        key = (video, position_ms)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with self._readers:
            image = _thumbnail(video, position_ms)
        with self._lock:
            self._kept[key] = image
            while len(self._kept) > _THUMBNAILS_KEPT:
                self._kept.popitem(last=False)
        return image


def _thumbnail(video: Path, position_ms: int) -> bytes:
    info = probe(video)
    width = min(_THUMBNAIL_WIDTH, info.width) // 2 * 2 or 2
    height = round(width * info.height / info.width / 2) * 2 or 2
    start_ms = min(position_ms, max(0, info.duration_ms - round(1000 / info.fps)))
    # One time of a fine grid, at which the nearest frame is read.
    for batch in read_frames(
        video, 1000, (width, height), start_ms=start_ms, end_ms=start_ms + 1, threads=1
    ):
        return encode_jpeg(batch.frames[0])
    raise VideoError(f"{video}: shows no frame at {position_ms} ms")


def encode_jpeg(frame: NDArray[np.uint8]) -> bytes:
    """Encode a frame, uint8 `[H, W, 3]` with even sizes, as JPEG."""
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.height, context.width = frame.shape[:2]
    context.pix_fmt = "yuvj420p"
    context.time_base = Fraction(1, 25)
    context.options = {"flags": "+qscale", "global_quality": str(118 * int(_THUMBNAIL_QUALITY))}
    image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    packets = [*context.encode(image.reformat(format="yuvj420p")), *context.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


@dataclass(frozen=True, slots=True)
class ProxyProgress:
    """State of the proxy of a video.

    Attributes:
        state: `none` before it is asked for, `running`, `ready` or `failed`.
        fraction: part that is done, 0 to 1.
        error: reason of a failure, in one line.
    """

    state: ProxyState
    fraction: float = 0.0
    error: str = ""


def join_progress(states: Sequence[tuple[ProxyProgress, int]]) -> ProxyProgress:
    """State of the proxies of several files as that of one.

    Args:
        states: state and length of each file.
    """
    for state in ("failed", "running", "none"):
        found = next((each for each, _ in states if each.state == state), None)
        if found is not None:
            total = sum(length for _, length in states)
            done = sum(each.fraction * length for each, length in states)
            return replace(found, fraction=done / max(1, total))
    return ProxyProgress("ready", 1.0)


class Proxies:
    """Copies of videos that browsers cannot play, made in a thread, one after another.

    Args:
        folder: folder of the copies; by default `onball/proxies` in the user's cache.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or _cache_folder()
        self._progress: dict[Path, ProxyProgress] = {}
        self._stopped = Event()
        self._changing = Lock()
        self._one_at_a_time = Lock()
        self._threads: list[Thread] = []

    def path(self, video: Path) -> Path:
        """Return the path of the proxy of a video, which need not exist."""
        return self._folder / f"{fingerprint(video)[:24]}.mp4"

    def progress(self, video: Path) -> ProxyProgress:
        """Return the state of the proxy of a video."""
        if self.path(video).is_file():
            return ProxyProgress("ready", 1.0)
        return self._progress.get(video, ProxyProgress("none"))

    def start(self, video: Path) -> ProxyProgress:
        """Begin to make the proxy of a video, unless it is there or being made."""
        with self._changing:
            current = self.progress(video)
            if current.state in ("ready", "running"):
                return current
            self._progress[video] = ProxyProgress("running")
        thread = Thread(target=self._make, args=(video,), name="onball proxy", daemon=True)
        self._threads.append(thread)
        thread.start()
        return self.progress(video)

    def close(self) -> None:
        """Stop making proxies; unfinished ones are removed."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(10)

    def _make(self, video: Path) -> None:
        def report(fraction: float) -> None:
            if self._stopped.is_set():
                raise _StoppedError
            self._progress[video] = ProxyProgress("running", fraction)

        try:
            with self._one_at_a_time:
                report(0.0)
                make_proxy(video, self.path(video), report)
        except _StoppedError:
            self._progress.pop(video, None)
        except OnballError as error:
            self._progress[video] = ProxyProgress("failed", error=str(error))
        except Exception as error:  # the thread must not die without a word
            self._progress[video] = ProxyProgress(
                "failed", error=describe_exception(video.name, error)
            )


class _StoppedError(Exception):
    """The server is being stopped."""


def make_proxy(video: Path, target: Path, report: Callable[[float], None]) -> None:
    """Write a copy of a video that browsers play: the same frames at the same times, and the sound.

    Args:
        video: the video.
        target: the copy, `.mp4`; it appears when it is complete.
        report: called with the fraction that is done; an exception in it stops the work.

    Raises:
        VideoError: the file is no video.
        OnballError: the copy cannot be written.
    """
    duration_ms = max(1, probe(video).duration_ms)
    join_spans(
        [VideoSpan(video, 0, _NO_END_MS)],
        target,
        crf=_PROXY_CRF,
        gop=_PROXY_GOP,
        on_frame=lambda time_ms: report(min(1.0, float(time_ms) / duration_ms)),
    )


def _cache_folder() -> Path:
    """The user's cache, as the system names it."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "onball" / "proxies"
