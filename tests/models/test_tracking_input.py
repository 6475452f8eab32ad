"""Nets that take tracks: what they make of unknown numbers, and of having no pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from onball.config import ComponentConfig, ModelConfig, TrackingConfig
from onball.frames import FrameBatch
from onball.models import build_model
from onball.models.cost import measure
from onball.models.nets import TrackingEncoder
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


def numbers(count: int, which: str, unknown: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(count, len(feature_names(which)))).astype(np.float32)
    features[rng.random(features.shape) < unknown] = np.nan
    return as_inputs(features)


def test_an_unknown_number_is_another_state_than_zero():
    torch.manual_seed(0)
    encoder = TrackingEncoder(TrackingConfig(features="study", dim=8))
    zero = torch.from_numpy(as_inputs(np.zeros((1, 4), np.float32)))
    unknown = torch.from_numpy(as_inputs(np.array([[0, np.nan, 0, 0]], np.float32)))
    assert not torch.allclose(encoder(zero), encoder(unknown))


def test_the_state_of_an_unknown_number_is_learned():
    encoder = TrackingEncoder(TrackingConfig(features="study", dim=8))
    unknown = torch.from_numpy(as_inputs(np.array([[0, np.nan, 0, 0]], np.float32)))
    encoder(unknown).square().sum().backward()
    assert encoder.unknown.grad is not None
    assert encoder.unknown.grad.ne(0).tolist() == [False, True, False, False]


@pytest.mark.parametrize("task", ["spotting", "classification"])
def test_a_net_that_takes_tracks_says_so_when_there_are_none(task):
    net = build_model(BOTH, task).eval()
    with pytest.raises(ValueError, match="takes tracking features"):
        net(frames(3))


def test_a_net_may_look_at_no_pixels():
    net = build_model(ALONE).eval()
    told = torch.from_numpy(numbers(5, "full"))[None]
    small, large = (net(frames(5, size), told).logits for size in (1, 32))
    assert small.shape == (1, 5, 13)
    assert torch.equal(small, large)


@pytest.mark.parametrize("model", [BOTH, ALONE], ids=["both", "alone"])
def test_a_stream_gives_what_the_whole_video_gives(model):
    net = build_model(model).eval()
    film, told = frames(70), numbers(70, model.tracking.features)
    times = np.arange(70, dtype=np.int64) * 80

    engine = StreamingEngine(net, window_frames=70, overlap=0.5, chunk_frames=16)
    pixels = film[0].permute(0, 2, 3, 1).numpy()
    batches = [FrameBatch(pixels[i : i + 9], times[i : i + 9]) for i in range(0, 70, 9)]
    parts = list(engine.run(batches, PerFrame(times, told)))
    with torch.inference_mode():
        whole = net(film, torch.from_numpy(told)[None]).action_probabilities()[0].numpy()
    assert np.allclose(np.concatenate([p.probabilities for p in parts]), whole, atol=1e-5)


def test_tracks_add_their_encoder_to_the_cost():
    plain = measure(build_model(BOTH.model_copy(update={"tracking": None})), (4, 3, 32, 32))
    both = measure(build_model(BOTH), (4, 3, 32, 32))
    assert 0 < both.parameters - plain.parameters < 20_000
    assert both.gflops > plain.gflops


def test_numbers_are_those_of_the_nearest_frame():
    per_frame = PerFrame(np.array([0, 80, 160]), np.array([[0.0], [1.0], [2.0]], np.float32))
    asked = np.array([-5, 0, 39, 41, 80, 121, 500])
    assert per_frame.at(asked)[:, 0].tolist() == [0, 0, 0, 1, 1, 2, 2]
    single = PerFrame(np.array([0]), np.array([[7.0]], np.float32))
    assert single.at(asked)[:, 0].tolist() == [7.0] * 7
