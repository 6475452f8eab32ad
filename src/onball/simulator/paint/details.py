"""Details of bodies beyond their limbs: shirt patterns, gloves, flags, numbers and faces.

Details are capsules like the limbs. Each belongs to a person, and is painted as if it were slightly
nearer to the camera than it is, so that a stripe on a shirt is not hidden inside the trunk.
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
"""Body height in pixels of a frame of 224 lines from which on face and number are painted."""

_Stroke = tuple[tuple[float, float], tuple[float, float], float]
#: Strokes of each pattern: both ends as (across, along) on a trunk, and the radius in metres.
#: Across runs from -1 (right) to 1 (left), along from 0 (pelvis) to 1 (neck).
PATTERNS: dict[Pattern, tuple[_Stroke, ...]] = {
    Pattern.PLAIN: (),
    Pattern.STRIPES: tuple(((x, 0.95), (0.85 * x, 0.08), 0.035) for x in (-0.72, 0.0, 0.72)),
    Pattern.HOOPS: tuple(((-0.85, y), (0.85, y), 0.045) for y in (0.2, 0.52, 0.84)),
    Pattern.SASH: (((0.72, 0.93), (-0.72, 0.12), 0.055),),
    Pattern.HALVES: (((0.36, 0.94), (0.32, 0.06), 0.08),),
}
_HALF_TRUNK = 0.24
_CLOTH = np.linspace(0.12, 0.84, 6)  # positions along the trunk of the cloth between the limbs
_FLAG_COLOUR, _FLAG_STICK = (236, 70, 40), (60, 50, 40)
_EYE_COLOUR = (44, 34, 32)
# Digits as on a seven-segment display; segments are strokes in a box two high and one wide.
_SEGMENTS = (((0, 2), (1, 2)), ((1, 2), (1, 1)), ((1, 1), (1, 0)), ((1, 0), (0, 0)), ((0, 0), (0, 1)),
             ((0, 1), (0, 2)), ((0, 1), (1, 1)))  # fmt: skip
_DIGITS = ("012345", "45", "01643", "01236", "5612", "05623", "054326", "012", "0123456", "650123")


class DetailCapsules:
    """Growing list of capsules of one scene.

    Its columns are:

    - `starts, ends`: `[N, 3]`, metres.
    - `radii`: `[N]`, metres.
    - `colours`: `[N, 3]`, RGB 0 to 255.
    - `owners`: `[N]`, index of the person each capsule belongs to.
    - `nearer`: `[N]`, metres by which each capsule is brought forward.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[Floats, Floats, float, RGB, int, float]] = []
        self._blocks: list[tuple[Floats, ...]] = []

    def add(
        self, start: Floats, end: Floats, radius: float, colour: RGB, owner: int, nearer: float
    ) -> None:
        """Add one capsule."""
        self._rows.append((start, end, radius, colour, owner, nearer))

    def add_many(self, *columns: Floats) -> None:
        """Add several capsules, given as `starts, ends, radii, colours, owners, nearer`."""
        self._blocks.append(columns)

    def columns(self) -> tuple[Floats, ...]:
        """All capsules as `starts, ends, radii, colours, owners, nearer`."""
        blocks = list(self._blocks)
        if self._rows:
            rows = zip(*self._rows, strict=True)
            blocks.append(tuple(np.array(column, np.float64) for column in rows))
        if not blocks:
            nothing = np.zeros(0)
            return np.zeros((0, 3)), np.zeros((0, 3)), nothing, np.zeros((0, 3)), nothing, nothing
        return tuple(np.concatenate(column) for column in zip(*blocks, strict=True))


