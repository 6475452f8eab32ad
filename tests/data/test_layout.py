import errno
import json
from pathlib import Path

import pytest

from onball.data.layout import OFFICIAL_SPLITS, find_matches, read_splits, write_splits
from onball.errors import ConfigError, DataError, OnballWarning


def make_match(folder, *files):
    folder.mkdir(parents=True, exist_ok=True)
    for name in files or ("224p.mp4", "Labels-ball.json"):
        (folder / name).write_bytes(b"")
    return folder


def names(matches):
    return [match.name for match in matches]


def test_split_folders_name_the_split_and_are_not_part_of_the_match_name(tmp_path):
    make_match(tmp_path / "train" / "efl" / "2019" / "B")
    make_match(tmp_path / "train" / "efl" / "2019" / "A")
    make_match(tmp_path / "test" / "efl" / "2019" / "C", "Labels-ball.json")
    train = find_matches(tmp_path, "train")
    assert names(train) == ["efl/2019/A", "efl/2019/B"]
    assert train[0].folder == tmp_path / "train/efl/2019/A"
    assert train[0].video == tmp_path / "train/efl/2019/A/224p.mp4"
    assert train[0].labels == tmp_path / "train/efl/2019/A/Labels-ball.json"
    assert names(find_matches(tmp_path, "all")) == ["efl/2019/C", "efl/2019/A", "efl/2019/B"]


def test_a_folder_with_labels_or_a_video_is_a_match(tmp_path):
    make_match(tmp_path / "test" / "l" / "s" / "labels", "Labels-ball.json")
    make_match(tmp_path / "test" / "l" / "s" / "video", "720p.mp4")
    labels, video = find_matches(tmp_path, "test")
    assert (labels.video, video.labels) == (None, None)
    with pytest.raises(DataError, match="no video"):
        labels.require_video()
    with pytest.raises(DataError, match=r"no Labels-ball\.json"):
        video.require_labels()
    assert labels.require_labels() == labels.labels
    assert video.require_video() == video.video


def test_splits_json_overrides_folders_and_keeps_its_order(tmp_path):
    for name in "ABC":
        make_match(tmp_path / "train" / "l" / "s" / name)
    write_splits(tmp_path, {"train": ["l/s/C", "l/s/A"], "valid": ("l/s/B",)})
    assert read_splits(tmp_path) == {"train": ("l/s/C", "l/s/A"), "valid": ("l/s/B",)}
    assert names(find_matches(tmp_path, "train")) == ["l/s/C", "l/s/A"]
    assert names(find_matches(tmp_path, "valid")) == ["l/s/B"]
    assert names(find_matches(tmp_path, "all")) == ["l/s/A", "l/s/B", "l/s/C"]


def test_without_split_files_and_folders_the_official_list_is_used(tmp_path):
    for name in OFFICIAL_SPLITS["test"] + OFFICIAL_SPLITS["valid"]:
        make_match(tmp_path / name, "Labels-ball.json")
    make_match(tmp_path / "league/season/own match")
    assert names(find_matches(tmp_path, "test")) == list(OFFICIAL_SPLITS["test"])
    assert names(find_matches(tmp_path, "valid")) == list(OFFICIAL_SPLITS["valid"])
    assert len(find_matches(tmp_path, "all")) == 4


def test_the_official_list_is_nine_matches_in_four_splits():
    assert {split: len(matches) for split, matches in OFFICIAL_SPLITS.items()} == {
        "train": 4,
        "valid": 1,
        "test": 2,
        "challenge": 2,
    }


@pytest.mark.parametrize(
    ("files", "prefer", "video"),
    [
        (("720p.mp4", "224p.mp4", "a.mp4"), None, "224p.mp4"),
        (("720p.mp4", "a.mp4"), None, "720p.mp4"),
        (("z.mkv", "b.MP4", "notes.txt", "._b.mp4"), None, "b.MP4"),
        (("720p.mp4", "224p.mp4"), ("720p.mp4", "224p.mp4"), "720p.mp4"),
        (("224p.mp4", "crop.mp4"), ("crop.mp4",), "crop.mp4"),
    ],
)
def test_the_preferred_video_is_used(tmp_path, files, prefer, video):
    make_match(tmp_path / "train" / "l" / "s" / "m", "Labels-ball.json", *files)
    options = {} if prefer is None else {"prefer": prefer}
    (match,) = find_matches(tmp_path, "train", **options)
    assert match.video.name == video


