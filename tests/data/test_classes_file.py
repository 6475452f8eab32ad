"""`classes.txt` of a data set, and the classes over which a model is evaluated on it."""

import json

import pytest

from onball.actions import BALL_ACTIONS, Action, ActionSet
from onball.data.classes import labelled_classes, read_classes, read_labels_of
from onball.errors import LabelError


def test_classes_are_read_in_their_order_without_comments(tmp_path):
    assert read_classes(tmp_path) is None
    text = "\ufeff# set pieces\r\ncorner short, #0A0b0c # near\r\n\r\n  Free Kick # direct\r\ncorner long"
    (tmp_path / "classes.txt").write_text(text, encoding="utf-8", newline="")
    classes = read_classes(tmp_path)
    assert classes.names == ("corner short", Action.FREE_KICK, "corner long")
    assert classes.headline == classes.names and len(set(classes.colours)) == 3
    assert classes.colours[0] == "#0a0b0c"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "needs at least one name"),
        ("# nothing\n", "needs at least one name"),
        ("a\nA\n", "'a' occurs twice, the second time as 'A'"),
        ("a,b\n", "line 1: not of the form"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_its_file(tmp_path, text, reason):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(LabelError, match=rf"classes\.txt[:,] .*{reason}"):
        read_classes(tmp_path)


def test_labels_have_the_classes_of_the_file_or_of_the_run_or_the_12_actions(tmp_path):
    model = ActionSet.of(["b", "a", "c"], headline=["a"])
    assert labelled_classes(tmp_path) is BALL_ACTIONS
    assert labelled_classes(tmp_path, model) is BALL_ACTIONS
    assert labelled_classes(tmp_path, model, trained_here=True) is model
    some = ActionSet.of(["PASS", "SHOT"])
    assert labelled_classes(tmp_path, some, trained_here=True) is BALL_ACTIONS
    (tmp_path / "classes.txt").write_text("a\nb\nd")
    assert labelled_classes(tmp_path, model, trained_here=True).names == ("a", "b", "d")
    (tmp_path / "classes.txt").write_text("a\nb\nc")
    assert labelled_classes(tmp_path, model) is model, "with its headline"


def test_an_unknown_label_of_a_data_set_without_the_file_names_the_file(tmp_path):
    entry = {"gameTime": "1 - 00:01", "position": "1000", "label": "Scrum", "team": "left"}
    labels = tmp_path / "Labels-ball.json"
    labels.write_text(json.dumps({"annotations": [entry]}))
    with pytest.raises(
        LabelError, match=r"unknown action 'Scrum'.*own in .*classes\.txt, one a line"
    ):
        read_labels_of(labels, tmp_path, BALL_ACTIONS)
    (tmp_path / "classes.txt").write_text("Ruck")
    with pytest.raises(LabelError, match=r"unknown action 'Scrum'") as refusal:
        read_labels_of(labels, tmp_path, BALL_ACTIONS)
    assert "one a line" not in str(refusal.value), "the list is there"
