"""Event data of providers become tags on the clock of their period; bad input is one clear line."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from provider_files import (
    TEAMS,
    Played,
    played,
    write_datafactory,
    write_opta,
    write_sportec,
    write_stats_perform,
    write_statsbomb,
    write_wyscout_2,
    write_wyscout_3,
)
from simulated_play import HALF_MS, simulated_labels

pytest.importorskip("kloppy")

from onball.actions import Action
from onball.errors import InputError, LabelError, MissingDependencyError
from onball.formats.tags import FORMATS, Clock, read_tags
from onball.formats.tags.reading import recognise

SAMPLES = Path(importlib.util.find_spec("kloppy").origin).parent / "tests" / "files"
WRITERS = {
    "statsbomb": write_statsbomb,
    "wyscout": write_wyscout_3,
    "opta": write_opta,
    "statsperform": write_stats_perform,
    "sportec": write_sportec,
    "datafactory": write_datafactory,
}
PLAY = [
    Played(Action.PASS, 1200),
    Played(Action.HIGH_PASS, 4480),
    Played(Action.OUT, 6160),
    Played(Action.THROW_IN, 12_040, team=1),
    Played(Action.PASS, 2640, period=2),
    Played(Action.CROSS, 5120, period=2, team=1),
    Played(Action.SHOT, 6320, period=2, team=1),
    Played(Action.GOAL, 7000, period=2, team=1),
]


def events_file(written):
    return written[0] if isinstance(written, tuple) else written


def rows(file):
    return [(tag.code, round(1000 * tag.start_s), tag.period, tag.team) for tag in file.tags]


def truth(actions, kept):
    return [
        (str(one.action), one.time_ms, one.period, TEAMS[one.team])
        for one in actions
        if one.action in kept
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_a_format_is_recognised_and_read_with_its_second_file(name, tmp_path):
    path = events_file(WRITERS[name](tmp_path, PLAY))
    assert recognise(path) == name and name in FORMATS
    file = read_tags(path)
    assert (file.format, file.clock) == (name, Clock.PERIOD)
    assert (file.home, file.away) == TEAMS
    assert file.period_starts_s == {}, "they say nothing about a video"
    found = [row for row in rows(file) if row[0] != "GOAL"]
    if name == "datafactory":  # whole seconds, and no time for a ball out of play
        expected = [(a, ms // 1000 * 1000, *rest) for a, ms, *rest in truth(PLAY, set(Action))]
        expected = [row for row in expected if row[0] not in ("OUT", "GOAL")]
        assert any("whole seconds" in note for note in file.notes)
        assert any("2 balls out of play that have no time" in note for note in file.notes)
    else:
        expected = truth(PLAY, set(Action) - {Action.GOAL})
    if name == "sportec":  # with the kick-offs, which are passes
        expected = [
            ("PASS", 0, 1, TEAMS[0]), *expected[:4], ("PASS", 0, 2, TEAMS[0]), *expected[4:]
        ]  # fmt: skip
    assert found == expected


@pytest.mark.parametrize("write", [write_statsbomb, write_wyscout_3])
def test_two_halves_of_a_simulated_match_come_back_exactly(write, tmp_path):
    labels = simulated_labels()
    actions = played(labels, {1: 0, 2: HALF_MS})
    path = events_file(write(tmp_path, actions))
    left_out = set() if write is write_statsbomb else {Action.GOAL}
    found = [row for row in rows(read_tags(path)) if row[0] not in left_out]
    assert found == truth(actions, set(Action) - left_out)
    assert len(found) > 450


def test_the_second_version_of_wyscout_is_read(tmp_path):
    path = write_wyscout_2(tmp_path, PLAY)
    file = read_tags(path)
    found = [row for row in rows(file) if row[0] != "GOAL"]
    assert found == truth(PLAY, set(Action) - {Action.GOAL})
    assert [tag.code for tag in read_tags(path, raw_codes=True).tags][:4] == [
        "Pass: Simple pass", "Pass: High pass", "Interruption: Ball out of the field",
        "Free Kick: Throw in",
    ]  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_a_goal_is_a_tag_besides_its_shot(name, tmp_path):
    file = read_tags(events_file(WRITERS[name](tmp_path, PLAY)))
    shot, goal = (next(row for row in rows(file) if row[0] == kind) for kind in ("SHOT", "GOAL"))
    assert goal[2:] == shot[2:] == (2, TEAMS[1])
    recorded = name == "statsbomb"
    assert goal[1] == (7000 if recorded else shot[1] + 1000)
    assert any("1 s after the shot" in note for note in file.notes) != recorded


@pytest.mark.parametrize("name", sorted({*WRITERS} - {"statsbomb", "wyscout"}))
def test_a_provider_without_carries_says_so(name, tmp_path):
    drive = Played(Action.DRIVE, 2000)
    notes = read_tags(events_file(WRITERS[name](tmp_path, [PLAY[0], drive, *PLAY[1:]]))).notes
    assert "the file has no carries, so no label is DRIVE" in notes


def test_events_that_are_none_of_the_actions_are_counted_by_the_providers_names(tmp_path):
    path, _ = write_statsbomb(tmp_path, PLAY)
    (note,) = (note for note in read_tags(path).notes if note.startswith("left out"))
    assert note.startswith("left out: 6 events that are none of the 12 actions (--raw-codes")
    assert "'Starting XI' 2" in note and "'Half End' 2" in note


@pytest.mark.parametrize(
    "name, codes",
    [
        ("statsbomb", {"Pass", "Pass: Throw-in", "Shot", "Starting XI", "Half Start", "Half End"}),
        ("wyscout", {"pass", "throw_in", "shot", "game_interruption"}),
        ("opta", {"pass", "out", "goal"}),
        ("statsperform", {"pass", "out", "goal"}),
        (
            "sportec",
            {"KickOff/Play/Pass", "Play/Pass", "Play/Cross", "ThrowIn/Play/Pass"}
            | {"ShotAtGoal/SuccessfulShot"},
        ),
        ("datafactory", {"correctPasses", "throwIn", "clearances", "cornerKicks", "shots"}),
    ],
)  # fmt: skip
def test_raw_codes_are_the_providers_types_of_events(name, codes, tmp_path):
    file = read_tags(events_file(WRITERS[name](tmp_path, PLAY)), raw_codes=True)
    assert {tag.code for tag in file.tags} == codes
    assert not any("12 actions" in note for note in file.notes)


def test_sides_come_from_the_file_where_it_names_them(tmp_path):
    assert read_tags(write_sportec(tmp_path, PLAY, left=1)[0]).left == TEAMS[1]
    assert read_tags(write_opta(tmp_path / "opta", PLAY)[0]).left is None


def test_extra_time_is_read_and_a_shoot_out_is_left_out(tmp_path):
    extra = [one._replace(period=one.period + 2) for one in PLAY]
    file = read_tags(write_wyscout_3(tmp_path, [*PLAY, *extra]))
    assert {tag.period for tag in file.tags} == {1, 2, 3, 4}
    assert [row[1] for row in rows(file)][: len(PLAY)] == [row[1] for row in rows(file)][
        len(PLAY) :
    ]
    kick = Played(Action.SHOT, 3000, period=5)
    file = read_tags(write_wyscout_3(tmp_path, [*PLAY, *extra, kick]))
    assert {tag.period for tag in file.tags} == {1, 2, 3, 4}
    assert "left out: 1 tags of the penalty shoot-out" in file.notes


# The second file


def test_the_second_file_is_found_among_others_by_its_match(tmp_path):
    events, people = write_opta(tmp_path, PLAY)
    other = people.read_text().replace('uID="f77"', 'uID="f78"')
    (tmp_path / "another.xml").write_text(other)
    write_sportec(tmp_path, PLAY)
    (tmp_path / "notes.txt").write_text("kick-off at 3:12")
    assert read_tags(events).notes[0] == "the F7 feed: f7.xml"
    people.unlink()
    with pytest.raises(InputError, match=r"needs the F7 feed, XML: add --metadata FILE$"):
        read_tags(events)
    with pytest.raises(InputError, match=r"another.xml: is of another match \(78\) than f24.xml"):
        read_tags(events, metadata=tmp_path / "another.xml")


def test_line_ups_are_found_where_statsbomb_puts_them(tmp_path):
    events, lineups = write_statsbomb(tmp_path, PLAY)
    for path, folder in ((events, "events"), (lineups, "lineups")):
        (tmp_path / "data" / folder).mkdir(parents=True)
        path.rename(tmp_path / "data" / folder / "15946.json")
    assert read_tags(tmp_path / "data" / "events" / "15946.json").home == TEAMS[0]


def test_several_files_that_would_do_are_an_error_that_names_them(tmp_path):
    events, lineups = write_statsbomb(tmp_path, PLAY)
    (tmp_path / "copy.json").write_bytes(lineups.read_bytes())
    with pytest.raises(InputError, match=r"2 files beside it could be that: copy.json, stats"):
        read_tags(events)
    assert read_tags(events, metadata=lineups).home == TEAMS[0]


@pytest.mark.parametrize(
    "name, message",
    [
        ("f24.xml", r"f24.xml: is an Opta F24 feed: an Opta F24 feed needs the F7 feed, XML"),
        ("statsbomb_lineups.json", r"is the line-ups for StatsBomb event data: an Opta F24 feed needs"),
        ("notes.xml", r"notes.xml: is something else: an Opta F24 feed needs the F7 feed"),
        ("absent.xml", r"absent.xml: no such file"),
    ],
)  # fmt: skip
def test_a_wrong_second_file_is_named(name, message, tmp_path):
    events, _ = write_opta(tmp_path, PLAY)
    write_statsbomb(tmp_path, PLAY)
    (tmp_path / "notes.xml").write_text("<notes/>")
    with pytest.raises(InputError, match=message):
        read_tags(events, metadata=tmp_path / name)


def test_a_second_file_that_is_not_needed_is_an_error(tmp_path):
    path = write_wyscout_3(tmp_path, PLAY)
    with pytest.raises(InputError, match="Wyscout event data needs no second file"):
        read_tags(path, metadata=path)


# Bad input


@pytest.mark.parametrize("name", WRITERS)
def test_a_truncated_file_is_one_clear_line(name, tmp_path):
    path = events_file(WRITERS[name](tmp_path, PLAY))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LabelError, match=rf"{path.name}: broken (XML at line 1|JSON, is the file)"):
        read_tags(path)


@pytest.mark.parametrize("name", ["f24.xml", "f7.xml"])
def test_xml_that_defines_entities_is_refused(name, tmp_path):
    events, _ = write_opta(tmp_path, PLAY)
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    path = tmp_path / name
    path.write_text(bomb + path.read_text())
    with pytest.raises(LabelError, match=rf"{name}: defines XML entities"):
        read_tags(events)


def test_files_that_are_no_events_are_named(tmp_path):
    _, people = write_opta(tmp_path, PLAY)
    with pytest.raises(
        LabelError, match="is the F7 feed for an Opta F24 feed, not a file of events"
    ):
        read_tags(people)
    tracking = tmp_path / "positions.xml"
    tracking.write_text(
        '<PutDataRequest><Positions><FrameSet TeamId="1"/></Positions></PutDataRequest>'
    )
    with pytest.raises(LabelError, match="is Sportec tracking data, not a file of events"):
        read_tags(tracking)


def test_the_file_of_another_provider_is_one_clear_line(tmp_path):
    path = write_wyscout_3(tmp_path, PLAY)
    with pytest.raises(
        InputError, match=r"kloppy cannot read this as data of datafactory"
    ) as caught:
        read_tags(path, "datafactory")
    assert "\n" not in str(caught.value)


def test_events_without_what_kloppy_needs_are_one_clear_line(tmp_path):
    path = write_wyscout_3(tmp_path, PLAY)
    content = json.loads(path.read_text())
    del content["teams"]
    path.write_text(json.dumps(content))
    with pytest.raises(
        InputError, match=r"kloppy cannot read this as data of wyscout \(KeyError"
    ) as caught:
        read_tags(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "write, old, new",
    [
        (write_statsbomb, '"name": "Carry"', '"title": "Carry"'),
        (write_stats_perform, '"timeMin": 0', '"timeMin": []'),
        (write_stats_perform, '"timeSec": 4', '"timeSec": "four"'),
    ],
)
def test_an_event_with_a_damaged_value_is_one_clear_line(write, old, new, tmp_path):
    path, _ = write(tmp_path, [Played(Action.DRIVE, 800), *PLAY])
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=rf"{path.name}.* cannot ") as caught:
        read_tags(path)
    assert "\n" not in str(caught.value)


def test_without_kloppy_the_format_is_named_and_one_line_says_what_to_install(
    tmp_path, monkeypatch
):
    path, _ = write_opta(tmp_path, PLAY)
    monkeypatch.delitem(sys.modules, "onball.formats.providers.loading", raising=False)
    monkeypatch.setitem(sys.modules, "kloppy", None)
    assert recognise(path) == "opta"
    with pytest.raises(
        MissingDependencyError, match=r"needs 'kloppy': pip install \"onball\[kloppy\]\""
    ):
        read_tags(path)


# Files of kloppy's own tests


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="this kloppy came without its sample files")
@pytest.mark.parametrize(
    "events, metadata, teams, some",
    [
        ("datafactory_events.json", None, ("Team A", "Team B"), {"GOAL": 6, "THROW IN": 45}),
        ("opta_f24.xml", None, ("FC København", "FC Nordsjælland"), {"HEADER": 2}),
        ("sportec_events.xml", None, ("Sport-Club Freiburg", "Borussia Mönchengladbach"), {"SHOT": 5}),
        ("statsbomb_event.json", None, ("Barcelona", "Deportivo Alavés"), {"GOAL": 4, "THROW IN": 17}),
        (
            "statsperform_event_ma3.json", "statsperform_event_ma1.json", ("Hamburger SV", "Sandhausen"),
            {"GOAL": 3, "OUT": 76},
        ),
        ("wyscout_events_v2.json", None, ("Liverpool FC", "Leicester City FC"), {"GOAL": 5, "OUT": 89}),
        ("wyscout_events_v3.json", None, ("Juventus FC", "UC Sampdoria"), {"GOAL": 3, "OUT": 54}),
    ],
)  # fmt: skip
def test_sample_files_of_providers_are_read(events, metadata, teams, some):
    file = read_tags(SAMPLES / events, metadata=metadata and SAMPLES / metadata)
    assert (file.home, file.away) == teams
    assert {tag.team for tag in file.tags} - {None} == set(teams)
    counts = {code: sum(tag.code == code for tag in file.tags) for code in some}
    assert counts == some
    assert {tag.code for tag in file.tags} <= set(Action)
