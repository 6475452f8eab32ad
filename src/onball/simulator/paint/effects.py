"""Effects of the camera: motion blur, depth of field, and post-processing into the final frame.

`BackgroundBlur` acts on the canvas before the people in focus are painted; `PostProcessing` turns the
finished canvas into a frame: lens, downsampling, colours, sharpening and grain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import Joint
from onball.simulator.look.look import Look, Transmission
from onball.simulator.paint.scene import NEAR, Floats, Scene, undistort
from onball.simulator.paint.shapes import Canvas, cv2
from onball.simulator.world import TICK_MS

MAX_MOTION_BLUR = 26.0
"""Longest motion blur in pixels of a frame of 224 lines."""
FIGURES_SHARE = 0.4
"""Fraction of the pan's blur that people get: many of them run in the direction of the pan."""
_MIN_BLUR = 0.5  # pixels; a smaller blur is skipped
_FARTHEST = 150.0  # metres; nothing in a stadium is farther away
_GRAIN_OFFSETS = 61  # each frame takes the grain at another offset of 0 to 60 pixels
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def pan_during_exposure(scene: Scene) -> Floats:
    """Displacement of the view while the shutter was open, canvas pixels `[2]`."""
    if scene.shutter_opening is None:
        return np.zeros(2)
    ahead = scene.eye + 60.0 * scene.camera.rotation[2]
    now, _ = scene.project(ahead)
    past, depth = scene.project_at_opening(ahead)
    return np.asarray(now - past) if depth > NEAR else np.zeros(2)


def motion_blur(image: Canvas, displacement: Floats, longest: float) -> Canvas:
    """Blur an image along a straight displacement.

    Args:
        image: uint8 `[H, W, 3]`.
        displacement: `[2]`, pixels; cut to `longest`.
        longest: pixels.

    Returns:
        A blurred copy, or `image` itself where the blur would be invisible.
    """
    length = float(np.linalg.norm(displacement))
    if length < _MIN_BLUR:
        return image
    displacement = displacement * min(1.0, longest / length)
    kernel = _line_kernel(displacement)
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE))


def _line_kernel(displacement: Floats) -> NDArray[np.float32]:
    """Convolution kernel of a line with that direction and length; its weights sum to 1."""
    half = np.ceil(np.abs(displacement) / 2).astype(int)
    kernel = np.zeros(2 * half[::-1] + 1, np.float32)
    steps = 4 * max(int(np.abs(displacement).max()), 1) + 1
    points = np.linspace(-0.5, 0.5, steps)[:, None] * displacement + half
    if half[1] == 0 or half[0] == 0 or np.abs(displacement).min() < 0.4:
        points[:, np.argmin(np.abs(displacement))] = half[np.argmin(np.abs(displacement))]
    places = np.round(points).astype(int)
    np.add.at(kernel, (places[:, 1], places[:, 0]), 1.0)
    return np.asarray(kernel / kernel.sum())


