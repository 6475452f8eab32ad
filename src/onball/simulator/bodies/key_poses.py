"""Key poses of all gestures: with the ball, of goalkeepers, falls, celebrations, signals, warming up.

Kicks are right-footed and dives are to the left; `onball.simulator.bodies.gestures` mirrors them and
interpolates between the keys.
"""

from __future__ import annotations

from typing import NamedTuple

from onball.simulator.world import CONTACT_OFFSET, Gesture

Point = tuple[float, float, float]


class Key(NamedTuple):
    """Pose at one time of a gesture, in the frame of the body: metres forward, left, up.

    Attributes:
        ms: time after the contact, milliseconds.
        pelvis: centre of the pelvis.
        lean: lean of the back forward and to the left, radians.
        left_foot, right_foot: ankles.
        left_hand, right_hand: hands.
        turns: rotation of hips and shoulders around the back, radians to the left.
        toes: direction of the left and the right foot, radians to the left.
        elbows: 0 for hanging elbows, 1 for elbows that point away from the body.
        legs, arms: weight of the pose against standing and running, 0 to 1, for the legs (with pelvis
            and back) and for the arms.
    """

    ms: int
    pelvis: Point = (0.0, 0.0, 0.96)
    lean: tuple[float, float] = (0.08, 0.0)
    left_foot: Point = (0.05, 0.13, 0.08)
    right_foot: Point = (-0.05, -0.13, 0.08)
    left_hand: Point = (0.15, 0.32, 0.90)
    right_hand: Point = (0.15, -0.32, 0.90)
    turns: tuple[float, float] = (0.0, 0.0)
    toes: tuple[float, float] = (0.1, -0.1)
    elbows: float = 0.0
    legs: float = 1.0
    arms: float = 1.0


def _faded(key: Key, ms: int) -> Key:
    """The same pose at another time with weights of 0, for the begin or the end of a gesture."""
    return key._replace(ms=ms, legs=0.0, arms=0.0)


def _with_fades(keys: tuple[Key, ...], begin: int, end: int) -> tuple[Key, ...]:
    """Add keys that fade in from `begin` and out until `end` (ms after the contact)."""
    return (_faded(keys[0], begin), *keys, _faded(keys[-1], end))


def mirrored(key: Key) -> Key:
    """The same pose with left and right exchanged."""

    def swap(point: Point) -> Point:
        return point[0], -point[1], point[2]

    return key._replace(
        pelvis=swap(key.pelvis),
        lean=(key.lean[0], -key.lean[1]),
        left_foot=swap(key.right_foot),
        right_foot=swap(key.left_foot),
        left_hand=swap(key.right_hand),
        right_hand=swap(key.left_hand),
        turns=(-key.turns[0], -key.turns[1]),
        toes=(-key.toes[1], -key.toes[0]),
    )


def _instep_ankle(gesture: Gesture) -> Point:
    """Ankle of a foot that points at the ball at the contact of a gesture and touches it."""
    x, y, z = CONTACT_OFFSET[gesture]
    return x - 0.21, y, z + 0.05


def _inside_ankle(gesture: Gesture) -> Point:
    """Ankle of a right foot, turned out by 1.2 radians, whose inside touches the ball at the contact."""
    x, y, _ = CONTACT_OFFSET[gesture]
    return x - 0.21, y + 0.08, 0.11


HOLDING: tuple[Point, Point] = ((0.29, 0.11, 1.02), (0.29, -0.11, 1.02))
"""Left and right hand that hold the ball before the chest in `Gesture.CARRY`."""
_PLANTED: Point = (0.22, 0.14, 0.08)