def test_matches_are_found_at_other_depths(tmp_path):
    make_match(tmp_path / "friendly", "whole.mkv")
    make_match(tmp_path / "a" / "b" / "c" / "d")
    make_match(tmp_path / "a" / "b" / "c" / "d" / "clips", "1.mp4")  # belongs to the match above
    make_match(tmp_path / ".cache" / "x")
    make_match(tmp_path / "a", "trailer.mp4")  # a stray video above matches
    assert names(find_matches(tmp_path, "all")) == ["a/b/c/d", "friendly"]


def test_the_root_may_itself_be_the_match(tmp_path, monkeypatch):
    folder = make_match(tmp_path / "derby")
    assert names(find_matches(folder, "all")) == ["derby"]
    monkeypatch.chdir(folder)
    assert names(find_matches(".", "all")) == ["derby"]


def test_a_match_in_two_split_folders_counts_once_in_all(tmp_path):
    for split in ("train", "valid"):
        make_match(tmp_path / split / "l" / "s" / "m")
    write_splits(tmp_path, {"valid": ["l/s/m"]})
    assert names(find_matches(tmp_path, "all")) == ["l/s/m"]
    (match,) = find_matches(tmp_path, "valid")
    assert match.folder == tmp_path / "valid/l/s/m"


def test_a_link_back_to_the_root_does_not_hang(tmp_path):
    make_match(tmp_path / "l" / "s" / "m")
    try:
        (tmp_path / "l" / "loop").symlink_to(tmp_path / "l", target_is_directory=True)
    except OSError:
        pytest.skip("no links on this file system")
    assert "l/s/m" in names(find_matches(tmp_path, "all"))


def test_an_unreadable_folder_is_skipped_with_a_warning(tmp_path, monkeypatch):
    make_match(tmp_path / "l" / "s" / "m")
    make_match(tmp_path / "lost+found" / "x")
    # Not by its mode: the superuser may read everything.
    closed = {tmp_path / "lost+found"}
    whole = Path.iterdir

    def iterdir(folder):
        if folder in closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return whole(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.warns(OnballWarning) as caught:
        assert names(find_matches(tmp_path, "all")) == ["l/s/m"]
    assert [str(warning.message) for warning in caught] == [
        f"{tmp_path / 'lost+found'}: cannot be read (Permission denied): left out"
    ]
    closed.add(tmp_path)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        find_matches(tmp_path, "all")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"trian": []}, "unknown split 'trian': did you mean 'train'?"),
        ({"train": "l/s/m"}, "'train' is not a list of match names"),
        ({"train": [1]}, "'train' is not a list of match names"),
        ([], "expected a JSON object"),
        ({"valid": ["l/s/m"]}, "splits.json lists no match for 'train'"),
        (
            {"train": ["l/s/m", "l/s/gone"]},
            "splits.json lists 2 for 'train', but 'l/s/gone' is not there",
        ),
    ],
)
def test_an_invalid_splits_json_is_an_error(tmp_path, content, reason):
    make_match(tmp_path / "l" / "s" / "m")
    (tmp_path / "splits.json").write_text(json.dumps(content))
    with pytest.raises(DataError) as caught:
        find_matches(tmp_path, "train")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_names_what_is_missing_and_what_exists(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        find_matches(tmp_path / "nowhere", "test")
    with pytest.raises(DataError, match="no match in it"):
        find_matches(tmp_path, "all")
    make_match(tmp_path / "own" / "x" / "y")
    with pytest.raises(DataError, match=r"'own/x/y': write splits\.json or take the split"):
        find_matches(tmp_path, "test")
    make_match(tmp_path / "train" / "l" / "s" / "m")
    with pytest.raises(DataError, match=r"no match under 'test' \(split folders there: train\)"):
        find_matches(tmp_path, "test")


def test_an_incomplete_official_split_is_an_error(tmp_path):
    make_match(tmp_path / OFFICIAL_SPLITS["test"][0])
    with pytest.raises(DataError, match=r"list has 2 for 'test', but '.*Fulham' is not there"):
        find_matches(tmp_path, "test")


def test_unknown_splits_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="unknown split 'val': choose train, valid, test"):
        find_matches(tmp_path, "val")
    with pytest.raises(ConfigError, match="unknown split 'dev'"):
        write_splits(tmp_path, {"dev": []})
