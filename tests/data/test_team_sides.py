"""Names of teams become sides of the image by one rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from onball.data.team_sides import find_team_sides
from onball.errors import InputError
from onball.formats.tags import Tag, TagFile


def file(*teams, **known):
    tags = tuple(Tag("PASS", float(number), team=team) for number, team in enumerate(teams))
    return TagFile(Path("tags.csv"), "table", tags, **known)


def sides(found, left=None, periods=(1, 2, 3, 4)):
    """Sides of the tags of a file in each period."""
    known = find_team_sides([found], left)
    return [[known.side_of(tag, period).value for tag in found.tags] for period in periods]


def test_teams_change_ends_after_the_first_period_and_draw_them_for_extra_time():
    tags = file("Ajax", "Benfica", None)
    unknown = ["unknown"] * 3
    assert sides(tags) == [unknown] * 4
    begin, change = ["left", "right", "unknown"], ["right", "left", "unknown"]
    assert sides(tags, " AJAX ") == [begin, change, unknown, unknown]
    assert sides(tags, {1: "Ajax", 3: "Benfica"}) == [begin, change, change, begin]


def test_home_and_away_are_the_teams_that_the_file_calls_so():
    known = file("Ajax", "Benfica", home="Benfica", away="Ajax")
    assert sides(known, "away", [1]) == [["left", "right"]]
    assert sides(file("Home", "Away"), "home", [1]) == [["left", "right"]]
    with pytest.raises(
        InputError, match="--left: no tag is of the team 'home': the teams are Ajax"
    ):
        find_team_sides([file("Ajax", "Benfica")], "home")


def test_the_side_in_the_file_holds_unless_another_team_is_named():
    known = file("Ajax", "Benfica", left="Benfica")
    assert sides(known, None, [1]) == [["right", "left"]]
    assert sides(known, "Ajax", [1]) == [["left", "right"]]
    assert "Benfica defends the left goal" in find_team_sides([known]).notes[0]


def test_a_team_that_is_called_left_or_right_is_on_that_side():
    assert sides(file("left", "Right"), None, [1, 2]) == [["left", "right"]] * 2


def test_of_one_tagged_team_the_opponent_may_be_named():
    assert sides(file("Ajax"), "Ajax", [1, 2]) == [["left"], ["right"]]
    assert sides(file("Ajax"), "Benfica", [1, 2]) == [["right"], ["left"]]
    (note,) = find_team_sides([file("Ajax")], "Benfica").notes
    assert note == "no tag is of the team 'Benfica', so Ajax is on the right in period 1"


def test_unknown_and_third_teams_are_errors_that_name_the_teams():
    with pytest.raises(
        InputError, match="no tag is of the team 'Porto': the teams are Ajax, Benfica"
    ):
        find_team_sides([file("Ajax", "Benfica")], "Porto")
    with pytest.raises(InputError, match=r"tags are of 3 teams \(Ajax, Benfica, Referee\)"):
        find_team_sides([file("Ajax", "Benfica", "Referee")], "Ajax")
    with pytest.raises(InputError, match="no tag is of the team 'Ajax': tags name no team"):
        find_team_sides([file(None)], "Ajax")


def test_two_teams_without_a_side_are_noted():
    assert "--left TEAM" in find_team_sides([file("Ajax", "Benfica")]).notes[0]
    assert find_team_sides([file(None, "Ajax")]).notes == ()
