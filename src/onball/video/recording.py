"""Record a stream beside its analysis, as it comes: packets are copied, not encoded again."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import Any

import av

from onball.errors import InputError, OnballError

_FORMATS = {
    ".mkv": "matroska",
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".ts": "mpegts",
}
#: Playable up to the last fragment while it is written, and an ordinary MP4 once it is closed. Fragments
#: are on disk as soon as they are complete.
_MP4_OPTIONS = {"movflags": "+hybrid_fragmented", "flush_packets": "1"}
#: Step after a packet whose successor has an earlier time.
_STEP_S = Fraction(1, 25)


def check_recording(path: Path, *, overwrite: bool = False) -> None:
    """Check that a recording can be written to a path.

    Raises:
        InputError: the suffix is unknown, the file exists and `overwrite` is False, or its folder is
            missing.
    """
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"{path}: unknown kind of video file (known: {', '.join(_FORMATS)})")
    if path.is_dir():
        raise InputError(f"{path}: is a folder: give the name of a video file")
    if path.exists() and not overwrite:
        raise InputError(f"{path}: is there already: give another name, or --overwrite")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: its folder does not exist: create it first")


class Recorder:
    """Copies the packets of a stream into a file, over interruptions of the stream.

    Times in the file continue over an interruption with as much time as has passed. A stream that
    returns with another codec or size goes into a further file, `NAME-2.mkv`. The file is playable
    while it is written. Methods may be called by several threads.

    Args:
        path: the file, whose suffix chooses the container; see `check_recording`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._output: Any = None
        self._output_path = path
        self._signature: tuple[Any, ...] = ()
        self._copies: dict[int, Any] = {}  # streams of the file, by the index in the source
        self._video_index = -1
        self._begun = False
        self._closed = False
        # Seconds that are added to the source's timestamps, and the last ones in the file.
        self._offset_s: Fraction | None = None
        self._last_s: dict[Any, Fraction] = {}
        self._last_received_s = 0.0
        self.files: list[Path] = []

    def connect(self, video: av.VideoStream, others: Sequence[Any] = ()) -> None:
        """Begin to record a connection. A file is made with its first packet.

        Args:
            video: the video stream.
            others: streams to record with it, such as sound.

        Raises:
            OnballError: the file before cannot be finished, or the container cannot hold the streams.
        """
        streams = [video, *others]
        signature = tuple(_signature(stream) for stream in streams)
        with self._lock:
            if self._closed:
                return
            if self._output is None or signature != self._signature:
                self._close_file()
                copies = self._open_file(streams)
                self._signature = signature
            else:
                copies = list(self._copies.values())
            self._copies = {s.index: copy for s, copy in zip(streams, copies, strict=True)}
            self._video_index, self._begun, self._offset_s = video.index, False, None

    def _open_file(self, streams: Sequence[Any]) -> list[Any]:
        path, number = self._path, len(self.files) + 1
        if number > 1:
            path = path.with_name(f"{path.stem}-{number}{path.suffix}")
        kind = _FORMATS[path.suffix.lower()]
        options = _MP4_OPTIONS if kind in ("mp4", "mov") else {}
        try:
            self._output = av.open(str(path), "w", format=kind, options=options)
            copies = [self._output.add_stream_from_template(stream) for stream in streams]
        except (av.FFmpegError, OSError, ValueError) as error:
            self._output = None
            raise _not_recordable(path, error) from None
        self._output_path, self._last_s = path, {}
        return copies

    def _begin_file(self) -> None:
        """Write the header. FFmpeg crashes at the end of a fragmented MP4 that has one and no packet."""
        try:
            self._output.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self._output = None
            raise _not_recordable(self._output_path, error) from None
        self.files.append(self._output_path)

    def write(self, packet: av.Packet, received_s: float) -> None:
        """Add a packet of the connection; those before the first keyframe are left out.

        Args:
            packet: the packet, which stays as it is.
            received_s: time at which it was received, in seconds.

        Raises:
            OnballError: the file cannot be written, or not any more, for example because the disk is full;
                or its container cannot hold the streams.
        """
        with self._lock:
            target = self._copies.get(packet.stream_index)
            if self._output is None or target is None or packet.dts is None:
                return
            is_video = packet.stream_index == self._video_index
            if not (self._begun or (is_video and packet.is_keyframe)):
                return
            self._begun = True
            if self._output_path not in self.files:
                self._begin_file()
            time_base = Fraction(packet.time_base)
            time_s = packet.dts * time_base
            shift = round(self._shift_s(target, time_s, received_s) / time_base)
            copy = av.Packet(bytes(packet))
            copy.stream, copy.time_base = target, time_base
            copy.is_keyframe = packet.is_keyframe
            copy.dts = packet.dts + shift
            copy.pts = (packet.dts if packet.pts is None else packet.pts) + shift
            copy.duration = packet.duration
            self._last_s[target] = copy.dts * time_base
            self._last_received_s = received_s
            try:
                self._output.mux_one(copy)
            except (av.FFmpegError, OSError) as error:
                self._close_file()
                raise OnballError(
                    f"{self.files[-1]}: cannot be written ({error.strerror})"
                ) from None

    def _shift_s(self, target: Any, time_s: Fraction, received_s: float) -> Fraction:
        """Seconds to add to a timestamp, so that times in the file continue."""
        if self._offset_s is None:  # the first packet of a connection
            self._offset_s = -time_s
            if self._last_s:
                passed = Fraction(round(1000 * (received_s - self._last_received_s)), 1000)
                self._offset_s += max(self._last_s.values()) + max(passed, _STEP_S)
        last = self._last_s.get(target)
        if last is not None and time_s + self._offset_s <= last:
            self._offset_s = last + _STEP_S - time_s  # the source's clock was set back
        return self._offset_s

    def close(self) -> None:
        """Finish the file. Nothing is recorded after that.

        Raises:
            OnballError: the end of the file cannot be written.
        """
        with self._lock:
            self._closed = True
            self._close_file()

    def _close_file(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            try:
                output.close()
            except (av.FFmpegError, OSError) as error:
                raise OnballError(
                    f"{self.files[-1]}: cannot be finished ({error.strerror})"
                ) from None


class RecordedPart:
    """Complete part of an MP4 that a `Recorder` is writing: up to the end of its last fragment.

    Players stop with an error where they find half a fragment.

    Args:
        path: the file, which may be missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._next = 0  # position of a box that was not complete yet
        self._end = 0

    @property
    def grows(self) -> bool:
        """True if the container can be played while it is written."""
        return _FORMATS.get(self.path.suffix.lower()) in ("mp4", "mov")

    def size(self) -> int:
        """Return its bytes; 0 before the first fragment is complete."""
        if not self.grows or not self.path.is_file():
            return 0
        with self.path.open("rb") as file:
            length = file.seek(0, io.SEEK_END)
            while self._next + 16 <= length:
                file.seek(self._next)
                size, kind = struct.unpack(">I4s", file.read(8))
                if size == 1:
                    (size,) = struct.unpack(">Q", file.read(8))
                if size < 8 or self._next + size > length:
                    break
                self._next += size
                if kind == b"mdat":
                    self._end = self._next
        return self._end


def _not_recordable(path: Path, error: Exception) -> OnballError:
    reason = getattr(error, "strerror", None) or error
    return OnballError(f"{path}: the stream cannot be recorded into it ({reason})")


def _signature(stream: Any) -> tuple[Any, ...]:
    """Properties in which the packets of one file must not differ."""
    context = stream.codec_context
    size = (context.width, context.height) if stream.type == "video" else ()
    return (context.name, *size, bytes(context.extradata or b""))
