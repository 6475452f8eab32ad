"""Details of bodies beyond their limbs: shirt patterns, gloves and flags, numbers, faces.

They are capsules like the limbs. Each belongs to a person, and is painted as if it were somewhat nearer
than it is, so that what lies on a shirt is not hidden in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import Joint
from onball.simulator.look.colours import RGB, shade
from onball.simulator.look.kits import Pattern
from onball.simulator.look.look import Look
from onball.simulator.paint.scene import NEAR, Floats, Scene
from onball.simulator.world import ASSISTANTS

CLOSE_UP = 60.0
"""From this height of a body on, in pixels of a 224-line picture, its face and number are painted."""

# (across, along) of both ends in a trunk's frame: across from -1 (right) to 1 (left), along from
# 0 (pelvis) to 1 (neck); then the radius in metres.
_Stroke = tuple[tuple[float, float], tuple[float, float], float]
PATTERNS: dict[Pattern, tuple[_Stroke, ...]] = {
    Pattern.PLAIN: (),
    Pattern.STRIPES: tuple(((x, 0.95), (0.85 * x, 0.08), 0.035) for x in (-0.72, 0.0, 0.72)),
    Pattern.HOOPS: tuple(((-0.85, y), (0.85, y), 0.045) for y in (0.2, 0.52, 0.84)),
    Pattern.SASH: (((0.72, 0.93), (-0.72, 0.12), 0.055),),
    Pattern.HALVES: (((0.36, 0.94), (0.32, 0.06), 0.08),),
}
_HALF_TRUNK = 0.24
_CLOTH = np.linspace(0.12, 0.84, 6)  # heights of the cloth across a trunk
# The strokes of a digit as corners of a box two high and one wide: a seven-segment display.
_SEGMENTS = (((0, 2), (1, 2)), ((1, 2), (1, 1)), ((1, 1), (1, 0)), ((1, 0), (0, 0)), ((0, 0), (0, 1)),
             ((0, 1), (0, 2)), ((0, 1), (1, 1)))  # fmt: skip
_DIGITS = ("012345", "45", "01643", "01236", "5612", "05623", "054326", "012", "0123456", "650123")


class Details:
    """Capsules of one moment.

    Attributes:
        starts, ends: `[N, 3]`, metres.
        radii: `[N]`.
        colours: `[N, 3]`.
        owner: `[N]`, whose they are.
        nearer: `[N]`, by how many metres they are brought forward.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[Floats, Floats, float, RGB, int, float]] = []
        self._blocks: list[tuple[Floats, ...]] = []

    def add(
        self, start: Floats, end: Floats, radius: float, colour: RGB, owner: int, nearer: float
    ) -> None:
        """One more capsule."""
        self._rows.append((start, end, radius, colour, owner, nearer))

    def add_many(self, *columns: Floats) -> None:
        """Many more: `starts, ends, radii, colours, owner, nearer`."""
        self._blocks.append(columns)

    def columns(self) -> tuple[Floats, ...]:
        """`starts, ends, radii, colours, owner, nearer`."""
        blocks = list(self._blocks)
        if self._rows:
            rows = zip(*self._rows, strict=True)
            blocks.append(tuple(np.array(column, np.float64) for column in rows))
        if not blocks:
            nothing = np.zeros(0)
            return np.zeros((0, 3)), np.zeros((0, 3)), nothing, np.zeros((0, 3)), nothing, nothing
        return tuple(np.concatenate(column) for column in zip(*blocks, strict=True))


