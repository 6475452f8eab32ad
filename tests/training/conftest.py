"""Fixtures of the tests of training: tiny matches, and runs on them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_matches import write_flashes
from tiny_tracks import write_tiny_tracks

from onball.config import ExperimentConfig, load_config
from onball.formats.soccernet import read_labels
from onball.training import run

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"


@pytest.fixture(autouse=True)
def all_on_one_thread(one_thread: None) -> None:
    """Every test of this folder."""


@dataclass(frozen=True)
class Runs:
    """Tiny training runs on the matches of `root`."""

    root: Path

    def overrides(self, *more: str) -> list[str]:
        """Settings of a tiny run; `more` come last and take precedence."""
        return [
            f"data.root={self.root}",
            f"data.cache={self.root / '.cache'}",
            "data.clip_frames=8",
            "training.clips_per_epoch=10",
            "training.epochs=2",
            "training.precision=32",
            *more,
        ]

    def config(self, *more: str) -> ExperimentConfig:
        return load_config(TINY, self.overrides(*more))

    def train(self, run_dir: Path, *more: str, **options: Any) -> Path:
        """Train in this process, with options of `train`; returns the folder of the run."""
        run.train(self.config(*more), run_dir=run_dir, **options)
        return run_dir

    def command(self, run_dir: Path, *more: str) -> list[str]:
        """The arguments of `onball` that do the same."""
        settings = [part for setting in self.overrides(*more) for part in ("--set", setting)]
        return ["train", str(TINY), "--out", str(run_dir), *settings]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set: two matches to train on and one to validate on."""
    root = tmp_path_factory.mktemp("matches")
    for seed, split in enumerate(("train", "train", "valid")):
        write_flashes(root / split / "league" / "season" / f"match {seed}", seed)
    return root


@pytest.fixture(scope="session")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Matches whose ball flies to another player at each event; their frames are those of `root`."""
    root = tmp_path_factory.mktemp("tracked")
    for seed, split in enumerate(("train", "train", "valid", "test")):
        match = root / split / "league" / "season" / f"match {seed}"
        write_flashes(match, seed)
        events = read_labels(match / "Labels-ball.json")
        write_tiny_tracks(match, [event.position_ms for event in events], seed=seed)
    return root


@pytest.fixture(scope="session")
def runs(root: Path) -> Runs:
    return Runs(root)


@pytest.fixture(scope="session")
def finished(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run, which tests only read."""
    torch.set_num_threads(1)
    return runs.train(tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture
def metrics() -> Callable[[Path], list[dict[str, str]]]:
    """The rows of a run's `metrics.csv`."""

    def read(run_dir: Path) -> list[dict[str, str]]:
        with (run_dir / "metrics.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture
def weights() -> Callable[[Path], dict[str, torch.Tensor]]:
    """The weights of a run's saved model."""
    return lambda run_dir: load_file(run_dir / "model" / "model.safetensors")


@pytest.fixture
def assert_same_weights() -> Callable[..., None]:
    """Compare the saved models of two runs."""

    def compare(one: Path, other: Path, tolerance: float = 1e-6) -> None:
        first, second = (
            load_file(folder / "model" / "model.safetensors") for folder in (one, other)
        )
        assert first.keys() == second.keys()
        for name in first:
            difference = (first[name].float() - second[name].float()).abs().max().item()
            assert difference <= tolerance, f"{name} differs by {difference}"

    return compare
