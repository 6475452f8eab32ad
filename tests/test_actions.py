"""Names of actions as people write them, and lists of other classes."""

import copy
import json
import pickle
from itertools import combinations

import pytest

from onball.actions import (
    ACTIONS,
    ACTIONS_MAP10,
    BALL_ACTIONS,
    Action,
    ActionSet,
    Label,
    find_action,
    find_actions,
)
from onball.errors import LabelError


@pytest.mark.parametrize(
    ("name", "action"),
    [
        *[(action.value, action) for action in ACTIONS],
        *[(action.value.lower().replace(" ", "_"), action) for action in ACTIONS],
        ("throw-in", Action.THROW_IN),
        ("High  pass ", Action.HIGH_PASS),
        ("highpass", Action.HIGH_PASS),
        ("tackle", Action.PLAYER_SUCCESSFUL_TACKLE),
        ("block", Action.BALL_PLAYER_BLOCK),
        ("player block", Action.BALL_PLAYER_BLOCK),
        ("head", Action.HEADER),
        ("free", Action.FREE_KICK),
    ],
)
def test_names_may_be_shortened_and_joined(name, action):
    assert find_action(name) is action


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pas", "'pas' may be PASS or HIGH PASS"),
        ("player", "may be BALL PLAYER BLOCK or PLAYER SUCCESSFUL TACKLE"),
        ("shoot", "unknown action 'shoot': did you mean 'SHOT'"),
        ("sh", "unknown action 'sh'"),
        ("corner", "unknown action 'corner': "),
        ("", "unknown action ''"),
        ("-", "unknown action '-'"),
    ],
)
def test_a_name_that_fits_none_or_several_is_refused(name, reason):
    with pytest.raises(LabelError, match=reason):
        find_action(name)


def test_lists_are_separated_by_commas():
    assert find_actions("shot, goal,SHOT,") == (Action.SHOT, Action.GOAL)
    with pytest.raises(LabelError, match="write for example SHOT,GOAL"):
        find_actions(" , ")


CODES = ActionSet.of(["press won", "Counter", "shot", "Throw-in"], headline=["counter", "SHOT"])


def test_names_of_the_12_actions_become_actions_and_others_labels():
    assert CODES.names == ("press won", "Counter", Action.SHOT, "Throw-in")
    assert [type(label) for label in CODES] == [Label, Label, Action, Label]
    assert CODES.headline == ("Counter", Action.SHOT)
    assert (len(CODES), "Counter" in CODES, "counter" in CODES, "PASS" in CODES) == (
        4,
        True,
        False,
        False,
    )
    assert [CODES.index(name) for name in ("press won", Action.SHOT, "SHOT", "throw-in")] == [
        0,
        2,
        2,
        3,
    ]


def test_the_headline_of_the_12_actions_is_map10_and_of_others_all():
    assert BALL_ACTIONS.names == ACTIONS
    assert BALL_ACTIONS.headline == ACTIONS_MAP10
    assert ActionSet.of(reversed(ACTIONS)).headline == tuple(reversed(ACTIONS_MAP10))
    assert ActionSet.of(["GOAL", "corner"]).headline == (Action.GOAL, "corner")


def test_a_label_is_text_with_a_colour():
    label = ActionSet.of(["x y"], ["#AABBCC"]).names[0]
    assert (label, label.value, label.colour, hash(label)) == ("x y", "x y", "#aabbcc", hash("x y"))
    assert type(label.value) is type(f"{label}") is str
    for again in (pickle.loads(pickle.dumps(label)), copy.deepcopy(label)):
        assert (type(again), again, again.colour) == (Label, "x y", "#aabbcc")
    assert json.loads(json.dumps({label: [label]})) == {"x y": ["x y"]}
    with pytest.raises(LabelError, match="one of the 12 actions: use Action"):
        Label("high pass")


@pytest.mark.parametrize("count", [3, 17, 24, 60])
def test_chosen_colours_are_distinct_and_the_12_actions_keep_theirs(count):
    actions = ActionSet.of(["PASS", *(f"code {i}" for i in range(count))])
    assert actions.colours[0] == Action.PASS.colour
    assert all(one != other for one, other in combinations(actions.colours, 2))
    assert actions.colours == ActionSet.of(actions.names).colours


@pytest.mark.parametrize(
    ("names", "colours", "headline", "reason"),
    [
        (["a", "b", "a"], None, None, "class 'a' occurs twice$"),
        (["Goal", "GOAL"], None, None, "class 'Goal' occurs twice, the second time as 'GOAL'"),
        (["a", " "], None, None, "the name of a class is empty"),
        ([], None, None, "needs at least one name"),
        (["a", 3], None, None, "the name of a class is text, not 3"),
        (["a, b"], None, None, "contains a comma"),
        (["a"], ["red"], None, "colour 'red' is not of the form '#e4572e'"),
        (["a"], ["#000000"] * 2, None, "2 colours for 1 classes"),
        (["PASS"], ["#000000"], None, "the colour of PASS is #2f7ed8: leave it out"),
        (["a"], None, [], "no class counts in the headline mean"),
        (["attack"], None, ["atack"], "unknown action 'atack'.*did you mean 'attack'"),
    ],
)
def test_a_wrong_list_is_an_error_of_one_line_that_names_its_source(
    names, colours, headline, reason
):
    with pytest.raises(LabelError, match=f"^codes.txt: .*{reason}") as refused:
        ActionSet.of(names, colours, headline, source="codes.txt")
    assert "\n" not in str(refused.value)


def test_an_unknown_name_is_refused_with_the_list_and_its_source():
    listed = ActionSet.of(["press", "counter"], source="data/classes.txt")
    with pytest.raises(LabelError) as refused:
        listed.parse("countre")
    assert str(refused.value) == (
        "unknown action 'countre' (classes of data/classes.txt): did you mean 'counter'?"
    )
    with pytest.raises(LabelError, match=r"\(classes of data/classes.txt\): known: press, counter"):
        listed.parse("goal")


def test_own_names_may_be_shortened_too():
    assert CODES.find("press") == "press won"
    assert CODES.find("throwin") == "Throw-in"
    assert CODES.find_all("count, SHOT") == ("Counter", Action.SHOT)
    with pytest.raises(LabelError, match="write for example SHOT,GOAL"):
        CODES.find_all(",")


def test_a_list_is_the_same_after_json():
    content = json.loads(json.dumps(CODES.as_json()))
    again = ActionSet.from_json(content)
    assert (again, again.colours) == (CODES, CODES.colours)
    assert ActionSet.from_json(["a", "PASS"]) == ActionSet.of(["a", "PASS"])
    assert ActionSet.from_json(BALL_ACTIONS.as_json()) == BALL_ACTIONS
    for content, reason in (("a", "not a list"), ([{"colour": "#000000"}], "class 1 is neither")):
        with pytest.raises(LabelError, match=f"^x.json: .*{reason}"):
            ActionSet.from_json(content, source="x.json")
