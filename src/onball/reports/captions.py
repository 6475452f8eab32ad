"""Title lines that are drawn into the frames of a video."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from onball.errors import optional_dependency

Image = npt.NDArray[np.uint8]
#: Height of the text as a fraction of that of the frame, and its least in pixels.
_TEXT, _LEAST = 0.05, 9
#: Opacity of the bar behind the text.
_BAR = 0.62
#: Fonts with the letters of many scripts, by their file names on Windows, macOS and Linux.
_FONTS = (
    "NotoSansCJK-Regular.ttc", "msyh.ttc", "PingFang.ttc", "Arial Unicode.ttf", "arialuni.ttf",
    "NotoSans-Regular.ttf", "DejaVuSans.ttf",
)  # fmt: skip


def caption(text: str, colour: str) -> Callable[[Image], Image]:
    """Return a function that draws a title line into the lower left corner of a frame.

    Args:
        text: the title, on one line. It is shortened to the width of the frame.
        colour: `#rrggbb` of the mark before it.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    with optional_dependency("pillow", "plot", "A reel with captions"):
        import PIL  # noqa: F401

    def paint(image: Image) -> Image:
        height, width, _ = image.shape
        strip, opacity = _strip(text, colour, width, height)
        top = height - strip.shape[0] - round(0.04 * height)
        left = round(0.03 * width)
        painted = image.copy()
        region = painted[top : top + strip.shape[0], left : left + strip.shape[1]]
        region[:] = np.rint(region * (1 - opacity) + strip * opacity)
        return painted

    return paint


@lru_cache(maxsize=64)
def _strip(
    text: str, colour: str, width: int, height: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Bar with the text, `[h, w, 3]`, and its opacity, `[h, w, 1]`, for frames of a size."""
    from PIL import Image as Images
    from PIL import ImageDraw

    size = max(_LEAST, round(_TEXT * height))
    font = caption_font(text, size)
    pad, mark = round(0.45 * size), max(2, round(0.28 * size))
    most = round(0.94 * width) - 3 * pad - mark
    text = shortened(text, font, most)
    bar_width = min(round(0.94 * width), round(font.getlength(text)) + 3 * pad + mark)
    bar_height = size + 2 * pad
    bar = Images.new("RGBA", (bar_width, bar_height), (16, 18, 22, round(255 * _BAR)))
    draw = ImageDraw.Draw(bar)
    draw.rectangle((pad, pad, pad + mark - 1, bar_height - pad - 1), fill=colour)
    draw.text((2 * pad + mark, bar_height / 2), text, font=font, fill="#ffffff", anchor="lm")
    pixels = np.asarray(bar, np.float32)
    return pixels[..., :3], pixels[..., 3:] / np.float32(255)


def shortened(text: str, font: Any, width: int) -> str:
    """Return a text with an ellipsis in place of what does not fit into a width in pixels."""
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-2].rstrip() + "…" if text.endswith("…") else text[:-1].rstrip() + "…"
    return text


def caption_font(text: str, size: int) -> Any:
    """Return the font of Pillow, or one of the system for letters that it lacks."""
    from PIL import ImageFont

    if any(ord(char) > 0x24F and char not in "·–’…" for char in text):
        for name in _FONTS:
            try:
                return ImageFont.truetype(name, size)
            except OSError:
                continue
    return ImageFont.load_default(size)
