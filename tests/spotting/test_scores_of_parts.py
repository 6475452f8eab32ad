"""Scores of a part of a video: bit for bit those of a run on all frames, with little computed again."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from onball import list_configs
from onball.config import (
    ClipsConfig,
    ComponentConfig,
    InferenceConfig,
    ModelConfig,
    load_config,
)
from onball.frames import FrameBatch
from onball.models import build_model
from onball.models.backbones import BACKBONES, BackboneSetup
from onball.models.published import PUBLISHED
from onball.spotting.clips import ClipEngine
from onball.spotting.compute import TorchCompute
from onball.spotting.engine import StreamingEngine
from onball.spotting.workers import Workers

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES = 80
#: Most seconds of video that are computed again when a run continues another.
MOST_SECONDS = 30

MODELS = {
    "lstm": {"temporal": {"name": "bilstm", "hidden": 8}},
    "lstm and motion": {
        "backbone": {"name": "test_resnet", "neighbours": 2},
        "temporal": {"name": "bilstm", "hidden": 8},
        "teams": True,
    },
    "gsf": {
        "backbone": {"name": "test_resnet", "shift": "gsf"},
        "temporal": {"name": "bigru", "hidden": 8},
    },
    "tdeed": {
        "backbone": {"name": "test_resnet", "shift": "gsf", "shift_variant": "published"},
        "temporal": {"name": "sgp", "variant": "published", "dim": 16},
        "head": {"name": "linear", "displacement": 4, "team": True},
        "positions": 16,
    },
}


def compute(name: str) -> tuple[TorchCompute, ModelConfig]:
    parts = {"backbone": {"name": "test_resnet"}} | MODELS[name]
    parts["backbone"]["pretrained"] = False
    config = ModelConfig.model_validate(parts)
    torch.manual_seed(0)
    net = build_model(config).eval()
    with torch.no_grad():
        for key, weights in net.named_parameters():
            if ".gate." in key:
                weights.normal_(std=0.5)
    return TorchCompute(net), config


@pytest.fixture(scope="module")
def video() -> FrameBatch:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (FRAMES, 16, 24, 3), dtype=np.uint8)
    return FrameBatch(frames, np.arange(FRAMES) * 80)


def scores(engine, video: FrameBatch, first: int = 0, stop: int = FRAMES) -> dict[int, bytes]:
    """Bytes of all scores of each frame, by its index."""
    part = range(first, min(stop, FRAMES), 7)
    batches = (
        FrameBatch(video.frames[i : min(i + 7, stop)], video.pts_ms[i : min(i + 7, stop)])
        for i in part
    )
    found = {}
    for scored in engine.run(batches, first=first):
        parts = [part for part in (scored[0], scored.left, scored.displacement) if part is not None]
        for index, time in enumerate(scored.pts_ms):
            found[int(time) // 80] = b"".join(part[index].tobytes() for part in parts)
    return found


def assert_parts_equal(engine, video: FrameBatch) -> None:
    whole = scores(engine, video)
    assert list(whole) == list(range(FRAMES))
    for start, stop in [(1, 2), (33, 50), (64, FRAMES), (FRAMES - 1, FRAMES)]:
        first, end = engine.frames_for(start, stop)
        part = scores(engine, video, first, end)
        assert next(iter(part)) <= start
        assert part.items() >= {k: whole[k] for k in range(start, stop)}.items(), (start, stop)
        before = [k for k in part if k < start]
        assert all(part[k] == whole[k] for k in before), "only frames with final scores"


@pytest.mark.parametrize(
    "name, window, overlap",
    [("lstm", 13, 0.75), ("lstm and motion", 16, 0.5), ("gsf", 13, 0.75), ("tdeed", 16, 0.5)],
)
def test_scores_of_parts_are_those_of_the_whole_video(name, window, overlap, video):
    engine = StreamingEngine(
        compute(name)[0], window_frames=window, overlap=overlap, chunk_frames=8
    )
    assert_parts_equal(engine, video)


@pytest.mark.parametrize("start, overlap", [(0, 8), (-5, 3)])
def test_scores_of_parts_are_those_of_the_whole_video_clip_by_clip(start, overlap, video):
    clips = ClipsConfig(frames=16, overlap=overlap, start=start)
    arithmetic, config = compute("tdeed")
    assert_parts_equal(ClipEngine(arithmetic, clips, config), video)


def test_a_backbone_of_whole_clips_has_the_scores_of_the_whole_video(video):
    net = build_model(ModelConfig(backbone=ComponentConfig(name="test_resnet", pretrained=False)))
    net.backbone.context = None
    assert_parts_equal(
        StreamingEngine(TorchCompute(net.eval()), window_frames=12, overlap=0.5), video
    )


@pytest.mark.parametrize("engine", ["streaming", "clips"])
def test_the_number_of_threads_does_not_change_the_scores(engine, video):
    arithmetic, config = compute("tdeed")
    found = []
    for threads in (1, 3):
        workers = Workers(threads)
        if engine == "clips":
            clips = ClipsConfig(frames=16, overlap=8, start=-5)
            made = ClipEngine(arithmetic, clips, config, workers=workers)
        else:
            made = StreamingEngine(arithmetic, window_frames=16, overlap=0.5, workers=workers)
        found.append(scores(made, video))
    assert found[0] == found[1]


def test_a_part_after_the_end_of_its_video_has_no_scores(video):
    engine = StreamingEngine(compute("lstm")[0], window_frames=16, overlap=0.5)
    first, stop = engine.frames_for(FRAMES + 40, FRAMES + 50)
    assert scores(engine, video, first, stop) == {}


def inferences() -> dict[str, tuple[float, ModelConfig, InferenceConfig]]:
    """Frame rate, net and inference of all configs and published models for spotting."""
    found = {}
    for shipped in list_configs():
        if shipped.task == "spotting":
            config = load_config(shipped.path)
            found[shipped.name] = (config.data.fps, config.model, config.inference)
    for name, published in PUBLISHED.items():
        config = published.config
        found[name] = (config.fps, config.model, config.inference)
    return found


@pytest.mark.medium
def test_at_most_30_seconds_are_computed_again_with_every_model():
    contexts: dict[str, int | None] = {}
    for name, (fps, model, inference) in inferences().items():
        key = model.backbone.model_dump_json()
        if key not in contexts:
            setup = BackboneSetup(model.preprocessing, fetch_weights=False)
            with torch.device("meta"):  # without weights
                contexts[key] = BACKBONES.build(model.backbone, setup).context
        arithmetic = SimpleNamespace(context=contexts[key])
        most = MOST_SECONDS
        if inference.clips is not None:
            engine = ClipEngine(arithmetic, inference.clips, model)
            most = max(most, inference.clips.frames / fps)  # the first clip that has a frame
        else:
            settings = inference.model_dump(include={"window_frames", "overlap"})
            engine = StreamingEngine(arithmetic, **settings)
        again = max(start - engine.frames_for(start, start + 1)[0] for start in range(1000, 2000))
        assert again / fps < most, name
