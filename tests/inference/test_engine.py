"""The engine: every frame once, in order, the same however the stream is cut."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from onball.config import ComponentConfig, ModelConfig
from onball.inference.engine import StreamingEngine
from onball.models import SpottingNet, build_net


class Batch(NamedTuple):
    frames: np.ndarray
    pts_ms: np.ndarray


def net(neighbours: int = 0) -> SpottingNet:
    torch.manual_seed(0)
    config = ModelConfig(
        backbone=ComponentConfig(name="test_resnet", pretrained=False, neighbours=neighbours),
        temporal=ComponentConfig(name="bilstm", hidden=8),
    )
    return build_net(config).eval()


def video(length: int) -> Batch:
    rng = np.random.default_rng(length)
    return Batch(rng.integers(0, 255, (length, 32, 48, 3), dtype=np.uint8), np.arange(length) * 80)


def cut(batch: Batch, sizes: list[int]):
    start = 0
    while start < len(batch.pts_ms):
        for size in sizes:
            part = slice(start, start + size)
            if len(batch.pts_ms[part]):
                yield Batch(batch.frames[part], batch.pts_ms[part])
            start += size


def run(engine: StreamingEngine, batches) -> tuple[np.ndarray, np.ndarray]:
    parts = list(engine.run(batches))
    return np.concatenate([p.probabilities for p in parts]), np.concatenate(
        [p.pts_ms for p in parts]
    )


def averaged_windows(model: SpottingNet, batch: Batch, window: int, step: int) -> np.ndarray:
    """The definition: the whole video's features, every window, a triangular average."""
    length = len(batch.pts_ms)
    frames = torch.from_numpy(batch.frames).permute(0, 3, 1, 2)[None]
    with torch.inference_mode():
        features = model.features(frames)
        starts = list(range(0, max(1, length - window + 1), step))
        if starts[-1] + window < length:
            starts.append(length - window)
        total, weight = np.zeros((length, 12)), np.zeros(length)
        for start in starts:
            part = features[:, start : start + window]
            scores = model.scores_from_features(part).action_probabilities()[0].numpy()
            size = len(scores)
            ramp = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1))
            total[start : start + size] += scores * ramp[:, None]
            weight[start : start + size] += ramp
    return total / weight[:, None]


@pytest.mark.parametrize("length", [1, 7, 20, 41, 133])
@pytest.mark.parametrize("neighbours", [0, 2])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.8])
def test_scores_equal_the_average_over_all_windows(length, neighbours, overlap):
    model, batch = net(neighbours), video(length)
    engine = StreamingEngine(model, window_frames=20, overlap=overlap, chunk_frames=16)
    scores, times = run(engine, cut(batch, [5, 32, 1]))
    assert np.array_equal(times, batch.pts_ms), "every frame, once, in order"
    expected = averaged_windows(model, batch, 20, round(20 * (1 - overlap)))
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_each_frame_goes_through_the_backbone_once():
    model, batch = net(), video(200)
    seen = 0
    original = model.backbone.forward

    def counting(frames: torch.Tensor) -> torch.Tensor:
        nonlocal seen
        seen += frames.shape[1]
        return original(frames)

    model.backbone.forward = counting
    run(StreamingEngine(model, window_frames=20, overlap=0.8), cut(batch, [32]))
    assert seen == 200


def test_scores_come_while_the_stream_goes_on():
    taken = 0

    def source():
        nonlocal taken
        for part in cut(video(400), [10]):
            taken += len(part.pts_ms)
            yield part

    engine = StreamingEngine(net(), window_frames=20, overlap=0.5, chunk_frames=16)
    first = next(iter(engine.run(source())))
    assert first.pts_ms[0] == 0
    assert taken <= 70, "the first scores must not wait for the end"


def test_an_empty_stream_gives_no_scores():
    assert list(StreamingEngine(net(), window_frames=20, overlap=0.5).run([])) == []
