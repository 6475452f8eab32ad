"""Training and spotting with the components of docs/extending.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from onball.actions import Action
from onball.events import Event, EventList
from onball.formats.soccernet import read_results, write_labels
from onball.models.components import BACKBONES, TEMPORAL_HEADS
from onball.video import VideoWriter

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
TINY = Path(__file__).parents[1] / "configs" / "spotting" / "tiny.yaml"


def example(module: str) -> str:
    """The code block that the page names as the content of this module."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"`{module}\.py`.*?```python\n(.*?)```", text, flags=re.DOTALL)
    assert found, f"the page has no {module}.py"
    return found.group(1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for split in ("train", "valid"):
        folder = root / split / "league" / "season" / "match"
        with VideoWriter(folder / "224p.mp4", (64, 36), 25) as writer:
            for index in range(100):
                writer.write(np.full((36, 64, 3), 200 if 48 <= index < 54 else 60, np.uint8))
        write_labels(EventList.of([Event(2000, Action.PASS)]), folder / "Labels-ball.json")
    return root


@pytest.mark.parametrize(
    ("module", "setting", "registry", "name"),
    [
        ("mean_head", "model.temporal={name: mean, radius: 8}", TEMPORAL_HEADS, "mean"),
        ("grid_backbone", "model.backbone={name: grid}", BACKBONES, "grid"),
    ],
)
def test_the_example_of_the_page_trains_and_spots(
    onball, monkeypatch, tmp_path, root, module, setting, registry, name
):
    (tmp_path / f"{module}.py").write_text(example(module), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    quick = ["training.epochs=1", "training.clips_per_epoch=4", setting]
    settings = [part for text in quick for part in ("--set", text)]
    code, out, errors = onball(
        "--import", module, "train", TINY, "--data", root, "--out", "run", *settings
    )
    assert code == 0, errors
    (following,) = re.findall(r"^Next: onball (.*)$", out, re.M)
    assert following == f"--import {module} spot VIDEO --model run"
    video = next(root.rglob("224p.mp4"))
    words = [str(video) if word == "VIDEO" else word for word in following.split()]
    code, _, errors = onball(*words, "--out", "out")
    assert code == 0, errors
    results = next(Path("out").rglob("results_spotting.json"))
    assert len(read_results(results)) > 0
    monkeypatch.delitem(registry._entries, name)  # as in a process that has not imported it
    code, _, errors = onball("spot", video, "--model", "run", "--out", "other")
    assert code == 2
    assert f"{registry.setting} is '{name}', a custom component" in errors
    assert f"onball --import {module} …" in errors


def test_a_missing_module_is_reported_in_one_line(onball):
    code, _, errors = onball("--import", "no_such_module", "doctor")
    assert code == 2
    assert "--import no_such_module: no such module" in errors
