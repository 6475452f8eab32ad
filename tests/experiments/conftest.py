"""What tests of experiments share: a tiny data set of three splits, and configs in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from onball.actions import ACTIONS
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.video import VideoWriter

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"
COLOURS = np.array([[220, 30, 30], [30, 220, 30], [30, 30, 220]], np.uint8)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def write_match(folder: Path, seed: int) -> None:
    """8 s of grey; each of three actions flashes in its own colour for three frames."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    with VideoWriter(folder / "224p.mp4", (64, 36), 25) as writer:
        for index in range(200):
            picture = np.full((36, 64, 3), 90, np.uint8)
            if index % 25 == 15:
                events.append(Event(index * 40, ACTIONS[rng.integers(3)]))
            if events and index * 40 - events[-1].position_ms < 120:
                picture[:] = COLOURS[events[-1].label.order]
            writer.write(picture)
    write_labels(EventList.of(events), folder / "Labels-ball.json")


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set: two matches to train on, one to validate on, two to test on."""
    root = tmp_path_factory.mktemp("data") / "flashes"
    for seed, split in enumerate(("train", "train", "valid", "test", "test")):
        write_match(root / split / "league" / "season" / f"match {seed}", seed)
    return root


@pytest.fixture(scope="session")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Writes a config that is based on the tiny one, or, without base, an overlay."""
    folder = tmp_path_factory.mktemp("configs") / "mine"
    folder.mkdir()

    def write(name: str, settings: str, base: bool = True) -> Path:
        path = folder / f"{name}.yaml"
        path.write_text(f"base: {TINY}\n{settings}\n" if base else settings, encoding="utf-8")
        return path

    return write
