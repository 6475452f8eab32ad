"""What a stadium is like: its tiers, its crowd and its advertising boards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onball.synthetic.picture.colours import BLACK, RGB, WHITE, choose, shade


class Boards(StrEnum):
    """What the advertising boards do."""

    STATIC = "static"
    SCROLL = "scroll"
    CHANGE = "change"


@dataclass(frozen=True)
class Stands:
    """The stadium.

    Attributes:
        seats, crowd: colour of the empty seats, and the share of taken ones.
        lower, upper: heights of the two tiers in metres; an upper tier of 0 is none.
        steepness: metres of a tier's depth to one of its height.
        facade: colour of the wall between the tiers.
        roof: True for one over the upper rows.
        flags: share of the crowd's texture that flags and banners cover.
        boards, boards_move: background and lettering colours, and what the boards do.
        board_height: metres.
        board_speed: m/s of scrolling, or changes a minute.
        dugout: colour of the dugouts.
    """

    seats: RGB
    crowd: float
    lower: float
    upper: float
    steepness: float
    facade: RGB
    roof: bool
    flags: float
    boards: tuple[tuple[RGB, RGB], ...]
    boards_move: Boards
    board_height: float
    board_speed: float
    dugout: RGB

    @classmethod
    def random(cls, rng: np.random.Generator, home: RGB) -> Stands:
        """A stadium by chance, for a home team in that colour."""
        return cls(
            seats=shade(choose(rng, (home, (70, 72, 78), (50, 60, 96), (150, 40, 36))), 0.7),
            crowd=float(choose(rng, (0.15, 0.5, 0.75, 0.9, 0.97)) + rng.uniform(-0.1, 0.02)),
            lower=float(rng.uniform(6.0, 14.0)),
            upper=float(choose(rng, (0.0, rng.uniform(8.0, 15.0), rng.uniform(8.0, 15.0)))),
            steepness=float(rng.uniform(1.5, 2.0)),
            facade=shade(choose(rng, (home, (90, 92, 98), (150, 152, 156), (30, 32, 38))), 0.7),
            roof=bool(rng.random() < 0.8),
            flags=float(rng.uniform(0.0, 0.04)),
            boards=tuple(_board(rng) for _ in range(5)),
            boards_move=choose(rng, tuple(Boards)),
            board_height=float(rng.uniform(0.85, 1.15)),
            board_speed=float(rng.uniform(1.5, 7.0)),
            dugout=choose(rng, ((60, 64, 70), (150, 156, 162), shade(home, 0.5))),
        )


def _board(rng: np.random.Generator) -> tuple[RGB, RGB]:
    """Background and lettering of an advertisement."""
    ground = choose(
        rng,
        (
            (24, 60, 150),
            (200, 50, 40),
            (236, 236, 236),
            BLACK,
            (30, 120, 90),
            (226, 170, 30),
            (110, 40, 130),
            (20, 150, 190),
        ),
    )
    return ground, WHITE if sum(ground) < 430 else (30, 40, 90)
