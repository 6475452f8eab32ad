"""The code of the page for Python developers runs as written, from top to bottom."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from doc_blocks import ROOT, blocks_of

import onball
from onball.assets import BUNDLED_MODELS

PAGE = ROOT / "docs" / "python.md"
BLOCKS = blocks_of(PAGE, "python")


@pytest.fixture
def small_demo_model(tmp_path_factory, monkeypatch):
    """The demo model with frames of half the width and height: a quarter of the work."""
    folder = tmp_path_factory.mktemp("models") / "demo"
    shutil.copytree(onball.demo_model(), folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"width": config["width"] // 2, "height": config["height"] // 2}
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setitem(BUNDLED_MODELS, "demo", lambda: folder)


@pytest.mark.medium
@pytest.mark.usefixtures("one_thread", "small_demo_model")
def test_the_code_runs_in_order_in_one_namespace(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    shown = {}
    for block in BLOCKS:
        if block.not_run is None:
            names |= block.execute(**{name: names[name] for name in names if name[0] != "_"})
            shown[block.line] = capfd.readouterr().out
    # A comment after a `print` that is alone in its line and no code is what it prints.
    for block in BLOCKS:
        for wanted in re.findall(r"print\(error\)  # (.+)$", block.code, re.M):
            assert wanted in shown[block.line] or "pandas" in wanted
    assert len(shown) >= 12
    assert {path.name for path in tmp_path.iterdir()} == {
        "results_spotting.json", "confidences.npz", "events.csv", "excerpt.mp4",
    }  # fmt: skip


def test_a_block_that_is_not_run_is_at_least_python():
    for block in BLOCKS:
        compile(block.code, str(block), "exec")
    assert sum(block.not_run is not None for block in BLOCKS) == 1


def test_the_methods_and_names_in_the_text_exist():
    text = PAGE.read_text(encoding="utf-8")
    methods = set(re.findall(r"`events\.(\w+)", text)) - {"csv"}
    assert methods >= {"shown", "of_action", "between", "save", "info"}
    assert all(hasattr(onball.EventList, name) for name in methods)
    names = set(re.findall(r"onball\.([A-Za-z]\w+)", re.sub(r"^from .*$", "", text, flags=re.M)))
    assert not names - set(dir(onball))
