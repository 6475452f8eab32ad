"""Fixtures of the tests of experiments: a tiny data set of three splits, and configs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from tiny_matches import write_flashes

PROJECT = Path(__file__).parents[2]
TINY = PROJECT / "configs" / "spotting" / "tiny.yaml"


@pytest.fixture(autouse=True)
def all_on_one_thread(one_thread: None) -> None:
    """Apply `one_thread` to every test of this folder."""


@pytest.fixture
def import_benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Function that imports a program of `benchmarks/` by its name."""
    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    imported = []

    def by_name(name: str) -> ModuleType:
        imported.append(name)
        return importlib.import_module(name)

    yield by_name
    for name in imported:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with two matches for training, one for validation and two for testing."""
    root = tmp_path_factory.mktemp("data") / "flashes"
    for seed, split in enumerate(("train", "train", "valid", "test", "test")):
        write_flashes(root / split / "league" / "season" / f"match {seed}", seed)
    return root


@pytest.fixture(scope="session")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Function that writes a config based on the tiny one, or an overlay if `base` is empty."""
    folder = tmp_path_factory.mktemp("configs") / "mine"
    folder.mkdir()

    def write(name: str, settings: str, base: bool = True) -> Path:
        path = folder / f"{name}.yaml"
        path.write_text(f"base: {TINY}\n{settings}\n" if base else settings, encoding="utf-8")
        return path

    return write
