"""Checks of a data set: one line for each problem, and none for a valid data set."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from numbered_videos import steady, uneven, write_video

from onball.data.check import Report, check_data
from onball.data.check.layout import Placed, _is_like_labels
from onball.data.check.videos import CheckedVideo, check_length, check_rates
from onball.data.layout import OFFICIAL_SPLITS, Match, write_splits
from onball.errors import DataError
from onball.progress import Progress
from onball.video import probe

SECONDS = 4
MATCH = Match("a", Path(), None, None)
NAMES = ["league/season/a", "league/season/b"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """Two different videos of four seconds, and some with unusual properties."""
    folder = tmp_path_factory.mktemp("videos")
    for name, size in (("a", (64, 48)), ("b", (48, 64))):
        write_video(folder / f"{name}.mp4", steady(25, SECONDS), size=size)
    write_video(folder / "fifty.mp4", steady(50, SECONDS), rate=50)
    write_video(folder / "uneven.mp4", uneven(SECONDS))
    return folder


@pytest.fixture
def data(tmp_path, videos) -> Path:
    """Two valid matches, one for training and one for testing."""
    for name in NAMES:
        (tmp_path / name).mkdir(parents=True)
        shutil.copy(videos / f"{name[-1]}.mp4", tmp_path / name / "224p.mp4")
        write(tmp_path / name, [entry(500), entry(1500, "SHOT")])
    write_splits(tmp_path, {"train": [NAMES[0]], "test": [NAMES[1]]})
    return tmp_path


def entry(
    position: object, label: str = "PASS", half: int = 1, **more: object
) -> dict[str, object]:
    game_time = f"{half} - 00:00"
    return {
        "gameTime": game_time,
        "label": label,
        "position": str(position),
        "team": "left",
        **more,
    }


def write(match: Path, annotations: list[object], file: str = "Labels-ball.json") -> None:
    (match / file).write_text(json.dumps({"annotations": annotations}))


def problems(data: Path, **options: object) -> list[str]:
    """Problems with paths relative to the data set."""
    found = check_data(data, **options).problems
    return [str(problem).replace(f"{data}/", "").replace(str(data), ".") for problem in found]


def only(data: Path, **options: object) -> str:
    (line,) = problems(data, **options)
    return line


@pytest.mark.parametrize("full", [False, True])
def test_a_valid_data_set_has_no_problem_and_a_summary_of_the_checks(data, full):
    found = check_data(data, full=full)
    assert found == Report([], 2, 2, 4, found.frames, pytest.approx(2 * SECONDS / 60))
    # At least four places and the last second of each; or all.
    assert found.frames == 200 if full else 2 * (4 + 25) <= found.frames < 200


@pytest.mark.parametrize(
    "name",
    ["Labels_ball.json", "labels-ball.json", "Labels-ball (1).json", "Label-ball.json"],
)
def test_a_misnamed_label_file_is_reported_with_its_right_name(data, name):
    (data / NAMES[0] / "Labels-ball.json").rename(data / NAMES[0] / name)
    assert only(data) == f"league/season/a/{name}: misnamed labels: rename it to Labels-ball.json"


@pytest.mark.parametrize("name", ["Labels-v2.json", "Labels-caption.json", "simulation.json"])
def test_other_files_of_a_match_are_not_mistaken_for_labels(name):
    assert not _is_like_labels(name)


def test_a_misnamed_video_is_reported_with_its_right_name(data):
    (data / NAMES[0] / "224p.mp4").rename(data / NAMES[0] / "224P.MP4")
    assert only(data) == "league/season/a/224P.MP4: misnamed video: rename it to 224p.mp4"


def test_missing_files_are_reported_but_not_labels_of_the_challenge(data):
    (data / NAMES[0] / "224p.mp4").unlink()
    (data / NAMES[1] / "Labels-ball.json").unlink()
    first, second = problems(data)
    assert first == "league/season/a: no video: put 224p.mp4 there"
    assert second.startswith("league/season/b: no Labels-ball.json: ")
    write_splits(data, {"train": [NAMES[0]], "challenge": [NAMES[1]]})
    assert problems(data) == [first]


def test_several_videos_without_a_known_name_are_ambiguous(data):
    folder = data / NAMES[0]
    (folder / "224p.mp4").rename(folder / "1.mp4")
    shutil.copy(folder / "1.mp4", folder / "2.mp4")
    assert only(data).startswith("league/season/a: 2 videos (1.mp4, 2.mp4), none named 224p.mp4")


def test_lists_of_splits_and_folders_must_agree(data):
    write_splits(data, {"train": [NAMES[0], "league/season/bb"], "test": [NAMES[0]]})
    absent, double, unlisted = problems(data)
    assert "'league/season/bb' of 'train' is not there" in absent
    assert absent.endswith("did you mean 'league/season/b'?")
    assert "'league/season/a' is in 2 splits (train, test)" in double
    assert "'league/season/b' is in no split" in unlisted


def test_a_misnamed_split_folder_is_reported(data, tmp_path):
    root = tmp_path / "other"
    shutil.copytree(data / "league", root / "validation" / "league")
    assert only(root) == "validation: not the name of a split: rename it to 'valid'"


def test_a_match_with_a_misspelt_official_name_is_reported(data, tmp_path):
    official = OFFICIAL_SPLITS["valid"][0]
    wrong = official.replace("Middlesbrough - ", "Middlesbrough-")
    shutil.copytree(data / NAMES[0], tmp_path / "other" / wrong)
    line = only(tmp_path / "other")
    assert line.startswith(f"{wrong}: is nearly") and line.endswith(f"folder to '{official}'")


def test_one_video_in_two_splits_is_reported(data):
    shutil.copy(data / NAMES[0] / "224p.mp4", data / NAMES[1] / "224p.mp4")
    line = only(data)
    assert line.startswith("league/season/b/224p.mp4: the same video as league/season/a/224p.mp4")
    assert "keep it in one split ('test' here, 'train' there)" in line


@pytest.mark.parametrize("content", [b"", b"not a video"])
def test_an_invalid_video_file_is_reported(data, content):
    (data / NAMES[0] / "224p.mp4").write_bytes(content)
    assert only(data).startswith("league/season/a/224p.mp4: ")


def test_damage_in_the_middle_is_found_by_a_full_check(data, videos):
    video = bytearray((videos / "a.mp4").read_bytes())
    begin, end = int(len(video) * 0.55), int(len(video) * 0.6)
    video[begin:end] = bytes(end - begin)
    (data / NAMES[0] / "224p.mp4").write_bytes(video)
    assert any("damaged" in line or "frames" in line for line in problems(data, full=True))


@pytest.mark.parametrize(
    "video, words",
    [
        ("fifty", "224p.mp4: 50 frames per second, not 25; 1 others differ from that: get the"),
        ("uneven", "224p.mp4: its frame rate varies: "),
    ],
)
def test_unexpected_frame_rates_are_reported(data, videos, video, words):
    shutil.copy(videos / f"{video}.mp4", data / NAMES[0] / "224p.mp4")
    assert words in only(data)


def test_a_rate_of_all_videos_is_reported_once_and_can_be_declared(data, videos):
    for name in NAMES:
        size = (48, 48) if name == NAMES[0] else (64, 48)
        write_video(data / name / "224p.mp4", steady(50, 3), rate=50, size=size)
    assert only(data).startswith(".: 2 videos have 50 frames per second, not 25, first 'a'")
    assert problems(data, fps=50) == []


def test_a_length_that_differs_from_the_frames_is_reported(videos):
    video = probe(videos / "a.mp4")
    half_time = replace(video, duration_ms=2_700_000, frame_count=67_500)
    assert not list(check_length(half_time, 67_500, 2_700_000))
    # Two seconds of frames are missing: the rate is 24.98 on average.
    short = replace(half_time, fps=67_450 / 2700, frame_count=67_450)
    (problem,) = check_length(short, 67_450, 2_700_000)
    assert "67450 frames at 25 per second are 2698.00 s, but its length is 2700.00 s" in str(
        problem
    )
    assert not list(check_rates(Path(), [CheckedVideo(Placed(MATCH, ()), short, "")], 25.0))


@pytest.mark.parametrize(
    "annotations, words",
    [
        (
            [entry(500), entry(9000)],
            "1 of 2 labels beyond the video's end at 4.00 s, first PASS at 9.00 s",
        ),
        ([entry(-40)], "annotation 1: negative position: count from the video's first frame"),
        ([entry(500), entry("soon")], "annotation 2: position 'soon': write whole milliseconds"),
        ([entry(500, "PAS"), entry(700, "PAS")], "annotations 1, 2: unknown action 'PAS': did you"),
        (
            [entry(500), entry(500)],
            "1 of 2 labels there twice, first PASS at 0.50 s, annotation 1 and 2",
        ),
        ([entry(500), entry(520)], "1 of 2 labels repeat an action within one frame, first PASS"),
        ([entry(900), entry(500)], "not in order of time: 1 of 2 labels, first PASS at 0.50 s"),
        ([entry(500), entry(900, half=2)], "1 of 2 labels in half 2, first PASS at 0.90 s"),
        ([{"label": "PASS", "position": "1"}], "annotation 1: no 'gameTime' in it: add it"),
        ([entry(500, gameTime="later")], "annotation 1: gameTime 'later': write it as '1 - 46:04'"),
        (["PASS"], "annotation 1: not an object"),
        ([], "no annotation in it"),
    ],
)
def test_each_doubtful_label_is_reported_in_one_line(data, annotations, words):
    write(data / NAMES[0], annotations)
    line = only(data)
    assert line.startswith(f"league/season/a/Labels-ball.json: {words}")


def test_different_actions_at_one_time_and_one_action_a_frame_later_are_valid(data):
    write(data / NAMES[0], [entry(500), entry(500, "DRIVE"), entry(540)])
    assert problems(data) == []


def test_broken_json_is_reported_with_its_position(data):
    (data / NAMES[0] / "Labels-ball.json").write_text("{")
    assert "broken JSON at line 1" in only(data)


def test_progress_ends_at_its_total(data):
    seen: list[Progress] = []
    check_data(data, full=True, progress=seen.append)
    assert {step.task for step in seen} == {"a", "b"}
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[-1] == Progress(seen[-1].task, 8000, 8000, "ms")


def test_a_quick_check_counts_matches(data):
    seen: list[Progress] = []
    check_data(data, progress=seen.append)
    assert seen[-1] == Progress("b", 2, 2, "matches")


def test_nothing_to_check_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no match in it"):
        check_data(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        check_data(tmp_path / "nowhere")
