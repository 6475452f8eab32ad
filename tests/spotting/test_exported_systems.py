"""Exports of every system: all spotting configs, and all published models, with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from onball.config import SavedModelConfig, load_config
from onball.errors import ModelError
from onball.models import build_model, save_model
from onball.models.published import PUBLISHED
from onball.models.runtimes.records import FORMATS
from onball.spotting.exporting import export_model
from onball.spotting.spotter import Spotter

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = sorted(f"spotting/{file.stem}" for file in (CONFIGS / "spotting").glob("*.yaml"))
#: Systems whose backbone cannot be one graph.
WITHOUT_EXPORT = ("stacker-2023",)

pytestmark = pytest.mark.slow


def shipped(name: str) -> SavedModelConfig:
    settings = ["data={width: 64, height: 36, clip_frames: 8}"]
    model = load_config(name).model
    if model.takes_frames:
        settings.append("model.backbone.pretrained=false")
    if model.backbone.name == "adaspot":
        settings.append("model.backbone.crop=16")
    return SavedModelConfig.of(load_config(name, settings))


def saved(config: SavedModelConfig, folder: Path) -> Path:
    torch.manual_seed(0)
    save_model(build_model(config.model, fetch_weights=False), config, folder)
    return folder


def check(folder: Path) -> None:
    """Export a model in both formats, which compares both runtimes with PyTorch."""
    for format in FORMATS:
        exported = export_model(folder, format=format)
        assert exported.record.parity is not None
        assert exported.record.parity.score < 1e-4
        assert Spotter.from_pretrained(folder, runtime=format).runtime == format


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_system_is_exported(name, tmp_path):
    check(saved(shipped(name), tmp_path / "model"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_model_is_exported_or_says_why_not(name, tmp_path):
    config = PUBLISHED[name].config.model_copy(update={"width": 160, "height": 128})
    folder = saved(config, tmp_path / "model")
    if name in WITHOUT_EXPORT:
        with pytest.raises(ModelError, match="cannot be exported: its 3D blocks"):
            export_model(folder)
        assert not (folder / "exports").exists()
        return
    check(folder)
