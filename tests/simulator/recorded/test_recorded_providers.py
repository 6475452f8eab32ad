"""Formats of providers: detection by content, and errors."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recording_files import (
    END,
    HOME,
    SB_PASS,
    StatsBombEvent,
    players,
    write_statsbomb,
    write_tracab,
)

pytest.importorskip("kloppy")

from onball.actions import Action
from onball.errors import DataError, InputError
from onball.simulator.recorded.match import recorded_motion
from onball.simulator.world import (
    PLAYERS,
)

# Warnings list the ignored parts of event data; tests of these warnings catch them.
pytestmark = pytest.mark.filterwarnings("ignore::onball.errors.OnballWarning")


SAMPLES = Path(importlib.util.find_spec("kloppy").origin).parent / "tests" / "files"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="this kloppy came without its sample files")
@pytest.mark.parametrize(
    "tracking, meta, events, actions",
    [
        ("metrica_home.csv", None, None, set()),
        (
            "epts_metrica_tracking.txt",
            "epts_metrica_metadata.xml",
            "metrica_events.json",
            {Action.DRIVE, Action.PASS},
        ),
        ("skillcorner_v3_raw_data.jsonl", "skillcorner_meta_data.json", None, set()),
        ("statsperform_tracking_ma25.txt", "statsperform_tracking_ma1.xml", None, set()),
        (
            "sportec_positional.xml",
            "sportec_meta.xml",
            "sportec_events.xml",
            {Action.PASS, Action.HIGH_PASS},
        ),
    ],
)
def test_sample_files_of_providers_are_detected_by_content(tracking, meta, events, actions):
    motion = recorded_motion(
        SAMPLES / tracking,
        None if events is None else SAMPLES / events,
        meta=None if meta is None else SAMPLES / meta,
    )
    assert len(motion.halves) == 2
    assert np.isfinite(motion.xy[:, :PLAYERS]).any() and np.isfinite(motion.ball).any()
    assert np.nanmax(np.abs(motion.xy[:, :PLAYERS])) < 60
    assert {event.label for event in motion.events} == actions


@pytest.mark.parametrize(
    "change, message",
    [
        ({"tracking": Path("absent.dat")}, "absent.dat: no such file"),
        ({"meta": Path("absent.xml")}, "absent.xml: no such file"),
        ({"events": Path("absent.json")}, "absent.json: no such file"),
        ({"provider": "tracap"}, "unknown provider 'tracap'.*choose one of metrica, .*tracab"),
        ({"events_provider": "opda"}, "unknown provider 'opda'"),
        ({"meta": None}, "tracab tracking data needs the metadata.*--tracking-meta"),
        ({"events_meta": None}, "statsbomb event data needs the line-ups.*--events-meta"),
        ({"provider": "sportec"}, "kloppy cannot read this as data of sportec"),
        ({"events_provider": "wyscout"}, "kloppy cannot read this as data of wyscout"),
        ({"start_ms": 60_000}, r"nothing at 60000 ms: the recording has 6\.0 s: choose an earlier"),
        ({"start_ms": -1}, "start at -1 ms: choose 0 or later"),
        ({"duration_ms": 0}, "duration of 0 ms: choose more than 0"),
    ],
)
def test_errors_name_the_file_the_problem_and_the_remedy(tmp_path, change, message):
    script: list[StatsBombEvent] = [(1, 1.0, SB_PASS, HOME, 7, END)]
    files = write_tracab(tmp_path, players()) | write_statsbomb(tmp_path, script)
    with pytest.raises(InputError, match=message) as caught:
        recorded_motion(**(files | change))
    assert "\n" not in str(caught.value)


def test_a_file_of_no_known_format_is_an_error_that_names_the_choices(tmp_path):
    (tmp_path / "x.txt").write_text("nothing\n")
    with pytest.raises(InputError, match=r"cannot tell whose format.*metrica, secondspectrum"):
        recorded_motion(tmp_path / "x.txt")
    files = write_tracab(tmp_path, players())
    with pytest.raises(InputError, match=r"cannot tell whose format.*--events-provider"):
        recorded_motion(**files, events=tmp_path / "x.txt")


def test_events_of_another_match_are_an_error(tmp_path):
    script: list[StatsBombEvent] = [(1, 30.0, SB_PASS, HOME, 7, END)]
    files = write_tracab(tmp_path, players()) | write_statsbomb(tmp_path, script)
    with pytest.raises(DataError, match="no event of it lies within"):
        recorded_motion(**files)


def test_without_kloppy_one_line_names_the_package_to_install():
    code = (
        "import sys; sys.modules['kloppy'] = None\n"
        "from onball.errors import MissingDependencyError\n"
        "try:\n    import onball.simulator.recorded.match\n"
        "except MissingDependencyError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert 'pip install "onball[kloppy]"' in done.stdout
