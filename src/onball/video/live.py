"""Frames of a live source: a file in real time, a pipe, a capture device, HLS, RTMP, RTSP …

    address → [reader: packets, reconnection, recording]
            → [decoder: times, sampling grid, RGB]
            → `LiveSource.take`: sampled frames, and notices of what happened between them

Reader and decoder are threads that never wait for the consumer, so that the stream does not stall.
What cannot be processed in time is left out: the decoder leaves out frames that no other refers to,
then everything up to the newest keyframe; waiting frames are thinned evenly.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any, NamedTuple, cast

import av
import numpy as np
from numpy.typing import NDArray

from onball.errors import OnballError, VideoError
from onball.timing import first_grid_index, nearest_grid_index
from onball.video.decoding import DecodedFrame
from onball.video.live_address import LiveAddress, explain_failure, is_complete
from onball.video.notices import (
    FramesSkipped,
    RecordingStopped,
    StreamConnected,
    StreamLost,
    StreamNotice,
)
from onball.video.pixels import RgbConverter
from onball.video.reading import at_grid_times
from onball.video.recording import Recorder
from onball.video.stream_clock import Backoff, FirstBurst, PlayoutClock, StreamClock
from onball.video.streams import main_video_stream

#: Most packets that wait for the decoder: a minute of video.
_MOST_PACKETS = 3000
#: Most sampled frames that wait for the consumer: longer than a segment of HLS.
_MOST_FRAMES = 250
#: Longest time between two looks at whether to stop, in seconds.
_SLICE_S = 0.05
#: Time between two notices of skipped frames, in seconds.
_SKIPPED_EVERY_S = 5.0


class LiveFrame(NamedTuple):
    """A sampled frame.

    Attributes:
        number: index on the sampling grid.
        pixels: uint8 `[H, W, 3]`, RGB.
        due_s: time at which a player would have shown it, by the source's clock, in seconds.
    """

    number: int
    pixels: NDArray[np.uint8]
    due_s: float


class _Opened(NamedTuple):
    context: Any  # of the decoder
    rate: Fraction
    time_base: Fraction
    format: str


class _Closed(NamedTuple):
    lost: str  # why, if the connection is to be opened again


class _Failed(NamedTuple):
    recording: str


class _Packet(NamedTuple):
    packet: av.Packet
    received_s: float
    due_s: float


class LiveSource:
    """Sampled frames of a live source; a context manager.

        with LiveSource(LiveAddress.parse("rtsp://camera/main"), 12.5, (398, 224)) as source:
            while not source.finished:
                for item in source.take(most=16): ...

    Args:
        address: the source.
        fps: sampled frames per second, on the grid of `onball.timing`.
        size: width and height of the frames, in pixels.
        realtime: play files at the speed of their time, and leave frames out to stay at the live
            edge. False reads a file or pipe as fast as its frames are taken, and leaves out none.
        recorder: records the packets as they come.
        timeout_s: longest time without data before the connection counts as lost, in seconds.
        give_up_s: time after which a lost source is given up, in seconds.
        max_behind_s: lateness from which frames are left out, in seconds.
        threads: decoding threads.
        backoff: pauses before attempts to reconnect.
        clock: a steady clock, in seconds.
    """

    def __init__(
        self,
        address: LiveAddress,
        fps: float,
        size: tuple[int, int],
        *,
        realtime: bool = True,
        recorder: Recorder | None = None,
        timeout_s: float = 10.0,
        give_up_s: float = 60.0,
        max_behind_s: float = 1.0,
        threads: int = 2,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self._fps = fps
        self._size = size
        self.realtime = realtime
        self._recorder = recorder
        self._recording = recorder is not None
        self._timeout_s = timeout_s
        self._give_up_s = give_up_s
        self.max_behind_s = max_behind_s
        self._threads = threads
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._stop = Event()
        self._done = False
        self._error: BaseException | None = None
        # Packets on their way from the reader to the decoder.
        self._packets: deque[_Passed] = deque()
        self._packets_changed = Condition()
        # The decoder's state.
        self._times = StreamClock()
        self._context: Any = None
        self._convert = RgbConverter(size)
        self._interruption = ""
        self._received: dict[int, tuple[float, float]] = {}  # by timestamp
        self._latest = (0.0, 0.0)
        self._ms_per_tick = Fraction(1)
        self._undecoded: set[int] = (
            set()
        )  # timestamps of packets that the decoder may have left out
        # Frames and notices on their way from the decoder to the consumer.
        self._items: deque[LiveFrame | StreamNotice] = deque()
        self._items_changed = Condition()
        self._frames_waiting = 0
        self._skipped_newly = 0
        self._skipped_reported_s = -math.inf
        self.skipped = 0
        self.end_reason = ""

    def __enter__(self) -> LiveSource:
        for run in (self._read, self._decode):
            # Daemons: a read from a silent pipe cannot be interrupted.
            Thread(target=run, name=f"onball live {run.__name__}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._recorder is not None:
            self._recorder.close()

    def finish_recording(self) -> RecordingStopped | None:
        """Close the recording; return a notice if its end cannot be written, as on a full disk."""
        try:
            if self._recorder is not None:
                self._recorder.close()
        except OnballError as error:
            return RecordingStopped(self.time_ms, str(error))
        return None

    def stop(self) -> None:
        """End the stream; frames that wait can still be taken."""
        self._stop.set()
        for condition in (self._packets_changed, self._items_changed):
            with condition:
                condition.notify_all()

    @property
    def finished(self) -> bool:
        """True if the source has ended and everything was taken."""
        with self._items_changed:
            ended = self._done or self._stop.is_set()
            return ended and not self._items and self._error is None

    @property
    def recordings(self) -> tuple[Path, ...]:
        """Files of the recording."""
        return () if self._recorder is None else tuple(self._recorder.files)

    @property
    def time_ms(self) -> int:
        """Time of the newest frame, in milliseconds since the first one."""
        return round(self._times.time_ms)

    def take(
        self, most: int, least: int = 1, timeout_s: float = 0.25
    ) -> list[LiveFrame | StreamNotice]:
        """Return the next frames and notices, in order.

        Args:
            most: largest number of frames. If frames are late, all waiting ones are thinned to that
                number.
            least: number of frames to wait for.
            timeout_s: time after which fewer, or none, are returned.

        Raises:
            VideoError: the source cannot be opened, or is no video.
            OnballError: it was lost and given up, or the recording failed.
        """
        with self._items_changed:
            self._items_changed.wait_for(
                lambda: (
                    self._frames_waiting >= least
                    or len(self._items) > self._frames_waiting
                    or self._done
                    or self._stop.is_set()
                ),
                timeout_s,
            )
            if self._late():
                while self._frames_waiting > most:
                    self._thin()
            taken: list[LiveFrame | StreamNotice] = []
            while self._items and most:
                item = self._items.popleft()
                if isinstance(item, LiveFrame):
                    self._frames_waiting -= 1
                    most -= 1
                taken.append(item)
            if (skipped := self._report_skipped()) is not None:
                taken.append(skipped)
            self._items_changed.notify_all()
            if self._error is not None and not taken and (self._done or self._stop.is_set()):
                error, self._error = self._error, None
                raise error
            return taken

    # Reader

    def _read(self) -> None:
        try:
            self._read_connections()
        except BaseException as error:  # raised by `take`, in the consumer's thread
            self._error = error
        self._pass_on(None)

    def _read_connections(self) -> None:
        lost_s: float | None = None
        while not self._stop.is_set():
            try:
                container = self.address.open(self._timeout_s)
            except VideoError as error:
                if lost_s is None:
                    raise
                for_s = self._clock() - lost_s
                if for_s >= self._give_up_s:
                    raise OnballError(
                        f"{error}; given up, {for_s:.0f} s after it was lost"
                    ) from None
                self._sleep_until(self._clock() + self._backoff.next())
                continue
            with container:
                complete = is_complete(container)
                if lost_s is not None and complete:
                    self.end_reason = "the stream is over"  # its playlist is finished
                    return
                self.end_reason = self._read_packets(container)
            if self._stop.is_set() or complete or not self.address.returns:
                self._pass_on(_Closed(""))
                return
            lost_s = self._clock()
            self._pass_on(_Closed(self.end_reason))
            self._sleep_until(lost_s + self._backoff.next())

    def _read_packets(self, container: Any) -> str:
        """Pass on the packets of a connection; return the reason of its end."""
        stream = main_video_stream(self.address.shown, container)
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        name = container.format.name.partition(",")[0]
        self._pass_on(_Opened(stream.codec_context, rate, Fraction(stream.time_base), name))
        streams = [stream]
        recorder = self._recorder if self._recording else None
        if recorder is not None:
            streams += list(container.streams.audio)[:1]
            recorder = self._try_recording(recorder.connect, stream, streams[1:])
        kind = self.address.kind
        whole = kind == "file" or (kind == "network" and is_complete(container))
        paced = self.realtime and whole
        due, burst = PlayoutClock(), FirstBurst[_Packet]()
        begun_s: float | None = None
        first_s = media_s = Fraction(0)
        reason = "the stream ended"
        try:
            for packet in container.demux(streams):
                if self._stop.is_set():
                    reason = "stopped"
                    break
                if packet.size == 0:
                    continue  # the end
                if packet.dts is not None and packet.stream_index == stream.index:
                    media_s = packet.dts * Fraction(packet.time_base)
                if begun_s is None:
                    begun_s, first_s = self._clock(), media_s
                if paced:
                    self._sleep_until(begun_s + float(media_s - first_s))
                received_s = self._clock()
                if recorder is not None:
                    recorder = self._try_recording(recorder.write, packet, received_s)
                if packet.stream_index == stream.index:
                    self._backoff.reset()
                    passed = _Packet(packet, received_s, due.due(media_s, received_s))
                    if paced or not self.realtime:
                        self._pass_on(passed)
                        continue
                    for arrived_s, each in burst.push(passed, media_s, received_s):
                        self._pass_on(each._replace(received_s=arrived_s))
        except (av.FFmpegError, OSError) as error:
            reason = explain_failure(error, self._timeout_s)
        for arrived_s, each in burst.finish():
            self._pass_on(each._replace(received_s=arrived_s))
        return reason

    def _try_recording(self, step: Callable[..., None], *arguments: Any) -> Recorder | None:
        """Do a step of the recording, and end the recording if it fails."""
        try:
            step(*arguments)
        except OnballError as error:
            self._pass_on(_Failed(str(error)))
            self._recording = False
        return self._recorder if self._recording else None

    def _sleep_until(self, then_s: float) -> None:
        while (left := then_s - self._clock()) > 0 and not self._stop.is_set():
            self._stop.wait(min(left, _SLICE_S))

    def _pass_on(self, item: _Passed) -> None:
        with self._packets_changed:
            while (
                not self.realtime
                and len(self._packets) >= _MOST_PACKETS
                and not self._stop.is_set()
            ):
                self._packets_changed.wait(_SLICE_S)
            self._packets.append(item)
            self._packets_changed.notify_all()

    # Decoder

    def _decode(self) -> None:
        try:
            self._decode_all()
        except BaseException as error:  # raised by `take`, in the consumer's thread
            self._error = self._error or error
            self._stop.set()
        with self._items_changed:
            self._done = True
            self._items_changed.notify_all()

    def _decode_all(self) -> None:
        items = self._timed()
        for item in items:
            if isinstance(item, DecodedFrame):
                ended_by: list[StreamNotice] = []
                self._sample(item, chain([item], _until_notice(items, ended_by)))
                for notice in ended_by:
                    self._announce(notice)
            else:
                self._announce(item)

    def _sample(self, first: DecodedFrame, frames: Iterator[DecodedFrame]) -> None:
        """Put the frames of a part without gaps on the sampling grid, for the consumer."""
        index = first_grid_index(math.ceil(first.time_ms), self._fps)
        shown: av.VideoFrame | None = None
        newest: deque[DecodedFrame] = deque(maxlen=2)

        def noted() -> Iterator[DecodedFrame]:
            for decoded in frames:
                newest.append(decoded)
                yield decoded

        for frame, time_ms in at_grid_times(noted(), self._fps, index):
            if self._undecoded:
                frame_ms = next(one.time_ms for one in newest if one.frame is frame)
                if self._left_out_nearer(frame, frame_ms, time_ms):
                    with self._items_changed:
                        self._count_skipped(1)
                    continue
            if frame is not shown:  # A held frame is converted once.
                shown, pixels = frame, self._convert(frame)
            due_s = self._received_of(frame)[1]
            self._put_frame(LiveFrame(nearest_grid_index(time_ms, self._fps), pixels, due_s))

    def _left_out_nearer(self, frame: av.VideoFrame, frame_ms: Fraction, time_ms: int) -> bool:
        """True if a frame that was not decoded is nearer to a time than the nearest that was."""
        if frame.pts is None:
            return False
        times = {
            tick: frame_ms + (tick - frame.pts) * self._ms_per_tick for tick in self._undecoded
        }
        self._undecoded -= {tick for tick, at_ms in times.items() if at_ms < time_ms - 1000}
        distance = abs(frame_ms - time_ms)
        return any(abs(at_ms - time_ms) < distance for at_ms in times.values())

    def _timed(self) -> Iterator[DecodedFrame | StreamNotice]:
        """Frames with their times, and what happens between them."""
        step_ms, previous_ms = Fraction(40), Fraction(0)
        while (item := self._next_packet()) is not None:
            if isinstance(item, _Opened):
                step_ms, previous_ms = 1000 / item.rate, Fraction(0)
                self._ms_per_tick = 1000 * item.time_base
                yield self._prepare(item)
                continue
            if isinstance(item, _Failed):
                yield RecordingStopped(self.time_ms, item.recording)
                continue
            for frame in self._decode_packet(item):
                if frame.pts is None:
                    pts_ms = previous_ms + step_ms
                else:
                    pts_ms = frame.pts * self._ms_per_tick
                previous_ms = pts_ms
                received_s = self._received_of(frame)[0]
                timed = self._times.time_of(pts_ms, received_s, self._interruption)
                self._interruption = ""
                if timed is None:
                    continue
                time_ms, gap = timed
                if gap is not None:
                    yield gap
                yield DecodedFrame(frame, time_ms, step_ms)
            if isinstance(item, _Closed) and item.lost:
                self._interruption = item.lost
                yield StreamLost(self.time_ms, item.lost)

    def _prepare(self, opened: _Opened) -> StreamConnected:
        """Set up the decoder of a connection."""
        context = self._context = opened.context
        context.thread_count = self._threads
        context.thread_type = "AUTO"
        self._convert = RgbConverter(self._size)
        self._received.clear()
        self._undecoded.clear()
        codec = context.codec.canonical_name
        return StreamConnected(self.time_ms, context.width, context.height, codec, opened.format)

    def _decode_packet(self, item: _Packet | _Closed) -> list[av.VideoFrame]:
        """The frames that follow from a packet, or from the end of the connection."""
        packet = None
        if isinstance(item, _Packet):
            packet = item.packet
            self._latest = (item.received_s, item.due_s)
            if packet.pts is not None:
                self._received[packet.pts] = self._latest
            if packet.pts is not None and self._context.skip_frame == "NONREF":
                self._undecoded.add(packet.pts)
        try:
            frames: list[av.VideoFrame] = self._context.decode(packet)
        except av.FFmpegError:
            frames = []
        self._undecoded.difference_update(frame.pts for frame in frames)
        return frames

    def _next_packet(self) -> _Passed:
        """The next packet for the decoder, after those that are left out because it is late."""
        with self._packets_changed:
            while not self._packets:
                if self._stop.is_set():
                    return None
                self._packets_changed.wait(_SLICE_S)
            if self._stop.is_set():
                return None
            item = self._packets.popleft()
            if self.realtime and isinstance(item, _Packet):
                item = self._catch_up(item)
            self._packets_changed.notify_all()
            return item

    def _catch_up(self, item: _Packet) -> _Packet:
        """Let the decoder do less if it is late, or go on with the newest keyframe."""
        late_s = self._clock() - item.due_s
        context = self._context
        if late_s > self.max_behind_s / 2 and item.packet.pts is not None:
            # Without timestamps, the frames that are decoded are counted.
            context.skip_frame = "NONREF"
        elif late_s < self.max_behind_s / 10:
            context.skip_frame = "DEFAULT"
        if late_s <= 2 * self.max_behind_s and len(self._packets) < _MOST_PACKETS:
            return item
        newest = 0  # number of packets up to the newest keyframe of this connection
        for number, newer in enumerate(self._packets, start=1):
            if not isinstance(newer, _Packet):
                break
            if newer.packet.is_keyframe:
                newest = number
        if newest:
            left_out = [self._packets.popleft() for _ in range(newest)]
            item = cast(_Packet, left_out[-1])
            context.flush_buffers()
            self._undecoded.clear()
            self._interruption = self._interruption or "decoding was too slow"
        return item

    def _received_of(self, frame: av.VideoFrame) -> tuple[float, float]:
        """Times at which a frame was received and is due."""
        if frame.pts is None:
            return self._latest
        while len(self._received) > 4 * _MOST_FRAMES:
            del self._received[next(iter(self._received))]
        return self._received.get(frame.pts, self._latest)

    # Frames and notices for the consumer

    def _announce(self, notice: StreamNotice) -> None:
        with self._items_changed:
            self._items.append(notice)
            self._items_changed.notify_all()

    def _put_frame(self, frame: LiveFrame) -> None:
        with self._items_changed:
            while (
                not self.realtime
                and self._frames_waiting >= _MOST_FRAMES
                and not self._stop.is_set()
            ):
                self._items_changed.wait(_SLICE_S)
            if self._frames_waiting >= _MOST_FRAMES:
                self._thin()
            self._items.append(frame)
            self._frames_waiting += 1
            self._items_changed.notify_all()

    def _late(self) -> bool:
        """True if the oldest frame waits for longer than it should."""
        if not self.realtime:
            return False
        oldest = next((item for item in self._items if isinstance(item, LiveFrame)), None)
        return oldest is not None and self._clock() - oldest.due_s > self.max_behind_s

    def _thin(self) -> None:
        """Leave out every second of the waiting frames; the newest one stays."""
        kept: deque[LiveFrame | StreamNotice] = deque()
        leave = self._frames_waiting % 2 == 0
        for item in self._items:
            if isinstance(item, LiveFrame):
                if leave:
                    self._frames_waiting -= 1
                    self._count_skipped(1)
                else:
                    kept.append(item)
                leave = not leave
            else:
                kept.append(item)
        self._items = kept

    def _count_skipped(self, frames: int) -> None:
        self.skipped += frames
        self._skipped_newly += frames

    def _report_skipped(self) -> FramesSkipped | None:
        now_s = self._clock()
        ended = self._done and not self._items
        if not self._skipped_newly:
            return None
        if not ended and now_s - self._skipped_reported_s < _SKIPPED_EVERY_S:
            return None
        notice = FramesSkipped(self.time_ms, self._skipped_newly)
        self._skipped_newly, self._skipped_reported_s = 0, now_s
        return notice


#: Items that the reader passes on; None is the end.
_Passed = _Packet | _Opened | _Closed | _Failed | None


def _until_notice(
    items: Iterator[DecodedFrame | StreamNotice], ended_by: list[StreamNotice]
) -> Iterator[DecodedFrame]:
    """Frames up to the next notice, which is added to a list."""
    for item in items:
        if not isinstance(item, DecodedFrame):
            ended_by.append(item)
            return
        yield item
