"""The painter: a moment and a camera become a picture that looks like television.

Layers are painted one over the other on a canvas that may be larger than the picture (supersampling):
ground, stands, shadows, figures. Then the canvas is developed: seen through the lens, averaged down,
sharpened, coloured, with grain; and the broadcaster's graphics come on top.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onball.simulator.look.look import Look
from onball.simulator.paint.effects import Developer, pan
from onball.simulator.paint.figures import Figures
from onball.simulator.paint.graphics import ScoreBug
from onball.simulator.paint.ground import Ground, Shadows
from onball.simulator.paint.scene import Canvas, Floats, Scene, boxes
from onball.simulator.paint.stadium import Benches, Stadium
from onball.simulator.world import Camera, WorldState

LARGE = 400
"""From this many lines on a picture is painted without supersampling, with soft edges instead."""


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
        supersampling: how much larger, in each direction, the canvas is than the picture; None for 2
            below `LARGE` lines and 1 from there on.

    Attributes:
        canvas: what the layers draw on, uint8 `[height * supersampling, width * supersampling, 3]`.
        layers: from the back to the front.
    """

    def __init__(
        self, look: Look, width: int = 398, height: int = 224, supersampling: int | None = None
    ) -> None:
        if supersampling is None:
            supersampling = 2 if height < LARGE else 1
        self.width, self.height, self.supersampling = width, height, supersampling
        canvas_width, canvas_height = width * supersampling, height * supersampling
        self.canvas = np.empty((canvas_height, canvas_width, 3), np.uint8)
        scale = canvas_height / 224
        stadium = Stadium(look)
        self._background = stadium.background
        self._distortion = look.distortion
        self.layers: tuple[Layer, ...] = (
            Ground(look, scale),
            stadium,
            Benches(look, before_people=True),
            Shadows(look, canvas_width, canvas_height),
            Figures(look, scale, smooth=supersampling == 1),
            Benches(look, before_people=False),
        )
        self._developer = Developer(look, width, height, supersampling)
        self._score_bug = ScoreBug(look, width, height)
        self._way: Floats = np.zeros(2)

    def paint(
        self,
        moment: WorldState,
        camera: Camera,
        clock_ms: int = 0,
        score: tuple[int, int] = (0, 0),
        before: tuple[WorldState, Camera] | None = None,
        replay: bool = False,
    ) -> Canvas:
        """The picture of a moment: uint8 `[height, width, 3]`, RGB.

        Args:
            moment: the world.
            camera: who looks at it.
            clock_ms: what the clock in the picture shows.
            score: goals of the home and the away team.
            before: the world and the camera when the shutter opened, `Look.shutter_ms` earlier; None for
                a picture without motion blur (as after a cut).
            replay: True for a badge that says so instead of the score bug.
        """
        scene = self.begin(moment, camera, before)
        for layer in self.layers:
            layer.draw(self.canvas, scene)
        return self.develop(moment.time_ms, clock_ms, score, replay)

    def boxes(self, moment: WorldState, camera: Camera) -> NDArray[np.float32]:
        """The true boxes in the picture of that moment: see `onball.simulator.paint.scene.boxes`."""
        return boxes(moment, camera, self.width, self.height, self._distortion)

    def begin(
        self, moment: WorldState, camera: Camera, before: tuple[WorldState, Camera] | None = None
    ) -> Scene:
        """An empty canvas, and the scene from which the layers are to paint it."""
        self.canvas[:] = self._background
        height, width = self.canvas.shape[:2]
        scene = Scene.of(moment, camera, width, height, before)
        self._way = pan(scene)
        return scene

    def develop(
        self, time_ms: int, clock_ms: int, score: tuple[int, int], replay: bool = False
    ) -> Canvas:
        """From the canvas painted since `begin` to the picture with its graphics."""
        picture = self._developer.develop(self.canvas, time_ms, self._way)
        self._score_bug.draw(picture, clock_ms, score, replay)
        return picture
