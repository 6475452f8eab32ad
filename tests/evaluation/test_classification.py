"""AP of clip classifiers compared with scikit-learn and with cases computed by hand."""

import numpy as np
import pytest

from onball.actions import ACTIONS, Action
from onball.errors import DataError
from onball.evaluation.classification import average_precision, evaluate_classification, pr_auc


def sklearn_areas(truth, scores):
    metrics = pytest.importorskip("sklearn.metrics")
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    return metrics.average_precision_score(truth, scores), metrics.auc(recall, precision)


def assert_like_sklearn(truth, scores):
    steps, trapezoid = sklearn_areas(truth, scores)
    assert average_precision(truth, scores) == pytest.approx(steps, abs=1e-12)
    assert pr_auc(truth, scores) == pytest.approx(trapezoid, abs=1e-12)


@pytest.mark.parametrize("levels", [1, 2, 5, 1000])
@pytest.mark.parametrize("positive_rate", [0.02, 0.3, 1.0])
def test_random_scores_with_few_and_many_ties_agree_with_sklearn(levels, positive_rate):
    rng = np.random.default_rng(levels)
    for size in (1, 2, 7, 300, 2000):
        truth = rng.random(size) < positive_rate
        truth[rng.integers(size)] = True
        assert_like_sklearn(truth, rng.integers(levels, size=size) / levels)


@pytest.mark.parametrize(
    "scores",
    [
        [0.9, 0.8, 0.3, 0.2, 0.1, 0.0],  # in order
        [0.0, 0.1, 0.2, 0.3, 0.8, 0.9],  # all wrong
        [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
        [1.0, 0.5, 0.5, 0.5, 0.5, 0.0],
        [1.0, 1.0, 0.0, 0.0, 1.0, 0.0],
        [-3.0, 8.0, 1e-300, 0.0, -0.0, 1e300],  # logits
        [0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3, 0.0],  # all but equal
        [1.0, 1.0 - 1e-16, 0.5, 0.5 + 1e-16, 0.0, 5e-324],
        [0.7, -np.inf, np.inf, np.inf, -np.inf, 0.7],
    ],
)
def test_structured_scores_agree_with_sklearn(scores):
    if np.isinf(scores).any():
        # sklearn refuses infinite scores; the metric depends only on ranks.
        ranks = np.searchsorted(np.unique(scores), scores)
    else:
        ranks = np.asarray(scores)
    for truth in ([1, 1, 0, 0, 0, 0], [0, 1, 0, 1, 0, 1], [0, 0, 0, 0, 0, 1], [1] * 6):
        steps, trapezoid = sklearn_areas(truth, ranks)
        assert average_precision(truth, scores) == pytest.approx(steps, abs=1e-12)
        assert pr_auc(truth, scores) == pytest.approx(trapezoid, abs=1e-12)


def test_a_case_computed_by_hand():
    truth, scores = [False, False, True, True], [0.1, 0.4, 0.35, 0.8]
    # In order of score: correct, wrong, correct, wrong.
    assert average_precision(truth, scores) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    lines = 1 / 2 * 1 + 1 / 2 * (1 / 2 + 2 / 3) / 2
    assert pr_auc(truth, scores) == pytest.approx(lines)


def test_a_constant_score_has_the_fraction_of_positives_as_ap_and_a_higher_trapezoid_area():
    truth = np.arange(100) < 7
    assert average_precision(truth, np.full(100, 0.4)) == pytest.approx(0.07)
    assert pr_auc(truth, np.full(100, 0.4)) == pytest.approx((1 + 0.07) / 2)


def test_the_order_of_clips_does_not_matter():
    rng = np.random.default_rng(1)
    truth, scores = rng.random(200) < 0.2, rng.integers(9, size=200) / 8
    order = rng.permutation(200)
    assert average_precision(truth, scores) == average_precision(truth[order], scores[order])


def test_actions_without_clips_count_as_zero_in_the_mean():
    present = np.zeros((5, 12), bool)
    present[:2, Action.PASS.order] = True
    present[4, Action.GOAL.order] = True
    scores = np.where(present, 0.9, 0.1)
    result = evaluate_classification(present, scores)
    assert [result.ap[action] for action in (Action.PASS, Action.GOAL, Action.SHOT)] == [1, 1, 0]
    assert result.pr_auc[Action.SHOT] == 0
    assert result.map12 == pytest.approx(2 / 12)
    assert result.map10 == pytest.approx(1 / 10)
    assert result.clips == 5
    assert result.positives == {a: int(present[:, a.order].sum()) for a in ACTIONS}


def test_the_means_agree_with_sklearn():
    rng = np.random.default_rng(3)
    present = rng.random((400, 12)) < np.linspace(0.6, 0.02, 12)
    scores = np.round(np.clip(present * 0.3 + rng.random((400, 12)) * 0.7, 0, 1), 2)
    result = evaluate_classification(present, scores.astype(np.float32))
    areas = [sklearn_areas(present[:, c], scores[:, c].astype(np.float32)) for c in range(12)]
    assert [result.ap[a] for a in ACTIONS] == pytest.approx([s for s, _ in areas], abs=1e-12)
    assert [result.pr_auc[a] for a in ACTIONS] == pytest.approx([t for _, t in areas], abs=1e-12)
    assert result.map12 == pytest.approx(np.mean([s for s, _ in areas]), abs=1e-12)
    assert result.map10 == pytest.approx(np.mean([s for s, _ in areas[:10]]), abs=1e-12)


@pytest.mark.parametrize(
    ("present", "scores", "error", "expected"),
    [
        (np.ones((4, 12)), np.ones((4, 11)), ValueError, "shape \\(4, 12\\), scores of"),
        (np.ones((4, 13)), np.ones((4, 13)), ValueError, "give \\[clips, 12\\]"),
        (np.ones(12), np.ones(12), ValueError, "give \\[clips, 12\\]"),
        (np.full((4, 12), 2), np.ones((4, 12)), ValueError, "True or False"),
        (np.ones((4, 12)), np.full((4, 12), np.nan), DataError, "NaN"),
        (np.ones((4, 12)), np.full((4, 12), 1.5), DataError, "from 1.5 to 1.5: .* 0 to 1"),
        (np.ones((4, 12)), np.full((4, 12), -0.1), DataError, "0 to 1"),
        (np.ones((0, 12)), np.ones((0, 12)), DataError, "no clips"),
    ],
)
def test_invalid_input_is_reported_in_one_line(present, scores, error, expected):
    with pytest.raises(error, match=expected) as caught:
        evaluate_classification(present, scores)
    assert "\n" not in str(caught.value)


def test_average_precision_requires_one_number_per_clip():
    with pytest.raises(ValueError, match="one number per clip"):
        average_precision(np.ones((2, 2), bool), np.ones((2, 2)))
    with pytest.raises(ValueError, match="scores of shape"):
        pr_auc([True], [0.1, 0.2])
    assert average_precision([], []) == 0
