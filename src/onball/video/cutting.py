"""Cut excerpts out of videos, exact to the frame and with their sound, and join them.

Frames are encoded again (H.264), or copied where a key frame is near enough to the beginning. Sound is
cut to the sample and encoded as AAC. Time 0 of the new video is its first frame, and the times between
frames stay exact, whatever the frame rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from onball.errors import VideoError
from onball.files import atomic_path
from onball.video.decoding import DecodedFrame, VideoSource, decode_frames, open_source, timeline_of
from onball.video.pixels import RgbConverter, has_usual_colours, orientation
from onball.video.sound import SoundFormat, SoundTrack, read_sound, sound_formats
from onball.video.writing import VideoWriter, open_output

Paint = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
"""Draws on a frame, uint8 `[H, W, 3]`, and returns it."""
#: A key frame this near is at the time that is wanted: times are rounded to milliseconds.
_SAME_MS = Fraction(1, 2)
#: Packets after the end that are read to find a place where nothing refers to them.
_AFTER_MS = 1_000
#: Distances before the wanted time that are sought, one after the other: transport streams have no
#: index, and a seek may end after it.
_SEEK_BACK_MS = (0, 1_000, 4_000)
#: Codecs that players expect in MP4 and MOV.
_IN_MP4 = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9"})


@dataclass(frozen=True, slots=True)
class VideoCut:
    """Result of cutting or joining.

    Attributes:
        frames: number of frames of the sources. One that is held at the end is written twice.
        start_ms: time of the first frame in the source, rounded.
        duration_ms: length of the new video, rounded.
        copied: True if the frames were copied and not encoded again.
    """

    frames: int
    start_ms: int
    duration_ms: int
    copied: bool = False


@dataclass(frozen=True, slots=True)
class VideoSpan:
    """A part of a video for `join_spans`.

    Attributes:
        source: the video.
        start_ms: first time, in milliseconds since the first shown frame.
        end_ms: time to stop before.
        paint: draws on each frame; None leaves them as they are.
    """

    source: Path
    start_ms: int
    end_ms: int
    paint: Paint | None = None


def cut_video(
    source: str | Path,
    start_ms: int,
    end_ms: int,
    target: str | Path,
    *,
    sound: bool = True,
    tolerance_ms: int | None = None,
    crf: int = 18,
    preset: str = "veryfast",
    threads: int = 0,
) -> VideoCut:
    """Write the part of a video shown in [start_ms, end_ms) to a file, with its sound.

    Frames that are encoded again are H.264 and stored upright.

    Args:
        source: the video.
        start_ms: first time, in milliseconds since the first shown frame of `source`.
        end_ms: time to stop before, in milliseconds.
        target: the new video, `.mp4`, `.m4v`, `.mov` or `.mkv`; it appears when it is complete.
        sound: keep the sound.
        tolerance_ms: copy the frames, which is fast and loses nothing, if the excerpt then begins at most
            this much earlier, and ends at most this much earlier or later. None always encodes them.
        crf: constant rate factor of x264; 18 is hard to distinguish from the source.
        preset: preset of x264.
        threads: threads for decoding and for encoding; 0 is one per core.

    Raises `ValueError` for an empty or negative span, `VideoError` if `source` cannot be read or
    shows no frame in the span, `OnballError` if `target` cannot be written.
    """
    if not 0 <= start_ms < end_ms:
        raise ValueError(f"no span from {start_ms} to {end_ms} ms")
    if tolerance_ms is not None:
        copied = _copied(Path(source), start_ms, end_ms, Path(target), tolerance_ms, sound)
        if copied is not None:
            return copied
    span = VideoSpan(Path(source), start_ms, end_ms)
    return join_spans([span], target, sound=sound, crf=crf, preset=preset, threads=threads)


def join_spans(
    spans: Sequence[VideoSpan],
    target: str | Path,
    *,
    sound: bool = True,
    crf: int = 18,
    gop: int = 250,
    preset: str = "veryfast",
    threads: int = 0,
    on_span: Callable[[int], object] = lambda index: None,
    on_frame: Callable[[Fraction], object] = lambda time_ms: None,
) -> VideoCut:
    """Write parts of videos one after the other to one H.264 file.

    Args:
        spans: the parts. The first one decides size, frame rate and colours.
        target: see `cut_video`.
        sound: see `cut_video`.
        crf: see `cut_video`.
        gop: largest number of frames between two key frames.
        preset: see `cut_video`.
        threads: see `cut_video`.
        on_span: called with the number of each part that is written.
        on_frame: called with the time in the new video of each frame that is written; an exception
            in it stops the work, and no file is left.

    Raises `VideoError` as `cut_video` does, and if videos differ in size.
    """
    reader = _Reader(spans[0], threads)
    forms = sound_formats(spans[0].source) if sound else []
    with VideoWriter(
        target,
        reader.size,
        reader.rate,
        crf=crf,
        gop=gop,
        preset=preset,
        threads=threads,
        time_base=reader.ms_per_tick / 1000,
    ) as writer:
        tracks = [writer.add_sound(form) for form in forms]
        offset_ms, count, start_ms = Fraction(0), 0, reader.first.time_ms
        for index, span in enumerate(spans):
            if index:
                reader = _Reader(span, threads)
                if reader.size != writer.size:
                    raise VideoError(
                        f"{span.source}: its frames are {reader.size[0]}x{reader.size[1]}, those before "
                        f"{writer.size[0]}x{writer.size[1]}: excerpts of different sizes cannot be joined"
                    )
            end_ms, frames = reader.write(writer, tracks, forms, offset_ms, on_frame)
            offset_ms += end_ms
            count += frames
            on_span(index)
    return VideoCut(count, round(start_ms), round(offset_ms))


class _Reader:
    """Frames and sound of a span, to be added to a video that is written."""

    def __init__(self, span: VideoSpan, threads: int) -> None:
        self._span = span
        with open_source(span.source, threads=1) as opened:
            self.rate, self.ms_per_tick = opened.rate, opened.ms_per_tick
        timeline = timeline_of(span.source)
        self._origin_s = timeline.origin * self.ms_per_tick / 1000
        # Where the clock begins again, sound cannot be assigned to frames.
        self._has_clock = timeline.length is None or timeline.length.continuous
        decoded = decode_frames(span.source, span.start_ms, threads)
        self._frames = (frame for frame in decoded if frame.time_ms >= span.start_ms)
        first = next(self._frames, None)
        if first is None or first.time_ms >= span.end_ms:
            raise VideoError(
                f"{span.source}: shows no frame from {span.start_ms} to {span.end_ms} ms: it is shorter"
            )
        self.first: DecodedFrame = first
        shape = (first.frame.width, first.frame.height)
        # Frames are not converted to RGB, which loses colour, unless they are drawn on, rotated,
        # padded or in rare colours.
        even = shape[0] % 2 == 0 and shape[1] % 2 == 0
        self._as_coded = (
            span.paint is None
            and even
            and not any(orientation(first.frame))
            and has_usual_colours(first.frame)
        )
        self._to_rgb = RgbConverter(shape if self._as_coded else None)
        if not self._as_coded:
            height, width, _ = self._to_rgb(first.frame).shape
            shape = (width, height)
        self.size = shape

    def write(
        self,
        writer: VideoWriter,
        tracks: Sequence[SoundTrack],
        forms: Sequence[SoundFormat],
        offset_ms: Fraction,
        on_frame: Callable[[Fraction], object],
    ) -> tuple[Fraction, int]:
        """Add all; return the length in milliseconds and the number of frames."""
        span, first_ms = self._span, self.first.time_ms
        end_ms, count = Fraction(0), 0
        pieces = self._sound(forms)
        piece = next(pieces, None)
        for current in chain([self.first], self._frames):
            if current.time_ms >= span.end_ms:
                break
            time_ms = current.time_ms - first_ms
            while piece is not None and _time_ms(piece[1]) <= time_ms:
                tracks[piece[0]].write(piece[1], offset_ms)
                piece = next(pieces, None)
            end_ms = min(time_ms + current.duration_ms, span.end_ms - first_ms)
            shown_ms = end_ms - time_ms
            if self._as_coded:
                writer.write_decoded(current.frame, time_ms + offset_ms, shown_ms)
            else:
                image = self._to_rgb(current.frame)
                writer.write(
                    image if span.paint is None else span.paint(image),
                    time_ms + offset_ms,
                    shown_ms,
                )
            on_frame(time_ms + offset_ms)
            count += 1
        # Sound does not go on after the last frame.
        while piece is not None and _time_ms(piece[1]) < end_ms:
            tracks[piece[0]].write(piece[1], offset_ms)
            piece = next(pieces, None)
        return end_ms, count

    def _sound(self, forms: Sequence[SoundFormat]) -> Iterator[tuple[int, av.AudioFrame]]:
        if not self._has_clock:
            return iter(())
        span, first_ms = self._span, self.first.time_ms
        return read_sound(span.source, forms, self._origin_s, first_ms, Fraction(span.end_ms))


def _time_ms(frame: av.AudioFrame) -> Fraction:
    return Fraction(1000 * frame.pts) * Fraction(frame.time_base)


# Copying


def _copied(
    source: Path, start_ms: int, end_ms: int, target: Path, tolerance_ms: int, sound: bool
) -> VideoCut | None:
    """Copy the packets of a span; None if no key frame is near enough, or they cannot be copied."""
    timeline = timeline_of(source)
    if not timeline.seekable:
        return None
    with open_source(source, threads=1) as opened:
        codec = opened.stream.codec_context.codec.canonical_name
        if target.suffix.lower() != ".mkv" and codec not in _IN_MP4:
            return None
        found = _find_packets(opened, timeline.origin, start_ms, end_ms, tolerance_ms)
        if found is None:
            return None
        packets, end_tick = found
        first = packets[0].pts
        assert first is not None
        begin_ms = (first - timeline.origin) * opened.ms_per_tick
        length_ms = (end_tick - first) * opened.ms_per_tick
        forms = sound_formats(source) if sound else []
        origin_s = timeline.origin * opened.ms_per_tick / 1000
        pieces = read_sound(source, forms, origin_s, begin_ms, begin_ms + length_ms)
        try:
            _write_packets(opened, packets, target, forms, pieces)
        except (av.FFmpegError, ValueError):
            return None  # the container cannot hold these packets
    return VideoCut(len(packets), round(begin_ms), round(length_ms), copied=True)


def _find_packets(
    opened: VideoSource, origin: int, start_ms: int, end_ms: int, tolerance_ms: int
) -> tuple[list[av.Packet], int] | None:
    """Packets from a key frame to a place where nothing before refers to what is after.

    Returns them, and the tick at which the last of their frames ends; None if there are none within
    the tolerance.
    """
    per_ms = 1 / opened.ms_per_tick
    start, end = origin + start_ms * per_ms, origin + end_ms * per_ms
    slack = max(_SAME_MS, Fraction(tolerance_ms)) * per_ms
    for back_ms in _SEEK_BACK_MS:
        target = max(Fraction(origin), start + (_SAME_MS - back_ms) * per_ms)
        try:
            opened.container.seek(int(target), stream=opened.stream)
        except av.FFmpegError:
            return None
        packets = opened.container.demux(opened.stream)
        first = next((one for one in packets if one.is_keyframe and one.pts is not None), None)
        if first is not None and (first.pts or 0) <= start + _SAME_MS * per_ms:
            break
    else:
        return None
    kept: list[av.Packet] = []
    stop = end + slack + _AFTER_MS * per_ms
    complete = True
    for packet in chain([first], packets):
        if not packet.size:
            break
        if packet.pts is None or packet.is_discard or packet.is_corrupt:
            return None
        if packet.is_keyframe and packet.pts <= start + _SAME_MS * per_ms:
            kept = [packet]
        elif kept and packet.pts > (kept[0].pts or 0):
            kept.append(packet)  # those shown before it but coded after it are left out
        if packet.pts > stop:
            complete = False
            break
    if not kept or (kept[0].pts or 0) < start - slack:
        return None
    return _clean_end(kept, end, slack, opened.step, complete)


def _clean_end(
    packets: list[av.Packet], end: Fraction, slack: Fraction, step: int, complete: bool
) -> tuple[list[av.Packet], int] | None:
    """Packets up to the place nearest to `end` after which all are shown later than those before."""
    latest, shown_last = -1, packets[0]
    following: list[float] = [float("inf")]
    for packet in reversed(packets):
        following.append(min(following[-1], packet.pts or 0))
    following.reverse()  # following[i] is the earliest of packets i, i + 1 …
    best: tuple[Fraction, int, int] | None = None
    for index, packet in enumerate(packets):
        if (packet.pts or 0) > latest:
            latest, shown_last = packet.pts or 0, packet
        if index + 1 < len(packets):
            if latest >= following[index + 1]:
                continue
            ends = int(following[index + 1])
        elif complete:
            held = max(packet.duration or 0, shown_last.duration or 0)
            if packet is not shown_last and held >= 2 * step:
                break  # a file has the length of the frame that is decoded last: encode it again
            ends = latest + (shown_last.duration or step)
        else:
            break
        distance = abs(ends - end)
        # The video may end before the span does.
        last = complete and index + 1 == len(packets) and ends < end
        if (distance <= slack or last) and (best is None or distance < best[0]):
            best = (distance, index + 1, ends)
    return None if best is None else (packets[: best[1]], best[2])


def _write_packets(
    opened: VideoSource,
    packets: Sequence[av.Packet],
    target: Path,
    forms: Sequence[SoundFormat],
    pieces: Iterator[tuple[int, av.AudioFrame]],
) -> None:
    first = packets[0].pts or 0
    times = [packet.pts or 0 for packet in packets]
    # Matroska has no decoding times: the earliest ones that let each frame be decoded before it is
    # shown.
    delay = max(shown - time for shown, time in zip(sorted(times), times, strict=True))
    with atomic_path(target) as temporary, open_output(temporary) as output:
        copy = output.add_stream_from_template(opened.stream)
        tracks = [SoundTrack(output, form) for form in forms]
        piece = next(pieces, None)
        for packet, time, shown in zip(packets, times, sorted(times), strict=True):
            time_ms = (time - first) * opened.ms_per_tick
            while piece is not None and _time_ms(piece[1]) <= time_ms:
                tracks[piece[0]].write(piece[1])
                piece = next(pieces, None)
            packet.pts, packet.dts = time - first, shown - first - delay
            packet.stream = copy
            output.mux(packet)
        while piece is not None:
            tracks[piece[0]].write(piece[1])
            piece = next(pieces, None)
        for track in tracks:
            track.finish()
