"""Two simulated clubs that look like no match that a model was trained on, for `learning_curve.py`.

`Look.random` and `CameraSetup.random` draw the matches of all other data sets. A club has one ground,
camera, broadcaster and home kit in all its matches, with values beyond those ranges: `PHONE_CLUB` is
filmed by a phone, low and close, on a dry village ground; `ROOF_CLUB` by a wide camera under the roof of
a stadium, at night. The visitors differ from match to match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.Image import Image

from onball import Event, EventList
from onball.files import atomic_folder
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.simulator.cameras import CameraSetup
from onball.simulator.look.colours import BLACK, RGB, WHITE, colour_distance
from onball.simulator.look.kits import OTHERS_DISTANCE, Kit, Outfits, Pattern
from onball.simulator.look.look import Look
from onball.simulator.look.venue import Light, Weather
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.timing import grid_times, nearest_frames
from onball.video.writing import VideoWriter

FPS = 30
#: Frames per second of the net. Frames between those that it samples are repeated, not painted.
PAINTED_FPS = 12.5
MINUTE_MS = 60_000
MATCH_MINUTES = 10
_CRF = 23


@dataclass(frozen=True)
class Club:
    """A club whose matches are filmed by the same camera on the same ground.

    Attributes:
        name: name of its folder.
        title: description of its camera.
        seed: seed of what the other attributes leave open, and of the first match.
        size: width and height of its video.
        home: kit of its team.
        grass: colour of its pitch.
        weather: light of all its matches.
        camera: the main camera.
        lens: further settings of the `Lens`.
        stands: further settings of the `Stands`.
    """

    name: str
    title: str
    seed: int
    size: tuple[int, int]
    home: Kit
    grass: RGB
    weather: Weather
    camera: CameraSetup
    lens: dict[str, Any] = field(default_factory=dict)
    stands: dict[str, Any] = field(default_factory=dict)

    def look(self, match_seed: int) -> Look:
        """Appearance of one of its matches, against visitors that the seed draws."""
        base = Look.random(self.seed)
        outfits = self._outfits(match_seed)
        return replace(
            base,
            outfits=outfits,
            turf=replace(base.turf, grass=self.grass),
            light=self._light(),
            stands=replace(base.stands, **self.stands),
            lens=replace(base.lens, **self.lens),
        )

    def _light(self) -> Light:
        """Light of the club's weather, without the shadow of a stand."""
        rng = np.random.default_rng(self.seed)
        while True:
            light = Light.random(rng)
            if light.weather is self.weather and np.isinf(light.shade_offset):
                return light

    def _outfits(self, match_seed: int) -> Outfits:
        """Outfits of a match: the club's kit, and others that can be distinguished from it."""
        rng = np.random.default_rng(match_seed)
        while True:
            drawn = Outfits.random(rng, self.grass)
            others = (drawn.teams[1], *drawn.keepers, drawn.referee)
            nearest = min(colour_distance(kit.shirt, self.home.shirt) for kit in others)
            if nearest > OTHERS_DISTANCE:
                break
        outfits = replace(drawn, teams=(self.home, drawn.teams[1]))
        people = []
        for index, person in enumerate(outfits.people):
            kit = outfits.kit_of(index)
            bare = person.forearms == person.skin
            forearms = person.skin if bare else kit.sleeves
            people.append(replace(person, kit=kit, forearms=forearms))
        return replace(outfits, people=tuple(people))

    def match(self, number: int) -> MatchRenderer:
        """The match of that number, `MATCH_MINUTES` long, to be rendered."""
        plan = MatchPlan(
            seed=self.seed * 1000 + number,
            duration_ms=MATCH_MINUTES * MINUTE_MS,
            width=self.size[0],
            height=self.size[1],
            fps=FPS,
            crf=_CRF,
        )
        return MatchRenderer(plan, look=self.look(plan.seed), camera=self.camera)


