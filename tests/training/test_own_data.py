"""The way of docs/own_data.md: features, training from a model, spotting, clips."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from onball import EventList, cut_video, probe
from onball.formats.soccernet import read_labels
from onball.models import load_model

PAGE = Path(__file__).parents[2] / "docs" / "own_data.md"


CODES = {"PASS": "Pase", "DRIVE": "Conducción", "HEADER": "Cabeza"}


def write_tags(match: Path, folder: Path, name: str) -> None:
    """Put the video of a match into a folder, and its labels as Sportscode XML beside it."""
    shutil.copy(match / "224p.mp4", folder / f"{name}.mp4")
    instances = "".join(
        f"<instance><ID>{number}</ID><start>{event.position_ms / 1000:.3f}</start>"
        f"<end>{event.position_ms / 1000 + 4:.3f}</end><code>{CODES[event.label]}</code></instance>"
        for number, event in enumerate(read_labels(match / "Labels-ball.json"), 1)
    )
    text = f'<?xml version="1.0"?><file><ALL_INSTANCES>{instances}</ALL_INSTANCES></file>'
    (folder / f"{name}.xml").write_text(text, encoding="utf-16")


def test_tags_of_own_matches_become_a_model_that_spots_the_next_one(
    root, finished, onball, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    train, other = sorted((root / "train").rglob("224p.mp4"))
    write_tags(train.parent, tmp_path, "match")
    write_tags(other.parent, tmp_path, "other")
    shutil.copy(next((root / "valid").rglob("224p.mp4")), "next.mp4")
    shutil.copytree(finished / "model", "MODEL")
    few = ("training.epochs=1", "training.clips_per_epoch=8", "training.workers=0")
    settings = [part for setting in few for part in ("--set", setting)]
    typed = [line.partition(" #")[0].strip() for line in PAGE.read_text().splitlines()]
    typed = [line for line in typed if line.startswith("onball ") and "--seeds" not in line]
    typed = typed[: 1 + next(i for i, line in enumerate(typed) if line.startswith("onball spot"))]
    assert len(typed) == 7, typed
    for line in typed:
        command, _, file = line.partition(" > ")
        more = settings if "onball train" in line else ["-t", "0"] if "onball spot" in line else []
        code, shown, said = onball(*command.split()[1:], *more)
        assert code == 0, f"{line}: {said}"
        if file:
            Path(file).write_text(shown, encoding="utf-8")
    assert len(list(Path("data/club/features").iterdir())) == 2
    assert load_model("runs/club")[1].actions.names == ("PASS", "DRIVE", "HEADER")
    first = next(iter(EventList.load("results/next/results_spotting.json")))
    start = max(0, first.position_ms - 500)
    cut_video("next.mp4", start, start + 1000, "clip.mp4")
    assert probe("clip.mp4").duration_ms == pytest.approx(1000, abs=80)