class DetailBuilder:
    """Builder of the details of all people of a match.

    Args:
        look: appearance of the match.
        scale: height of the canvas, as a multiple of 224 lines.
    """

    def __init__(self, look: Look, scale: float) -> None:
        self._people = look.outfits.people
        self._close_up = CLOSE_UP * scale
        strokes = [
            (index, stroke)
            for index, person in enumerate(self._people)
            for stroke in PATTERNS[person.kit.pattern]
        ]
        self._owners = np.array([index for index, _ in strokes], np.int64)
        self._strokes = np.array([s[:2] for _, s in strokes], np.float64).reshape(-1, 2, 2)
        self._radii = np.array([stroke[2] for _, stroke in strokes])
        self._inks = np.array([self._people[i].kit.second for i in self._owners]).reshape(-1, 3)
        self._nearer = np.full(len(strokes), 0.10)

    def build(self, scene: Scene) -> DetailCapsules:
        """Collect patterns, gloves and flags, and shirts, faces and numbers in close-ups."""
        made = DetailCapsules()
        trunk = _Trunk(scene.joints)
        if len(self._owners):
            starts = trunk.at(self._owners, self._strokes[:, 0])
            ends = trunk.at(self._owners, self._strokes[:, 1])
            owners = self._owners.astype(float)
            made.add_many(starts, ends, self._radii, self._inks, owners, self._nearer)
        for index, person in enumerate(self._people):
            if person.gloves is None:
                continue
            for hand in (Joint.LEFT_HAND, Joint.RIGHT_HAND):
                at = scene.joints[index, hand]
                made.add(at, at, 0.062, person.gloves, index, 0.03)
        for assistant in ASSISTANTS:
            self._add_flag(made, scene, assistant)
        _, depth = scene.project(scene.joints[:, Joint.PELVIS])
        with np.errstate(invalid="ignore"):
            height = 1.8 * scene.pixels_per_metre / np.maximum(depth, NEAR)
            close = (depth > NEAR) & (height > self._close_up)
        for index in np.flatnonzero(close).tolist():
            self._add_shirt(made, trunk, index)
            self._add_face(made, scene, index)
            self._add_number(made, scene, trunk, index)
        return made

    def _add_flag(self, made: DetailCapsules, scene: Scene, index: int) -> None:
        """Add an assistant's flag: a stick that continues the forearm, and the cloth on it."""
        hand = scene.joints[index, Joint.RIGHT_HAND]
        direction = hand - scene.joints[index, Joint.RIGHT_ELBOW]
        direction = direction / max(float(np.linalg.norm(direction)), 1e-6)
        made.add(hand, hand + 0.5 * direction, 0.018, _FLAG_STICK, index, 0.05)
        begin, end = hand + 0.22 * direction, hand + 0.46 * direction
        made.add(begin, end, 0.10, _FLAG_COLOUR, index, 0.04)

    def _add_shirt(self, made: DetailCapsules, trunk: _Trunk, index: int) -> None:
        """Add cloth across the trunk, which otherwise shows as separate limbs in a close-up."""
        kit = self._people[index].kit
        if kit.pattern is Pattern.HALVES:
            return
        owners = np.full(len(_CLOTH), index)
        rights = trunk.at(owners, np.stack([np.full(len(_CLOTH), -0.66), _CLOTH], 1))
        lefts = trunk.at(owners, np.stack([np.full(len(_CLOTH), 0.66), _CLOTH], 1))
        for right, left in zip(rights, lefts, strict=True):
            made.add(right, left, 0.095, shade(kit.shirt, 0.97), index, 0.05)
        low, high = trunk.at(owners[:2], np.array([(0.0, 0.2), (0.0, 0.8)]))
        made.add(low, high, 0.10, shade(kit.shirt, 1.02), index, 0.07)

    def _add_face(self, made: DetailCapsules, scene: Scene, index: int) -> None:
        """Add bare hands, and eyes, nose and beard of a face that is turned to the camera."""
        person = self._people[index]
        head, crown = scene.joints[index, Joint.HEAD], scene.joints[index, Joint.CROWN]
        up = head - scene.joints[index, Joint.NECK]
        up = up / max(float(np.linalg.norm(up)), 1e-6)
        # The crown is behind and above the centre of the head: the face looks away from it.
        ahead = (head - crown) - ((head - crown) @ up) * up
        length = float(np.linalg.norm(ahead))
        if length < 1e-6:
            return
        ahead = ahead / length
        left = np.cross(up, ahead)
        towards = scene.eye - head
        towards = towards / np.linalg.norm(towards)
        for hand in (Joint.LEFT_HAND, Joint.RIGHT_HAND):
            if person.gloves is None:
                at = scene.joints[index, hand]
                made.add(at, at, 0.05, person.skin, index, 0.02)
        if ahead @ towards < -0.2:
            return
        dark = shade(person.skin, 0.82)
        if person.beard:
            mixed = np.array(person.hair) * 0.65 + np.array(person.skin) * 0.35
            red, green, blue = mixed.astype(int).tolist()
            chin = head + 0.055 * ahead - 0.075 * up
            for side in (-1, 1):
                ear = head + 0.01 * ahead - 0.03 * up + side * 0.075 * left
                made.add(ear, chin, 0.034, (red, green, blue), index, 0.09)
            mouth = head + 0.095 * ahead - 0.06 * up
            made.add(mouth - 0.018 * left, mouth + 0.018 * left, 0.010, dark, index, 0.16)
        nose = head + 0.11 * ahead - 0.015 * up
        made.add(nose + 0.03 * up, nose, 0.016, dark, index, 0.15)
        for side in (-1, 1):
            eye = head + 0.09 * ahead + 0.02 * up + side * 0.04 * left
            made.add(eye - 0.006 * left, eye + 0.006 * left, 0.010, _EYE_COLOUR, index, 0.14)

    def _add_number(self, made: DetailCapsules, scene: Scene, trunk: _Trunk, index: int) -> None:
        """Add the number on a back that is turned to the camera."""
        number = self._people[index].number
        back = trunk.at(np.array([index]), np.array([(0.0, 0.58)]))[0] - 0.14 * trunk.ahead[index]
        towards = scene.eye - back
        if not number or trunk.ahead[index] @ towards > -0.25 * np.linalg.norm(towards):
            return
        right, up = -trunk.left[index], trunk.up[index]
        digits = str(number)
        wide, high, gap = 0.10, 0.12, 0.055
        ink = self._people[index].kit.number
        first = -(len(digits) * wide + (len(digits) - 1) * gap) / 2
        for place, digit in enumerate(digits):
            corner = back + (first + place * (wide + gap)) * right - high * up
            for segment in _DIGITS[int(digit)]:
                (x0, y0), (x1, y1) = _SEGMENTS[int(segment)]
                start = corner + x0 * wide * right + y0 * high * up
                end = corner + x1 * wide * right + y1 * high * up
                made.add(start, end, 0.017, ink, index, 0.22)


class _Trunk:
    """Axes of all trunks: unit vectors `ahead`, `left` and `up`, each `[PEOPLE, 3]`."""

    def __init__(self, joints: Floats) -> None:
        self._pelvis, self._neck = joints[:, Joint.PELVIS], joints[:, Joint.NECK]
        across = joints[:, Joint.LEFT_SHOULDER] - joints[:, Joint.RIGHT_SHOULDER]
        self.left = _normalised(across)
        self.up = _normalised(self._neck - self._pelvis)
        self.ahead = _normalised(np.cross(self.left, self.up))

    def at(self, people: NDArray[np.int64], places: Floats) -> Floats:
        """Points `[N, 3]` at (across, along) `[N, 2]` on the trunks of the people `[N]`."""
        along = self._neck[people] - self._pelvis[people]
        across = _HALF_TRUNK * places[:, :1] * self.left[people]
        return np.asarray(self._pelvis[people] + places[:, 1:] * along + across)


def _normalised(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))
