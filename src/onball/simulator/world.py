"""The simulated world: pitch, people, and the two seams `Motion` and `Camera`.

Metres, seconds and radians. x runs along the pitch (left goal at -52.5, right goal at +52.5), y across
it (the main stand with the camera is at negative y), z up. The home team defends the left goal in the
first half and the right goal in the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.events import EventList

PITCH_LENGTH, PITCH_WIDTH = 105.0, 68.0
HALF_LENGTH, HALF_WIDTH = PITCH_LENGTH / 2, PITCH_WIDTH / 2
GOAL_WIDTH, GOAL_HEIGHT = 7.32, 2.44
BALL_RADIUS = 0.11
TICK_MS = 40
"""The world moves in ticks of 40 ms: 25 per second."""

TEAM_SIZE = 11
PLAYERS = 2 * TEAM_SIZE
REFEREE = PLAYERS
ASSISTANTS = (PLAYERS + 1, PLAYERS + 2)
SUBSTITUTES = tuple(range(PLAYERS + 3, PLAYERS + 9))
PEOPLE = PLAYERS + 9
"""People 0-10 are the home team (0 its goalkeeper), 11-21 the away team (11), 22 the referee, 23 and 24
his assistants along the touchlines, 25-30 substitutes who warm up (25-27 of the home team)."""

GOALKEEPERS = (0, TEAM_SIZE)


class Gesture(IntEnum):
    """What a body does besides standing, walking and running."""

    NONE = 0
    KICK_RIGHT = 1
    KICK_LEFT = 2
    LOFT_RIGHT = 3  # a long kick: larger back swing, the body leans back
    LOFT_LEFT = 4
    HEADER = 5  # with a jump
    THROW_IN = 6  # both hands behind the head, then forward
    SLIDE = 7  # sliding tackle
    BLOCK = 8  # body or leg put into the ball's way
    CATCH = 9  # goalkeeper
    CELEBRATE = 10  # runs with raised arms
    TOUCH_RIGHT = 11  # the inside of the foot takes the ball along
    TOUCH_LEFT = 12
    SHOT_RIGHT = 13  # a full swing, the body over the ball
    SHOT_LEFT = 14
    TACKLE = 15  # standing tackle: a long low step, the foot across the ball
    DIVE_LEFT = 16  # goalkeeper, the body stretched out in the air
    DIVE_RIGHT = 17
    PICK_UP = 18  # bends down and has the ball in both hands at the contact; with time reversed: puts it down
    CARRY = 19  # walks with the ball in both hands; lasts from its contact on
    FALL = 20  # is tripped at the contact, falls, lies, gets up after two seconds
    FEINT = 21  # the foot circles the ball, the body sways; no touch
    SIGNAL = 22  # one arm straight up: a referee, an assistant with his flag, the taker of a corner
    WALL = 23  # stands in the wall, hands before the body; lasts from its contact on
    KNEE_SLIDE = 24  # celebrates sliding on his knees
    STRETCH = 25  # warms up on the spot: lunges, arms circling; lasts from its contact on


#: Where the ball is at the moment of contact, in the body's frame: metres forward, to the left, up.
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


class WorldState(NamedTuple):
    """The world at one time.

    Attributes:
        time_ms: since the start of the video.
        xy: positions of the people on the ground, `[PEOPLE, 2]`.
        heading: direction each body faces, `[PEOPLE]`, radians, 0 along +x.
        speed: `[PEOPLE]`, m/s.
        stride: phase of the running cycle, `[PEOPLE]`, radians, growing.
        gesture: `[PEOPLE]`, values of `Gesture`.
        gesture_ms: time since that gesture's contact, `[PEOPLE]`; negative before it.
        ball: centre of the ball `[3]`, or NaN while no ball is in sight.
        spare_ball: centre of a second ball beside the pitch `[3]`, or NaN if there is none.
    """

    time_ms: int
    xy: NDArray[np.float32]
    heading: NDArray[np.float32]
    speed: NDArray[np.float32]
    stride: NDArray[np.float32]
    gesture: NDArray[np.uint8]
    gesture_ms: NDArray[np.int32]
    ball: NDArray[np.float32]
    spare_ball: NDArray[np.float32]


@dataclass(frozen=True)
class DeadTime:
    """A stretch without a labelled action, from when play stopped until it goes on.

    Attributes:
        begin_ms: the action (OUT, GOAL, a foul, the end of a half) that stopped play.
        end_ms: the labelled restart.
        person: who is of interest: the scorer, the fouled player, the taker.
        begins_half: True for the break before a second half: people may have changed places.
    """

    begin_ms: int
    end_ms: int
    person: int
    begins_half: bool = False


@dataclass(frozen=True)
class Motion:
    """Everything that moved in one match, on a grid of `TICK_MS`; the first axis is the tick.

    Attributes:
        xy, heading, speed, stride, gesture, gesture_ms, ball, spare_ball: as in `WorldState`, with one axis
            more in front.
        events: the labels.
        dead_times: in order.
        halves: the tick with which each half begins.
    """

    xy: NDArray[np.float32]
    heading: NDArray[np.float32]
    speed: NDArray[np.float32]
    stride: NDArray[np.float32]
    gesture: NDArray[np.uint8]
    gesture_ms: NDArray[np.int32]
    ball: NDArray[np.float32]
    spare_ball: NDArray[np.float32]
    events: EventList
    dead_times: tuple[DeadTime, ...] = ()
    halves: tuple[int, ...] = (0,)

    @property
    def ticks(self) -> int:
        """Number of ticks."""
        return len(self.xy)

    def at(self, time_ms: int) -> WorldState:
        """The world at that time; positions between two ticks are interpolated linearly."""
        tick, rest = divmod(time_ms, TICK_MS)
        tick = min(max(tick, 0), self.ticks - 1)
        after = min(tick + 1, self.ticks - 1)
        share = np.float32(rest / TICK_MS)

        def between(values: NDArray[np.float32]) -> NDArray[np.float32]:
            if rest == 0:
                return np.asarray(values[tick])
            return np.asarray(values[tick] * (1 - share) + values[after] * share)

        turn = (self.heading[after] - self.heading[tick] + np.pi) % (2 * np.pi) - np.pi
        return WorldState(
            time_ms=time_ms,
            xy=between(self.xy),
            heading=(self.heading[tick] + turn * share).astype(np.float32),
            speed=between(self.speed),
            stride=between(self.stride),
            gesture=self.gesture[tick],
            gesture_ms=self.gesture_ms[tick] + rest,
            ball=between(self.ball),
            spare_ball=between(self.spare_ball),
        )


def half_time(halves: Sequence[int]) -> dict[str, str]:
    """SoccerNet's `halftime`, as its label files have it; `halves`: the ticks with which they begin."""
    if len(halves) < 2:
        return {}
    seconds = halves[1] * TICK_MS // 1000
    return {"halftime": f"1 - {seconds // 60:02d}:{seconds % 60:02d}"}


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position: `[3]`, metres.
        rotation: `[3, 3]`; its rows are the directions right, down and forward of the picture.
        focal: focal length as a multiple of the picture's height.
    """

    position: NDArray[np.float64]
    rotation: NDArray[np.float64]
    focal: float

    @classmethod
    def looking_at(
        cls, position: NDArray[np.float64], target: NDArray[np.float64], focal: float
    ) -> Camera:
        """A level camera at `position` with `target` in the middle of its picture."""
        forward = target - position
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right = right / np.linalg.norm(right)
        return cls(position, np.stack([right, np.cross(forward, right), forward]), focal)

    def matrix(self, width: int, height: int) -> NDArray[np.float64]:
        """The projection matrix `[3, 4]`: world point (homogeneous) to pixel times depth."""
        focal = self.focal * height
        intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        extrinsics = np.concatenate([self.rotation, -(self.rotation @ self.position)[:, None]], 1)
        return np.asarray(intrinsics @ extrinsics)

    def project(
        self, points: NDArray[np.floating], width: int, height: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """World points `[..., 3]` to pixels `[..., 2]` (x right, y down) and depths `[...]` in metres.

        A point behind the camera has a depth of zero or less; its pixel means nothing.
        """
        matrix = self.matrix(width, height)
        homogeneous = points @ matrix[:, :3].T + matrix[:, 3]
        depth = homogeneous[..., 2]
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        return homogeneous[..., :2] / safe[..., None], depth
