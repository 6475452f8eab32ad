"""Spotting report: curves, thresholds, timing, confusion, matches and intervals."""

import json
import random

import numpy as np
import pytest

from onball.actions import ACTIONS, Action
from onball.errors import ConfigError
from onball.evaluation import evaluate_spotting, report_spotting
from onball.evaluation.bootstrap import assign_units, weighted_ap
from onball.evaluation.spotting import action_matcher
from onball.events import Event, EventColumns, EventList, Team


def report(truth, predictions, **options):
    return report_spotting([EventList.of(truth)], [EventList.of(predictions)], **options)


def draw(seed, matches=3, labels=150):
    """Matches of 30 minutes with noisy predictions."""
    rng = random.Random(seed)
    truth, predictions = [], []
    for index in range(matches):
        events = [
            Event(rng.randrange(45_000) * 40, rng.choice(ACTIONS), team=rng.choice(list(Team)))
            for _ in range(labels)
        ]
        found = [
            Event(
                max(0, e.position_ms + 40 * round(rng.gauss(0, 8))),
                e.label if rng.random() < 0.8 else rng.choice(ACTIONS),
                rng.random(),
                team=rng.choice((e.team, e.team, Team.LEFT, Team.RIGHT)),
                visible=rng.random() < 0.8,
            )
            for e in events
            for _ in range(3)
        ]
        truth.append(EventList.of(events, f"match {index}"))
        predictions.append(EventList.of(found))
    return truth, predictions


def test_the_report_agrees_with_the_metric_at_every_tolerance():
    truth, predictions = draw(1)
    whole = report_spotting(truth, predictions, tolerance_s=2.0)
    for delta in (0.5, 1, 2, 3, 4, 5):
        assert whole.at(delta) == evaluate_spotting(truth, predictions, tolerance_s=delta)
    assert whole.result == whole.at(2)
    assert whole.as_json()["map12_at1"] == whole.at(1).map12


def test_a_report_is_json_without_nan_even_without_events():
    truth, predictions = draw(2)
    for one in (
        report_spotting(truth, predictions),
        report([], []),
        report([Event(0, Action.PASS)], []),
        report([], [Event(0, Action.GOAL, 0.5)]),
    ):
        text = json.dumps(one.as_json(), allow_nan=False)
        assert json.loads(text)["tolerance_s"] == 1.0
    assert report([], []).timing.median_ms is None


def test_the_best_threshold_has_the_highest_f1():
    truth = [Event(i * 10_000, Action.PASS) for i in range(4)]
    found = [Event(i * 10_000, Action.PASS, 0.9 - i / 10) for i in range(3)]
    found += [Event(5_000, Action.PASS, 0.65), Event(15_000, Action.PASS, 0.1)]
    best = report(truth, found).best[Action.PASS]
    # 0.9, 0.8, 0.7 are correct, 0.65 and 0.1 wrong: three correct detections of three, for four labels.
    assert best.threshold == pytest.approx(0.7)
    assert (best.precision, best.recall) == (1.0, 0.75)
    assert best.f1 == pytest.approx(6 / 7)


def test_an_action_without_a_match_has_no_best_threshold():
    whole = report([Event(0, Action.OUT)], [Event(9_000, Action.OUT, 0.9)])
    best = whole.best[Action.OUT]
    assert best.threshold is None and best.f1 == 0
    assert whole.confusion[Action.OUT.order, 12] == 1
    assert whole.confusion[12].sum() == 0  # so that none of its detections is shown


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_best_point():
    rng = random.Random(3)
    truth = [Event(i * 4_000, Action.PASS) for i in range(900)]
    found = [Event(i * 2_000, Action.PASS, rng.random()) for i in range(1_800)]
    curve = report(truth, found).curves[Action.PASS]
    assert 100 < len(curve.threshold) <= 200
    assert curve.threshold[0] == max(event.confidence for event in found)
    assert curve.threshold[-1] == min(event.confidence for event in found)
    assert curve.recall[-1] == 1.0 and (np.diff(curve.recall) >= 0).all()
    at_best = curve.threshold == curve.best.threshold
    assert curve.recall[at_best] == curve.best.recall


def test_timing_errors_are_signed_and_counted_in_centred_bins():
    truth = [Event(60_000 + i * 10_000, Action.SHOT) for i in range(5)]
    shifts = (-120, -80, 0, 40, 480)
    found = [
        Event(e.position_ms + shift, Action.SHOT, 0.9)
        for e, shift in zip(truth, shifts, strict=True)
    ]
    timing = report(truth, found).timing
    assert (timing.pairs, timing.median_ms, timing.median_absolute_ms) == (5, 0.0, 80.0)
    assert timing.median_ms_per_action == {Action.SHOT: 0.0}
    middles = (timing.edges_ms[:-1] + timing.edges_ms[1:]) / 2
    assert dict(zip(middles, timing.counts, strict=True)) == pytest.approx(
        {middle: float(middle in shifts) for middle in middles}
    )


