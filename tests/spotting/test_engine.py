"""Inference engine: each frame once and in order, independent of the division of the stream."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from onball.config import ComponentConfig, InferenceConfig, ModelConfig
from onball.events import Team
from onball.frames import FrameBatch
from onball.models import DenseScores, SpottingNet, build_model
from onball.spotting.compute import TorchCompute
from onball.spotting.decoding import detect_events
from onball.spotting.engine import StreamingEngine

pytestmark = pytest.mark.usefixtures("one_thread")


def net(neighbours: int = 0, **settings: object) -> SpottingNet:
    torch.manual_seed(0)
    config = ModelConfig(
        backbone=ComponentConfig(name="test_resnet", pretrained=False, neighbours=neighbours),
        temporal=ComponentConfig(name="bilstm", hidden=8),
        **settings,
    )
    return build_model(config).eval()


def video(length: int) -> FrameBatch:
    rng = np.random.default_rng(length)
    return FrameBatch(
        rng.integers(0, 255, (length, 16, 24, 3), dtype=np.uint8), np.arange(length) * 80
    )


def cut(batch: FrameBatch, sizes: list[int]):
    start = 0
    while start < len(batch.pts_ms):
        for size in sizes:
            part = slice(start, start + size)
            if len(batch.pts_ms[part]):
                yield FrameBatch(batch.frames[part], batch.pts_ms[part])
            start += size


def run(engine: StreamingEngine, batches) -> tuple[np.ndarray, np.ndarray]:
    parts = list(engine.run(batches))
    return np.concatenate([p.probabilities for p in parts]), np.concatenate(
        [p.pts_ms for p in parts]
    )


def averaged_windows(
    model: SpottingNet,
    batch: FrameBatch,
    window: int,
    step: int,
    what: Callable[[DenseScores], torch.Tensor] = DenseScores.action_probabilities,
) -> np.ndarray:
    """Reference: features of the whole video, all windows, and their triangular average."""
    length = len(batch.pts_ms)
    frames = torch.from_numpy(batch.frames).permute(0, 3, 1, 2)[None]
    with torch.inference_mode():
        features = model.features(frames)
        starts = list(range(0, max(1, length - window + 1), step))
        if starts[-1] + window < length:
            starts.append(length - window)
        total, weight = 0.0, np.zeros(length)
        for start in starts:
            part = features[:, start : start + window]
            scores = what(model.scores_from_features(part))[0].numpy()
            size = len(scores)
            ramp = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1))
            weighted = np.zeros((length, scores.shape[1]))
            weighted[start : start + size] = scores * ramp[:, None]
            total = total + weighted
            weight[start : start + size] += ramp
    return total / weight[:, None]


@pytest.mark.parametrize("length", [1, 7, 20, 41, 93])
@pytest.mark.parametrize("neighbours", [0, 2])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.8])
def test_scores_equal_the_average_over_all_windows(length, neighbours, overlap):
    model, batch = net(neighbours), video(length)
    engine = StreamingEngine(
        TorchCompute(model), window_frames=20, overlap=overlap, chunk_frames=16
    )
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
    run(StreamingEngine(TorchCompute(model), window_frames=20, overlap=0.8), cut(batch, [32]))
    assert seen == 200


def test_scores_are_yielded_during_the_stream():
    taken = 0

    def source():
        nonlocal taken
        for part in cut(video(400), [10]):
            taken += len(part.pts_ms)
            yield part

    engine = StreamingEngine(TorchCompute(net()), window_frames=20, overlap=0.5, chunk_frames=16)
    first = next(iter(engine.run(source())))
    assert first.pts_ms[0] == 0
    assert taken <= 70, "the first scores must not wait for the end"


def test_an_empty_stream_gives_no_scores():
    assert list(StreamingEngine(TorchCompute(net()), window_frames=20, overlap=0.5).run([])) == []


MOVING = ComponentConfig(name="linear", displacement=3)
TRIDENT = ComponentConfig(name="trident", radius=3, hidden=8)


@pytest.mark.parametrize("length", [1, 20, 93])
@pytest.mark.parametrize(
    "settings",
    [
        {"teams": True},
        {"head": MOVING},
        {"head": TRIDENT, "teams": True},
        {"head": MOVING, "teams": True, "auxiliary": "soccernet-v2"},
    ],
    ids=["teams", "displacement", "both", "both and a second head"],
)
def test_teams_and_displacements_are_averaged_like_the_scores(length, settings):
    model, batch = net(2, **settings), video(length)
    engine = StreamingEngine(TorchCompute(model), window_frames=20, overlap=0.5, chunk_frames=16)
    parts = list(engine.run(cut(batch, [5, 32, 1])))

    def average(what: Callable[[DenseScores], torch.Tensor]) -> np.ndarray:
        return averaged_windows(model, batch, 20, 10, what)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    np.testing.assert_allclose(
        joined("probabilities"), average(DenseScores.action_probabilities), atol=1e-5
    )
    if "teams" in settings:
        expected = average(lambda scores: scores.logits.softmax(-1)[..., 1:13])
        np.testing.assert_allclose(joined("left"), expected, atol=1e-5)
    else:
        assert all(part.left is None for part in parts)
    if "head" in settings:
        expected = average(lambda scores: scores.displacement.unsqueeze(-1))
        np.testing.assert_allclose(joined("displacement"), expected[:, 0], atol=1e-4)
    else:
        assert all(part.displacement is None for part in parts)


def test_a_plain_net_has_neither_teams_nor_displacements():
    for part in StreamingEngine(TorchCompute(net()), window_frames=20, overlap=0.5).run(
        [video(30)]
    ):
        assert part.left is None and part.displacement is None


@pytest.mark.parametrize("head", [ComponentConfig(name="linear"), MOVING], ids=["plain", "moving"])
def test_events_of_a_net_with_teams_have_a_team(head):
    model, batch = net(head=head, teams=True), video(60)
    with torch.no_grad():
        model.head.linear.weight[13:] *= -3.0  # so that both teams have events
    engine = StreamingEngine(TorchCompute(model), window_frames=20, overlap=0.5)
    scores = list(engine.run([batch]))
    config = InferenceConfig(nms_window_ms=80)
    events = list(detect_events(scores, config, model.head.radius, 0.0001))
    assert {event.team for event in events} == {Team.LEFT, Team.RIGHT}
    whole = list(detect_events(engine.run(cut(batch, [7])), config, model.head.radius, 0.0001))
    assert [(e.position_ms, e.label, e.team) for e in whole] == [
        (e.position_ms, e.label, e.team) for e in events
    ]


def test_features_in_bfloat16_give_scores_in_float32():
    model, batch = net(head=MOVING, teams=True), video(30)
    exact, low = (
        list(StreamingEngine(TorchCompute(model, p), window_frames=20, overlap=0.5).run([batch]))
        for p in (torch.float32, torch.bfloat16)
    )
    for one, other in zip(exact, low, strict=True):
        assert other.probabilities.dtype == other.displacement.dtype == np.float32
        np.testing.assert_allclose(other.probabilities, one.probabilities, atol=0.02)


def test_a_backbone_that_needs_whole_clips_computes_each_window_separately():
    model, batch = net(), video(23)
    model.backbone.context = None
    seen: list[int] = []
    model.backbone.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[1]))
    engine = StreamingEngine(TorchCompute(model), window_frames=8, overlap=0.5)
    found, times = run(engine, cut(batch, [5, 3]))
    assert times.tolist() == batch.pts_ms.tolist()
    assert seen == [8] * 5  # windows from 0, 4, 8, 12 and, ending with the last frame, 15
    # This backbone has no context, so that both ways compute the same.
    assert np.allclose(found, averaged_windows(model, batch, 8, 4), atol=1e-6)
