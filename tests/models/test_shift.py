"""Temporal shift: initially the identity, exact context, independent clips, plain weights."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from onball.assets import demo_model
from onball.config import ComponentConfig, PreprocessingConfig
from onball.errors import ConfigError
from onball.models.backbones import BACKBONES, Backbone, BackboneSetup
from onball.models.backbones.shift import GateShift

pytestmark = pytest.mark.usefixtures("one_thread")


def backbone(name: str = "test_resnet", **options: object) -> Backbone:
    config = ComponentConfig(name=name, **{"pretrained": False, **options})
    return BACKBONES.build(config, BackboneSetup(PreprocessingConfig())).eval()


def shifts_of(net: nn.Module) -> list[GateShift]:
    return [layer for layer in net.modules() if isinstance(layer, GateShift)]


def opened(net: nn.Module) -> nn.Module:
    """Give the net random gates and fusion, and activate blocks that are initially 0."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
    for shift in shifts_of(net):
        for parameter in (shift.gate.weight, shift.gate_bias):
            nn.init.normal_(parameter, std=0.5)
        if shift.fusion is not None:
            nn.init.normal_(shift.fusion.weight, std=0.5)
    return net.eval()


def video(frames: int, clips: int = 1) -> torch.Tensor:
    return torch.randint(0, 256, (clips, frames, 3, 32, 32), dtype=torch.uint8)


def changed(before: torch.Tensor, after: torch.Tensor) -> list[int]:
    """Return the frames of features `[1, T, C]` that differ."""
    return (before - after).abs().amax(dim=(0, 2)).gt(1e-6).nonzero().flatten().tolist()


@pytest.mark.parametrize("kind", ["gsm", "gsf"])
@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_a_shifted_network_loads_the_weights_of_the_plain_one_and_equals_it(name, kind):
    plain, shifted = backbone(name), backbone(name, shift=kind)
    new = shifted.load_state_dict(plain.state_dict(), strict=False)
    assert not new.unexpected_keys
    assert new.missing_keys
    assert all(".shift." in key for key in new.missing_keys)
    frames = video(3, clips=2)
    assert torch.equal(shifted(frames), plain(frames))


@pytest.mark.parametrize("kind", ["gsm", "gsf"])
def test_the_regnet_of_the_demo_model_gets_a_shift_before_each_of_13_blocks(kind):
    net = backbone("regnety_002", neighbours=2, shift=kind)
    assert len(shifts_of(net)) == 13
    assert net.context == 2 + 13 * 2
    weights = load_file(demo_model() / "model.safetensors")
    own = {
        key.removeprefix("backbone."): value.float()
        for key, value in weights.items()
        if key.startswith("backbone.")
    }
    new = net.load_state_dict(own, strict=False)
    assert not new.unexpected_keys
    assert all(".conv1.shift." in key for key in new.missing_keys)


def test_the_gate_is_the_papers_grouped_3d_convolution():
    shift = opened(GateShift(16, fraction=0.5))
    conv = nn.Conv3d(8, 2, 3, padding=1, groups=2)
    # [2 · frames, c, 3, 3] → [2, c, frames, 3, 3]
    weight = shift.gate.weight.unflatten(0, (2, 3)).transpose(1, 2)
    conv.load_state_dict({"weight": weight, "bias": shift.gate_bias})
    clips = torch.randn(2, 16, 5, 6, 7)
    shift.frames = 5
    out = shift(clips.transpose(1, 2).flatten(0, 1)).unflatten(0, (2, 5)).transpose(1, 2)
    part = clips[:, :8]
    gate = conv(F.relu(part / math.sqrt(1 + shift.norm.eps))).tanh()
    gated = part * gate.repeat_interleave(4, dim=1)
    expected = part - gated
    expected[:, :4, 1:] += gated[:, :4, :-1]
    expected[:, 4:, :-1] += gated[:, 4:, 1:]
    assert torch.allclose(out[:, :8], expected, atol=1e-5)
    assert torch.equal(out[:, 8:], clips[:, 8:])


def test_an_open_gate_moves_one_half_forward_and_the_other_backward():
    shift = GateShift(8, fraction=1.0)
    shift.frames = 3
    nn.init.constant_(shift.gate_bias, 20.0)  # tanh(20) = 1
    frames = torch.arange(1.0, 4.0).view(3, 1, 1, 1).expand(3, 8, 2, 2)
    out = shift.eval()(frames)[:, :, 0, 0]
    assert out[:, 0].tolist() == [0, 1, 2]
    assert out[:, 7].tolist() == [2, 3, 0]


