"""Saved models: round trips, atomic replacement, and errors for damaged files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from onball.config import (
    ComponentConfig,
    ExperimentConfig,
    ModelConfig,
    SavedModelConfig,
    save_config,
)
from onball.errors import ModelError, OnballError
from onball.models import ClipClassifier, SpottingNet, build_model, load_model, save_model
from onball.models.backbones.pretrained import read_weights

EXPERIMENT = ExperimentConfig(
    model=ModelConfig(
        # As in real use, the backbone is pretrained; loading must not fetch its weights.
        backbone=ComponentConfig(name="test_byobnet", pretrained=True, neighbours=1),
        temporal=ComponentConfig(name="bilstm", hidden=8),
    )
)
CONFIG = SavedModelConfig.of(EXPERIMENT)
FRAMES = torch.randint(0, 256, (1, 4, 3, 36, 64), dtype=torch.uint8)


@pytest.fixture
def net():
    torch.manual_seed(3)
    return build_model(CONFIG.model, fetch_weights=False).eval()


def test_a_loaded_model_gives_the_scores_of_the_saved_one(net, tmp_path):
    save_model(net, CONFIG, tmp_path / "deep" / "model", card="# Mine\n")
    loaded, config = load_model(tmp_path / "deep" / "model")
    assert config == CONFIG
    assert not loaded.training
    assert torch.equal(loaded(FRAMES).logits, net(FRAMES).logits)
    assert (tmp_path / "deep" / "model" / "README.md").read_text() == "# Mine\n"


def test_a_model_is_loaded_from_the_folder_of_its_run(net, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    save_config(EXPERIMENT, run / "config.yaml")
    with pytest.raises(ModelError, match="run: this training run has no saved model yet: continue"):
        load_model(run)
    save_model(net, CONFIG, run / "model")
    assert torch.equal(load_model(run)[0](FRAMES).logits, net(FRAMES).logits)
    weights = read_weights(run)  # for `model.backbone.pretrained`
    assert weights and all(
        torch.equal(v, net.backbone.network.state_dict()[k]) for k, v in weights.items()
    )


def test_half_precision_halves_the_file_and_gives_nearly_equal_scores(net, tmp_path):
    save_model(net, CONFIG, tmp_path / "full")
    save_model(net, CONFIG, tmp_path / "half", half=True)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    loaded, _ = load_model(tmp_path / "half")
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert torch.allclose(loaded(FRAMES).logits, net(FRAMES).logits, atol=1e-2)


def test_saving_again_replaces_the_model_and_leaves_no_temporary_files(net, tmp_path):
    save_model(net, CONFIG, tmp_path / "model")
    with torch.no_grad():
        net.head.linear.bias += 1
    save_model(net, CONFIG, tmp_path / "model")
    assert torch.equal(load_model(tmp_path / "model")[0](FRAMES).logits, net(FRAMES).logits)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_with_other_files_is_not_overwritten(net, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="holds other files"):
        save_model(net, CONFIG, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_at_the_path_of_the_folder_is_not_overwritten(net, tmp_path):
    (tmp_path / "model").write_text("years of work")
    with pytest.raises(ModelError, match="model: is a file"):
        save_model(net, CONFIG, tmp_path / "model")
    assert (tmp_path / "model").read_text() == "years of work"


def test_a_folder_that_cannot_be_created_is_reported_in_one_line(net, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OnballError, match=r"file/model: cannot be written \(.+\)") as caught:
        save_model(net, CONFIG, tmp_path / "file" / "model")
    assert "\n" not in str(caught.value)


def test_the_former_model_survives_a_failure_of_the_last_rename(net, tmp_path, monkeypatch):
    save_model(net, CONFIG, tmp_path / "model", card="former")
    original = Path.rename

    def rename(self, target):
        if (self / "README.md").read_text() == "new":
            raise OSError(5, "Input/output error")
        return original(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OnballError, match="model: cannot be written"):
        save_model(net, CONFIG, tmp_path / "model", card="new")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "README.md").read_text() == "former"
    assert torch.equal(load_model(tmp_path / "model")[0](FRAMES).logits, net(FRAMES).logits)


def test_saving_to_a_link_replaces_the_model_it_points_to(net, tmp_path):
    save_model(net, CONFIG, tmp_path / "model", card="former")
    (tmp_path / "link").symlink_to(tmp_path / "model")
    save_model(net, CONFIG, tmp_path / "link", card="new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "model" / "README.md").read_text() == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"link", "model"}


def test_the_config_describes_the_preparation_of_a_video(net, tmp_path):
    save_model(net, CONFIG, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["fps"], config["width"], config["height"]) == (12.5, 398, 224)
    assert config["model"]["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    assert config["actions"][0] == "PASS"
    assert config["inference"]["nms_window_ms"] > 0


def edit(path, **changes):
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda m: (m / "config.json").unlink(), "no saved model here"),
        (lambda m: (m / "model.safetensors").unlink(), "no such file"),
        (lambda m: (m / "config.json").write_text("{"), "broken JSON"),
        (lambda m: (m / "model.safetensors").write_bytes(b"\x08" * 9), "damaged or cut off"),
        (lambda m: cut(m / "model.safetensors"), "damaged or cut off"),
        (lambda m: edit(m / "config.json", format_version=2), "a newer onball may read it"),
        (lambda m: edit(m / "config.json", fps="fast"), "fps: input should be a valid number"),
        (lambda m: edit(m / "config.json", actions=["PASS"]), "other actions"),
        (lambda m: retype(m / "config.json", hidden=9), "do not fit config.json"),
        (lambda m: retype(m / "config.json", name="magic"), "unknown name 'magic'"),
    ],
)
def test_a_damaged_model_is_reported_in_one_line(net, tmp_path, damage, expected):
    save_model(net, CONFIG, tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(ModelError, match=expected) as caught:
        load_model(tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def retype(path, **temporal):
    config = json.loads(path.read_text())
    config["model"]["temporal"].update(temporal)
    path.write_text(json.dumps(config))


def test_a_missing_folder_is_reported_in_one_line(tmp_path):
    with pytest.raises(ModelError, match="no saved model here"):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "changes",
    [
        {"teams": True},
        {"head": ComponentConfig(name="linear", displacement=4)},
        {"head": ComponentConfig(name="trident", radius=2, hidden=8)},
        {"auxiliary": "soccernet-v2"},
    ],
)
def test_every_kind_of_net_is_restored_exactly(tmp_path, changes):
    model = CONFIG.model.model_copy(update=changes)
    config = CONFIG.model_copy(update={"model": model})
    net = build_model(model, fetch_weights=False).eval()
    save_model(net, config, tmp_path / "model")
    loaded, read = load_model(tmp_path / "model")
    assert read == config
    assert torch.equal(loaded(FRAMES).outputs(), net(FRAMES).outputs())
    assert loaded.head.radius == net.head.radius


CLIPS = SavedModelConfig.of(EXPERIMENT.model_copy(update={"task": "classification"}))


@pytest.fixture
def classifier():
    torch.manual_seed(3)
    return build_model(CLIPS.model, "classification", fetch_weights=False).eval()


def test_a_loaded_classifier_gives_the_scores_of_the_saved_one(classifier, tmp_path):
    save_model(classifier, CLIPS, tmp_path / "model")
    loaded, config = load_model(tmp_path / "model", "classification")
    assert config == CLIPS
    assert (config.task, config.clip_frames) == ("classification", 50)
    assert not loaded.training
    assert torch.equal(loaded(FRAMES), classifier(FRAMES))


def test_a_model_for_another_task_is_reported_in_one_line(net, classifier, tmp_path):
    save_model(net, CONFIG, tmp_path / "spotting")
    save_model(classifier, CLIPS, tmp_path / "clips")
    with pytest.raises(ModelError, match="for classification, and one for spotting") as caught:
        load_model(tmp_path / "clips", "spotting")
    assert "\n" not in str(caught.value) and str(tmp_path / "clips") in str(caught.value)
    with pytest.raises(ModelError, match="for spotting, and one for classification") as caught:
        load_model(tmp_path / "spotting", "classification")
    assert "\n" not in str(caught.value) and str(tmp_path / "spotting") in str(caught.value)


def test_a_model_without_a_task_in_its_config_is_for_spotting(net, tmp_path):
    save_model(net, CONFIG, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    del config["task"], config["clip_frames"]
    for setting in ("head", "dropout", "teams", "auxiliary"):
        del config["model"][setting]
    path.write_text(json.dumps(config))
    loaded, _ = load_model(tmp_path / "model")
    assert torch.equal(loaded(FRAMES).logits, net(FRAMES).logits)


def test_the_config_of_a_model_decides_which_net_is_loaded(net, classifier, tmp_path):
    save_model(net, CONFIG, tmp_path / "spotting")
    save_model(classifier, CLIPS, tmp_path / "clips")
    assert isinstance(load_model(tmp_path / "spotting")[0], SpottingNet)
    assert isinstance(load_model(tmp_path / "clips")[0], ClipClassifier)
