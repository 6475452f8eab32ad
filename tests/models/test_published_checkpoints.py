"""Names of published parameters, and checkpoints that do not fit."""

from __future__ import annotations

import pytest
import torch

from onball.errors import ModelError
from onball.models.nets import build_model
from onball.models.published import PUBLISHED, Rule, find_published
from onball.models.published.checkpoints import convert, image_network


def test_parameters_are_renamed_joined_and_laid_out():
    rules = image_network("_features", "backbone.network")
    shift = "_features.s1.b1.conv1.gs"
    gate = torch.randn(2, 4, 3, 3, 3)
    weights = {
        f"{shift}.conv3D.weight": gate,
        f"{shift}.channel_conv2.1.weight": torch.full((1, 2, 3, 3), 2.0),
        f"{shift}.channel_conv1.1.weight": torch.full((1, 2, 3, 3), 1.0),
        "_features.s1.b1.conv1.net.conv.weight": torch.zeros(24, 32, 1, 1),
        "_features.stem.conv.1.weight": torch.ones(32, 3, 3, 3),
    }
    to = "backbone.network.s1.b1.conv1"
    own = {
        f"{to}.shift.gate.weight": torch.empty(6, 4, 3, 3),
        f"{to}.shift.fusion.weight": torch.empty(2, 2, 3, 3),
        f"{to}.conv.weight": torch.empty(24, 32, 1, 1),
        "backbone.network.stem.conv.weight": torch.empty(32, 3, 3, 3),
    }
    found = convert(weights, rules, own, "some-model")
    assert found.keys() == own.keys()
    # The outputs of the first gate for the frame before, the frame itself and the frame after.
    assert torch.equal(found[f"{to}.shift.gate.weight"][:3], gate[0].transpose(0, 1))
    assert found[f"{to}.shift.fusion.weight"].mean(dim=(1, 2, 3)).tolist() == [1, 2]


def test_an_unfit_checkpoint_is_reported_with_its_first_differences():
    rules = (Rule(r"fc\.(\w+)", r"linear.\1"),)
    own = {"linear.weight": torch.zeros(2, 3), "linear.bias": torch.zeros(2)}
    weights = {"fc.weight": torch.zeros(3, 3), "gru.bias": torch.zeros(1)}
    with pytest.raises(ModelError) as raised:
        convert(weights, rules, own, "some-model")
    assert str(raised.value) == (
        "not a checkpoint of some-model: 1 unknown (gru.bias); 1 missing (linear.bias); "
        "1 of another shape (linear.weight [3, 3] instead of [2, 3])"
    )


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_the_settings_of_a_published_model_build_a_net(name):
    with torch.device("meta"):
        net = build_model(PUBLISHED[name].model, fetch_weights=False)
    assert sum(p.numel() for p in net.parameters()) == PUBLISHED[name].parameters
    assert PUBLISHED[name].config.model.classes == PUBLISHED[name].model.classes


def test_an_unknown_name_is_reported_with_the_nearest_one():
    with pytest.raises(ModelError, match="did you mean 'e2espot-rny002'"):
        find_published("e2espot-rny02")
