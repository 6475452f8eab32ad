"""Label files of SoccerNet-v2, with its package as the reference for class names."""

from __future__ import annotations

import pytest
from SoccerNet.Evaluation.utils import EVENT_DICTIONARY_V2
from soccernet_v2_labels import ANNOTATIONS, annotation, write_labels

from onball.errors import LabelError
from onball.events import Team
from onball.formats.soccernet_v2 import V2_ACTIONS, read_v2_labels
from onball.models.nets import NUM_AUXILIARY_CLASSES


def test_the_17_actions_have_the_order_of_the_data_set():
    assert dict(EVENT_DICTIONARY_V2) == {name: i for i, name in enumerate(V2_ACTIONS)}
    assert 1 + len(V2_ACTIONS) == NUM_AUXILIARY_CLASSES


def test_classes_are_those_of_the_data_set_after_the_background(tmp_path):
    entries = [annotation("1 - 00:00", name, str(i)) for i, name in enumerate(EVENT_DICTIONARY_V2)]
    events = read_v2_labels(write_labels(tmp_path, entries))
    assert {event.label: event.class_index - 1 for event in events} == EVENT_DICTIONARY_V2


def test_labels_are_read_by_half_and_time(tmp_path):
    events = read_v2_labels(write_labels(tmp_path, ANNOTATIONS[::-1]))
    assert [(event.half, event.position_ms, event.label) for event in events] == [
        (1, 400, "Kick-off"),
        (1, 2400, "Yellow->red card"),
        (2, 1200, "Ball out of play"),
    ]
    assert [event.visible for event in events] == [True, False, True]


def test_home_and_away_are_not_sides_of_the_pitch(tmp_path):
    entries = [annotation("1 - 00:00", "Foul", "0", team=team) for team in ("home", "away", "left")]
    events = read_v2_labels(write_labels(tmp_path, entries))
    assert {event.team for event in events} == {Team.UNKNOWN}


def test_other_spellings_are_read_if_unambiguous(tmp_path):
    entries = [annotation("2 - 07:00", " SHOTS on target", 420_000)]
    (event,) = read_v2_labels(write_labels(tmp_path, entries))
    assert (event.label, event.position_ms, event.half) == ("Shots on target", 420_000, 2)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (annotation("1 - 00:00", "Throw in", "0"), "unknown action 'Throw in': .* 'Throw-in'"),
        (annotation("1 - 00:00", "PASS", "0"), "unknown action 'PASS': known: Penalty, Kick-off"),
        (annotation("1 - 00:00", "Goal", "-40"), "position '-40' is not a whole number"),
        (annotation("1 - 00:00", "Goal", "1.5"), "position '1.5' is not a whole number"),
        (annotation("1 - 00:00", "Goal", None), "position None is not a whole number"),
        (annotation("12:34", "Goal", "0"), "gameTime '12:34' is not of the form '1 - 12:34'"),
        (annotation("3 - 00:00", "Goal", "0"), "gameTime '3 - 00:00': half 3 is not 1 or 2"),
        ({"label": "Goal", "position": "0"}, "no 'gameTime' in it"),
        ({"gameTime": "1 - 00:00", "position": "0"}, "no 'label' in it"),
        ("Goal", r"expected an object, \{…\}, found 'Goal'"),
    ],
)
def test_an_invalid_annotation_is_reported_in_one_line(tmp_path, entry, message):
    path = write_labels(tmp_path, [ANNOTATIONS[0], entry])
    with pytest.raises(LabelError, match=f"Labels-v2.json, annotation 2: {message}") as caught:
        read_v2_labels(path)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(LabelError, match="'annotations' is not a list"):
        read_v2_labels(write_labels(tmp_path, {}))
    path = tmp_path / "Labels-v2.json"
    path.write_text('{"predictions": []}')
    with pytest.raises(LabelError, match=r"Labels-v2\.json: no 'annotations' in it"):
        read_v2_labels(path)
    path.unlink()
    with pytest.raises(LabelError, match="no such file"):
        read_v2_labels(path)
