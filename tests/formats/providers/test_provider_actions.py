"""Events of kloppy as actions, and what is corrected of them, with events of stand-in types."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace as Some

import pytest

from onball.actions import Action
from onball.formats.providers.actions import actions_of_events, event_time_ms, is_restart_only

TEAMS = [
    Some(team_id=str(number), name=name, ground=Some(value=name))
    for number, name in ((1, "home"), (2, "away"))
]


def event(kind, entry=None, *, seconds=10.0, period=1, team=0, name="", result="", qualifiers=()):
    """An event with the attributes of kloppy's."""
    return Some(
        event_type=Some(name=kind), raw_event={} if entry is None else entry, event_name=name,
        period=Some(id=period), timestamp=timedelta(seconds=seconds), player=None,
        team=None if team is None else TEAMS[team], result=Some(name=result), coordinates=None,
        receiver_coordinates=None,
        qualifiers=[Some(value=Some(name=qualifier)) for qualifier in qualifiers],
    )  # fmt: skip


def opta(kind, outcome=None, *, minute=0, second=10, **details):
    entry = Some(outcome=outcome, time_min=minute, time_sec=second)
    return event(kind, entry, **details)


def actions(*events):
    found, _ = actions_of_events(Some(records=events, metadata=Some(teams=TEAMS)))
    return [(one.action, one.time_ms, one.team) for one in found]


def test_a_ball_out_that_is_recorded_for_both_teams_is_one_action_of_the_team_that_played_it():
    first = opta("BALL_OUT", 1, team=1)
    assert actions(first, opta("BALL_OUT", 0, seconds=10.4)) == [(Action.OUT, 10_400, 0)]
    later = opta("BALL_OUT", 0, seconds=30, second=30)
    assert len(actions(first, later)) == 2
    other_period = opta("BALL_OUT", 0, minute=45, period=2)
    assert len(actions(first, other_period)) == 2


def test_an_event_that_kloppy_returns_twice_is_one_action():
    entry = {"type": {"primary": "pass"}}
    assert len(actions(event("PASS", entry), event("PASS", entry))) == 1
    assert len(actions(event("PASS", {}), event("PASS", {}))) == 2, "entries of their own"


def test_a_goal_and_an_own_goal_are_actions_besides_and_instead_of_the_shot():
    assert actions(event("SHOT", result="GOAL")) == [
        (Action.SHOT, 10_000, 0), (Action.GOAL, 10_000, 0)
    ]  # fmt: skip
    assert actions(event("SHOT", result="OWN_GOAL")) == [(Action.GOAL, 10_000, 1)]
    assert actions(event("SHOT", {"type": 10, "t": {}}, result="GOAL")) == [
        (Action.GOAL, 10_000, 1)
    ], "DataFactory"
    header = {"subEventId": 82, "tags": [{"id": 102}]}
    assert actions(event("PASS", header, qualifiers=["HEAD"])) == [
        (Action.HEADER, 10_000, 0), (Action.GOAL, 10_000, 1)
    ], "Wyscout, version 2"  # fmt: skip


@pytest.mark.parametrize(
    "entry, expected",
    [
        ({"subEventId": 12}, [Action.PLAYER_SUCCESSFUL_TACKLE]),
        ({"subEventId": 11}, []),
        ({"type": {"secondary": ["defensive_duel"]}}, [Action.PLAYER_SUCCESSFUL_TACKLE]),
        ({"type": {"secondary": ["offensive_duel"]}}, []),
    ],
)
def test_a_duel_won_by_the_player_with_the_ball_is_no_tackle(entry, expected):
    duel = event("DUEL", entry, result="WON", qualifiers=["GROUND"])
    assert [action for action, *_ in actions(duel)] == expected


def test_a_whistle_is_no_ball_out_of_play():
    assert actions(event("BALL_OUT", {"subEventId": 51})) == []
    assert len(actions(event("BALL_OUT", {"subEventId": 50}))) == 1
    interruption = {"type": {"secondary": ["ball_out"]}}
    assert len(actions(event("GENERIC", interruption, name="game_interruption"))) == 1


def test_tackles_crosses_and_high_passes_of_sportec_are_read_from_its_entries():
    tackle = {"Type": "ground", "WinnerRole": "withoutBallControl", "WinnerTeam": "2"}
    found = actions(event("GENERIC", tackle, name="TacklingGame", team=None))
    assert found == [(Action.PLAYER_SUCCESSFUL_TACKLE, 10_000, 1)]
    kept = tackle | {"WinnerRole": "withBallControl"}
    assert actions(event("GENERIC", kept, name="TacklingGame", team=None)) == []
    assert actions(event("PASS", {"Height": "high"}))[0][0] is Action.HIGH_PASS
    cross = {"Height": "high", "Evaluation": "unsuccessful", "Side": "left"}
    assert actions(event("PASS", cross))[0][0] is Action.CROSS


def test_milliseconds_of_wyscout_are_read_from_its_entry():
    entry = {"matchTimestamp": "00:45:10.905"}
    assert event_time_ms(event("PASS", entry, period=2)) == 10_905
    assert event_time_ms(event("PASS", {"matchTimestamp": "00:45:10"}, period=2)) == 10_000


def test_a_clock_of_the_day_that_contradicts_the_match_clock_is_replaced_by_it():
    assert event_time_ms(opta("PASS", seconds=10.9)) == 10_900
    assert event_time_ms(opta("PASS", seconds=400.0)) == 10_000
    assert event_time_ms(opta("PASS", seconds=9.5, minute=45, period=2)) == 9500


def test_an_out_without_a_time_of_its_own_is_recognised():
    assert is_restart_only(event("BALL_OUT", {"type": 46, "t": {"m": 1}}))
    assert not is_restart_only(event("BALL_OUT", {"timestamp": "00:00:01.000"}))
