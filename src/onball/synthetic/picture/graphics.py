"""What the broadcaster puts on the picture: which score bug, which watermark, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onball.synthetic.picture.colours import RGB, WHITE, choose, shade

NAMES = ("ASH", "BRK", "COL", "DUN", "ELM", "FEN", "GLN", "HAR", "KIR", "LOW", "MAR", "NOR")
CHANNELS = ("kestrel", "MERIDIAN", "tv nine", "OPEN SPORT", "harbour", "polar 2", "LARK")


class Bug(StrEnum):
    """Design of the score bug."""

    DARK = "dark"  # clock, names and score in dark cells
    LIGHT = "light"  # dark on white, colours as bars
    TEAMS = "teams"  # names on the colours of the teams
    STACKED = "stacked"  # one team above the other, the clock beside them
    CLEAR = "clear"  # lettering straight on the picture


@dataclass(frozen=True)
class Graphics:
    """What the broadcaster puts on the picture.

    Attributes:
        names: three letters for the home and the away team.
        bug, bug_at: design of the score bug; where its middle stands, as a share of the free room in x
            and y (0 is left or top).
        bug_scale: of its size.
        panel, ink, accent: colours of its ground, its lettering and its trim.
        channel, channel_at: invented watermark, and its corner like `bug_at`.
        opacity: 0 to 1, of the watermark.
    """

    names: tuple[str, str]
    bug: Bug
    bug_at: tuple[float, float]
    bug_scale: float
    panel: RGB
    ink: RGB
    accent: RGB
    channel: str
    channel_at: tuple[float, float]
    opacity: float

    @classmethod
    def random(cls, rng: np.random.Generator, home: RGB) -> Graphics:
        """A broadcaster by chance, for a home team in that colour."""
        names = rng.permutation(NAMES)[:2].tolist()
        margin = float(rng.uniform(0.04, 0.12))
        # Mostly top left; the watermark takes a corner that is free.
        place = choose(rng, ((0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (1, 0), (0.5, 1), (0, 1)))
        corners = [corner for corner in ((1, 0), (0, 1), (1, 1)) if corner != place]
        if place == (0.5, 1):
            corners = [(1, 0)]
        corner = corners[int(rng.integers(len(corners)))]
        panel, ink = choose(
            rng,
            (
                ((18, 22, 30), WHITE),
                ((236, 236, 240), (24, 26, 40)),
                ((26, 40, 96), WHITE),
                (shade(home, 0.5), WHITE),
                ((64, 14, 34), (236, 220, 180)),
            ),
        )
        return cls(
            names=(names[0], names[1]),
            bug=choose(rng, tuple(Bug)),
            bug_at=_inside(place, margin),
            bug_scale=float(rng.uniform(0.85, 1.2)),
            panel=panel,
            ink=ink,
            accent=choose(
                rng, ((240, 196, 40), (230, 60, 60), (60, 200, 220), WHITE, (120, 230, 120))
            ),
            channel=choose(rng, CHANNELS),
            channel_at=_inside(corner, margin),
            opacity=float(rng.uniform(0.25, 0.8)),
        )


def _inside(corner: tuple[float, float], margin: float) -> tuple[float, float]:
    """A corner (0 or 1 in x and y) moved inwards by a margin."""
    x, y = (margin + (1 - 2 * margin) * share for share in corner)
    return x, y
