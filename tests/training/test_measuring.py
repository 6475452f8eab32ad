"""Time and disk space of a training, estimated from a few of its steps."""

from __future__ import annotations

import pytest

from onball.errors import InputError, OnballError
from onball.training import measuring
from onball.training.measuring import measure_training

#: Small clips, so that ten steps take a fraction of a second.
QUICK = ("training.batch_size=1", "data.clip_frames=8")


def files(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def test_a_data_set_is_measured_without_any_file_being_written(
    runs, root, finished, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = files(root)
    config = runs.config(*QUICK, "data.cache=new-cache", "training.epochs=5")
    estimate = measure_training(config)
    assert files(root) == before and list(tmp_path.iterdir()) == []
    assert estimate.on_data and estimate.steps == 10
    # Two matches to train on and one to validate on, of 8 s at 12.5 frames per second.
    assert estimate.cache_bytes == 3 * 100 * 64 * 36 * 3
    frames = 5 * 10 * 8
    assert estimate.training_seconds == pytest.approx(frames / estimate.frames_per_second)
    parts = (estimate.training_seconds, estimate.validation_seconds, estimate.decoding_seconds)
    assert all(part > 0 for part in parts)
    assert estimate.total_seconds == pytest.approx(sum(parts))
    written = [finished / "checkpoints" / "last.ckpt", *(finished / "model").iterdir()]
    actual = sum(path.stat().st_size for path in written)
    assert estimate.run_bytes == pytest.approx(actual, rel=0.2)


def test_frames_that_are_in_the_cache_already_cost_nothing(runs, finished):
    estimate = measure_training(runs.config(*QUICK))
    assert (estimate.decoding_seconds, estimate.cache_bytes) == (0, 0)


def test_without_a_cache_the_time_to_read_clips_counts(runs, monkeypatch):
    def slowly(loader, seconds):
        return original(loader, seconds)[0], 100.0

    original = measuring._read_batches
    monkeypatch.setattr(measuring, "_read_batches", slowly)
    config = runs.config(*QUICK, "data.cache=null", "training.workers=2", "training.epochs=1")
    assert measure_training(config).training_seconds == pytest.approx(10 * 100 / 2)


@pytest.mark.parametrize(
    "settings",
    [
        ("task=classification", "model.backbone={name: test_byobnet, pretrained: true}"),
        ("model.backbone={name: none}", "model.tracking.features=full"),
        ("model.auxiliary=soccernet-v2", "training.accumulate=2"),
    ],
    ids=["classification", "tracks alone", "joint"],
)
def test_random_frames_are_measured_without_a_data_set(runs, settings, monkeypatch):
    def fetch(*args, **kwargs):
        raise AssertionError("fetched weights")

    monkeypatch.setattr("onball.models.backbones.pretrained._fetch", fetch)
    estimate = measure_training(runs.config(*QUICK, "data.root=null", *settings))
    assert not estimate.on_data
    assert estimate.validation_seconds is None and estimate.cache_bytes is None
    assert estimate.total_seconds == estimate.training_seconds > 0


def test_a_step_that_does_not_fit_into_memory_is_not_tried(runs):
    config = runs.config("data.root=null", "training.batch_size=100000000")
    with pytest.raises(OnballError, match=r"a step needs about \d+ GiB and cpu has \d+: lower"):
        measure_training(config, device="cpu")


def test_several_processes_are_not_measured(runs, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="the speed of several processes is not measured"):
        measure_training(runs.config())
