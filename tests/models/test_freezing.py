"""Stages of backbones, freezing them, and their learning rates."""

from __future__ import annotations

from itertools import chain

import pytest
import torch
from tiny_models import random_model

from onball.config import ComponentConfig, ExperimentConfig, TrainingConfig, load_config
from onball.errors import ConfigError
from onball.models import build_model
from onball.models.freezing import freeze, parameter_groups

REGNETY = ComponentConfig(name="regnety_002", pretrained=False)


@pytest.mark.parametrize(
    ("name", "stages"),
    [("regnety_002", 4), ("test_convnext", 5), ("adaspot", 4), ("x3d_s", 5)],
)
def test_stages_divide_the_parameters_of_a_backbone(name, stages):
    backbone_config = ComponentConfig(name=name, pretrained=False)
    model = ExperimentConfig().model.model_copy(update={"backbone": backbone_config})
    with torch.device("meta"):
        backbone = build_model(model).backbone
    groups = backbone.stages()
    assert len(groups) == 1 + stages
    assert sorted(chain(*groups)) == sorted(name for name, _ in backbone.named_parameters())


def test_the_number_of_frozen_stages_must_fit_the_backbone(onball, tmp_path):
    net, _ = random_model(backbone=REGNETY)
    with pytest.raises(ConfigError, match=r"stages:5: the backbone has stages 1 to 4: lower"):
        freeze(net.backbone, "stages:5")
    frozen = freeze(net.backbone, "stages:4")
    assert not any(weight.requires_grad for weight in net.backbone.parameters())
    assert net.backbone in frozen
    for wrong in ("stages:0", "stages", "head"):
        code, _, said = onball(
            "train", "spotting/tiny", "--out", tmp_path / "run", "--set", f"training.freeze={wrong}"
        )
        assert code == 2 and "training.freeze" in said


def test_rates_fall_from_the_heads_to_the_stem():
    net, _ = random_model(backbone=REGNETY)
    training = TrainingConfig(learning_rate=1.0, layer_decay=0.5, weight_decay=0.1)
    groups = parameter_groups(net, net.backbone, training)
    rates = {
        id(weight): (group.get("lr", 1.0), group["weight_decay"])
        for group in groups
        for weight in group["params"]
    }
    assert len(rates) == sum(len(group["params"]) for group in groups)
    weights = dict(net.named_parameters())
    expected = {
        "head.linear.weight": (1.0, 0.1),
        "head.linear.bias": (1.0, 0.0),
        "backbone.network.s4.b1.conv1.conv.weight": (0.5, 0.1),
        "backbone.network.s1.b1.conv1.conv.weight": (0.5**4, 0.1),
        "backbone.network.stem.bn.weight": (0.5**5, 0.0),
    }
    assert {name: rates[id(weights[name])] for name in expected} == expected
    assert len(rates) == len(weights)
    equal = parameter_groups(net, net.backbone, TrainingConfig())
    assert len(equal) == 2 and not any("lr" in group for group in equal)


def test_the_former_name_of_the_setting_is_read():
    assert load_config("spotting/tiny", ["training.freeze_backbone=true"]).training.freeze == (
        "backbone"
    )
    assert (
        load_config("spotting/tiny", ["training.freeze_backbone=false"]).training.freeze == "none"
    )
    both = ["training.freeze_backbone=true", "training.freeze=stages:1"]
    with pytest.raises(ConfigError, match=r"freeze_backbone: the former name of training\.freeze"):
        load_config("spotting/tiny", both)
