"""Settings of published models: complete, storable, and refused where they contradict each other."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from onball.actions import ACTIONS, ACTIONS_MAP10, Action
from onball.config import ClipsConfig, InferenceConfig, SavedModelConfig
from onball.formats.soccernet_v2 import V2_ACTIONS
from onball.models.published import PUBLISHED, find_published


@pytest.mark.parametrize("name", PUBLISHED)
def test_settings_of_a_published_model_are_stored_and_read_again(name):
    config = find_published(name).config
    assert SavedModelConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("adaspot-small", ACTIONS_MAP10),
        ("tdeed-challenge1", tuple(Action)),
        ("stacker-2023", (Action.PASS, Action.DRIVE)),
        # Throw-in of SoccerNet-v2 is spelt otherwise than THROW IN.
        ("e2espot-rny002", (Action.GOAL,)),
    ],
)
def test_classes_with_the_names_of_actions_are_these_actions(name, actions):
    classes = find_published(name).config.actions
    assert tuple(label for label in classes if isinstance(label, Action)) == actions
    assert tuple(label.value for label in classes if label not in actions) == tuple(
        entry.name
        for entry in find_published(name).model.classes or ()
        if entry.name.upper() not in ACTIONS
    )


def test_the_second_head_of_t_deed_has_the_order_of_soccernet_v2():
    """As the authors' code lists them; E2E-Spot's order is alphabetical."""
    assert V2_ACTIONS == (
        "Penalty", "Kick-off", "Goal", "Substitution", "Offside", "Shots on target",
        "Shots off target", "Clearance", "Ball out of play", "Throw-in", "Foul",
        "Indirect free-kick", "Direct free-kick", "Corner", "Yellow card", "Red card",
        "Yellow->red card",
    )  # fmt: skip
    e2espot = [label.value for label in find_published("e2espot-rny002").config.actions]
    assert [name.lower() for name in e2espot] == sorted(name.lower() for name in V2_ACTIONS)


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ({"frames": 8, "overlap": 8}, "must be less than frames"),
        ({"frames": 8, "overlap": 0, "start": -8}, "would end before the video"),
    ],
)
def test_clips_must_advance_and_reach_the_video(clips, message):
    with pytest.raises(ValidationError, match=message):
        ClipsConfig.model_validate(clips)


def test_suppression_needs_a_lowest_score():
    with pytest.raises(ValidationError, match="needs a lowest score"):
        InferenceConfig(suppression={"method": "soft_nms", "window": 12}, threshold=0)


def test_clips_are_not_longer_than_the_positions_of_the_net():
    config = find_published("adaspot-small").config.model_dump()
    config["inference"]["clips"]["frames"] = 120
    with pytest.raises(ValidationError, match="clips of at most model"):
        SavedModelConfig.model_validate(config)
