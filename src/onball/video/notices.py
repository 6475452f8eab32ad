"""Notices of a live stream: what happens between its frames."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class StreamNotice:
    """Something that happened to a stream.

    Attributes:
        kind: name of the kind of notice, `type` of its `to_dict()`.
    """

    kind: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and the attributes, as types that JSON has."""
        return {"type": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True)
class StreamConnected(StreamNotice):
    """The source was opened.

    Attributes:
        time_ms: time of the last frame before; 0 at first.
        width: stored width in pixels.
        height: stored height in pixels.
        codec: FFmpeg's name of the codec.
        format: FFmpeg's name of the container or protocol.
    """

    kind: ClassVar[str] = "connected"
    time_ms: int
    width: int
    height: int
    codec: str
    format: str


@dataclass(frozen=True, slots=True)
class StreamLost(StreamNotice):
    """The connection ended, and is being opened again.

    Attributes:
        time_ms: time of the last frame.
        reason: why, as far as it is known.
    """

    kind: ClassVar[str] = "lost"
    time_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class StreamGap(StreamNotice):
    """A part of a stream without frames.

    Attributes:
        start_ms: time of the last frame before it.
        end_ms: time of the first frame after it.
        reason: why, such as the end of a connection.
    """

    kind: ClassVar[str] = "gap"
    start_ms: int
    end_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class FramesSkipped(StreamNotice):
    """Frames were left out, because this machine is too slow or the source faster than real time.

    Attributes:
        time_ms: time of the newest frame.
        frames: number of sampled frames left out since the last such notice, apart from those in
            gaps.
    """

    kind: ClassVar[str] = "skipped"
    time_ms: int
    frames: int


@dataclass(frozen=True, slots=True)
class RecordingStopped(StreamNotice):
    """The stream is not recorded any more.

    Attributes:
        time_ms: time of the last frame.
        reason: why, such as a full disk.
    """

    kind: ClassVar[str] = "recording_stopped"
    time_ms: int
    reason: str
