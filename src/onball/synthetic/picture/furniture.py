"""What stands on the pitch: goals with their nets, and corner flags."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onball.synthetic.picture.capsules import SHIFT
from onball.synthetic.picture.colours import RGB
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.scene import NEAR, Canvas, Floats, Scene
from onball.synthetic.world import GOAL_HEIGHT, GOAL_WIDTH, HALF_LENGTH, HALF_WIDTH

POST_RADIUS, FLAG_HEIGHT = 0.06, 1.5
_TOP, _FOOT = 0.9, 1.9  # how deep the net is at the bar and on the ground, metres


class Furniture(NamedTuple):
    """What stands on the pitch: goal frames and corner flags, as capsules."""

    starts: Floats  # [F, 3], metres
    ends: Floats  # [F, 3]
    radii: Floats  # [F]
    colours: Floats  # [F, 3]

    @classmethod
    def build(cls) -> Furniture:
        """Two goals and four flags."""
        half, white, pole, flag = GOAL_WIDTH / 2, (232, 232, 232), (214, 204, 150), (214, 60, 40)
        rows: list[tuple[tuple[float, ...], tuple[float, ...], float, tuple[int, ...]]] = []
        for x in (-HALF_LENGTH, HALF_LENGTH):
            for y in (-half, half):
                rows.append(((x, y, 0), (x, y, GOAL_HEIGHT), POST_RADIUS, white))
            rows.append(((x, -half, GOAL_HEIGHT), (x, half, GOAL_HEIGHT), POST_RADIUS, white))
            for y in (-HALF_WIDTH, HALF_WIDTH):
                rows.append(((x, y, 0), (x, y, FLAG_HEIGHT), 0.03, pole))
                top = FLAG_HEIGHT - 0.15
                rows.append(((x, y, top), (x - 0.004 * x, y, top), 0.14, flag))
        return cls(*(np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)))


class Net:
    """One goal's net: strings that the background shines through."""

    def __init__(self, side: int) -> None:
        self._strings = _strings(side)
        #: Its middle, `[3]`, metres.
        self.middle: Floats = np.array([side * (HALF_LENGTH + _FOOT / 2), 0.0, GOAL_HEIGHT / 2])

    def draw(self, canvas: Canvas, scene: Scene, colour: RGB, share: float) -> None:
        """Paint the strings in a colour that covers `share` of what is behind."""
        pixels, depth = scene.project(self._strings)
        if depth.min() < NEAR or (pixels.max((0, 1)) < 0).any():
            return
        if (pixels.min((0, 1)) > (scene.width, scene.height)).any():
            return
        low = np.maximum(np.floor(pixels.min((0, 1))) - 2, 0).astype(int).tolist()
        high = np.minimum(np.ceil(pixels.max((0, 1))) + 3, (scene.width, scene.height))
        x1, y1 = high.astype(int).tolist()
        part = canvas[low[1] : y1, low[0] : x1]
        netted = part.copy()
        strings = np.round((pixels - low) * 2**SHIFT).astype(np.int32)
        cv2.polylines(netted, list(strings), False, colour, 1, cv2.LINE_AA, SHIFT)
        cv2.addWeighted(netted, share, part, 1 - share, 0, dst=part)


def _strings(side: int) -> Floats:
    """Strings of a goal's net as polylines of three points, `[strings, 3, 3]`."""
    half, top, foot = GOAL_WIDTH / 2, _TOP, _FOOT
    line = side * HALF_LENGTH
    strings = []
    for y in np.linspace(-half, half, 21):  # from the bar over the back to the ground
        strings.append(
            [
                (line, y, GOAL_HEIGHT),
                (line + side * top, y, GOAL_HEIGHT),
                (line + side * foot, y, 0),
            ]
        )
    for share in np.linspace(0.0, 0.9, 9):  # around the back at one height
        depth = side * (foot + share * (top - foot))
        z = share * GOAL_HEIGHT
        strings.append([(line + depth, -half, z), (line + depth, 0, z), (line + depth, half, z)])
        for y in (-half, half):
            strings.append([(line, y, z), (line + depth / 2, y, z), (line + depth, y, z)])
    return np.array(strings, dtype=np.float64)
