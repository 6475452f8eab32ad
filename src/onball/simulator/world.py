"""Pitch, people, and the two types between the stages of the simulator: `Motion` and `Camera`.

Units are metres, seconds and radians. x runs along the pitch (left goal at -52.5, right goal at +52.5),
y across it (the main stand with the camera is at negative y), z up. The home team defends the left goal
in the first half and the right goal in the second. Time advances in ticks of 40 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from onball.events import EventList
from onball.formats.providers.actions import PITCH_LENGTH as PITCH_LENGTH
from onball.formats.providers.actions import PITCH_WIDTH as PITCH_WIDTH

Floats = NDArray[np.float64]

HALF_LENGTH, HALF_WIDTH = PITCH_LENGTH / 2, PITCH_WIDTH / 2
GOAL_WIDTH, GOAL_HEIGHT = 7.32, 2.44
BALL_RADIUS = 0.11
TICK_MS = 40
"""Milliseconds per tick: the simulation runs at 25 ticks per second."""
TICK_S = TICK_MS / 1000

TEAM_SIZE = 11
PLAYERS = 2 * TEAM_SIZE
REFEREE = PLAYERS
ASSISTANTS = (PLAYERS + 1, PLAYERS + 2)
SUBSTITUTES = tuple(range(PLAYERS + 3, PLAYERS + 9))
PEOPLE = PLAYERS + 9
"""People 0-10 are the home team (0 is its goalkeeper), 11-21 the away team (11 is its goalkeeper), 22 is
the referee, 23 and 24 are the assistant referees along the touchlines, and 25-30 are substitutes who warm
up (25-27 of the home team)."""

GOALKEEPERS = (0, TEAM_SIZE)


class Gesture(IntEnum):
    """Movement of a body besides standing, walking and running."""

    NONE = 0
    KICK_RIGHT = 1
    KICK_LEFT = 2
    LOFT_RIGHT = 3  # long kick: larger backswing, the body leans back
    LOFT_LEFT = 4
    HEADER = 5  # with a jump
    THROW_IN = 6  # both hands behind the head, then forward
    SLIDE = 7  # sliding tackle
    BLOCK = 8  # body or leg in the path of the ball
    CATCH = 9  # goalkeeper
    CELEBRATE = 10  # run with raised arms
    TOUCH_RIGHT = 11  # inside of the foot, the ball is taken along
    TOUCH_LEFT = 12
    SHOT_RIGHT = 13  # full swing, the body over the ball
    SHOT_LEFT = 14
    TACKLE = 15  # standing tackle: a long low step, the foot across the ball
    DIVE_LEFT = 16  # goalkeeper, the body stretched out in the air
    DIVE_RIGHT = 17
    PICK_UP = 18  # bend down, both hands at the ball at the contact; reversed in time: put it down
    CARRY = 19  # walk with the ball in both hands; any duration after the contact
    FALL = 20  # trip at the contact, fall, lie, get up after two seconds
    FEINT = 21  # step-over: the foot circles the ball without a touch
    SIGNAL = 22  # one arm straight up: referee, assistant with a flag, taker of a corner
    WALL = 23  # stand in the wall, hands before the body; any duration after the contact
    KNEE_SLIDE = 24  # celebrate sliding on both knees
    STRETCH = 25  # warm up on the spot: lunges, arm circles; any duration after the contact


CONTACT_OFFSET: dict[Gesture, tuple[float, float, float]] = {
    Gesture.NONE: (0.50, 0.0, BALL_RADIUS),
    Gesture.KICK_RIGHT: (0.45, -0.12, BALL_RADIUS),
    Gesture.KICK_LEFT: (0.45, 0.12, BALL_RADIUS),
    Gesture.LOFT_RIGHT: (0.45, -0.15, BALL_RADIUS),
    Gesture.LOFT_LEFT: (0.45, 0.15, BALL_RADIUS),
    Gesture.HEADER: (0.20, 0.0, 2.15),
    Gesture.THROW_IN: (0.25, 0.0, 2.15),
    Gesture.SLIDE: (1.00, -0.10, BALL_RADIUS),
    Gesture.BLOCK: (0.30, 0.0, 0.50),
    Gesture.CATCH: (0.35, 0.0, 1.15),
    Gesture.CELEBRATE: (0.50, 0.0, BALL_RADIUS),
    Gesture.TOUCH_RIGHT: (0.40, -0.10, BALL_RADIUS),
    Gesture.TOUCH_LEFT: (0.40, 0.10, BALL_RADIUS),
    Gesture.SHOT_RIGHT: (0.45, -0.14, BALL_RADIUS),
    Gesture.SHOT_LEFT: (0.45, 0.14, BALL_RADIUS),
    Gesture.TACKLE: (0.70, -0.10, BALL_RADIUS),
    Gesture.DIVE_LEFT: (0.25, 1.30, 0.80),
    Gesture.DIVE_RIGHT: (0.25, -1.30, 0.80),
    Gesture.PICK_UP: (0.38, 0.0, BALL_RADIUS),
    Gesture.CARRY: (0.32, 0.0, 1.05),
    Gesture.FALL: (0.50, 0.0, BALL_RADIUS),
    Gesture.FEINT: (0.50, 0.0, BALL_RADIUS),
    Gesture.SIGNAL: (0.50, 0.0, BALL_RADIUS),
    Gesture.WALL: (0.50, 0.0, BALL_RADIUS),
    Gesture.KNEE_SLIDE: (0.50, 0.0, BALL_RADIUS),
    Gesture.STRETCH: (0.50, 0.0, BALL_RADIUS),
}
"""Centre of the ball at the contact of each gesture, in the frame of the body: metres forward, to the
left, up."""


def strides_per_second(speed: Floats) -> Floats:
    """Frequency of the running cycle (two steps), Hz, at a speed in m/s."""
    return 0.75 + 0.11 * speed


def wrap_angle(angle: Floats) -> Floats:
    """The same direction between -π and π, radians."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


