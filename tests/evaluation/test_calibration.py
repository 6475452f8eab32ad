"""Fitted calibrations: strictly increasing maps with the properties of their kind."""

from __future__ import annotations

import numpy as np
import pytest
from calibration_samples import skewed
from pydantic import ValidationError

from onball.actions import ACTIONS, Action
from onball.config import ExperimentConfig, InferenceConfig
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
from onball.spotting.decoding import apply_calibration

KINDS = list(CalibrationKind)


def applied(events: EventList, fitted) -> EventList:
    return EventList.of(apply_calibration(events, InferenceConfig(calibration=fitted.maps)))


def test_pooling_violators_is_isotonic_regression():
    from sklearn.isotonic import IsotonicRegression

    for seed in range(20):
        random = np.random.default_rng(seed)
        count = int(random.integers(1, 60))
        values, weights = random.integers(0, 4, count) / 3, random.uniform(0.1, 3, count)
        reference = IsotonicRegression()
        expected = reference.fit_transform(np.arange(count), values, sample_weight=weights)
        assert pool_adjacent_violators(values, weights) == pytest.approx(expected), seed


def test_maps_increase_strictly_for_all_scores():
    for seed in range(20):
        random = np.random.default_rng(seed)
        count = int(random.integers(1, 400))
        # Many ties, scores at both ends, sometimes no matches or only matches.
        scores = random.integers(0, 30, count) / 29 if seed % 2 else random.random(count) ** 4
        hits = random.random(count) < random.choice([0.0, 0.1, 0.5, 1.0])
        for knots in (fit_probability(scores, hits), fit_rank(scores)):
            config = InferenceConfig(calibration={Action.PASS: knots})
            assert config.calibration[Action.PASS] == knots, seed
            distinct = np.unique(scores)
            assert (np.diff(calibrated(knots, distinct)) > 0).all(), seed


def test_a_probability_is_the_precision_on_unseen_matches():
    fitted = fit_calibration(*([part] for part in skewed(3000, 0)), CalibrationKind.PROBABILITY)
    truth, predictions = skewed(3000, 1)
    before = calibration_errors([truth], [predictions])[Action.PASS]
    after = calibration_errors([truth], [applied(predictions, fitted)])[Action.PASS]
    assert before > 0.2
    assert after < 0.04
    for score, probability in ((0.4, 0.064), (0.7, 0.343), (0.95, 0.857)):
        value = calibrated(fitted.maps[Action.PASS], np.array([score]))[0]
        assert value == pytest.approx(probability, abs=0.08)


def test_ranks_spread_the_scores_evenly():
    scores = np.random.default_rng(0).random(5000) ** 6 * 0.01
    spread = np.sort(calibrated(fit_rank(scores), scores))
    assert np.abs(spread - np.linspace(0, 1, 5000)).max() < 0.07


@pytest.mark.parametrize("kind", KINDS)
def test_exact_ap_is_unchanged_and_ap_of_200_thresholds_recovers_from_tiny_scores(kind):
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
def test_a_rare_action_gets_the_map_and_threshold_of_all_actions_together(kind):
    common, rare = skewed(500, 3), skewed(12, 4, Action.GOAL)
    fitted = fit_calibration(
        [EventList.of([*common[0], *rare[0]])], [EventList.of([*common[1], *rare[1]])], kind
    )
    assert fitted.matched[Action.GOAL] == len(rare[0]) < 10
    assert fitted.pooled == ACTIONS[1:]
    assert fitted.maps[Action.GOAL] == fitted.maps[Action.SHOT] != fitted.maps[Action.PASS]
    assert fitted.report_thresholds[Action.GOAL] == fitted.report_thresholds[Action.SHOT]


def test_too_few_matched_predictions_in_total_are_an_error():
    with pytest.raises(DataError, match="only 0 predictions match a label, 10 or more"):
        fit_calibration([EventList()], [skewed(20, 0)[1]], CalibrationKind.RANK)


@pytest.mark.parametrize("kind", KINDS)
def test_the_threshold_has_the_highest_f1(kind):
    truth, predictions = skewed(400, 5)
    fitted = fit_calibration([truth], [predictions], kind)
    right = {event.position_ms for event in truth}
    confidences = [(e.confidence, e.position_ms in right) for e in applied(predictions, fitted)]

    def f1(threshold: float) -> float:
        kept = [hit for confidence, hit in confidences if confidence >= threshold]
        return 2 * sum(kept) / (len(kept) + len(truth))

    best = f1(fitted.report_thresholds[Action.PASS])
    assert best == max(f1(confidence) for confidence, _ in confidences)


def test_overconfident_scores_get_lower_probabilities():
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
    with pytest.raises(ValidationError, match="unknown action 'PUNT'"):
        ExperimentConfig.model_validate({"inference": {"calibration": {"PUNT": [[0, 0], [1, 1]]}}})
