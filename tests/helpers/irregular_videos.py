"""Videos with the irregularities of broadcasts, cameras and recorders, made by PyAV alone.

Each begins with a video of numbered frames (`numbered_videos.write_video`), whose packets are then
written again with other times, left out, or joined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
import numpy as np


def join_bytes(parts: Sequence[Path], target: Path) -> Path:
    """Join files byte by byte, as `cat` does; the clock of the container begins again at each."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def write_packets_again(
    source: Path,
    target: Path,
    change: Callable[[int, av.Packet], bool] = lambda index, packet: True,
    **settings: Any,
) -> Path:
    """Write the video packets of a file into another container without decoding them.

    Args:
        source, target: the files.
        change: called with the index and the packet in decoding order; may change its times, and
            returns whether the packet is kept.
        settings: arguments of `av.open` for the target, such as `format` and `options`.
    """
    with av.open(str(source)) as read, av.open(str(target), "w", **settings) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for index, packet in enumerate(read.demux(video=0)):
            if packet.size and change(index, packet):
                packet.stream = stream
                written.mux(packet)
    return target


def shift_times(after_s: float, by_s: float) -> Callable[[int, av.Packet], bool]:
    """A change for `write_packets_again`: times at and after `after_s` are `by_s` later."""

    def change(index: int, packet: av.Packet) -> bool:
        for name in ("pts", "dts"):
            tick = getattr(packet, name)
            if tick is not None and tick * packet.time_base >= after_s:
                setattr(packet, name, tick + round(by_s / packet.time_base))
        return True

    return change


def write_streams(sources: Sequence[Path], target: Path, **settings: Any) -> Path:
    """Write the first video or audio stream of several files into one, in order of time."""
    with ExitStack() as opened:
        written = opened.enter_context(av.open(str(target), "w", **settings))
        packets = []
        for source in sources:
            read = opened.enter_context(av.open(str(source)))
            stream = written.add_stream_from_template(read.streams[0])
            for packet in read.demux(read.streams[0]):
                if packet.size:
                    time = (packet.dts or 0) * packet.time_base
                    packet.stream = stream
                    packets.append((time, len(packets), packet))
        for _, _, packet in sorted(packets, key=lambda item: item[:2]):
            written.mux(packet)
    return target


def write_tone(path: Path, seconds: float) -> Path:
    """Write silent sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for _ in range(int(seconds * 16000 / 1024)):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.rate = 16000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