# A pass with the inside of the foot: short swing, the hip opens, the foot stays low.
_KICK = (
    Key(-170, (-0.02, 0, 0.93), (0.14, 0.06), _PLANTED, (-0.42, -0.20, 0.34),
        (0.02, 0.48, 1.02), (0.12, -0.40, 0.98), (-0.35, 0.20), (0.05, -0.5)),
    Key(-60, (0.02, 0, 0.91), (0.16, 0.09), _PLANTED, (-0.16, -0.16, 0.16),
        (0.06, 0.52, 1.04), (0.06, -0.44, 1.00), (-0.30, 0.12), (0.05, -1.1)),
    Key(0, (0.05, 0, 0.91), (0.12, 0.10), _PLANTED, _inside_ankle(Gesture.KICK_RIGHT),
        (0.12, 0.52, 1.04), (0.00, -0.46, 1.02), (-0.12, 0.0), (0.05, -1.2)),
    Key(120, (0.08, 0, 0.92), (0.06, 0.06), _PLANTED, (0.56, -0.06, 0.27),
        (0.22, 0.44, 1.02), (-0.12, -0.46, 1.02), (0.12, -0.15), (0.05, -1.1)),
    Key(200, (0.08, 0, 0.94), (0.06, 0.04), _PLANTED, (0.50, -0.08, 0.24),
        (0.20, 0.40, 1.00), (-0.05, -0.42, 1.00), (0.1, -0.10), (0.05, -0.8)),
)  # fmt: skip
# A lofted ball: a wide run of the leg, the body leans back and away, the leg follows to the hip.
_LOFT = (
    Key(-200, (-0.08, 0.02, 0.935), (0.04, 0.14), _PLANTED, (-0.62, -0.32, 0.62),
        (-0.15, 0.82, 1.40), (0.15, -0.58, 1.20), (-0.60, 0.45), (0.0, -0.3)),
    Key(-70, (-0.04, 0.04, 0.905), (-0.14, 0.22), _PLANTED, (-0.34, -0.28, 0.26),
        (-0.10, 0.84, 1.42), (0.05, -0.60, 1.22), (-0.35, 0.30), (0.0, -0.4)),
    Key(0, (0.00, 0.04, 0.895), (-0.26, 0.22), _PLANTED, _instep_ankle(Gesture.LOFT_RIGHT),
        (0.05, 0.82, 1.38), (-0.10, -0.60, 1.20), (0.0, 0.0), (0.0, -0.4)),
    Key(140, (0.06, 0.02, 0.945), (-0.34, 0.10), (0.20, 0.12, 0.11), (0.80, 0.10, 0.98),
        (0.28, 0.62, 1.30), (-0.35, -0.55, 1.12), (0.45, -0.45), (0.1, 0.1)),
    Key(260, (0.10, 0, 0.945), (-0.20, 0.04), (0.18, 0.12, 0.10), (0.74, 0.14, 0.78),
        (0.32, 0.42, 1.18), (-0.32, -0.46, 1.06), (0.40, -0.35), (0.1, 0.1)),
)  # fmt: skip
# A shot: the heel rises behind the body, which is over the ball, and a hop follows through.
_SHOT = (
    Key(-210, (-0.10, 0, 0.93), (-0.02, 0.12), (0.26, 0.14, 0.09), (-0.66, -0.28, 0.82),
        (-0.30, 0.80, 1.48), (0.25, -0.62, 1.30), (-0.70, 0.55), (0.0, -0.1)),
    Key(-80, (-0.02, 0, 0.88), (0.20, 0.16), _PLANTED, (-0.42, -0.22, 0.44),
        (-0.22, 0.84, 1.40), (0.12, -0.68, 1.24), (-0.45, 0.40), (0.0, -0.1)),
    Key(0, (0.06, 0, 0.87), (0.34, 0.14), _PLANTED, _instep_ankle(Gesture.SHOT_RIGHT),
        (0.02, 0.84, 1.28), (-0.05, -0.70, 1.20), (0.0, 0.05), (0.0, -0.1)),
    Key(70, (0.12, 0, 0.95), (0.26, 0.10), (0.14, 0.12, 0.12), (0.74, 0.00, 0.62),
        (0.20, 0.76, 1.30), (-0.25, -0.68, 1.26), (0.35, -0.30), (0.0, 0.0)),
    Key(160, (0.16, 0, 1.07), (0.10, 0.04), (-0.02, 0.12, 0.26), (0.84, 0.14, 1.12),
        (0.44, 0.48, 1.42), (-0.32, -0.66, 1.36), (0.55, -0.55), (0.0, 0.2)),
    Key(280, (0.12, 0, 0.95), (0.10, 0.0), (-0.05, 0.12, 0.14), (0.66, 0.10, 0.60),
        (0.38, 0.42, 1.20), (-0.25, -0.55, 1.20), (0.35, -0.35), (0.0, 0.1)),
)  # fmt: skip
# A touch: the inside of the foot meets the ball early and yields.
_TOUCH = (
    Key(-130, (-0.02, 0, 0.92), (0.16, 0.05), (0.02, 0.13, 0.08), (0.26, -0.14, 0.20),
        (0.12, 0.44, 1.00), (0.10, -0.42, 1.00), (0.0, 0.0), (0.1, -0.9)),
    Key(0, (0.0, 0, 0.9), (0.20, 0.08), (0.02, 0.13, 0.08), _inside_ankle(Gesture.TOUCH_RIGHT),
        (0.10, 0.50, 1.02), (0.06, -0.46, 1.00), (-0.10, 0.05), (0.1, -1.2)),
    Key(120, (0.04, 0, 0.91), (0.16, 0.05), (0.02, 0.13, 0.08), (0.10, -0.06, 0.13),
        (0.12, 0.44, 1.00), (0.08, -0.42, 1.00), (-0.05, 0.05), (0.1, -0.9)),
)  # fmt: skip
# A header: take-off from both feet, the back arched, then the forehead goes through the ball.
_HEADER = (
    Key(-250, (-0.02, 0, 0.74), (0.36, 0), (0.05, 0.13, 0.08), (-0.08, -0.13, 0.12),
        (-0.42, 0.40, 0.92), (-0.42, -0.40, 0.92), elbows=0.5),
    Key(-195, (-0.04, 0, 0.88), (0.16, 0), (0.01, 0.13, 0.10), (-0.12, -0.13, 0.15),
        (0.02, 0.58, 1.00), (0.02, -0.58, 1.00), elbows=0.6),
    Key(-140, (-0.05, 0, 1.08), (-0.04, 0), (-0.04, 0.12, 0.17), (-0.20, -0.12, 0.24),
        (0.30, 0.46, 1.62), (0.30, -0.46, 1.62), elbows=0.7),
    Key(-50, (-0.09, 0, 1.31), (-0.24, 0), (-0.28, 0.12, 0.50), (-0.46, -0.12, 0.66),
        (0.28, 0.56, 1.78), (0.28, -0.56, 1.78), elbows=0.6),
    Key(0, (-0.04, 0, 1.34), (0.22, 0), (-0.08, 0.12, 0.47), (-0.24, -0.12, 0.54),
        (-0.10, 0.60, 1.56), (-0.10, -0.60, 1.56), elbows=0.6),
    Key(110, (0.0, 0, 1.18), (0.42, 0), (0.10, 0.13, 0.31), (-0.06, -0.13, 0.34),
        (-0.16, 0.52, 1.36), (-0.16, -0.52, 1.36), elbows=0.6),
    Key(230, (0.0, 0, 0.78), (0.34, 0), (0.05, 0.15, 0.08), (-0.05, -0.15, 0.08),
        (0.10, 0.46, 0.95), (0.10, -0.46, 0.95), elbows=0.3),
)  # fmt: skip
# A throw-in: two steps with the ball before the chest, then from behind the head with both feet down.
_THROW_IN = (
    Key(-1_000, (0, 0, 0.96), (0.05, 0), left_hand=HOLDING[0], right_hand=HOLDING[1], legs=0.05),
    Key(-860, (0, 0, 0.95), (0.04, 0), left_hand=(0.36, 0.12, 1.40),
        right_hand=(0.36, -0.12, 1.40), legs=0.1),
    Key(-680, (0, 0, 0.95), (-0.05, 0), left_hand=(0.06, 0.12, 1.95),
        right_hand=(0.06, -0.12, 1.95), legs=0.2),
    Key(-420, (-0.02, 0, 0.94), (-0.18, 0), (0.27, 0.11, 0.08), (-0.22, -0.12, 0.10),
        (-0.22, 0.12, 1.86), (-0.22, -0.12, 1.86), elbows=0.3),
    Key(-220, (0.02, 0, 0.91), (-0.38, 0), (0.27, 0.11, 0.08), (-0.26, -0.11, 0.14),
        (-0.42, 0.12, 1.70), (-0.42, -0.12, 1.70), elbows=0.3),
    Key(0, (0.06, 0, 0.99), (0.10, 0), (0.27, 0.11, 0.09), (-0.26, -0.11, 0.17),
        (0.23, 0.11, 2.10), (0.23, -0.11, 2.10)),
    Key(150, (0.10, 0, 0.94), (0.50, 0), (0.27, 0.11, 0.08), (-0.30, -0.11, 0.18),
        (0.74, 0.16, 1.28), (0.74, -0.16, 1.28)),
    Key(290, (0.08, 0, 0.93), (0.36, 0), (0.25, 0.10, 0.08), (-0.12, -0.10, 0.12),
        (0.50, 0.20, 0.95), (0.50, -0.20, 0.95)),
)  # fmt: skip
# A sliding tackle: one leg stretched over the grass, the other folded, a hand supports the body.
_SLIDE = (
    Key(-190, (-0.05, 0, 0.48), (-0.35, -0.10), (0.02, 0.16, 0.14), (0.46, -0.12, 0.13),
        (-0.30, 0.45, 0.60), (-0.20, -0.55, 0.95)),
    Key(0, (0.02, 0, 0.21), (-0.95, -0.10), (0.26, 0.24, 0.13), _instep_ankle(Gesture.SLIDE),
        (-0.56, 0.40, 0.10), (-0.06, -0.62, 0.80)),
    Key(250, (0.02, 0, 0.19), (-1.02, -0.10), (0.24, 0.25, 0.12), (0.86, -0.08, 0.12),
        (-0.60, 0.40, 0.09), (-0.12, -0.62, 0.62)),
    Key(480, (0.02, 0, 0.20), (-0.80, -0.08), (0.26, 0.22, 0.11), (0.80, -0.10, 0.10),
        (-0.48, 0.42, 0.09), (0.00, -0.55, 0.52)),
    Key(720, (0.02, 0, 0.48), (0.10, 0.0), (0.02, 0.18, 0.10), (0.34, -0.14, 0.09),
        (-0.14, 0.42, 0.45), (0.32, -0.22, 0.68)),
)  # fmt: skip
# A standing tackle: a low lunge, the foot across the ball, arms for balance.
_TACKLE = (
    Key(-150, (-0.02, 0, 0.74), (0.32, 0.04), (-0.22, 0.15, 0.10), (0.26, -0.20, 0.22),
        (0.05, 0.60, 0.98), (0.05, -0.58, 1.02), (-0.2, 0.1), (0.2, -0.6)),
    Key(0, (0.04, 0, 0.58), (0.42, 0.10), (-0.58, 0.16, 0.15), _inside_ankle(Gesture.TACKLE),
        (0.12, 0.78, 0.98), (-0.02, -0.72, 0.98), (-0.1, 0.1), (0.3, -1.2)),
    Key(150, (0.12, 0, 0.57), (0.38, 0.10), (-0.54, 0.16, 0.17), (0.56, -0.04, 0.10),
        (0.24, 0.74, 0.92), (-0.10, -0.70, 0.94), (0.1, -0.1), (0.3, -1.0)),
    Key(280, (0.08, 0, 0.76), (0.30, 0.04), (-0.26, 0.15, 0.12), (0.34, -0.12, 0.09),
        (0.15, 0.52, 0.90), (0.00, -0.50, 0.92), (0.0, 0.0), (0.2, -0.4)),
)  # fmt: skip
# A block: the raised leg closes the path, the face is turned away, the arms are behind the back.
_BLOCK = (
    Key(-120, (-0.04, 0.03, 0.88), (-0.06, 0.12), (-0.06, 0.14, 0.08), (0.16, -0.16, 0.28),
        (-0.20, 0.10, 1.02), (-0.20, -0.10, 1.02), (0.25, 0.45), (0.5, 0.1), 0.7),
    Key(0, (-0.08, 0.05, 0.87), (-0.26, 0.20), (-0.10, 0.14, 0.08), (0.32, 0.06, 0.38),
        (-0.30, 0.04, 0.98), (-0.26, -0.12, 0.98), (0.50, 1.00), (0.7, 0.3), 0.8),
    Key(190, (-0.08, 0.05, 0.86), (-0.20, 0.18), (-0.10, 0.14, 0.08), (0.26, 0.06, 0.30),
        (-0.28, 0.04, 0.96), (-0.24, -0.12, 0.96), (0.60, 1.15), (0.7, 0.4), 0.8),
)  # fmt: skip
# A step-over: the foot circles the ball from the inside, the body sways to the other side.
_FEINT = (
    Key(-180, (0.0, 0.05, 0.90), (0.16, 0.16), (0.06, 0.16, 0.08), (0.14, 0.02, 0.26),
        (0.12, 0.52, 1.00), (0.10, -0.48, 1.02), (0.1, 0.2), (0.1, 0.3)),
    Key(-130, (0.01, 0.05, 0.90), (0.18, 0.16), (0.06, 0.16, 0.08), (0.31, 0.13, 0.36),
        (0.10, 0.56, 1.03), (0.08, -0.52, 1.04), (0.2, 0.15), (0.1, 0.4)),
    Key(-80, (0.02, 0.05, 0.89), (0.20, 0.14), (0.06, 0.16, 0.08), (0.52, 0.12, 0.38),
        (0.08, 0.58, 1.06), (0.06, -0.56, 1.06), (0.25, 0.1), (0.1, 0.1)),
    Key(0, (0.04, 0.02, 0.88), (0.22, 0.02), (0.06, 0.16, 0.08), (0.70, -0.10, 0.34),
        (0.08, 0.62, 1.08), (0.06, -0.60, 1.06), (0.1, -0.1), (0.1, -0.2)),
    Key(90, (0.04, -0.06, 0.86), (0.20, -0.18), (0.06, 0.16, 0.08), (0.46, -0.40, 0.20),
        (0.10, 0.62, 1.04), (0.05, -0.62, 1.00), (-0.2, -0.2), (0.1, -0.5)),
    Key(170, (0.02, -0.10, 0.84), (0.20, -0.22), (0.04, 0.18, 0.10), (0.22, -0.38, 0.09),
        (0.10, 0.56, 1.02), (0.05, -0.56, 0.96), (-0.15, -0.1), (0.1, -0.4)),
    Key(250, (0.02, -0.02, 0.9), (0.18, 0.04), (0.04, 0.16, 0.10), (0.10, -0.26, 0.08),
        (0.12, 0.44, 1.00), (0.08, -0.44, 0.98), (0.0, 0.0), (0.1, -0.2)),
)  # fmt: skip
# A catch: feet apart, both hands around the ball, which is then held before the chest.
_CATCH = (
    Key(-170, (0, 0, 0.85), (0.24, 0), (0.02, 0.20, 0.08), (-0.02, -0.20, 0.08),
        (0.48, 0.18, 1.22), (0.48, -0.18, 1.22)),
    Key(0, (0, 0, 0.89), (0.18, 0), (0.02, 0.18, 0.08), (-0.02, -0.18, 0.08),
        (0.32, 0.11, 1.12), (0.32, -0.11, 1.12)),
    Key(200, (0.02, 0, 0.87), (0.30, 0), (0.04, 0.18, 0.08), (-0.04, -0.18, 0.08),
        (0.29, 0.11, 1.08), (0.29, -0.11, 1.08), elbows=0.3),
    Key(700, (0, 0, 0.95), (0.10, 0), left_hand=HOLDING[0], right_hand=HOLDING[1], legs=0.8),
)  # fmt: skip
# A dive: side step and push-off, stretched and level in the air, a landing on the side; the ball is
# drawn to the chest, and the keeper gets up over the knees.
_DIVE_LEFT = (
    Key(-370, (0, -0.02, 0.76), (0.28, 0.05), (0.02, 0.30, 0.08), (-0.02, -0.24, 0.08),
        (0.40, 0.38, 0.95), (0.40, -0.34, 0.95)),
    Key(-240, (0, 0.10, 0.66), (0.25, 0.55), (0.04, 0.34, 0.08), (-0.02, -0.34, 0.10),
        (0.38, 0.72, 0.88), (0.38, 0.10, 1.12)),
    Key(-110, (0.03, 0.18, 0.70), (0.15, 1.00), (0.04, 0.02, 0.12), (-0.02, -0.50, 0.34),
        (0.32, 1.04, 0.88), (0.30, 0.82, 1.16)),
    Key(0, (0.06, 0.28, 0.72), (0.08, 1.42), (-0.04, -0.56, 0.56), (0.06, -0.52, 0.76),
        (0.21, 1.24, 0.70), (0.21, 1.25, 0.92)),
    Key(220, (0.06, 0.46, 0.44), (0.05, 1.52), (-0.06, -0.42, 0.32), (0.10, -0.26, 0.58),
        (0.26, 1.46, 0.34), (0.26, 1.46, 0.55)),
    Key(460, (0.05, 0.55, 0.22), (0.0, 1.46), (-0.06, -0.33, 0.09), (0.14, -0.22, 0.26),
        (0.28, 1.50, 0.09), (0.28, 1.48, 0.29)),
    Key(760, (0.05, 0.55, 0.22), (0.15, 1.44), (0.00, -0.30, 0.09), (0.24, -0.10, 0.24),
        (0.34, 1.20, 0.09), (0.34, 1.16, 0.29)),
    Key(1_200, (0.05, 0.55, 0.23), (0.35, 1.36), (0.05, -0.22, 0.09), (0.30, -0.02, 0.22),
        (0.42, 1.04, 0.12), (0.42, 0.98, 0.32)),
    Key(1_520, (0.0, 0.44, 0.47), (0.65, 0.60), (-0.28, 0.20, 0.10), (0.28, 0.18, 0.09),
        (0.56, 0.78, 0.52), (0.56, 0.58, 0.56), elbows=0.2),
    Key(1_800, (0.0, 0.26, 0.62), (0.62, 0.15), (-0.22, 0.34, 0.10), (0.20, 0.10, 0.08),
        (0.50, 0.42, 0.82), (0.50, 0.20, 0.82), elbows=0.2),
    Key(2_050, (0.0, 0.08, 0.88), (0.25, 0.02), (0.0, 0.20, 0.09), (0.02, -0.10, 0.08),
        (0.29, 0.11, 1.02), (0.29, -0.11, 1.02), legs=0.8),
)  # fmt: skip
# Picking up: down on bent knees, both hands around the ball, up again with it before the chest.
_PICK_UP = (
    Key(-260, (-0.06, 0, 0.74), (0.72, 0), (0.14, 0.17, 0.08), (-0.14, -0.15, 0.11),
        (0.42, 0.22, 0.58), (0.42, -0.22, 0.58)),
    Key(-30, (-0.10, 0, 0.49), (1.16, 0), (0.16, 0.19, 0.08), (-0.20, -0.17, 0.16),
        (0.36, 0.14, 0.11), (0.36, -0.14, 0.11)),
    Key(0, (-0.10, 0, 0.48), (1.18, 0), (0.16, 0.19, 0.08), (-0.20, -0.17, 0.16),
        (0.35, 0.11, 0.10), (0.35, -0.11, 0.10)),
    Key(60, (-0.10, 0, 0.48), (1.16, 0), (0.16, 0.19, 0.08), (-0.20, -0.17, 0.16),
        (0.35, 0.11, 0.13), (0.35, -0.11, 0.13)),
    Key(320, (-0.06, 0, 0.74), (0.66, 0), (0.14, 0.17, 0.08), (-0.14, -0.15, 0.11),
        (0.38, 0.11, 0.66), (0.38, -0.11, 0.66)),
    Key(540, (0, 0, 0.95), (0.10, 0), left_hand=HOLDING[0], right_hand=HOLDING[1], legs=0.15),
    Key(600, (0, 0, 0.965), (0.06, 0), left_hand=HOLDING[0], right_hand=HOLDING[1], legs=0.0),
    Key(1_000, (0, 0, 0.965), (0.06, 0), left_hand=HOLDING[0], right_hand=HOLDING[1], legs=0.0),
)  # fmt: skip
# A fall: the foot is held back, the body falls over it, hands break the fall; flat on the front, a
# little roll with the hands at the face, then kneeling and getting up.
_FALL = (
    Key(-60, (0.02, 0, 0.88), (0.22, 0), (0.24, 0.12, 0.14), (-0.38, -0.12, 0.26),
        (0.20, 0.42, 1.05), (0.20, -0.42, 1.05), legs=0.5, arms=0.5),
    Key(60, (0.14, 0, 0.82), (0.62, 0.05), (0.02, 0.12, 0.16), (-0.48, -0.12, 0.34),
        (0.58, 0.46, 1.20), (0.62, -0.44, 1.22), elbows=0.3),
    Key(190, (0.34, 0, 0.58), (1.08, 0.12), (-0.24, 0.12, 0.26), (-0.42, -0.14, 0.52),
        (1.02, 0.36, 0.58), (1.06, -0.32, 0.62), elbows=0.5),
    Key(310, (0.46, 0, 0.32), (1.34, 0.18), (-0.42, 0.14, 0.30), (-0.34, -0.14, 0.58),
        (1.24, 0.38, 0.14), (1.28, -0.30, 0.16), elbows=0.9),
    Key(410, (0.52, 0, 0.17), (1.46, 0.16), (-0.385, 0.15, 0.17), (-0.33, -0.14, 0.36),
        (1.34, 0.40, 0.07), (1.36, -0.30, 0.08), elbows=1.0),
    Key(800, (0.54, 0, 0.16), (1.48, 0.16), (-0.365, 0.16, 0.16), (-0.365, -0.14, 0.15),
        (1.30, 0.34, 0.07), (1.26, -0.20, 0.08), elbows=1.0),
    Key(1_550, (0.54, 0, 0.17), (1.42, 0.20), (-0.365, 0.16, 0.17), (-0.32, -0.16, 0.32),
        (1.22, 0.26, 0.08), (1.22, -0.20, 0.08), elbows=1.0),
    Key(1_780, (0.40, 0, 0.53), (1.16, 0.08), (-0.18, 0.16, 0.10), (-0.15, -0.14, 0.10),
        (0.94, 0.24, 0.09), (0.94, -0.22, 0.09), elbows=0.4),
    Key(2_000, (0.22, 0, 0.55), (0.66, 0.02), (0.36, 0.16, 0.08), (-0.24, -0.14, 0.12),
        (0.50, 0.20, 0.56), (0.42, -0.26, 0.58), elbows=0.3),
    Key(2_200, (0.08, 0, 0.80), (0.34, 0), (0.20, 0.14, 0.08), (-0.16, -0.14, 0.11),
        (0.28, 0.26, 0.80), (0.22, -0.30, 0.80)),
)  # fmt: skip
# A knee slide: on both knees over the grass, the back arched, the arms wide.
_KNEE_SLIDE = (
    Key(60, (0.0, 0, 0.74), (0.12, 0), (0.16, 0.16, 0.10), (-0.30, -0.16, 0.16),
        (0.25, 0.50, 1.15), (0.25, -0.50, 1.15)),
    Key(240, (0.0, 0, 0.51), (-0.18, 0), (-0.37, 0.14, 0.09), (-0.37, -0.14, 0.09),
        (0.10, 0.76, 1.15), (0.10, -0.76, 1.15)),
    Key(450, (0.02, 0, 0.50), (-0.42, 0), (-0.37, 0.14, 0.09), (-0.37, -0.14, 0.09),
        (-0.16, 0.80, 1.22), (-0.16, -0.80, 1.22)),
    Key(1_500, (0.02, 0, 0.50), (-0.36, 0), (-0.37, 0.14, 0.09), (-0.37, -0.14, 0.09),
        (-0.10, 0.76, 1.34), (-0.10, -0.76, 1.34)),
    Key(1_850, (0.02, 0, 0.51), (0.12, 0), (-0.37, 0.14, 0.09), (-0.37, -0.14, 0.09),
        (0.15, 0.50, 1.05), (0.15, -0.50, 1.05)),
    Key(2_150, (0.05, 0, 0.60), (0.36, 0), (0.30, 0.15, 0.09), (-0.30, -0.15, 0.11),
        (0.36, 0.20, 0.66), (0.25, -0.32, 0.72)),
    Key(2_350, (0.03, 0, 0.82), (0.20, 0), (0.16, 0.14, 0.08), (-0.16, -0.14, 0.10),
        (0.20, 0.30, 0.86), (0.18, -0.32, 0.86)),
)  # fmt: skip
_ARMS_RAISED = Key(150, legs=0.0, left_hand=(0.05, 0.40, 1.98), right_hand=(0.05, -0.40, 1.98))
_CARRYING = Key(0, legs=0.0, left_hand=HOLDING[0], right_hand=HOLDING[1])
_COVERING = Key(450, legs=0.0, left_hand=(0.19, 0.02, 0.80), right_hand=(0.17, -0.02, 0.83))
_SIGNALLING = Key(0, legs=0.0, left_hand=(0.03, 0.28, 0.80), right_hand=(0.06, -0.24, 2.02))