@dataclass(frozen=True, kw_only=True)
class WorldArrays:
    """Positions and poses of all people and balls; leading axes `...` are those of the subclass.

    Attributes:
        xy: positions of the people on the ground, `[..., PEOPLE, 2]`, metres; NaN while not visible.
        heading: direction that each body faces, `[..., PEOPLE]`, radians, 0 along +x.
        speed: `[..., PEOPLE]`, m/s.
        stride: increasing phase of the running cycle, `[..., PEOPLE]`, radians.
        gesture: values of `Gesture`, `[..., PEOPLE]`.
        gesture_ms: time since the contact of that gesture, `[..., PEOPLE]`; negative before it.
        ball: centre of the ball, `[..., 3]`; NaN while it is not visible.
        spare_ball: centre of a second ball beside the pitch, `[..., 3]`; NaN if there is none.
    """

    xy: NDArray[np.float32]
    heading: NDArray[np.float32]
    speed: NDArray[np.float32]
    stride: NDArray[np.float32]
    gesture: NDArray[np.uint8]
    gesture_ms: NDArray[np.int32]
    ball: NDArray[np.float32]
    spare_ball: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class WorldState(WorldArrays):
    """The world at one time: arrays without leading axes.

    Attributes:
        time_ms: milliseconds since the start of the video.
    """

    time_ms: int


@dataclass(frozen=True)
class DeadTime:
    """Interval without a labelled action, from the stop of play to its restart.

    Attributes:
        begin_ms: time of the action (OUT, GOAL, a foul, the end of a half) that stopped play.
        end_ms: time of the labelled restart.
        person: index of the person to show: the scorer, the fouled player, the taker.
        begins_half: True for the break before a second half, in which people may change places.
    """

    begin_ms: int
    end_ms: int
    person: int
    begins_half: bool = False


