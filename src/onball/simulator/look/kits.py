"""Who wears what: kits, bibs, skin and hair of everybody in a match."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import ENDS, PARTS, STARTS, Joint, Part
from onball.simulator.look.colours import (
    BIB_COLOURS,
    BLACK,
    GREY,
    HAIR,
    KEEPER_COLOURS,
    REFEREE_COLOURS,
    RGB,
    SKIN,
    TEAM_COLOURS,
    WHITE,
    apart,
    choose,
    choose_weighted,
    distance,
    shade,
)
from onball.simulator.world import ASSISTANTS, GOALKEEPERS, PEOPLE, REFEREE, SUBSTITUTES, TEAM_SIZE

#: How far apart (see `distance`) the two teams are, everybody else from both, and all from grass.
TEAMS_APART, OTHERS_APART, GRASS_APART, BIBS_APART = 260.0, 150.0, 110.0, 200.0
PATTERN_APART = 170.0
_HANDS = (Joint.LEFT_HAND, Joint.RIGHT_HAND)


class Pattern(StrEnum):
    """What the second colour of a shirt draws on it."""

    PLAIN = "plain"
    STRIPES = "stripes"
    HOOPS = "hoops"
    SASH = "sash"
    HALVES = "halves"


@dataclass(frozen=True)
class Kit:
    """Colours of one outfit.

    Attributes:
        shirt, second, pattern: ground colour of the shirt, and what is drawn on it in `second`.
        sleeves, shorts, socks, boots, number: colours.
    """

    shirt: RGB
    sleeves: RGB
    shorts: RGB
    socks: RGB
    boots: RGB = (30, 30, 30)
    second: RGB = WHITE
    pattern: Pattern = Pattern.PLAIN
    number: RGB = WHITE


@dataclass(frozen=True)
class Person:
    """What one person wears and looks like.

    Attributes:
        kit: the outfit.
        skin, hair: colours; a bald man's hair is nearly his skin.
        number: on the back; 0 for none.
        legs: colour of the legs between shorts and socks: skin, or a tracksuit.
        forearms: colour of the forearms: skin, or long sleeves.
        gloves: colour of the gloves, or None.
        boots: everyone chooses his own.
        beard: True for men with one.
    """

    kit: Kit
    skin: RGB
    hair: RGB
    number: int
    legs: RGB
    forearms: RGB
    gloves: RGB | None
    boots: RGB
    beard: bool


@dataclass(frozen=True)
class Outfits:
    """The outfits of one match.

    Attributes:
        teams, keepers: outfits of the home and the away team.
        referee: outfit of the referee and his assistants.
        bibs: what substitutes of either team warm up in.
        people: everyone, `PEOPLE` entries.
    """

    teams: tuple[Kit, Kit]
    keepers: tuple[Kit, Kit]
    referee: Kit
    bibs: tuple[Kit, Kit]
    people: tuple[Person, ...]

    @classmethod
    def random(cls, rng: np.random.Generator, grass: RGB) -> Outfits:
        """Outfits that nobody mistakes for one another on that grass."""
        on_grass = apart(TEAM_COLOURS, GRASS_APART, grass)
        home = choose(rng, on_grass)
        away = choose(rng, apart(on_grass, TEAMS_APART, home))
        others = apart(KEEPER_COLOURS, GRASS_APART, grass)
        keepers = tuple(choose(rng, apart(others, OTHERS_APART, home, away)) for _ in range(2))
        officials = apart(REFEREE_COLOURS, GRASS_APART, grass)
        referee = choose(rng, apart(officials, OTHERS_APART, home, away))
        home_kit = _team_kit(rng, home, away)
        teams = (home_kit, _team_kit(rng, away, home, home_kit.second))
        bright = apart(BIB_COLOURS, GRASS_APART, grass)
        bibs = tuple(
            _bib(rng, choose(rng, apart(bright, BIBS_APART, home, away) or bright), team)
            for team in teams
        )
        made = cls(
            teams=teams,
            keepers=(_plain_kit(keepers[0]), _plain_kit(keepers[1])),
            referee=Kit(referee, referee, BLACK, BLACK, number=referee),
            bibs=(bibs[0], bibs[1]),
            people=(),
        )
        people = tuple(_person(rng, person, made) for person in range(PEOPLE))
        return cls(made.teams, made.keepers, made.referee, made.bibs, people)

    def kit_of(self, person: int) -> Kit:
        """What that person wears."""
        if person in SUBSTITUTES:
            return self.bibs[SUBSTITUTES.index(person) // (len(SUBSTITUTES) // 2)]
        if person == REFEREE or person in ASSISTANTS:
            return self.referee
        return (self.keepers if person in GOALKEEPERS else self.teams)[person // TEAM_SIZE]

    def colours(self) -> NDArray[np.float64]:
        """Colour of each person's capsules, `[PEOPLE, C, 3]`, RGB 0 to 255."""
        colours = np.zeros((PEOPLE, len(Part), 3))
        for row, person in zip(colours, self.people, strict=True):
            row[:] = person.skin
            row[Part.SHIRT], row[Part.SLEEVE] = person.kit.shirt, person.kit.sleeves
            row[Part.SHORTS], row[Part.SOCKS] = person.kit.shorts, person.kit.socks
            row[Part.BOOTS], row[Part.HAIR] = person.boots, person.hair
        limbs = colours[:, PARTS]
        bare = PARTS == Part.SKIN
        forearm = bare & np.isin(ENDS, _HANDS) & ~np.isin(STARTS, _HANDS)
        hand = bare & np.isin(STARTS, _HANDS)
        leg = bare & np.isin(ENDS, (Joint.LEFT_KNEE, Joint.RIGHT_KNEE))
        left = (PARTS == Part.SHIRT) & np.isin(STARTS, (Joint.LEFT_SHOULDER, Joint.LEFT_HIP))
        for row, person in zip(limbs, self.people, strict=True):
            if person.kit.pattern is Pattern.HALVES:  # its left half; see also `details.PATTERNS`
                row[left] = person.kit.second
            row[forearm], row[leg] = person.forearms, person.legs
            row[hand] = person.gloves or person.skin
        return limbs


