"""Nets with track features: unknown values, nets without pixels, streaming, and cost."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from onball.config import ComponentConfig, ModelConfig, TrackingConfig
from onball.frames import FrameBatch
from onball.models import build_model
from onball.models.cost import measure
from onball.models.nets import TrackingEncoder
from onball.spotting.compute import TorchCompute
from onball.spotting.engine import StreamingEngine
from onball.tracking.features import as_inputs, feature_names
from onball.tracking.grid import PerFrame

NONE = ComponentConfig(name="none")
BOTH = ModelConfig(
    backbone=ComponentConfig(name="regnety_002", pretrained=False, neighbours=2),
    tracking=TrackingConfig(features="study", dim=8),
)
ALONE = ModelConfig(backbone=NONE, tracking=TrackingConfig(features="full", dim=16))


def frames(count: int, size: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (1, count, 3, size, size), dtype=torch.uint8, generator=generator)


def track_inputs(count: int, which: str, unknown: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(count, len(feature_names(which)))).astype(np.float32)
    features[rng.random(features.shape) < unknown] = np.nan
    return as_inputs(features)


def test_an_unknown_value_differs_from_zero():
    torch.manual_seed(0)
    encoder = TrackingEncoder(TrackingConfig(features="study", dim=8))
    zero = torch.from_numpy(as_inputs(np.zeros((1, 4), np.float32)))
    unknown = torch.from_numpy(as_inputs(np.array([[0, np.nan, 0, 0]], np.float32)))
    assert not torch.allclose(encoder(zero), encoder(unknown))


def test_the_embedding_of_an_unknown_value_is_learned():
    encoder = TrackingEncoder(TrackingConfig(features="study", dim=8))
    unknown = torch.from_numpy(as_inputs(np.array([[0, np.nan, 0, 0]], np.float32)))
    encoder(unknown).square().sum().backward()
    assert encoder.unknown.grad is not None
    assert encoder.unknown.grad.ne(0).tolist() == [False, True, False, False]


@pytest.mark.parametrize("task", ["spotting", "classification"])
def test_a_net_with_track_features_raises_an_error_without_them(task):
    net = build_model(BOTH, task).eval()
    with pytest.raises(ValueError, match="takes tracking features"):
        net(frames(3))


def test_a_net_without_a_backbone_ignores_the_pixels():
    net = build_model(ALONE).eval()
    inputs = torch.from_numpy(track_inputs(5, "full"))[None]
    small, large = (net(frames(5, size), inputs).logits for size in (1, 32))
    assert small.shape == (1, 5, 13)
    assert torch.equal(small, large)


@pytest.mark.parametrize("model", [BOTH, ALONE], ids=["both", "alone"])
def test_streaming_equals_one_pass_over_the_whole_video(model):
    net = build_model(model).eval()
    video, inputs = frames(70), track_inputs(70, model.tracking.features)
    times = np.arange(70, dtype=np.int64) * 80

    engine = StreamingEngine(TorchCompute(net), window_frames=70, overlap=0.5, chunk_frames=16)
    pixels = video[0].permute(0, 2, 3, 1).numpy()
    batches = [FrameBatch(pixels[i : i + 9], times[i : i + 9]) for i in range(0, 70, 9)]
    parts = list(engine.run(batches, PerFrame(times, inputs)))
    with torch.inference_mode():
        whole = net(video, torch.from_numpy(inputs)[None]).action_probabilities()[0].numpy()
    assert np.allclose(np.concatenate([p.probabilities for p in parts]), whole, atol=1e-5)


def test_tracks_add_their_encoder_to_the_cost():
    plain = measure(build_model(BOTH.model_copy(update={"tracking": None})), (4, 3, 32, 32))
    both = measure(build_model(BOTH), (4, 3, 32, 32))
    assert 0 < both.parameters - plain.parameters < 20_000
    assert both.gflops > plain.gflops


def test_values_are_those_of_the_nearest_frame():
    per_frame = PerFrame(np.array([0, 80, 160]), np.array([[0.0], [1.0], [2.0]], np.float32))
    asked = np.array([-5, 0, 39, 41, 80, 121, 500])
    assert per_frame.at(asked)[:, 0].tolist() == [0, 0, 0, 1, 1, 2, 2]
    single = PerFrame(np.array([0]), np.array([[7.0]], np.float32))
    assert single.at(asked)[:, 0].tolist() == [7.0] * 7
