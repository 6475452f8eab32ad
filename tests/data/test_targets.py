"""Targets: events land on the nearest sampled frame, and clashes have a rule."""

from __future__ import annotations

import numpy as np
import pytest

from onball.actions import Action
from onball.classes import class_of
from onball.data.targets import frame_targets, nearest_frames
from onball.events import Event

GRID = np.arange(0, 800, 80)
PASS, SHOT, GOAL = (class_of(a) for a in (Action.PASS, Action.SHOT, Action.GOAL))


def test_an_event_labels_the_frame_nearest_in_time():
    events = [Event(79, Action.PASS), Event(205, Action.SHOT)]
    assert frame_targets(events, GRID).tolist() == [0, PASS, 0, SHOT, 0, 0, 0, 0, 0, 0]


def test_of_two_frames_as_near_the_earlier_is_taken():
    assert nearest_frames(np.array([40, 120, 0, 720, 9000]), GRID).tolist() == [0, 1, 0, 9, 9]


def test_nearest_frames_agree_with_a_plain_search_on_uneven_times():
    rng = np.random.default_rng(0)
    times = np.unique(rng.integers(0, 10_000, 200))
    positions = rng.integers(0, 11_000, 500)
    plain = np.abs(positions[:, None] - times[None]).argmin(axis=1)
    assert nearest_frames(positions, times).tolist() == plain.tolist()


@pytest.mark.parametrize("order", [1, -1])
def test_on_one_frame_the_rarer_action_wins(order):
    events = [Event(160, Action.SHOT), Event(165, Action.GOAL), Event(155, Action.PASS)][::order]
    assert frame_targets(events, GRID)[2] == GOAL


def test_dilation_labels_neighbours_and_stops_at_the_ends():
    events = [Event(0, Action.PASS), Event(400, Action.SHOT), Event(720, Action.GOAL)]
    expected = [PASS, PASS, 0, 0, SHOT, SHOT, SHOT, 0, GOAL, GOAL]
    assert frame_targets(events, GRID, dilation=1).tolist() == expected


def test_a_nearer_event_beats_a_dilated_rarer_one():
    events = [Event(160, Action.GOAL), Event(240, Action.PASS)]
    expected = [GOAL, GOAL, GOAL, PASS, PASS, PASS, 0, 0, 0, 0]
    assert frame_targets(events, GRID, dilation=2).tolist() == expected


def test_events_beyond_the_video_are_left_out():
    events = [Event(800, Action.PASS), Event(801, Action.SHOT), Event(60_000, Action.GOAL)]
    assert frame_targets(events, GRID).tolist() == [0] * 9 + [PASS]
    assert frame_targets(events, GRID[:0]).tolist() == []
