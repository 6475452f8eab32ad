"""The benchmark on short labelled clips of real matches."""

from __future__ import annotations

import copy
import json
import sys

import numpy as np
import pytest
import torch

from onball.config import ComponentConfig, ExperimentConfig, ModelConfig, SavedModelConfig
from onball.models import build_model, save_model
from onball.video import VideoWriter, read_frames

CONFIG = SavedModelConfig.of(
    ExperimentConfig(
        data={"width": 64, "height": 36, "clip_frames": 20},
        model=ModelConfig(
            backbone=ComponentConfig(name="test_byobnet", pretrained=False),
            temporal=ComponentConfig(name="none"),
        ),
    )
)


@pytest.fixture
def benchmark(import_benchmark):
    return import_benchmark("real_clips")


@pytest.fixture
def folder(tmp_path):
    """Two clips, a dark and a bright one, and a model."""
    rng = np.random.default_rng(0)
    for name, level in (("dark", 40), ("bright", 200)):
        with VideoWriter(tmp_path / f"{name}.mp4", (64, 36), 12.5) as writer:
            for _ in range(30):
                writer.write(rng.integers(level - 30, level + 30, (36, 64, 3), np.uint8))
        events = [{"position": 1000, "label": "PASS", "sure": True}]
        content = {"video": f"{name}.mp4", "annotations": events}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    torch.manual_seed(0)
    save_model(build_model(CONFIG.model), CONFIG, tmp_path / "model")
    return tmp_path


def test_the_first_layer_is_normalised_by_the_statistics_of_the_clip(
    benchmark, folder, monkeypatch
):
    saved = []
    monkeypatch.setattr(
        benchmark, "save_model", lambda net, config, path: saved.append(copy.deepcopy(net))
    )
    monkeypatch.setattr(benchmark.Spotter, "from_pretrained", lambda *_, **__: None)
    clips = benchmark.read_clips(folder)
    assert list(benchmark.adapted(str(folder / "model"), clips, "cpu")) == [None, None]
    for clip, net in zip(clips, saved, strict=True):
        network = net.backbone.network
        batches = read_frames(clip.video, 12.5, (64, 36), batch_frames=20)
        means = []
        for batch in batches:
            frames = torch.from_numpy(batch.frames).permute(0, 3, 1, 2)
            with torch.no_grad():
                maps = network.stem.conv(net.backbone.normalise(frames[None])[0])
            means.append(maps.mean((0, 2, 3)))
        expected = torch.stack(means).mean(0)
        assert torch.allclose(network.stem.bn.running_mean, expected, atol=1e-3)


def test_the_figures_of_both_ways_are_written_and_differ(benchmark, folder, monkeypatch, capsys):
    (folder / "figures").mkdir()
    scores = []
    for more in ([], ["--clip-statistics"]):
        out = folder / "figures" / f"{len(more)}.json"
        arguments = ["real_clips.py", str(folder), "--model", str(folder / "model"), *more]
        arguments += ["--shifts", "20", "--threshold", "0", "--out", str(out)]
        monkeypatch.setattr(sys, "argv", arguments)
        benchmark.main()
        scores.append(json.loads(out.read_text()))
    assert "2 clips" in capsys.readouterr().out
    assert scores[0]["events"] == 2 and scores[0] != scores[1]
    assert set(scores[0]["scores"]) == set(scores[1]["scores"])
