"""Statistics of labelled play, against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from onball.actions import ACTIONS, Action
from onball.assets import reference_statistics
from onball.data.statistics import (
    PlayStatistics,
    Reference,
    Transition,
    compare,
    mixture_density,
    mixture_median,
    play_stretches,
)
from onball.events import Event, EventList, Team
from onball.simulator.play.script import draw_gap

LEFT, RIGHT, UNKNOWN = Team.LEFT, Team.RIGHT, Team.UNKNOWN


def match(*events: tuple[int, Action, Team] | tuple[int, Action, Team, int]) -> EventList:
    return EventList.of(
        Event(e[0], e[1], team=e[2], half=e[3] if len(e) > 3 else 1) for e in events
    )


def test_neighbours_more_than_five_seconds_apart_are_in_different_stretches():
    events = match(
        (0, Action.PASS, LEFT), (5000, Action.DRIVE, LEFT), (10_001, Action.OUT, LEFT)
    )  # fmt: skip
    assert [len(stretch) for stretch in play_stretches(events)] == [2, 1]


def test_halves_are_separate_and_sorted_by_time():
    events = match(
        (0, Action.PASS, LEFT), (1000, Action.DRIVE, RIGHT, 2), (2000, Action.SHOT, LEFT),
        (3000, Action.PASS, RIGHT, 2),
    )  # fmt: skip
    labels = [[event.label for event in stretch] for stretch in play_stretches(events)]
    assert labels == [[Action.PASS, Action.SHOT], [Action.DRIVE, Action.PASS]]


def test_without_events_there_are_no_stretches_and_no_statistics():
    assert list(play_stretches(EventList())) == []
    play = PlayStatistics.of([EventList(), match((500, Action.GOAL, LEFT))])
    assert (play.matches, play.events, play.stretches, play.in_play_minutes) == (2, 1, 1, 0)
    assert play.same_team is None
    goal = play.actions[Action.GOAL]
    assert (goal.events, goal.per_minute, goal.gaps_s, goal.same_team) == (1, None, None, None)


def test_everything_is_counted_within_stretches():
    play = PlayStatistics.of(
        [
            # 4 s in play: gaps after PASS 1 s and 2 s, after DRIVE 1 s.
            match(
                (0, Action.PASS, LEFT), (1000, Action.DRIVE, LEFT), (2000, Action.PASS, LEFT),
                (4000, Action.HEADER, RIGHT),
                # A single event is counted, but adds no time, gap or team.
                (60_000, Action.PASS, RIGHT),
            ),
            # 2 s in play: after PASS 2 s.
            match((7000, Action.PASS, RIGHT), (9000, Action.OUT, RIGHT)),
        ]
    )  # fmt: skip
    assert (play.matches, play.events, play.stretches) == (2, 7, 3)
    assert play.in_play_minutes == pytest.approx(0.1)
    passes = play.actions[Action.PASS]
    assert passes.events == 4 and passes.per_minute == pytest.approx(40)
    # Of 1, 2 and 2 seconds: the 10 % quantile lies a fifth of the way from the first to the second.
    assert passes.gaps_s == pytest.approx((1.2, 2.0, 2.0))
    assert passes.same_team == pytest.approx(2 / 3)
    assert play.actions[Action.DRIVE].gaps_s == (1.0, 1.0, 1.0)
    assert play.actions[Action.HEADER].gaps_s is None
    assert play.same_team == pytest.approx(3 / 4)
    assert sum(found.events for found in play.actions.values()) == play.events


def test_a_change_of_sides_at_half_time_is_not_a_change_of_possession():
    play = PlayStatistics.of(
        [
            match(
                (0, Action.PASS, LEFT), (1000, Action.DRIVE, LEFT),
                (31_000, Action.PASS, RIGHT), (32_000, Action.DRIVE, RIGHT),
            )
        ]
    )  # fmt: skip
    assert play.same_team == 1


def test_events_of_an_unknown_team_count_for_gaps_but_not_for_possession():
    play = PlayStatistics.of(
        [match((0, Action.PASS, LEFT), (1000, Action.DRIVE, UNKNOWN), (1500, Action.PASS, UNKNOWN))]
    )
    assert play.same_team is None
    assert play.actions[Action.DRIVE].gaps_s == (0.5, 0.5, 0.5)


def test_the_median_of_a_single_transition_is_its_quantile():
    assert mixture_median([Transition(0.3, (0.7, 1.4, 3.0))]) == pytest.approx(1.4)


def test_the_median_of_a_mixture_is_that_of_many_draws():
    transitions = [Transition(0.6, (0.23, 0.44, 0.84)), Transition(0.3, (1.34, 2.12, 3.16))]
    rng = np.random.default_rng(0)
    draws = [
        draw_gap(rng, transition.quantiles_s)
        for transition in transitions
        for _ in range(round(transition.weight * 100_000))
    ]
    assert mixture_median(transitions) == pytest.approx(np.median(draws), rel=0.02)
    assert abs(mixture_median(transitions) - (0.6 * 0.44 + 0.3 * 2.12) / 0.9) > 0.1


def test_weights_are_normalised():
    parts = [Transition(1.0, (0.5, 1.0, 2.0)), Transition(2.0, (1.0, 3.0, 4.0))]
    rare = [Transition(part.weight / 10, part.quantiles_s) for part in parts]
    assert mixture_median(rare) == pytest.approx(mixture_median(parts), abs=1e-5)


def test_the_reference_is_read_from_its_file():
    reference = Reference.of(reference_statistics())
    assert set(reference.per_minute) == set(ACTIONS)
    assert reference.median_gap_s[Action.OUT] == pytest.approx(3.42, abs=1e-5)
    assert Action.GOAL not in reference.median_gap_s
    assert 1.28 < reference.median_gap_s[Action.PASS] < 1.32


def test_the_reference_has_the_properties_in_the_docstring():
    content = reference_statistics()
    minutes, rates = content["in_play_minutes"], content["events_per_in_play_minute"]
    assert sum(rates.values()) * minutes == pytest.approx(12357, abs=2)
    highest = [
        entry["gap_s_p10_p50_p90"][2]
        for following in content["transitions"].values()
        for entry in following.values()
    ]
    assert max(highest) == 4.75
    assert set(content["transitions"]["OUT"]) == {"THROW IN"}


def steady(seconds: int, step_ms: int, labels: list[Action]) -> EventList:
    """Events of one team, one each `step_ms`, the labels in turn."""
    times = range(0, seconds * 1000 + 1, step_ms)
    return match(*((time, labels[i % len(labels)], LEFT) for i, time in enumerate(times)))


def test_each_statistic_has_its_own_tolerance():
    reference = Reference(
        per_minute=dict.fromkeys(ACTIONS, 27.0),
        median_gap_s=dict.fromkeys(ACTIONS, 1.2),
        gap_density=dict.fromkeys(ACTIONS, 0.5),
        same_team=0.95,
        in_play_minutes=100,
    )
    # 60 gaps of 1 s: 31 PASS and 30 GOAL in one minute; 14.8 and 11.1 % above the reference.
    rows = compare(PlayStatistics.of([steady(60, 1000, [Action.PASS, Action.GOAL])]), reference)
    assert len(rows) == 12 + 4 + 1
    found = {(row.quantity, row.action): row for row in rows}
    passes, goals = (found["per_minute", a] for a in (Action.PASS, Action.GOAL))
    assert passes.difference == pytest.approx(100 * (31 / 27 - 1)) and not passes.within
    assert goals.difference == pytest.approx(100 * (30 / 27 - 1)) and goals.within
    assert (passes.tolerance, goals.tolerance) == (10, 25)
    assert passes.chance == pytest.approx(196 / math.sqrt(27), rel=1e-4)
    assert (passes.verdict, goals.verdict) == ("too few to tell", "within")
    gap = found["median_gap_s", Action.PASS]
    assert gap.difference == pytest.approx(-100 / 6) and not gap.within
    # 30 gaps after PASS, with a density of 0.5 per second: 1.96 / (2 * 0.5 * sqrt(30)) s.
    assert gap.chance == pytest.approx(100 * 1.95996 / math.sqrt(30) / 1.2, rel=1e-4)
    assert gap.verdict == "too few to tell"
    assert found["median_gap_s", Action.DRIVE].difference is None
    assert not found["median_gap_s", Action.DRIVE].within, "what never happens is not within"
    same_team = found["same_team", None]
    assert same_team.found == 1 and same_team.difference == pytest.approx(5) and same_team.within


def test_the_same_difference_is_random_in_a_minute_and_not_in_an_hour():
    reference = Reference(
        per_minute=dict.fromkeys(ACTIONS, 27.0),
        median_gap_s=dict.fromkeys(ACTIONS, 1.0),
        gap_density=dict.fromkeys(ACTIONS, 0.5),
        same_team=0.95,
        in_play_minutes=100,
    )
    for seconds, verdict in ((60, "too few to tell"), (3600, "outside")):
        play = PlayStatistics.of([steady(seconds, 1000, [Action.PASS, Action.GOAL])])
        row = compare(play, reference)[0]
        assert row.action is Action.PASS and row.difference > 10
        assert row.verdict == verdict


def test_the_density_at_the_median_is_that_of_many_draws():
    transitions = [Transition(0.6, (0.23, 0.44, 0.84)), Transition(0.3, (1.34, 2.12, 3.16))]
    rng = np.random.default_rng(0)
    draws = [
        draw_gap(rng, transition.quantiles_s)
        for transition in transitions
        for _ in range(round(transition.weight * 50_000))
    ]
    near = np.mean([0.45 < gap < 0.55 for gap in draws]) / 0.1
    assert mixture_density(transitions, 0.5) == pytest.approx(near, rel=0.05)


@pytest.mark.parametrize(
    "action, tolerance",
    [(a, 25 if a in ACTIONS[8:] else 10) for a in ACTIONS],
)  # fmt: skip
def test_rare_actions_have_a_wider_tolerance(action, tolerance):
    rows = compare(PlayStatistics.of([]), Reference.of(reference_statistics()))
    (row,) = [row for row in rows if row.quantity == "per_minute" and row.action is action]
    assert row.tolerance == tolerance and not row.within
