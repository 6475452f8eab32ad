"""What the camera does to everything behind its subject: motion blur of a pan, and depth of field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import Joint
from onball.simulator.look.look import Look
from onball.simulator.paint.scene import NEAR, Canvas, Floats, Scene, cv2, undistort
from onball.simulator.world import TICK_MS

LONGEST = 26.0
"""Longest motion blur in pixels of a 224-line picture."""
FIGURES_SHARE = 0.4
"""Share of the pan's blur on people: many of them run the way the camera pans."""
_SEEN = 0.5  # a blur of less than this many pixels is left out


def pan(scene: Scene) -> Floats:
    """How far the view moved while the shutter was open, canvas pixels `[2]`."""
    if scene.opened is None:
        return np.zeros(2)
    ahead = scene.eye + 60.0 * scene.camera.rotation[2]
    now, _ = scene.project(ahead)
    past, depth = scene.project_opened(ahead)
    return np.asarray(now - past) if depth > NEAR else np.zeros(2)


def smear(picture: Canvas, way: Floats, longest: float) -> Canvas:
    """The picture blurred along a straight way `[2]` in pixels; itself where that is not seen."""
    length = float(np.linalg.norm(way))
    if length < _SEEN:
        return picture
    way = way * min(1.0, longest / length)
    return np.asarray(cv2.filter2D(picture, -1, _kernel(way), borderType=cv2.BORDER_REPLICATE))


def _kernel(way: Floats) -> NDArray[np.float32]:
    """A line of that direction and length, its weights summing to 1."""
    reach = np.ceil(np.abs(way) / 2).astype(int)
    kernel = np.zeros(2 * reach[::-1] + 1, np.float32)
    steps = 4 * max(int(np.abs(way).max()), 1) + 1
    points = np.linspace(-0.5, 0.5, steps)[:, None] * way + reach
    if reach[1] == 0 or reach[0] == 0 or np.abs(way).min() < 0.4:
        points[:, np.argmin(np.abs(way))] = reach[np.argmin(np.abs(way))]
    places = np.round(points).astype(int)
    np.add.at(kernel, (places[:, 1], places[:, 0]), 1.0)
    return np.asarray(kernel / kernel.sum())


class Backdrop:
    """Blurs what is painted before the subject is."""

    def __init__(self, look: Look, canvas_height: int) -> None:
        self._aperture = look.lens.aperture
        self._height = canvas_height
        self._longest = LONGEST * canvas_height / 224

    def sharp_to(self, scene: Scene) -> float:
        """The distance in metres beyond which people belong to the backdrop; infinite if none do."""
        subject = self._subject(scene)
        if subject is None:
            return float("inf")
        # Where the blur is a pixel of a 224-line picture.
        inverse = 1 / subject - 2.0 / 224 / self._strength(scene)
        return float("inf") if inverse <= 0 else 1 / inverse

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Blur the canvas: along the pan, and by the distance from the subject."""
        way = pan(scene)
        blurred = smear(canvas, way, self._longest)
        if blurred is not canvas:
            canvas[:] = blurred
        subject = self._subject(scene)
        if subject is not None:
            self._defocus(canvas, scene, subject)

    def _strength(self, scene: Scene) -> float:
        """Diameter of the blur in picture heights for a point 1/m away from the subject."""
        return self._aperture * scene.camera.focal**2

    def _subject(self, scene: Scene) -> float | None:
        """How far away the person is for whom the picture is taken; None where all is sharp."""
        pixels, depth = scene.project(scene.joints[:, Joint.PELVIS])
        with np.errstate(invalid="ignore"):
            seen = (depth > NEAR) & (np.abs(pixels - (scene.width / 2, scene.height / 2)) < (
                scene.width / 2, scene.height / 2)).all(1)  # fmt: skip
        if not seen.any():
            return None
        off = np.abs(pixels[:, 0] / scene.width - 0.5)
        size = np.where(seen, np.exp(-((off / 0.18) ** 2)) / np.where(seen, depth, 1.0), 0.0)
        subject = float(depth[np.argmax(size)])
        # Behind the farthest stand nothing is less sharp.
        return subject if self._strength(scene) / subject * 224 > 1.2 else None

    def _defocus(self, canvas: Canvas, scene: Scene, subject: float) -> None:
        farthest = max(1 / subject - 1 / 150.0, 0.0)
        sigma = self._strength(scene) * farthest * self._height / 2.5
        if sigma < _SEEN:
            return
        sigma = min(sigma, 0.06 * self._height)
        # Much blur needs few pixels.
        smaller = 1 if sigma < 3 else 4
        size = (scene.width // smaller, scene.height // smaller)
        soft = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA) if smaller > 1 else canvas
        soft = cv2.GaussianBlur(soft, (0, 0), sigma / smaller)
        if smaller > 1:
            soft = cv2.resize(soft, (scene.width, scene.height), interpolation=cv2.INTER_LINEAR)
        share = (self._row_blur(scene, subject) / max(farthest, 1e-9)).clip(0, 1) ** 0.6
        first = int(np.flatnonzero(np.append(share, 0) < 1)[0])
        last = int(np.flatnonzero(np.append(share, 1.0) > 0.02)[-1])
        canvas[:first] = soft[:first]
        if last > first:
            weight = share[first:last, None, None].astype(np.float32)
            mixed = canvas[first:last] + weight * (
                soft[first:last].astype(np.float32) - canvas[first:last]
            )
            canvas[first:last] = mixed

    @staticmethod
    def _row_blur(scene: Scene, subject: float) -> Floats:
        """|1 / depth - 1 / subject| of the ground in the middle of every row; of infinity above it."""
        rows = np.arange(scene.height, dtype=np.float64)
        middle = np.stack([np.full_like(rows, scene.width / 2), rows, np.ones_like(rows)])
        # The third row of the inverse homography: 1 / depth, but for one factor for all rows.
        ground = np.linalg.inv(scene.ground()) @ middle
        below = rows > scene.horizon() + 1
        metres = np.zeros((len(rows), 3))
        metres[below, :2] = (ground[:2, below] / ground[2, below]).T
        _, depth = scene.project(metres)
        inverse = np.where(below & (depth > NEAR), 1 / np.maximum(depth, NEAR), 0.0)
        return np.asarray(np.maximum(1 / subject - inverse, 0.4 * (inverse - 1 / subject)))


# --- From the painted canvas to the picture: lens, sharpening, colours, grain.


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
