import json
import random
import zipfile
from dataclasses import replace

import pytest
from soccernet_entries import ANNOTATION, PREDICTION

from onball.actions import ACTIONS, Action
from onball.errors import LabelError
from onball.events import Event, EventList, SpottingInfo, Team, VideoPart
from onball.formats import read_labels, read_results, write_labels, write_results
from onball.formats.soccernet import write_submission
from onball.formats.soccernet_columns import read_result_columns

LABELS = {
    "UrlLocal": "england_efl/2019-2020/2019-10-01 - Reading - Fulham",
    "UrlYoutube": "",
    "halftime": "1 - 46:04",
    "annotations": [
        ANNOTATION,
        {
            "gameTime": "1 - 01:04",
            "label": "PLAYER SUCCESSFUL TACKLE",
            "position": "64480",
            "team": "right",
            "visibility": "not shown",
        },
        {
            "gameTime": "1 - 104:09",
            "label": "GOAL",
            "position": "6249960",
            "team": "not applicable",
            "visibility": "visible",
            "player": {"number": 9},
        },
    ],
}
RESULTS = {
    "UrlLocal": "england_efl/2019-2020/2019-10-01 - Reading - Fulham",
    "predictions": [
        PREDICTION,
        {
            "gameTime": "2 - 00:00",
            "label": "HIGH PASS",
            "position": "40",
            "half": "2",
            "confidence": "0.12345678901234568",
        },
    ],
}
# Values that SoccerNet's own files do not have, but other programs write.
UNUSUAL_LABELS = [
    {"half": "1"},
    {"half": 1},
    {"visibility": "unclear"},
    {"visibility": None},
    {"confidence": "1.0"},
    {"confidence": 1},
    {"confidence": "0.50"},
    {"team": "Left"},
    {"team": "unknown"},
    {"team": None},
    {"label": "pass"},
    {"position": 680},
    {"position": "0680"},
    {"half": "1", "confidence": "1.0", "team": "Right ", "visibility": "unclear", "note": []},
]
UNUSUAL_RESULTS = [
    {"visibility": "visible"},
    {"visibility": "not shown"},
    {"confidence": 0.5},
    {"confidence": ".5"},
    {"half": 1},
    {"team": "RIGHT"},
    {"team": "home"},
    {"label": "High Pass"},
    {"position": " 64480"},
]


def dump(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("content", "read", "write"),
    [(LABELS, read_labels, write_labels), (RESULTS, read_results, write_results)],
)
def test_a_round_trip_changes_nothing_in_the_file(tmp_path, content, read, write):
    events = read(dump(tmp_path / "in.json", content))
    write(events, tmp_path / "out.json")
    again = json.loads((tmp_path / "out.json").read_text())
    assert again == content
    for key in ("annotations", "predictions"):
        for entry, wanted in zip(again.get(key, []), content.get(key, []), strict=True):
            assert list(entry) == list(wanted), "the order of the fields changed"


@pytest.mark.parametrize(
    ("content", "change", "read", "write"),
    [(LABELS, change, read_labels, write_labels) for change in UNUSUAL_LABELS]
    + [(RESULTS, change, read_results, write_results) for change in UNUSUAL_RESULTS],
)
def test_a_round_trip_keeps_unusual_values(tmp_path, content, change, read, write):
    key = "annotations" if content is LABELS else "predictions"
    content = content | {key: [content[key][0] | change, *content[key][1:]]}
    write(read(dump(tmp_path / "in.json", content)), tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == content


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"team": Team.RIGHT}, {"team": "right"}),
        ({"team": Team.UNKNOWN}, {"team": None}),
        ({"confidence": 0.25}, {"confidence": "0.25"}),
        ({"visible": False}, {"visibility": "not shown"}),
        ({"half": 2}, {"gameTime": "2 - 00:00", "half": "2"}),
        ({"position_ms": 61_000}, {"gameTime": "1 - 01:01", "position": "61000"}),
        ({"label": Action.DRIVE}, {"label": "DRIVE"}),
    ],
)
def test_a_changed_event_overrides_its_file_and_the_rest_is_kept(tmp_path, change, wanted):
    unusual = {
        "gameTime": "1 - 00:00",
        "label": "pass",
        "position": 680,
        "half": 1,
        "confidence": 1,
        "team": "Left",
        "visibility": "unclear",
        "player": 9,
    }
    events = read_results(dump(tmp_path / "in.json", {"predictions": [unusual]}))
    write_results(EventList.of([replace(events[0], **change)]), tmp_path / "out.json")
    (written,) = json.loads((tmp_path / "out.json").read_text())["predictions"]
    expected = unusual | wanted
    assert written == {key: value for key, value in expected.items() if value is not None}


