"""Numbers of clips with each action."""

from __future__ import annotations

import pytest

from onball.actions import Action
from onball.data.statistics import ClipCounts
from onball.events import Event, EventList


def count(*events: tuple[int, Action], half: int = 1) -> ClipCounts:
    match = EventList.of(Event(ms, action, half=half) for ms, action in events)
    return ClipCounts.of([match], clip_frames=50, fps=12.5)


def test_two_events_of_one_action_in_a_clip_count_once():
    found = count((0, Action.PASS), (3900, Action.PASS), (1000, Action.SHOT))
    assert (found.clips, found.not_empty) == (1, 1)
    assert found.holding[Action.PASS] == 1 and found.holding[Action.SHOT] == 1
    assert found.holding[Action.GOAL] == 0


@pytest.mark.parametrize("position, clips", [(3920, 1), (3959, 1), (3961, 2), (4000, 2)])
def test_an_event_belongs_to_the_nearest_sampled_frame(position, clips):
    assert count((position, Action.PASS)).clips == clips


def test_empty_clips_up_to_the_last_event_count_as_clips():
    found = count((0, Action.PASS), (41_000, Action.PASS))
    assert (found.clips, found.not_empty, found.holding[Action.PASS]) == (11, 2, 2)


def test_clips_are_counted_separately_for_halves_and_matches():
    first, second = (EventList.of([Event(0, Action.PASS, half=half)]) for half in (1, 2))
    found = ClipCounts.of([first, second], 50, 12.5)
    assert (found.clips, found.holding[Action.PASS]) == (2, 2)
    assert ClipCounts.of([], 50, 12.5).clips == 0