class Wardrobe:
    """Makes the details of a match's people."""

    def __init__(self, look: Look, supersampling: float) -> None:
        self._people = look.outfits.people
        self._referee: RGB = (236, 70, 40)
        self._close = CLOSE_UP * supersampling
        strokes = [
            (person, stroke)
            for person, one in enumerate(self._people)
            for stroke in PATTERNS[one.kit.pattern]
        ]
        self._drawn_on = np.array([person for person, _ in strokes], np.int64)
        self._strokes = np.array([s[:2] for _, s in strokes], np.float64).reshape(-1, 2, 2)
        self._thick = np.array([stroke[2] for _, stroke in strokes])
        self._inks = np.array([self._people[i].kit.second for i in self._drawn_on]).reshape(-1, 3)
        self._nearer = np.full(len(strokes), 0.10)

    def details(self, scene: Scene) -> Details:
        """Whatever is to be seen of them in this scene."""
        made = Details()
        trunk = _Trunk(scene.joints)
        if len(self._drawn_on):
            starts = trunk.at(self._drawn_on, self._strokes[:, 0])
            ends = trunk.at(self._drawn_on, self._strokes[:, 1])
            made.add_many(
                starts, ends, self._thick, self._inks, self._drawn_on.astype(float), self._nearer
            )
        for keeper, one in enumerate(self._people):
            if one.gloves is None:
                continue
            for hand in (Joint.LEFT_HAND, Joint.RIGHT_HAND):
                at = scene.joints[keeper, hand]
                made.add(at, at, 0.062, one.gloves, keeper, 0.03)
        for assistant in ASSISTANTS:
            self._flag(made, scene, assistant)
        _, depth = scene.project(scene.joints[:, Joint.PELVIS])
        with np.errstate(invalid="ignore"):
            tall = 1.8 * scene.pixels_per_metre / np.maximum(depth, NEAR)
            near = (depth > NEAR) & (tall > self._close)
        for person in np.flatnonzero(near).tolist():
            self._shirt(made, trunk, person)
            self._face(made, scene, person)
            self._number(made, scene, trunk, person)
        return made

    def _flag(self, made: Details, scene: Scene, person: int) -> None:
        """A stick on from the forearm, and half of it cloth."""
        hand = scene.joints[person, Joint.RIGHT_HAND]
        way = hand - scene.joints[person, Joint.RIGHT_ELBOW]
        way = way / max(float(np.linalg.norm(way)), 1e-6)
        made.add(hand, hand + 0.5 * way, 0.018, (60, 50, 40), person, 0.05)
        made.add(hand + 0.22 * way, hand + 0.46 * way, 0.10, self._referee, person, 0.04)

    def _shirt(self, made: Details, trunk: _Trunk, person: int) -> None:
        """Cloth across the trunk: without it one sees from near that a shirt is several limbs."""
        kit = self._people[person].kit
        if kit.pattern is Pattern.HALVES:
            return
        whose = np.full(len(_CLOTH), person)
        rights = trunk.at(whose, np.stack([np.full(len(_CLOTH), -0.66), _CLOTH], 1))
        lefts = trunk.at(whose, np.stack([np.full(len(_CLOTH), 0.66), _CLOTH], 1))
        for right, left in zip(rights, lefts, strict=True):
            made.add(right, left, 0.095, shade(kit.shirt, 0.97), person, 0.05)
        low, high = trunk.at(whose[:2], np.array([(0.0, 0.2), (0.0, 0.8)]))
        made.add(low, high, 0.10, shade(kit.shirt, 1.02), person, 0.07)

    def _face(self, made: Details, scene: Scene, person: int) -> None:
        one = self._people[person]
        head, crown = scene.joints[person, Joint.HEAD], scene.joints[person, Joint.CROWN]
        up = head - scene.joints[person, Joint.NECK]
        up = up / max(float(np.linalg.norm(up)), 1e-6)
        # The crown is behind and above the middle of the head: away from it is where the face looks.
        ahead = (head - crown) - ((head - crown) @ up) * up
        length = float(np.linalg.norm(ahead))
        if length < 1e-6:
            return
        ahead = ahead / length
        left = np.cross(up, ahead)
        towards = scene.eye - head
        towards = towards / np.linalg.norm(towards)
        for hand in (Joint.LEFT_HAND, Joint.RIGHT_HAND):
            if one.gloves is None:
                at = scene.joints[person, hand]
                made.add(at, at, 0.05, one.skin, person, 0.02)
        if ahead @ towards < -0.2:
            return
        dark = shade(one.skin, 0.82)
        if one.beard:
            mixed = np.array(one.hair) * 0.65 + np.array(one.skin) * 0.35
            red, green, blue = mixed.astype(int).tolist()
            chin = head + 0.055 * ahead - 0.075 * up
            for side in (-1, 1):
                ear = head + 0.01 * ahead - 0.03 * up + side * 0.075 * left
                made.add(ear, chin, 0.034, (red, green, blue), person, 0.09)
            mouth = head + 0.095 * ahead - 0.06 * up
            made.add(mouth - 0.018 * left, mouth + 0.018 * left, 0.010, dark, person, 0.16)
        nose = head + 0.11 * ahead - 0.015 * up
        made.add(nose + 0.03 * up, nose, 0.016, dark, person, 0.15)
        for side in (-1, 1):
            eye = head + 0.09 * ahead + 0.02 * up + side * 0.04 * left
            made.add(eye - 0.006 * left, eye + 0.006 * left, 0.010, (44, 34, 32), person, 0.14)

    def _number(self, made: Details, scene: Scene, trunk: _Trunk, person: int) -> None:
        number = self._people[person].number
        back = trunk.at(np.array([person]), np.array([(0.0, 0.58)]))[0] - 0.14 * trunk.ahead[person]
        towards = scene.eye - back
        if not number or trunk.ahead[person] @ towards > -0.25 * np.linalg.norm(towards):
            return
        right, up = -trunk.left[person], trunk.up[person]
        digits = str(number)
        wide, high, gap = 0.10, 0.12, 0.055
        ink = self._people[person].kit.number
        first = -(len(digits) * wide + (len(digits) - 1) * gap) / 2
        for place, digit in enumerate(digits):
            corner = back + (first + place * (wide + gap)) * right - high * up
            for segment in _DIGITS[int(digit)]:
                (x0, y0), (x1, y1) = _SEGMENTS[int(segment)]
                start = corner + x0 * wide * right + y0 * high * up
                end = corner + x1 * wide * right + y1 * high * up
                made.add(start, end, 0.017, ink, person, 0.22)


class _Trunk:
    """Frames of everyone's trunk: unit vectors `ahead`, `left`, `up`, each `[PEOPLE, 3]`."""

    def __init__(self, joints: Floats) -> None:
        self._pelvis, self._neck = joints[:, Joint.PELVIS], joints[:, Joint.NECK]
        across = joints[:, Joint.LEFT_SHOULDER] - joints[:, Joint.RIGHT_SHOULDER]
        self.left = _unit(across)
        self.up = _unit(self._neck - self._pelvis)
        self.ahead = _unit(np.cross(self.left, self.up))

    def at(self, person: NDArray[np.int64], places: Floats) -> Floats:
        """Points `[N, 3]` of the people `[N]` at (across, along) `[N, 2]`."""
        along = self._neck[person] - self._pelvis[person]
        aside = _HALF_TRUNK * places[:, :1] * self.left[person]
        return np.asarray(self._pelvis[person] + places[:, 1:] * along + aside)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))
