"""OpenCV, or one clear line that says how to get it. Painting modules import `cv2` from here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.errors import optional_dependency
from onball.simulator.bodies.skeleton import END_RADII, ENDS, START_RADII, STARTS, skeleton
from onball.simulator.look.colours import RGB
from onball.simulator.world import BALL_RADIUS, PEOPLE, Camera, WorldState

with optional_dependency("opencv-python-headless", "simulate", "Painting simulated football"):
    import cv2 as cv2  # the painting modules take it from here


# --- The lens: where its distortion puts things in the picture.


Floats = NDArray[np.float64]


def distort(pixels: Floats, width: int, height: int, k1: float) -> Floats:
    """Where pinhole pixels `[..., 2]` (0, 0 is the picture's outer corner) are in the picture."""
    if k1 == 0:
        return pixels
    middle, half = np.array([width / 2, height / 2]), np.hypot(width, height) / 2
    offset = pixels - middle
    square = (offset**2).sum(-1, keepdims=True) / half**2
    if k1 < 0:
        # Beyond its turning point the polynomial would fold far-away points back into the picture.
        square = np.minimum(square, -1 / (3 * k1))
    return np.asarray(middle + offset * (1 + k1 * square) / (1 + min(k1, 0.0)))


def undistort(pixels: Floats, width: int, height: int, k1: float) -> Floats:
    """The inverse of `distort` for pixels in the picture."""
    middle, half = np.array([width / 2, height / 2]), np.hypot(width, height) / 2
    wanted = (pixels - middle) / half * (1 + min(k1, 0.0))
    radius = np.linalg.norm(wanted, axis=-1, keepdims=True)
    straight = radius.copy()
    for _ in range(8):  # Newton: r * (1 + k1 * r^2) = radius
        straight -= (straight * (1 + k1 * straight**2) - radius) / (1 + 3 * k1 * straight**2)
    return np.asarray(middle + wanted * half * straight / np.maximum(radius, 1e-12))


# --- One moment as a camera sees it: what every layer of the painter draws from.


Canvas = NDArray[np.uint8]

NEAR = 1.0
"""Nothing nearer to the camera than this (metres) is drawn."""


class Opened(NamedTuple):
    """What the camera saw of the balls when the shutter opened.

    Attributes:
        moment: the world at that time.
        matrix: as `Scene.matrix`, of the camera at that time.
    """

    moment: WorldState
    matrix: Floats


@dataclass(frozen=True)
class Scene:
    """A moment, its bodies and the projection onto a canvas.

    Attributes:
        moment: the world.
        camera: who looks at it.
        joints: `[PEOPLE, len(Joint), 3]`, metres.
        matrix: `[3, 4]`: world point (homogeneous) to canvas pixel times depth. Whole numbers are
            the centres of pixels, as OpenCV has it.
        pixels_per_metre: at a depth of one metre.
        width, height: of the canvas.
        opened: what was when the shutter opened; None for a picture without motion blur.
    """

    moment: WorldState
    camera: Camera
    joints: Floats
    matrix: Floats
    pixels_per_metre: float
    width: int
    height: int
    opened: Opened | None = None

    @classmethod
    def of(
        cls,
        moment: WorldState,
        camera: Camera,
        width: int,
        height: int,
        before: tuple[WorldState, Camera] | None = None,
    ) -> Scene:
        """The scene on a canvas of that size; `before` is what was when the shutter opened."""
        to_centres = np.array([[1.0, 0, -0.5], [0, 1.0, -0.5], [0, 0, 1.0]])
        opened = None
        if before is not None:
            opened = Opened(before[0], to_centres @ before[1].matrix(width, height))
        return cls(
            moment=moment,
            camera=camera,
            joints=skeleton(moment),
            matrix=to_centres @ camera.matrix(width, height),
            pixels_per_metre=camera.focal * height,
            width=width,
            height=height,
            opened=opened,
        )

    @property
    def eye(self) -> Floats:
        """Where the camera is, `[3]`, metres."""
        return self.camera.position

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """World points `[..., 3]` to canvas pixels `[..., 2]` and depths `[...]` in metres.

        Points nearer than `NEAR` or behind the camera have pixels without meaning.
        """
        return _project(self.matrix, points)

    def project_opened(self, points: Floats) -> tuple[Floats, Floats]:
        """As `project`, for the camera when the shutter opened."""
        return _project(self.matrix if self.opened is None else self.opened.matrix, points)

    def ground(self) -> Floats:
        """The homography `[3, 3]` from the ground (x, y, 1) to canvas pixels."""
        return self.matrix[:, [0, 1, 3]]

    def horizon(self) -> float:
        """The lowest row (a y, growing downwards) at which the camera sees no ground."""
        to_ground = np.linalg.inv(self.ground())
        # Points of the horizon are mapped to infinity: a * x + b * y + c = 0.
        a, b, c = to_ground[2]
        if abs(b) < 1e-12:
            return 0.0
        return float(max(-(a * x + c) / b for x in (0.0, self.width - 1.0)))


def _project(matrix: Floats, points: Floats) -> tuple[Floats, Floats]:
    homogeneous = points @ matrix[:, :3].T + matrix[:, 3]
    depth = homogeneous[..., 2]
    return homogeneous[..., :2] / np.where(depth < NEAR, NEAR, depth)[..., None], depth


# --- The true boxes of people and balls in the picture.


_SIDES = np.array([(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)])


def boxes(
    moment: WorldState, camera: Camera, width: int = 398, height: int = 224, distortion: float = 0.0
) -> NDArray[np.float32]:
    """Boxes of everyone and of the balls, as the camera sees them, cut to the picture.

    Args:
        moment: the world.
        camera: who looks at it.
        width, height: of the picture.
        distortion: k1 of the lens (`Look.distortion`); `Painter.boxes` knows that of its look.

    Returns: `[PEOPLE + 2, 4]`, x0, y0, x1, y1 in pixels (0, 0 is the outer corner of the first
    pixel); the last two rows are the ball and the spare ball. NaN for what is not in the picture.
    Hidden people and balls have boxes too.
    """
    scene = Scene.of(moment, camera, width, height)
    starts, ends = scene.joints[:, STARTS], scene.joints[:, ENDS]
    balls = np.stack([moment.ball, moment.spare_ball]).astype(np.float64)[:, None]
    found = np.full((PEOPLE + 2, 4), np.nan, np.float32)
    people = np.concatenate([starts, ends], 1)
    radii = np.concatenate([START_RADII, END_RADII])
    for rows, points, radius in (
        (slice(0, PEOPLE), people, radii),
        (slice(PEOPLE, PEOPLE + 2), balls, np.array([BALL_RADIUS])),
    ):
        pixels, depth = scene.project(points)
        pixels = pixels + 0.5  # from centres of pixels to their outer corners
        reach = radius * scene.pixels_per_metre / np.maximum(depth, NEAR)
        # The four outermost points of every ball, where the lens puts them.
        outline = pixels[..., None, :] + reach[..., None, None] * _SIDES
        outline = distort(outline, width, height, distortion)
        low, high = outline.min((1, 2)), outline.max((1, 2))
        with np.errstate(invalid="ignore"):
            seen = (depth.min(1) > NEAR) & (high > 0).all(1) & (low < (width, height)).all(1)
        box = np.concatenate([low, high], 1).clip(0, (width, height, width, height))
        found[rows] = np.where(seen[:, None], box, np.nan)
    return found


# --- Capsules: the hull of two balls in the world, as a polygon on the canvas.


SHIFT = 4
"""Fractional bits of the coordinates handed to OpenCV."""
_COARSE, _FINE = (
    np.stack([np.cos(arc), np.sin(arc)], 1)
    for arc in (np.linspace(np.pi / 2, 3 * np.pi / 2, corners) for corners in (5, 11))
)
_THICK = 6.0  # from this radius in canvas pixels on, corners would show


class Capsules:
    """Many capsules on the canvas.

    Attributes:
        radii: `[2, N]`, canvas pixels, of both ends.
        seen: `[N]`, whether a capsule reaches into the canvas.
        depth: `[N]`, metres from the camera to its middle.
    """

    def __init__(
        self, starts: Floats, ends: Floats, radii: Floats, depth: Floats, seen: NDArray[np.bool_]
    ) -> None:
        self._starts, self._ends, self.radii = starts, ends, radii
        self.depth, self.seen = depth, seen

    @classmethod
    def project(
        cls, scene: Scene, starts: Floats, ends: Floats, start_radii: Floats, end_radii: Floats
    ) -> Capsules:
        """Capsules from points `[N, 3]` and radii `[N]` in metres; NaN points are not seen."""
        pixels, depth = scene.project(np.stack([starts, ends]))
        # OpenCV fills every pixel that the outline touches: about a third of a pixel too many.
        radii = (
            np.stack([start_radii, end_radii]) * scene.pixels_per_metre / np.maximum(depth, NEAR)
        )
        radii = np.maximum(radii - 0.35, 0.3)
        reach = radii.max(0)[:, None]
        with np.errstate(invalid="ignore"):
            seen = (
                (depth.min(0) > NEAR)
                & (pixels.max(0) + reach > 0).all(1)
                & (pixels.min(0) - reach < (scene.width, scene.height)).all(1)
            )
        return cls(pixels[0], pixels[1], radii, depth.mean(0), seen)

    def polygons(self) -> NDArray[np.int32]:
        """Outlines `[N, corners, 2]` in OpenCV's fixed-point pixels; zeros for capsules not seen."""
        along = self._ends - self._starts
        length = np.linalg.norm(along, axis=1, keepdims=True)
        along = np.where(length > 1e-6, along / np.maximum(length, 1e-6), (1.0, 0.0))
        normal = np.stack([-along[:, 1], along[:, 0]], 1)
        thickest = self.radii[:, self.seen].max(initial=0.0)
        half = _FINE if thickest > _THICK else _COARSE
        cap = half[:, :1] * along[:, None] + half[:, 1:] * normal[:, None]
        first = self._starts[:, None] + self.radii[0][:, None, None] * cap
        second = self._ends[:, None] - self.radii[1][:, None, None] * cap
        outline = np.concatenate([first, second], 1)
        outline[~self.seen] = 0.0
        return np.asarray(np.round(outline * 2**SHIFT), dtype=np.int32)

    def within(self, chosen: NDArray[np.intp], share: float, towards: Floats) -> Capsules:
        """Thinner capsules inside the chosen ones, moved to one side: where the light is brighter.

        Args:
            chosen: indices `[M]`.
            share: of the radii that is left.
            towards: `[2]`, canvas direction of the light, of length 1 or less.
        """
        radii = self.radii[:, chosen]
        moved = ((1 - share) * 0.9 * radii)[..., None] * towards
        return Capsules(
            self._starts[chosen] + moved[0],
            self._ends[chosen] + moved[1],
            radii * share,
            self.depth[chosen],
            self.seen[chosen],
        )


# --- Flat four-cornered things in the world: which are seen, and how they get onto the ca


_PIECES = 6
Part = tuple[float, float]


def drop_hidden(
    scene: Scene, quads: Floats, hidden: NDArray[np.bool_] | None = None
) -> Iterator[tuple[int, Part, Floats]]:
    """Indices, parts and canvas corners `[4, 2]` of the quads that reach into the picture.

    Args:
        scene: whose canvas.
        quads: `[N, 4, 3]`, metres, from the upper left corner clockwise.
        hidden: `[N]`, quads to leave out in any case.

    Of a quad that reaches behind the camera, upright slices are kept, from which share to which share of
    its width they go being the part; the part of a whole quad is (0, 1).
    """
    pixels, depth = scene.project(quads)
    nearest, farthest = depth.min(1), depth.max(1)
    inside = (nearest > NEAR) & _in_picture(pixels, scene)
    wanted = inside | ((nearest <= NEAR) & (farthest > NEAR))
    if hidden is not None:
        wanted &= ~hidden
    indices = np.flatnonzero(wanted)
    for i in indices[np.argsort(-depth[indices].mean(1))].tolist():
        if inside[i]:
            yield i, (0.0, 1.0), pixels[i]
            continue
        share = (np.arange(_PIECES + 1) / _PIECES)[:, None]
        upper = quads[i, 0] + share * (quads[i, 1] - quads[i, 0])
        lower = quads[i, 3] + share * (quads[i, 2] - quads[i, 3])
        slices = np.stack([upper[:-1], upper[1:], lower[1:], lower[:-1]], 1)
        cuts, behind = scene.project(slices)
        seen = (behind.min(1) > NEAR) & _in_picture(cuts, scene)
        for piece in np.flatnonzero(seen).tolist():
            yield i, (piece / _PIECES, (piece + 1) / _PIECES), cuts[piece]


def _in_picture(pixels: Floats, scene: Scene) -> NDArray[np.bool_]:
    low, high = pixels.min(1), pixels.max(1)
    return np.asarray((high > 0).all(1) & (low < (scene.width, scene.height)).all(1))


def fill(canvas: Canvas, corners: Floats, colour: RGB) -> None:
    """Fill the convex quad with these canvas corners `[4, 2]`."""
    fixed = np.round(np.clip(corners, -20_000, 20_000) * 16).astype(np.int32)
    cv2.fillConvexPoly(canvas, fixed, colour, cv2.LINE_8, 4)


def paste(canvas: Canvas, texture: Canvas, corners: Floats) -> None:
    """Warp a texture onto the quad with these canvas corners, touching no more than its box."""
    height, width = canvas.shape[:2]
    x0, y0 = np.maximum(np.floor(corners.min(0)), 0).astype(int).tolist()
    x1, y1 = np.minimum(np.ceil(corners.max(0)) + 1, (width, height)).astype(int).tolist()
    if x1 <= x0 or y1 <= y0 or np.abs(corners).max() > 60_000:
        return
    # A texel to spare on each side hides the seams between panels.
    right, bottom = texture.shape[1] - 2.0, texture.shape[0] - 2.0
    source = np.array([(1, 1), (right, 1), (right, bottom), (1, bottom)], np.float32)
    target = (corners - (x0, y0)).astype(np.float32)
    cv2.warpPerspective(
        texture,
        cv2.getPerspectiveTransform(source, target),
        (x1 - x0, y1 - y0),
        dst=canvas[y0:y1, x0:x1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