_UPRIGHT = Key(0, left_hand=(0.06, 0.29, 0.80), right_hand=(0.06, -0.29, 0.80))
_LUNGE = (
    Key(700, (0.06, 0, 0.58), (0.22, 0), (0.58, 0.13, 0.08), (-0.56, -0.13, 0.18),
        (0.50, 0.16, 0.66), (0.46, 0.04, 0.68), elbows=0.3),
    Key(1_400, (0.06, 0, 0.54), (0.14, 0), (0.60, 0.13, 0.08), (-0.58, -0.13, 0.18),
        (0.50, 0.16, 0.64), (0.46, 0.04, 0.66), elbows=0.3),
)  # fmt: skip
_CIRCLE: tuple[tuple[float, float, float], ...] = (  # hands around the shoulders: forward, side, up
    (0.52, 0.36, 1.42), (0.34, 0.36, 1.84), (-0.06, 0.42, 1.94), (-0.38, 0.54, 1.62),
    (-0.40, 0.48, 1.22), (-0.12, 0.40, 0.86), (0.36, 0.36, 0.98),
)  # fmt: skip
_BEND = Key(
    7_300, (0.0, -0.06, 0.94), (0.04, 0.42), (0.0, 0.24, 0.08), (0.0, -0.24, 0.08),
    (0.05, 0.50, 0.70), (0.04, 0.24, 1.92), elbows=0.3,
)  # fmt: skip