@pytest.mark.parametrize("tolerance_s", [0.1, 1, 5, 60])
def test_a_histogram_counts_every_pair_at_any_tolerance(tolerance_s):
    truth, predictions = draw(4)
    timing = report_spotting(truth, predictions, tolerance_s).timing
    assert timing.counts.sum() == timing.pairs
    assert len(timing.counts) <= 51 and len(timing.counts) % 2 == 1


def test_confusion_pairs_the_nearest_label_of_any_action():
    truth = [
        Event(10_000, Action.PASS),
        Event(20_000, Action.DRIVE),
        Event(30_000, Action.SHOT),
        Event(40_000, Action.CROSS),
    ]
    found = [
        Event(10_080, Action.PASS, 0.9),
        Event(20_040, Action.PASS, 0.95),  # a drive, detected as a pass
        Event(30_000, Action.SHOT, 0.9),
        Event(30_200, Action.SHOT, 0.95),  # higher, so paired by the metric, but not the nearest
    ]
    matrix = report(truth, found).confusion
    order = {action: action.order for action in ACTIONS}
    expected = np.zeros((13, 13), int)
    expected[order[Action.PASS], order[Action.PASS]] = 1
    expected[order[Action.DRIVE], order[Action.PASS]] = 1
    expected[order[Action.CROSS], 12] = 1
    # Only the higher one exceeds the best threshold of SHOT.
    expected[order[Action.SHOT], order[Action.SHOT]] = 1
    assert matrix.tolist() == expected.tolist()


def test_rows_of_the_confusion_are_the_labels_and_columns_the_detections_shown():
    truth, predictions = draw(5)
    whole = report_spotting(truth, predictions)
    rows = whole.confusion.sum(axis=1)[:12]
    frames = {
        (m, e.label, int(25 * (e.position_ms / 1000))) for m, ev in enumerate(truth) for e in ev
    }
    assert rows.sum() == len(frames)
    assert whole.confusion[:12, :12].trace() > whole.confusion[:12, :12].sum() / 2
    assert whole.confusion[12, 12] == 0


def test_confusion_does_not_pair_events_of_different_matches():
    late, early = Event(7_199_960, Action.PASS), Event(0, Action.PASS, 0.5)
    hit = Event(7_199_960, Action.PASS, 0.4)
    whole = report_spotting(
        [EventList.of([late]), EventList()], [EventList.of([hit]), EventList.of([early])], 7_300
    )
    assert whole.confusion[0, 0] == whole.confusion[12, 0] == 1


def test_the_figures_of_a_match_do_not_depend_on_other_matches():
    truth, predictions = draw(6)
    whole = report_spotting(truth, predictions)
    for row, labels, found in zip(whole.matches, truth, predictions, strict=True):
        alone = evaluate_spotting([labels], [found])
        assert row.name == labels.match
        assert row.ap == pytest.approx(alone.ap, abs=1e-12)
        assert row.map10 == pytest.approx(alone.map10)
    assert sum(row.predictions for row in whole.matches) + whole.same_frame_predictions == sum(
        map(len, predictions)
    )


def test_intervals_contain_the_figure_and_are_reproducible():
    truth, predictions = draw(7, matches=6)
    whole = report_spotting(truth, predictions, seed=5)
    again = report_spotting(truth, predictions, seed=5)
    other = report_spotting(truth, predictions, seed=6)
    assert whole.intervals == again.intervals != other.intervals
    for unit, units in (("matches", 6), ("blocks", 36)):
        interval = whole.intervals[unit]
        assert interval.units == units
        for name in ("map12", "map10"):
            low, high = interval.means[name]
            assert low < getattr(whole.result, name) < high < low + 0.3


def test_a_resample_of_every_match_once_gives_the_metric():
    truth, predictions = draw(8)
    matcher = action_matcher(EventColumns.of(truth), EventColumns.of(predictions), len(truth))
    found = matcher.match(1.0)
    labels, detections, units = assign_units(matcher, found, len(truth), "matches")
    drawn = np.array([[1, 2, 0], [1, 0, 0], [1, 1, 3]], float)
    ap = weighted_ap(matcher, found >= 0, labels, detections, drawn)
    for column, chosen in enumerate(([0, 1, 2], [0, 0, 2], [2, 2, 2])):
        direct = evaluate_spotting([truth[i] for i in chosen], [predictions[i] for i in chosen])
        assert ap[:, column] == pytest.approx(list(direct.ap.values()), abs=1e-12)
    assert units == 3


def test_one_match_or_no_resamples_give_no_interval():
    truth, predictions = draw(9, matches=1)
    one = report_spotting(truth, predictions)
    assert one.intervals["matches"] is None and one.intervals["blocks"] is not None
    assert report_spotting(truth, predictions, resamples=0).intervals["blocks"] is None
    with pytest.raises(ConfigError, match="resamples -1"):
        report_spotting(truth, predictions, resamples=-1)
    with pytest.raises(ConfigError, match="seconds above 0"):
        report_spotting(truth, predictions, 0)


def test_overwritten_predictions_are_counted():
    twice = [Event(0, Action.PASS, 0.5), Event(10, Action.PASS, 0.9)]
    assert report([Event(0, Action.PASS)], twice).same_frame_predictions == 1
