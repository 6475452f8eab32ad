"""The near side of the pitch: dugouts, of which the main camera sees roofs and backs, and boards."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from onball.synthetic.picture.colours import RGB, shade
from onball.synthetic.picture.look import Look
from onball.synthetic.picture.quads import drop_hidden, fill
from onball.synthetic.picture.scene import Canvas, Floats, Scene
from onball.synthetic.picture.stadium import BOARD_Y, near_boards
from onball.synthetic.world import HALF_WIDTH

INNER, OUTER = 8.0, 18.0
FRONT, BACK = -HALF_WIDTH - 5.8, -HALF_WIDTH - 7.4
LOW, HIGH = 1.4, 1.8
_STRUTS = 6


class Benches:
    """Draws the dugouts; before the people when the camera sees them from the pitch, else after."""

    name = "benches"

    def __init__(self, look: Look, before_people: bool) -> None:
        gain = min(1.0, 0.3 + 0.7 * look.light.stands)
        colour = shade(look.stands.dugout, gain)
        self._before_people = before_people
        self._boards = near_boards(look.stands.board_height)
        self._behind: RGB = shade((62, 64, 70), gain)
        self._faces, self._colours = _dugouts(colour, shade(look.stands.seats, 0.5))

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint from far to near the faces that are turned to the camera."""
        if bool(scene.eye[1] > BACK) is not self._before_people:
            return
        if scene.eye[1] < -BOARD_Y:
            for _, _, corners in drop_hidden(scene, self._boards):
                fill(canvas, corners, self._behind)
        faces = self._faces
        normal = np.cross(faces[:, 1] - faces[:, 0], faces[:, 3] - faces[:, 0])
        away = ((scene.eye - faces[:, 0]) * normal).sum(1) > 0
        for face, _, corners in drop_hidden(scene, faces, away):
            fill(canvas, corners, self._colours[face])


def _dugouts(colour: RGB, seats: RGB) -> tuple[Floats, list[RGB]]:
    """Faces `[N, 4, 3]`, clockwise as seen from outside, and their colours."""
    faces, colours = [], []
    roof, back, side = shade(colour, 1.1), shade(colour, 0.45), shade(colour, 0.7)
    for sign in (-1, 1):
        edges = np.sort(np.linspace(sign * INNER, sign * OUTER, _STRUTS + 1))
        for left, right in pairwise(edges.tolist()):
            gap = 0.12 * (right - left)
            faces.append(
                [(left, FRONT, HIGH), (right, FRONT, HIGH), (right, BACK, LOW), (left, BACK, LOW)]
            )
            colours.append(shade(roof, 0.75))
            high, low = HIGH + 0.02, LOW + 0.02  # a little nearer than what it lies on
            inner = [(left + gap, FRONT, high), (right - gap, FRONT, high)]
            inner += [(right - gap, BACK, low), (left + gap, BACK, low)]
            faces.append(inner)
            colours.append(roof)
            faces.append([(left, BACK, LOW), (right, BACK, LOW), (right, BACK, 0), (left, BACK, 0)])
            colours.append(back)
            # From the pitch: dark inside, a row of seats.
            faces.append(
                [(right, FRONT, HIGH), (left, FRONT, HIGH), (left, FRONT, 0), (right, FRONT, 0)]
            )
            colours.append(shade(back, 0.7))
            faces.append(
                [
                    (x, FRONT + 0.02, z)
                    for x, z in (
                        (right - gap, 0.9),
                        (left + gap, 0.9),
                        (left + gap, 0.3),
                        (right - gap, 0.3),
                    )
                ]
            )
            colours.append(seats)
        low, high = float(edges[0]), float(edges[-1])
        faces.append([(low, FRONT, HIGH), (low, BACK, LOW), (low, BACK, 0), (low, FRONT, 0)])
        faces.append([(high, BACK, LOW), (high, FRONT, HIGH), (high, FRONT, 0), (high, BACK, 0)])
        colours += [side, side]
    return np.array(faces, np.float64), colours