def _arm_circles() -> tuple[Key, ...]:
    """Keys of two circles of both arms, from 4.2 to 6.3 s."""
    return tuple(
        _UPRIGHT._replace(ms=4_200 + 150 * i, left_hand=(x, y, z), right_hand=(x, -y, z))
        for i, (x, y, z) in enumerate(_CIRCLE + _CIRCLE)
    )


STRETCH_PERIOD_MS = 8_000
# Warming up: a lunge with either leg, arm circles, a bend to the side; begins and ends upright.
_STRETCH: tuple[Key, ...] = (
    _UPRIGHT,
    *_LUNGE,
    _UPRIGHT._replace(ms=2_000),
    *(mirrored(key)._replace(ms=key.ms + 2_000) for key in _LUNGE),
    _UPRIGHT._replace(ms=4_000),
    *_arm_circles(),
    _UPRIGHT._replace(ms=6_500),
    _BEND,
    _UPRIGHT._replace(ms=STRETCH_PERIOD_MS),
)

KEYS: dict[Gesture, tuple[Key, ...]] = {
    Gesture.KICK_RIGHT: _with_fades(_KICK, -340, 330),
    Gesture.LOFT_RIGHT: _with_fades(_LOFT, -420, 420),
    Gesture.SHOT_RIGHT: _with_fades(_SHOT, -420, 420),
    Gesture.TOUCH_RIGHT: _with_fades(_TOUCH, -260, 250),
    Gesture.HEADER: _with_fades(_HEADER, -360, 360),
    Gesture.THROW_IN: _with_fades(_THROW_IN, -1_050, 480),
    Gesture.SLIDE: _with_fades(_SLIDE, -340, 950),
    Gesture.TACKLE: _with_fades(_TACKLE, -320, 420),
    Gesture.BLOCK: _with_fades(_BLOCK, -280, 360),
    Gesture.FEINT: _with_fades(_FEINT, -300, 360),
    Gesture.CATCH: _with_fades(_CATCH, -390, 1_000),
    Gesture.DIVE_LEFT: _with_fades(_DIVE_LEFT, -500, 2_250),
    Gesture.PICK_UP: _with_fades(_PICK_UP, -500, 1_300),
    Gesture.FALL: _with_fades(_FALL, -160, 2_420),
    Gesture.KNEE_SLIDE: _with_fades(_KNEE_SLIDE, -150, 2_520),
    Gesture.CELEBRATE: _with_fades((_ARMS_RAISED, _ARMS_RAISED._replace(ms=9_000)), -100, 9_400),
    Gesture.CARRY: _with_fades((_CARRYING, _CARRYING._replace(ms=120_000)), -150, 120_400),
    Gesture.WALL: _with_fades((_COVERING, _COVERING._replace(ms=60_000)), 0, 60_400),
    Gesture.SIGNAL: _with_fades((_SIGNALLING, _SIGNALLING._replace(ms=1_500)), -220, 1_800),
    Gesture.STRETCH: _STRETCH,
}
"""Key poses of each gesture in order of time; left-footed ones and DIVE_RIGHT are mirrored in `gestures`."""
