"""Kits of the teams, and the appearance of every person in a match.

`Outfits.random` draws colours that viewers can tell apart: the teams from each other, goalkeepers and
officials from both teams, and all of them from the grass.
"""

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
    choose,
    choose_weighted,
    colour_distance,
    distinct_from,
    shade,
)
from onball.simulator.world import ASSISTANTS, GOALKEEPERS, PEOPLE, REFEREE, SUBSTITUTES, TEAM_SIZE

# Minimum colour distances (`colour_distance`)
TEAM_DISTANCE = 260.0
"""Between the shirts of the two teams."""
OTHERS_DISTANCE = 150.0
"""From the shirts of keepers and officials to those of both teams."""
GRASS_DISTANCE = 110.0
"""From every shirt to the grass."""
BIB_DISTANCE = 200.0
"""From bibs to the shirts of both teams, if the palette allows it."""
PATTERN_DISTANCE = 170.0
"""From the second colour of a shirt to its first one and to the opponent's shirt."""
_HANDS = (Joint.LEFT_HAND, Joint.RIGHT_HAND)


class Pattern(StrEnum):
    """Pattern that the second colour draws on a shirt."""

    PLAIN = "plain"
    STRIPES = "stripes"
    HOOPS = "hoops"
    SASH = "sash"
    HALVES = "halves"


@dataclass(frozen=True)
class Kit:
    """Colours of one outfit.

    Attributes:
        shirt: ground colour of the shirt.
        sleeves, shorts, socks, boots: colours.
        second: colour of the pattern on the shirt.
        pattern: of the shirt.
        number: colour of the number on the back.
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
    """Appearance of one person.

    Attributes:
        kit: the outfit.
        skin, hair: colours; a bald man's hair is slightly darker than his skin.
        number: on the back; 0 for none.
        legs: colour of the legs between shorts and socks: skin, or a tracksuit.
        forearms: colour of the forearms: skin, or long sleeves.
        gloves: colour of the gloves, or None.
        boots: colour of the boots, an individual choice.
        beard: whether he has one.
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
        bibs: outfits in which the substitutes of either team warm up.
        people: appearance of each person, `PEOPLE` entries.
    """

    teams: tuple[Kit, Kit]
    keepers: tuple[Kit, Kit]
    referee: Kit
    bibs: tuple[Kit, Kit]
    people: tuple[Person, ...]

    @classmethod
    def random(cls, rng: np.random.Generator, grass: RGB) -> Outfits:
        """Draw outfits that can be distinguished on grass of that colour."""
        on_grass = distinct_from(TEAM_COLOURS, GRASS_DISTANCE, grass)
        home = choose(rng, on_grass)
        away = choose(rng, distinct_from(on_grass, TEAM_DISTANCE, home))
        others = distinct_from(KEEPER_COLOURS, GRASS_DISTANCE, grass)
        keepers = tuple(
            choose(rng, distinct_from(others, OTHERS_DISTANCE, home, away)) for _ in range(2)
        )
        officials = distinct_from(REFEREE_COLOURS, GRASS_DISTANCE, grass)
        referee = choose(rng, distinct_from(officials, OTHERS_DISTANCE, home, away))
        home_kit = _team_kit(rng, home, away)
        teams = (home_kit, _team_kit(rng, away, home, home_kit.second))
        bright = distinct_from(BIB_COLOURS, GRASS_DISTANCE, grass)
        bibs = tuple(
            _bib(rng, choose(rng, distinct_from(bright, BIB_DISTANCE, home, away) or bright), team)
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
        """Outfit of the person with that index."""
        if person in SUBSTITUTES:
            return self.bibs[SUBSTITUTES.index(person) // (len(SUBSTITUTES) // 2)]
        if person == REFEREE or person in ASSISTANTS:
            return self.referee
        return (self.keepers if person in GOALKEEPERS else self.teams)[person // TEAM_SIZE]

    def colours(self) -> NDArray[np.float64]:
        """Colour of each person's capsules, `[PEOPLE, len(CAPSULES), 3]`, RGB 0 to 255."""
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
            if (
                person.kit.pattern is Pattern.HALVES
            ):  # its left half; `details.PATTERNS` draws the seam
                row[left] = person.kit.second
            row[forearm], row[leg] = person.forearms, person.legs
            row[hand] = person.gloves or person.skin
        return limbs


def _person(rng: np.random.Generator, person: int, outfits: Outfits) -> Person:
    """Draw the appearance of the person with that index."""
    kit = outfits.kit_of(person)
    skin, hair = choose_weighted(rng, SKIN), choose_weighted(rng, HAIR)
    if sum(skin) < 360:  # dark skin comes with dark hair
        hair = HAIR[0][0]
    if rng.random() < 0.09:  # bald
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
    """Draw a number: 1 for a keeper, mostly 2 to 11 for others, different within a team."""
    place = person % TEAM_SIZE + 1
    # Adding multiples of 11 to the place in the team keeps numbers unique.
    return place if place == 1 or rng.random() < 0.6 else place + 11 * int(rng.integers(1, 4))


def _plain_kit(colour: RGB) -> Kit:
    """Kit of a goalkeeper in one colour."""
    return Kit(colour, colour, shade(colour, 0.85), colour, number=_readable_on(colour))


def _bib(rng: np.random.Generator, colour: RGB, team: Kit) -> Kit:
    """Bright bib over a tracksuit."""
    suit = choose(rng, (BLACK, GREY, shade(team.shirt, 0.6)))
    return Kit(colour, suit, suit, suit)


def _team_kit(rng: np.random.Generator, colour: RGB, *opponent: RGB) -> Kit:
    """Draw a kit with that colour of the shirt, against opponents in these colours."""
    second = choose(rng, (colour, WHITE, BLACK))
    # A pattern must not show a colour of the other team.
    on_shirt = distinct_from((WHITE, BLACK, *TEAM_COLOURS), PATTERN_DISTANCE, colour, *opponent)
    pattern = choose(rng, (Pattern.PLAIN, Pattern.PLAIN, Pattern.PLAIN, *tuple(Pattern)))
    drawn = choose(rng, on_shirt[:4] or on_shirt) if on_shirt else colour
    if not on_shirt:
        pattern = Pattern.PLAIN
    shorts, socks = choose(rng, (colour, second)), choose(rng, (colour, second))
    sleeves = choose(rng, (colour, colour, second if pattern is Pattern.PLAIN else drawn))
    number = _readable_on(colour) if pattern is Pattern.PLAIN else _readable_on(colour, drawn)
    return Kit(colour, sleeves, shorts, socks, second=drawn, pattern=pattern, number=number)


def _readable_on(*grounds: RGB) -> RGB:
    """Colour of a number with the highest contrast to all these grounds."""
    inks = (WHITE, BLACK, (236, 200, 60), (200, 36, 40))
    return max(inks, key=lambda ink: min(colour_distance(ink, ground) for ground in grounds))
