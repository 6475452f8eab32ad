"""The architecture page names files and functions that exist."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import onball

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
PACKAGE = Path(onball.__file__).parent
STEPS = re.findall(r"^\d+\. `([\w/]+)\.py` · `([\w.]+)`: (.+)$", PAGE.read_text("utf-8"), re.M)


def test_there_are_four_walks_of_ten_steps():
    assert len(STEPS) == 40


@pytest.mark.parametrize(("file", "name"), [(file, name) for file, name, _ in STEPS])
def test_each_step_of_a_walk_exists(file, name):
    found = import_module("onball." + file.replace("/", "."))
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)


def test_each_named_module_exists():
    text = PAGE.read_text("utf-8")
    # Shell commands and the pages beside this one are no modules of the package.
    names = [n for n in re.findall(r"`([\w/]+\.py)`", text) if not n.startswith("benchmarks/")]
    assert names and all((PACKAGE / name).is_file() for name in names)
    folders = re.findall(r"`([\w/]+/)`", text.replace("`src/onball/`", ""))
    assert folders and all(
        (PACKAGE / name).is_dir() or (PACKAGE / "data" / name).is_dir() for name in folders
    )
