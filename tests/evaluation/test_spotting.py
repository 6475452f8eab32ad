"""mAP of spotting compared with the `SoccerNet` package and with cases computed by hand."""

import itertools
import random
import time

import numpy as np
import pytest

from onball.actions import ACTIONS, Action, ActionSet
from onball.errors import ConfigError
from onball.evaluation import LOOSE_TOLERANCES_S, TIGHT_TOLERANCES_S, average_map, evaluate_spotting
from onball.events import Event, EventList
from onball.formats.soccernet_v2 import V2_ACTIONS

SCORES = (0.0, 1.0, 0.5, 0.25, 1 / 199, 0.1 + 0.2)


def oracle(truth, predictions, tolerances_s, fps, actions):
    """`average_mAP` of the package on arrays built by the package, as its `evaluate` does."""
    package = pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")
    dictionary = {action.value: number for number, action in enumerate(actions)}
    targets, detections = [], []
    for labels, results in zip(truth, predictions, strict=True):
        annotations = [
            {
                "gameTime": event.game_time,
                "label": event.label.value,
                "position": str(event.position_ms),
                "visibility": "visible" if event.visible else "not shown",
            }
            for event in labels
        ]
        predicted = [
            {
                "half": str(event.half),
                "label": event.label.value,
                "position": str(event.position_ms),
                "confidence": repr(event.confidence),
            }
            for event in results
        ]
        targets += package.label2vector(
            {"annotations": annotations}, len(actions), fps, EVENT_DICTIONARY=dictionary
        )
        detections += package.predictions2vector(
            {"predictions": predicted}, len(actions), 2, fps, EVENT_DICTIONARY=dictionary
        )
    # `closests` only splits the result by visibility, which the figures compared do not use.
    closests = [np.zeros_like(target) for target in targets]
    mean, per_class, *_ = package.average_mAP(
        targets, detections, closests, fps, deltas=np.array(tolerances_s)
    )
    return mean, dict(zip(actions, per_class, strict=True))


