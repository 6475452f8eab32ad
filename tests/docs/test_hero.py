"""The picture at the top of the README shows what the demo model finds and misses."""

from __future__ import annotations

import re
import runpy
import sys

import pytest
from doc_blocks import ROOT

PROGRAM = ROOT / "docs" / "hero.py"


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_the_alternative_text_has_the_figures_of_the_picture(monkeypatch, tmp_path):
    from onball import Spotter, read_labels, sample_match

    monkeypatch.setattr(sys, "argv", [str(PROGRAM)])
    hero = runpy.run_path(str(PROGRAM))
    labels = read_labels(sample_match() / "Labels-ball.json")
    detections = Spotter.from_pretrained("demo").spot(sample_match() / "224p.mp4").shown
    pairs = hero["match"](labels, detections)
    missed, wrong = len(labels) - len(pairs), len(detections) - len(pairs)
    figures = (
        f"{len(pairs)} of {len(labels)} labels found, {missed} missed, "
        f"{wrong} detections without a label"
    )
    results = [
        f"{label.label.value.lower()} {'found' if label in pairs else 'missed'}"
        for label in hero["choose"](labels, pairs)
    ]
    assert results == [
        "pass found", "drive found", "throw in found", "ball player block missed",
        "shot missed", "goal missed",
    ]  # fmt: skip
    for page in (ROOT / "README.md", ROOT / "docs" / "index.md"):
        (alternative,) = re.findall(r"!\[([^\]]+)\]\(\S*hero\.png\)", page.read_text("utf-8"))
        assert alternative.endswith(figures)
        assert "pass, drive and throw-in found, block, shot and goal missed" in alternative
