"""A simulated match, its truth written as event data of providers, comes back by `onball data import`."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from provider_files import (
    played,
    write_opta,
    write_sportec,
    write_stats_perform,
    write_statsbomb,
    write_wyscout_3,
)
from simulated_play import HALF_MS, simulated_labels, spots_of

pytest.importorskip("kloppy")

from onball.actions import Action
from onball.assets import sample_match
from onball.events import SpottingInfo
from onball.formats.soccernet import read_labels
from onball.video.writing import VideoWriter

KICK_OFFS_MS = {1: 2000, 2: 44_000}
KICK_OFFS = ("--kickoff", "1=00:00:02", "2=0:44")


@pytest.fixture(scope="module")
def truth():
    """Labels of the sample match, as two halves of which the second begins with a change of ends."""
    return read_labels(sample_match() / "Labels-ball.json")


def labels(path):
    return [(event.position_ms, event.label, event.team) for event in read_labels(path)]


def import_(onball, tmp_path, events, *options):
    video = sample_match() / "224p.mp4"
    return onball(
        "data", "import", events, "--video", video, "--out", tmp_path / "data", "--name", "m",
        *KICK_OFFS, *options,
    )  # fmt: skip


@pytest.mark.parametrize(
    "write, left_out",
    [
        (write_statsbomb, set()),
        (write_wyscout_3, {Action.GOAL}),
        (write_opta, {Action.GOAL, Action.DRIVE}),
        (write_stats_perform, {Action.GOAL, Action.DRIVE}),
    ],
)
def test_labels_equal_the_truth(onball, truth, tmp_path, write, left_out):
    written = write(tmp_path, played(truth, KICK_OFFS_MS))
    events = written[0] if isinstance(written, tuple) else written
    code, _, error = import_(onball, tmp_path, events, "--left", "home")
    assert code == 0, error
    found = labels(tmp_path / "data" / "m" / "Labels-ball.json")
    expected = [(event.position_ms, event.label, event.team) for event in truth]
    assert [row for row in found if row[1] not in left_out] == [
        row for row in expected if row[1] not in left_out
    ]
    if Action.GOAL in left_out:  # without a time of its own, it is a second after the shot
        (goal,) = (row for row in found if row[1] is Action.GOAL)
        (shot,) = (row for row in found if row[1] is Action.SHOT)
        assert goal == (shot[0] + 1000, Action.GOAL, shot[2])
        assert "goals have no time of their own" in error
    assert ("the file has no carries" in error) == (Action.DRIVE in left_out)
    assert all(first[0] <= later[0] for first, later in pairwise(found))


def test_without_a_side_labels_keep_the_names_of_teams(onball, truth, tmp_path):
    events, _ = write_opta(tmp_path, played(truth, KICK_OFFS_MS))
    code, _, error = import_(onball, tmp_path, events)
    assert code == 0 and "--left TEAM adds their sides" in error
    found = read_labels(tmp_path / "data" / "m" / "Labels-ball.json")
    assert {event.team.value for event in found} == {"unknown"}
    assert {event.extra["team_name"] for event in found} == {"Ajax", "Benfica"}


def test_sides_of_sportec_are_those_of_its_file(onball, truth, tmp_path):
    events, information = write_sportec(tmp_path, played(truth, KICK_OFFS_MS))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    information = information.rename(elsewhere / "information.xml")
    code, _, error = import_(onball, tmp_path, events)
    assert code == 2 and "needs the match information, XML: add --metadata FILE" in error
    assert not (tmp_path / "data").exists()
    code, _, error = import_(onball, tmp_path, events, "--metadata", information)
    assert code == 0 and "Ajax defends the left goal" in error
    found = labels(tmp_path / "data" / "m" / "Labels-ball.json")
    (tackle,) = (row for row in found if row[1] is Action.PLAYER_SUCCESSFUL_TACKLE)
    assert tackle in [(event.position_ms, event.label, event.team) for event in truth]


def test_raw_codes_are_mapped_by_the_user(onball, truth, tmp_path):
    events = write_wyscout_3(tmp_path, played(truth, KICK_OFFS_MS))
    code, draft, _ = onball("data", "import", events, "--suggest-map", "--raw-codes")
    assert code == 0 and "pass: PASS" in draft and 'touch: "?"' in draft
    code, _, error = import_(onball, tmp_path, events, "--raw-codes")
    assert code == 2 and "'touch' (10)" in error and "--suggest-map" in error
    codes = tmp_path / "codes.yaml"
    codes.write_text(
        "pass: PASS\ntouch: carry\nthrow_in: THROW IN\nshot: SHOT\ninterception: null\n"
        "duel: null\ngame_interruption: OUT\n"
    )
    code, out, error = import_(onball, tmp_path, events, "--raw-codes", "--map", codes)
    assert code == 0, error
    assert "carry 10" in out and "left out by the code map: " in out
    code, _, error = import_(onball, tmp_path, codes.with_name("tags.csv"), "--raw-codes")
    assert code == 2 and "tags.csv: no such file" in error


@pytest.mark.medium
def test_the_kickoff_is_found_by_the_spots_of_a_model(onball, tmp_path):
    labels = simulated_labels().between(0, HALF_MS)
    events, information = write_opta(tmp_path / "events", played(labels, {1: 3000}))
    information = information.rename(tmp_path / "teams.xml")
    spots_of(labels, 1).save(tmp_path / "results_spotting.json")
    code, out, error = onball(
        "data", "align", events, "--metadata", information, "--results", tmp_path / "results_spotting.json",
    )  # fmt: skip
    assert code == 0, error
    found = re.search(r'--kickoff "?1=00:00:(\d\d\.\d+)', out + error)
    assert abs(float(found[1]) - 3) < 0.12
    assert f"--metadata {information}" in out + error, "import is called with the same options"


@pytest.mark.medium
@pytest.mark.parametrize(
    "write", [pytest.param(write_statsbomb, marks=pytest.mark.slow), write_opta]
)
def test_a_match_of_event_data_with_unknown_kickoffs_is_imported(onball, tmp_path, write):
    truth = simulated_labels()
    starts_ms = {1: 4_000, 2: HALF_MS + 7_500}
    later = [one for one in truth if one.position_ms >= starts_ms[1]]
    events, _ = write(tmp_path / "events", played(replace(truth, events=tuple(later)), starts_ms))
    video = tmp_path / "match.mp4"
    with VideoWriter(video, (16, 16), 1) as writer:
        for _ in range(2 * HALF_MS // 1000):
            writer.write(np.zeros((16, 16, 3), np.uint8))
    info = SpottingInfo(duration_ms=2 * HALF_MS, video=video.name)
    replace(spots_of(truth, 1), info=info).save(tmp_path / "spots" / "results_spotting.json")
    code, out, error = onball(
        "data", "import", events, "--video", video, "--align", "--left", "home",
        "--results", tmp_path / "spots", "--out", tmp_path / "data", "--name", "m",
    )  # fmt: skip
    assert code == 0, out + error
    found = read_labels(tmp_path / "data" / "m" / "Labels-ball.json")
    kept = {*Action} - {Action.GOAL, *([Action.DRIVE] if write is write_opta else [])}
    pairs = list(
        zip(
            [one for one in found if one.label in kept],
            [one for one in later if one.label in kept],
            strict=True,
        )
    )
    for one, true in pairs:
        assert one.label is true.label
        assert one.half == 1 + (true.position_ms >= starts_ms[2])
    assert max(abs(one.position_ms - true.position_ms) for one, true in pairs) < 120


def test_options_of_event_data_are_refused_for_tags(onball, tmp_path):
    (tmp_path / "tags.csv").write_text("code,start\nPASS,3\n")
    code, _, error = import_(onball, tmp_path, tmp_path / "tags.csv", "--raw-codes")
    assert code == 2 and "--raw-codes is for event data of providers, and this is table" in error
