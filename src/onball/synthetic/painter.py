"""The painter: a moment and a camera become a picture that looks like television.

Layers are painted one over the other on a canvas larger than the picture (supersampling): ground,
stands, shadows, figures. Then the canvas is averaged down and gets its exposure, its grain and the
score bug.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.boxes import boxes
from onball.synthetic.figures import Figures, Shadows
from onball.synthetic.look import Look
from onball.synthetic.opencv import cv2
from onball.synthetic.pitch import Ground
from onball.synthetic.scene import Canvas, Scene
from onball.synthetic.scorebug import ScoreBug
from onball.synthetic.stadium import Stadium
from onball.synthetic.world import TICK_MS, Camera, Moment

_GRAINS = 16


class Layer(Protocol):
    """A part of the picture."""

    name: str

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint this part of the scene over what the canvas already shows."""


class Painter:
    """Paints one match. The same look, moments and cameras give the same pixels.

    Args:
        look: appearance of the match.
        width, height: of the picture in pixels.
        supersampling: how much larger, in each direction, the canvas is than the picture.

    Attributes:
        canvas: what the layers draw on, uint8 `[height * supersampling, width * supersampling, 3]`.
        layers: from the back to the front.
    """

    def __init__(
        self, look: Look, width: int = 398, height: int = 224, supersampling: int = 2
    ) -> None:
        self.width, self.height, self.supersampling = width, height, supersampling
        canvas_width, canvas_height = width * supersampling, height * supersampling
        self.canvas = np.empty((canvas_height, canvas_width, 3), np.uint8)
        stadium = Stadium(look)
        self._background = stadium.background
        self.layers: tuple[Layer, ...] = (
            Ground(look),
            stadium,
            Shadows(look, canvas_width, canvas_height),
            Figures(look, supersampling),
        )
        self._score_bug = ScoreBug(look, width, height)
        self._tones = _tones(look)
        rng = np.random.default_rng((look.seed, 3))
        grain = rng.normal(0, look.grain, (_GRAINS, height, width, 1))
        grain = grain + rng.normal(0, 0.4 * look.grain, (_GRAINS, height, width, 3))
        self._grain = np.round(grain).astype(np.int16)

    def paint(
        self, moment: Moment, camera: Camera, clock_ms: int = 0, score: tuple[int, int] = (0, 0)
    ) -> Canvas:
        """The picture of a moment: uint8 `[height, width, 3]`, RGB.

        Args:
            moment: the world.
            camera: who looks at it.
            clock_ms: what the clock in the picture shows.
            score: goals of the left and the right team.
        """
        scene = self.begin(moment, camera)
        for layer in self.layers:
            layer.draw(self.canvas, scene)
        return self.develop(moment.time_ms, clock_ms, score)

    def boxes(self, moment: Moment, camera: Camera) -> NDArray[np.float32]:
        """The true boxes in the picture of that moment: see `onball.synthetic.boxes.boxes`."""
        return boxes(moment, camera, self.width, self.height)

    def begin(self, moment: Moment, camera: Camera) -> Scene:
        """An empty canvas, and the scene from which the layers are to paint it."""
        self.canvas[:] = self._background
        height, width = self.canvas.shape[:2]
        return Scene.of(moment, camera, width, height)

    def develop(self, time_ms: int, clock_ms: int, score: tuple[int, int]) -> Canvas:
        """From the painted canvas to the picture: averaging, tones, grain, score bug."""
        size = (self.width, self.height)
        picture = cv2.resize(self.canvas, size, interpolation=cv2.INTER_AREA)
        picture = cv2.LUT(picture, self._tones)
        # Neighbouring frames get different grain; 7 has no factor in common with the bank.
        grain = self._grain[time_ms // TICK_MS * 7 % _GRAINS]
        picture = cv2.add(picture, grain, dtype=cv2.CV_8U)
        self._score_bug.draw(picture, clock_ms, score)
        return np.asarray(picture, dtype=np.uint8)


def _tones(look: Look) -> Canvas:
    """Exposure, white balance and contrast as a table `[1, 256, 3]`."""
    levels = np.arange(256)[:, None] * (look.exposure * np.array(look.white_balance))
    levels = 118 + look.contrast * (levels - 118)
    return np.clip(np.round(levels), 0, 255).astype(np.uint8)[None]
