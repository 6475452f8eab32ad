"""`onball demo` and `onball doctor`."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from onball.assets import sample_match
from onball.events import EventList
from onball.formats.soccernet import read_labels, write_labels
from onball.outputs import record_outputs
from onball.video import cut_video

START_MS, END_MS = 58_000, 66_000
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
#: Extras that users install for a command or function of onball.
EXTRAS = PROJECT["project"]["optional-dependencies"].keys() - {
    "all", "dev", "docs", "mlflow", "wandb",
}  # fmt: skip


@pytest.fixture
def short_sample(monkeypatch, tmp_path_factory):
    """Eight seconds of the sample match in its place."""
    folder = tmp_path_factory.mktemp("sample")
    labels = [
        replace(event, position_ms=event.position_ms - START_MS)
        for event in read_labels(sample_match() / "Labels-ball.json")
        if START_MS <= event.position_ms < END_MS
    ]
    write_labels(EventList.of(labels), folder / "Labels-ball.json")
    cut_video(sample_match() / "224p.mp4", START_MS, END_MS, folder / "224p.mp4")
    monkeypatch.setattr("onball.assets.sample_match", lambda: folder)


@pytest.mark.slow
def test_demo_spots_the_whole_sample_match(onball, tmp_path):
    code, shown, error = onball("demo", "--out", tmp_path)
    assert code == 0, error
    assert "00:01:" in shown and "DRIVE  " in shown and "PASS  " in shown


@pytest.mark.usefixtures("short_sample")
def test_demo_spots_the_sample_match_and_shows_its_metrics(onball, tmp_path):
    code, shown, error = onball("demo", "--out", tmp_path)
    assert code == 0, error
    assert "mAP10" in shown and "onball spot" in shown
    for name in ("results_spotting.json", "events.csv", "timeline.png"):
        assert (tmp_path / name).stat().st_size > 200, name
    assert (tmp_path / "timeline.png").read_bytes().startswith(b"\x89PNG")
    assert "sample match: 100%" in error and "00:00:" in shown and "DRIVE  " in shown


def test_demo_does_not_replace_what_was_edited(onball, tmp_path):
    names = ("events.csv", "results_spotting.json", "timeline.png")
    for name in names:
        (tmp_path / name).write_text("by the demo")
    record_outputs(tmp_path, names, {"video": "sample match", "model": "demo"})
    (tmp_path / "events.csv").write_text("by hand")
    code, _, error = onball("demo", "--out", tmp_path)
    assert code == 2 and "events.csv was edited by hand: --overwrite replaces it" in error
    assert (tmp_path / "events.csv").read_text() == "by hand"


def test_doctor_finds_a_complete_installation(onball):
    code, shown, _ = onball("doctor")
    assert code == 0
    for word in ("torch", "h264", "writable", "demo model", "GB free", "--device: cpu"):
        assert word in shown


def test_doctor_says_how_to_install_what_is_missing(onball, monkeypatch):
    needed = ["numpy>=1", "lightning>=2; extra == 'train'", "no-such-reader>=1 ; extra == 'pandas'"]
    others = EXTRAS - {"train", "pandas"}
    needed += [f"no-such-{extra}>=1; extra == '{extra}'" for extra in others]
    monkeypatch.setattr("onball.cli.doctor.requires", lambda _: needed)
    code, shown, _ = onball("doctor")
    assert code == 0, "an extra is no requirement"
    assert "extra train" in shown and "lightning 2." in shown
    assert "not installed: no-such-reader; needed for EventList.to_pandas" in shown
    for extra in {"pandas", *others}:
        assert f'pip install "onball[{extra}]"' in " ".join(shown.split()), extra
    needed.append("no-such-net>=1")
    code, shown, error = onball("doctor")
    assert code == 1 and "not installed: no-such-net: pip install --upgrade onball" in shown
    assert "onball cannot work before this is repaired: packages" in error
