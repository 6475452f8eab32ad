"""The commands of docs/own_data.md, as they are there: import, train, spot, clips, align."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from simulated_play import HALF_MS, simulated_labels, spots_of, tags_of

from onball import EventList
from onball.events import SpottingInfo
from onball.formats.soccernet import read_labels
from onball.models import load_model
from onball.video.writing import VideoWriter

PAGE = Path(__file__).parents[2] / "docs" / "own_data.md"


#: The third action of the tiny matches is taken for a shot, which the page looks for.
CODES = {"PASS": "Pase", "DRIVE": "Conducción", "HEADER": "Tiro"}


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
    lines = (line.partition(" #")[0].strip() for line in PAGE.read_text("utf-8").splitlines())
    typed = [line for line in lines if line.startswith("onball ") and "--seeds" not in line]
    typed = typed[: 1 + next(i for i, line in enumerate(typed) if line.startswith("onball clips"))]
    assert len(typed) == 9, typed
    for line in typed:
        command, _, file = line.partition(" > ")
        more = settings if "onball train" in line else ["-t", "0"] if "onball spot" in line else []
        code, shown, said = onball(*command.split()[1:], *more)
        assert code == 0, f"{line}: {said}"
        if file:
            Path(file).write_text(shown, encoding="utf-8")
    assert len(list(Path("data/club/features").iterdir())) == 2
    assert load_model("runs/club")[1].actions.names == ("PASS", "DRIVE", "SHOT")
    shots = EventList.load("results/next/results_spotting.json").of_action("shot")
    assert len(shots) and len(list(Path("clips").rglob("*.mp4"))) > 0


def test_tags_on_another_clock_are_aligned_and_imported_by_one_command(
    onball, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (line,) = [
        line
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("onball ") and "--align" in line
    ]
    truth = simulated_labels().between(0, HALF_MS)
    frame = np.zeros((16, 16, 3), np.uint8)
    with VideoWriter("match.mp4", (16, 16), 1) as writer:
        for _ in range(HALF_MS // 1000):
            writer.write(frame)
    # What a good model finds; the one of the page would have to be trained.
    spots = replace(spots_of(truth, 0).between(0, HALF_MS), info=SpottingInfo(duration_ms=HALF_MS))
    Path("onball-results/match").mkdir(parents=True)
    spots.save("onball-results/match/results_spotting.json")
    tags = [
        tag
        for tag in tags_of(truth, 0, {1: 20_000, 2: 0})
        if tag.period == 1 and tag.time_ms < HALF_MS - 20_000
    ]
    rows = [f"{tag.code},{tag.time_ms / 1000}" for tag in tags if tag.time_ms > -18_000]
    Path("tags.csv").write_text("\n".join(["code,start", *rows]) + "\n")
    Path("codes.yaml").write_text("".join(f"{name}: {name}\n" for name in truth.counts()))
    code, out, err = onball(*line.replace(" --model MODEL", "").split()[1:])
    assert code == 0, err
    assert re.search(r"period 1: kick-off at 00:00:(18\.9|19\.0)", out), out
    labels = read_labels(Path("data/club/match/Labels-ball.json"))
    assert len(labels) > 200
    distances = [min(abs(one.position_ms - true.position_ms) for true in truth) for one in labels]
    assert np.median(distances) < 300
