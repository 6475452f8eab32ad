"""Frames of a simulated match: settings of its video, and a renderer with random access."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.events import Team
from onball.simulator.cameras import CameraSetup, Director, Shot, View
from onball.simulator.look.broad import broad_look
from onball.simulator.look.look import Look, Variety
from onball.simulator.paint.painter import Painter
from onball.simulator.paint.scene import boxes
from onball.simulator.play.match import play_match
from onball.simulator.world import TICK_MS, Motion, WorldState

DEFAULT_CRF = 24
"""Constant rate factor of x264 for a single match."""


@dataclass(frozen=True)
class MatchPlan:
    """Settings of one simulated match.

    Attributes:
        seed: determines motion, look, cameras and cuts.
        duration_ms: length of the video.
        width, height: of the video, pixels.
        fps: frames per second.
        crf: x264's constant rate factor; None lets a data set choose one per match.
        halves: 1, or 2 with a change of sides.
        cuts: whether close-ups and replays are shown in dead time.
        look: ranges from which the look and the main camera are drawn.
        rare: factor of the rates of rare actions, see `play_match`.
    """

    seed: int
    duration_ms: int
    width: int = 398
    height: int = 224
    fps: float = 25.0
    crf: int | None = DEFAULT_CRF
    halves: int = 1
    cuts: bool = True
    look: Variety = Variety.STANDARD
    rare: float = 1.0

    @property
    def frames(self) -> int:
        """Number of frames of the video."""
        return max(1, round(self.duration_ms * self.fps / 1000))


class RenderedFrame(NamedTuple):
    """A frame of a match with what is written beside it.

    Attributes:
        pixels: uint8 `[H, W, 3]`, RGB; None if the match has no video.
        state: the world that it shows; its `time_ms` is that of the frame.
        boxes: true boxes `[PEOPLE + 2, 4]`: see `onball.simulator.paint.scene.boxes`.
        swapped: True while the home team defends the right goal.
        view: the camera on air.
    """

    pixels: NDArray[np.uint8] | None
    state: WorldState
    boxes: NDArray[np.float32]
    swapped: bool
    view: View


class MatchRenderer:
    """Random access to the frames of a match; the same plan gives the same pixels.

    Args:
        plan: settings of the match.
        name: SoccerNet's name of the match, for its labels.
        motion: a recorded match to render; None simulates one.
        look: appearance of the match; None draws one by the seed of the plan.
        camera: position of the main camera and habits of its operator; None draws them too.

    Attributes:
        plan: settings of the match.
        motion: movement of people and ball, and the labels.
        look: appearance of the match.
        camera: position of the main camera and habits of its operator.
    """

    def __init__(
        self,
        plan: MatchPlan,
        *,
        name: str = "",
        motion: Motion | None = None,
        look: Look | None = None,
        camera: CameraSetup | None = None,
    ) -> None:
        self.plan = plan
        if motion is None:
            motion = play_match(
                plan.seed, plan.duration_ms, name=name, halves=plan.halves, rare=plan.rare
            )
        self.motion = motion
        broad = plan.look is Variety.BROAD
        if look is None:
            look = broad_look(plan.seed) if broad else Look.random(plan.seed)
        if camera is None:
            camera = (CameraSetup.broad if broad else CameraSetup.random)(plan.seed)
        self.look = look
        self.camera = camera
        self._director = Director(
            self.motion, plan.seed, cuts=plan.cuts, camera=camera, broad=broad
        )
        self._goals = [event for event in self.motion.events if event.label is Action.GOAL]
        self._shutter_ms = round(self.look.shutter_ms)

    @cached_property
    def _painter(self) -> Painter:
        """Painter of the match: its textures take longer than many frames, and no truth needs them."""
        return Painter(self.look, self.plan.width, self.plan.height)

    @property
    def duration_ms(self) -> int:
        """Length of the video, milliseconds."""
        return self.plan.duration_ms

    def with_truth(self, time_ms: int, *, pixels: bool = True) -> RenderedFrame:
        """Return the frame at a time in ms with its truth; without `pixels`, the truth alone."""
        view = self.view(time_ms)
        return RenderedFrame(
            self.frame(time_ms) if pixels else None,
            replace(self.state(view), time_ms=time_ms),
            self.boxes(view),
            self.swapped(view.world_ms),
            view,
        )

    def frame(self, time_ms: int) -> NDArray[np.uint8]:
        """Render the frame at a time in ms: uint8 `[H, W, 3]`, RGB."""
        view = self.view(time_ms)
        earlier_ms, camera = self._director.before(time_ms, self._shutter_ms)
        before = None
        # People change places at half-time: no motion blur across it.
        if self._half(earlier_ms) == self._half(view.world_ms):
            before = (self.motion.at(earlier_ms), camera)
        return self._painter.paint(
            self.state(view),
            view.camera,
            clock_ms=self.clock_ms(time_ms),
            score=self.score(time_ms),
            before=before,
            replay=view.shot is Shot.REPLAY,
        )

    def view(self, time_ms: int) -> View:
        """The camera on air at a time in ms."""
        return self._director.at(time_ms)

    def shots(self) -> list[tuple[int, int, Shot]]:
        """Cuts away from the main camera: begin and end in ms, and kind of camera."""
        return self._director.shots()

    def state(self, view: View) -> WorldState:
        """The world that a view shows; its `time_ms` is `view.world_ms`."""
        return self.motion.at(view.world_ms)

    def boxes(self, view: View) -> NDArray[np.float32]:
        """True boxes of a view `[PEOPLE + 2, 4]`: see `onball.simulator.paint.scene.boxes`."""
        width, height = self.plan.width, self.plan.height
        return boxes(self.state(view), view.camera, width, height, self.look.distortion)

    def swapped(self, time_ms: int) -> bool:
        """True while the home team defends the right goal."""
        return self._half(time_ms) % 2 == 1

    def clock_ms(self, time_ms: int) -> int:
        """Match time on the score bug, ms; half k of n starts at k/n of the duration."""
        half = self._half(time_ms)
        begin = self.motion.halves[half] * TICK_MS
        return time_ms - begin + round(half * self.duration_ms / len(self.motion.halves))

    def score(self, time_ms: int) -> tuple[int, int]:
        """Goals of the home and the away team up to a time in ms."""
        home = away = 0
        for goal in self._goals:
            if goal.position_ms <= time_ms:
                if (goal.team is Team.LEFT) != self.swapped(goal.position_ms):
                    home += 1
                else:
                    away += 1
        return home, away

    def _half(self, time_ms: int) -> int:
        begun = [half for half in self.motion.halves if half * TICK_MS <= time_ms]
        return max(len(begun) - 1, 0)
