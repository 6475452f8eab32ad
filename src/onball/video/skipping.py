"""Find the packets of a video that need not be decoded for the frames of a sampling grid.

    packets in decoding order → neighbours of each frame in time → is it the nearest to a grid time?

A frame that is nearest to no time of the grid need not be shown. The decoder leaves it out if no other
frame refers to it, as most B-frames; that is in the data, and decoders know it (`skip_frame`). All other
frames are decoded as before, so that the sampled frames and their times are the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import floor
from typing import NamedTuple

import av

from onball.timing import first_grid_index, grid_time

#: H.264 and HEVC decode at most this many frames before one that is shown earlier.
_MOST_REORDERED = 16
#: Offset of the byte with the number of temporal layers in HEVC's configuration record (ISO/IEC
#: 14496-15, 8.3.3.1): two bits, then three for the number.
_LAYERS_BYTE = 21


class SampledTimes(NamedTuple):
    """Sampling grid, from a frame on.

    Attributes:
        fps: sampled frames per second.
        first: index of the first sampled frame.
    """

    fps: float | Fraction
    first: int = 0

    def between(self, after_ms: Fraction, until_ms: Fraction) -> bool:
        """Return True if a time of the grid is after the one time and not after the other."""
        index = max(self.first, first_grid_index(floor(after_ms) + 1, self.fps))
        return grid_time(index, self.fps) <= until_ms


class Sampling(NamedTuple):
    """Sampling grid of a stream.

    Attributes:
        times: the grid.
        origin: tick of the stream that is time 0.
        ms_per_tick: milliseconds of a tick.
    """

    times: SampledTimes
    origin: int
    ms_per_tick: Fraction

    def needs(self, before: int, tick: int, after: int) -> bool:
        """Return True if the frame at `tick`, between two others, is the nearest to a sampled time."""
        earlier, later = (
            (Fraction(tick + other, 2) - self.origin) * self.ms_per_tick
            for other in (before, after)
        )
        return self.times.between(earlier, later)


def can_skip(context: av.VideoCodecContext) -> bool:
    """Return True if a decoder can leave out exactly the frames to which no other refers.

    Frames of HEVC that no frame of their temporal layer refers to may be used by higher layers.
    """
    if context.codec.name == "h264":
        return True
    record = context.extradata or b""
    if context.codec.name != "hevc" or len(record) <= _LAYERS_BYTE or record[0] != 1:
        return False
    return (record[_LAYERS_BYTE] >> 3) & 0b111 == 1


def mark_unneeded(
    packets: Iterable[tuple[av.Packet, bool]], sampling: Sampling
) -> Iterator[tuple[av.Packet, bool, bool]]:
    """Mark the packets whose frames are not sampled.

    Packets are read ahead until the neighbours of a frame in time are certain. The first and the last
    frame, which have only one, are always needed.

    Args:
        packets: in decoding order, each with a mark of its own (see `mark_restarts`).
        sampling: the grid, on the clock of the packets.

    Yields:
        The same, and True for a packet whose frame is not sampled.
    """
    waiting: deque[tuple[av.Packet, bool]] = deque()
    ticks: list[int] = []  # of the frames around those that wait, ascending

    def is_unneeded(packet: av.Packet) -> bool:
        if not _is_shown(packet) or packet.is_keyframe:
            return False
        place, after = bisect_left(ticks, packet.pts), bisect_right(ticks, packet.pts)
        if place == 0 or after == len(ticks):
            return False
        return not sampling.needs(ticks[place - 1], packet.pts, ticks[after])

    for item in packets:
        waiting.append(item)
        if _is_shown(item[0]):
            insort(ticks, item[0].pts)
        while waiting and _is_certain(waiting[0][0], ticks):
            packet, mark = waiting.popleft()
            yield packet, mark, is_unneeded(packet)
            earliest = min((p.pts for p, _ in waiting if _is_shown(p)), default=ticks[-1])
            del ticks[: max(0, bisect_left(ticks, earliest) - 1)]
    while waiting:
        packet, mark = waiting.popleft()
        yield packet, mark, is_unneeded(packet)


def _is_shown(packet: av.Packet) -> bool:
    return packet.size > 0 and packet.pts is not None and not packet.is_discard


def _is_certain(packet: av.Packet, ticks: list[int]) -> bool:
    """Return True if no packet that follows can be shown beside this one."""
    if not _is_shown(packet):
        return len(ticks) > 0
    return len(ticks) - bisect_right(ticks, packet.pts) > _MOST_REORDERED
