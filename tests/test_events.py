"""Events and lists of events: validation, filters, conversions, files by suffix, and `repr`."""

from __future__ import annotations

import json
import pickle
import sys

import numpy as np
import pytest

from onball.actions import ACTIONS, Action, ActionSet, Label
from onball.errors import InputError, LabelError, MissingDependencyError
from onball.events import Event, EventList, SpottingInfo, Team

EVENTS = EventList.of(
    [
        Event(61_250, Action.PASS, 0.4, Team.LEFT),
        Event(1_000, Action.GOAL, 0.2, Team.RIGHT),
        Event(62_000, Action.PASS, 0.3),
        Event(3_000, Action.SHOT, 0.9, half=2, visible=False),
    ],
    match="cup/final",
    metadata={"UrlYoutube": "abc"},
    info=SpottingInfo("demo", thresholds={Action.PASS: 0.3, Action.GOAL: 0.5}),
)


# Validation


def test_names_and_numpy_numbers_are_converted():
    event = Event(np.int32(5), "high pass", np.float32(0.25), "LEFT", np.int64(2), np.bool_(False))
    assert event == Event(5, Action.HIGH_PASS, 0.25, Team.LEFT, 2, False)
    assert isinstance(event.label, Action) and isinstance(event.team, Team)
    kinds = [
        type(getattr(event, name)) for name in ("position_ms", "confidence", "half", "visible")
    ]
    assert kinds == [int, float, int, bool]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, "PAS"), "unknown action 'PAS': did you mean 'PASS'?"),
        ((1, None), "unknown action 'None': known: PASS, DRIVE"),
        ((1.0, "PASS"), "position_ms 1.0 is of type float, not a whole number: round it first"),
        ((np.float32(2.5), "PASS"), "position_ms 2.5 is of type float32"),
        ((True, "PASS"), "position_ms True is of type bool"),
        ((np.True_, "PASS"), "position_ms True is of type bool"),
        (("7", "PASS"), "position_ms 7 is of type str, not a whole number"),
        ((-1, "PASS"), "position -1 ms is negative"),
        ((1_700_000_000_000, "PASS"), "position 1700000000000 ms is more than 30 years of video"),
        ((1, "PASS", 1.5), r"confidence 1.5 is outside \[0, 1\]"),
        ((1, "PASS", float("nan")), r"confidence nan is outside \[0, 1\]"),
        ((1, "PASS", "0.5"), "confidence 0.5 is of type str, not a number"),
        ((1, "PASS", True), "confidence True is of type bool, not a number"),
        ((1, "PASS", None), "confidence None is of type NoneType, not a number"),
        ((1, "PASS", 0.5, "home"), "team 'home' does not exist: known: left, right, unknown"),
        ((1, "PASS", 0.5, None), "team 'None' does not exist"),
        ((1, "PASS", 0.5, "left", 0), "half 0 is below 1"),
        ((1, "PASS", 0.5, "left", 1.0), "half 1.0 is of type float, not a whole number"),
        ((1, "PASS", 0.5, "left", 1, "no"), "visible no is of type str, not True or False"),
    ],
)
def test_invalid_values_are_refused_in_one_line(arguments, message):
    with pytest.raises(LabelError, match=f"^{message}") as refused:
        Event(*arguments)
    assert "\n" not in str(refused.value)


def test_a_list_holds_only_events():
    with pytest.raises(LabelError, match="entry PASS is of type str, not an Event"):
        EventList.of(["PASS"])
    assert EventList([EVENTS[0]]).events == (EVENTS[0],)


def test_thresholds_are_checked_and_their_names_converted():
    assert SpottingInfo(thresholds={"goal": 1}).thresholds == {Action.GOAL: 1.0}
    with pytest.raises(LabelError, match="unknown action 'GAOL': did you mean 'GOAL'"):
        SpottingInfo(thresholds={"GAOL": 0.5})
    with pytest.raises(LabelError, match=r"threshold 30.0 of GOAL is outside \[0, 1\]"):
        SpottingInfo(thresholds={"GOAL": 30})


