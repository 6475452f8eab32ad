"""Rendering of the simulated world as television shows it.

Layers are painted one over the other onto a canvas that may be larger than the frame (supersampling):
ground, stands, shadows, people. Post-processing then converts the canvas to a frame, and the
broadcaster's graphics come on top.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onball.simulator.look.look import Look
from onball.simulator.paint.effects import PostProcessing, pan_during_exposure
from onball.simulator.paint.figures import Figures
from onball.simulator.paint.graphics import ScoreBug
from onball.simulator.paint.ground import Ground, Shadows
from onball.simulator.paint.scene import Floats, Scene, boxes
from onball.simulator.paint.shapes import Canvas
from onball.simulator.paint.stadium import Benches, Stadium
from onball.simulator.world import Camera, WorldState

SUPERSAMPLED_BELOW = 400
"""Frames with fewer lines are painted at twice their size by default, larger ones with soft edges."""


class Layer(Protocol):
    """A part of the frame, drawn over the layers before it."""

    name: str

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint this part of the scene onto the canvas, uint8 `[H, W, 3]`."""


class Painter:
    """Painter of one match. The same look, moments and cameras give the same pixels.

    Args:
        look: appearance of the match.
        width, height: of the frames, pixels.
        supersampling: factor, in each direction, between the frame and the canvas; None for 2 below
            `SUPERSAMPLED_BELOW` lines and 1 from there on.

    Attributes:
        canvas: drawn on by the layers, uint8 `[height * supersampling, width * supersampling, 3]`.
        layers: from back to front.
    """

    def __init__(
        self, look: Look, width: int = 398, height: int = 224, supersampling: int | None = None
    ) -> None:
        if supersampling is None:
            supersampling = 2 if height < SUPERSAMPLED_BELOW else 1
        self.width, self.height, self.supersampling = width, height, supersampling
        canvas_width, canvas_height = width * supersampling, height * supersampling
        self.canvas = np.empty((canvas_height, canvas_width, 3), np.uint8)
        scale = canvas_height / 224
        stadium = Stadium(look)
        # A whole row: filling the canvas with one colour goes value by value.
        self._background = np.tile(np.array(stadium.background, np.uint8), (canvas_width, 1))
        self._distortion = look.distortion
        self.layers: tuple[Layer, ...] = (
            Ground(look, scale),
            stadium,
            Benches(look, before_people=True),
            Shadows(look, canvas_width, canvas_height),
            Figures(look, scale, smooth=supersampling == 1),
            Benches(look, before_people=False),
        )
        self._post_processing = PostProcessing(look, width, height, supersampling)
        self._score_bug = ScoreBug(look, width, height)
        self._pan: Floats = np.zeros(2)

    def paint(
        self,
        state: WorldState,
        camera: Camera,
        clock_ms: int = 0,
        score: tuple[int, int] = (0, 0),
        before: tuple[WorldState, Camera] | None = None,
        replay: bool = False,
    ) -> Canvas:
        """Paint a frame.

        Args:
            state: the world.
            camera: the camera that looks at it.
            clock_ms: match clock to display.
            score: goals of the home and the away team.
            before: the world and the camera when the shutter opened, `Look.shutter_ms` earlier; None for
                a frame without motion blur (as after a cut).
            replay: True for a replay badge instead of the score bug.

        Returns:
            uint8 `[height, width, 3]`, RGB.
        """
        scene = self.begin(state, camera, before)
        for layer in self.layers:
            layer.draw(self.canvas, scene)
        return self.finish(state.time_ms, clock_ms, score, replay)

    def boxes(self, state: WorldState, camera: Camera) -> NDArray[np.float32]:
        """True boxes in the frame `[PEOPLE + 2, 4]`: see `onball.simulator.paint.scene.boxes`."""
        return boxes(state, camera, self.width, self.height, self._distortion)

    def begin(
        self, state: WorldState, camera: Camera, before: tuple[WorldState, Camera] | None = None
    ) -> Scene:
        """Clear the canvas, and build the scene for the layers; arguments as in `paint`."""
        self.canvas[:] = self._background
        height, width = self.canvas.shape[:2]
        scene = Scene.of(state, camera, width, height, before)
        self._pan = pan_during_exposure(scene)
        return scene

    def finish(
        self, time_ms: int, clock_ms: int, score: tuple[int, int], replay: bool = False
    ) -> Canvas:
        """Convert the canvas painted since `begin` to a frame, uint8 `[height, width, 3]`."""
        frame = self._post_processing.apply(self.canvas, time_ms, self._pan)
        self._score_bug.draw(frame, clock_ms, score, replay)
        return frame
