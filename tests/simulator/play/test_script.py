"""Possession script: gaps between actions, and the pace that keeps the rates."""

from __future__ import annotations

import numpy as np
import pytest

from onball.actions import ACTIONS, Action
from onball.simulator.play.script import Pace, draw_gap


def test_gaps_have_the_reference_quantiles():
    rng = np.random.default_rng(0)
    gaps = [draw_gap(rng, (0.7, 1.3, 2.6)) for _ in range(4000)]
    assert np.quantile(gaps, [0.1, 0.5, 0.9]) == pytest.approx([0.7, 1.3, 2.6], rel=0.06)


def test_pace_prefers_overdue_actions():
    pace = Pace(dict.fromkeys(ACTIONS, 1.0), seed=0)
    for _ in range(120):
        pace.record(Action.PASS, 1.0)
    assert pace.due(Action.PASS) < -100 and pace.due(Action.SHOT) > 1
    assert pace.weight(Action.PASS) < 1 < pace.weight(Action.SHOT)


def test_pauses_do_not_count_as_time_in_play():
    pace = Pace(dict.fromkeys(ACTIONS, 1.0), seed=0)
    before = pace.due(Action.GOAL)
    pace.record(Action.PASS, 60.0)
    assert pace.due(Action.GOAL) == before


def test_neighbouring_seeds_spread_a_rare_action_evenly():
    # A free kick every 20 minutes: 40 matches of 10 minutes should see about 20, not 0 and not 40.
    rates = dict.fromkeys(ACTIONS, 0.05)
    due = []
    for seed in range(40):
        pace = Pace(rates, seed)
        for _ in range(600):
            pace.record(Action.PASS, 1.0)
        due.append(pace.due(Action.FREE_KICK) > 0.5)
    assert 17 <= np.sum(due) <= 23
