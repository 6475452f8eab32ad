"""Sportscode XML, as several programs write it, against kloppy's reader and writer."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from kloppy import sportscode
from kloppy.domain import Code, CodeDataset, Metadata, Orientation, Period, Provider, Score
from kloppy.infra.serializers.code.sportscode import SportsCodeOutputs, SportsCodeSerializer

from onball.errors import LabelError
from onball.formats.tags import Clock, Tag, read_tags


def instance(code, start, end, labels=(), extra=""):
    texts = "".join(
        f"<label>{f'<group>{group}</group>' if group else ''}<text>{text}</text></label>"
        for group, text in labels
    )
    times = f"<start>{start}</start><end>{end}</end>"
    return f"<instance><ID>1</ID>{times}<code>{code}</code>{texts}{extra}</instance>"


def xml(*instances):
    rows = "<ROWS><row><code>x</code></row></ROWS>"
    return f"<file><ALL_INSTANCES>{''.join(instances)}</ALL_INSTANCES>{rows}</file>"


def read(tmp_path, content, **options):
    path = tmp_path / "match.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_tags(path, **options)


def written_by_kloppy():
    period = Period(id=1, start_timestamp=timedelta(0), end_timestamp=timedelta(seconds=2700))
    rows = [
        ("P1", "PASS", 3.6, 9.7, {"Team": "Henkie", "Packing.Value": 1, "Receiver": "Klaas Nøme"}),
        (
            "P2",
            "SHOT <left>",
            68.3,
            74.5,
            {"Team": "Henkie", "Qualifiers": ["Header", "Far & high"]},
        ),
        ("P3", "Tackle", 103.6, 109.6, {"Team": "Zwaan", "won": True}),
    ]
    codes = [
        Code(
            code_id=code_id,
            code=code,
            period=period,
            timestamp=timedelta(seconds=start),
            end_timestamp=timedelta(seconds=end),
            labels=labels,
            statistics=[],
            ball_state=None,
            ball_owning_team=None,
        )
        for code_id, code, start, end, labels in rows
    ]
    metadata = Metadata(
        teams=[],
        periods=[period],
        pitch_dimensions=None,
        score=Score(0, 0),
        frame_rate=0.0,
        orientation=Orientation.NOT_SET,
        flags=None,
        provider=Provider.OTHER,
        coordinate_system=None,
    )
    buffer = io.BytesIO()
    SportsCodeSerializer().serialize(
        CodeDataset(metadata=metadata, records=codes), SportsCodeOutputs(data=buffer)
    )
    return buffer.getvalue()


def test_a_file_written_by_kloppy_is_read_as_kloppy_reads_it(tmp_path):
    content = written_by_kloppy()
    ours = read(tmp_path, content)
    theirs = sportscode.load(str(tmp_path / "match.xml"))
    assert ours.format == "sportscode" and ours.clock is Clock.VIDEO
    assert [(tag.code, tag.start_s, tag.end_s) for tag in ours.tags] == [
        (code.code, code.timestamp.total_seconds(), code.end_timestamp.total_seconds())
        for code in theirs.codes
    ]
    assert ours.tags[0] == Tag("PASS", 3.6, 9.7, None, "Henkie", ours.tags[0].labels, "instance 1")
    assert dict(ours.tags[0].labels) == {
        "Team": "Henkie",
        "Packing.Value": "1",
        "Receiver": "Klaas Nøme",
    }
    assert ours.tags[1].labels["Qualifiers"] == "Header; Far & high"
    assert ours.tags[2].labels["won"] == "won"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1H", "2H"),
        ("1st Half Start", "2nd Half Start"),
        ("First half", "Second half"),
        ("Start 1. Halbzeit", "Start 2. Halbzeit"),
        ("Primera parte", "Segunda parte"),
        ("1er tiempo", "2º tiempo"),
        ("1ra parte", "2da parte"),
        ("Pierwsza połowa", "Druga połowa"),
        ("Første halvleg", "Anden halvleg"),
        ("Début 1ère mi-temps", "Début 2ème mi-temps"),
        ("Primo tempo", "Secondo tempo"),
        ("1e helft", "2e helft"),
        ("Первый тайм", "Второй тайм"),
        ("前半", "後半"),
        ("전반", "후반"),
    ],
)
def test_instances_named_after_the_periods_mark_the_kickoffs(tmp_path, first, second):
    found = read(
        tmp_path,
        xml(
            instance(first, 192.4, 2950),
            instance("Pass", 200, 208),
            instance(second, 3910, 6800),
            instance("1st half goal", 300, 308),
        ),
    )
    assert found.period_starts_s == {1: 192.4, 2: 3910}
    assert [tag.code for tag in found.tags] == ["Pass", "1st half goal"]
    assert "periods are marked by" in found.notes[0] and first in found.notes[0]


def test_offsets_mark_the_kickoffs_by_their_label_or_their_order(tmp_path):
    labelled = [
        instance("Offsets", 3910, 3911, [("Half", "2nd half")]),
        instance("Offsets", 192, 193, [("Half", "1st half")]),
    ]
    plain = [instance("Offsets", 3910, 3911), instance("Offsets", 192, 193)]
    for offsets in (labelled, plain):
        found = read(tmp_path, xml(*offsets, instance("Pass", 200, 208)))
        assert found.period_starts_s == {1: 192, 2: 3910}
        assert [tag.code for tag in found.tags] == ["Pass"]
        assert found.notes == ("periods are marked by 'Offsets'",)


def test_markers_without_a_code_are_found_by_their_label(tmp_path):
    found = read(
        tmp_path,
        xml(
            instance("", 2, 2, [("", "First half start")]),
            instance("", 2702, 2702, [("", "First half end")]),
            instance("", 2800, 2800, [("", "Second half start")]),
            instance("Club", 602, 606, [("", "Shots")]),
        ),
    )
    assert found.period_starts_s == {1: 2, 2: 2800}
    assert [tag.code for tag in found.tags] == ["Club"]


def test_actions_of_instat_are_the_labels_of_the_group_action(tmp_path):
    labels = [("Team", "Club"), ("Action", "Passes accurate"), ("Half", "2nd half")]
    content = xml(instance("1H", 5, 6), instance("10. Ana - Passes accurate", 3000, 3006, labels))
    found = read(tmp_path, content)
    (tag,) = found.tags
    assert (tag.code, tag.team, tag.period) == ("Passes accurate", "Club", 2)
    assert tag.labels["code"] == "10. Ana - Passes accurate"
    assert any("group 'Action'" in note for note in found.notes)
    (own,) = read(tmp_path, content, columns={"code": "code"}).tags
    assert own.code == "10. Ana - Passes accurate"
    (team,) = read(tmp_path, content, columns={"code": "Team"}).tags
    assert team.code == "Club"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_read_in_any_unicode_encoding_whatever_the_declaration(tmp_path, encoding):
    content = xml(instance("Передача", "12,5", "20,5"), instance("パス", "0:01:02.5", 70))
    declared = '<?xml version="1.0" encoding="utf-8"?>\n' + content
    found = read(tmp_path, declared.encode(encoding))
    assert [(tag.code, tag.start_s, tag.end_s) for tag in found.tags] == [
        ("Передача", 12.5, 20.5),
        ("パス", 62.5, 70),
    ]
    assert not found.notes


def test_windows_1252_is_assumed_with_a_note_unless_the_file_names_its_encoding(tmp_path):
    content = xml(instance("Conducción", 1, 2))
    assumed = read(tmp_path, content.encode("cp1252"))
    assert assumed.tags[0].code == "Conducción" and "Windows-1252" in assumed.notes[0]
    declared = '<?xml version="1.0" encoding="windows-1251"?>' + xml(instance("Пас", 1, 2))
    named = read(tmp_path, declared.encode("cp1251"))
    assert named.tags[0].code == "Пас" and not named.notes
    given = read(tmp_path, xml(instance("Пас", 1, 2)).encode("cp1251"), encoding="cp1251")
    assert given.tags[0].code == "Пас"


BOMB = (
    '<!DOCTYPE file [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<file><ALL_INSTANCES><instance><start>1</start><code>&b;</code></instance></ALL_INSTANCES></file>"
)
EXTERNAL = BOMB.replace('<!ENTITY a "aaaaaaaaaa">', '<!ENTITY a SYSTEM "file:///etc/passwd">')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "defines XML entities"),
        (EXTERNAL, "defines XML entities"),
        ("<file><ALL_INSTANCES>", "broken XML at line 1, column 21"),
        ("<body><p/></body>", "no <instance> in it"),
        (xml(), "no tags in it"),
        (xml("<instance><code>Pass</code></instance>"), "instance 1: no <start> in it"),
        (xml(instance("Pass", "soon", 3)), "instance 1: 'soon' is not a time"),
        (xml(instance("Pass", 1e9, 3)), "too large for a time in seconds"),
        (
            xml(instance("2H", 5, 6), instance("1H", 90, 91), instance("Pass", 1, 2)),
            "period 2 is marked at 5 s, and period 1 after it, at 90 s",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path, content, message):
    with pytest.raises(LabelError, match=r"match\.xml") as raised:
        read(tmp_path, content)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_periods_that_overlap_are_noted(tmp_path):
    found = read(
        tmp_path,
        xml(instance("1H", 0, 2800), instance("2H", 2700, 5400), instance("Pass", 2750, 2751)),
    )
    assert any("before the end of period 1 at 2800 s" in note for note in found.notes)


def test_a_code_that_occurs_often_is_no_marker(tmp_path):
    found = read(tmp_path, xml(*(instance("1T", second, second + 1) for second in range(6))))
    assert len(found.tags) == 6 and not found.period_starts_s
