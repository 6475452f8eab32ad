"""Sound of a part of a video: read exactly to the sample, and written beside new frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np

from onball.video.streams import open_container

_CODEC = "aac"
_FORMAT = "fltp"
_BITS_PER_CHANNEL = 96_000
#: Rates that AAC can have; other sound is converted to the last.
_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
#: Sound is stored near the frames that it is heard with; a seek goes back this much more.
_BEFORE_MS = 1_000
#: Errors of a damaged stream after which its sound ends.
_MAX_ERRORS = 100


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """Form of the sound of one stream.

    Attributes:
        index: index of the stream in its container.
        rate: samples per second of a copy in AAC.
        layout: name of the arrangement of channels of a copy.
    """

    index: int
    rate: int
    layout: str


def sound_formats(path: str | Path) -> list[SoundFormat]:
    """Return the streams of sound of a video that can be decoded.

    Raises `VideoError` if the file cannot be opened.
    """
    with open_container(Path(path)) as container:
        return [
            SoundFormat(
                stream.index,
                stream.rate if stream.rate in _RATES else _RATES[-1],
                _LAYOUTS.get(stream.codec_context.channels, "stereo"),
            )
            for stream in container.streams.audio
            if stream.codec_context is not None and stream.rate and stream.codec_context.channels
        ]


def read_sound(
    path: str | Path,
    formats: Sequence[SoundFormat],
    origin_s: Fraction,
    start_ms: Fraction,
    end_ms: Fraction,
) -> Iterator[tuple[int, av.AudioFrame]]:
    """Yield the sound in [start_ms, end_ms), in order of time as it is stored.

    Args:
        path: the video.
        formats: the streams to read, with the form that they are converted to.
        origin_s: time 0 of the video by the clock of its container, in seconds.
        start_ms: first time, exact milliseconds since time 0.
        end_ms: time to stop before.

    Yields:
        The number of the stream in `formats`, and a piece of its sound whose time counts from
        `start_ms`, in samples. Sound that is damaged is left out.
    """
    if not formats:
        return
    with open_container(Path(path)) as container:
        streams = [container.streams[one.index] for one in formats]
        number = {stream.index: k for k, stream in enumerate(streams)}
        pieces = [_Pieces(one, origin_s, start_ms, end_ms) for one in formats]
        before_s = max(Fraction(0), start_ms - _BEFORE_MS) / 1000 + origin_s
        if start_ms > _BEFORE_MS:
            container.seek(int(before_s * av.time_base))
        open_streams = set(number.values())
        for packet in _packets(container, streams):
            k = number[packet.stream.index]  # those at the end have no index of their own
            if k not in open_streams:
                continue
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                for piece in pieces[k].take(frame):
                    yield k, piece
            if pieces[k].ended:
                open_streams.remove(k)
                if not open_streams:
                    break
        for k, piece_of in enumerate(pieces):
            for piece in piece_of.rest():
                yield k, piece


def _packets(container: av.container.InputContainer, streams: list[Any]) -> Iterator[av.Packet]:
    """Packets of some streams, also after damage."""
    for _ in range(_MAX_ERRORS):
        try:
            yield from container.demux(streams)
            return
        except av.FFmpegError:
            continue


class _Pieces:
    """Cuts the frames of one stream to a span and converts them."""

    def __init__(
        self, form: SoundFormat, origin_s: Fraction, start_ms: Fraction, end_ms: Fraction
    ) -> None:
        self._form = form
        self._start_s = start_ms / 1000 + origin_s
        self._end_s = end_ms / 1000 + origin_s
        self._resampler = av.AudioResampler(_FORMAT, form.layout, form.rate)
        self.ended = False

    def take(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """Return what of a frame is in the span."""
        if frame.pts is None or not frame.samples:
            return []
        rate = frame.sample_rate
        time_s = frame.pts * Fraction(frame.time_base)
        first = max(0, ceil((self._start_s - time_s) * rate))
        stop = min(frame.samples, ceil((self._end_s - time_s) * rate))
        self.ended = stop < frame.samples
        if first >= stop:
            return []
        kept = frame
        if first or stop < frame.samples:
            values = frame.to_ndarray()
            width = 1 if frame.format.is_planar else values.shape[1] // frame.samples
            part = np.ascontiguousarray(values[:, first * width : stop * width])
            kept = av.AudioFrame.from_ndarray(
                part, format=frame.format.name, layout=frame.layout.name
            )
            kept.sample_rate = rate
        kept.time_base = Fraction(1, rate)
        kept.pts = round((time_s - self._start_s) * rate) + first
        return list(self._resampler.resample(kept))

    def rest(self) -> list[av.AudioFrame]:
        """Return what the converter has held back."""
        return list(self._resampler.resample(None))


class SoundTrack:
    """A stream of AAC in a file that is written.

    Args:
        container: the open output, to which nothing has been written yet.
        form: rate and channels.
    """

    def __init__(self, container: Any, form: SoundFormat) -> None:
        self._container = container
        self._rate = form.rate
        self._stream = container.add_stream(_CODEC, rate=form.rate, layout=form.layout)
        self._stream.bit_rate = _BITS_PER_CHANNEL * self._stream.codec_context.channels
        self._next = 0

    def write(self, frame: av.AudioFrame, offset_ms: Fraction = Fraction(0)) -> None:
        """Add a piece of sound of `read_sound`.

        Args:
            frame: the piece.
            offset_ms: added to its time.
        """
        time_s = frame.pts * Fraction(frame.time_base) + offset_ms / 1000
        frame.time_base = Fraction(1, self._rate)
        # Rounding must not let pieces overlap.
        frame.pts = max(self._next, round(time_s * self._rate))
        self._next = frame.pts + frame.samples
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder has held back."""
        if self._next:
            self._container.mux(self._stream.encode(None))