def test_events_and_lists_survive_pickling():
    copy = pickle.loads(pickle.dumps(EVENTS))
    assert copy == EVENTS and copy.info == EVENTS.info


# Filters


def positions(events: EventList) -> list[int]:
    return [event.position_ms for event in events]


def test_only_actions_of_the_info_are_shown():
    info = SpottingInfo("demo", actions=(Action.SHOT, Action.GOAL))
    events = EventList(EVENTS.events, info=info)
    assert events.shown == events.of_action("SHOT", "GOAL") and len(events.shown) > 0
    assert not EventList(EVENTS.events, info=SpottingInfo(actions=())).shown.events


@pytest.mark.parametrize(
    ("kickoffs_ms", "position_ms", "half", "clock_ms"),
    [
        ((), 5_000, 1, None),
        ((60_000,), 65_000, 1, 5_000),
        ((60_000,), 5_000, 1, -55_000),
        ((-60_000,), 5_000, 1, 65_000),
        ((60_000, 3_000_000), 3_000_000, 2, 0),
        ((60_000, 3_000_000), 2_999_999, 1, 2_939_999),
        ((None, 60_000), 5_000, 2, -55_000),
    ],
)
def test_the_half_and_its_clock_follow_from_the_kickoffs(kickoffs_ms, position_ms, half, clock_ms):
    info = SpottingInfo(kickoffs_ms=kickoffs_ms)
    assert info.half_at(position_ms) == half
    assert info.clock_ms(Event(position_ms, Action.PASS, half=half)) == clock_ms


def test_filters_select_events_and_keep_everything_else():
    selections = [
        (EVENTS.shown, [3_000, 61_250, 62_000]),
        (EVENTS.of_action("pass", Action.SHOT), [3_000, 61_250, 62_000]),
        (EVENTS.of_action(), []),
        (EVENTS.between(3_000, 62_000), [3_000, 61_250]),
        (EVENTS.between(3_001), [61_250, 62_000]),
        (EVENTS.above(0.3), [3_000, 61_250, 62_000]),
        (EVENTS.above({Action.PASS: 0.35}), [1_000, 3_000, 61_250]),
        (EVENTS[1:3], [3_000, 61_250]),
    ]
    for events, wanted in selections:
        assert positions(events) == wanted
        assert events == EventList(events.events, EVENTS.match, EVENTS.metadata, EVENTS.info)


def test_an_unknown_action_is_no_empty_selection():
    with pytest.raises(LabelError, match="unknown action 'SHOOT': did you mean 'SHOT'"):
        EVENTS.of_action("SHOOT")


@pytest.mark.parametrize("info", [None, SpottingInfo("demo")])
def test_without_thresholds_all_events_are_shown(info):
    events = EventList(EVENTS.events, info=info)
    assert events.shown == events


# Conversions


def test_labels_of_events_are_certain_and_keep_their_file_s_fields():
    labels = EVENTS.as_labels()
    assert {event.confidence for event in labels} == {1.0} and labels.info is None
    assert positions(labels) == positions(EVENTS) and labels[-1].half == EVENTS[-1].half
    assert (labels.match, labels.metadata) == (EVENTS.match, EVENTS.metadata)


def test_dictionaries_are_json_and_give_the_events_back():
    dicts = EVENTS.to_dicts()
    assert dicts[1] == {
        "position_ms": 3_000,
        "label": "SHOT",
        "confidence": 0.9,
        "team": "unknown",
        "half": 2,
        "visible": False,
    }
    assert json.loads(EVENTS.to_json()) == json.loads(EVENTS.to_json(indent=2)) == dicts
    assert tuple(Event(**fields) for fields in dicts) == EVENTS.events
    # Of the exact types, not of subclasses that JSON writers or databases may not know.
    assert {type(value) for value in dicts[0].values()} == {int, str, float, bool}


