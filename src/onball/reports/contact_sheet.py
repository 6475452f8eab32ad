"""Contact sheet: one image with a frame of each clip, its actions and its time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onball.errors import optional_dependency
from onball.reports.captions import caption_font, shortened
from onball.reports.style import FAINT, GROUND, INK
from onball.video.reading import VideoInfo, frame_near

with optional_dependency("pillow", "plot", "A contact sheet"):
    from PIL import Image, ImageDraw

#: Width of a frame, space around it, height of its text, all in pixels.
_WIDTH, _GAP, _TEXT = 240, 10, 13
_MARK = 9
#: Columns for this ratio of width to height, and their largest number, which a very tall sheet exceeds.
_ASPECT, _MOST_COLUMNS = 1.6, 10
#: JPEG holds 65,535 rows.
_HIGHEST = 60_000
_QUALITY = 88


@dataclass(frozen=True, slots=True)
class SheetCell:
    """A frame of the sheet.

    Attributes:
        video: the video.
        position_ms: time of the frame in it.
        title: first line below it, such as the action.
        detail: second line, such as the time.
        colour: `#rrggbb` of the mark before the title.
    """

    video: VideoInfo
    position_ms: int
    title: str
    detail: str
    colour: str


def draw_sheet(cells: Sequence[SheetCell], path: str | Path) -> None:
    """Draw a contact sheet and write it as JPEG.

    Args:
        cells: its frames, in reading order; at least one.
        path: the file.

    Raises:
        VideoError: a video cannot be read.
    """
    height = max(_height(cell.video) for cell in cells)
    cell_height = height + 2 * round(1.45 * _TEXT) + _GAP
    columns = _columns(len(cells), _WIDTH + _GAP, cell_height + _GAP)
    rows = math.ceil(len(cells) / columns)
    size = (columns * (_WIDTH + _GAP) + _GAP, rows * (cell_height + _GAP) + _GAP)
    sheet = Image.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(sheet)
    for number, cell in enumerate(cells):
        left = _GAP + number % columns * (_WIDTH + _GAP)
        top = _GAP + number // columns * (cell_height + _GAP)
        _draw_cell(sheet, draw, cell, left, top, height)
    sheet.save(path, "JPEG", quality=_QUALITY)


def _columns(count: int, width: int, height: int) -> int:
    wanted = math.ceil(math.sqrt(count * _ASPECT * height / width))
    least = math.ceil(count * height / _HIGHEST)
    return max(1, least, min(count, wanted, _MOST_COLUMNS))


def _height(video: VideoInfo) -> int:
    return max(1, round(_WIDTH * video.height / video.width))


def _draw_cell(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, cell: SheetCell, left: int, top: int, height: int
) -> None:
    """Draw a frame with its text; a grey area where the video has no frame at that time."""
    size = (_WIDTH, _height(cell.video))
    frame = frame_near(cell.video.path, cell.position_ms, size)
    if frame is None:
        frame = np.full((size[1], size[0], 3), 200, np.uint8)
    sheet.paste(Image.fromarray(frame), (left, top))
    line = round(1.45 * _TEXT)
    first = top + height + line // 2 + 3
    draw.rectangle(
        (left, first - _MARK // 2, left + _MARK - 1, first + _MARK // 2), fill=cell.colour
    )
    lines: Iterable[tuple[str, int, int, str]] = (
        (cell.title, left + _MARK + 6, first, INK),
        (cell.detail, left + _MARK + 6, first + line, FAINT),
    )
    for text, x, y, colour in lines:
        font = caption_font(text, _TEXT)
        draw.text(
            (x, y), shortened(text, font, left + _WIDTH - x), font=font, fill=colour, anchor="lm"
        )
