"""Videos found by name, folder and pattern, and all unusable inputs reported together."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from onball.errors import VideoError
from onball.outputs import RECORD_FILE
from onball.video import VideoWriter, find_videos, probe


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A video of ten grey frames."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, (64, 36), 25) as writer:
        for _ in range(10):
            writer.write(np.full((36, 64, 3), 90, np.uint8))
    return path


@pytest.fixture
def folder(tmp_path, clip, monkeypatch) -> Path:
    """The working directory, a folder of videos, other files, hidden files and results."""
    monkeypatch.chdir(tmp_path)
    names = ["part10.mp4", "part2.MP4", "notes.txt", "cup/final.mkv", ".trash/old.mp4", "._p.mp4"]
    names += ["results/final/goal.mp4", f"results/final/{RECORD_FILE}"]
    for name in names:
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in {".mp4", ".MP4", ".mkv"}:
            shutil.copy(clip, path)
        else:
            path.write_text("text")
    return tmp_path


def names(*inputs: str | Path) -> list[str]:
    return [video.path.as_posix() for video in find_videos(inputs)]


def test_a_folder_stands_for_its_videos_in_natural_order(folder):
    assert names("clips") == ["clips/cup/final.mkv", "clips/part2.MP4", "clips/part10.mp4"]


def test_a_folder_that_is_named_is_searched_although_it_has_results(folder):
    (folder / "clips" / RECORD_FILE).write_text("text")
    assert names("clips") == ["clips/cup/final.mkv", "clips/part2.MP4", "clips/part10.mp4"]


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("clips/*.mp4", ["clips/part10.mp4"]),
        ("clips/part*", ["clips/part2.MP4", "clips/part10.mp4"]),
        ("clips/part[0-9].*", ["clips/part2.MP4"]),
        ("**/*.mkv", ["clips/cup/final.mkv"]),
        ("cl?ps/c*", ["clips/cup/final.mkv"]),
    ],
)
def test_a_pattern_stands_for_the_videos_that_it_matches(folder, pattern, expected):
    assert names(pattern) == expected


def test_a_file_is_taken_whatever_its_name(folder, clip):
    shutil.copy(clip, "recording")
    shutil.copy(clip, "clip[1].mp4")
    assert names("recording", "clip[1].mp4") == ["recording", "clip[1].mp4"]


def test_a_video_that_is_found_twice_is_returned_once(folder):
    assert names("clips/part10.mp4", "clips", "clips/*.mp4")[0] == "clips/part10.mp4"
    assert len(names("clips/part10.mp4", "clips")) == 3
    with pytest.raises(VideoError, match=r"^clips/part10.mp4 is given twice$"):
        find_videos(["clips/part10.mp4", Path("clips/part10.mp4")])


def test_the_properties_of_opened_videos_are_returned_as_they_are(clip):
    info = probe(clip)
    assert find_videos([info])[0] is info


def test_all_unusable_inputs_are_reported_together(folder):
    Path("empty.mp4").touch()
    bad = [
        "clips/part10.mp4",
        "clips/prat2.MP4",
        "empty.mp4",
        "clips/notes.txt",
        "*.avi",
        "clips/cup",
    ]
    with pytest.raises(VideoError) as caught:
        find_videos([*bad, "https://example.org/match.mp4"])
    first, *problems = str(caught.value).splitlines()
    notes = problems.pop(2)
    assert notes.startswith("  clips/notes.txt: ") and "video" in notes
    assert first == "5 inputs cannot be used, so nothing was done:"
    assert problems == [
        "  clips/prat2.MP4: no such file: did you mean 'clips/part2.MP4'?",
        "  empty.mp4: is empty: copy or download it again",
        "  *.avi: matches nothing: check the pattern",
        "  https://example.org/match.mp4: is a URL: download the video and give the file, or follow "
        "it while it runs with `onball live https://example.org/match.mp4`",
    ]


def test_a_single_unusable_input_is_one_line(folder):
    with pytest.raises(VideoError, match=r"^clips/absent\.avi: no such file: check the path$"):
        find_videos(["clips/absent.avi"])


def test_many_unusable_inputs_are_not_all_listed():
    with pytest.raises(VideoError, match=r"^12 inputs(.|\n)*absent9.mp4(.|\n)*and 2 more$"):
        find_videos([f"nowhere/absent{number}.mp4" for number in range(12)])


def test_folders_and_patterns_without_videos_are_unusable(folder):
    Path("empty").mkdir()
    with pytest.raises(VideoError, match="empty: no video in this folder"):
        find_videos(["empty"])
    with pytest.raises(VideoError, match="matches no video"):
        find_videos(["clips/*.txt"])
    with pytest.raises(VideoError, match="no video given"):
        find_videos([])


def test_an_image_is_no_video(tmp_path):
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), np.zeros((36, 64, 3), np.uint8))
    with pytest.raises(VideoError, match="is an image, not a video"):
        find_videos([path])
