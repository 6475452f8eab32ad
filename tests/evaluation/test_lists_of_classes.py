"""Evaluation over lists of classes other than the 12 actions."""

import random
from dataclasses import replace

import numpy as np
import pytest

from onball.actions import ACTIONS, BALL_ACTIONS, Action, ActionSet, Label
from onball.data.layout import write_splits
from onball.errors import DataError, LabelError
from onball.evaluation import (
    evaluate_classification,
    evaluate_spotting,
    report_spotting,
)
from onball.evaluation.average_precision import means_of
from onball.evaluation.calibration import CalibrationKind, fit_calibration
from onball.evaluation.classification import ClassificationResult
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats import write_labels, write_results
from onball.formats.soccernet_v2 import V2_ACTIONS
from onball.spotting.evaluating import evaluate

NAMES = ["l/s/one", "l/s/two"]
SEVENTEEN = ActionSet.of(V2_ACTIONS, headline=V2_ACTIONS[:10])


def draw(actions, seed=0, matches=2, labels=60):
    """Labels of some classes, and noisy predictions of all of them with teams."""
    rng = random.Random(seed)
    truth, predictions = [], []
    for index in range(matches):
        events = [
            Event(rng.randrange(20_000) * 40, rng.choice(actions.names), team=rng.choice([*Team]))
            for _ in range(labels)
        ]
        found = [
            Event(
                max(0, e.position_ms + 40 * round(rng.gauss(0, 8))),
                e.label if rng.random() < 0.8 else rng.choice(actions.names),
                rng.random(),
                team=rng.choice((e.team, Team.LEFT)),
            )
            for e in events
            for _ in range(2)
        ]
        truth.append(EventList.of(events, f"l/s/{index}"))
        predictions.append(EventList.of(found))
    return truth, predictions


def renamed(lists, names):
    return [
        replace(one, events=tuple(replace(e, label=names[e.label]) for e in one)) for one in lists
    ]


def figures(value):
    """A report as JSON, without the names of its classes and keys of means."""
    if isinstance(value, dict):
        return [figures(part) for key, part in value.items() if key not in ("classes", "names")]
    return [figures(part) for part in value] if isinstance(value, list) else value


def test_renamed_actions_have_the_same_figures_under_general_names():
    truth, predictions = draw(BALL_ACTIONS, seed=1)
    codes = ActionSet.of(
        [f"code {i}" for i in range(12)], headline=[f"code {i}" for i in range(10)]
    )
    names = dict(zip(ACTIONS, codes, strict=True))
    usual = report_spotting(truth, predictions, resamples=20)
    other = report_spotting(
        renamed(truth, names), renamed(predictions, names), actions=codes, resamples=20
    )
    as_usual, as_other = usual.as_json(), other.as_json()
    assert as_other.pop("classes") == list(codes) and as_other.pop("headline") == list(codes)[:10]
    assert figures(as_usual) == figures(as_other)
    assert as_other["map_at1"] == as_usual["map12_at1"]
    assert as_other["result"]["exact_map_headline"] == as_usual["result"]["exact_map10"]
    assert as_other["intervals"]["blocks"]["map"] == as_usual["intervals"]["blocks"]["map12"]
    assert as_other["confusion"]["names"] == [*codes, "nothing"]
    assert not [key for key in as_other if "map1" in key]


@pytest.mark.parametrize("count", [1, 2, 3, 10, 17, 40])
def test_a_list_of_any_length_is_evaluated(count):
    codes = ActionSet.of([f"code {i}" for i in range(count)])
    truth, predictions = draw(codes, seed=count)
    report = report_spotting(truth, predictions, actions=codes, resamples=5)
    assert list(report.result.ap) == list(codes)
    assert report.result.map_all == pytest.approx(np.mean([*report.result.ap.values()]))
    assert report.confusion.shape == (count + 1, count + 1)
    assert report.confusion.sum() >= 120 and len(report.curves) == count
    assert report.as_json()["map_at1"] > 0
    assert [mean.name for mean in means_of(codes)] == ["mAP"], "all classes are in the headline"
    fitted = fit_calibration(truth, predictions, CalibrationKind.RANK, actions=codes)
    assert list(fitted.maps) == list(fitted.report_thresholds) == list(codes)
    present = np.random.default_rng(count).random((30, count)) > 0.5
    clips = evaluate_classification(present, present * 0.5, actions=codes)
    assert clips.map_all == 1.0
    assert ClassificationResult.from_json(clips.as_json(), codes) == clips