def _person(rng: np.random.Generator, person: int, outfits: Outfits) -> Person:
    kit = outfits.kit_of(person)
    skin, hair = choose_weighted(rng, SKIN), choose_weighted(rng, HAIR)
    if sum(skin) < 360:  # dark skin goes with dark hair
        hair = HAIR[0][0]
    if rng.random() < 0.09:
        hair = shade(skin, 0.93)
    keeper, official = person in GOALKEEPERS, person == REFEREE or person in ASSISTANTS
    substitute = person in SUBSTITUTES
    long_sleeves = keeper or substitute or rng.random() < 0.18
    gloves: RGB | None = None
    if keeper:
        gloves = choose(rng, (WHITE, (210, 240, 60), (240, 90, 40), (40, 40, 46)))
    boots = choose(rng, (BLACK, WHITE, (230, 90, 60), (60, 210, 220), (220, 240, 50)))
    return Person(
        kit=kit,
        skin=skin,
        hair=hair,
        number=0 if official or substitute else _number(rng, person),
        legs=kit.shorts if substitute else skin,
        forearms=kit.sleeves if long_sleeves else skin,
        gloves=gloves,
        boots=BLACK if official else boots,
        beard=bool(rng.random() < 0.4),
    )


def _number(rng: np.random.Generator, person: int) -> int:
    """A keeper wears 1, the others mostly their place in the team, and no two the same."""
    place = person % TEAM_SIZE + 1
    return place if place == 1 or rng.random() < 0.6 else place + 11 * int(rng.integers(1, 4))


def _plain_kit(colour: RGB) -> Kit:
    return Kit(colour, colour, shade(colour, 0.85), colour, number=_readable_on(colour))


def _bib(rng: np.random.Generator, colour: RGB, team: Kit) -> Kit:
    """A bright bib over the track suit."""
    suit = choose(rng, (BLACK, GREY, shade(team.shirt, 0.6)))
    return Kit(colour, suit, suit, suit)


def _team_kit(rng: np.random.Generator, colour: RGB, *opponent: RGB) -> Kit:
    second = choose(rng, (colour, WHITE, BLACK))
    # A second colour on the shirt must not be one of the other team's.
    on_shirt = apart((WHITE, BLACK, *TEAM_COLOURS), PATTERN_APART, colour, *opponent)
    pattern = choose(rng, (Pattern.PLAIN, Pattern.PLAIN, Pattern.PLAIN, *tuple(Pattern)))
    drawn = choose(rng, on_shirt[:4] or on_shirt) if on_shirt else colour
    if not on_shirt:
        pattern = Pattern.PLAIN
    shorts, socks = choose(rng, (colour, second)), choose(rng, (colour, second))
    sleeves = choose(rng, (colour, colour, second if pattern is Pattern.PLAIN else drawn))
    number = _readable_on(colour) if pattern is Pattern.PLAIN else _readable_on(colour, drawn)
    return Kit(colour, sleeves, shorts, socks, second=drawn, pattern=pattern, number=number)


def _readable_on(*grounds: RGB) -> RGB:
    inks = (WHITE, BLACK, (236, 200, 60), (200, 36, 40))
    return max(inks, key=lambda ink: min(distance(ink, ground) for ground in grounds))
