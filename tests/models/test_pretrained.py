"""Initial weights of image networks: from files and saved models, and errors if they do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from onball.config import ComponentConfig, ExperimentConfig, ModelConfig, SavedModelConfig
from onball.errors import ConfigError, ModelError
from onball.models import build_model, load_model, save_model
from onball.models.backbones import BACKBONES, BackboneSetup
from onball.models.backbones.image import ImageBackbone
from onball.models.backbones.pretrained import read_weights, widen_stem

NAME = "test_resnet"
PLAIN = ExperimentConfig(model=ModelConfig(backbone=ComponentConfig(name=NAME))).model.preprocessing


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def offline(monkeypatch):
    """Make the hub unreachable, with the error of its client."""

    def unreachable(*_: object, **__: object) -> None:
        class LocalEntryNotFoundError(Exception):
            pass

        raise LocalEntryNotFoundError("Cannot find the file on disk")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", unreachable)


def backbone(pretrained: object, *, fetch: bool = True, **options: object) -> ImageBackbone:
    config = ComponentConfig(**{"name": NAME, "pretrained": pretrained, **options})
    net = BACKBONES.build(config, BackboneSetup(PLAIN, fetch)).eval()
    assert isinstance(net, ImageBackbone)
    return net


def video() -> torch.Tensor:
    return torch.randint(0, 256, (1, 4, 3, 32, 32), dtype=torch.uint8)


def saved_model(folder: Path, **options: object) -> Path:
    """Save a model with random weights; returns its folder."""
    component = ComponentConfig(**{"name": NAME, "pretrained": False, **options})
    temporal = ComponentConfig(name="bilstm", hidden=4)
    config = ExperimentConfig(model=ModelConfig(backbone=component, temporal=temporal))
    save_model(build_model(config.model), SavedModelConfig.of(config), folder)
    return folder


@pytest.mark.parametrize("nested", [(), ("model",), ("state_dict",), ("model_state",)])
@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".pt", ".pyth"])
def test_a_weights_file_restores_the_network(tmp_path, ending, nested):
    original = backbone(False)
    weights = {k: v.contiguous() for k, v in original.network.state_dict().items()}
    # Files of image networks also contain their classifier.
    weights.update({"fc.weight": torch.zeros(9, 4), "fc.bias": torch.zeros(9)})
    path = tmp_path / f"weights{ending}"
    if ending == ".safetensors":
        save_file(weights, path)
    else:
        torch.save({nested[0]: weights, "epoch": 3} if nested else weights, path)
    frames = video()
    assert torch.equal(backbone(str(path))(frames), original(frames))


def test_the_backbone_of_a_saved_model_is_read_from_its_folder_or_file(tmp_path):
    folder = saved_model(tmp_path / "model", neighbours=1)
    net, _ = load_model(folder)
    frames = video()
    for path in (folder, folder / "model.safetensors"):
        assert torch.equal(backbone(str(path), neighbours=1)(frames), net.features(frames))


def test_a_relative_path_starts_at_the_working_directory(tmp_path, monkeypatch):
    saved_model(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    assert read_weights(Path("model")).keys() == backbone(False).network.state_dict().keys()


@pytest.mark.parametrize("kind", ["gsm", "gsf"])
def test_a_shifted_network_with_plain_weights_equals_the_plain_one(tmp_path, kind):
    folder = saved_model(tmp_path / "model", neighbours=1)
    frames = video()
    shifted = backbone(str(folder), neighbours=1, shift=kind)
    assert torch.equal(shifted(frames), backbone(str(folder), neighbours=1)(frames))


def test_neighbours_without_weights_have_no_initial_effect(tmp_path):
    folder = saved_model(tmp_path / "model", neighbours=1)
    frames = video()
    expected = backbone(str(folder), neighbours=1)(frames)
    assert torch.allclose(backbone(str(folder), neighbours=3)(frames), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("theirs", "ours", "taken"),
    [
        (0, 1, [0, 1, 2, None, None]),
        (1, 0, [0, 1, 2]),
        (1, 2, [0, 1, 2, None, 3, 4, None]),
        (2, 1, [0, 1, 2, 4, 5]),
        (2, 2, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_each_input_channel_keeps_its_meaning_when_the_neighbours_differ(theirs, ours, taken):
    stem = torch.randn(2, 3 + 2 * theirs, 3, 3)
    fitted = widen_stem({"stem.weight": stem}, "stem", 3 + 2 * ours)["stem.weight"]
    assert fitted.shape[1] == len(taken)
    for channel, source in enumerate(taken):
        expected = torch.zeros(2, 3, 3) if source is None else stem[:, source]
        assert torch.equal(fitted[:, channel], expected)


def test_no_weights_are_read_without_fetching():
    backbone("nowhere/at/all", fetch=False)


def test_an_unreachable_hub_is_reported_with_the_alternatives(offline):
    with pytest.raises(ModelError, match=r"pretrained=false .*pretrained=PATH") as caught:
        backbone(True)
    assert "\n" not in str(caught.value)


def other_network(folder: Path) -> Path:
    return saved_model(folder / "model", name="test_efficientnet")


def shifted_network(folder: Path) -> Path:
    return saved_model(folder / "model", shift="gsm")


def part_of_one(folder: Path) -> Path:
    weights = backbone(False).network.state_dict()
    torch.save(dict(list(weights.items())[:-8]), folder / "part.pth")
    return folder / "part.pth"


def code(folder: Path) -> Path:
    torch.save(torch.nn.Linear(2, 2), folder / "module.pth")
    return folder / "module.pth"


def garbage(folder: Path, name: str) -> Path:
    (folder / name).write_bytes(b"\x08" * 99)
    return folder / name


def no_weights(folder: Path) -> Path:
    torch.save({"epoch": 3}, folder / "epoch.pth")
    return folder / "epoch.pth"


def no_backbone(folder: Path) -> Path:
    save_file({"backbone.video.weight": torch.zeros(2)}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: folder / "nowhere.pth", "nowhere.pth: no such file"),
        (lambda folder: folder, "model.safetensors: no such file"),
        (other_network, "model does not fit 'test_resnet' .*first '"),
        (shifted_network, "model does not fit 'test_resnet' .*shift"),
        (part_of_one, "part.pth does not fit 'test_resnet'"),
        (code, "not a plain file of weights"),
        (lambda folder: garbage(folder, "a.pth"), "a.pth: (not a plain|damaged)"),
        (lambda folder: garbage(folder, "a.safetensors"), "a.safetensors: damaged"),
        (lambda folder: garbage(folder, "a.onnx"), "a.onnx: (not a plain|damaged)"),
        (no_weights, "epoch.pth: holds no weights"),
        (no_backbone, "holds no weights of an image network"),
    ],
)
def test_unusable_weights_are_reported_in_one_line(tmp_path, make, expected):
    path = make(tmp_path)
    with pytest.raises(ModelError, match=f"model.backbone.pretrained: .*{expected}") as caught:
        backbone(str(path))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_value_that_is_no_path_is_reported_in_one_line():
    with pytest.raises(
        ConfigError, match=r"backbone.pretrained: should be true, false or the path"
    ):
        backbone([1])
