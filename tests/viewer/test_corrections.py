"""Corrections beside the events of a match, and the labels that they become."""

from __future__ import annotations

import json

import pytest

from onball.errors import InputError, LabelError
from onball.events import Event, EventList
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE, read_labels
from onball.outputs import OutputConflictError
from onball.viewer.corrections import (
    CORRECTIONS_FILE,
    Agreement,
    Correction,
    CorrectionsFile,
    Original,
    VersionConflictError,
    apply_corrections,
    identify_events,
    read_corrections,
)

PASS, DRIVE = "PASS/1/1080", "DRIVE/1/2000"
MOVED = Correction("accepted", 1000, "PASS", original=Original(1080, "PASS", 0.9))
REJECTED = Correction("rejected", 2000, "DRIVE", original=Original(2000, "DRIVE", 0.7))
ADDED = Correction("added", 2500, "SHOT", team="left")


def test_events_have_distinct_names_that_do_not_depend_on_others():
    events = [
        Event(5, "PASS", 0.5),
        Event(5, "PASS", 0.6),
        Event(5, "SHOT"),
        Event(5, "PASS", half=2),
    ]
    assert identify_events(events) == ["PASS/1/5", "PASS/1/5/2", "SHOT/1/5", "PASS/2/5"]


def test_what_was_written_is_read_back_and_a_none_removes_an_entry(tmp_path):
    file = CorrectionsFile(tmp_path / CORRECTIONS_FILE, "cup", RESULTS_FILE)
    assert file.read().entries == {}
    first = file.update(0, {PASS: MOVED, DRIVE: REJECTED, "added/1": ADDED})
    assert read_corrections(file.path) == first
    assert (first.version, first.match, first.of) == (1, "cup", RESULTS_FILE)
    assert list(first.entries) == [PASS, DRIVE, "added/1"]  # in order of time
    assert set(file.update(1, {DRIVE: None}).entries) == {PASS, "added/1"}


def test_changes_of_a_former_version_are_refused_with_the_present_entries(tmp_path):
    file = CorrectionsFile(tmp_path / CORRECTIONS_FILE)
    file.update(0, {PASS: MOVED})
    with pytest.raises(VersionConflictError) as conflict:
        CorrectionsFile(file.path).update(0, {DRIVE: REJECTED})
    assert conflict.value.current == file.read()
    assert set(file.read().entries) == {PASS}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "maybe"},
        {"position_ms": -1},
        {"position_ms": 1.5},
        {"label": ""},
        {"team": "home"},
        {"half": 0},
        {"other": 1},
    ],
)
def test_a_damaged_file_is_refused_in_one_line_with_its_place(tmp_path, change):
    file = CorrectionsFile(tmp_path / CORRECTIONS_FILE)
    file.update(0, {PASS: MOVED})
    content = json.loads(file.path.read_text())
    content["entries"][PASS] |= change
    file.path.write_text(json.dumps(content))
    with pytest.raises(LabelError) as error:
        file.read()
    assert str(file.path) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(LabelError):
        file.update(1, {})


def test_accepted_and_added_events_become_labels_and_rejected_ones_do_not(match_folder):
    CorrectionsFile(match_folder / CORRECTIONS_FILE).update(
        0, {PASS: MOVED, DRIVE: REJECTED, "added/1": ADDED}
    )
    (match_folder / LABELS_FILE).unlink()
    before = (match_folder / RESULTS_FILE).read_bytes()
    applied = apply_corrections(match_folder)
    assert applied.path == match_folder / LABELS_FILE
    # The pass at 3.04 s is shown and nobody decided on it; the shot at 3.6 s is not shown.
    expected = [Event(1000, "PASS"), Event(2500, "SHOT", team="left"), Event(3040, "PASS")]
    assert list(read_labels(applied.path)) == list(applied.labels) == expected
    assert (applied.undecided, applied.written) == (1, True)
    assert (match_folder / RESULTS_FILE).read_bytes() == before
    assert not apply_corrections(match_folder).written


def test_only_reviewed_events_or_those_from_a_threshold_up_become_labels(match_folder, tmp_path):
    CorrectionsFile(match_folder / CORRECTIONS_FILE).update(0, {PASS: MOVED, DRIVE: REJECTED})
    results = match_folder / RESULTS_FILE
    reviewed = apply_corrections(results, tmp_path / "Labels-1.json", reviewed_only=True)
    assert [event.position_ms for event in reviewed.labels] == [1000]
    everything = apply_corrections(results, tmp_path / "Labels-2.json", threshold=0.0)
    assert [event.position_ms for event in everything.labels] == [1000, 3040, 3600]


def test_other_labels_are_not_replaced_and_the_corrected_ones_never(match_folder):
    CorrectionsFile(match_folder / CORRECTIONS_FILE).update(0, {PASS: MOVED})
    with pytest.raises(OutputConflictError):
        apply_corrections(match_folder)
    labels = match_folder / LABELS_FILE
    with pytest.raises(InputError, match="choose another --out"):
        apply_corrections(labels, overwrite=True)


def test_a_decision_on_an_event_that_is_found_no_more_still_counts(match_folder, tmp_path):
    CorrectionsFile(match_folder / CORRECTIONS_FILE).update(0, {PASS: MOVED, DRIVE: REJECTED})
    EventList.of([Event(3040, "PASS", 0.4)]).save(match_folder / RESULTS_FILE)
    labels = apply_corrections(match_folder / RESULTS_FILE, tmp_path / "Labels-x.json").labels
    assert [event.position_ms for event in labels] == [1000, 3040]


def test_agreement_counts_what_was_changed_and_by_how_much(tmp_path):
    kept = Correction("accepted", 1510, "PASS", original=Original(1500, "PASS"))
    other = Correction("accepted", 300, "SHOT", original=Original(400, "PASS"))
    entries = {PASS: MOVED, "a": kept, "b": other, DRIVE: REJECTED, "added/1": ADDED}
    agreement = Agreement.of(CorrectionsFile(tmp_path / "c.json").update(0, entries))
    assert (agreement.accepted, agreement.rejected, agreement.added) == (3, 1, 1)
    assert (agreement.moved, agreement.relabelled) == (2, 1)
    assert (agreement.median_move_ms, agreement.largest_move_ms) == (90, 100)
    assert agreement.precision == 0.5
    assert agreement.per_action == {"PASS": (3, 0, 0), "DRIVE": (0, 1, 0), "SHOT": (0, 0, 1)}
    assert agreement.confusions == {("PASS", "SHOT"): 1}


def test_the_command_prints_the_agreement_and_the_file(onball, match_folder, tmp_path):
    out = tmp_path / "Labels-ball.json"
    code, _, error = onball("corrections", "apply", match_folder, "--out", out)
    assert code == 2 and "onball view" in error
    CorrectionsFile(match_folder / CORRECTIONS_FILE).update(0, {PASS: MOVED, DRIVE: REJECTED})
    code, shown, _ = onball("corrections", "apply", match_folder, "--out", out)
    assert code == 0 and f"{out}: 2 labels, 1 of them not reviewed" in shown
    assert "1 accepted (1 moved, 0 with another action), 1 rejected" in shown
    assert len(read_labels(out)) == 2
