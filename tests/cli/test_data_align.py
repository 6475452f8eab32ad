"""`onball data align`: from a table of tags and results to kick-offs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from simulated_play import HALF_MS, simulated_labels, spots_of, tags_of

from onball.assets import sample_match
from onball.data.code_map import CodeMap
from onball.formats.soccernet import read_labels
from onball.formats.tags import read_tags
from onball.spotting.tag_alignment import align_tag_file, corrected_offsets_s

STARTS = {1: 12_340, 2: HALF_MS + 25_670}
CODES = "PASS: PASS\nDRIVE: DRIVE\nHEADER: HEADER\nOUT: OUT\nSHOT: SHOT\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Results of a model, and tags by the clock of each period and by that of the match."""
    folder = tmp_path_factory.mktemp("align")
    truth = simulated_labels()
    spots_of(truth, 1).save(folder / "results_spotting.json")
    for name, clock_s in (("period.csv", {1: 0, 2: 0}), ("match.csv", {1: 0, 2: 2700})):
        rows = [
            f"{tag.code},{tag.time_ms / 1000 + clock_s[tag.period]:.3f},{tag.period}"
            for tag in tags_of(truth, 1, STARTS)
        ]
        (folder / name).write_text("\n".join(["code,start,period", *rows]) + "\n")
    (folder / "codes.yaml").write_text(CODES)
    return folder


@pytest.mark.parametrize("clock", ["period", "match"])
def test_kickoffs_are_printed_as_import_takes_them(files, onball, clock):
    code, out, err = onball(
        "data", "align", files / f"{clock}.csv", files / "results_spotting.json", "--clock", clock
    )
    assert code == 0, err
    found = re.search(r'--kickoff "1=00:00:(\d\d\.\d+) 2=00:10:(\d\d\.\d+)"', out + err)
    # All tags are a second late, which is part of the kick-offs.
    assert abs(float(found[1]) - 11.34) < 0.12 and abs(float(found[2]) - 27.67) < 0.12
    assert "delay of 'PASS'" in out


def test_delays_become_lines_of_the_code_map_and_unmapped_codes_are_named(files, onball):
    code, out, err = onball(
        "data", "align", files / "period.csv", files, "--clock", "period", "--delays",
        "--map", files / "codes.yaml",
    )  # fmt: skip
    assert code == 0, err
    assert re.search(r'^"PASS": \{action: PASS, offset_s: -?[\d.e-]+\}$', out, re.M)
    assert "'THROW IN'" in out + err


def test_uncertain_tags_are_refused_with_exit_code_1(files, onball, tmp_path):
    spots_of(simulated_labels().between(0, HALF_MS), 2).save(tmp_path / "results_spotting.json")
    code, out, err = onball("data", "align", files / "period.csv", tmp_path, "--clock", "period")
    assert code == 1
    assert "period 1: kick-off at" in out and "period 2: no certain kick-off" in out
    assert "error: period 2: " in err and "--kickoff" not in out + err


def test_tags_by_the_video_have_one_shift_which_offsets_contain(files):
    tags = read_tags(files / "period.csv", clock="video")
    first = type(tags)(tags.path, tags.format, tuple(t for t in tags.tags if t.period == 1))
    alignment = align_tag_file(first, spots_of(simulated_labels(), 1))
    (whole,) = alignment.periods
    assert whole.period is None and abs(whole.shift_ms - 11_340) < 120
    codes = CodeMap.of({name: name for name in ("PASS", "DRIVE")})
    assert abs(corrected_offsets_s(alignment, codes)["PASS"] - 11.34) < 0.2


@pytest.mark.slow
def test_the_bundled_model_aligns_tags_with_the_bundled_match(onball, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = read_labels(sample_match() / "Labels-ball.json")
    rows = [f"{one.label},{one.position_ms / 1000 - 20:.3f},1" for one in labels]
    Path("tags.csv").write_text("\n".join(["code,start,period", *rows]) + "\n")
    code, out, err = onball(
        "data", "align", "tags.csv", sample_match() / "224p.mp4", "--clock", "period"
    )
    assert code == 0, err
    found = re.search(r"period 1: kick-off at 00:00:(\d\d\.\d+), (\d+) of 29 tags", out)
    assert abs(float(found[1]) - 20) < 0.1 and int(found[2]) > 20