def test_a_changed_half_removes_the_half_field_of_the_file(tmp_path):
    entry = LABELS["annotations"][0] | {"half": "1"}
    events = read_labels(dump(tmp_path / "in.json", {"annotations": [entry]}))
    write_labels(EventList.of([replace(events[0], half=2)]), tmp_path / "out.json")
    (written,) = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert written["gameTime"] == "2 - 00:00"
    assert "half" not in written


def test_labels_are_parsed(tmp_path):
    events = read_labels(dump(tmp_path / "Labels-ball.json", LABELS))
    assert events.match == LABELS["UrlLocal"]
    assert events.metadata == {"UrlYoutube": "", "halftime": "1 - 46:04"}
    assert list(events) == [
        Event(680, Action.PASS, team=Team.LEFT),
        Event(64480, Action.PLAYER_SUCCESSFUL_TACKLE, team=Team.RIGHT, visible=False),
        Event(6249960, Action.GOAL),
    ]
    assert events[2].extra == {"team": "not applicable", "player": {"number": 9}}


@pytest.mark.parametrize("write_read", [(write_labels, read_labels), (write_results, read_results)])
def test_random_events_survive_a_round_trip(tmp_path, write_read):
    write, read = write_read
    rng = random.Random(1)
    drawn = [
        Event(
            rng.randrange(8_000_000),
            rng.choice(ACTIONS),
            rng.choice([0.0, 1.0, 1e-9, 0.1 + 0.2, rng.random()]),
            rng.choice(list(Team)),
            rng.choice([1, 2]),
            rng.random() < 0.5,
        )
        for _ in range(500)
    ]
    events = EventList.of(drawn, "çup/2024/Ölüm – Kalım", {"halftime": "1 - 45:00", "n": [1, 2]})
    write(events, tmp_path / "file.json")
    again = read(tmp_path / "file.json")
    assert sorted(again, key=repr) == sorted(events, key=repr)
    assert [event.position_ms for event in again] == [event.position_ms for event in events]
    assert (again.match, again.metadata) == (events.match, events.metadata)


def test_times_are_padded_and_pass_a_hundred_minutes(tmp_path):
    events = EventList.of([Event(1_000, Action.OUT, 0.5), Event(6_000_000, Action.OUT, 0.5)])
    write_results(events, tmp_path / "r.json")
    written = json.loads((tmp_path / "r.json").read_text())["predictions"]
    assert [entry["gameTime"] for entry in written] == ["1 - 00:01", "1 - 100:00"]
    assert all(isinstance(value, str) for entry in written for value in entry.values())


def test_halves_are_written_one_after_the_other(tmp_path):
    events = EventList.of([Event(10, Action.OUT, half=2), Event(20, Action.OUT, half=1)])
    write_labels(events, tmp_path / "l.json")
    written = json.loads((tmp_path / "l.json").read_text())["annotations"]
    assert [entry["gameTime"][0] for entry in written] == ["1", "2"]


def test_predictions_may_be_unsorted_with_numeric_confidences(tmp_path):
    entry = RESULTS["predictions"][0]
    loose = [
        entry | {"position": 720, "confidence": 1, "half": 1, "label": "pass"},
        {key: entry[key] for key in ("gameTime", "label", "confidence")} | {"position": "40"},
    ]
    path = dump(tmp_path / "r.json", {"predictions": loose})
    assert [event.position_ms for event in read_results(path)] == [40, 720]
    assert [event.position_ms for event in read_results(path, file_order=True)] == [720, 40]
    assert read_results(path).match == ""


def test_the_soccernet_evaluator_reads_the_written_files(tmp_path):
    evaluator = pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")
    dictionary = {action.value: action.order for action in ACTIONS}
    rng = random.Random(2)
    frames = rng.sample(range(25 * 60 * 100), 50)
    info = SpottingInfo("demo", "0123", "match.mp4", 6_000_000, dict.fromkeys(ACTIONS, 0.3))
    events = EventList.of(
        [Event(f * 40, rng.choice(ACTIONS), rng.random()) for f in frames], info=info
    )
    write_labels(events, tmp_path / "l.json")
    write_results(events, tmp_path / "r.json")
    labels, _ = evaluator.label2vector(
        json.loads((tmp_path / "l.json").read_text()), 12, 25, EVENT_DICTIONARY=dictionary
    )
    results, _ = evaluator.predictions2vector(
        json.loads((tmp_path / "r.json").read_text()), 12, 2, 25, EVENT_DICTIONARY=dictionary
    )
    for event in events:
        frame = int(
            25 * (event.position_ms / 1000)
        )  # as in the evaluator, including its rounding error
        assert labels[frame, event.label.order] == 1
        assert results[frame, event.label.order] == event.confidence
    assert (labels != 0).sum() == (results >= 0).sum() == len(events)


