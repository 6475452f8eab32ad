"""World states, cameras and looks for tests of the painter."""

from dataclasses import replace

import numpy as np

from onball.simulator.look.look import Bug, Look
from onball.simulator.world import PEOPLE, Camera, Gesture, WorldState

BALL, SPARE_BALL = PEOPLE, PEOPLE + 1
"""Rows of the balls in the boxes of a frame."""
SIZE = (398, 224)
_NO_GRAPHICS = {"opacity": 0.0, "bug_at": (0.0, 0.0), "bug": Bug.DARK}


def crowded_state(seed=0, time_ms=0):
    """Random state with all people around the centre circle, many with a gesture."""
    rng = np.random.default_rng(seed)
    return WorldState(
        time_ms=time_ms,
        xy=rng.uniform((-22, -24), (22, 28), (PEOPLE, 2)).astype(np.float32),
        heading=rng.uniform(-np.pi, np.pi, PEOPLE).astype(np.float32),
        speed=rng.uniform(0, 8, PEOPLE).astype(np.float32),
        stride=rng.uniform(0, 6, PEOPLE).astype(np.float32),
        gesture=rng.integers(0, len(Gesture), PEOPLE).astype(np.uint8),
        gesture_ms=rng.integers(-300, 300, PEOPLE).astype(np.int32),
        ball=np.array([1.0, -2.0, 0.11], np.float32),
        spare_ball=np.array([20.0, -36.0, 0.11], np.float32),
    )


def empty_state():
    """An empty pitch."""
    state = crowded_state()
    state.xy[:] = np.nan
    state.ball[:] = np.nan
    state.spare_ball[:] = np.nan
    return state


def lone_person(x, y, person=5):
    """One standing person at (x, y)."""
    state = empty_state()
    state.xy[person] = (x, y)
    state.gesture[:] = 0
    state.speed[:] = 0
    return state


def ideal_camera(look, **lens):
    """The look without shadows, and with a neutral lens except for the given fields."""
    perfect = replace(
        look.lens,
        distortion=0.0,
        vignette=0.0,
        defocus=0.0,
        sharpening=0.0,
        saturation=1.0,
        exposure=1.0,
        white_balance=(1.0, 1.0, 1.0),
        contrast=1.0,
        gamma=1.0,
        grain=0.0,
        chroma_grain=0.0,
    )
    light = replace(look.light, shadow=0.0, shade_offset=float("inf"))
    return replace(look, lens=replace(perfect, **lens), light=light)


def ideal_look(seed=4, light=None, stands=None, **lens):
    """A look without shadows, watermark and lens effects, except for the given fields."""
    look = ideal_camera(Look.random(seed), **lens)
    return replace(
        look,
        light=replace(look.light, **(light or {})),
        stands=replace(look.stands, **(stands or {})),
        graphics=replace(look.graphics, **_NO_GRAPHICS),
    )


def main_camera(x=0.0, y=0.0, focal=2.6):
    """Main camera that looks at (x, y)."""
    return Camera.looking_at(np.array([x * 0.3, -85.0, 20.0]), np.array([x, y, 0.0]), focal)


def changed_pixels(painter, one, other, camera):
    """Mask of the pixels in which the frames of two states differ."""
    difference = painter.paint(one, camera).astype(int) - painter.paint(other, camera)
    return np.abs(difference).max(2) > 12


def extent(mask):
    """Bounding box of a mask: x0, y0, x1, y1."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
