"""X3D: names and shapes of pytorchvideo, features of each frame, exact context, weights."""

from __future__ import annotations

import csv
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from onball.config import (
    ComponentConfig,
    ExperimentConfig,
    ModelConfig,
    PreprocessingConfig,
    SavedModelConfig,
)
from onball.errors import ConfigError, ModelError
from onball.models import build_model, load_model, save_model
from onball.models.backbones import BACKBONES, BackboneSetup
from onball.models.backbones.x3d import X3D

PLAIN = PreprocessingConfig(mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225))
SETUP = BackboneSetup(PLAIN)
CONTEXT = 28


pytestmark = pytest.mark.usefixtures("one_thread")


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of pytorchvideo 0.1.5's `create_x3d(depth_factor=2.2)`, S and M alike."""
    with (Path(__file__).parent / "x3d_parameters.csv").open(newline="") as file:
        return {
            row["name"]: tuple(int(side) for side in row["shape"].split("x") if side)
            for row in csv.DictReader(file)
        }


def published_weights() -> dict[str, torch.Tensor]:
    """Random weights with the names and shapes of the published ones."""
    weights = {}
    for name, shape in published_shapes().items():
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(7)
        elif name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            weights[name] = torch.rand(shape) + 0.5
        else:
            weights[name] = torch.randn(shape) * 0.1
    return weights


def activated(network: X3D) -> X3D:
    """Activate every residual branch, which initially contributes 0 to its shortcut."""
    for name, parameter in network.named_parameters():
        if name.endswith("norm_c.weight"):
            torch.nn.init.ones_(parameter)
    return network.eval()


def video(frames: int, clips: int = 1, size: int = 32) -> torch.Tensor:
    return torch.randint(0, 256, (clips, frames, 3, size, size), dtype=torch.uint8)


def build(pretrained: object, name: str = "x3d_s", **options: object) -> X3D:
    component = ComponentConfig(name=name, pretrained=pretrained, **options)
    backbone = BACKBONES.build(component, SETUP)
    assert isinstance(backbone, X3D)
    return backbone


def error_line(pretrained: object) -> str:
    with pytest.raises(ModelError) as caught:
        build(pretrained)
    line = str(caught.value)
    assert "\n" not in line
    assert "--set model.backbone.pretrained=false" in line
    assert "--set model.backbone.pretrained=PATH" in line
    return line


def test_names_and_shapes_are_those_of_the_published_weights():
    expected = published_shapes()
    classifier = {name for name in expected if name.startswith("blocks.5.proj.")}
    assert classifier == {"blocks.5.proj.weight", "blocks.5.proj.bias"}
    whole = {name: tuple(t.shape) for name, t in X3D(PLAIN, head=True).state_dict().items()}
    assert whole == {name: shape for name, shape in expected.items() if name not in classifier}
    assert list(whole) == [name for name in expected if name not in classifier]
    below = {name: tuple(t.shape) for name, t in X3D(PLAIN).state_dict().items()}
    assert whole.keys() - below.keys() == {"blocks.5.pool.post_conv.weight"}
    assert below.items() <= whole.items()


@pytest.mark.parametrize(("head", "channels"), [(False, 432), (True, 2048)])
def test_every_frame_gets_a_feature(head, channels):
    network = X3D(PLAIN, head=head).eval()
    features = network(video(3, clips=2))
    assert features.shape == (2, 3, channels)
    assert network.feature_dim == channels
    assert network.context == CONTEXT


def test_a_feature_depends_on_exactly_the_frames_of_its_context():
    # In float64, because the gradient of the longest path, of 27 convolutions, is small.
    network = activated(X3D(PLAIN)).double()
    here = CONTEXT + 2
    frames = torch.rand(1, 2 * CONTEXT + 5, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(frames)[0, here].sum(), frames)
    reached = gradient.abs().amax(dim=(0, 2, 3, 4)) > 0
    expected = [abs(t - here) <= CONTEXT for t in range(frames.shape[1])]
    assert reached.tolist() == expected