INFO = SpottingInfo(
    "mine/model", "0123456789abcdef", "match.mp4", 5_400_000, {Action.PASS: 0.3, Action.GOAL: 0.5}
)


def test_predictions_keep_what_they_were_made_with(tmp_path):
    events = EventList.of([Event(5, Action.PASS, 0.4)], "a/b", {"UrlYoutube": "x"}, INFO)
    path = tmp_path / "r.json"
    write_results(events, path)
    assert json.loads(path.read_text())["onball"] == {
        "version": 1,
        "model": "mine/model",
        "model_fingerprint": "0123456789abcdef",
        "video": "match.mp4",
        "duration_ms": 5_400_000,
        "thresholds": {"PASS": 0.3, "GOAL": 0.5},
    }
    assert read_results(path) == read_results(path, file_order=True) == events
    assert len(read_result_columns(path)) == 1


def test_game_times_count_from_the_kickoff_of_the_half(tmp_path):
    info = SpottingInfo(
        actions=(Action.SHOT,),
        kickoffs_ms=(287_000, 3_600_000),
        start_ms=60_000,
        parts=(VideoPart("first.mp4", 0, 3_000_000), VideoPart("second.mp4", 3_000_000, 3_000_000)),
    )
    positions = [280_000, 287_000, 3_599_999, 3_612_500]
    events = EventList.of(
        [Event(at, Action.SHOT, 0.4, half=info.half_at(at)) for at in positions], info=info
    )
    write_results(events, tmp_path / "r.json")
    entries = json.loads((tmp_path / "r.json").read_text())["predictions"]
    assert [(entry["gameTime"], entry["half"]) for entry in entries] == [
        ("1 - 00:00", "1"),  # before the kick-off
        ("1 - 00:00", "1"),
        ("1 - 55:12", "1"),
        ("2 - 00:12", "2"),
    ]
    assert [int(entry["position"]) for entry in entries] == positions
    assert read_results(tmp_path / "r.json") == events


@pytest.mark.parametrize(
    "content",
    [{"version": 2, "thresholds": "?"}, {"model": "demo"}, "text", {}, None, {"version": 1}],
)
def test_an_object_of_another_version_is_kept_and_not_understood(tmp_path, content):
    path = dump(tmp_path / "r.json", RESULTS | {"onball": content})
    events = read_results(path)
    known = content == {"version": 1}
    assert events.info == (SpottingInfo() if known else None)
    assert len(events) == len(RESULTS["predictions"])
    write_results(events, tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["onball"] == content


def test_unknown_fields_of_the_object_are_kept(tmp_path):
    content = {"version": 1, "model": "demo", "camera": {"side": "north"}}
    path = dump(tmp_path / "r.json", RESULTS | {"onball": content})
    events = read_results(path)
    assert events.info == SpottingInfo("demo", extra={"camera": {"side": "north"}})
    write_results(events.above(0.5), tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["onball"] == content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"thresholds": {"PAS": 0.3}}, "'PAS'"),
        ({"thresholds": {"PASS": 3.0}}, r"threshold 3.0 of PASS is outside \[0, 1\]"),
        ({"thresholds": [0.3]}, r"\$.thresholds"),
        ({"duration_ms": "long"}, r"\$.duration_ms"),
        ({"model": 3}, r"\$.model"),
        ({"thresholds": "\ud800"}, "text that is not Unicode"),
    ],
)
def test_a_damaged_object_is_an_error_that_names_the_field(tmp_path, content, reason):
    path = dump(tmp_path / "r.json", RESULTS | {"onball": {"version": 1} | content})
    with pytest.raises(LabelError, match=f"r.json, object 'onball': .*{reason}") as refused:
        read_results(path)
    assert "\n" not in str(refused.value)


def test_a_submission_has_no_object_of_this_package(tmp_path):
    events = EventList.of([Event(5, Action.PASS, 0.4)], info=INFO)
    write_submission({"a/b/c": events}, tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        content = json.loads(archive.read("a/b/c/results_spotting.json"))
    assert set(content) == {"UrlLocal", "predictions"}
