"""`onball data convert` and the download of files to convert: output, exit codes and instructions."""

from __future__ import annotations

import json

import pytest
import tiny_hub
from data_set_samples import write_footpass, write_sn_gar, write_soccertrack

VIDEOS = "SNGAR-Action-Spotting-Video"


def test_matches_are_named_with_what_was_left_out_and_skipped_the_second_time(onball, tmp_path):
    source = write_footpass(tmp_path / "source", tactical=False)
    command = ("data", "convert", "footpass", source, tmp_path / "out")
    code, output, error_output = onball(*command)
    folder = tmp_path / "out" / "footpass" / "2023-2024" / "game_7"
    assert code == 0, error_output
    assert output == f"{folder}: 3 events, 1 left out (1 after the end of the video)\n"
    assert "not commercially" in error_output and "must not be passed on" in error_output
    assert f"next: onball data check {tmp_path / 'out'}" in error_output
    assert "train CONFIG --with data_sets/footpass --data" in error_output
    code, output, _ = onball(*command)
    assert code == 0 and output == f"{folder}: is there already\n"
    assert onball("data", "check", tmp_path / "out")[0] == 0


def test_the_rate_of_other_videos_is_part_of_the_next_command(onball, tmp_path):
    source = write_sn_gar(tmp_path / "source", tracking=False)
    code, _, error_output = onball("data", "convert", "sn-gar", source, tmp_path / "out")
    assert code == 0 and "data check " in error_output and "--fps 29.97" in error_output


def test_a_failed_match_is_one_line_and_exit_code_1(onball, tmp_path):
    source = write_soccertrack(tmp_path / "source")
    states = source / "gsr" / "117092" / "117092_1st.json"
    states.write_text(states.read_text()[:5000])
    command = ("data", "convert", "soccertrack-v2", source, tmp_path / "out")
    code, output, error_output = onball(*command, "--size", "128x72")
    assert code == 1 and output == "" and "Traceback" not in error_output
    errors = [line for line in error_output.splitlines() if line.startswith("error: ")]
    assert errors == [
        f"error: {states}: damaged or cut off inside the array 'annotations': get the file again",
        "error: 1 of 1 match failed",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["soccertrack2", "source"],
            "unknown data set 'soccertrack2': did you mean 'soccertrack-v2'",
        ),
        (["sn-bas-2025", "source"], "needs no conversion, `onball data download` does it"),
        (["footpass", "missing"], "missing: no such folder"),
        (["footpass", "source", "--matches", "game_9"], "no match 'game_9': there are 'game_7'"),
        (["footpass", "source", "--size", "big"], "--size big: write width and height"),
        (["footpass", "source", "--view", "zoom"], "unknown view 'zoom': choose follow or whole"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(
    onball, tmp_path, monkeypatch, arguments, message
):
    write_footpass(tmp_path / "source", tactical=False)
    monkeypatch.chdir(tmp_path)
    name, source, *rest = arguments
    code, _, error_output = onball("data", "convert", name, source, "out", *rest)
    assert code == 2 and message in error_output and "Traceback" not in error_output
    assert not (tmp_path / "out").exists()


def test_the_list_has_licence_and_address_of_every_data_set(onball):
    code, output, _ = onball("data", "download", "--list")
    assert code == 0
    for text in (
        "sn-bas-2025",
        "soccertrack-v2",
        "sn-gar",
        "footpass",
        "CC BY 4.0",
        "CC BY-NC 4.0",
    ):
        assert text in output
    assert "https://huggingface.co/datasets/atomscott/soccertrack-v2" in output
    assert "non-disclosure agreement" in output
    code, _, error_output = onball("data", "download")
    assert code == 2 and "no folder given: --out FOLDER" in error_output


def test_files_of_all_parts_are_downloaded_once(hub, onball, tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_hub, "REPO", f"OpenSportsLab/{VIDEOS}")
    annotations = json.dumps({"task": "action_spotting", "data": []}).encode()
    hub.files |= {"annotations_test.json": annotations, "test/videos/3850.mp4": b"video"}
    command = ["data", "download", "sn-gar", "--endpoint", hub.address, "--out", tmp_path]
    code, _, error_output = onball(*command, "--files", "*.json,test/*")
    # The other part is not on this hub.
    assert code == 1 and "SNGAR-Action-Spotting-Tracking: no such repository" in error_output
    folder = tmp_path / VIDEOS
    assert (folder / "annotations_test.json").read_bytes() == annotations
    assert (folder / "test" / "videos" / "3850.mp4").read_bytes() == b"video"
    transfers = len(hub.ranges)
    onball(*command, "--files", "*.json,test/*")
    assert len(hub.ranges) == transfers  # nothing was downloaded again


def test_one_repository_goes_into_the_folder_itself(hub, onball, tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_hub, "REPO", "atomscott/soccertrack-v2")
    hub.files = {"bas/117092/117092_12_class_events.json": b"{}", "README.md": b"text"}
    command = ["data", "download", "soccertrack-v2", "--endpoint", hub.address, "--out", tmp_path]
    code, output, error_output = onball(*command)
    assert (code, output) == (0, f"{tmp_path}: 2 files, 2 of them now\n"), error_output
    assert (
        f"next: onball data convert soccertrack-v2 {tmp_path} data/soccertrack-v2" in error_output
    )
    assert (tmp_path / "bas" / "117092" / "117092_12_class_events.json").read_bytes() == b"{}"
    assert onball(*command)[1] == f"{tmp_path}: 2 files, already complete\n"
    code, _, error_output = onball(*command, "--files", "*.zip")
    assert code == 2 and "no file '*.zip' (there are 'README.md'" in error_output


def test_refused_access_says_where_to_ask(hub, onball, tmp_path):
    hub.refusal = (403, "GatedRepo")
    command = ("data", "download", "footpass", "--endpoint", hub.address, "--out", tmp_path / "out")
    code, _, error_output = onball(*command)
    assert code == 1 and "Traceback" not in error_output
    assert (
        f"1. make an account on the hub and accept the conditions on its page: {hub.address}"
        in (error_output)
    )
    assert "sign SoccerNet's non-disclosure agreement" in error_output
    assert f"{hub.address}/settings/tokens" in error_output
    assert not (tmp_path / "out").exists()
