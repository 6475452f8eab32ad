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
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

from onball.simulator.cameras import CameraSetup
from onball.simulator.look.look import Look
from onball.simulator.paint.shapes import cv2
from onball.simulator.rendering import MatchPlan, MatchRenderer, RenderedFrame
from onball.simulator.world import Motion

#: Frames that a process paints at a time: a second of video, or fewer where frames are large, so that
#: the pieces on their way to the writer take little memory.
_PIECE_FRAMES = 25
_PIECE_BYTES = 16 << 20
#: Pieces that each process may be ahead of the writer.
_PIECES_AHEAD = 2


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

    The processes end with the block.
    """
    times = [round(frame * 1000 / renderer.plan.fps) for frame in range(renderer.plan.frames)]
    if processes == 1:
        yield (renderer.with_truth(time_ms, pixels=video) for time_ms in times)
        return
    context = multiprocessing.get_context("spawn")
    match = (renderer.plan, name, renderer.motion, renderer.look, renderer.camera)
    pool = ProcessPoolExecutor(processes, context, _start_painter, match)
    try:
        yield _in_order(pool, times, _piece_frames(renderer.plan), processes, video)
    except BaseException:
        painters = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for painter in painters:
            painter.terminate()
        raise
    pool.shutdown()


def _piece_frames(plan: MatchPlan) -> int:
    return max(1, min(_PIECE_FRAMES, _PIECE_BYTES // (3 * plan.width * plan.height)))


def _in_order(
    pool: ProcessPoolExecutor, times: list[int], length: int, processes: int, video: bool
) -> Iterator[RenderedFrame]:
    """Frames at these times; a few pieces are painted ahead."""
    pieces = deque(times[first : first + length] for first in range(0, len(times), length))
    ahead: deque[Future[list[RenderedFrame]]] = deque()
    while pieces or ahead:
        while pieces and len(ahead) < _PIECES_AHEAD * processes:
            ahead.append(pool.submit(_paint, pieces.popleft(), video))
        yield from ahead.popleft().result()


_renderer: MatchRenderer | None = None
"""In a painting process: the match."""


def _start_painter(
    plan: MatchPlan, name: str, motion: Motion, look: Look, camera: CameraSetup
) -> None:
    global _renderer
    start_worker()
    _renderer = MatchRenderer(plan, name=name, motion=motion, look=look, camera=camera)


def _paint(times: list[int], video: bool) -> list[RenderedFrame]:
    assert _renderer is not None
    frames = [_renderer.with_truth(time_ms, pixels=video) for time_ms in times]
    release_free_memory()
    return frames


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
