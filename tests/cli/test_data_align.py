"""`onball data align`: from a table of tags and results to kick-offs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_play import HALF_MS, HALVES_MS, simulated_labels, spots_of, tags_of

from onball.assets import sample_match
from onball.data.code_map import CodeMap
from onball.events import EventList, SpottingInfo
from onball.formats.soccernet import read_labels
from onball.formats.tags import read_tags
from onball.spotting.tag_alignment import align_match, align_tag_file, corrected_offsets_s
from onball.video.writing import VideoWriter

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
        "data", "align", files / f"{clock}.csv", "--results", files / "results_spotting.json",
        "--clock", clock,
    )  # fmt: skip
    assert code == 0, err
    found = re.search(r'--kickoff "1=00:00:(\d\d\.\d+) 2=00:10:(\d\d\.\d+)"', out + err)
    # All tags are a second late, which is part of the kick-offs.
    assert abs(float(found[1]) - 11.34) < 0.12 and abs(float(found[2]) - 27.67) < 0.12
    assert "delay of 'PASS'" in out


def test_delays_become_lines_of_the_code_map_and_unmapped_codes_are_named(files, onball):
    code, out, err = onball(
        "data", "align", files / "period.csv", "--results", files, "--clock", "period", "--delays",
        "--map", files / "codes.yaml",
    )  # fmt: skip
    assert code == 0, err
    assert re.search(r'^"PASS": \{action: PASS, offset_s: -?[\d.e-]+\}$', out, re.M)
    assert "'THROW IN'" in out + err


def test_uncertain_tags_are_refused_with_exit_code_1(files, onball, tmp_path):
    spots_of(simulated_labels().between(0, HALF_MS), 2).save(tmp_path / "results_spotting.json")
    code, out, err = onball(
        "data", "align", files / "period.csv", "--results", tmp_path, "--clock", "period"
    )
    assert code == 1
    assert "period 1: kick-off at" in out and "period 2: no certain kick-off" in out
    assert "error: period 2: " in err and "--kickoff" not in out + err


def test_tags_by_the_video_have_one_shift_which_import_takes(files, onball):
    tags = read_tags(files / "period.csv", clock="video")
    first = replace(tags, tags=tuple(t for t in tags.tags if t.period == 1))
    alignment = align_tag_file(first, spots_of(simulated_labels(), 1))
    (whole,) = alignment.periods
    assert whole.period is None and abs(whole.shift_ms - 11_340) < 120
    codes = CodeMap.of({name: name for name in ("PASS", "DRIVE")})
    assert abs(corrected_offsets_s(alignment, codes)["PASS"]) < 0.2
    lines = (files / "period.csv").read_text().splitlines()
    one_clock = ["code,start", *(line[:-2] for line in lines if line.endswith(",1"))]
    (files / "video.csv").write_text("\n".join(one_clock) + "\n")
    code, out, err = onball("data", "align", files / "video.csv", "--results", files)
    assert code == 0, err
    assert re.search(r"^tags: shift \+11\.\d+ ± 0\.\d\d s, ", out, re.M)
    assert re.search(r'--out FOLDER --shift "11\.\d+"', out + err)


@pytest.fixture(scope="module")
def halves(files):
    """Videos of both halves, tags of each by a clock of its video, and results in `results`."""
    truth = simulated_labels()
    spots = spots_of(truth, 1)
    frame = np.zeros((16, 16, 3), np.uint8)
    for half, (begin_ms, end_ms) in HALVES_MS.items():
        with VideoWriter(files / f"half_{half}.mp4", (16, 16), 1) as writer:
            for _ in range(HALF_MS // 1000):
                writer.write(frame)
        mine = [
            replace(one, position_ms=one.position_ms - begin_ms)
            for one in spots.between(begin_ms, end_ms)
        ]
        info = SpottingInfo(duration_ms=HALF_MS, video=f"half_{half}.mp4")
        folder = files / "results" / f"half_{half}"
        folder.mkdir(parents=True)
        EventList.of(mine, info=info).save(folder / "results_spotting.json")
        rows = [
            f"{tag.code},{tag.time_ms / 1000:.3f}"
            for tag in tags_of(truth, 1, STARTS)
            if tag.period == half
        ]
        (files / f"half_{half}.csv").write_text("\n".join(["code,start", *rows]) + "\n")
    return files


def videos(folder, *numbers):
    return ["--video", *(folder / f"half_{number}.mp4" for number in numbers or (1, 2))]


@pytest.mark.medium
def test_a_video_for_each_half_has_kickoffs_of_its_own_and_chapters_one_timeline(halves, onball):
    options = ["--results", halves / "results", "--clock"]
    code, out, err = onball(
        "data", "align", halves / "period.csv", *videos(halves), *options, "period"
    )
    assert code == 0, err
    found = re.search(r'--kickoff "1=00:00:(\d\d\.\d+) 2=00:00:(\d\d\.\d+)"', out + err)
    assert abs(float(found[1]) - 11.34) < 0.12 and abs(float(found[2]) - 24.67) < 0.12
    assert "--video" in err and str(halves / "half_2.mp4") in err
    # One clock for both: chapters of one recording.
    whole = align_match(
        halves / "video.csv",
        [halves / "half_1.mp4", halves / "half_2.mp4"],
        results=halves / "results",
    )
    assert abs(whole.shifts_s[None] - 11.34) < 0.12 and not whole.kickoffs_s


def test_import_aligns_a_file_of_tags_for_each_video(halves, onball, tmp_path):
    tags = [halves / "half_1.csv", halves / "half_2.csv"]
    options = ["--results", halves / "results", "--align", "--skip-outside"]
    code, out, err = onball(
        "data",
        "import",
        *tags,
        *videos(halves),
        *options,
        "--out",
        tmp_path / "data",
        "--name",
        "m",
    )
    assert code == 0, err
    found = dict(re.findall(r"^period (\d): shift ([+][\d.]+) ± ", out, re.M))
    assert abs(float(found["1"]) - 11.34) < 0.12 and abs(float(found["2"]) - 24.67) < 0.12
    events = read_labels(tmp_path / "data" / "m" / "2" / "Labels-ball.json")
    truth = simulated_labels().between(*HALVES_MS[2])
    distance = [
        min(abs(one.position_ms + HALF_MS - true.position_ms) for true in truth) for one in events
    ]
    assert np.median(distance) < 300 and {one.half for one in events} == {2}
    # With the shifts that align prints, import alone does the same.
    shifts = [f"{number}={float(shift):g}" for number, shift in found.items()]
    code, out, err = onball(
        "data", "import", *tags, *videos(halves), "--shift", *shifts, "--skip-outside",
        "--out", tmp_path / "data", "--name", "m",
    )  # fmt: skip
    assert code == 0 and "already complete" in out, err


def test_videos_in_the_wrong_order_are_an_error(halves, onball, tmp_path):
    tags = [halves / "half_2.csv", halves / "half_1.csv"]
    code, _, err = onball(
        "data", "import", *tags, *videos(halves), "--results", halves / "results", "--align",
        "--out", tmp_path / "data",
    )  # fmt: skip
    assert code == 2 and "period 1: its tags fit half_2.mp4, not half_1.mp4" in err
    assert "wrong order" in err and not (tmp_path / "data").exists()


def test_the_search_is_narrowed_by_an_expected_kickoff(halves, onball):
    arguments = ["data", "align", halves / "period.csv", "--results", halves, "--clock", "period"]
    code, out, err = onball(*arguments, "--kickoff", "1=0:15", "2=10:20", "--window", "20")
    assert code == 0, err
    assert re.search(
        r"kick-off at 00:00:11\.[34]\d\d ± 0\.0\d s.*kick-off at 00:10:27\.[67]", out, re.S
    )
    code, out, err = onball(*arguments, "--kickoff", "1=8:00", "2=10:20")
    assert code == 1 and "period 1: no certain kick-off" in out


def test_options_that_do_not_fit_are_one_clear_line(halves, onball, tmp_path):
    tags, results = halves / "period.csv", ["--results", halves]
    for arguments, message in (
        (["align", tags], "name the videos of the match with --video, or their --results"),
        (["align", tags, *results, "--shift", "3"], "give about --kickoff"),
        (["align", halves / "half_1.csv", *results, "--kickoff", "1=0"], "give about --shift"),
        (["align", tags, *videos(halves, 1), "--results", halves, halves / "results" / "half_1"],
         "1 videos and results of 2 are given"),
        (["align", halves / "half_1.csv", *results, "--shift", "x"], "--shift: 'x' is not of the form"),
        (["import", tags, *videos(halves), "--out", tmp_path / "d", "--delays"], "are for --align"),
        (["import", tags, tags, *videos(halves), "--out", tmp_path / "d"], "is given twice"),
    ):  # fmt: skip
        code, _, err = onball("data", *arguments)
        assert code == 2 and message in err, (arguments, err)
        assert not (tmp_path / "d").exists()


@pytest.mark.slow
def test_the_bundled_model_aligns_tags_with_the_bundled_match(onball, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = read_labels(sample_match() / "Labels-ball.json")
    rows = [f"{one.label},{one.position_ms / 1000 - 20:.3f},1" for one in labels]
    Path("tags.csv").write_text("\n".join(["code,start,period", *rows]) + "\n")
    code, out, err = onball(
        "data", "align", "tags.csv", "--video", sample_match() / "224p.mp4", "--clock", "period"
    )
    assert code == 0, err
    found = re.search(r"kick-off at 00:00:(\d\d\.\d+) ± 0\.\d\d s, (\d+) of 29 tags", out)
    assert abs(float(found[1]) - 20) < 0.1 and int(found[2]) > 20
