"""Team-aware AP compared with a direct implementation of its definition, and cases by hand."""

import random

import pytest

from onball.actions import ACTIONS, Action
from onball.evaluation import report_spotting
from onball.events import Event, EventList, Team

SIDES = (Team.LEFT, Team.RIGHT)


def slow_ap(truth, predictions, tolerance_s):
    """AP of one action and side in plain loops, from lists of (frame, score) for each match."""
    outcome, positives = [], 0
    for labels, found in zip(truth, predictions, strict=True):
        labels = sorted(set(labels))
        scores = dict(found)  # the last one on a frame counts
        positives += len(labels)
        right = set()
        for label in labels:
            near = [f for f in sorted(scores) if abs(f - label) <= tolerance_s * 25 / 2]
            near = [f for f in near if f not in right]
            if near:
                right.add(max(near, key=lambda f: (scores[f], -f)))
        outcome += [(score, frame in right) for frame, score in scores.items()]
    points = []
    for step in range(200):
        kept = [good for score, good in outcome if score >= step * (1 / 199)]
        if kept and positives:
            points.append((sum(kept) / positives, sum(kept) / len(kept)))
    levels = [max((p for r, p in points if r >= level / 10), default=0.0) for level in range(11)]
    return sum(levels) / 11, positives


def slow_team_ap(truth, predictions, tolerance_s):
    result = {}
    for action in ACTIONS:
        parts = []
        for side in SIDES:
            chosen = [
                [
                    [
                        (int(25 * (e.position_ms / 1000)), e.confidence)
                        for e in events
                        if e.label is action and e.team is side
                    ]
                    for events in lists
                ]
                for lists in (truth, predictions)
            ]
            labels = [[frame for frame, _ in match] for match in chosen[0]]
            parts.append(slow_ap(labels, chosen[1], tolerance_s))
        total = sum(n for _, n in parts)
        result[action] = sum(ap * n for ap, n in parts) / total if total else 0.0
    return result


def draw(rng, number, actions):
    events = [
        Event(
            rng.randrange(60_000),
            rng.choice(actions),
            rng.random(),
            team=rng.choice((*SIDES, *SIDES, Team.UNKNOWN)),
            visible=rng.random() < 0.6,
        )
        for _ in range(number)
    ]
    return EventList(tuple(events))


@pytest.mark.parametrize("seed", range(12))
def test_team_ap_equals_a_direct_implementation(seed):
    rng = random.Random(seed)
    actions = rng.sample(ACTIONS, rng.choice((2, 5, 12)))
    truth = [draw(rng, rng.choice((1, 30)), actions[:-1]) for _ in range(2)]
    predictions = [draw(rng, 80, actions) for _ in range(2)]
    tolerance = rng.choice((1.0, 3.0))
    teams = report_spotting(truth, predictions, tolerance, resamples=0).teams
    expected = slow_team_ap(truth, predictions, tolerance)
    assert teams.ap == pytest.approx(expected, abs=1e-9)
    assert teams.map12 == pytest.approx(sum(expected.values()) / 12, abs=1e-9)


def team_report(truth, predictions):
    return report_spotting([EventList.of(truth)], [EventList.of(predictions)], resamples=0).teams


def test_sides_are_weighted_by_all_their_labels():
    truth = [Event(i * 5_000, Action.PASS, team=Team.LEFT, visible=False) for i in range(3)]
    truth += [Event(60_000, Action.PASS, team=Team.RIGHT)]
    right_only = [Event(60_000, Action.PASS, 0.9, team=Team.RIGHT)]
    result = team_report(truth, right_only)
    assert result.ap[Action.PASS] == pytest.approx(1 / 4)
    assert result.side_ap == {(Action.PASS, "left"): 0.0, (Action.PASS, "right"): 1.0}
    assert result.map12 == pytest.approx(1 / 48) and result.map10 == pytest.approx(1 / 40)


def test_detections_of_the_wrong_side_do_not_match():
    truth = [Event(0, Action.SHOT, team=Team.LEFT)]
    assert team_report(truth, [Event(0, Action.SHOT, 0.9, team=Team.RIGHT)]).map12 == 0
    assert team_report(truth, [Event(0, Action.SHOT, 0.9, team=Team.LEFT)]).map12 > 0


def test_events_without_a_side_are_counted_and_labels_without_any_give_no_figure():
    truth = [Event(0, Action.SHOT, team=Team.LEFT), Event(9_000, Action.SHOT)]
    result = team_report(truth, [Event(0, Action.SHOT, 0.9)])
    assert (result.labels_without_side, result.predictions_without_side) == (1, 1)
    assert team_report([Event(0, Action.SHOT)], []) is None