PHONE_CLUB = Club(
    name="phone",
    title="Phone: low, close, grainy",
    seed=9001,
    size=(320, 180),
    home=Kit(
        shirt=(0, 150, 160),
        sleeves=(0, 150, 160),
        shorts=(240, 130, 60),
        socks=(0, 150, 160),
        second=(240, 130, 60),
        pattern=Pattern.HOOPS,
        number=BLACK,
    ),
    grass=(128, 118, 70),
    weather=Weather.SUN,
    camera=CameraSetup(
        x=-9.0,
        back=50.0,
        height=7.5,
        player_px=29.0,
        speed=2.2,
        damping=0.6,
        foresight_s=0.1,
        breathing=0.18,
    ),
    lens={
        "distortion": -0.08,
        "vignette": 0.35,
        "defocus": 0.9,
        "sharpening": 0.0,
        "saturation": 0.7,
        "grain": 4.5,
        "chroma_grain": 3.0,
    },
    stands={
        "lower": 2.0,
        "upper": 0.0,
        "occupancy": 0.03,
        "roof": False,
        "flags": 0.0,
        "board_height": 0.6,
        "facade": (120, 110, 90),
    },
)
ROOF_CLUB = Club(
    name="roof",
    title="Roof camera: high, wide, at night",
    seed=9002,
    size=(480, 270),
    home=Kit(
        shirt=(150, 100, 60),
        sleeves=(250, 240, 170),
        shorts=(250, 240, 170),
        socks=(150, 100, 60),
        second=(250, 240, 170),
        pattern=Pattern.SASH,
        number=WHITE,
    ),
    grass=(56, 96, 84),
    weather=Weather.NIGHT,
    camera=CameraSetup(
        x=6.0,
        back=100.0,
        height=32.0,
        player_px=14.5,
        speed=4.5,
        damping=1.2,
        foresight_s=0.6,
        breathing=0.0,
    ),
    lens={
        "distortion": 0.05,
        "vignette": 0.0,
        "sharpening": 1.2,
        "white_balance": (0.9, 1.0, 1.1),
        "saturation": 1.25,
        "contrast": 1.25,
        "grain": 0.2,
        "chroma_grain": 0.1,
    },
    stands={"lower": 16.0, "upper": 18.0, "occupancy": 0.97, "roof": True, "board_height": 1.6},
)
CLUBS = (PHONE_CLUB, ROOF_CLUB)


def contact_sheet(height: int = 216, times_ms: tuple[int, ...] = (3_000, 15_000, 33_000)) -> Image:
    """Frames of a match of each club, one row per club."""
    rows = []
    for club in CLUBS:
        match = club.match(0)
        frames = [PIL.Image.fromarray(match.frame(time_ms)) for time_ms in times_ms]
        size = (height * 16 // 9, height)
        rows.append(np.concatenate([np.asarray(frame.resize(size)) for frame in frames], axis=1))
    return PIL.Image.fromarray(np.concatenate(rows))


def render_pieces(match: MatchRenderer, folders: list[Path], length_ms: int) -> None:
    """Render a match as consecutive videos with labels, one for each folder that does not exist.

    Args:
        match: at least as long as all pieces together.
        folders: one for each piece, in the order of time.
        length_ms: length of a piece.
    """
    for number, folder in enumerate(folders):
        if folder.is_dir():
            continue
        start = number * length_ms
        events = [
            Event(event.position_ms - start, event.label, team=event.team)
            for event in match.motion.events
            if 0 <= event.position_ms - start < length_ms
        ]
        size = (match.plan.width, match.plan.height)
        with atomic_folder(folder) as part:
            with VideoWriter(part / "224p.mp4", size, FPS, crf=_CRF) as video:
                for frame in _frames(match, start, length_ms):
                    video.write(frame)
            write_labels(EventList.of(events), part / LABELS_FILE)


def _frames(match: MatchRenderer, start: int, length_ms: int) -> Iterator[NDArray[np.uint8]]:
    """Frames of a part of a match at `FPS`; those that no net samples repeat the one before."""
    times = grid_times(length_ms, FPS)
    sampled = set(nearest_frames(grid_times(length_ms, PAINTED_FPS), times).tolist())
    frame = match.frame(start)
    for index, time_ms in enumerate(times.tolist()):
        if index in sampled:
            frame = match.frame(start + time_ms)
        yield frame
