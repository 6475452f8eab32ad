"""Label and prediction files as arrays: the fast decoder agrees with the strict reader."""

import json
import random

import numpy as np
import pytest
from soccernet_entries import ANNOTATION, PREDICTION

from onball.actions import ACTIONS
from onball.errors import LabelError
from onball.events import Event, EventColumns, EventList, Team
from onball.formats import read_labels, read_results, soccernet_columns, write_labels, write_results
from onball.formats.soccernet_columns import read_label_columns, read_result_columns

LEFT_OUT = object()
# Valid, unusual and invalid values of a field; the strict reader decides between them.
WHOLE_NUMBERS = [
    *("0", "-0", "-3", "007", " 7", "7 ", "+7", "1_0", "7.0", "7.5", "1e3", "0x7", "", "٧"),
    *("9" * 12, "9" * 13, "9" * 30, "9" * 5000, 0, -1, 7, 7.0, 7.5, 1e3, 10**12 - 1, 10**12),
    *(2**63, 2**64, 10**30, True, None, float("nan"), float("inf"), [], [7], {}, LEFT_OUT),
]
NUMBERS = [
    *("0", "1", "1.0", ".5", "5.", " 0.5", "0.5\n", "1e-3", "1E-3", "1e-400", "1e400", "1_0.0"),
    *("0.1_1", "-0.0", "-1e-9", "1.0000000000000002", "1.00000000000000000001", "+0.5", "00.5"),
    *("nan", "inf", "-inf", "Infinity", "high", "", "0,5", "٠.٥", "0.12345678901234567890123456"),
    *(0, 1, 2, -1, 0.5, 1e-320, 1.01, 10**400, float("nan"), float("inf"), True, False, None),
    *([], [0.5], {}, LEFT_OUT),
]
NAMES = [
    *("GOAL", "High Pass", "pass", " PASS", "PAS", "", "PASS\u0000", "pa\u017fs", "\ud800"),
    *(7, 0.5, None, True, [], {}, LEFT_OUT),
]
TEAMS = [
    *("left", "right", "unknown", "Left", "RIGHT ", "home", "not applicable", "", "null", "none"),
    *(0, 1, None, True, [], {}, LEFT_OUT),
]
GAME_TIMES = [
    *("2 - 00:00", "1 - 104:09", " 2-1:00", "0 - 00:00", "3 - 00:00", "00:12", "1 - 0:1", ""),
    *("1234 - 00:00", "٢ - 00:00", "1 - 00:00 or so", 1, None, [], {}, LEFT_OUT),
]
FIELDS = {
    "position": WHOLE_NUMBERS,
    "half": WHOLE_NUMBERS,
    "confidence": NUMBERS,
    "label": NAMES,
    "team": TEAMS,
    "gameTime": GAME_TIMES,
    "visibility": ["not shown", "", 3, None, []],
    "note": ["\u00e9", "\\", "\ud800", {"label": "GOAL"}, float("nan"), 1e300, []],
}
KINDS = [
    ("predictions", PREDICTION, read_result_columns, lambda p: read_results(p, file_order=True)),
    ("annotations", ANNOTATION, read_label_columns, read_labels),
]
kinds = pytest.mark.parametrize(
    ("key", "entry", "quick", "exact"), KINDS, ids=[k[0] for k in KINDS]
)


pytestmark = pytest.mark.usefixtures("one_thread")


def outcome(read, path):
    """Columns with their types, or the error message."""
    try:
        found = read(path)
    except LabelError as error:
        return str(error)
    columns = found if isinstance(found, EventColumns) else EventColumns.of([found])
    return {
        name: (getattr(columns, name).dtype, getattr(columns, name).tolist())
        for name in EventColumns.__slots__
    }


def changed(entry, **fields):
    return {key: value for key, value in (entry | fields).items() if value is not LEFT_OUT}


