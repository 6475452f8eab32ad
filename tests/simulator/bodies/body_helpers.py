"""Bodies in a given pose."""

import numpy as np

from onball.simulator.bodies.skeleton import (
    END_RADII,
    ENDS,
    START_RADII,
    STARTS,
    Joint,
    skeleton,
)
from onball.simulator.world import (
    PEOPLE,
    Gesture,
    WorldState,
)

PERSON = 7
GESTURES = [gesture for gesture in Gesture if gesture is not Gesture.NONE]
HANDS = [Joint.LEFT_HAND, Joint.RIGHT_HAND]
ANKLES = [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]


def posed_world(gesture=Gesture.NONE, ms=0, *, xy=(0.0, 0.0), heading=0.0, speed=0.0, stride=0.0):
    """All people in the same pose, or each at an own time `ms`, at the same place, without a ball."""
    return WorldState(
        time_ms=0,
        xy=np.tile(np.float32(xy), (PEOPLE, 1)),
        heading=np.full(PEOPLE, heading, np.float32),
        speed=np.full(PEOPLE, speed, np.float32),
        stride=np.full(PEOPLE, stride, np.float32),
        gesture=np.full(PEOPLE, gesture, np.uint8),
        gesture_ms=np.full(PEOPLE, ms, np.int32),
        ball=np.full(3, np.nan, np.float32),
        spare_ball=np.full(3, np.nan, np.float32),
    )


def body(*args, **kwargs):
    return skeleton(posed_world(*args, **kwargs))[PERSON]


def distances_to_limbs(joints, point):
    """Distances from a point `[3]` to the surface of every capsule, `[C]`, metres."""
    start, end = joints[STARTS], joints[ENDS]
    along = end - start
    fraction = ((point - start) * along).sum(1) / np.maximum((along**2).sum(1), 1e-9)
    nearest = start + np.clip(fraction, 0, 1)[:, None] * along
    return np.linalg.norm(nearest - point, axis=1) - np.maximum(START_RADII, END_RADII)
