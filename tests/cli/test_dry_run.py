"""`onball train --dry-run`: the plan of a training, without data and without files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from onball.config import load_config
from onball.models import build_model
from onball.models.cost import measure, training_memory

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def dry_run(onball, tmp_path, monkeypatch):
    """Run `onball train … --dry-run` in an empty folder, and assert that it stays empty."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        result = onball("train", *arguments, "--dry-run")
        assert list(tmp_path.iterdir()) == []
        return result

    return run


def printed(output: str, name: str) -> str:
    """Text of the line that begins with the name."""
    (line,) = re.findall(rf"^{name} +(.*)$", output, re.MULTILINE)
    return line


def test_the_plan_shows_size_memory_and_steps(dry_run):
    code, out, error = dry_run(TINY, "--set", "training.precision=32")
    assert (code, error) == (0, "")
    config = load_config(TINY)
    net = build_model(config.model)
    cost = measure(net, (16, 3, 36, 64))
    assert printed(out, "net") == "spotting: test_byobnet → bilstm → linear head"
    assert printed(out, "parameters") == f"{sum(p.numel() for p in net.parameters()):,}"
    assert printed(out, "one clip").startswith(f"16 frames of 64×36: {cost.gflops:.2f} GFLOPs")
    gib = training_memory(cost, 4) / 2**30
    assert printed(out, "memory").startswith(f"about {gib:.1f} GiB for a batch of 4 in float32")
    assert printed(out, "steps") == "8: 2 epochs of 4, each of 4 clips"
    assert printed(out, "frames") == f"{2 * 16 * 16:,}"
    assert "learning rate" in out and re.search("[⠁-⣿]", out)


def test_more_clips_need_more_steps_and_larger_batches_more_memory(dry_run):
    settings = [f"training.{each}" for each in ("batch_size=8", "epochs=3", "clips_per_epoch=100")]
    options = [part for setting in settings for part in ("--set", setting)]
    small = dry_run("spotting/regnety", "--with", "budgets/cpu")[1]
    large = dry_run("spotting/regnety", "--with", "budgets/cpu", *options)[1]
    assert printed(large, "steps") == "39: 3 epochs of 13, each of 8 clips"

    def gib(out: str) -> float:
        return float(printed(out, "memory").split()[1])

    assert 1.5 * gib(small) < gib(large) < 2.5 * gib(small)


def test_the_trained_parameters_of_a_frozen_net_are_counted(dry_run):
    out = dry_run(TINY, "--set", "training.freeze_backbone=true")[1]
    net = build_model(load_config(TINY).model)
    rest = sum(p.numel() for n, p in net.named_parameters() if not n.startswith("backbone."))
    assert printed(out, "parameters").endswith(f", {rest:,} of them trained")


@pytest.mark.parametrize("name", ["classification/convnext_tiny", "spotting/x3d"])
def test_pretrained_weights_are_not_fetched(dry_run, monkeypatch, name):
    def fetch(*args, **kwargs):
        raise AssertionError("fetched weights")

    monkeypatch.setattr("onball.models.backbones.pretrained._fetch", fetch)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", fetch)
    code, out, _ = dry_run(name)
    assert code == 0
    assert printed(out, "net").startswith(name.partition("/")[0])


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("training.epoch=3", "unknown setting; did you mean 'epochs'?"),
        ("model.temporal.hiden=3", "did you mean 'hidden'?"),
        ("model.temporal.name=bilsm", "did you mean 'bilstm'?"),
        ("training.epochs=many", "training.epochs"),
    ],
)
def test_an_error_for_a_misspelt_setting_names_the_right_one(dry_run, setting, hint):
    code, _, error = dry_run(TINY, "--set", setting)
    assert code == 2
    assert hint in error and "Traceback" not in error


def test_an_error_for_a_misspelt_config_names_the_right_one(dry_run):
    code, _, error = dry_run("spotting/regnety_bilstn")
    assert code == 2
    assert "did you mean 'spotting/regnety_bilstm'?" in error


def test_an_error_for_a_misspelt_option_names_the_right_one(onball):
    code, _, error = onball("train", TINY, "--dry-rum")
    assert code == 2
    assert "--dry-run" in error
