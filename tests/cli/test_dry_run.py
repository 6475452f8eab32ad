"""`onball train --dry-run`: the plan of a training and its measured time, without any file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny_matches import write_flashes

from onball.config import load_config
from onball.models import build_model
from onball.models.cost import measure, training_memory
from onball.training.trainer import plan_training

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


#: Clips that take next to no time to measure.
SMALL = ("--set", "data.clip_frames=8", "--set", "training.batch_size=1")


def test_the_plan_shows_size_memory_steps_and_measured_time(dry_run):
    code, out, error = dry_run(TINY, "--set", "training.precision=32", *SMALL)
    assert (code, error) == (0, "")
    net = build_model(load_config(TINY).model)
    cost = measure(net, (8, 3, 36, 64))
    assert printed(out, "net") == "spotting: test_byobnet → bilstm → linear head"
    assert printed(out, "parameters") == f"{sum(p.numel() for p in net.parameters()):,}"
    assert printed(out, "one clip").startswith(f"8 frames of 64×36: {cost.gflops:.2f} GFLOPs")
    mib = training_memory(cost, 1) / 2**20
    assert printed(out, "memory").startswith(f"about {mib:.0f} MiB for a batch of 1 in float32")
    assert printed(out, "steps") == "32: 2 epochs of 16, each of 1 clip"
    assert printed(out, "frames") == f"{2 * 16 * 8:,}"
    assert "learning rate" in out and re.search("[⠁-⣿]", out)
    assert re.match(r"\d+ frames/s, measured over 10 steps .*random pixels", printed(out, "speed"))
    # Fast machines train for less than a second.
    assert re.match("(about|less than) .* of training, without", printed(out, "time"))
    assert re.fullmatch(r"\d MB for the run", printed(out, "disk"))


def test_the_time_with_a_data_set_has_its_parts(dry_run, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for seed, split in enumerate(("train", "valid")):
        write_flashes(root / split / "league" / "season" / f"match {seed}", seed)
    cache = root / "cache"
    code, out, _ = dry_run(TINY, "--data", root, "--set", f"data.cache={cache}", *SMALL)
    assert code == 0 and not cache.exists()
    assert f"on clips of {root}" in printed(out, "speed")
    for part in ("of training", "of validation", "of decoding before it"):
        assert part in printed(out, "time")
    assert f"1 MB for decoded frames in {cache}" in printed(out, "disk")


def test_more_clips_need_more_steps_and_larger_batches_more_memory():
    settings = [f"training.{each}" for each in ("batch_size=8", "epochs=3", "clips_per_epoch=100")]
    small = plan_training(load_config("spotting/tiny"))
    large = plan_training(load_config("spotting/tiny", settings))
    assert (large.steps.total, large.steps.per_epoch) == (39, 13)
    assert 1.3 * small.memory_bytes < large.memory_bytes < 2.5 * small.memory_bytes


@pytest.fixture
def unmeasured(monkeypatch):
    """Nets of plans are built, but their forward pass is not measured."""
    monkeypatch.setattr("onball.models.cost._forward", lambda *_: (0, []))


@pytest.mark.usefixtures("unmeasured")
def test_the_trained_parameters_of_a_frozen_net_are_counted():
    frozen = load_config("spotting/tiny", ["training.freeze=backbone"])
    net = build_model(frozen.model)
    rest = sum(p.numel() for n, p in net.named_parameters() if not n.startswith("backbone."))
    assert plan_training(frozen).cost.trainable == rest


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("name", ["classification/convnext_tiny", "spotting/x3d"])
def test_pretrained_weights_are_not_fetched(monkeypatch, name):
    def fetch(*args, **kwargs):
        raise AssertionError("fetched weights")

    monkeypatch.setattr("onball.models.backbones.pretrained._fetch", fetch)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", fetch)
    small = ["data.clip_frames=2", "data.width=64", "data.height=36"]
    assert plan_training(load_config(name, small)).cost.parameters > 1e6


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