def test_means_have_the_names_that_the_list_deserves():
    def names(actions):
        return [(mean.name, mean.key, len(mean.actions)) for mean in means_of(actions)]

    assert names(BALL_ACTIONS) == [("mAP12", "map12", 12), ("mAP10", "map10", 10)]
    assert names(ActionSet.of(reversed(ACTIONS))) == names(BALL_ACTIONS)
    assert names(SEVENTEEN) == [("mAP", "map", 17), ("headline mAP", "map_headline", 10)]
    assert names(ActionSet.of(ACTIONS, headline=ACTIONS[:3]))[1] == (
        "headline mAP", "map_headline", 3,
    )  # fmt: skip
    assert names(ActionSet.of(ACTIONS[:10])) == [("mAP", "map", 10)]


def test_a_class_that_is_not_evaluated_changes_nothing():
    truth, predictions = draw(BALL_ACTIONS, seed=2)
    alien = [Event(40 * i, Label("corner"), 0.99, "left") for i in range(50)]
    more = [EventList(one.events + tuple(alien)) for one in predictions]
    assert report_spotting(truth, more).as_json() == report_spotting(truth, predictions).as_json()
    assert evaluate_spotting(truth, more) == evaluate_spotting(truth, predictions)


@pytest.fixture
def data_set(tmp_path):
    """Labels of 17 classes with `classes.txt`, and predictions that name their classes."""
    truth, predictions = draw(SEVENTEEN, seed=3)
    for name, labels, found in zip(NAMES, truth, predictions, strict=True):
        write_labels(labels, tmp_path / "data" / name / "Labels-ball.json")
        info = SpottingInfo("mine", classes=SEVENTEEN)
        write_results(replace(found, info=info), tmp_path / "out" / name / "results_spotting.json")
    write_splits(tmp_path / "data", {"test": NAMES, "valid": NAMES[:1]})
    (tmp_path / "data" / "classes.txt").write_text("\n".join(V2_ACTIONS))
    return tmp_path


def test_predictions_are_measured_over_the_classes_of_the_labels(data_set):
    evaluation = evaluate(data_set / "out", data_set / "data", resamples=0)
    assert evaluation.report.actions.names == SEVENTEEN.names
    assert evaluation.predicted_actions == SEVENTEEN.names
    again = evaluate(data_set / "out", data_set / "data", resamples=0)
    assert again.was_done

    # Fewer classes in the data set than in the model, and one that the model lacks.
    rng = random.Random(4)
    kept = [Label(V2_ACTIONS[0]), Label(V2_ACTIONS[3]), Label("nutmeg")]
    (data_set / "data" / "classes.txt").write_text("\n".join(kept))
    for name in NAMES:
        labels = [Event(rng.randrange(20_000) * 40, rng.choice(kept)) for _ in range(60)]
        write_labels(EventList.of(labels), data_set / "data" / name / "Labels-ball.json")
    evaluation = evaluate(data_set / "out", data_set / "data", resamples=0, overwrite=True)
    assert list(evaluation.report.result.ap) == kept
    assert evaluation.report.result.ap[kept[2]] == 0
    assert evaluation.report.result.map_all == pytest.approx(
        sum(evaluation.report.result.ap.values()) / 3
    )
    assert len(evaluation.predicted_actions) == 17


def test_a_model_and_labels_without_a_class_in_common_are_refused(data_set):
    (data_set / "data" / "classes.txt").write_text("PASS\nnutmeg")
    for name in NAMES:
        labels = EventList.of([Event(400, Action.PASS)])
        write_labels(labels, data_set / "data" / name / "Labels-ball.json")
    with pytest.raises(DataError, match=r"out: predicts 'Penalty'.*: no class in common"):
        evaluate(data_set / "out", data_set / "data")
    assert not (data_set / "out" / "evaluation").exists()


def test_labels_that_the_list_lacks_are_refused(data_set):
    (data_set / "data" / "classes.txt").write_text("\n".join(V2_ACTIONS[:16]))
    with pytest.raises(LabelError, match=r"unknown action 'Yellow->red card' .*classes\.txt"):
        evaluate(data_set / "out", data_set / "data")
