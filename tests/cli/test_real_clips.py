"""`onball spot` on real broadcasts, with codecs, sizes and rates that the simulator does not use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from onball.cli.main import main
from onball.formats.soccernet import read_results
from onball.video.reading import probe

CLIPS = Path(__file__).parents[2].parent / "shared" / "clips"
NAMES = sorted(path.name for path in CLIPS.glob("*.mp4"))


@pytest.mark.skipif(not NAMES, reason="no real clips beside this checkout (../shared/clips)")
@pytest.mark.parametrize("name", NAMES or ["absent"])
def test_a_real_clip_is_spotted(name, tmp_path, monkeypatch):
    clip = CLIPS / name
    monkeypatch.setattr(sys, "argv", ["onball", "spot", str(clip), "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    events = read_results(tmp_path / clip.stem / "results_spotting.json")
    duration = probe(clip).duration_ms
    assert all(event.position_ms <= duration for event in events)
    assert (tmp_path / clip.stem / "events.csv").is_file()
