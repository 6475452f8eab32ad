"""From the painted canvas to the picture: lens, sharpening, colours, grain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.picture.focus import FIGURES_SHARE, LONGEST, smear
from onball.synthetic.picture.lens import Floats, undistort
from onball.synthetic.picture.look import Look
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.scene import Canvas
from onball.synthetic.world import TICK_MS

_SPARE = 61  # pixels of grain beyond the picture: each frame gets another cut-out


class Developer:
    """Develops one match's pictures.

    Args:
        look: of the match.
        width, height: of the picture.
        supersampling: how much larger the canvas is.
    """

    def __init__(self, look: Look, width: int, height: int, supersampling: int) -> None:
        lens = look.lens
        self._size = (width, height)
        self._supersampling = supersampling
        unit = height / 224
        self._longest = LONGEST * unit
        self._maps = None
        if lens.distortion != 0:
            self._maps = _maps(width, height, supersampling, lens.distortion)
        # A larger picture is not only larger, it is also sharper.
        self._defocus = lens.defocus * unit**0.5
        self._halo, self._sharpening = 1.1 * unit**0.5, lens.sharpening
        self._matrix = _colour_matrix(look)
        self._tones = _tones(look)
        self._vignette = _vignette(width, height, lens.vignette)
        rng = np.random.default_rng((look.seed, 3))
        self._grain = _grain(rng, width + _SPARE, height + _SPARE, look)

    def develop(self, canvas: Canvas, time_ms: int, way: Floats) -> Canvas:
        """The picture, uint8 `[height, width, 3]`.

        Args:
            canvas: what was painted.
            time_ms: decides which grain the frame gets.
            way: how far the view moved while the shutter was open, canvas pixels.
        """
        picture = self._see(canvas)
        picture = smear(picture, way * (FIGURES_SHARE / self._supersampling), self._longest)
        if self._defocus > 0.15:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), self._defocus))
        picture = np.asarray(cv2.transform(picture, self._matrix))
        if self._vignette is not None:
            picture = np.asarray(cv2.multiply(picture, self._vignette, scale=1 / 255))
        if self._sharpening > 0:
            soft = cv2.GaussianBlur(picture, (0, 0), self._halo)
            gain = self._sharpening
            picture = np.asarray(cv2.addWeighted(picture, 1 + gain, soft, -gain, 0))
        picture = np.asarray(cv2.LUT(picture, self._tones))
        # Neighbouring frames get different grain; 7 and 17 have no factor in common with 61.
        tick = time_ms // TICK_MS
        x, y = tick * 17 % _SPARE, tick * 7 % _SPARE
        width, height = self._size
        grain = self._grain[y : y + height, x : x + width]
        return np.asarray(cv2.add(picture, grain, dtype=cv2.CV_8U), dtype=np.uint8)

    def _see(self, canvas: Canvas) -> Canvas:
        """The canvas through the lens, averaged down."""
        size, factor = self._size, self._supersampling
        if self._maps is None:
            if factor == 1:
                return canvas.copy()
            return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA))
        if factor > 1:
            canvas = np.asarray(cv2.blur(canvas, (factor, factor)))
        return np.asarray(
            cv2.remap(canvas, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        )


def _maps(
    width: int, height: int, factor: int, k1: float
) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """For every pixel of the picture, where on the averaged canvas it comes from, for OpenCV."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    straight = undistort(np.stack([x, y], -1), width, height, k1) * factor - 0.5
    if factor % 2 == 0:
        straight = straight + 0.5  # a box with an even side lies half a pixel to the upper left
    maps = straight.astype(np.float32)
    return cv2.convertMaps(maps[..., 0], maps[..., 1], cv2.CV_16SC2)  # type: ignore[return-value]


def _colour_matrix(look: Look) -> NDArray[np.float32]:
    """Saturation, white balance and exposure, `[3, 3]`."""
    lens = look.lens
    grey = np.full((3, 1), 1.0) @ np.array([[0.299, 0.587, 0.114]])
    saturated = lens.saturation * np.eye(3) + (1 - lens.saturation) * grey
    gains = lens.exposure * np.array(lens.white_balance)
    return np.asarray(gains[:, None] * saturated, dtype=np.float32)


def _tones(look: Look) -> Canvas:
    """Contrast and gamma as a table `[1, 256]`."""
    levels = 118 + look.lens.contrast * (np.arange(256.0) - 118)
    levels = 255 * (levels.clip(0, 255) / 255) ** look.lens.gamma
    return np.asarray(np.round(levels), dtype=np.uint8)[None]


def _vignette(width: int, height: int, strength: float) -> Canvas | None:
    """Gain times 255, uint8 `[height, width, 3]`."""
    if strength == 0:
        return None
    x = (np.arange(width) + 0.5) / width * 2 - 1
    y = (np.arange(height) + 0.5) / height * 2 - 1
    square = (x[None] ** 2 * width**2 + y[:, None] ** 2 * height**2) / (width**2 + height**2)
    gain = np.round(255 * (1 - strength * square**1.5)).astype(np.uint8)
    return np.repeat(gain[..., None], 3, axis=2)


def _grain(rng: np.random.Generator, width: int, height: int, look: Look) -> NDArray[np.int8]:
    """Noise of the sensor, int8 `[height, width, 3]`; that of colour is coarser than that of light."""
    luma = rng.normal(0, look.lens.grain, (height, width, 1)).astype(np.float32)
    coarse = rng.normal(0, 1, (height // 2 + 1, width // 2 + 1, 3)).astype(np.float32)
    chroma = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    # Of colour only: what the eye sees as brightness is taken out.
    chroma = chroma - (chroma @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    noise = np.round(luma + look.lens.chroma_grain * 1.5 * chroma)
    return np.asarray(np.clip(noise, -127, 127), dtype=np.int8)
