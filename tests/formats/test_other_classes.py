"""Labels, predictions and tables whose actions are not the 12."""

import json

import numpy as np
import pytest

from onball.actions import Action, ActionSet, Label
from onball.errors import LabelError
from onball.events import Event, EventList, SpottingInfo
from onball.formats import (
    read_event_table,
    read_labels,
    read_results,
    write_event_table,
    write_labels,
    write_results,
)
from onball.formats.soccernet_columns import read_label_columns, read_result_columns

CODES = ActionSet.of(["press won", "Counter", "SHOT"], source="codes.txt")
PRESS, COUNTER, SHOT = CODES
EVENTS = EventList.of(
    [Event(400, PRESS, 0.5), Event(800, SHOT, 0.25), Event(1200, COUNTER, 0.75, "left")]
)


def test_labels_of_a_list_are_read_as_they_were_written(tmp_path):
    write_labels(EVENTS.as_labels(), tmp_path / "Labels-ball.json")
    events = read_labels(tmp_path / "Labels-ball.json", CODES)
    assert events == EVENTS.as_labels()
    assert [event.label for event in events] == [PRESS, SHOT, COUNTER]
    assert events[0].label.colour == PRESS.colour and events[1].label is Action.SHOT
    columns = read_label_columns(tmp_path / "Labels-ball.json", CODES)
    assert columns.action.tolist() == [0, 2, 1]


def test_a_label_outside_the_list_is_refused_with_the_origin_of_the_list(tmp_path):
    path = tmp_path / "Labels-ball.json"
    write_labels(EventList.of([Event(400, Label("press lost"))]), path)
    message = r"annotation 1: unknown action 'press lost' \(classes of codes.txt\): .*'press won'"
    for read in (read_labels, read_label_columns):
        with pytest.raises(LabelError, match=message):
            read(path, CODES)
    with pytest.raises(LabelError, match="unknown action 'press lost'"):
        read_labels(path)


def test_predictions_carry_the_classes_of_their_model(tmp_path):
    path = tmp_path / "results_spotting.json"
    info = SpottingInfo("mine", classes=CODES, thresholds={PRESS: 0.4})
    write_results(EventList.of(EVENTS.events, info=info), path)
    read = read_results(path)
    assert read.events == EVENTS.events and read.info == info
    assert read.info.classes.colours == CODES.colours
    assert len(read.shown) == 3 and not read.info.shows(Event(0, PRESS, 0.3))


def test_predictions_of_classes_that_are_not_asked_for_have_no_index(tmp_path):
    path = tmp_path / "results_spotting.json"
    write_results(EventList.of(EVENTS.events, info=SpottingInfo("mine", classes=CODES)), path)
    other = ActionSet.of(["counter", "shot"])  # names agree whatever their case
    assert read_result_columns(path, other).action.tolist() == [-1, 1, 0]
    assert read_results(path, actions=other)[2].label == Label("counter")
    assert read_result_columns(path).action.tolist() == [-1, Action.SHOT.order, -1]


def test_predictions_of_a_class_that_nobody_declares_are_refused(tmp_path):
    path = tmp_path / "results_spotting.json"
    write_results(EVENTS, path)
    assert read_results(path, actions=CODES).events == EVENTS.events
    with pytest.raises(LabelError, match="prediction 1: unknown action 'press won'"):
        read_results(path)
    content = json.loads(path.read_text())
    content["onball"] = {"version": 1, "classes": ["a", "A"]}
    path.write_text(json.dumps(content))
    with pytest.raises(LabelError, match="object 'onball': class 'a' occurs twice"):
        read_results(path)


def test_other_fields_of_an_entry_survive_beside_a_label_of_a_list(tmp_path):
    path = tmp_path / "Labels-ball.json"
    entry = {"gameTime": "1 - 00:01", "label": "press won", "position": "1000", "team": "Left"}
    path.write_text(json.dumps({"annotations": [entry | {"note": "x"}]}))
    write_labels(read_labels(path, CODES), tmp_path / "again.json")
    (again,) = json.loads((tmp_path / "again.json").read_text())["annotations"]
    assert (again["team"], again["note"], again["label"]) == ("Left", "x", "press won")


def test_a_table_has_names_of_the_list_shortened_too(tmp_path):
    path = tmp_path / "events.csv"
    write_event_table(EVENTS, path)
    assert [e.label for e in read_event_table(path, CODES)] == [PRESS, SHOT, COUNTER]
    path.write_text("time,label\n00:00:01,Press\n00:00:02,Goal\n")
    assert [e.label for e in EventList.load(path, CODES)] == [PRESS, Action.GOAL]
    path.write_text("time,label\n00:00:01,dribble\n")
    with pytest.raises(LabelError, match=r"unknown action 'dribble' \(classes of codes.txt\)"):
        read_event_table(path, CODES)


def test_columns_of_a_list_agree_with_its_events(tmp_path):
    rng = np.random.default_rng(3)
    many = ActionSet.of([f"code {i}" for i in range(40)])
    events = EventList.of(
        [Event(40 * i, many.names[rng.integers(40)], rng.random()) for i in range(200)]
    )
    write_results(events, tmp_path / "results_spotting.json")
    columns = read_result_columns(tmp_path / "results_spotting.json", many)
    assert columns.action.tolist() == [many.index(event.label) for event in events]