def draw_events(rng, number, minutes, actions, *, frame_ms, scores):
    """Random clustered events, so that windows overlap and frames have several events."""
    centres = [rng.randrange(int(minutes * 60_000)) for _ in range(max(1, number // 4))]
    events = []
    for _ in range(number):
        time_ms = max(0, rng.choice(centres) + rng.randrange(-2_000, 2_000))
        if rng.random() < 0.7:
            time_ms = time_ms // frame_ms * frame_ms
        score = rng.choice(SCORES) if scores == "tied" else rng.random()
        event = Event(
            time_ms,
            rng.choice(actions),
            score,
            half=rng.choice((1, 1, 2)),
            visible=rng.random() < 0.8,
        )
        events += [event] * rng.choice((1, 1, 1, 2))
    rng.shuffle(events)
    # Not `EventList.of`, which sorts: the order in a file decides between two events on one frame.
    return EventList(tuple(events))


def draw_case(seed):
    rng = random.Random(seed)
    fps = rng.choice((1, 2, 3, 5, 25)) if seed % 10 else 25
    actions = ACTIONS if seed % 20 == 0 else tuple(rng.sample(ACTIONS, rng.choice((1, 2, 3))))
    minutes = rng.choice((0.2, 1, 130)) if seed % 7 == 0 else rng.choice((0.2, 1, 5))
    options = {"frame_ms": 1000 // fps, "scores": rng.choice(("tied", "spread"))}
    seen = rng.sample(actions, rng.randint(1, len(actions)))  # the other actions have no labels
    truth, predictions = [], []
    for _ in range(rng.choice((1, 1, 2, 3))):
        truth.append(draw_events(rng, rng.choice((0, 3, 20)), minutes, seen, **options))
        known = [event.position_ms for event in truth[-1]]
        found = draw_events(rng, rng.choice((0, 5, 60)), minutes, ACTIONS, **options)
        near = [
            Event(max(0, t + rng.randrange(-600, 600)), rng.choice(seen), rng.choice(SCORES))
            for t in known
        ]
        predictions.append(EventList(found.events + tuple(near)))
    tolerances = rng.choice(((1,), (1,), (0.5,), (2, 1), (5,), TIGHT_TOLERANCES_S))
    return truth, predictions, tolerances, fps, actions


@pytest.mark.medium
@pytest.mark.parametrize(
    "seeds",
    [
        range(1, 24),
        # The package takes as long for case 0, of 3 matches and 12 actions at 25 frames per second, as
        # for four times all others.
        pytest.param((0, *range(24, 48)), marks=pytest.mark.slow),
        *(pytest.param(range(i, i + 24), marks=pytest.mark.slow) for i in range(48, 240, 24)),
    ],
    ids=lambda seeds: f"{seeds[0]} to {seeds[-1]}",
)
def test_the_metric_equals_the_soccernet_package_on_random_cases(seeds):
    scored = 0
    for seed in seeds:
        truth, predictions, tolerances, fps, actions = draw_case(seed)
        mean, per_class = oracle(truth, predictions, tolerances, fps, actions)
        options = {"fps": fps, "actions": ActionSet.of(actions)}
        ours = average_map(truth, predictions, tolerances_s=tolerances, **options)
        assert ours.map12 == pytest.approx(mean, abs=1e-9), seed
        assert ours.ap == pytest.approx(per_class, abs=1e-9), seed
        if len(tolerances) == 1:
            alone = evaluate_spotting(truth, predictions, tolerance_s=tolerances[0], **options)
            assert alone.ap == pytest.approx(per_class, abs=1e-9), seed
        scored += 0 < mean < 1
    assert scored >= 10, "most cases must be neither empty nor perfect"


def test_the_metric_equals_the_package_at_loose_tolerances_with_overlapping_windows():
    rng = random.Random(99)
    options = {"frame_ms": 40, "scores": "spread"}
    truth = [draw_events(rng, 60, 10, ACTIONS[:3], **options) for _ in range(2)]
    predictions = [draw_events(rng, 300, 10, ACTIONS[:3], **options) for _ in range(2)]
    mean, per_class = oracle(truth, predictions, LOOSE_TOLERANCES_S, 2, ACTIONS[:3])
    ours = average_map(
        truth,
        predictions,
        tolerances_s=LOOSE_TOLERANCES_S,
        fps=2,
        actions=ActionSet.of(ACTIONS[:3]),
    )
    assert ours.map12 == pytest.approx(mean, abs=1e-9)
    assert ours.ap == pytest.approx(per_class, abs=1e-9)


@pytest.mark.parametrize("number", [1, 17])
def test_other_lists_of_classes_equal_the_package(number):
    names = V2_ACTIONS[:number]
    actions = ActionSet.of(names, headline=names[:10])
    rng = random.Random(number)
    options = {"frame_ms": 500, "scores": "spread"}
    truth = [draw_events(rng, 120, 5, actions.names, **options) for _ in range(2)]
    predictions = [
        EventList(draw_events(rng, 200, 5, actions.names, **options).events + one.events[::3])
        for one in truth
    ]
    mean, per_class = oracle(truth, predictions, (1, 2), 2, actions)
    ours = average_map(truth, predictions, tolerances_s=(1, 2), fps=2, actions=actions)
    assert ours.map_all == pytest.approx(mean, abs=1e-9)
    assert ours.ap == pytest.approx(per_class, abs=1e-9)
    headline = [per_class[action] for action in actions.headline]
    assert ours.map_headline == pytest.approx(np.mean(headline), abs=1e-9)
    assert 0.05 < mean < 1


def spot(truth, predictions, **options):
    return evaluate_spotting([EventList.of(truth)], [EventList.of(predictions)], **options)


def test_the_truth_scores_1_and_no_predictions_score_0():
    rng = random.Random(4)
    truth = [Event(i * 5_000, rng.choice(ACTIONS)) for i in range(100)]
    perfect = spot(truth, truth)
    assert perfect.map12 == perfect.map10 == perfect.exact_map12 == perfect.exact_map10 == 1.0
    assert spot(truth, []).map12 == spot([], truth).map12 == spot([], []).exact_map10 == 0.0
    assert evaluate_spotting([], []).map12 == 0.0


@pytest.mark.parametrize(
    ("shift_ms", "found"), [(480, True), (500, True), (520, False), (-480, True), (-520, False)]
)
def test_detections_match_up_to_half_the_tolerance(shift_ms, found):
    result = spot([Event(60_000, Action.SHOT)], [Event(60_000 + shift_ms, Action.SHOT, 0.9)])
    assert result.ap[Action.SHOT] == float(found)


def test_an_action_without_labels_counts_as_zero_in_the_mean():
    result = spot([Event(0, Action.PASS)], [Event(0, Action.PASS, 0.5), Event(0, Action.GOAL, 0.5)])
    assert result.ap[Action.PASS] == 1.0
    assert result.ap[Action.GOAL] == 0.0
    assert result.map12 == pytest.approx(1 / 12)
    assert result.map10 == pytest.approx(1 / 10)


def test_a_second_detection_of_a_label_is_a_false_positive():
    truth = [Event(0, Action.PASS)]
    twice = [Event(0, Action.PASS, 0.5), Event(40, Action.PASS, 0.9)]
    assert spot(truth, twice).ap[Action.PASS] == 1.0  # the higher score is matched
    missed = [
        *twice,
        Event(10_000, Action.PASS, 0.95),
    ]  # a false positive with a higher score halves the precision
    assert spot(truth, missed).ap[Action.PASS] == pytest.approx(1 / 2)


def test_exact_thresholds_depend_only_on_the_order_of_scores():
    truth = [Event(i * 4_000, Action.PASS) for i in range(40)]
    rng = random.Random(5)
    found = [Event(i * 2_000, Action.PASS, rng.random()) for i in range(80)]
    shrunk = [Event(e.position_ms, e.label, e.confidence * 0.01) for e in found]
    plain, small = spot(truth, found), spot(truth, shrunk)
    assert small.exact_ap == plain.exact_ap
    assert small.ap[Action.PASS] != plain.ap[Action.PASS]
    assert plain.exact_ap[Action.PASS] >= plain.ap[Action.PASS]


def test_exact_thresholds_give_the_interpolated_precision():
    truth = [Event(i * 10_000, Action.OUT) for i in range(2)]
    found = [
        Event(0, Action.OUT, 0.9),  # correct: precision 1, recall 1/2
        Event(5_000, Action.OUT, 0.9 - 1e-6),  # wrong, within the same step of 1/199
        Event(10_000, Action.OUT, 0.1),  # correct: precision 2/3, recall 1
    ]
    result = spot(truth, found)
    assert result.exact_ap[Action.OUT] == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    assert result.ap[Action.OUT] == pytest.approx(2 / 3)


def test_counts_agree_with_the_event_lists():
    truth = [Event(0, Action.PASS), Event(0, Action.PASS), Event(40, Action.OUT)]
    result = spot(truth, truth[:1], actions=ActionSet.of([Action.PASS, Action.CROSS]))
    assert result.truth_counts == {Action.PASS: 2, Action.CROSS: 0}
    assert result.prediction_counts == {Action.PASS: 1, Action.CROSS: 0}
    assert set(result.ap) == {Action.PASS, Action.CROSS}


def test_matches_and_halves_are_evaluated_separately():
    late, early = Event(7_199_960, Action.PASS), Event(0, Action.PASS, 0.5)
    apart = evaluate_spotting(
        [EventList.of([late]), EventList()], [EventList(), EventList.of([early])], tolerance_s=7_300
    )
    assert apart.map12 == 0.0
    halves = spot([Event(0, Action.PASS, half=2)], [early], tolerance_s=10_000)
    assert halves.map12 == 0.0


def test_wider_tolerances_never_lower_the_result():
    rng = random.Random(6)
    truth = [Event(i * 3_000, rng.choice(ACTIONS)) for i in range(300)]
    found = [Event(e.position_ms + rng.randrange(2_000), e.label, rng.random()) for e in truth]
    tight = average_map([EventList.of(truth)], [EventList.of(found)])
    steps = [result.exact_map12 for result in tight.results]
    assert [result.tolerance_s for result in tight.results] == list(TIGHT_TOLERANCES_S)
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(steps))
    assert steps[0] < steps[-1]
    assert tight.results[0].map12 < tight.map12 < tight.results[-1].map12
    assert tight.map10 != tight.map12


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tolerance_s": 0}, "give seconds above 0"),
        ({"tolerance_s": float("nan")}, "give seconds above 0"),
        ({"fps": 29.97}, "whole number"),
        ({"fps": 0}, "whole number"),
    ],
)
def test_settings_out_of_range_are_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        spot([], [], **options)


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="1 matches of truth, 0 of predictions"):
        evaluate_spotting([EventList()], [])


def test_ten_times_as_many_detections_take_about_ten_times_as_long():
    rng = random.Random(7)

    def draw(number):
        times = (rng.randrange(135_000) * 40 for _ in range(number))
        return EventList.of([Event(t, rng.choice(ACTIONS), rng.random()) for t in times])

    def took(detections):
        predictions = [draw(detections) for _ in range(2)]
        times = []
        for _ in range(3):
            start = time.process_time()
            evaluate_spotting(truth, predictions)
            times.append(time.process_time() - start)
        return min(times)

    truth = [draw(2_000) for _ in range(2)]
    assert took(50_000) < 40 * took(5_000)  # a hundred times, if each were compared with each
