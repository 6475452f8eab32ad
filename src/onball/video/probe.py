"""`probe`: what a video is, from its header, its index and its first picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

from onball.video.convert import orientation, rotation
from onball.video.source import Source, open_source

#: Where a container has no index of all frames, this many are looked at.
_SAMPLED_PACKETS = 250
#: H.264 and HEVC store a picture at most this many places before or after its turn.
_MOST_REORDERED = 16


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video is.

    Attributes:
        path: the file.
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        fps: average frames per second.
        duration_ms: length of the film, from the container's header; 0 where it does not say.
        frame_count: shown frames; exact for MP4 and MOV, else estimated from length and rate.
        codec: FFmpeg's name of the codec, for example `h264`.
        pixel_format: FFmpeg's name of the stored pixel format, for example `yuv420p`.
        rotation: degrees the stored picture is turned clockwise to be upright: 0, 90, 180, 270.
        variable_rate: the time between frames varies; judged by the whole film in MP4 and MOV,
            by its beginning in other containers.
    """

    path: Path
    width: int
    height: int
    fps: float
    duration_ms: int
    frame_count: int
    codec: str
    pixel_format: str
    rotation: int
    variable_rate: bool


def probe(path: str | Path) -> VideoInfo:
    """Look at a video without decoding more than its first shown picture.

    Raises `VideoError` if `path` is missing, is no video, or no picture can be decoded.
    """
    with open_source(path, threads=1) as source:
        first = next(source.pictures()).frame
        swapped = orientation(first)[0]
        context = source.stream.codec_context
        indexed = _indexed_times(source)
        duration_ms = source.declared_ms or Fraction(source.container.duration or 0, 1000)
        return VideoInfo(
            path=Path(path),
            width=first.height if swapped else first.width,
            height=first.width if swapped else first.height,
            fps=float(source.rate),
            duration_ms=round(duration_ms),
            frame_count=len(indexed) if indexed else round(duration_ms * source.rate / 1000),
            codec=context.codec.canonical_name,
            pixel_format=context.pix_fmt or "",
            rotation=rotation(first),
            variable_rate=_varies(indexed or _sampled_times(source)),
        )


def _indexed_times(source: Source) -> list[int]:
    """Decoding ticks of all shown frames where the container's index has them all, else none."""
    index = source.stream.index_entries
    if not source.stream.frames or len(index) < source.stream.frames:
        return []
    return [entry.timestamp for entry in index if not entry.is_discard]


def _sampled_times(source: Source) -> list[int]:
    """Presentation ticks of the packets that come next."""
    packets = islice(source.container.demux(source.stream), _SAMPLED_PACKETS)
    ticks = sorted(packet.pts for packet in packets if packet.pts is not None)
    # At both ends pictures may be missing that are stored before or after these packets.
    return ticks[_MOST_REORDERED:-_MOST_REORDERED]


def _varies(ticks: list[int]) -> bool:
    """Whether more than one step, and more than one in a hundred, is not like the others.

    One odd step is common where an edit list begins or the last frame is held.
    """
    steps = [later - earlier for earlier, later in pairwise(ticks)]
    if not steps:
        return False
    usual = median(steps)
    slack = max(2, usual / 10)  # Clocks of whole milliseconds round each step.
    odd = sum(abs(step - usual) > slack for step in steps)
    return odd > max(1, len(steps) / 100)