def drawn(rng, n):
    return [
        Event(
            rng.randrange(5_000) * 40,
            rng.choice(ACTIONS),
            rng.choice([0.0, 1.0, 5e-324, 0.1 + 0.2, 1 - 2**-53, rng.random(), rng.random() ** 30]),
            rng.choice(list(Team)),
            rng.choice([1, 2]),
            rng.random() < 0.5,
        )
        for _ in range(n)
    ]


@kinds
def test_every_value_of_a_field_agrees_with_the_strict_reader(tmp_path, key, entry, quick, exact):
    path = tmp_path / "file.json"
    refused = 0
    for field, values in FIELDS.items():
        for value in values:
            strange = changed(entry, **{field: value})
            path.write_text(json.dumps({"UrlLocal": "m", key: [entry, strange, entry]}))
            wanted = outcome(exact, path)
            assert outcome(quick, path) == wanted, (field, value)
            if isinstance(wanted, str):
                refused += 1
                assert wanted.startswith(f"{path}, {key[:-1]} 2: ")
    assert refused > 40


@kinds
def test_random_mixtures_of_values_agree_with_the_strict_reader(tmp_path, key, entry, quick, exact):
    rng = random.Random(3)
    path = tmp_path / "file.json"
    for _ in range(150):
        entries = [dict(entry) for _ in range(4)]
        for _ in range(rng.randrange(1, 4)):
            field = rng.choice(list(FIELDS))
            index = rng.randrange(4)
            entries[index] = changed(entries[index], **{field: rng.choice(FIELDS[field])})
        path.write_text(json.dumps({key: entries}, indent=rng.choice([None, 1, 4])))
        assert outcome(quick, path) == outcome(exact, path), entries


@pytest.mark.parametrize(
    ("write", "quick", "exact"),
    [(write_results, *KINDS[0][2:]), (write_labels, *KINDS[1][2:])],
    ids=["predictions", "annotations"],
)
def test_files_written_by_onball_are_read_exactly(tmp_path, write, quick, exact):
    rng = random.Random(4)
    for number in range(6):
        # Unsorted, with many events at the same time.
        events = EventList(tuple(drawn(rng, number * 60)), "çup/2024/Ölüm – Kalım", {"n": [1]})
        write(events, tmp_path / "file.json")
        assert outcome(quick, tmp_path / "file.json") == outcome(exact, tmp_path / "file.json")


def test_confidences_as_numbers_and_as_text_are_bit_identical(tmp_path):
    rng = random.Random(5)
    wanted = [rng.random() * 10 ** -rng.randrange(300) for _ in range(2000)]
    entries = [PREDICTION | {"confidence": rng.choice([str, float])(value)} for value in wanted]
    (tmp_path / "r.json").write_text(json.dumps({"predictions": entries}))
    assert read_result_columns(tmp_path / "r.json").confidence.tolist() == wanted


def test_annotations_are_sorted_by_time_and_predictions_stay_in_the_order_of_the_file(tmp_path):
    teams = ["right", "left", "left", "right"]
    times = ["80", "40", "80", "0"]
    for key, entry, *_ in KINDS:
        entries = [entry | {"position": p, "team": t} for p, t in zip(times, teams, strict=True)]
        (tmp_path / key).write_text(json.dumps({key: entries}))
    truth, found = (
        read_label_columns(tmp_path / "annotations"),
        read_result_columns(tmp_path / "predictions"),
    )
    assert truth.position_ms.tolist() == [0, 40, 80, 80]
    assert truth.side.tolist() == [1, 0, 1, 0]
    assert found.position_ms.tolist() == [80, 40, 80, 0]


