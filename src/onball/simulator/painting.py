"""Frames of a match in order of time, painted by one process or by several.

Every frame of a `MatchRenderer` can be painted by itself, so the frames of one match are divided among
processes in short pieces. The process that asks for them encodes the video meanwhile.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from onball.simulator.cameras import CameraSetup
from onball.simulator.look.look import Look
from onball.simulator.paint.shapes import cv2
from onball.simulator.rendering import MatchPlan, MatchRenderer, RenderedFrame
from onball.simulator.world import Motion

#: Frames that a process paints at a time: a second of video, or fewer where frames are large, so that
#: the pieces on their way to the writer take little memory.
_PIECE_FRAMES = 25
_PIECE_BYTES = 16 << 20


@contextmanager
def rendered_frames(
    renderer: MatchRenderer, name: str = "", processes: int = 1, *, video: bool = True
) -> Iterator[Iterator[RenderedFrame]]:
    """Yield an iterator over all frames of a match with their truth, in order of time.

    Args:
        renderer: the match.
        name: its name.
        processes: number of processes that paint; 1 paints in this process.
        video: False leaves the pixels out.

    The processes end with the block. The iterator raises `PainterEndedError` if one of them was killed.
    """
    plan = renderer.plan
    times = [round(frame * 1000 / plan.fps) for frame in range(plan.frames)]
    if processes == 1:
        yield (renderer.with_truth(time_ms, pixels=video) for time_ms in times)
        return
    length = max(1, min(_PIECE_FRAMES, _PIECE_BYTES // (3 * plan.width * plan.height)))
    pieces = [times[first : first + length] for first in range(0, len(times), length)]
    match = _Match(plan, name, renderer.motion, renderer.look, renderer.camera)
    context = multiprocessing.get_context("spawn")
    painters: list[tuple[BaseProcess, Connection]] = []
    try:
        for number in range(processes):
            receiver, sender = context.Pipe(duplex=False)
            arguments = (sender, match, pieces[number::processes], video)
            painter = context.Process(target=_paint, args=arguments, daemon=True)
            painter.start()
            # The only other end is the painter's: if it is killed, reading ends with an error.
            sender.close()
            painters.append((painter, receiver))
        yield _in_order([receiver for _, receiver in painters], len(pieces))
    finally:
        for process, connection in painters:
            connection.close()
            process.terminate()
        for process, _ in painters:
            process.join()


class PainterEndedError(Exception):
    """A painting process was killed."""


class _Match(NamedTuple):
    """Everything that a painting process needs to know of a match."""

    plan: MatchPlan
    name: str
    motion: Motion
    look: Look
    camera: CameraSetup


def _in_order(receivers: Sequence[Connection], pieces: int) -> Iterator[RenderedFrame]:
    """Frames of the pieces, which the painters paint in turn."""
    for number in range(pieces):
        try:
            frames = receivers[number % len(receivers)].recv()
        except (EOFError, OSError):
            raise PainterEndedError from None
        yield from frames


def _paint(sender: Connection, match: _Match, pieces: Sequence[list[int]], video: bool) -> None:
    """Paint frames at the times of each piece; a piece is sent when the one before was read."""
    start_worker()
    renderer = MatchRenderer(
        match.plan, name=match.name, motion=match.motion, look=match.look, camera=match.camera
    )
    for times in pieces:
        sender.send([renderer.with_truth(time_ms, pixels=video) for time_ms in times])
        release_free_memory()


def start_worker() -> None:
    """Prepare a process that simulates or paints.

    Ctrl-C is left to the parent process, with which it ends also if that is killed. There is one core
    for each process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def release_free_memory() -> None:
    """Return freed memory to the system on Linux.

    The heap of glibc grows between large temporary arrays, to twice what is needed after an hour.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
