"""Records of results: skipped when done, kept when edited, refused when of another request."""

from contextlib import suppress
from pathlib import Path

import pytest

from onball.errors import InputError, OnballError
from onball.files import write_text_atomic
from onball.outputs import (
    LOCK_FILE,
    RECORD_FILE,
    OutputConflictError,
    OutputLockedError,
    OutputState,
    check_outputs,
    check_unedited,
    check_unlocked,
    edited_files,
    finish_outputs,
    output_lock,
    record_outputs,
    update_record,
    write_once,
    write_outputs,
)

FILES = ["events.csv", "results.json"]
REQUEST = {"model": "demo", "threshold": 0.3, "actions": ["PASS", "SHOT"]}


@pytest.fixture
def folder(tmp_path):
    """A folder with recorded results."""
    for name in FILES:
        (tmp_path / name).write_text(f"content of {name}")
    record_outputs(tmp_path, FILES, REQUEST)
    return tmp_path


def test_work_is_done_where_there_are_no_results(tmp_path):
    assert check_outputs(tmp_path, FILES, REQUEST) is OutputState.MISSING
    assert check_outputs(tmp_path / "missing", FILES, REQUEST) is OutputState.MISSING
    assert not (tmp_path / "missing").exists()


def test_unchanged_results_of_the_same_request_are_done(folder):
    assert check_outputs(folder, FILES, REQUEST) is OutputState.DONE
    moved = folder.rename(folder.with_name("moved"))
    assert check_outputs(moved, FILES, REQUEST) is OutputState.DONE


def test_an_edited_file_is_detected_whichever_it_is(folder):
    (folder / "results.json").write_text("corrected")
    assert check_outputs(folder, FILES, REQUEST) is OutputState.EDITED
    assert check_outputs(folder, FILES[:1], REQUEST) is OutputState.EDITED
    assert edited_files(folder, FILES[:1]) == ["results.json"]


def test_a_deleted_file_is_computed_again_unless_another_was_edited(folder):
    (folder / "results.json").unlink()
    assert check_outputs(folder, FILES, REQUEST) is OutputState.MISSING
    (folder / "events.csv").write_text("corrected")
    assert check_outputs(folder, FILES, REQUEST) is OutputState.EDITED


def test_results_of_another_request_are_refused_and_the_differences_named(folder):
    other = {**REQUEST, "threshold": 0.5, "start": "01:00"}
    with pytest.raises(OutputConflictError) as caught:
        check_outputs(folder, FILES, other)
    message = str(caught.value)
    assert "threshold 0.3 instead of 0.5" in message
    assert "start none instead of 01:00" in message
    assert "model" not in message
    assert isinstance(caught.value, InputError)


def test_files_that_onball_did_not_write_are_refused(tmp_path):
    (tmp_path / "events.csv").write_text("mine")
    with pytest.raises(OutputConflictError, match=r"events\.csv.*not written by onball"):
        check_outputs(tmp_path, FILES, REQUEST)


def test_overwrite_does_the_work_in_every_case(folder):
    (folder / "events.csv").write_text("corrected")
    assert check_outputs(folder, FILES, {"model": "x"}, overwrite=True) is OutputState.MISSING


def test_results_in_one_folder_are_recorded_independently(folder):
    (folder / "page.html").write_text("page")
    record_outputs(folder, ["page.html"], {"runs": 2})
    (folder / "page.html").write_text("edited")
    assert check_outputs(folder, FILES, REQUEST) is OutputState.DONE
    assert check_outputs(folder, ["page.html"], {"runs": 2}) is OutputState.EDITED


def test_writing_again_replaces_the_record(folder):
    (folder / "events.csv").write_text("second")
    record_outputs(folder, FILES, {"model": "second"})
    assert check_outputs(folder, FILES, {"model": "second"}) is OutputState.DONE


@pytest.mark.parametrize("content", ["", "[]", '{"results": 3}', '{"results": [{"files": 1}]}'])
def test_a_damaged_record_protects_the_files(folder, content):
    (folder / RECORD_FILE).write_text(content)
    with pytest.raises(OutputConflictError):
        check_outputs(folder, FILES, REQUEST)


def test_a_file_may_be_written_again_unless_it_was_edited_or_is_not_known(folder):
    check_unedited(folder, "events.csv")
    check_unedited(folder, "absent.csv")
    (folder / "events.csv").write_text("with another threshold")
    with pytest.raises(OutputConflictError, match=r"events.csv: was changed by hand: --overwrite"):
        check_unedited(folder, "events.csv")
    check_unedited(folder, "events.csv", overwrite=True)
    update_record(folder, "events.csv")
    check_unedited(folder, "events.csv")
    assert check_outputs(folder, FILES, REQUEST) is OutputState.DONE
    (folder / "mine.csv").write_text("by hand")
    with pytest.raises(OutputConflictError, match=r"mine.csv: is there and was not written by"):
        check_unedited(folder, "mine.csv")


