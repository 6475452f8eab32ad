"""Calibration: fitted maps keep the order, mean what they say, and apply to streams."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.isotonic import IsotonicRegression

from onball.actions import ACTIONS, NUM_ACTIONS, Action
from onball.config import ComponentConfig, InferenceConfig, ModelConfig, SavedModelConfig
from onball.errors import DataError
from onball.evaluation import evaluate_spotting
from onball.evaluation.calibration import (
    CalibrationKind,
    calibrated,
    calibration_errors,
    fit_calibration,
    fit_probability,
    fit_rank,
    pool_adjacent_violators,
)
from onball.events import Event, EventList
from onball.models import build_model, load_model, save_model
from onball.spotting.calibrating import save_with_config, with_calibration, without_calibration
from onball.spotting.decoding import (
    apply_calibration,
    confident_events,
    decode_events,
    detect_events,
    score_bound,
)
from onball.spotting.engine import ScoredFrames

KINDS = list(CalibrationKind)
#: Squeezes all scores into the upper half and back below.
BENT = ((0.0, 0.0), (0.2, 0.6), (0.8, 0.7), (1.0, 1.0))


pytestmark = pytest.mark.usefixtures("one_thread")


def skewed(count: int, seed: int, action: Action = Action.PASS) -> tuple[EventList, EventList]:
    """Labels, and predictions whose score is the cube root of the probability to match one."""
    random = np.random.default_rng(seed)
    truth, predictions = [], []
    for place in range(count):
        chance = random.random() ** 3
        predictions.append(Event(2000 * (place + 1), action, chance ** (1 / 3)))
        if random.random() < chance:
            truth.append(Event(2000 * (place + 1), action))
    return EventList.of(truth), EventList.of(predictions)


def applied(events: EventList, fitted) -> EventList:
    return EventList.of(apply_calibration(events, InferenceConfig(calibration=fitted.maps)))


@pytest.mark.parametrize("seed", range(20))
def test_pooling_violators_is_isotonic_regression(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 60))
    values, weights = random.integers(0, 4, count) / 3, random.uniform(0.1, 3, count)
    expected = IsotonicRegression().fit_transform(np.arange(count), values, sample_weight=weights)
    assert pool_adjacent_violators(values, weights) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_maps_rise_strictly_whatever_the_scores(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 400))
    # Many ties, scores at both ends, sometimes no match or nothing but matches.
    scores = random.integers(0, 30, count) / 29 if seed % 2 else random.random(count) ** 4
    hits = random.random(count) < random.choice([0.0, 0.1, 0.5, 1.0])
    for knots in (fit_probability(scores, hits), fit_rank(scores)):
        assert InferenceConfig(calibration={Action.PASS: knots}).calibration[Action.PASS] == knots
        distinct = np.unique(scores)
        assert (np.diff(calibrated(knots, distinct)) > 0).all()


def test_a_probability_is_right_as_often_as_it_says_on_matches_not_seen_before():
    fitted = fit_calibration(*([part] for part in skewed(3000, 0)), CalibrationKind.PROBABILITY)
    truth, predictions = skewed(3000, 1)
    before = calibration_errors([truth], [predictions])[Action.PASS]
    after = calibration_errors([truth], [applied(predictions, fitted)])[Action.PASS]
    assert before > 0.2
    assert after < 0.04
    for score, chance in ((0.4, 0.064), (0.7, 0.343), (0.95, 0.857)):
        value = calibrated(fitted.maps[Action.PASS], np.array([score]))[0]
        assert value == pytest.approx(chance, abs=0.08)


def test_ranks_spread_the_scores_evenly():
    scores = np.random.default_rng(0).random(5000) ** 6 * 0.01
    spread = np.sort(calibrated(fit_rank(scores), scores))
    assert np.abs(spread - np.linspace(0, 1, 5000)).max() < 0.07


@pytest.mark.parametrize("kind", KINDS)
def test_exact_ap_stays_and_the_ap_of_200_thresholds_recovers_from_tiny_scores(kind):
    truth, predictions = skewed(1500, 2)
    tiny = EventList.of(Event(e.position_ms, e.label, e.confidence * 0.01) for e in predictions)
    fitted = fit_calibration([truth], [tiny], kind)
    before = evaluate_spotting([truth], [tiny])
    after = evaluate_spotting([truth], [applied(tiny, fitted)])
    assert after.exact_ap == before.exact_ap
    gap = before.exact_ap[Action.PASS] - before.ap[Action.PASS]
    assert gap > 0.1
    assert abs(after.exact_ap[Action.PASS] - after.ap[Action.PASS]) < 0.1 * gap


@pytest.mark.parametrize("kind", KINDS)
def test_a_rare_action_gets_the_map_and_the_threshold_of_all_together(kind):
    common, rare = skewed(500, 3), skewed(12, 4, Action.GOAL)
    fitted = fit_calibration(
        [EventList.of([*common[0], *rare[0]])], [EventList.of([*common[1], *rare[1]])], kind
    )
    assert fitted.matched[Action.GOAL] == len(rare[0]) < 10
    assert fitted.pooled == ACTIONS[1:]
    assert fitted.maps[Action.GOAL] == fitted.maps[Action.SHOT] != fitted.maps[Action.PASS]
    assert fitted.report_thresholds[Action.GOAL] == fitted.report_thresholds[Action.SHOT]


def test_too_few_matches_in_all_are_an_error():
    with pytest.raises(DataError, match="only 0 predictions match a label, 10 or more"):
        fit_calibration([EventList()], [skewed(20, 0)[1]], CalibrationKind.RANK)


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_threshold_has_a_better_f1(kind):
    truth, predictions = skewed(400, 5)
    fitted = fit_calibration([truth], [predictions], kind)
    right = {event.position_ms for event in truth}
    confidences = [(e.confidence, e.position_ms in right) for e in applied(predictions, fitted)]

    def f1(threshold: float) -> float:
        kept = [hit for confidence, hit in confidences if confidence >= threshold]
        return 2 * sum(kept) / (len(kept) + len(truth))

    best = f1(fitted.report_thresholds[Action.PASS])
    assert best == max(f1(confidence) for confidence, _ in confidences)


def test_a_net_that_is_too_sure_of_itself_is_not_believed():
    random = np.random.default_rng(7)
    scores = 1 - random.random(1000) * 0.02
    knots = fit_probability(scores, random.random(1000) < 0.6)
    assert calibrated(knots, np.array([0.999]))[0] < 0.75


@pytest.mark.parametrize(
    ("knots", "message"),
    [
        ([[0, 0], [0.5, 0.5], [0.6, 0.5], [1, 1]], "must rise"),
        ([[0, 0], [0.5, 0.3], [0.5, 0.5], [1, 1]], "must rise"),
        ([[0, 1], [1, 0]], "must rise"),
        ([[0.1, 0], [1, 1]], "at score 0"),
        ([[0, 0], [0.9, 1]], "at score 1"),
        ([[0, 0], [1, 1.2]], "less than or equal to 1"),
        ([[0, 0]], "at least 2"),
        ([[i / 32, i / 32] for i in range(33)], "at most 32"),
    ],
)
def test_a_map_that_could_change_the_order_is_refused(knots, message):
    with pytest.raises(ValidationError, match=message):
        InferenceConfig.model_validate({"calibration": {"PASS": knots}})


def test_unknown_actions_are_refused():
    with pytest.raises(ValidationError):
        InferenceConfig.model_validate({"calibration": {"PUNT": [[0, 0], [1, 1]]}})


def waves(frames: int) -> list[ScoredFrames]:
    random = np.random.default_rng(6)
    probabilities = (random.random((frames, NUM_ACTIONS)) ** 3).astype(np.float32)
    times = np.arange(frames, dtype=np.int64) * 80
    return [ScoredFrames(probabilities[i : i + 7], times[i : i + 7]) for i in range(0, frames, 7)]


def test_without_a_calibration_events_are_as_before():
    config = InferenceConfig()
    for threshold in (0.01, 0.4):
        plain = list(detect_events(waves(300), config, 0, threshold))
        assert list(decode_events(waves(300), config, 0, threshold)) == plain
    assert list(decode_events(waves(300), config, 0)) == list(
        detect_events(waves(300), config, 0, config.threshold)
    )


def test_calibrated_events_are_the_same_in_the_same_order_with_other_confidences():
    config = InferenceConfig(calibration={Action.PASS: BENT}, threshold=0.1)
    plain = list(detect_events(waves(300), config, 0, 0.1))
    events = list(decode_events(waves(300), config, 0))
    assert [(e.position_ms, e.label) for e in events] == [(e.position_ms, e.label) for e in plain]
    for before, after in zip(plain, events, strict=True):
        if before.label is not Action.PASS:
            assert after == before
    passes = [e.label is Action.PASS for e in plain]
    scores, confidences = (
        np.array([e.confidence for e in some])[passes] for some in (plain, events)
    )
    assert (np.argsort(scores) == np.argsort(confidences)).all()
    assert not np.allclose(scores, confidences)


@pytest.mark.parametrize("threshold", [0.0, 0.003, 0.3, 0.6, 0.65, 1.0])
def test_a_threshold_that_is_given_is_one_of_the_calibrated_confidence(threshold):
    config = InferenceConfig(calibration={Action.PASS: BENT})
    every = apply_calibration(detect_events(waves(300), config, 0, 0.0), config)
    expected = [event for event in every if event.confidence >= threshold]
    assert list(decode_events(waves(300), config, 0, threshold)) == expected


def test_no_score_below_the_least_reaches_the_threshold():
    config = InferenceConfig(calibration={Action.PASS: BENT})
    assert score_bound(0.6, config) == pytest.approx(0.2)
    assert score_bound(0.65, InferenceConfig()) == 0.65


def test_events_come_as_soon_as_they_are_certain():
    config = InferenceConfig(calibration={Action.PASS: BENT})
    read = 0

    def source():
        nonlocal read
        for part in waves(700):
            read += 1
            yield part

    next(decode_events(source(), config, 0))
    assert read < 20


def test_people_are_shown_what_reaches_the_threshold_of_its_action():
    config = InferenceConfig(report_threshold=0.5, report_thresholds={Action.GOAL: 0.1})
    events = EventList.of(
        Event(position, action, confidence)
        for position, (action, confidence) in enumerate(
            [(Action.PASS, 0.4), (Action.PASS, 0.5), (Action.GOAL, 0.1), (Action.GOAL, 0.05)]
        )
    )
    assert [event.position_ms for event in confident_events(events, config)] == [1, 2]


@pytest.fixture
def model(tmp_path):
    config = SavedModelConfig(
        fps=12.5, width=64, height=36,
        model=ModelConfig(
            backbone=ComponentConfig(name="test_byobnet", pretrained=False),
            temporal=ComponentConfig(name="bilstm", hidden=8),
        ),
        inference=InferenceConfig(),
    )  # fmt: skip
    net = build_model(config.model, fetch_weights=False)
    save_model(net, config, tmp_path / "model", card="# Mine\n", half=True)
    return tmp_path / "model"


def test_a_saved_model_carries_its_calibration(model, tmp_path):
    former = (model / "config.json").read_bytes()
    fitted = fit_calibration(*([part] for part in skewed(500, 3)), CalibrationKind.PROBABILITY)
    config = with_calibration(load_model(model)[1], fitted)
    save_with_config(model, config, tmp_path / "deep" / "calibrated")
    assert load_model(tmp_path / "deep" / "calibrated")[1] == config
    assert without_calibration(config) == load_model(model)[1]
    for name in ("model.safetensors", "README.md"):
        assert (tmp_path / "deep" / "calibrated" / name).read_bytes() == (model / name).read_bytes()
    assert (model / "config.json").read_bytes() == former
    tree = json.loads((tmp_path / "deep" / "calibrated" / "config.json").read_text())
    assert tree["inference"]["calibration"]["HIGH PASS"][0] == [0.0, 0.0]


def test_in_place_the_weights_stay_and_the_config_changes(model):
    weights = (model / "model.safetensors").read_bytes()
    fitted = fit_calibration(*([part] for part in skewed(500, 3)), CalibrationKind.RANK)
    save_with_config(model, with_calibration(load_model(model)[1], fitted), model)
    assert load_model(model)[1].inference.calibration == fitted.maps
    assert (model / "model.safetensors").read_bytes() == weights
    assert {path.name for path in model.iterdir()} == {
        "README.md", "config.json", "model.safetensors",
    }  # fmt: skip