@dataclass(frozen=True, kw_only=True)
class Motion(WorldArrays):
    """All movement in one match and its labels: arrays with a leading axis `[ticks, ...]`.

    Attributes:
        events: the labels.
        dead_times: intervals without a label, in order of time.
        halves: the first tick of each half.
    """

    events: EventList
    dead_times: tuple[DeadTime, ...] = ()
    halves: tuple[int, ...] = (0,)

    @property
    def ticks(self) -> int:
        """Number of ticks."""
        return len(self.xy)

    def at(self, time_ms: int) -> WorldState:
        """The world at a time in ms, interpolated linearly between two ticks.

        Times before the first or after the last tick give the first or the last state.
        """
        tick, rest = divmod(time_ms, TICK_MS)
        tick = min(max(tick, 0), self.ticks - 1)
        after = min(tick + 1, self.ticks - 1)
        weight = np.float32(rest / TICK_MS)

        def interpolate(values: NDArray[np.float32]) -> NDArray[np.float32]:
            if rest == 0:
                return np.asarray(values[tick])
            return np.asarray(values[tick] * (1 - weight) + values[after] * weight)

        turn = (self.heading[after] - self.heading[tick] + np.pi) % (2 * np.pi) - np.pi
        return WorldState(
            time_ms=time_ms,
            xy=interpolate(self.xy),
            heading=(self.heading[tick] + turn * weight).astype(np.float32),
            speed=interpolate(self.speed),
            stride=interpolate(self.stride),
            gesture=self.gesture[tick],
            gesture_ms=self.gesture_ms[tick] + rest,
            ball=interpolate(self.ball),
            spare_ball=interpolate(self.spare_ball),
        )


def ball_on_ground(ball: NDArray[np.float32]) -> Floats:
    """Ball path on the ground plane `[T, 2]`, interpolated linearly while the ball is not visible.

    Args:
        ball: centre of the ball, `[T, 3]`, NaN while it is not visible. If it never is, the path stays
            at the centre spot.
    """
    visible = np.flatnonzero(~np.isnan(ball[:, 0]))
    if not len(visible):
        return np.zeros((len(ball), 2))
    if len(visible) == len(ball):
        return ball[:, :2].astype(np.float64)
    ticks = np.arange(len(ball))
    return np.stack([np.interp(ticks, visible, ball[visible, axis]) for axis in (0, 1)], axis=1)


def halftime_metadata(halves: Sequence[int]) -> dict[str, str]:
    """Entry `halftime` of SoccerNet's label files, from the first tick of each half; {} for one half."""
    if len(halves) < 2:
        return {}
    seconds = halves[1] * TICK_MS // 1000
    return {"halftime": f"1 - {seconds // 60:02d}:{seconds % 60:02d}"}


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position: `[3]`, metres.
        rotation: `[3, 3]`; its rows are the directions right, down and forward of the image.
        focal: focal length as a multiple of the image height.
    """

    position: Floats
    rotation: Floats
    focal: float

    @classmethod
    def looking_at(cls, position: Floats, target: Floats, focal: float) -> Camera:
        """A level camera at `position` `[3]` with `target` `[3]` in the centre of its image."""
        forward = target - position
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right = right / np.linalg.norm(right)
        return cls(position, np.stack([right, np.cross(forward, right), forward]), focal)

    def matrix(self, width: int, height: int) -> Floats:
        """Projection matrix `[3, 4]` from homogeneous world points to pixel times depth."""
        focal = self.focal * height
        intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        extrinsics = np.concatenate([self.rotation, -(self.rotation @ self.position)[:, None]], 1)
        return np.asarray(intrinsics @ extrinsics)

    def project(
        self, points: NDArray[np.floating], width: int, height: int
    ) -> tuple[Floats, Floats]:
        """Pixels `[..., 2]` (x right, y down) and depths `[...]` in metres of world points `[..., 3]`.

        A point behind the camera has a depth of zero or less; its pixel is meaningless.
        """
        matrix = self.matrix(width, height)
        homogeneous = points @ matrix[:, :3].T + matrix[:, 3]
        depth = homogeneous[..., 2]
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        return homogeneous[..., :2] / safe[..., None], depth
