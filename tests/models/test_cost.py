"""Cost of nets, compared with counts by hand and published figures."""

import math

import pytest
import torch
from torch import Tensor, nn

from onball.config import ComponentConfig, ModelConfig
from onball.errors import ConfigError, ModelError
from onball.models import build_model
from onball.models.cost import NetCost, measure, training_memory

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (4, 3, 128, 128)


def net_of(
    backbone: str, temporal: str = "none", *, device: str = "meta", **options: object
) -> nn.Module:
    """Build a net; on `meta` it has no weights, which is fast."""
    config = ModelConfig(
        backbone=ComponentConfig(name=backbone, pretrained=False),
        temporal=ComponentConfig(name=temporal, **options),
    )
    with torch.device(device):
        return build_model(config, fetch_weights=False)


class ColourLayer(nn.Module):
    """Apply a layer to the mean colours `[B, T, 3]` of frames `[B, T, 3, H, W]`."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, frames: Tensor) -> Tensor:
        return self.layer(frames.float().mean(dim=(3, 4)))


class FrameLayer(nn.Module):
    """Apply a layer to frames, flat over time and as floats."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, frames: Tensor) -> Tensor:
        return self.layer(frames.flatten(0, 1).float())


@pytest.fixture(scope="module")
def plain() -> NetCost:
    """Cost of a small net without a temporal head, for `SHAPE`."""
    return measure(net_of("test_byobnet"), SHAPE)


@pytest.mark.parametrize(
    ("name", "gflops", "parameters_m"),
    [
        pytest.param("resnet50", 4.1, 23.5, marks=pytest.mark.slow),
        ("regnety_002", 0.2, 2.8),
        pytest.param("efficientnet_b0", 0.39, 4.0, marks=pytest.mark.slow),
    ],
)
def test_the_cost_of_one_image_equals_the_published_figures(name, gflops, parameters_m):
    cost = measure(net_of(name), (1, 3, 224, 224))
    assert cost.gflops == pytest.approx(gflops, rel=0.03)
    assert cost.parameters / 1e6 == pytest.approx(parameters_m, abs=0.05)
    assert cost.trainable == cost.parameters


@pytest.mark.parametrize(
    ("name", "gflops"),
    [
        pytest.param("resnet50", 369.39, marks=pytest.mark.slow),
        pytest.param("efficientnet_b0", 35.95, marks=pytest.mark.slow),
        ("convnext_tiny", 386.54),
    ],
)
def test_the_cost_of_a_clip_equals_the_figures_of_the_study(name, gflops):
    # fvcore, which the study used, counts the last pooling too.
    assert measure(net_of(name), (50, 3, 224, 398)).gflops == pytest.approx(gflops, abs=0.01)


@pytest.mark.parametrize(("layer", "gates"), [(nn.LSTM, 4), (nn.GRU, 3)])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrences_are_counted(layer, gates, directions, batch_first):
    recurrence = layer(3, 16, 2, batch_first=batch_first, bidirectional=directions == 2)
    first, second = 3 + 16, 16 * directions + 16
    by_hand = 10 * directions * gates * 16 * (first + second)
    assert measure(ColourLayer(recurrence), (10, 3, 4, 4)).gflops * 1e9 == pytest.approx(by_hand)


def test_the_temporal_head_adds_its_own_cost(plain):
    net = net_of("test_byobnet", "bilstm")
    with_head = measure(net, SHAPE)
    features = net.backbone.feature_dim
    lstm = 2 * 4 * 256 * (features + 256)
    classifier = 13 * (512 - features)
    assert (with_head.gflops - plain.gflops) * 1e9 == pytest.approx(4 * (lstm + classifier))


def test_attention_is_counted():
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.MultiheadAttention(3, 1, batch_first=True)

        def forward(self, frames: Tensor) -> Tensor:
            x = frames.float().mean(dim=(3, 4))
            return self.layer(x, x, x, need_weights=False)[0]

    projections, products = 10 * 4 * 3 * 3, 2 * 10 * 10 * 3
    cost = measure(Attention(), (10, 3, 4, 4))
    assert cost.gflops * 1e9 == pytest.approx(projections + products)


