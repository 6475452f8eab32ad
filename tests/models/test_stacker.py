"""Stacks of grey frames: input, context, and the pooling over space."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import silu

from onball.config import ComponentConfig, PreprocessingConfig
from onball.errors import ConfigError
from onball.models.backbones import BACKBONES, Backbone, BackboneSetup

pytestmark = pytest.mark.usefixtures("one_thread")


def stacker(**options: object) -> Backbone:
    torch.manual_seed(0)
    settings = {"network": "test_efficientnet", "pretrained": False, "features": 4, **options}
    config = ComponentConfig(name="frame_stacker", **settings)
    plain = PreprocessingConfig(mean=(0, 0, 0), std=(1, 1, 1))
    return BACKBONES.build(config, BackboneSetup(plain)).eval()


def video(frames: int) -> torch.Tensor:
    return torch.randint(0, 256, (1, frames, 3, 40, 64), dtype=torch.uint8)


def test_features_of_all_images_are_concatenated_for_each_frame():
    net = stacker(stacks=3, stride=1)
    assert (net.feature_dim, net.context) == (12, 4)
    assert net(video(5)).shape == (1, 5, 12)


def test_frames_become_grey_and_are_padded_on_both_sides():
    net = stacker()
    frames = torch.zeros(1, 1, 3, 40, 64, dtype=torch.uint8)
    frames[:, :, 1] = 255
    grey = net.grey(frames)
    assert grey.shape == (1, 1, 64, 64)
    assert torch.allclose(grey[0, 0, 12:52], torch.tensor(0.587))
    assert grey[0, 0, :12].abs().max() == grey[0, 0, 52:].abs().max() == 0


def test_grey_levels_can_be_those_of_a_video_of_limited_range():
    frames = torch.tensor([0, 255], dtype=torch.uint8).view(1, 2, 1, 1, 1).expand(1, 2, 3, 32, 32)
    grey = stacker(levels="limited").grey(frames)
    assert torch.allclose(grey[0, :, 0, 0], torch.tensor([16 / 255, 235 / 255]))


def test_a_feature_depends_on_the_frames_within_the_context():
    net = stacker(stacks=3, stride=2, blocks=1)
    assert net.context == 8
    frames = video(36)
    whole = net(frames)
    assert torch.allclose(net(frames[:, 10:27])[0, 8], whole[0, 18], atol=1e-5)
    changed = frames.clone()
    changed[:, 18] = 255 - changed[:, 18]
    differs = (net(changed) - whole).abs().amax(dim=(0, 2)) > 1e-6
    assert differs.nonzero().flatten().tolist() == list(range(10, 27, 2))


def test_the_pooling_is_the_generalised_mean_over_space():
    net = stacker(stacks=1, blocks=1)
    maps = torch.rand(2, 1, net.project_2d[0].out_channels, 2, 3)
    projected = net.project_3d(net.blocks(maps.transpose(1, 2))[:, :, 0]).clamp(min=1e-6)
    for power in (1.0, 4.0):
        net.power.data.fill_(power)
        expected = (projected**power).mean(dim=(2, 3)) ** (1 / power)
        assert torch.allclose(net.pool(maps), expected, atol=1e-6)


def test_a_network_of_another_kind_is_an_error():
    with pytest.raises(ConfigError, match="'test_resnet' is no EfficientNet"):
        stacker(network="test_resnet")


def test_blocks_fold_their_normalisation_into_convolutions_in_evaluation():
    net = stacker(stacks=3, blocks=1)
    block = net.blocks[0]
    for norm in (block.norm_1, block.norm_2, block.norm_3):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, block.expand.in_channels, 3, 2, 3)
    with torch.inference_mode():
        inner = silu(block.norm_2(block.depthwise(silu(block.norm_1(block.expand(x))))))
        gate = block.excite(silu(block.squeeze(inner.mean(dim=(2, 3, 4), keepdim=True)))).sigmoid()
        expected = x + block.norm_3(block.reduce(inner * gate))
        assert torch.allclose(block(x), expected, atol=1e-5)
