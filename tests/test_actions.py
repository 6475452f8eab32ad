"""Names of actions as people write them."""

import pytest

from onball.actions import ACTIONS, Action, find_action, find_actions
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
