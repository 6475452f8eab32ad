import random
import warnings

import pytest

from onball.actions import ACTIONS, Action
from onball.data.layout import write_splits
from onball.errors import DataError, LabelError, OnballWarning
from onball.evaluation import evaluate_folder
from onball.events import Event, EventList, SpottingInfo
from onball.formats import write_labels, write_results

NAMES = ["l/s/one", "l/s/two"]


@pytest.fixture
def data_set(tmp_path):
    """Two labelled matches without video in split test, one more in train, and predictions."""
    rng = random.Random(8)
    for name in [*NAMES, "l/s/three"]:
        events = [Event(f * 40, rng.choice(ACTIONS)) for f in rng.sample(range(10_000), 120)]
        found = [
            Event(max(0, e.position_ms + rng.randrange(-700, 700)), e.label, rng.random())
            for e in events
        ]
        # Several detections on one frame, and not in order of time: the last written counts.
        found += [Event(e.position_ms + 7, e.label, rng.random()) for e in found]
        rng.shuffle(found)
        write_labels(EventList.of(events, name), tmp_path / "data" / name / "Labels-ball.json")
        if name in NAMES:
            write_results(
                EventList(tuple(found), name, info=SpottingInfo("demo", thresholds={"PASS": 0.3})),
                tmp_path / "out" / name / "results_spotting.json",
            )
    write_splits(tmp_path / "data", {"train": ["l/s/three"], "test": NAMES, "valid": NAMES[:1]})
    return tmp_path


def test_the_figures_agree_with_the_soccernet_evaluator_on_the_same_files(data_set, tmp_path):
    package = pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")
    only_test = tmp_path / "only_test"
    for name in NAMES:
        (only_test / name).mkdir(parents=True)
        labels = data_set / "data" / name / "Labels-ball.json"
        (only_test / name / "Labels-ball.json").write_bytes(labels.read_bytes())
    official = package.evaluate(
        str(only_test),
        str(data_set / "out"),
        framerate=25,
        metric="at1",
        label_files="Labels-ball.json",
        dataset=None,
        EVENT_DICTIONARY={action.value: action.order for action in ACTIONS},
    )
    ours = evaluate_folder(data_set / "out", data_set / "data", "test")
    assert ours.map12 == pytest.approx(official["a_mAP"], abs=1e-9)
    assert list(ours.ap.values()) == pytest.approx(list(official["a_mAP_per_class"]), abs=1e-9)
    assert 0.1 < ours.map12 < 0.9
    assert sum(ours.truth_counts.values()) == 240


def test_a_missing_prediction_file_is_an_error(data_set):
    (data_set / "out" / NAMES[1] / "results_spotting.json").unlink()
    with pytest.raises(DataError, match=r"no <match>/results_spotting\.json for 'l/s/two'"):
        evaluate_folder(data_set / "out", data_set / "data", "test")


def test_predictions_of_other_matches_are_ignored_with_a_warning(data_set):
    with pytest.warns(OnballWarning, match="not in 'valid', left out: 'l/s/two'"):
        alone = evaluate_folder(data_set / "out", data_set / "data", "valid")
    assert sum(alone.truth_counts.values()) == 120


def test_a_single_file_suffices_for_a_split_of_one_match(data_set):
    file = data_set / "out" / NAMES[0] / "results_spotting.json"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = evaluate_folder(file, data_set / "data", "valid", tolerance_s=2.0)
    assert one.tolerance_s == 2.0
    assert one.prediction_counts[Action.PASS] > 0
    with pytest.raises(DataError, match="one file, but 'test' has 2 matches"):
        evaluate_folder(file, data_set / "data", "test")


def test_a_match_without_labels_is_named(data_set):
    (data_set / "data" / NAMES[0] / "224p.mp4").write_bytes(b"")
    (data_set / "data" / NAMES[0] / "Labels-ball.json").unlink()
    with pytest.raises(DataError, match="no labels to evaluate 'test' on for 'l/s/one'"):
        evaluate_folder(data_set / "out", data_set / "data", "test")


def test_a_missing_folder_and_a_broken_file_are_refused(data_set):
    with pytest.raises(DataError, match="no such folder"):
        evaluate_folder(data_set / "nowhere", data_set / "data", "test")
    (data_set / "out" / NAMES[0] / "results_spotting.json").write_text("{")
    with pytest.raises(LabelError, match="broken JSON"):
        evaluate_folder(data_set / "out", data_set / "data", "test")
