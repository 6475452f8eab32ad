"""Training that starts from a saved model: what is kept, and what is re-initialised."""

from __future__ import annotations

import warnings

import pytest
import torch

from onball.config import load_config
from onball.errors import ConfigError, OnballNotice
from onball.models import load_model
from onball.training.initial import build_initial_net


def test_rows_of_common_classes_are_kept_in_any_order(runs, finished):
    start = f"training.initial_model={finished}"
    config = runs.config(start, "model.classes=[corner, Drive, PASS]")
    with pytest.warns(OnballNotice, match="kept, but for some weights: the classes 'corner' are"):
        net = build_initial_net(config).state_dict()
    source, saved = load_model(finished, "spotting")
    theirs, names = source.state_dict(), saved.actions.names
    drive, passed = 1 + names.index("DRIVE"), 1 + names.index("PASS")
    for key in ("head.linear.weight", "head.linear.bias"):
        assert torch.equal(net[key][[0, 2, 3]], theirs[key][[0, drive, passed]])
        assert not torch.equal(net[key][1], theirs[key][1])
    for key in net.keys() - {"head.linear.weight", "head.linear.bias"}:
        assert torch.equal(net[key], theirs[key]), key


def test_with_another_temporal_head_only_the_backbone_is_kept(runs, finished):
    start = f"training.initial_model={finished}"
    with pytest.warns(OnballNotice, match="temporal head, prediction head re-initialised"):
        net = build_initial_net(runs.config(start, "model.temporal.hidden=16")).state_dict()
    theirs = load_model(finished, "spotting")[0].state_dict()
    for key, value in net.items():
        same = (
            key in theirs and value.shape == theirs[key].shape and torch.equal(value, theirs[key])
        )
        assert same is key.startswith("backbone."), key


def test_classes_of_single_teams_are_re_initialised(runs, finished):
    start = f"training.initial_model={finished}"
    with pytest.warns(OnballNotice, match="the rows of the same class and team are used"):
        net = build_initial_net(runs.config(start, "model.teams=true")).state_dict()
    theirs = load_model(finished, "spotting")[0].state_dict()
    assert torch.equal(net["head.linear.weight"][0], theirs["head.linear.weight"][0])
    assert len(net["head.linear.weight"]) == 2 * len(theirs["head.linear.weight"]) - 1


def test_another_backbone_is_refused(runs, finished):
    start = f"training.initial_model={finished}"
    message = "has the backbone test_byobnet, .*, the config regnety_002"
    with pytest.raises(ConfigError, match=message):
        build_initial_net(
            runs.config(start, "model.backbone={name: regnety_002, pretrained: false}")
        )


def test_without_a_config_the_net_is_that_of_the_model(onball, runs, finished, tmp_path):
    out = tmp_path / "run"
    few = ["training.epochs=1", "training.clips_per_epoch=4", "training.workers=0"]
    settings = [part for setting in few for part in ("--set", setting)]
    arguments = ("--init", finished, "--data", runs.root, "--out", out, *settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error", OnballNotice)  # all weights are kept
        code, shown, said = onball("train", *arguments)
    assert code == 0 and f"Saved model: {out / 'model'}" in shown, said
    config, before = load_config(out / "config.yaml"), load_config(finished / "config.yaml")
    assert config.model == before.model.model_copy(update={"backbone": config.model.backbone})
    assert config.data.size == before.data.size and config.inference == before.inference
    code, _, said = onball("train", "--data", runs.root)
    assert code == 2 and "name a CONFIG" in said and "--init" in said