class BackgroundBlur:
    """Motion blur of the pan, and depth of field, for everything behind the subject.

    The subject is the person that a camera operator would focus on: large, and near the middle.

    Args:
        look: appearance of the match.
        canvas_height: pixels.
    """

    def __init__(self, look: Look, canvas_height: int) -> None:
        self._aperture = look.lens.aperture
        self._height = canvas_height
        self._longest = MAX_MOTION_BLUR * canvas_height / 224

    def focus_limit(self, scene: Scene) -> float:
        """Depth in metres beyond which people are blurred like the background; may be infinite."""
        subject = self._subject_depth(scene)
        if subject is None:
            return float("inf")
        # The blur is a pixel of a frame of 224 lines there.
        inverse = 1 / subject - 2.0 / 224 / self._blur_per_dioptre(scene)
        return float("inf") if inverse <= 0 else 1 / inverse

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Blur the canvas along the pan, and by the distance to the subject."""
        blurred = motion_blur(canvas, pan_during_exposure(scene), self._longest)
        if blurred is not canvas:
            canvas[:] = blurred
        subject = self._subject_depth(scene)
        if subject is not None:
            self._defocus(canvas, scene, subject)

    def _blur_per_dioptre(self, scene: Scene) -> float:
        """Blur diameter, in frame heights, at an inverse depth 1/m away from that of the subject."""
        return self._aperture * scene.camera.focal**2

    def _subject_depth(self, scene: Scene) -> float | None:
        """Depth of the subject in metres, or None where everything is in focus."""
        pixels, depth = scene.project(scene.joints[:, Joint.PELVIS])
        half = (scene.width / 2, scene.height / 2)
        with np.errstate(invalid="ignore"):
            visible = (depth > NEAR) & (np.abs(pixels - half) < half).all(1)
        if not visible.any():
            return None
        offset = np.abs(pixels[:, 0] / scene.width - 0.5)
        weight = np.exp(-((offset / 0.18) ** 2)) / np.where(visible, depth, 1.0)
        subject = float(depth[np.argmax(np.where(visible, weight, 0.0))])
        # The background is blurred most at infinity: less than that is invisible everywhere.
        return subject if self._blur_per_dioptre(scene) / subject * 224 > 1.2 else None

    def _defocus(self, canvas: Canvas, scene: Scene, subject: float) -> None:
        """Mix each row with a blurred copy, by the depth of the ground in that row."""
        farthest = max(1 / subject - 1 / _FARTHEST, 0.0)
        sigma = self._blur_per_dioptre(scene) * farthest * self._height / 2.5
        if sigma < _MIN_BLUR:
            return
        sigma = min(sigma, 0.06 * self._height)
        # A strong blur is computed on a quarter of the pixels in each direction.
        factor = 1 if sigma < 3 else 4
        size = (scene.width // factor, scene.height // factor)
        soft = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA) if factor > 1 else canvas
        soft = cv2.GaussianBlur(soft, (0, 0), sigma / factor)
        if factor > 1:
            soft = cv2.resize(soft, (scene.width, scene.height), interpolation=cv2.INTER_LINEAR)
        alpha = (self._row_blur(scene, subject) / max(farthest, 1e-9)).clip(0, 1) ** 0.6
        first = int(np.flatnonzero(np.append(alpha, 0) < 1)[0])
        last = int(np.flatnonzero(np.append(alpha, 1.0) > 0.02)[-1])
        canvas[:first] = soft[:first]
        if last > first:
            weight = alpha[first:last, None, None].astype(np.float32)
            mixed = canvas[first:last] + weight * (
                soft[first:last].astype(np.float32) - canvas[first:last]
            )
            canvas[first:last] = mixed

    @staticmethod
    def _row_blur(scene: Scene, subject: float) -> Floats:
        """Blur of each row `[rows]`, as a difference of inverse depths to the subject.

        Rows above the horizon count as infinitely far away; the foreground is blurred less.
        """
        rows = np.arange(scene.height, dtype=np.float64)
        middle = np.stack([np.full_like(rows, scene.width / 2), rows, np.ones_like(rows)])
        ground = np.linalg.inv(scene.ground_homography()) @ middle
        below = rows > scene.horizon_row() + 1
        metres = np.zeros((len(rows), 3))
        metres[below, :2] = (ground[:2, below] / ground[2, below]).T
        _, depth = scene.project(metres)
        inverse = np.where(below & (depth > NEAR), 1 / np.maximum(depth, NEAR), 0.0)
        return np.asarray(np.maximum(1 / subject - inverse, 0.4 * (inverse - 1 / subject)))


class PostProcessing:
    """Conversion of a painted canvas to a frame as the cameras of one match produce it.

    Args:
        look: appearance of the match.
        width, height: of the frame, pixels.
        supersampling: size of the canvas over that of the frame.
    """

    def __init__(self, look: Look, width: int, height: int, supersampling: int) -> None:
        lens = look.lens
        self._size = (width, height)
        self._supersampling = supersampling
        unit = height / 224
        self._longest = MAX_MOTION_BLUR * unit
        self._maps = None
        if lens.distortion != 0:
            self._maps = _distortion_maps(width, height, supersampling, lens.distortion)
        # A larger frame is also sharper: the blur grows with the root of its size only.
        self._defocus = lens.defocus * unit**0.5
        self._halo = 1.1 * unit**0.5 * lens.sharpening_radius
        self._sharpening = lens.sharpening
        self._colour_matrix = _colour_matrix(look)
        self._transmission = look.transmission
        self._tone_curve = _tone_curve(look)
        self._vignette = _vignette(width, height, lens.vignette)
        rng = np.random.default_rng((look.seed, 3))
        self._grain = _grain(rng, width + _GRAIN_OFFSETS, height + _GRAIN_OFFSETS, look)

    def apply(self, canvas: Canvas, time_ms: int, pan: Floats) -> Canvas:
        """Convert the canvas to a frame, uint8 `[height, width, 3]`.

        Args:
            canvas: uint8 `[height * supersampling, width * supersampling, 3]`.
            time_ms: selects the grain of the frame.
            pan: displacement of the view while the shutter was open, canvas pixels `[2]`.
        """
        frame = self._downsample(canvas)
        frame = motion_blur(frame, pan * (FIGURES_SHARE / self._supersampling), self._longest)
        if self._defocus > 0.15:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), self._defocus))
        frame = np.asarray(cv2.transform(frame, self._colour_matrix))
        if self._vignette is not None:
            frame = np.asarray(cv2.multiply(frame, self._vignette, scale=1 / 255))
        if self._sharpening > 0:
            soft = cv2.GaussianBlur(frame, (0, 0), self._halo)
            gain = self._sharpening
            frame = np.asarray(cv2.addWeighted(frame, 1 + gain, soft, -gain, 0))
        frame = np.asarray(cv2.LUT(frame, self._tone_curve))
        # 7 and 17 are coprime to 61: the grain repeats only after 61 ticks.
        tick = time_ms // TICK_MS
        x, y = tick * 17 % _GRAIN_OFFSETS, tick * 7 % _GRAIN_OFFSETS
        width, height = self._size
        grain = self._grain[y : y + height, x : x + width]
        frame = np.asarray(cv2.add(frame, grain, dtype=cv2.CV_8U), dtype=np.uint8)
        return _transmitted(frame, self._transmission)

    def _downsample(self, canvas: Canvas) -> Canvas:
        """Average the canvas down to the frame's size, through the distorting lens."""
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


