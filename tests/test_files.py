import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from filelock import SoftFileLease

from onball.errors import LabelError, OnballError
from onball.files import (
    atomic_folder,
    atomic_path,
    file_digest,
    fingerprint,
    read_json_object,
    shell_quoted,
    sole_builder,
    write_text_atomic,
)


def test_the_file_appears_complete_and_without_temporary_files(tmp_path):
    target = tmp_path / "new" / "folder" / "events.csv"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".csv"
        temporary.write_text("half of it")
        assert not target.exists()
    assert target.read_text() == "half of it"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_keeps_the_old_file_and_leaves_no_other(tmp_path):
    target = tmp_path / "video.mp4"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as temporary:
        temporary.write_text("new")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_file_has_the_usual_permissions(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    write_text_atomic(tmp_path / "atomic", "x")
    assert stat.S_IMODE((tmp_path / "atomic").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_an_unwritable_folder_is_reported_before_the_work(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    began = False
    with (
        pytest.raises(OnballError, match=r"out\.json: cannot be written") as caught,
        atomic_path(tmp_path / "file" / "out.json"),
    ):
        began = True
    assert not began
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_the_file_is_reported(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OnballError, match="taken: cannot be written"):
        write_text_atomic(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_full_disk_is_reported_in_one_line(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with (
        pytest.raises(OnballError, match=r"x\.txt: cannot be written"),
        atomic_path(tmp_path / "x.txt"),
        Path("/dev/full").open("w") as full,
    ):
        full.write("more than fits")
        full.flush()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1,,}', "broken JSON at line 1, column 9"),
        (b"", "broken JSON at line 1, column 1"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1, 2]", "expected a JSON object"),
        (b"\xff\xfe\x00", "not a text file"),
    ],
)
def test_broken_json_names_file_and_place(tmp_path, content, reason):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(LabelError, match=reason) as caught:
        read_json_object(path, LabelError)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_have_different_errors(tmp_path):
    with pytest.raises(LabelError, match="no such file"):
        read_json_object(tmp_path / "nothing.json", LabelError)
    with pytest.raises(LabelError, match="cannot be read"):
        read_json_object(tmp_path, LabelError)


def test_a_byte_order_mark_is_accepted(tmp_path):
    (tmp_path / "bom.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json_object(tmp_path / "bom.json", LabelError) == {"a": 1}


def test_a_folder_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "deep" / "folder"
    with atomic_folder(target) as temporary:
        (temporary / "file").write_text("content")
        assert not target.exists()
    assert (target / "file").read_text() == "content"
    assert [path.name for path in target.parent.iterdir()] == ["folder"]


def test_a_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "file").write_text("content")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_another_process_is_kept(tmp_path):
    target = tmp_path / "folder"
    with atomic_folder(target) as temporary:
        (temporary / "file").write_text("second")
        target.mkdir()
        (target / "file").write_text("first")
    assert (target / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_through_a_link_or_stays_after_an_error(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "old file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    with (
        pytest.raises(ValueError, match="failed"),
        atomic_folder(tmp_path / "link", replace=True),
    ):
        raise ValueError("failed")
    assert (tmp_path / "old" / "old file").read_text() == "old"
    with atomic_folder(tmp_path / "link", replace=True) as temporary:
        (temporary / "new file").write_text("new")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["new file"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "old"]


def test_an_exclusive_folder_deletes_what_a_killed_process_left(tmp_path):
    left = tmp_path / ".folder.part"
    left.mkdir()
    (left / "half a file").write_text("")
    with atomic_folder(tmp_path / "folder", exclusive=True) as temporary:
        assert temporary == left and list(temporary.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_fingerprint_depends_on_length_and_both_ends(tmp_path):
    path = tmp_path / "video"
    path.write_bytes(bytes(300_000))
    first = fingerprint(path)
    for content in (bytes(300_001), b"x" + bytes(299_999), bytes(299_999) + b"x"):
        path.write_bytes(content)
        assert fingerprint(path) != first
    path.write_bytes(bytes(300_000))
    assert fingerprint(path) == first
    path.write_bytes(bytes(150_000) + b"x" + bytes(149_999))
    assert fingerprint(path) == first and file_digest(path) != file_digest(__file__)


@pytest.mark.parametrize(
    ("path", "posix", "windows"),
    [
        ("out/match_1.mp4", "out/match_1.mp4", "out/match_1.mp4"),
        ("my results/1. half", "'my results/1. half'", '"my results/1. half"'),
        ("it's", "'it'\"'\"'s'", '"it\'s"'),
        (r"C:\Videos\Köln (1)", r"'C:\Videos\Köln (1)'", r'"C:\Videos\Köln (1)"'),
    ],
)
def test_paths_in_commands_are_quoted_if_they_need_it(path, posix, windows):
    assert shell_quoted(path, windows=False) == posix
    assert shell_quoted(path, windows=True) == windows


def builds(folder: str, seconds: float) -> bool:
    """Build a folder, as a process of its own does."""
    with sole_builder(folder) as is_builder:
        if is_builder:
            with atomic_folder(folder) as temporary:
                (temporary / "begun").touch()
                time.sleep(seconds)
    return is_builder


def waits_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_of_two_processes_one_builds_a_folder_and_the_other_waits(tmp_path):
    folder = tmp_path / "shared" / "[1] frames"
    with get_context("spawn").Pool(2) as pool:
        built = pool.starmap(builds, [(str(folder), 0.5)] * 2, chunksize=1)
    assert sorted(built) == [False, True]
    assert [path.name for path in folder.parent.iterdir()] == ["[1] frames"], "claims are removed"


def test_the_claim_of_a_killed_builder_is_taken_over_at_once(tmp_path):
    folder = tmp_path / "frames"
    process = get_context("spawn").Process(target=builds, args=(str(folder), 600))
    process.start()
    waits_until(lambda: list(tmp_path.glob(".frames.*/begun")))
    process.kill()
    process.join()
    assert builds(str(folder), 0)
    assert [path.name for path in tmp_path.iterdir()] == ["frames"], (
        "nothing is left of the killed one"
    )


@pytest.mark.parametrize("swaps", [True, False], ids=["local disk", "network disk"])
def test_the_claim_of_a_lost_machine_is_taken_over_when_it_is_not_renewed(
    tmp_path, monkeypatch, swaps
):
    monkeypatch.setattr("onball.files.BUILDER_DEAD_S", 0.4)
    if not swaps:  # as NFS answers
        monkeypatch.setattr("filelock._soft.exchange_names", lambda *names: False)
    claim = tmp_path / ".frames.lock"
    lease = SoftFileLease(claim, lease_duration=0.4)
    with lease:
        there = claim.read_text().replace(socket.gethostname(), "another-machine")
    claim.write_text(there)
    began = time.monotonic()
    assert builds(str(tmp_path / "frames"), 0)
    assert time.monotonic() - began > 0.4
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


@pytest.mark.slow  # long enough that a busy machine renews the claim in time
def test_a_builder_that_lives_on_another_machine_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("onball.files.BUILDER_DEAD_S", 6.0)
    claim, folder = tmp_path / ".frames.lock", tmp_path / "frames"
    with SoftFileLease(claim, lease_duration=6.0):
        claim.write_text(claim.read_text().replace(socket.gethostname(), "another-machine"))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(builds, str(folder), 0)
            with pytest.raises(TimeoutError):
                waiting.result(10)
            folder.mkdir()
            assert waiting.result(60) is False


def test_a_builder_that_fails_leaves_the_folder_to_the_next(tmp_path):
    with pytest.raises(KeyboardInterrupt), sole_builder(tmp_path / "frames"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    assert builds(str(tmp_path / "frames"), 0)
    assert not builds(str(tmp_path / "frames"), 0)
