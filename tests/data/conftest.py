"""A short match for tests of clips and matches."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_matches import write_brightening

from onball.config import DataConfig


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with one match of 4 s whose frames become brighter, with an event at 2 s."""
    root = tmp_path_factory.mktemp("brightening")
    write_brightening(root)
    return root


@pytest.fixture
def data(root: Path, tmp_path: Path) -> DataConfig:
    """Its settings: clips of 10 frames, and a cache for each test."""
    return DataConfig(
        root=root, width=64, height=36, clip_frames=10, cache=tmp_path / "cache", fps=12.5
    )