def test_a_changed_frame_does_not_affect_features_beyond_the_context():
    network = activated(X3D(PLAIN))
    frames = video(CONTEXT + 6)
    changed = frames.clone()
    changed[:, 1] = 255 - changed[:, 1]
    with torch.no_grad():
        difference = (network(changed) - network(frames)).abs().amax(dim=(0, 2))
    assert difference[1] > 1e-3
    assert (difference[1 + CONTEXT + 1 :] == 0).all()


def test_features_of_a_part_with_its_context_equal_those_of_the_whole():
    network = activated(X3D(PLAIN))
    frames = video(2 * CONTEXT + 12)
    with torch.no_grad():
        whole = network(frames)
        first, last = CONTEXT + 4, CONTEXT + 8
        part = network(frames[:, first - CONTEXT : last + CONTEXT])
        at_start = network(frames[:, : 5 + CONTEXT])
        at_end = network(frames[:, -5 - CONTEXT :])
    inner = part[:, CONTEXT : part.shape[1] - CONTEXT]
    assert torch.allclose(inner, whole[:, first:last], atol=1e-5)
    assert torch.allclose(at_start[:, :5], whole[:, :5], atol=1e-5)
    assert torch.allclose(at_end[:, -5:], whole[:, -5:], atol=1e-5)


def test_clips_of_a_batch_are_independent():
    network = activated(X3D(PLAIN))
    frames = video(4, clips=2)
    assert torch.allclose(network(frames)[1:], network(frames[1:]), atol=1e-5)


@pytest.mark.parametrize(("clips", "length", "size"), [(2, 5, 32), (1, 1, 48)])
def test_training_equals_inference_and_has_the_gradients_of_3d_convolutions(
    monkeypatch, clips, length, size
):
    # Where gradients are needed, its depthwise convolutions are sums of 2D ones.
    network = activated(X3D(PLAIN)).double()
    frames = torch.rand(clips, length, 3, size, size, dtype=torch.float64, requires_grad=True)
    wanted = [frames, *network.parameters()]

    def gradients() -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(network(frames).square().sum(), wanted)

    with torch.no_grad():
        inference = network(frames)
    assert torch.allclose(network(frames), inference, atol=1e-10)
    ours = gradients()
    monkeypatch.setattr("onball.models.backbones.x3d._Depthwise.forward", nn.Conv3d.forward)
    assert all(
        torch.allclose(mine, plain, rtol=1e-6, atol=1e-9)
        for mine, plain in zip(ours, gradients(), strict=True)
    )


def test_every_parameter_learns_under_mixed_precision():
    network = activated(X3D(PLAIN, head=True)).train()
    with torch.autocast("cpu", torch.bfloat16):
        features = network(video(2, clips=2))
    assert features.dtype == torch.bfloat16
    features.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_x3d_is_a_backbone_of_a_net_and_runs_on_the_meta_device():
    config = ModelConfig(
        backbone=ComponentConfig(name="x3d_m", pretrained=True),
        temporal=ComponentConfig(name="none"),
    )
    net = build_model(config, fetch_weights=False).to("meta")
    assert net(video(2, size=64).to("meta")).logits.shape == (1, 2, 13)


@pytest.mark.parametrize("layout", ["pytorchvideo", "bare", "safetensors"])
def test_weights_load_from_a_file(tmp_path, layout):
    weights = published_weights()
    path = tmp_path / ("x3d.safetensors" if layout == "safetensors" else "X3D_S.pyth")
    if layout == "safetensors":
        save_file(weights, path)
    else:
        torch.save({"model_state": weights} if layout == "pytorchvideo" else weights, path)
    for head in (False, True):
        own = build(str(path), head=head).state_dict()
        assert own
        assert all(torch.equal(tensor, weights[name]) for name, tensor in own.items())


def test_weights_load_without_the_counts_of_batches(tmp_path):
    weights = {k: v for k, v in published_weights().items() if "num_batches" not in k}
    torch.save({"model_state": weights}, tmp_path / "X3D_M.pyth")
    own = build(tmp_path / "X3D_M.pyth", "x3d_m").state_dict()
    name = "blocks.0.norm.running_var"
    assert torch.equal(own[name], weights[name])


