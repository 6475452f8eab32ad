"""Training steps: accumulation, averaging, a frozen backbone; and early stopping."""

from __future__ import annotations

import pytest
import torch

from onball.actions import ACTIONS, BALL_ACTIONS
from onball.errors import OnballWarning
from onball.evaluation.classification import ClassificationResult
from onball.models import build_model, load_model
from onball.training.module import TrainingModule, TrainingSteps
from onball.training.validation import ValidationResult

#: No normalisation over the batch and no dropout: the clips of a batch are independent.
NO_BATCH_NORM = [
    "model.backbone={name: test_convnext, pretrained: false}",
    "model.dropout=0",
]
#: Every frame weighs the same, so that the mean over a batch is the mean of its parts' means.
EQUAL_WEIGHTS = ["training.loss.action_weight=1"]


def test_two_batches_of_two_accumulated_are_one_batch_of_four(
    runs, tmp_path, assert_same_weights, metrics
):
    common = [*NO_BATCH_NORM, *EQUAL_WEIGHTS, "training.clips_per_epoch=8"]
    whole = runs.train(tmp_path / "whole", *common)
    parts = runs.train(
        tmp_path / "parts", *common, "training.batch_size=2", "training.accumulate=2"
    )
    assert_same_weights(whole, parts, 1e-5)
    for one, other in zip(metrics(whole), metrics(parts), strict=True):
        assert one["step"] == other["step"]
        assert float(one["train_loss"]) == pytest.approx(float(other["train_loss"]), abs=2e-5)


@pytest.mark.parametrize(
    ("batch", "accumulate", "processes", "clips", "per_epoch"),
    [(4, 1, 1, 10, 3), (2, 2, 1, 12, 3), (2, 1, 2, 12, 3), (1, 3, 4, 12, 1)],
)
def test_an_epoch_is_rounded_up_to_whole_steps_where_batches_share_one(
    runs, batch, accumulate, processes, clips, per_epoch
):
    config = runs.config(f"training.batch_size={batch}", f"training.accumulate={accumulate}")
    steps = TrainingSteps.of(config.training, processes)
    assert (steps.clips_per_epoch, steps.per_epoch, steps.total) == (
        clips,
        per_epoch,
        2 * per_epoch,
    )


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_saved_model_holds_the_average_of_the_weights(
    runs, tmp_path, monkeypatch, weights, accumulate
):
    after_steps: list[dict[str, torch.Tensor]] = []
    original = TrainingModule.optimizer_step

    def optimizer_step(self, *args, **kwargs):
        original(self, *args, **kwargs)
        after_steps.append({k: v.clone() for k, v in self.net.state_dict().items()})

    monkeypatch.setattr(TrainingModule, "optimizer_step", optimizer_step)
    # Without matches to validate on the last model is saved; both epochs count.
    monkeypatch.setattr("onball.training.run.load_valid", lambda *args: [])
    settings = ["training.batch_size=2", f"training.accumulate={accumulate}"]
    runs.train(tmp_path / "run", "training.ema_decay=0.8", *settings)
    assert len(after_steps) == (10 if accumulate == 1 else 6)
    saved = weights(tmp_path / "run")
    moved = 0
    for name, value in saved.items():
        if not value.is_floating_point():
            continue
        average = after_steps[0][name]
        for state in after_steps[1:]:
            average = 0.8 * average + 0.2 * state[name]
        assert torch.allclose(value, average, atol=1e-6), name
        moved += not torch.allclose(value, after_steps[-1][name], atol=1e-6)
    assert moved > 10


def test_a_frozen_backbone_stays_as_it_is_and_the_heads_learn(runs, tmp_path, weights):
    settings = ["training.freeze=backbone", "training.epochs=1"]
    check_frozen(runs, weights, tmp_path, settings, "backbone.")


def test_frozen_stages_stay_as_they_are_and_later_ones_learn(runs, tmp_path, weights):
    settings = ["training.freeze=stages:2", "training.epochs=1", "training.layer_decay=0.5"]
    network = "backbone.network."
    frozen = tuple(network + part for part in ("stem.", "stages.0.", "stages.1."))
    check_frozen(runs, weights, tmp_path, settings, frozen)


def check_frozen(runs, weights, tmp_path, settings, prefixes):
    torch.manual_seed(0)  # the seed of the run
    before = build_model(runs.config(*settings).model).state_dict()
    after = weights(runs.train(tmp_path / "run", *settings))
    frozen = {name for name in after if name.startswith(prefixes)}
    assert any("running_mean" in name for name in frozen)
    for name in frozen:
        assert torch.equal(after[name], before[name]), name
    for name in after.keys() - frozen:
        assert not torch.equal(after[name], before[name]), name


@pytest.fixture
def scripted_map10(monkeypatch):
    """Lets validation give these values of mAP10, epoch by epoch, with a loss that always falls."""

    def give(*values):
        count = iter(range(len(values)))

        def validate(net, matches, config, precision):
            epoch = next(count)
            ap = dict.fromkeys(ACTIONS, values[epoch])
            ones = dict.fromkeys(ACTIONS, 1)
            result = ClassificationResult(BALL_ACTIONS, ap, ap, 1, ones)
            return ValidationResult(10.0 - epoch, result)

        monkeypatch.setattr("onball.training.run.validate", validate)

    return give


EARLY = ["training.epochs=8", "training.clips_per_epoch=4", "training.early_stopping_epochs=2"]


def test_a_run_stops_when_map10_has_not_risen_and_keeps_the_model_of_the_best(
    runs, tmp_path, scripted_map10, metrics
):
    scripted_map10(0.1, 0.3, 0.2, 0.3)
    run_dir = runs.train(tmp_path / "run", *EARLY)
    assert [float(row["map10"]) for row in metrics(run_dir)] == [0.1, 0.3, 0.2, 0.3]
    card = (run_dir / "model" / "README.md").read_text()
    assert "epoch 2 of 8" in card and "mAP10 30.00" in card
    kept = load_model(run_dir / "model")[0].state_dict()
    state = torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert any(not torch.equal(kept[name], state[f"net.{name}"]) for name in kept)

    kept_files = ["metrics.csv", "model/model.safetensors", "checkpoints/last.ckpt"]
    before = [(run_dir / name).read_bytes() for name in kept_files]
    scripted_map10()  # nothing more is validated
    with pytest.warns(
        OnballWarning, match="nothing trained: early stopping ended this run at step"
    ):
        runs.train(run_dir, *EARLY, resume=True)
    assert [(run_dir / name).read_bytes() for name in kept_files] == before


def test_map10_that_stays_0_stops_a_run_too(runs, tmp_path, scripted_map10, metrics):
    scripted_map10(0.0, 0.0, 0.0)
    run_dir = runs.train(tmp_path / "run", *EARLY)
    assert len(metrics(run_dir)) == 3
    assert "epoch 3 of 8" in (run_dir / "model" / "README.md").read_text()


def test_epochs_without_validation_do_not_stop_a_run(runs, tmp_path, scripted_map10, metrics):
    scripted_map10(0.3, 0.2, 0.2)
    run_dir = runs.train(tmp_path / "run", *EARLY, "training.validate_every_epochs=2")
    assert [row["map10"] for row in metrics(run_dir)] == ["", "0.30000", "", "0.20000"]
