"""Tags that databallpy writes, and event data that it reads too, where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("databallpy")

from onball.formats.tags import read_tags


def test_sportscode_xml_that_databallpy_writes_is_read(tmp_path):
    from databallpy.utils.to_xml import events_to_xml

    written = {
        "a": ("Pass", 1.25, 4.5, {"Team": "Köln & Co"}),
        "b": ("Tiro <1>", 2712.0, 2715.75, {}),
        "c": ("射门", 5400.04, 5401.0, {"Player": "10 Ana Ruiz", "Half": "2"}),
    }
    entries = {
        key: {
            "id": key,
            "code": code,
            "start_t": start_s,
            "end_t": end_s,
            "labels": [{"group": group, "name": name} for group, name in labels.items()],
        }
        for key, (code, start_s, end_s, labels) in written.items()
    }
    path = tmp_path / "tags.xml"
    path.write_text(events_to_xml(entries), "utf-8")
    found = read_tags(path)
    assert found.format == "sportscode"
    assert [(tag.code, tag.start_s, tag.end_s) for tag in found.tags] == [
        one[:3] for one in written.values()
    ]
    assert found.tags[0].team == "Köln & Co"


def test_passes_and_shots_of_sportec_are_where_databallpy_has_them():
    pytest.importorskip("kloppy")
    from databallpy.data_parsers.event_data_parsers import load_sportec_event_data

    samples = Path(importlib.util.find_spec("kloppy").origin).parent / "tests" / "files"
    events, meta = samples / "sportec_events.xml", samples / "sportec_meta.xml"
    table = load_sportec_event_data(event_data_loc=str(events), metadata_loc=str(meta))[0]
    kickoff_s = {1: 0, 2: 45 * 60}
    expected = [
        (kind, period, round(60 * minutes + seconds - kickoff_s[period], 3))
        for kind, period, minutes, seconds in table[
            ["databallpy_event", "period_id", "minutes", "seconds"]
        ].itertuples(index=False)
        if kind in ("pass", "shot")
    ]
    found = [
        ("shot" if tag.code.startswith("ShotAtGoal") else "pass", tag.period, round(tag.start_s, 3))
        for tag in read_tags(events, raw_codes=True).tags
        if tag.code.startswith("ShotAtGoal") or tag.code.endswith(("Play/Pass", "Play/Cross"))
    ]
    assert sorted(found) == sorted(expected)