def test_the_backbone_of_a_saved_model_gives_initial_weights(tmp_path):
    weights = published_weights()
    saved = {f"backbone.{name}": tensor for name, tensor in weights.items()}
    save_file({**saved, "head.linear.weight": torch.ones(13, 432)}, tmp_path / "model.safetensors")
    own = build(tmp_path).state_dict()
    name = "blocks.4.res_blocks.2.branch2.conv_b.weight"
    assert torch.equal(own[name], weights[name])


def test_a_file_with_other_weights_is_reported_in_one_line(tmp_path):
    path = tmp_path / "other.pyth"
    weights = published_weights()
    for spoil, first in (
        ({"blocks.4.res_blocks.9.branch2.conv_a.weight": torch.zeros(3)}, "res_blocks.9"),
        ({"blocks.0.norm.weight": torch.zeros(25)}, "'blocks.0.norm.weight'"),
    ):
        torch.save({"model_state": {**weights, **spoil}}, path)
        assert "1 tensors differ" in error_line(str(path))
        assert first in error_line(str(path))
    torch.save({"model_state": {"fc.weight": torch.zeros(3)}}, path)
    assert f"{path}: not the weights of X3D-S or X3D-M" in error_line(str(path))
    torch.save([1, 2], path)
    assert f"{path}: holds no weights by name" in error_line(str(path))


@pytest.mark.parametrize("name", ["cut.pyth", "cut.safetensors"])
def test_a_damaged_or_missing_file_is_reported_in_one_line(tmp_path, name):
    path = tmp_path / name
    assert f"{path}: no such weights file" in error_line(str(path))
    whole = tmp_path / f"whole_{name}"
    save = save_file if name.endswith("safetensors") else torch.save
    save({"blocks.0.norm.weight": torch.ones(24)}, whole)
    path.write_bytes(whole.read_bytes()[:-40])
    assert f"{path}: not a weights file, or damaged" in error_line(str(path))
    path.write_bytes(b"")
    assert f"{path}: not a weights file, or damaged" in error_line(str(path))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "X3D_S.pyth"
    torch.save({"model_state": published_weights(), "hook": error_line}, path)
    assert "UnpicklingError" in error_line(str(path))


def test_a_failed_download_is_reported_with_the_alternatives(monkeypatch):
    asked = []

    def offline(url: str, **_: object) -> None:
        asked.append(url.rsplit("/", 1)[-1])
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    assert "X3D_S.pyth could not be fetched (URLError)" in error_line(True)
    with pytest.raises(ModelError, match=r"X3D_M\.pyth could not be fetched"):
        build(True, "x3d_m")
    assert asked == ["X3D_S.pyth", "X3D_M.pyth"]


@pytest.mark.parametrize("value", [3, "", None])
def test_pretrained_is_a_switch_or_a_path(value):
    expected = "model.backbone.pretrained: expected true, false or the path of a weights file"
    with pytest.raises(ConfigError, match=expected):
        build(value)


def test_a_network_with_published_weights_excites_over_the_clip(tmp_path):
    save_file(published_weights(), tmp_path / "x3d.safetensors")
    started = build(tmp_path / "x3d.safetensors")
    assert started.context is None
    assert build(False).context == CONTEXT
    assert build(tmp_path / "x3d.safetensors", excitation="frame").context == CONTEXT
    # For a clip of one frame both are the same.
    frames = video(2)
    by_frame = build(False, excitation="frame").eval()
    by_frame.load_state_dict(started.state_dict())
    started.eval()
    assert torch.allclose(started(frames[:, :1]), by_frame(frames[:, :1]), atol=1e-5)
    assert not torch.allclose(started(frames), by_frame(frames), atol=1e-3)


def test_a_saved_model_keeps_the_excitation_of_its_training(tmp_path):
    save_file(published_weights(), tmp_path / "x3d.safetensors")
    backbone = {"name": "x3d_s", "pretrained": str(tmp_path / "x3d.safetensors")}
    config = ExperimentConfig.model_validate(
        {"model": {"backbone": backbone, "temporal": {"name": "none"}}}
    )
    save_model(build_model(config.model), SavedModelConfig.of(config), tmp_path / "model")
    net, saved = load_model(tmp_path / "model", "spotting")
    assert net.backbone.context is None
    assert saved.model.backbone.options["excitation"] == "clip"
    assert saved.model.backbone.options["pretrained"] is False
