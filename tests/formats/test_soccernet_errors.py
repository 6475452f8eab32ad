"""Errors in SoccerNet's files: the message names the file, the entry and the reason."""

import json

import pytest
from soccernet_entries import ANNOTATION, PREDICTION

from onball.errors import LabelError
from onball.formats import read_labels, read_results
from onball.formats.soccernet import read_label_entries

LABELS = {"annotations": [ANNOTATION, ANNOTATION, ANNOTATION]}
RESULTS = {"predictions": [PREDICTION]}


def dump(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"label": "PAS"}, "unknown action 'PAS': did you mean 'PASS'?"),
        ({"label": 7}, "unknown action '7'"),
        ({"label": "two\nlines"}, "unknown action 'two lines'"),
        ({"position": "-40"}, "position -40 ms is negative"),
        ({"position": "12.5"}, "position '12.5' is not a whole number"),
        ({"position": 12.5}, "position 12.5 is not a whole number"),
        ({"position": True}, "position True is not a whole number"),
        ({"position": "9" * 5000}, "is not a whole number"),
        ({"position": None}, "position None is not a whole number"),
        ({"confidence": "1.01"}, "confidence 1.01 is outside [0, 1]"),
        ({"confidence": "-0.1"}, "confidence -0.1 is outside [0, 1]"),
        ({"confidence": "nan"}, "confidence nan is outside [0, 1]"),
        ({"confidence": "high"}, "confidence 'high' is not a number"),
        ({"confidence": 10**400}, "is not a number"),
        ({"half": "0"}, "half 0 is below 1"),
        ({"half": "first"}, "half 'first' is not a whole number"),
    ],
)
def test_an_invalid_prediction_is_reported_with_file_and_number(tmp_path, change, reason):
    good = RESULTS["predictions"][0]
    path = dump(tmp_path / "results_spotting.json", {"predictions": [good, good | change]})
    with pytest.raises(LabelError) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}, prediction 2: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["gameTime", "label", "position"])
def test_a_missing_field_of_an_annotation_is_named(tmp_path, key):
    entries = [dict(entry) for entry in LABELS["annotations"]]
    del entries[2][key]
    path = dump(tmp_path / "Labels-ball.json", {"annotations": entries})
    with pytest.raises(LabelError, match=f"annotation 3: no '{key}' in it"):
        read_labels(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (RESULTS, "no 'annotations' in it (it holds 'predictions')"),
        ({}, "no 'annotations' in it"),
        ({"annotations": {}}, "'annotations' is not a list"),
        ({"annotations": ["PASS"]}, "annotation 1: expected an object, {…}, found 'PASS'"),
        ({"annotations": [], "UrlLocal": 3}, "'UrlLocal' is not text"),
        (
            {"annotations": [LABELS["annotations"][0] | {"gameTime": "00:12"}]},
            "annotation 1: gameTime '00:12' is not of the form '1 - 46:04'",
        ),
    ],
)
def test_a_file_of_another_structure_is_refused(tmp_path, content, reason):
    path = dump(tmp_path / "Labels-ball.json", content)
    with pytest.raises(LabelError) as caught:
        read_labels(path)
    assert str(caught.value).startswith(str(path))
    assert reason in str(caught.value)


def test_all_invalid_annotations_are_listed_with_short_reasons_and_remedies(tmp_path):
    good = LABELS["annotations"][0]
    entries = [good, good | {"position": "-4"}, "PASS", good | {"position": "soon"}, good]
    read = read_label_entries(dump(tmp_path / "l.json", {"annotations": entries, "note": 1}))
    assert [number for number, _ in read.events] == [1, 5] and len(read) == 5
    assert [(number, error.what, error.remedy) for number, error in read.errors] == [
        (2, "negative position", "count from the video's first frame"),
        (3, "not an object, {…}", "write it as SoccerNet does"),
        (4, "position 'soon'", "write whole milliseconds"),
    ]
    assert read.metadata == {"note": 1}


def test_a_prediction_needs_a_confidence_and_a_label_does_not(tmp_path):
    entry = {key: LABELS["annotations"][0][key] for key in ("gameTime", "label", "position")}
    assert read_labels(dump(tmp_path / "l.json", {"annotations": [entry]}))[0].confidence == 1.0
    with pytest.raises(LabelError, match="prediction 1: no 'confidence' in it"):
        read_results(dump(tmp_path / "r.json", {"predictions": [entry]}))
