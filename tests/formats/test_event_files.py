"""Tables of spotted results that are written again."""

from __future__ import annotations

import pytest

from onball.events import Event, EventList
from onball.formats.event_files import update_event_table
from onball.formats.event_table import TABLE_FILE, read_event_table
from onball.formats.soccernet import RESULTS_FILE
from onball.outputs import OutputConflictError, OutputState, check_outputs
from onball.spotting.results import write_events


@pytest.fixture
def candidates():
    return EventList.of([Event(1000, "PASS", 0.9), Event(2000, "SHOT", 0.2)])


def test_a_table_that_is_updated_does_not_count_as_edited(candidates, tmp_path):
    request = {"video": "match.mp4"}
    write_events(candidates, tmp_path, request)
    update_event_table(candidates.above(0.5), tmp_path)
    assert len(read_event_table(tmp_path / TABLE_FILE)) == 1
    state = check_outputs(tmp_path, (RESULTS_FILE, TABLE_FILE), request)
    assert state is OutputState.DONE


def test_a_table_that_was_edited_is_replaced_on_request_only(candidates, tmp_path):
    write_events(candidates, tmp_path, {})
    (tmp_path / TABLE_FILE).write_text("time,label\n0:01,PASS\n")
    with pytest.raises(OutputConflictError, match=r"events\.csv: was changed by hand"):
        update_event_table(candidates, tmp_path)
    update_event_table(candidates, tmp_path, overwrite=True)
    assert len(read_event_table(tmp_path / TABLE_FILE)) == 2
