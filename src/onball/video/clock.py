"""Continuous time of a video whose container stores it badly.

Recordings that were interrupted or joined begin their clock again, a change of source makes it
jump, and AVI stores no presentation times at all. `mark_restarts` finds where a clock begins
again while packets are read, `coded_slots` gives the frames of an AVI their times, and
`continuous_ticks` joins the parts of a clock. `length_of` measures the result without decoding.
All times are ticks of the video stream.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import av

#: A gap longer than this (seconds) is a jump of the clock in containers that are broadcast, whose
#: clock may be set at any time; FFmpeg's threshold.
_JUMP_S = 10
#: The same for other containers, in which a frame may be held for long, as in recorded screens.
_LONG_JUMP_S = 600
#: Decoding times of one clock never step back; this much (seconds) is tolerated, as by FFmpeg.
_STEP_BACK_S = 0.1
#: A frame this much (seconds) before the last one, or after it, is not merely out of order.
_OUT_OF_ORDER_S = 1
#: Shorter durations (seconds) of frames are those of an unknown rate.
_SHORTEST_S = 0.002
#: `AVFMT_TS_DISCONT`: FFmpeg's flag of containers whose clock may begin again or jump.
_DISCONTINUOUS = 0x0200
#: `AVFMT_NOTIMESTAMPS`: FFmpeg's flag of bare streams, which store no times.
_TIMELESS = 0x0080


class Irregularity(StrEnum):
    """Irregularity of a clock."""

    RESTART = "restart"
    """It begins again."""
    JUMP = "jump"
    """It jumps forward."""
    DISORDER = "disorder"
    """A single frame has a time that cannot be right; it is left out."""


class ClockRules:
    """Limits of regular times in one container, in ticks.

    Args:
        container: the open container.
        stream: its video stream.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        base = stream.time_base
        self.discontinuous = bool(container.format.flags & _DISCONTINUOUS)
        self.longest_gap = round((_JUMP_S if self.discontinuous else _LONG_JUMP_S) / base)
        self.step_back = round(_STEP_BACK_S / base)
        self.out_of_order = round(_OUT_OF_ORDER_S / base)
        self.shortest = max(1, round(_SHORTEST_S / base))
        self.timeless = bool(container.format.flags & _TIMELESS)
        # Matroska's decoding times are guessed from its presentation times by FFmpeg.
        self.stores_dts = "matroska" not in container.format.name


def mark_restarts(
    packets: Iterable[av.Packet], rules: ClockRules
) -> Iterator[tuple[av.Packet, bool]]:
    """Mark the packets with which the clock of the container begins again.

    A keyframe is shown after all frames that are coded before it, and decoding times never step
    back: a packet that breaks this begins another recording, unless it is a single one and the
    next is on the former clock again.

    Args:
        packets: in decoding order; an empty one is at the end.
        rules: limits of the container.

    Yields:
        Each packet, and whether another recording begins with it.
    """
    first = highest = last_dts = None
    ahead = iter(packets)
    following = next(ahead, None)
    while following is not None:
        packet, following = following, next(ahead, None)
        pts, dts = packet.pts, packet.dts
        begins = False
        if pts is None or packet.is_discard:
            yield packet, False
            continue
        if highest is not None:
            repeated = rules.discontinuous or pts == first == highest
            earlier = pts < highest or (pts == highest and repeated)
            stepped = rules.stores_dts and dts is not None and last_dts is not None
            begins = (packet.is_keyframe and earlier) or (
                stepped and dts < last_dts - rules.step_back
            )
            if begins and highest - pts > rules.out_of_order:
                after = following.pts if following is not None else None
                if after is not None and after > highest:
                    begins = False
                    pts, dts = highest, last_dts
        if begins or highest is None:
            first = highest = pts
        highest = max(highest, pts)
        last_dts = dts
        yield packet, begins


class Decoded(NamedTuple):
    """A decoded frame before its time is known.

    Attributes:
        frame: output of the decoder.
        tick: its time by the clock of the container.
        begins: it is the first frame of another recording in the same file.
    """

    frame: av.VideoFrame
    tick: int
    begins: bool = False


