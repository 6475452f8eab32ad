"""`evaluate` from Python: runs, saved models and prediction files give the same report."""

from __future__ import annotations

import json
import shutil
import threading

import numpy as np
import pytest
import torch
from tiny_matches import write_flashes
from tiny_runs import write_run

from onball.actions import ACTIONS, Action, ActionSet
from onball.config import (
    ComponentConfig,
    DataConfig,
    InferenceConfig,
    ModelConfig,
    SavedModelConfig,
    save_config,
)
from onball.config.classes import classes_of
from onball.data.layout import find_matches
from onball.errors import DataError, InputError
from onball.evaluation import ClassificationResult, SpottingReport, average_precision
from onball.events import EventList
from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences
from onball.formats.soccernet import read_labels, write_results
from onball.models import build_model, save_model
from onball.progress import Progress
from onball.spotting.evaluating import evaluate
from onball.spotting.matches import classify_split, spot_matches
from onball.spotting.spotter import Spotter

pytestmark = pytest.mark.usefixtures("one_thread")

NAME = "league/season/match"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set with one match in the split test."""
    root = tmp_path_factory.mktemp("data")
    write_flashes(root / "test" / NAME, 0)
    return root


def save(folder, task="spotting", **parts):
    """A saved model with random weights."""
    torch.manual_seed(0)
    model = ModelConfig(
        backbone=ComponentConfig(name="test_byobnet", pretrained=False),
        temporal=ComponentConfig(name="none"),
        **parts,
    )
    config = SavedModelConfig(
        task=task, fps=12.5, width=64, height=36, clip_frames=16, model=model,
        inference=InferenceConfig(),
    )  # fmt: skip
    save_model(build_model(model, task), config, folder)
    return folder


def test_a_model_and_its_predictions_give_the_same_report(data, tmp_path):
    seen: list[Progress] = []
    model = save(tmp_path / "model")
    result = evaluate(
        model, data, out=tmp_path / "out", device="cpu", resamples=0, progress=seen.append
    )
    assert isinstance(result.report, SpottingReport)
    assert result.metrics == tmp_path / "out" / "metrics.json"
    assert {at.task for at in seen} == {NAME} and seen[-1].fraction == 1
    again = evaluate(result.predictions, data, out=tmp_path / "again", resamples=0)
    assert again.report.as_json() == result.report.as_json()
    assert json.loads(again.metrics.read_text()) == json.loads(result.metrics.read_text())


def test_a_model_is_evaluated_with_the_threads_that_are_asked_for(data, tmp_path, monkeypatch):
    monkeypatch.setenv("ONBALL_THREADS", "4")
    model, others = save(tmp_path / "model"), set(threading.enumerate())
    names: set[str] = set()

    def watch(_: Progress) -> None:
        names.update(one.name for one in set(threading.enumerate()) - others)

    settings = {"device": "cpu", "resamples": 0, "progress": watch}
    one = evaluate(model, data, out=tmp_path / "one", threads=1, **settings)
    assert {name for name in names if name.startswith("onball")} == {"onball_0"}
    four = evaluate(model, data, out=tmp_path / "four", **settings)
    assert len({name for name in names if name.startswith("onball")}) > 1
    assert one.report.as_json() == four.report.as_json()


def test_actions_that_a_model_cannot_predict_are_named(data, tmp_path, onball):
    names = [action.value for action in ACTIONS[:10]]
    model, out = save(tmp_path / "model", classes=names), tmp_path / "out"
    result = evaluate(model, data, out=out, device="cpu", resamples=0)
    assert result.predicted_actions == ACTIONS[:10]
    events = EventList.load(result.predictions / NAME / "results_spotting.json")
    assert len(events) and not {Action.GOAL, Action.FREE_KICK} & set(events.counts())
    arguments = ("--data", data, "--out", out, "--device", "cpu", "--resamples", 0)
    code, _, error = onball("evaluate", model, *arguments)
    assert code == 0 and "This model predicts 10 of the 12 actions: not FREE KICK, GOAL." in error
    other = evaluate(result.predictions, data, out=tmp_path / "other", resamples=0)
    assert other.predicted_actions == ACTIONS[:10], "predictions name the classes of their model"


def test_perfect_predictions_have_an_average_precision_of_1(data, tmp_path):
    (match,) = find_matches(data, "test")
    labels = read_labels(match.require_labels())
    write_results(labels, tmp_path / NAME / "results_spotting.json")
    report = evaluate(tmp_path, data, out=tmp_path / "out", resamples=0).report
    assert {report.result.exact_ap[event.label] for event in labels} == {1.0}


def test_a_classifier_gives_the_average_precision_of_clips(data, tmp_path):
    model = save(tmp_path / "model", "classification")
    result = evaluate(model, data, out=tmp_path / "out", device="cpu")
    assert isinstance(result.report, ClassificationResult)
    assert result.predictions is None and result.metrics.is_file()


def test_a_classifier_of_other_classes_is_measured_over_those_of_the_labels(data, tmp_path, onball):
    model = save(tmp_path / "model", "classification", classes=["DRIVE", "nutmeg", "PASS"])
    arguments = ("--data", data, "--out", tmp_path / "out", "--device", "cpu")
    for _ in range(2):  # computed, and read from metrics.json
        code, shown, error = onball("evaluate", model, *arguments)
        assert code == 0, error
        said = " ".join(error.split())
        assert "This model predicts 2 of the 12 actions: PASS, DRIVE." in said
        assert "of which 1 is not among the labels and not measured: nutmeg." in said
        assert "mAP12" in shown and "mAP10" in shown
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
    own = classify_split(model, DataConfig(root=data), "test", device="cpu")
    assert own.scores.shape[1] == 3
    for column, name in ((2, "PASS"), (0, "DRIVE")):
        ap = average_precision(own.present[:, column], own.scores[:, column])
        assert figures["ap"][name] == pytest.approx(ap) and figures["positives"][name] > 0
    assert figures["ap"]["HEADER"] == 0 < figures["positives"]["HEADER"]


def test_a_run_of_own_classes_without_a_list_in_its_data_set_is_measured_on_these(data, tmp_path):
    run = tmp_path / "run"
    config = write_run(run, data)
    own = ActionSet.of(["PASS", "nutmeg"])
    few = config.model.model_copy(update={"classes": classes_of(own)})
    config = config.model_copy(update={"model": few})
    save_config(config, run / "config.yaml")
    shutil.rmtree(run / "model")
    save_model(build_model(few), SavedModelConfig.of(config), run / "model")
    (match,) = find_matches(data, "test")
    counts = read_labels(match.require_labels()).counts()
    assert set(counts) == set(ACTIONS[:3]), "of which two are left out"
    report = evaluate(run, device="cpu", resamples=0).report
    assert report.result.truth_counts == {Action.PASS: counts[Action.PASS], "nutmeg": 0}
    copy = shutil.copytree(data, tmp_path / "other data")
    other = evaluate(run, copy, out=tmp_path / "other", device="cpu", resamples=0)
    assert list(other.report.result.ap) == list(ACTIONS) and other.predicted_actions == own.names
    assert other.report.result.truth_counts[Action.DRIVE] == counts[Action.DRIVE]


def test_a_target_without_a_data_set_is_refused(tmp_path):
    write_results(EventList(), tmp_path / NAME / "results_spotting.json")
    with pytest.raises(InputError, match="no data set to compare with"):
        evaluate(tmp_path)


def test_matches_are_spotted_like_single_videos_and_written_on_request(data, tmp_path):
    spotter = Spotter.from_pretrained(save(tmp_path / "model"), device="cpu")
    (match,) = find_matches(data, "test")
    (spotted,) = spot_matches(spotter, [match], out=tmp_path / "out", keep_scores=True)
    confidences = []
    events = spotter.spot(match.require_video(), on_confidences=confidences.append)
    assert (spotted.name, spotted.events.match) == (NAME, NAME)
    assert spotted.events.events == events.events and len(events)
    assert (tmp_path / "out" / NAME / "results_spotting.json").is_file()
    written = FrameConfidences.load(tmp_path / "out" / NAME / CONFIDENCES_FILE)
    assert np.array_equal(written.confidences, confidences[0].confidences)
    assert np.array_equal(written.times_ms, confidences[0].times_ms)
    probabilities = np.concatenate([part.probabilities for part in spotted.scores])
    expected = np.concatenate([part.probabilities for part in spotter.scores(match.video)])
    assert np.array_equal(probabilities, expected)


def test_a_match_without_video_is_refused_before_any_is_spotted(data, tmp_path):
    (tmp_path / "test" / "league" / "season" / "other").mkdir(parents=True)
    labels = next(data.rglob("Labels-ball.json")).read_text()
    (tmp_path / "test" / "league" / "season" / "other" / "Labels-ball.json").write_text(labels)
    spotter = Spotter.from_pretrained(save(tmp_path / "model"), device="cpu")
    matches = [*find_matches(data, "test"), *find_matches(tmp_path, "test")]
    with pytest.raises(DataError, match="other: no video"):
        spot_matches(spotter, matches, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