def test_activations_are_the_tensors_that_the_backward_pass_needs():
    # The convolution keeps its input, the rectifier its output, which is the pooling's input.
    net = FrameLayer(nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2)))
    cost = measure(net, (7, 3, 8, 6))
    assert cost.activation_bytes == 7 * (3 + 5) * 8 * 6 * 4
    assert cost.shared_bytes == 0
    assert cost.working_bytes == 2 * 7 * 5 * 8 * 6 * 4


def test_a_tensor_kept_twice_counts_once():
    class Square(nn.Module):
        def forward(self, frames: Tensor) -> Tensor:
            x = frames.float().requires_grad_()
            return x * x * x.flip(1)

    cost = measure(Square(), (2, 3, 4, 4))
    x, square, flipped = 3 * [2 * 3 * 4 * 4 * 4]
    assert cost.activation_bytes == x + square + flipped


def test_frozen_layers_keep_no_activations(plain):
    net = net_of("test_byobnet")
    net.backbone.requires_grad_(False)
    head = sum(p.numel() for p in net.head.parameters())
    frozen = measure(net, SHAPE)
    assert (frozen.parameters, frozen.trainable) == (plain.parameters, head)
    assert frozen.activation_bytes < plain.activation_bytes / 50
    assert frozen.gflops == plain.gflops


def test_mixed_precision_halves_activations_and_adds_a_copy_of_the_weights(plain):
    mixed = measure(net_of("test_byobnet"), SHAPE, dtype=torch.bfloat16)
    assert mixed.activation_bytes == pytest.approx(plain.activation_bytes / 2, rel=0.02)
    assert mixed.shared_bytes - plain.shared_bytes == pytest.approx(2 * plain.parameters, rel=0.05)
    assert mixed.gflops == plain.gflops


def test_cost_grows_with_frames_and_measuring_changes_nothing():
    net = net_of("test_byobnet", "bilstm", hidden=8, device="cpu").eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    short, long = (measure(net, (frames, 3, 64, 64)) for frames in (5, 10))
    assert long.gflops == pytest.approx(2 * short.gflops)
    assert long.activation_bytes == pytest.approx(2 * short.activation_bytes, rel=0.01)
    assert long.shared_bytes == short.shared_bytes
    assert not net.training
    assert all(p.grad is None and p.device.type == "cpu" for p in net.parameters())
    after = net.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_net_larger_than_any_memory_is_measured():
    cost = measure(net_of("test_byobnet"), (50_000, 3, 1080, 1920))
    assert training_memory(cost, 1000) > 1e15


def test_training_memory_is_the_sum_of_its_parts():
    cost = NetCost(
        parameters=1000,
        trainable=600,
        gflops=1.0,
        activation_bytes=5000,
        shared_bytes=70,
        working_bytes=300,
        frames_shape=(2, 3, 4, 5),
    )
    clip = 5000 + 300 + math.prod(cost.frames_shape)
    assert training_memory(cost, 1) == 4 * (1000 + 3 * 600) + 70 + clip
    assert training_memory(cost, 3) - training_memory(cost, 1) == 2 * clip
    assert training_memory(cost, 1, ema=True) - training_memory(cost, 1) == 4 * 1000
    assert training_memory(cost, 1) - training_memory(cost, 1, optimizer="sgd") == 4 * 600


@pytest.mark.parametrize("shape", [(3, 224, 224), (1, 4, 8, 8), (0, 3, 8, 8)])
def test_a_shape_that_is_no_clip_is_reported(shape):
    with pytest.raises(ConfigError, match="give \\(frames, 3, height, width\\)"):
        measure(nn.Identity(), shape)


def test_a_net_whose_control_flow_depends_on_values_is_reported():
    class Picky(nn.Module):
        def forward(self, frames: Tensor) -> Tensor:
            return frames * 2 if frames.max() > 0 else frames

    with pytest.raises(ModelError, match="Picky cannot be measured") as caught:
        measure(Picky(), (1, 3, 4, 4))
    assert "\n" not in str(caught.value)


def test_invalid_training_settings_are_reported():
    cost = measure(FrameLayer(nn.Conv2d(3, 2, 1)), (1, 3, 4, 4))
    with pytest.raises(ConfigError, match="batch size 0: give at least 1"):
        training_memory(cost, 0)
    with pytest.raises(ConfigError, match="optimizer 'adam': give one of adamw, sgd"):
        training_memory(cost, 1, optimizer="adam")  # type: ignore[arg-type]
