"""Shirt numbers and shirt patterns."""

from dataclasses import replace

import numpy as np
import pytest
from painted_scenes import ideal_look, lone_person, main_camera

from onball.simulator.look.kits import Kit, Pattern
from onball.simulator.paint.painter import Painter
from onball.simulator.world import Camera


def test_a_number_is_visible_only_from_behind_and_only_close_up(bare_painter):
    blank = ideal_look()
    people = tuple(replace(person, number=0) for person in blank.outfits.people)
    blank = replace(blank, outfits=replace(blank.outfits, people=people))
    painters = bare_painter, Painter(blank)
    near = Camera.looking_at(np.array([0.0, -6.0, 1.6]), np.array([0.0, 0.0, 1.0]), 1.9)
    differs = {}
    for name, heading, camera in (
        ("back", np.pi / 2, near),
        ("chest", -np.pi / 2, near),
        ("far", np.pi / 2, main_camera()),
    ):
        state = lone_person(0.0, 0.0)
        state.heading[:] = heading
        one, other = (painter.paint(state, camera).astype(int) for painter in painters)
        differs[name] = int((np.abs(one - other).max(2) > 40).sum())
    assert differs["back"] > 30
    assert differs["chest"] == differs["far"] == 0


@pytest.mark.parametrize("pattern", [Pattern.STRIPES, Pattern.HOOPS, Pattern.SASH, Pattern.HALVES])
def test_a_pattern_shows_its_second_colour_in_the_main_camera(pattern, plain):
    assert brightest_on_the_body(pattern) > plain + 30


@pytest.fixture(scope="module")
def plain() -> int:
    return brightest_on_the_body(Pattern.PLAIN)


def brightest_on_the_body(pattern: Pattern) -> int:
    """The least dark pixel on the upper body of a person in red whose second colour is white."""
    look = ideal_look()
    red = Kit(shirt=(200, 30, 30), sleeves=(200, 30, 30), shorts=(200, 30, 30), socks=(200, 30, 30))
    people = tuple(
        replace(
            person,
            kit=replace(red, second=(240, 240, 240), pattern=pattern),
            forearms=person.skin,
        )
        for person in look.outfits.people
    )
    painter = Painter(replace(look, outfits=replace(look.outfits, people=people)))
    state = lone_person(0.0, 0.0)
    state.heading[:] = -np.pi / 2
    x0, y0, x1, y1 = painter.boxes(state, main_camera())[5].astype(int)
    body = painter.paint(state, main_camera())[y0 + 3 : y0 + (y1 - y0) // 2, x0:x1]
    return int(body.astype(int).min(2).max())