def _transmitted(frame: Canvas, losses: Transmission) -> Canvas:
    """Apply the losses between the camera and the viewer, except the black bars."""
    height, width = frame.shape[:2]
    if min(losses.detail_x, losses.detail_y) < 1:
        size = round(width * losses.detail_x), round(height * losses.detail_y)
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        frame = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
    sigma = losses.chroma_blur * (height / 224) ** 0.5
    if sigma > 0:
        luma, *chroma = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
        # On half the size, as 4:2:0 has it anyway: a quarter of the work.
        half = max(width // 2, 1), max(height // 2, 1)
        small = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in chroma)
        soft = (cv2.GaussianBlur(plane, (0, 0), sigma / 2) for plane in small)
        whole = (cv2.resize(plane, (width, height)) for plane in soft)
        frame = np.asarray(cv2.cvtColor(cv2.merge([luma, *whole]), cv2.COLOR_YCrCb2RGB))
    return np.asarray(frame, dtype=np.uint8)


def _distortion_maps(
    width: int, height: int, factor: int, k1: float
) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """Maps for `cv2.remap`: from pixels of the frame to those of the box-filtered canvas."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    straight = undistort(np.stack([x, y], -1), width, height, k1) * factor - 0.5
    if factor % 2 == 0:
        straight = (
            straight + 0.5
        )  # a box with an even side is centred half a pixel to the upper left
    maps = straight.astype(np.float32)
    return cv2.convertMaps(maps[..., 0], maps[..., 1], cv2.CV_16SC2)  # type: ignore[return-value]


def _colour_matrix(look: Look) -> NDArray[np.float32]:
    """Matrix `[3, 3]` of saturation, white balance and exposure."""
    lens = look.lens
    grey = np.full((3, 1), 1.0) @ np.array([_LUMA])
    saturated = lens.saturation * np.eye(3) + (1 - lens.saturation) * grey
    gains = lens.exposure * np.array(lens.white_balance)
    return np.asarray(gains[:, None] * saturated, dtype=np.float32)


def _tone_curve(look: Look) -> Canvas:
    """Lookup table of contrast and gamma, uint8 `[1, 256]`."""
    levels = 118 + look.lens.contrast * (np.arange(256.0) - 118)
    levels = 255 * (levels.clip(0, 255) / 255) ** look.lens.gamma
    return np.asarray(np.round(levels), dtype=np.uint8)[None]


def _vignette(width: int, height: int, strength: float) -> Canvas | None:
    """Gain times 255, uint8 `[height, width, 3]`; None without vignetting."""
    if strength == 0:
        return None
    x = (np.arange(width) + 0.5) / width * 2 - 1
    y = (np.arange(height) + 0.5) / height * 2 - 1
    square = (x[None] ** 2 * width**2 + y[:, None] ** 2 * height**2) / (width**2 + height**2)
    gain = np.round(255 * (1 - strength * square**1.5)).astype(np.uint8)
    return np.repeat(gain[..., None], 3, axis=2)


def _grain(rng: np.random.Generator, width: int, height: int, look: Look) -> NDArray[np.int8]:
    """Sensor noise, int8 `[height, width, 3]`; chroma noise is coarser than luma noise."""
    luma = rng.normal(0, look.lens.grain, (height, width, 1)).astype(np.float32)
    coarse = rng.normal(0, 1, (height // 2 + 1, width // 2 + 1, 3)).astype(np.float32)
    chroma = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    chroma = chroma - (chroma @ np.array(_LUMA, np.float32))[..., None]  # remove its luma
    noise = np.round(luma + look.lens.chroma_grain * 1.5 * chroma)
    return np.asarray(np.clip(noise, -127, 127), dtype=np.int8)
