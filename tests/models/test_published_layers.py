"""Layers of published models: compared with their definitions, written out in the plainest way."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from onball.config import ComponentConfig, PreprocessingConfig
from onball.errors import ConfigError
from onball.models.backbones import BACKBONES, Backbone, BackboneSetup
from onball.models.backbones.shift import GateShift
from onball.models.components import HEADS, DenseScores, HeadSetup
from onball.models.nets import PositionEncoding
from onball.models.temporal import TEMPORAL_HEADS

pytestmark = pytest.mark.usefixtures("one_thread")


def backbone(name: str, **options: object) -> Backbone:
    config = ComponentConfig(name=name, pretrained=False, **options)
    return BACKBONES.build(config, BackboneSetup(PreprocessingConfig())).eval()


def shifts_of(net: torch.nn.Module) -> dict[str, GateShift]:
    return {name: layer for name, layer in net.named_modules() if isinstance(layer, GateShift)}


def random_weights(net: torch.nn.Module) -> None:
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.1)


def gate_shift_fuse(shift: GateShift, clip: Tensor, pad: str) -> Tensor:
    """The published shift of a clip `[T, C, H, W]`, frame by frame and channel by channel."""
    frames, group = len(clip), shift.group
    x = clip[:, : 2 * group].transpose(0, 1)
    scale = shift.norm.weight / (shift.norm.running_var + shift.norm.eps).sqrt()
    offset = shift.norm.bias - shift.norm.running_mean * scale
    normed = (x * scale.view(-1, 1, 1, 1) + offset.view(-1, 1, 1, 1)).relu()
    weight = shift.gate.weight.unflatten(0, (2, 3)).transpose(1, 2)
    gates = F.conv3d(normed[None], weight, shift.gate_bias, padding=1, groups=2)[0].tanh()
    out = clip.clone()
    for half, step in ((0, 1), (1, -1)):
        part = x[half * group : (half + 1) * group]
        gated = part * gates[half]
        moved = torch.zeros_like(part)
        for t in range(frames):
            if 0 <= t + step < frames:
                moved[:, t] = gated[:, t + step]
        stayed = part - gated
        mixed = moved + stayed
        if shift.fusion is not None:
            planes = torch.stack([moved.mean((2, 3)), stayed.mean((2, 3))])[None]
            planes = F.pad(planes, (1, 1, 1, 1), **{"zeros": {}}.get(pad, {"mode": pad}))
            kernel = shift.fusion.weight[half : half + 1]
            w = F.conv2d(planes, kernel, shift.fusion.bias[half : half + 1]).sigmoid()[0, 0]
            mixed = w[..., None, None] * moved + (1 - w[..., None, None]) * stayed
        for channel in range(group):
            old = channel // 2 + (channel % 2) * (group // 2)
            out[:, half * group + channel] = mixed[old]
    return out


@pytest.mark.parametrize("pad", ["zeros", "replicate"])
@pytest.mark.parametrize("fuse", [True, False])
def test_the_published_shift_is_that_of_the_papers_code(fuse, pad):
    shift = GateShift(24, fuse=fuse, variant="published").eval()
    assert (shift.width, shift.context) == (8, 3 if fuse else 2)
    random_weights(shift)
    if fuse:
        shift.fusion.padding_mode = pad
    clip = torch.randn(5, 24, 4, 3)
    shift.frames = 5
    expected = gate_shift_fuse(shift, clip, pad)
    assert torch.allclose(shift(clip), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "width"), [(24, 8), (32, 8), (56, 16), (152, 40), (368, 92), (440, 112)]
)
def test_the_published_shift_moves_a_multiple_of_four_channels(channels, width):
    assert GateShift(channels, variant="published").width == width


def test_shifts_can_be_limited_to_late_stages():
    net = backbone("regnety_002", shift="gsf", shift_variant="published", shift_stages=[3, 4])
    names = [name.split(".")[1] for name in shifts_of(net)]
    assert names == ["s3"] * 4 + ["s4"] * 7
    assert net.context == 11 * 3
    with pytest.raises(ConfigError, match="stages 1 to 4, and no stage 5"):
        backbone("regnety_002", shift="gsm", shift_stages=[5])


def test_replicated_padding_keeps_a_uniform_image_uniform():
    frames = torch.full((1, 1, 3, 64, 64), 200, dtype=torch.uint8)
    for padding, uniform in (("replicate", True), ("zeros", False)):
        net = backbone("regnety_002", padding=padding)
        maps = net.maps(net.normalise(frames))
        assert (maps.std(dim=(-2, -1)).max().item() < 1e-5) is uniform
        assert torch.allclose(net.pool(maps), net(frames))


def test_an_output_of_a_published_mixer_is_aligned_with_the_ends_of_the_clip():
    head = TEMPORAL_HEADS.build(ComponentConfig(name="sgp", variant="published", layers=1), 16)
    coarse, skip = torch.zeros(1, 16, 3), torch.zeros(1, 16, 6)
    coarse[..., 0], coarse[..., -1] = torch.randn(16), torch.randn(16)
    mixer = head.decoder[0].eval()
    seen = []
    mixer.fuse.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mixer(skip, coarse)
    stretched, normed = seen[0][:, -16:], mixer.norms[1](coarse)
    assert torch.allclose(stretched[..., [0, -1]], normed[..., [0, -1]], atol=1e-6)


@pytest.mark.parametrize("frames", [1, 25, 100])
def test_the_published_encoder_decoder_takes_clips_of_any_length(frames):
    head = TEMPORAL_HEADS.build(ComponentConfig(name="sgp", variant="published"), 16)
    assert head(torch.randn(2, frames, 16)).shape == (2, frames, 16)


def test_positions_are_added_in_order_up_to_the_longest_clip():
    positions = PositionEncoding(4, 2)
    assert torch.equal(positions(torch.zeros(1, 3, 2))[0], positions.vectors[:3])
    with pytest.raises(ValueError, match="a clip of 5 frames, and this net takes at most 4"):
        positions(torch.zeros(1, 5, 2))


def test_a_team_logit_divides_the_probabilities_between_the_teams():
    head = HEADS.build(ComponentConfig(name="linear", team=True), HeadSetup(6, 13, 0.0))
    scores = head(torch.randn(2, 5, 6))
    assert scores.team.shape == (2, 5) and scores.tells_teams
    scores = DenseScores(scores.logits, team=torch.full((2, 5), math.log(3)))
    left, both = scores.left_probabilities(), scores.action_probabilities()
    assert torch.allclose(left, both / 4)
    assert torch.equal(scores.outputs()[..., -1], scores.team.sigmoid())


def test_independent_classes_have_no_background_and_a_sigmoid_each():
    head = HEADS.build(ComponentConfig(name="linear", independent=True), HeadSetup(6, 3, 0.0))
    scores = head(torch.randn(2, 5, 6))
    assert scores.logits.shape == (2, 5, 2)
    assert torch.equal(scores.action_probabilities(), scores.logits.sigmoid())
