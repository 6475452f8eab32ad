"""Labels of recorded matches: events of providers as actions, times, sides."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from recording_files import (
    AWAY,
    END,
    HOME,
    SB_BALL_RECEIPT,
    SB_BLOCK,
    SB_CARRY,
    SB_CLEARANCE,
    SB_DUEL,
    SB_INTERCEPTION,
    SB_OWN_GOAL,
    SB_PASS,
    SB_PRESSURE,
    SB_SHOT,
    StatsBombEvent,
    labels,
    players,
    turned,
    write_statsbomb,
    write_tracab,
)

pytest.importorskip("kloppy")

from onball.actions import Action
from onball.errors import OnballWarning
from onball.events import Event, EventList, Team
from onball.formats.event_table import write_event_table
from onball.formats.soccernet import write_labels
from onball.simulator.recorded.match import recorded_motion
from onball.simulator.world import (
    PLAYERS,
    TICK_MS,
    Gesture,
)

# Warnings list the ignored parts of event data; tests of these warnings catch them.
pytestmark = pytest.mark.filterwarnings("ignore::onball.errors.OnballWarning")


CASES: list[tuple[int, int, dict[str, object], Action]] = [
    (SB_PASS, HOME, END | {"type": {"id": 65}}, Action.PASS),
    (SB_CARRY, HOME, END, Action.DRIVE),
    (SB_PASS, HOME, END | {"height": {"id": 3}}, Action.HIGH_PASS),
    (SB_PASS, AWAY, END | {"body_part": {"id": 37}, "height": {"id": 3}}, Action.HEADER),
    (SB_INTERCEPTION, HOME, {"outcome": {"id": 4}}, Action.BALL_PLAYER_BLOCK),
    (SB_BLOCK, AWAY, {}, Action.BALL_PLAYER_BLOCK),
    (SB_DUEL, AWAY, {"type": {"id": 11}, "outcome": {"id": 4}}, Action.PLAYER_SUCCESSFUL_TACKLE),
    (SB_CLEARANCE, AWAY, {"body_part": {"id": 40}}, Action.HIGH_PASS),
    (SB_CLEARANCE, AWAY, {"body_part": {"id": 37}}, Action.HEADER),
    (SB_PASS, AWAY, END | {"type": {"id": 67}}, Action.THROW_IN),
    (SB_PASS, HOME, END | {"type": {"id": 62}, "height": {"id": 3}}, Action.FREE_KICK),
    (SB_PASS, HOME, END | {"type": {"id": 61}}, Action.CROSS),
    (SB_PASS, HOME, END | {"cross": True, "height": {"id": 3}}, Action.CROSS),
    (SB_PASS, AWAY, {"end_location": [110.5, 40.5], "type": {"id": 63}}, Action.HIGH_PASS),
    (SB_PASS, AWAY, END | {"type": {"id": 63}}, Action.PASS),
    (SB_SHOT, HOME, END | {"outcome": {"id": 100}}, Action.SHOT),
]  # fmt: skip


def test_events_become_the_twelve_actions(tmp_path):
    files = write_tracab(tmp_path, players(), seconds=20.0, halves=2)
    script: list[StatsBombEvent] = [
        (period, 1.0 + index, kind, team, 4, details)
        for period in (1, 2)
        for index, (kind, team, details, _) in enumerate(CASES)
    ]
    lost = {"type": {"id": 11}, "outcome": {"id": 13}}
    script += [(1, 18.2, SB_DUEL, HOME, 4, lost), (1, 18.4, SB_PRESSURE, HOME, 4, {})]
    script += [(1, 18.5, SB_BALL_RECEIPT, HOME, 4, {}), (1, 18.6, SB_PRESSURE, HOME, 4, {})]
    script += [(1, 40.0, SB_PASS, HOME, 4, END)]
    with pytest.warns(OnballWarning) as caught:
        motion = recorded_motion(**files, **write_statsbomb(tmp_path, script))
    messages = " ".join(str(w.message) for w in caught if issubclass(w.category, OnballWarning))
    assert "2 PRESSURE" in messages and "1 DUEL" in messages and "1 actions outside" in messages
    second = motion.halves[1] * TICK_MS
    expected = []
    for begin, home in ((0, Team.LEFT), (second, Team.RIGHT)):
        expected += [
            (begin + 1000 + 1000 * index, action, home if team == HOME else home.other)
            for index, (_, team, _, action) in enumerate(CASES)
        ]
    assert labels(motion) == expected
    assert {event.half for event in motion.events} == {1}, "one video, one time"
    before, after = motion.dead_times
    assert (before.begin_ms, before.end_ms) == (16_000, second)
    assert (after.begin_ms, after.end_ms, after.person) == (second, second + 1000, 3)
    assert after.begins_half and not before.begins_half


def test_goal_and_out_are_labelled_when_the_ball_crosses_the_line(tmp_path):
    def ball(seconds: float) -> tuple[float, float, float]:
        if seconds < 6:  # kicked over the touchline at 1 s, out at 3.0 s
            return 0.0, min(33.98, 20.0 + 7.0 * max(0.0, seconds - 1.0)) + 0.1 * (seconds >= 3), 0.1
        return 40.0 + 10.0 * min(2.0, max(0.0, seconds - 7.0)), 1.0, 0.5  # over the line at 8.25 s

    script: list[StatsBombEvent] = [
        (1, 1.0, SB_PASS, HOME, 4, END | {"outcome": {"id": 75}}),
        (1, 5.0, SB_PASS, AWAY, 4, END | {"type": {"id": 67}}),
        (1, 7.0, SB_SHOT, HOME, 9, END | {"outcome": {"id": 97}}),
        (1, 10.0, SB_OWN_GOAL, HOME, 4, {}),
    ]
    motion = recorded_motion(
        **write_tracab(tmp_path, players(), ball, seconds=12.0), **write_statsbomb(tmp_path, script)
    )
    assert [(label, team) for _, label, team in labels(motion)] == [
        (Action.PASS, Team.LEFT), (Action.OUT, Team.LEFT), (Action.THROW_IN, Team.RIGHT),
        (Action.SHOT, Team.LEFT), (Action.GOAL, Team.LEFT), (Action.GOAL, Team.RIGHT),
    ]  # fmt: skip
    times = [event.position_ms for event in motion.events]
    assert times[1] == pytest.approx(3000, abs=40) and times[4] == pytest.approx(8280, abs=40)
    out, goal = motion.dead_times
    assert (out.begin_ms, out.end_ms, out.person) == (times[1], 5000, 14)
    assert (goal.begin_ms, goal.person) == (times[4], 8)
    assert motion.gesture[times[4] // TICK_MS + 20, 8] == Gesture.CELEBRATE


def test_a_goal_without_a_visible_ball_is_a_second_after_the_shot(tmp_path):
    script: list[StatsBombEvent] = [(1, 2.0, SB_SHOT, AWAY, 9, END | {"outcome": {"id": 97}})]
    motion = recorded_motion(
        **write_tracab(tmp_path, players()), **write_statsbomb(tmp_path, script)
    )
    assert labels(motion) == [(2000, Action.SHOT, Team.RIGHT), (3000, Action.GOAL, Team.RIGHT)]


def test_a_pass_above_head_height_is_a_high_pass(tmp_path):
    def ball(seconds: float) -> tuple[float, float, float]:
        return 10.0 * seconds, 0.0, 0.1 + 4.0 * max(0.0, np.sin(np.pi * (seconds - 1.0)))

    script: list[StatsBombEvent] = [
        (1, 1.0, SB_PASS, HOME, 7, END), (1, 2.0, SB_PASS, HOME, 8, END), (1, 2.8, SB_CARRY, HOME, 9, END)
    ]  # fmt: skip
    files = write_tracab(tmp_path, players(), ball, seconds=4.0)
    motion = recorded_motion(**files, **write_statsbomb(tmp_path, script))
    found = [event.label for event in motion.events]
    assert found == [Action.HIGH_PASS, Action.PASS, Action.DRIVE]


@pytest.mark.parametrize(
    "write, name", [(write_labels, "Labels-ball.json"), (write_event_table, "e.csv")]
)
def test_labels_can_come_from_files_of_soccernet_and_onball(tmp_path, write, name):
    wanted = EventList.of(
        [
            Event(1000, Action.PASS, team=Team.LEFT),
            Event(2000, Action.OUT, team=Team.RIGHT),
            Event(10_000, Action.SHOT, team=Team.LEFT),
        ],
        match="a/b/c",
    )
    write(wanted, tmp_path / name)
    files = write_tracab(tmp_path, players(), halves=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        motion = recorded_motion(**files, events=tmp_path / name, name="a/b/c")
    assert motion.events.events == wanted.events and motion.events.match == wanted.match
    kicker = int(np.flatnonzero(motion.gesture[25])[0])
    assert kicker < 11, "left is the home team in the first half"
    assert 11 <= int(np.flatnonzero(motion.gesture[250])[0]) < PLAYERS


def test_a_turned_recording_turns_the_sides_of_its_labels(tmp_path):
    write_labels(EventList.of([Event(1000, Action.PASS, team=Team.LEFT)]), tmp_path / "l.json")
    tracks = {key: turned(track) for key, track in players().items()}
    motion = recorded_motion(**write_tracab(tmp_path, tracks), events=tmp_path / "l.json")
    assert labels(motion) == [(1000, Action.PASS, Team.RIGHT)]


def test_events_are_cut_to_the_selected_span_of_the_tracking(tmp_path):
    script: list[StatsBombEvent] = [
        (1, 1.0, SB_PASS, HOME, 7, END), (1, 3.0, SB_CARRY, HOME, 8, END)
    ]  # fmt: skip
    files = write_tracab(tmp_path, players()) | write_statsbomb(tmp_path, script)
    motion = recorded_motion(**files, start_ms=2000, duration_ms=2000)
    assert labels(motion) == [(1000, Action.DRIVE, Team.LEFT)]
    assert motion.gesture[25, 7] in (Gesture.TOUCH_LEFT, Gesture.TOUCH_RIGHT)
    assert labels(recorded_motion(**files, start_ms=4000, duration_ms=1000)) == []