@kinds
@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"7",
        b" ",
        b"{}",
        b'{"KEY": []}',
        b'{"KEY": {}}',
        b'{"KEY": null}',
        b'{"KEY": ["PASS"]}',
        b'{"KEY": [null]}',
        b'{"KEY": [[]]}',
        b'{"KEY": [ENTRY], "UrlLocal": 3}',
        b'{"KEY": [ENTRY], "UrlLocal": null}',
        b'{"KEY": [ENTRY], "UrlLocal": "\\ud800"}',
        b'{"KEY": [ENTRY], "halftime": NaN}',
        b'{"KEY": [ENTRY], "halftime": 01}',
        b'{"KEY": [ENTRY], "halftime": "\xff"}',
        b'{"KEY": [ENTRY], "halftime": "\xed\xa0\x80"}',
        b'{"KEY": [ENTRY], "halftime": "\xc3\xb6"}',
        b'{"KEY": [ENTRY], "halftime": "\n"}',
        b'{"KEY": [ENTRY], "halftime": "\\q"}',
        b'{"KEY": [ENTRY], "halftime": "\x00"}',
        b'{"KEY": [ENTRY,]}',
        b'{"KEY": [ENTRY]} {}',
        b'{"KEY": [ENTRY]}\x00',
        b"{'KEY': [ENTRY]}",
        b'{"KEY": 3, "KEY": [ENTRY]}',
        b'{"KEY": [ENTRY], "KEY": [ENTRY, ENTRY]}',
        b'{"annotations": [], "predictions": 3}',
        b'\xef\xbb\xbf{"KEY": [ENTRY]}',
        b'\xef\xbb\xbf\xef\xbb\xbf{"KEY": [ENTRY]}',
        b'\xff\xfe{"KEY": [ENTRY]}',
        b'{"KEY": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"KEY": [ENTRY], "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda content: repr(content[:40]) if isinstance(content, bytes) else "",
)
def test_a_file_of_any_structure_agrees_with_the_strict_reader(
    tmp_path, content, key, entry, quick, exact
):
    filled = content.replace(b"KEY", key.encode()).replace(b"ENTRY", json.dumps(entry).encode())
    (tmp_path / "file.json").write_bytes(filled)
    assert outcome(quick, tmp_path / "file.json") == outcome(exact, tmp_path / "file.json")


def test_the_last_value_of_a_repeated_field_counts(tmp_path):
    text = json.dumps({"predictions": [PREDICTION]}).replace(
        '"half"', '"position": "80", "label": "GOAL", "half"'
    )
    (tmp_path / "r.json").write_text(text)
    found = read_result_columns(tmp_path / "r.json")
    assert (found.position_ms.tolist(), found.action.tolist()) == ([80], [11])


@kinds
def test_a_missing_file_a_folder_and_an_empty_file_are_refused(tmp_path, key, entry, quick, exact):
    with pytest.raises(LabelError, match=r"gone\.json: no such file"):
        quick(tmp_path / "gone.json")
    assert outcome(quick, tmp_path) == outcome(exact, tmp_path)
    (tmp_path / "empty.json").touch()
    with pytest.raises(LabelError, match=r"empty\.json: the file is empty \(0 bytes\): "):
        quick(tmp_path / "empty.json")


@pytest.mark.parametrize("numbers", [str, int])
def test_usual_files_are_not_read_a_second_time(tmp_path, monkeypatch, numbers):
    def refuse(*_, **__):
        raise AssertionError("read by the strict reader")

    monkeypatch.setattr(soccernet_columns, "read_results", refuse)
    monkeypatch.setattr(soccernet_columns, "read_labels", refuse)
    events = EventList.of(drawn(random.Random(6), 200), "a/b/ç")
    write_results(events, tmp_path / "r.json")
    write_labels(events, tmp_path / "l.json")
    content = json.loads((tmp_path / "r.json").read_text())
    for entry in content["predictions"]:
        entry.update(position=numbers(entry["position"]), half=numbers(entry["half"]))
    # With a byte order mark and characters beyond ASCII, as saved by some editors.
    text = json.dumps(content, ensure_ascii=False)
    (tmp_path / "r.json").write_text(text, encoding="utf-8-sig")
    assert (
        len(read_result_columns(tmp_path / "r.json"))
        == len(read_label_columns(tmp_path / "l.json"))
        == 200
    )
    assert np.array_equal(
        read_result_columns(tmp_path / "r.json").action,
        [event.label.order for event in by_half(events)],
    )


def by_half(events):
    return sorted(events, key=lambda event: event.half)