def test_the_fusion_weights_shifted_against_unshifted_channels():
    shift = opened(GateShift(8, fraction=1.0, fuse=True))
    plain = GateShift(8, fraction=1.0)
    plain.load_state_dict(shift.state_dict(), strict=False)
    shift.frames = plain.frames = 4
    frames = torch.randn(4, 8, 3, 3)
    nn.init.zeros_(shift.fusion.weight)
    nn.init.zeros_(shift.fusion.bias)
    assert torch.allclose(shift(frames), plain.eval()(frames), atol=1e-6)
    expected = plain(frames)
    nn.init.constant_(shift.fusion.bias, 40.0)  # sigmoid = 1
    only_moved = shift(frames) / 2
    nn.init.constant_(shift.fusion.bias, -40.0)
    only_stayed = shift(frames) / 2
    assert torch.allclose(only_moved + only_stayed, expected, atol=1e-6)
    assert only_moved[0, :4].abs().max() == only_moved[-1, 4:].abs().max() == 0
    assert only_moved[1:, :4].abs().min() > 0


@pytest.mark.parametrize("kind", ["gsm", "gsf"])
@pytest.mark.parametrize("neighbours", [0, 1])
def test_a_change_affects_exactly_the_frames_within_the_context(kind, neighbours):
    net = opened(backbone(shift=kind, neighbours=neighbours)).double()
    assert net.context == 2 * 4 + neighbours
    frames = video(24) / 255.0
    other = frames.clone()
    other[:, 12] = 1 - other[:, 12]
    reached = (net(frames.double()) - net(other.double())).abs().amax(dim=(0, 2)) > 0
    inside = range(12 - net.context, 12 + net.context + 1)
    assert reached.nonzero().flatten().tolist() == list(inside)


@pytest.mark.parametrize("kind", ["gsm", "gsf"])
def test_a_part_with_its_context_equals_the_whole(kind):
    net = opened(backbone(shift=kind, neighbours=1))
    frames, context = video(28), net.context
    whole = net(frames)
    first, last = 12, 15
    part = net(frames[:, first - context : last + context])
    assert torch.allclose(part[:, context:-context], whole[:, first:last], atol=1e-4)
    assert torch.allclose(net(frames[:, : 4 + context])[:, :4], whole[:, :4], atol=1e-4)
    assert torch.allclose(net(frames[:, 24 - context :])[:, context:], whole[:, 24:], atol=1e-4)
    without = net(frames[:, first:last])
    assert changed(without, whole[:, first:last]), "the context does matter"


@pytest.mark.parametrize("kind", ["gsm", "gsf"])
def test_clips_of_a_batch_are_independent(kind):
    net = opened(backbone(shift=kind))
    clips = video(5, clips=3)
    alone = torch.cat([net(clip[None]) for clip in clips])
    assert torch.allclose(net(clips), alone, atol=1e-5)


@pytest.mark.parametrize("kind", ["gsm", "gsf"])
def test_all_new_parameters_learn_and_mixed_precision_works(kind):
    net = opened(backbone(shift=kind)).train()
    with torch.autocast("cpu", torch.bfloat16):
        features = net(video(4, clips=2))
    assert features.dtype == torch.bfloat16
    features.float().square().mean().backward()
    for shift in shifts_of(net):
        assert shift.gate.weight.grad.abs().sum() > 0
        assert shift.gate_bias.grad.abs().sum() > 0
        if shift.fusion is not None:
            assert shift.fusion.weight.grad.abs().sum() > 0


def test_a_copy_of_the_network_has_independent_shifts():
    net = opened(backbone(shift="gsm"))
    frames = video(4)
    before = net(frames)
    twin = copy.deepcopy(net)
    for shift in shifts_of(twin):
        nn.init.zeros_(shift.gate.weight)
    assert torch.equal(net(frames), before)
    assert not torch.allclose(twin(frames), before, atol=1e-4)


def test_the_fraction_of_channels_is_shifted():
    widths = [
        [s.width for s in shifts_of(backbone(shift="gsm", shift_fraction=f))] for f in (0.25, 1)
    ]
    channels = [s.norm.num_features for s in shifts_of(backbone(shift="gsm", shift_fraction=1))]
    assert widths[1] == channels
    assert widths[0] == [c // 4 for c in channels]


def test_a_shift_without_the_length_of_clips_is_reported():
    with pytest.raises(RuntimeError, match="frames is not set"):
        GateShift(8)(torch.zeros(2, 8, 4, 4))


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ({"name": "test_byobnet", "shift": "gsm"}, "backbone.shift: 'test_byobnet' .*RegNet, Res"),
        ({"name": "test_resnet", "shift": "tsm"}, "backbone.shift: .*'gsm' or 'gsf', got 'tsm'"),
        ({"name": "test_resnet", "shift_fraction": 0}, "backbone.shift_fraction: .* got 0"),
    ],
)
def test_an_invalid_shift_is_reported_in_one_line(component, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        backbone(**component)
    assert "\n" not in str(caught.value)