def test_a_single_file_is_replaced_by_other_content_only_on_request(tmp_path):
    path = tmp_path / "new" / "a.txt"

    def writer(text):
        return lambda place: write_text_atomic(place, text)

    assert write_once(path, writer("one"))
    assert not write_once(path, writer("one"))
    with pytest.raises(OutputConflictError, match=r"a.txt: is there already, with other content"):
        write_once(path, writer("two"))
    assert path.read_text() == "one"
    assert write_once(path, writer("two"), overwrite=True)
    assert path.read_text() == "two"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


# Writing several files at once


def write_files(folder, version):
    write_outputs(
        folder, {n: lambda p: p.write_text(f"{p.name} {version}") for n in FILES}, REQUEST
    )


def test_written_outputs_are_recorded_and_leave_nothing_else(tmp_path):
    write_files(tmp_path / "results", 1)
    assert check_outputs(tmp_path / "results", FILES, REQUEST) is OutputState.DONE
    names = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert names == [RECORD_FILE, *FILES]


@pytest.mark.parametrize("former", ["none", "recorded", "edited"])
@pytest.mark.parametrize("step", range(6))
def test_a_process_that_ends_while_it_writes_leaves_nothing_unknown(
    tmp_path, monkeypatch, former, step
):
    """Each change of the folder's entries is left out in turn, with all after it."""
    if former != "none":
        write_files(tmp_path, 1)
    if former == "edited":
        (tmp_path / FILES[0]).write_text("corrected")
    before = {name: path.read_bytes() for name in FILES if (path := tmp_path / name).exists()}
    steps = iter(range(100))
    rename = Path.replace

    def renamed(source, target):
        if next(steps) >= step:
            raise SystemExit
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", renamed)
    with suppress(SystemExit):
        write_files(tmp_path, 2)
    monkeypatch.undo()
    after = {name: path.read_bytes() for name in FILES if (path := tmp_path / name).exists()}
    state = check_outputs(tmp_path, FILES, REQUEST)
    if after == {name: f"{name} 2".encode() for name in FILES}:
        assert state is OutputState.DONE
    elif step == 0:
        assert after == before
        expected = {"none": "MISSING", "recorded": "DONE", "edited": "EDITED"}[former]
        assert state is OutputState[expected]
    else:
        assert state is OutputState.MISSING
    if state is OutputState.DONE:
        number = 2 if after != before or step else 1
        finish_outputs(tmp_path, FILES)
        finished = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        write_files(tmp_path, number)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == finished
    write_files(tmp_path, 2)
    assert check_outputs(tmp_path, FILES, REQUEST) is OutputState.DONE


def test_an_edit_after_such_an_end_is_kept(tmp_path, monkeypatch):
    write_files(tmp_path, 1)
    rename = Path.replace

    def renamed(source, target):
        if target.name in FILES:
            raise SystemExit
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", renamed)
    with pytest.raises(SystemExit):
        write_files(tmp_path, 2)
    monkeypatch.undo()
    (tmp_path / FILES[1]).write_text("corrected")
    assert check_outputs(tmp_path, FILES, REQUEST) is OutputState.EDITED


def test_outputs_that_cannot_be_written_leave_the_former_ones(folder, small_disk):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write = {name: lambda path: write_text_atomic(path, "new content") for name in FILES}
    error = rf"/{FILES[0]}: cannot be written \(File too large\): free some space"
    with small_disk(5), pytest.raises(OnballError, match=error) as raised:
        write_outputs(folder, write, REQUEST)
    assert ".part" not in str(raised.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# The lock of a folder


def test_a_locked_folder_is_refused_in_one_line_and_free_afterwards(tmp_path):
    folder = tmp_path / "new" / "results"
    lock_again = output_lock(folder)
    with output_lock(folder):
        with pytest.raises(OutputLockedError, match="results: another onball process"), lock_again:
            pass
        with pytest.raises(OutputLockedError):
            check_unlocked(folder)
    check_unlocked(folder)
    assert not list(tmp_path.iterdir()), "empty folders are removed"
    with output_lock(folder):
        (folder / "result").touch()
    assert [path.name for path in folder.iterdir()] == ["result"]


def test_the_lock_of_a_killed_process_does_not_count(tmp_path):
    (tmp_path / LOCK_FILE).touch()
    check_unlocked(tmp_path)
    with output_lock(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