def continuous_ticks(
    frames: Iterable[Decoded],
    rules: ClockRules,
    step: int,
    notice: Callable[[Irregularity, int, int], object],
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Give decoded frames times that increase strictly, and follow on where the clock breaks off.

    After a restart or a jump, the next frame follows the last one by the duration of that. One
    frame is read ahead, to distinguish a clock that was set from a single wrong time.

    Args:
        frames: in the order of showing.
        rules: limits of the container.
        step: duration of a frame that stores none.
        notice: called with each irregularity, the time in ticks at which it is, and the ticks that
            are taken out.

    Yields:
        Frames and their times.
    """
    offset = 0
    last: int | None = None
    end = 0
    interval = step
    ahead = iter(frames)
    following = next(ahead, None)
    while following is not None:
        (frame, tick, begins), following = following, next(ahead, None)
        time = tick + offset
        if last is not None:
            after = None if following is None else following.tick + offset
            returns = after is not None and last < after < min(time, end + rules.longest_gap)
            if returns and time - end > rules.out_of_order:
                notice(Irregularity.DISORDER, last, 0)
                continue
            if time - last > rules.longest_gap:
                notice(Irregularity.JUMP, end, time - last - interval)
                offset -= time - last - interval
            elif time > last:
                interval = time - last
            elif begins or (last - time > rules.out_of_order and (after is None or after <= last)):
                notice(Irregularity.RESTART, end, 0)
                offset += end - time
            else:
                if time < last:  # Two frames at one time are common and harmless.
                    notice(Irregularity.DISORDER, last, 0)
                continue
        last = tick + offset
        duration = frame.duration if frame.duration >= rules.shortest else step
        end = last + (duration if duration <= rules.longest_gap else interval)
        yield frame, last


def coded_slots(frames: Iterable[av.VideoFrame], slots: list[int]) -> Iterator[Decoded]:
    """Times of the frames of a container that stores only when packets are decoded.

    The k-th frame that is shown has the k-th of these times. Where frames were lost, the next
    keyframe tells how many: it is shown before all later packets but its leading frames.

    Args:
        frames: in the order of showing; `pts` is the index of the packet, from 0.
        slots: decoding time of each packet; grows while frames are decoded.
    """
    recent: deque[int] = deque(maxlen=64)
    slot = 0
    for frame in frames:
        if frame.pts is not None:
            if frame.key_frame:
                slot = max(slot, frame.pts + sum(index > frame.pts for index in recent))
            recent.append(frame.pts)
        slot = min(slot, len(slots) - 1)
        yield Decoded(frame, slots[slot])
        slot += 1


class Length(NamedTuple):
    """Length of a video, measured by reading its packets.

    Attributes:
        end: end of the last frame on the continuous clock, in ticks.
        continuous: the clock neither begins again nor jumps.
        times: presentation times of the frames on the continuous clock, ascending.
        frames: number of frames, of which some may have no time.
    """

    end: int
    continuous: bool
    times: array[int]
    frames: int


def length_of(packets: Iterable[av.Packet], rules: ClockRules, step: int, origin: int) -> Length:
    """Measure a video by the times of its packets.

    Args:
        packets: in decoding order.
        rules: limits of the container.
        step: duration of a packet that stores none.
        origin: tick of the first shown frame; packets before it cannot be decoded.
    """
    parts: list[list[tuple[int, int]]] = [[]]
    lowest = origin
    bare, bare_count, untimed = False, 0, 0
    for packet, begins in mark_restarts(packets, rules):
        if not packet.size or packet.is_discard:
            continue
        pts = packet.pts
        if pts is None:  # Streams without a container store no times; others lack some at a jump.
            if parts != [[]] and not bare:
                untimed += 1
                continue
            pts, bare = bare_count * step, True
            bare_count += 1
        if begins:
            parts.append([])
            lowest = pts
        if pts >= lowest:
            parts[-1].append((pts, packet.duration or 0))
    times = array("q")
    end, interval, continuous = origin, step, len(parts) == 1
    for part in parts:
        offset = 0
        for index, (pts, duration) in enumerate(sorted(part)):
            time = pts + offset
            if times and (index == 0 or time - times[-1] > rules.longest_gap):
                continuous = False
                time = end if index == 0 else times[-1] + interval
                offset = time - pts
            elif times and time > times[-1]:
                interval = time - times[-1]
            times.append(time)
            end = max(
                end,
                time + (duration if rules.shortest <= duration <= rules.longest_gap else interval),
            )
    return Length(end, continuous, times, len(times) + untimed)
