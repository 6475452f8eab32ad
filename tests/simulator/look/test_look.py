"""Look of matches: distinguishable kits, and variety between matches."""

from itertools import combinations

import numpy as np
import pytest

from onball.simulator.bodies.skeleton import PARTS, Part
from onball.simulator.look.colours import colour_distance
from onball.simulator.look.kits import OTHERS_DISTANCE, PATTERN_DISTANCE, TEAM_DISTANCE, Pattern
from onball.simulator.look.look import Look
from onball.simulator.world import ASSISTANTS, GOALKEEPERS, PEOPLE, REFEREE, SUBSTITUTES


@pytest.fixture(scope="module")
def looks():
    return [Look.random(seed) for seed in range(300)]


def test_shirts_are_distinguishable_from_each_other_and_from_the_grass(looks):
    for look in looks:
        outfits = look.outfits
        home, away = (kit.shirt for kit in outfits.teams)
        assert colour_distance(home, away) >= TEAM_DISTANCE
        for other in (outfits.referee, *outfits.keepers, *outfits.bibs):
            assert (
                min(colour_distance(other.shirt, home), colour_distance(other.shirt, away))
                >= OTHERS_DISTANCE
            )
        for kit in (*outfits.teams, *outfits.keepers, outfits.referee, *outfits.bibs):
            assert colour_distance(kit.shirt, look.turf.grass) > 100


def test_patterns_differ_from_the_shirt_and_from_the_opponents(looks):
    for look in looks:
        home, away = look.outfits.teams
        for kit, opponent in ((home, away), (away, home)):
            if kit.pattern is Pattern.PLAIN:
                continue
            assert colour_distance(kit.second, opponent.shirt) >= PATTERN_DISTANCE
            assert colour_distance(kit.second, kit.shirt) >= PATTERN_DISTANCE


def test_officials_and_team_mates_wear_the_same_kit(looks):
    outfits = looks[0].outfits
    assert {outfits.kit_of(person) for person in (REFEREE, *ASSISTANTS)} == {outfits.referee}
    assert {outfits.kit_of(person) for person in range(1, 11)} == {outfits.teams[0]}
    assert {outfits.kit_of(person) for person in range(12, 22)} == {outfits.teams[1]}
    assert [outfits.kit_of(person) for person in GOALKEEPERS] == list(outfits.keepers)
    assert {outfits.kit_of(person) for person in SUBSTITUTES} == set(outfits.bibs)


def test_players_of_a_team_have_different_numbers_and_others_have_none(looks):
    for look in looks[:50]:
        people = look.outfits.people
        for team in (range(11), range(11, 22)):
            numbers = [people[person].number for person in team]
            assert len(set(numbers)) == 11
            assert min(numbers) == 1
        assert {people[person].number for person in range(22, PEOPLE)} == {0}


def test_substitutes_wear_tracksuits_and_keepers_gloves(looks):
    for look in looks[:20]:
        colours = look.outfits.colours()
        for person in SUBSTITUTES:
            bare = (colours[person] == look.outfits.people[person].skin).all(1)
            assert (PARTS[bare] == Part.SKIN).all()
            assert bare.sum() < (colours[0] == look.outfits.people[0].skin).all(1).sum() + 3
            assert look.outfits.people[person].legs == look.outfits.kit_of(person).shorts
        assert all(look.outfits.people[person].gloves for person in GOALKEEPERS)
        assert not any(look.outfits.people[person].gloves for person in range(1, 11))


@pytest.mark.parametrize(
    ("feature", "minimum"),
    [
        (lambda look: look.turf.mowing, 6),
        (lambda look: look.light.weather, 3),
        (lambda look: look.light.shade_offset < np.inf, 2),
        (lambda look: look.stands.boards_move, 3),
        (lambda look: look.stands.upper > 0, 2),
        (lambda look: look.graphics.bug, 5),
        (lambda look: tuple(np.round(look.graphics.bug_at)), 3),
        (lambda look: look.outfits.teams[0].pattern, 5),
        (lambda look: look.lens.distortion > 0, 2),
        (lambda look: look.outfits.teams[0].shirt, 14),
    ],
)
def test_looks_vary_between_matches(feature, minimum, looks):
    assert len({feature(look) for look in looks}) >= minimum


def test_lens_parameters_stay_within_the_range_of_broadcasts(looks):
    for look in looks:
        assert abs(look.distortion) <= 0.03
        assert 4 <= look.shutter_ms <= 18
        assert 0 <= look.lens.defocus <= 0.7


def test_score_bug_and_watermark_do_not_share_a_corner(looks):
    for look in looks:
        bug, mark = np.array(look.graphics.bug_at), np.array(look.graphics.channel_at)
        assert np.abs(bug - mark).max() > 0.4


def test_shirt_colours_are_combined_in_many_ways(looks):
    pairs = {
        frozenset(kit.shirt for kit in look.outfits.teams) for look in looks
    }  # home and away in either order
    assert len(pairs) > len(list(combinations(range(8), 2)))
