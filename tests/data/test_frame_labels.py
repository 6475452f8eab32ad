"""Labels of frames: the nearest sampled frame of each event, and conflicts between events."""

from __future__ import annotations

import numpy as np
import pytest

from onball.actions import Action
from onball.data.frame_labels import events_within_radius, frame_targets, label_frames
from onball.events import Event, Team

GRID = np.arange(0, 800, 80)
PASS, SHOT, GOAL = (Event(0, a).class_index for a in (Action.PASS, Action.SHOT, Action.GOAL))


def test_an_event_labels_the_frame_nearest_in_time():
    events = [Event(79, Action.PASS), Event(205, Action.SHOT)]
    assert frame_targets(events, GRID).tolist() == [0, PASS, 0, SHOT, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("order", [1, -1])
def test_the_rarer_of_two_actions_on_one_frame_wins(order):
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


def test_events_beyond_the_video_are_dropped():
    events = [Event(800, Action.PASS), Event(801, Action.SHOT), Event(60_000, Action.GOAL)]
    assert frame_targets(events, GRID).tolist() == [0] * 9 + [PASS]
    assert frame_targets(events, GRID[:0]).tolist() == []


def test_a_frame_has_the_signed_distance_to_its_event():
    labels = label_frames([Event(320, Action.SHOT)], GRID, radius=3)
    assert labels.classes.tolist() == [0, SHOT, SHOT, SHOT, SHOT, SHOT, SHOT, SHOT, 0, 0]
    assert labels.displacements.tolist() == [0, 3, 2, 1, 0, -1, -2, -3, 0, 0]


def test_a_frame_has_the_team_of_its_event():
    events = [
        Event(80, Action.PASS, team=Team.LEFT),
        Event(320, Action.PASS, team=Team.RIGHT),
        Event(640, Action.OUT),
    ]
    sides = label_frames(events, GRID, radius=1).sides
    assert sides.tolist() == [0, 0, 0, 1, 1, 1, -1, -1, -1, -1]


@pytest.mark.parametrize("seed", range(10))
def test_labels_agree_with_a_plain_search_for_the_nearest_event(seed):
    rng = np.random.default_rng(seed)
    times = np.arange(100) * 80
    # One event a frame, so that its frame and class name it.
    frames = rng.choice(100, 15, replace=False)
    teams = list(Team)
    events = [
        Event(80 * int(f), list(Action)[rng.integers(12)], team=teams[rng.integers(3)])
        for f in frames
    ]
    radius = int(rng.integers(0, 8))
    labels = label_frames(events, times, radius=radius)
    for frame in range(100):
        distances = [
            (abs(int(f) - frame), -e.class_index) for f, e in zip(frames, events, strict=True)
        ]
        nearest = min(distances)
        if nearest[0] > radius:
            label = labels.classes[frame], labels.displacements[frame], labels.sides[frame]
            assert label == (0, 0, -1)
            continue
        candidates = {
            (e.class_index, int(f) - frame, {Team.LEFT: 0, Team.RIGHT: 1}.get(e.team, -1))
            for f, e, d in zip(frames, events, distances, strict=True)
            if d == nearest
        }
        label = labels.classes[frame], labels.displacements[frame], labels.sides[frame]
        assert tuple(map(int, label)) in candidates


def test_displacement_side_and_class_of_a_frame_are_those_of_one_event():
    # Two PASSes as near to the frame between them, and two on one frame.
    events = [
        Event(80, Action.PASS, team=Team.LEFT),
        Event(240, Action.PASS, team=Team.RIGHT),
        Event(480, Action.PASS, team=Team.LEFT),
        Event(485, Action.SHOT, team=Team.RIGHT),
    ]
    labels = label_frames(events, GRID, radius=1)
    assert (labels.displacements[2], labels.sides[2]) in {(-1, 0), (1, 1)}
    assert (labels.classes[6], labels.sides[6]) == (SHOT, 1)


def test_a_radius_without_events_gives_background_of_unknown_side():
    labels = label_frames([], GRID, radius=5)
    assert not labels.classes.any() and not labels.displacements.any()
    assert labels.sides.tolist() == [-1] * 10


def test_events_count_up_to_one_frame_beyond_either_end():
    times = GRID + 400
    events = [Event(ms, Action.PASS) for ms in (319, 320, 400, 1120, 1200, 1201)]
    assert [e.position_ms for e in events_within_radius(events, times)] == [320, 400, 1120, 1200]
    assert events_within_radius(events, times[:0]) == []


def test_a_single_frame_has_only_events_at_its_time():
    times = np.array([400])
    events = [Event(ms, Action.PASS) for ms in (399, 400, 401)]
    assert [e.position_ms for e in events_within_radius(events, times)] == [400]
    assert label_frames(events, times, radius=3).classes.tolist() == [PASS]
