"""A strip of frames around a moment, as a JPEG, and what is labelled and found on its time axis."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.errors import MissingDependencyError
from onball.events import Event
from onball.video import probe, read_frames

try:
    from PIL import Image
except ImportError:  # pragma: no cover - it comes with matplotlib
    raise MissingDependencyError("pillow", "plot", "A report") from None

FRAMES = 7
STEP_MS = 240
#: A strip shows this much time on each side of its moment: half a frame beyond the outer ones.
REACH_MS = STEP_MS * FRAMES // 2
_FRAME_WIDTH = 192
_GAP = 2
_READ_FPS = 25
_QUALITY = 72
#: What a character and a mark take of the strip's width, in per cent, so that names never meet.
_CHARACTER, _MARK = 0.95, 3.0


@dataclass(frozen=True, slots=True)
class Mark:
    """An event on the time axis of a strip.

    Attributes:
        event: label or detection.
        at: per cent of the strip's width.
        row: 0 is the upper one; marks whose names would meet are in different ones.
        turned: the name is at the left of the mark, because there is no room at its right.
    """

    event: Event
    at: float
    row: int
    turned: bool


def strip(video: Path, position_ms: int) -> bytes:
    """Seven frames side by side as a JPEG, the middle one at the moment, the others 0.24 s apart.

    Grey stands for moments before the film begins and after it ends. Raises `VideoError` if the
    file is no video.
    """
    info = probe(video)
    height = max(2, round(_FRAME_WIDTH * info.height / info.width))
    start = max(0, position_ms - REACH_MS)
    frames: list[NDArray[np.uint8]] = []
    times: list[int] = []
    size = (_FRAME_WIDTH, height)
    end = position_ms + REACH_MS
    for batch in read_frames(video, _READ_FPS, size, start_ms=start, end_ms=end, threads=1):
        frames += list(batch.frames)
        times += batch.pts_ms.tolist()
    picture = np.full((height, FRAMES * (_FRAME_WIDTH + _GAP) - _GAP, 3), 255, np.uint8)
    for index in range(FRAMES):
        wanted = position_ms + (index - FRAMES // 2) * STEP_MS
        left = index * (_FRAME_WIDTH + _GAP)
        picture[:, left : left + _FRAME_WIDTH] = _nearest(frames, times, wanted, height)
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=_QUALITY, optimize=True)
    return data.getvalue()


def as_data(jpeg: bytes) -> str:
    """The picture as an address that holds it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def marks(events: Iterable[Event], position_ms: int, half: int) -> list[Mark]:
    """Where the events within the strip are on its axis, in order of time."""
    near = [e for e in events if e.half == half and abs(e.position_ms - position_ms) < REACH_MS]
    ends: list[float] = []
    placed = []
    for event in sorted(near, key=lambda e: e.position_ms):
        at = 50 + 50 * (event.position_ms - position_ms) / REACH_MS
        width = _MARK + _CHARACTER * (len(event.label) + 5)
        turned = at + width > 100
        begin, end = (at - width, at + 1) if turned else (at - 1, at + width)
        row = next((i for i, taken in enumerate(ends) if taken <= begin), len(ends))
        if row == len(ends):
            ends.append(end)
        ends[row] = end
        placed.append(Mark(event, at, row, turned))
    return placed


def _nearest(
    frames: list[NDArray[np.uint8]], times: list[int], wanted: int, height: int
) -> NDArray[np.uint8]:
    blank = np.full((height, _FRAME_WIDTH, 3), 190, np.uint8)
    if not times:
        return blank
    index = int(np.argmin(np.abs(np.array(times) - wanted)))
    return frames[index] if abs(times[index] - wanted) < STEP_MS // 2 else blank