@pytest.mark.parametrize("events", [EVENTS, EventList()])
def test_a_data_frame_has_one_row_per_event_and_fixed_types(events):
    pytest.importorskip("pandas")
    table = events.to_pandas()
    assert table.to_dict("records") == events.to_dicts()
    assert list(table.columns) == list(EVENTS[0].to_dict())
    kinds = table[["position_ms", "confidence", "half", "visible"]].dtypes
    assert [str(kind) for kind in kinds] == ["int64", "float64", "int64", "bool"]


def test_a_missing_pandas_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "onball\[pandas\]"'):
        EVENTS.to_pandas()


# Files


@pytest.mark.parametrize("name", ["results_spotting.json", "Labels-ball.json", "other.JSON"])
def test_json_files_are_read_as_they_were_saved(tmp_path, name):
    EVENTS.save(tmp_path / name)
    loaded = EventList.load(str(tmp_path / name))
    assert (loaded.events, loaded.match) == (EVENTS.events, EVENTS.match)
    assert loaded.metadata == EVENTS.metadata
    content = json.loads((tmp_path / name).read_text())
    assert ("annotations" in content) == name.startswith("Labels")
    assert loaded.info == (None if name.startswith("Labels") else EVENTS.info)


def test_a_table_has_the_columns_of_the_command_line(tmp_path):
    EVENTS.shown.save(tmp_path / "events.csv")
    loaded = EventList.load(tmp_path / "events.csv")
    assert positions(loaded) == positions(EVENTS.shown)
    assert [event.team for event in loaded] == [event.team for event in EVENTS.shown]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("events.txt", "the suffix '.txt' is of no format"), ("e", "has no suffix")],
)
def test_other_suffixes_are_refused_before_anything_is_written(tmp_path, name, reason):
    for call in (EVENTS.save, EventList.load):
        with pytest.raises(InputError, match=f"{name}: {reason} of events: use .json .* or .csv"):
            call(tmp_path / name)
    assert not list(tmp_path.iterdir())


# Representation


def test_an_event_is_shown_in_few_words():
    assert repr(EVENTS[0]) == "<Event 00:01.000 GOAL 0.200 right>"
    assert repr(EVENTS[1]) == "<Event 00:03.000 SHOT 0.900 half 2 not shown>"
    assert repr(Event(6_061_005, "THROW IN")) == "<Event 101:01.005 THROW IN 1.000>"


def test_a_list_is_shown_as_a_summary_whatever_its_length():
    assert repr(EVENTS) == (
        "<EventList 'cup/final': 4 events, 00:01.000 to 01:02.000: 2 PASS, 1 GOAL, 1 SHOT>"
    )
    assert repr(EventList()) == "<EventList: 0 events>"
    many = EventList.of(Event(time, ACTIONS[time % 12]) for time in range(9_000))
    assert len(repr(many)) < 250


# Own classes


def test_events_of_declared_labels_sort_filter_and_convert_like_those_of_actions():
    codes = ActionSet.of(["press won", "PASS"])
    info = SpottingInfo(thresholds={"Press Won": 0.5}, actions=("press won",), classes=codes)
    press = codes.parse("PRESS WON")
    events = EventList.of([Event(9, press, 0.6), Event(4, "pass"), Event(2, press, 0.4)], info=info)
    assert [event.label for event in events] == ["press won", Action.PASS, "press won"]
    assert list(events.shown) == [Event(9, press, 0.6)]
    assert len(events.of_action("Press won")) == 2 and events.counts()[press] == 2
    assert sorted([Event(2, press), Event(2, "PASS")])[0].label is Action.PASS
    assert list(events.to_pandas()["label"]) == ["press won", "PASS", "press won"]
    assert json.loads(events.to_json())[0]["label"] == "press won"
    assert pickle.loads(pickle.dumps(events)) == events
    assert Event(**events[0].to_dict() | {"label": Label("press won")}) == events[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Event(1, "press won"), "unknown action 'press won': known: PASS"),
        (lambda: SpottingInfo(actions=("press won",)), "unknown action 'press won'"),
        (lambda: EventList().of_action("press won"), "unknown action 'press won'"),
    ],
)
def test_a_label_that_nobody_declared_is_refused(make, message):
    with pytest.raises(LabelError, match=message):
        make()
