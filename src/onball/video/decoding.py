"""Decode the frames of a video with exact times.

Time 0 is the first shown frame. Times are the presentation timestamps of the container: lead-in
hidden by an MP4 edit list is not shown, and start offsets and reordered frames make no difference.
Where the clock of a file begins again or jumps, as in joined recordings, times go on without a gap.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple

import av

from onball.cores import choose_threads
from onball.errors import OnballWarning, VideoError
from onball.files import shell_quoted
from onball.timing import format_time
from onball.video.clock import (
    ClockRules,
    Decoded,
    Irregularity,
    Length,
    coded_slots,
    continuous_ticks,
    length_of,
    mark_restarts,
)
from onball.video.containers import (
    is_fragmented,
    is_running_playlist,
    joined_files,
    missing_segments,
    scrambled_part,
)
from onball.video.pixels import inexact_colours
from onball.video.skipping import SampledTimes, Sampling, can_skip, mark_unneeded
from onball.video.streams import file_identity, main_video_stream, open_container, packet_counts

#: Formats that have an index of the times of all frames.
_INDEXED = frozenset({"mov", "matroska"})
#: Distances before the requested time at which a keyframe is searched, one after the other. Usually
#: the first succeeds; transport streams have no index, and MP4 indexes by decoding time.
_SEEK_BACK_MS = (0, 1_000, 4_000, 16_000, 64_000)
#: A file may end this much before the length in its header without being called damaged.
_END_TOLERANCE_MS = 500
#: Consecutive errors after which reading a container ends.
_MAX_READ_ERRORS = 100
#: Packets before the first keyframe that are left out; a stream may have no keyframe at all.
_MOST_BEFORE_KEYFRAME = 1000
#: Duration of a stream as Matroska files are tagged with it: hours, minutes, seconds.
_TAGGED_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", re.ASCII)
#: Files joined byte by byte that FFmpeg reads, by format; of others the first.
_MOST_JOINED = {"matroska": 2, "avi": sys.maxsize}
#: Bytes of the header of a chunk in an AVI.
_CHUNK_HEADER = 8
#: More decoding threads only delay frames; it is also FFmpeg's limit.
_MOST_THREADS = 16
#: Higher rates are those of a clock, where FFmpeg does not know the rate of the frames.
_MOST_FPS = 500
#: Kind of warning; there is one of each kind per video.
_DAMAGE = "damage"
#: Problems after which the header's length cannot be compared with the end of the frames.
_BREAKS = frozenset({Irregularity.RESTART, Irregularity.JUMP})


class DecodedFrame(NamedTuple):
    """A decoded frame and its time.

    Attributes:
        frame: output of the decoder: stored size and pixel format, not rotated.
        time_ms: exact milliseconds since the first shown frame.
        duration_ms: time for which it is shown; the average of the file if not stored.
    """

    frame: av.VideoFrame
    time_ms: Fraction
    duration_ms: Fraction


class VideoSource:
    """An open video file: a container and its main video stream. Opened by `open_source`.

    Args:
        path: the file.
        container: the open container.
        stream: its main video stream.
        threads: decoding threads; 0 is what `onball.cores.choose_threads` gives.
    """

    def __init__(
        self,
        path: Path,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        threads: int,
    ) -> None:
        self.path = path
        self.container = container
        self.stream = stream
        # FFmpeg's own choice knows no limits of cgroups.
        self.stream.codec_context.thread_count = threads or min(choose_threads(), _MOST_THREADS)
        self.stream.codec_context.thread_type = "AUTO"
        self.ms_per_tick = Fraction(self.stream.time_base) * 1000
        self.rules = ClockRules(container, stream)
        self._formats = container.format.name.split(",")
        # AVI stores no presentation times; its decoding times, once past the decoder's delay,
        # advance with the shown frames.
        self.has_presentation_times = "avi" not in self._formats
        self._origin: int | None = None
        self._last: int | None = None
        self._lead: int | None = None
        self._damaged_lead = False
        self._warned: set[str] = set()
        self._sampling: Sampling | None = None

    @property
    def rate(self) -> Fraction:
        """Average frames per second; 25 if the file has no frame rate."""
        index = self.stream.index_entries
        if not self.has_presentation_times and len(index) > 1:
            # The header of an AVI counts empty chunks as frames.
            ticks = int(index[len(index) - 1].timestamp) - int(index[0].timestamp)
            if ticks > 0:
                return Fraction((len(index) - 1) * 1000) / (ticks * self.ms_per_tick)
        return self._header_rate or Fraction(25)

    @property
    def _header_rate(self) -> Fraction | None:
        rate = self.stream.average_rate or self.stream.guessed_rate
        return Fraction(rate) if rate and rate <= _MOST_FPS else None

    @property
    def step(self) -> int:
        """Ticks between two frames at the average rate, at least 1 and at most a second."""
        return max(1, round(min(Fraction(1000), 1000 / self.rate) / self.ms_per_tick))

    @property
    def declared_end(self) -> int | None:
        """Tick at which the video ends by the header of the container; None if it has none."""
        if self.stream.duration:
            return int((self.stream.start_time or 0) + self.stream.duration)
        matroska = "matroska" in self._formats
        tag = self.stream.metadata.get("DURATION", "") if matroska else ""
        if found := _TAGGED_TIME.fullmatch(tag.strip()):
            hours, minutes, seconds = map(Fraction, found.groups())
            return int((hours * 3600 + minutes * 60 + seconds) * 1000 / self.ms_per_tick)
        if self.container.duration and len(self.container.streams) == 1:
            # Matroska measures its length from time 0, the others from their first packet.
            start = 0 if matroska else self.container.start_time or 0
            return int(Fraction(self.container.duration + start, 1000) / self.ms_per_tick)
        return None

    def leave_out(self, times: SampledTimes) -> None:
        """Let the decoder leave out frames that are not sampled, where no other frame needs them.

        Those that are nearest to a sampled time are decoded as before. Frames are not left out after
        a damaged one, whose neighbours may be sampled in its place, nor in interlaced video, whose
        fields may refer to each other. The times of all frames must be in the container, on one
        clock: all frames are decoded of one that is broadcast, or of a pipe.

        Args:
            times: the sampling grid.
        """
        indexed = not _INDEXED.isdisjoint(self._formats) and self.path.is_file()
        if indexed and self.rate > times.fps and can_skip(self._context):
            timeline = timeline_of(self.path)
            if timeline.seekable and timeline.length is None:
                self._sampling = Sampling(times, timeline.origin, self.ms_per_tick)

    @property
    def _context(self) -> av.VideoCodecContext:
        return self.stream.codec_context

    def frames(self) -> Iterator[DecodedFrame]:
        """All shown frames, in order of time.

        Warns (`OnballWarning`, once for each kind of problem) if some cannot be decoded, the file
        ends early, or its clock begins again or jumps. Raises `VideoError` if no frame can be
        decoded.
        """
        joined = joined_files(self.path)
        if joined > max(_MOST_JOINED.get(name, 1) for name in self._formats):
            self._warn(
                "joined",
                f"is {joined} files joined byte by byte, of which FFmpeg reads only some: join them "
                "with ffmpeg -f concat",
            )
        missing = missing_segments(self.path) if "hls" in self._formats else []
        if missing:
            self._warn(
                "missing",
                f"files that it lists are missing ({len(missing)}, first {missing[0]}): what they show "
                "is left out, times stay right",
            )
        scrambled = scrambled_part(self.path, self.stream.id) if "mpegts" in self._formats else 0
        if scrambled:
            self._warn(
                "scrambled",
                f"is scrambled in part, about {scrambled:.0%} of its packets: what cannot be decoded "
                "is left out",
            )
        frames = self._decode()
        first = next(frames, None)
        if first is None and scrambled:
            raise self._encrypted()
        if first is None:
            raise VideoError(
                f"{self.path}: no frame of it can be decoded: check that the file is complete"
            )
        origin = first[1]
        if self._damaged_lead and self._lead is not None and self._lead < origin:
            # Times are those of the file before it was damaged.
            self._origin = origin = self._lead
            self._warn(_DAMAGE, f"damaged until {self._seconds(first[1])}: begins there")
        return self._timed(chain([first], frames), origin)

    def frames_from(self, start_ms: int, origin: int) -> Iterator[DecodedFrame] | None:
        """The same frames, from one shown at or before `start_ms`.

        `origin` is the tick of the first shown frame. Returns None if seeking to that time fails;
        the file must then be opened again and read from its beginning.
        """
        wanted = origin + start_ms // self.ms_per_tick
        for back_ms in _SEEK_BACK_MS:
            target = wanted - back_ms // self.ms_per_tick
            if target < origin:
                return None
            try:
                self.container.seek(int(target), stream=self.stream)
            except av.FFmpegError:
                return None
            frames = self._decode(after_seek=True)
            first = next(frames, None)
            if first is not None and first[1] <= wanted:
                return self._timed(chain([first], frames), origin)
        return None

    def first_tick(self) -> int:
        """Tick of the first shown frame. Raises `VideoError` if no frame can be decoded."""
        next(self.frames())
        assert self._origin is not None
        return self._origin

    def measure(self, origin: int) -> Length:
        """Measure the video by all its packets, from tick `origin` on, without decoding them."""
        return length_of(self._packets(), self.rules, self.step, origin)

    def has_reliable_header(self) -> bool:
        """True if length and index in the header are those of all frames, on a single clock.

        The containers that are broadcast have neither, and others may have been joined.
        """
        if self.declared_end is None or self._header_rate is None:
            return False
        if "mov" in self._formats:
            # The frames of fragments are not in the header.
            if self.stream.frames != len(self.stream.index_entries):
                return False
        elif "matroska" in self._formats:
            if joined_files(self.path) > 1:
                return False
            with suppress(av.FFmpegError):  # Its index is read when it is first needed.
                self.container.seek(0, stream=self.stream)
        elif self.has_presentation_times or joined_files(self.path) > 1:
            return False
        ticks = (entry.timestamp for entry in self.stream.index_entries)
        return all(0 <= later - tick <= self.rules.longest_gap for tick, later in pairwise(ticks))

    def _timed(
        self, frames: Iterator[tuple[av.VideoFrame, int]], origin: int
    ) -> Iterator[DecodedFrame]:
        self._origin = end = origin
        for frame, tick in frames:
            if self._last is None and (colours := inexact_colours(frame)):
                self._warn(
                    "colours",
                    f"its colours are tagged as {colours}, which is not supported: they are read as "
                    "similar ones and may be off",
                )
            self._last = tick
            duration = frame.duration or self.step
            time_ms = (tick - origin) * self.ms_per_tick
            yield DecodedFrame(frame, time_ms, duration * self.ms_per_tick)
            end = tick + duration
        declared = self.declared_end
        if declared is None or not self._warned.isdisjoint(_BREAKS):
            return
        if (declared - end) * self.ms_per_tick > _END_TOLERANCE_MS:
            self._warn(
                _DAMAGE,
                f"ends at {self._seconds(end)} of {self._seconds(declared)}: damaged or cut "
                "short, what comes before is used",
            )

    def _decode(self, after_seek: bool = False) -> Iterator[tuple[av.VideoFrame, int]]:
        """Decoded frames and their ticks, strictly increasing, on a clock without breaks.

        After a seek nothing is decoded before the next keyframe, and frames shown before that
        keyframe but coded after it are dropped: they may refer to frames that were not decoded.
        """
        if after_seek:
            packets = self._packets_after_seek()
        else:
            packets = self._packets_from_keyframe()
        if self.has_presentation_times:
            decoded = self._with_ticks(packets, after_seek)
        else:
            slots: list[int] = []
            coded = chain.from_iterable(map(self._decoded, self._numbered(packets, slots)))
            decoded = coded_slots(coded, slots)
        return continuous_ticks(decoded, self.rules, self.step, self._notice)

    def _with_ticks(self, packets: Iterator[av.Packet], after_seek: bool) -> Iterator[Decoded]:
        """Decoded frames with the times of a container that stores presentation times."""
        first = list(islice(packets, 1))
        lowest = first[0].pts if after_seek and first else None
        previous: int | None = None
        for frame, begins in self._recordings(chain(first, packets)):
            tick = frame.pts
            if tick is None:
                if previous is None and not self.rules.timeless:
                    continue  # Its time is negative, which Matroska cannot hold: not to be shown.
                tick = 0 if previous is None else previous + (frame.duration or self.step)
            if lowest is None or tick >= lowest:
                previous = tick
                yield Decoded(frame, tick, begins)

    def _recordings(self, packets: Iterator[av.Packet]) -> Iterator[tuple[av.VideoFrame, bool]]:
        """Decoded frames; the first one of another recording in the same file is marked."""
        marked = False
        for packet, begins, skipped in self._marked(packets):
            self._context.skip_frame = "NONREF" if skipped and self._sampling else "DEFAULT"
            if begins:
                # The decoder still holds back frames of the recording before.
                for frame in self._decoded(None):
                    yield frame, marked
                    marked = False
                self._context.flush_buffers()
                marked = True
            for frame in self._decoded(packet):
                yield frame, marked
                marked = False

    def _marked(self, packets: Iterator[av.Packet]) -> Iterator[tuple[av.Packet, bool, bool]]:
        """Packets; whether another recording begins with them; and whether they are not sampled."""
        marked = mark_restarts(packets, self.rules)
        if self._sampling is not None:
            return mark_unneeded(marked, self._sampling)
        return ((packet, begins, False) for packet, begins in marked)

    def _decoded(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        """Frames that a packet completes; None or an empty packet gives all that are held back."""
        try:
            frames = list(self.stream.decode(packet))
            if self._sampling is not None and any(frame.interlaced_frame for frame in frames):
                self._sampling = None
            return frames
        except av.FFmpegError:
            self._sampling = None
            self._damaged_lead |= self._last is None
            self._warn_damage()
            return []

    def _packets(self) -> Iterator[av.Packet]:
        """Packets of the stream, also after damage; an empty one ends them.

        Raises `VideoError` if they are encrypted: some decoders would show noise.
        """
        errors, tags = 0, self.stream.metadata
        while errors < _MAX_READ_ERRORS:
            try:
                for packet in self.container.demux(self.stream):
                    errors = 0
                    if packet.has_sidedata("encryption_info") or "enc_key_id" in tags:
                        raise self._encrypted()
                    yield packet
                return
            except av.FFmpegError:
                errors += 1
        yield av.Packet()

    def _encrypted(self) -> VideoError:
        return VideoError(
            f"{self.path}: is encrypted: decrypt it, or give a video without copy protection"
        )

    def _packets_from_keyframe(self) -> Iterator[av.Packet]:
        """Packets from the first keyframe on, or all of them if there is none at the beginning.

        FFmpeg takes a damaged keyframe for another frame; the index knows better.
        """
        packets = self._packets()
        index = self.stream.index_entries
        indexed = index[0].timestamp if len(index) and index[0].is_keyframe else None
        before: list[av.Packet] = []
        for packet in packets:
            before.append(packet)
            in_index = indexed is not None and indexed in (packet.pts, packet.dts)
            if packet.is_keyframe or (len(before) == 1 and in_index):
                before = [packet]
                self._lead = None if packet.is_discard else packet.pts
                break
            if len(before) > _MOST_BEFORE_KEYFRAME:
                break
        yield from before
        yield from packets

    def _packets_after_seek(self) -> Iterator[av.Packet]:
        """Packets from the first keyframe after a seek that has a time of its own."""
        packets = self._packets()
        # A program stream stores few times, and FFmpeg counts on from them: wrongly until the
        # first packet that begins in a PES packet after that at which reading began.
        counted = "mpeg" in self._formats
        for index, packet in enumerate(packets):
            if not packet.is_keyframe or packet.pts is None:
                continue
            if not counted or (index and packet.pos is not None):
                yield packet
                break
        yield from packets

    def _numbered(self, packets: Iterator[av.Packet], slots: list[int]) -> Iterator[av.Packet]:
        """Packets with their number as their time; their decoding times are added to `slots`."""
        # FFmpeg counts chunks, also where some are damaged; the index knows their places.
        known = {entry.pos + _CHUNK_HEADER: entry.timestamp for entry in self.stream.index_entries}
        for packet in packets:
            if packet.size:
                following = slots[-1] + 1 if slots else 0
                counted = following if packet.dts is None else packet.dts
                packet.pts = len(slots)
                slots.append(known.get(packet.pos, counted))
                self._lead = slots[0]
            yield packet

    def _notice(self, irregularity: Irregularity, tick: int, ticks: int) -> None:
        match irregularity:
            case Irregularity.RESTART:
                self._warn(
                    irregularity,
                    f"its clock begins again at {self._seconds(tick)}, as in joined recordings: "
                    "what follows is read as the continuation",
                )
            case Irregularity.JUMP:
                self._warn(
                    irregularity,
                    f"its clock jumps by {format_time(round(ticks * self.ms_per_tick))} at "
                    f"{self._seconds(tick)}: what follows is read as the continuation",
                )
            case Irregularity.DISORDER:
                self._warn_damage()

    def _warn_damage(self) -> None:
        if self._last is None:
            return  # Live recordings begin in the middle of a group of pictures (GOP).
        time = self._seconds(self._last)
        self._warn(_DAMAGE, f"damaged at {time}: what cannot be decoded there is left out")

    def _warn(self, kind: str, message: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            warnings.warn(f"{self.path}: {message}", OnballWarning, stacklevel=2)

    def _seconds(self, tick: int) -> str:
        return f"{float((tick - (self._origin or 0)) * self.ms_per_tick) / 1000:.2f} s"


@contextmanager
def open_source(path: str | Path, threads: int = 0) -> Iterator[VideoSource]:
    """Open a video; `threads` decode it (0: one per core).

    Raises `VideoError` if `path` is missing, a folder, empty, or no video.
    """
    path = Path(path)
    if path.is_dir():
        raise VideoError(f"{path}: is a folder: give a video file")
    if not path.exists():
        raise VideoError(f"{path}: no such file: check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise VideoError(f"{path}: is empty: copy or download it again")
    if is_running_playlist(path):
        raise VideoError(
            f"{path}: is the playlist of a stream that is not finished: follow it with "
            f"`onball live {shell_quoted(path)}`, or end it with the line #EXT-X-ENDLIST"
        )
    with open_container(path) as container:
        yield VideoSource(
            path,
            container,
            main_video_stream(path, container, lambda: packet_counts(path)),
            threads,
        )


def decode_frames(
    path: str | Path,
    start_ms: int = 0,
    threads: int = 0,
    sampled: SampledTimes | None = None,
) -> Iterator[DecodedFrame]:
    """Decode a video, in order of time, from a frame shown at or before `start_ms`.

    `start_ms` changes the first frame only, not the frames after it or their times.

    Args:
        path: the video.
        start_ms: time in milliseconds since the first shown frame.
        threads: decoding threads; 0 is one per core.
        sampled: sampling grid: frames that are nearest to none of its times may be left out. It has
            an effect on H.264 and HEVC in containers with a reliable index.

    Raises `VideoError` as `open_source` does, and if no frame can be decoded. Damage, and a clock
    that begins again or jumps, give one `OnballWarning` each.
    """
    path = Path(path)
    if start_ms > 0:
        with open_source(path, threads) as source:
            timeline = timeline_of(path)
            frames = None
            if sampled is not None:
                source.leave_out(sampled)
            if timeline.seekable:
                frames = source.frames_from(start_ms, timeline.origin)
            if frames is not None:
                yield from frames
                return
    with open_source(path, threads) as source:
        if sampled is not None:
            source.leave_out(sampled)
        yield from source.frames()


def has_index(path: str | Path) -> bool:
    """Return True if a video is read in one pass: length and times of all frames are in its header.

    The packets of others are all read before the first frame is.

    Raises `VideoError` as `open_source` does.
    """
    if is_fragmented(Path(path)):  # FFmpeg would look at all fragments.
        return False
    with open_source(path, threads=1) as source:
        return source.has_reliable_header()


@dataclass(frozen=True, slots=True)
class Timeline:
    """Times of a video file that reading it depends on.

    Attributes:
        origin: tick of time 0, the first shown frame.
        seekable: frames can be found by their time: the container stores presentation times on one
            clock.
        length: the video as measured by its packets, where the header has no length that can be
            relied on; else None.
    """

    origin: int
    seekable: bool
    length: Length | None


def timeline_of(path: str | Path) -> Timeline:
    """Find the times of a video, once per file: training opens the same match thousands of times.

    All packets are read, without decoding, unless the container has a reliable length and index.

    Raises `VideoError` as `open_source` does, and if no frame can be decoded.
    """
    return _timeline_of(*file_identity(Path(path)))


@lru_cache(maxsize=1024)
def _timeline_of(path: Path, size: int, modified_ns: int) -> Timeline:
    with open_source(path, threads=1) as source:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OnballWarning)
            origin = source.first_tick()
        seekable = source.has_presentation_times
        if source.has_reliable_header():
            return Timeline(origin, seekable, None)
    with open_source(path, threads=1) as source:
        length = source.measure(origin)
    return Timeline(origin, seekable and length.continuous, length)
