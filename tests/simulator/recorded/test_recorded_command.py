"""`onball simulate --tracking`: recorded matches as matches of a data set, with video and labels."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from recording_files import players, write_tracab

from onball.actions import Action
from onball.data.layout import find_matches
from onball.events import Event, EventList, Team
from onball.formats.soccernet import read_labels, write_labels
from onball.video.reading import read_frames


@pytest.fixture
def simulate(onball):
    """Function that runs `onball simulate` and returns exit code and standard error."""

    def run(*arguments: object) -> tuple[int, str]:
        code, _, error = onball("simulate", *arguments)
        return code, error

    return run


@pytest.fixture
def recording(tmp_path):
    files = write_tracab(tmp_path, players(), seconds=3.0)
    events = [
        Event(1_000, Action.PASS, team=Team.LEFT),
        Event(2_000, Action.DRIVE, team=Team.RIGHT),
    ]
    write_labels(EventList.of(events), tmp_path / "Labels-ball.json")
    return ["--tracking", files["tracking"], "--tracking-meta", files["meta"],
            "--events", tmp_path / "Labels-ball.json"]  # fmt: skip


def test_a_recorded_match_is_rendered_into_a_data_set(simulate, recording, tmp_path):
    root = tmp_path / "data"
    code, error = simulate("--out", root, *recording, "--size", "128x72")
    assert code == 0, error
    (match,) = find_matches(root, "test")
    labels = read_labels(match.require_labels())
    assert [(e.position_ms, e.label) for e in labels] == [
        (1_000, Action.PASS), (2_000, Action.DRIVE),
    ]  # fmt: skip
    batches = list(read_frames(match.require_video(), fps=None, size=None))
    assert sum(len(batch.frames) for batch in batches) == 75
    assert batches[0].frames.shape[1:] == (72, 128, 3)
    assert np.asarray(batches[0].frames).std() > 10
    tracks = pq.read_table(match.folder / "tracks.parquet").to_pylist()
    assert {row["class"] for row in tracks} >= {"player", "referee"}


def test_an_existing_match_is_kept_unless_it_is_to_be_replaced(simulate, recording, tmp_path):
    arguments = ["--out", tmp_path / "data", *recording, "--no-video"]
    assert simulate(*arguments, "--size", "64x36")[0] == 0
    (settings,) = tmp_path.rglob("simulation.json")
    written = settings.stat().st_mtime_ns
    assert simulate(*arguments, "--size", "64x36")[0] == 0
    assert settings.stat().st_mtime_ns == written
    code, error = simulate(*arguments, "--size", "128x72")
    assert code == 2 and "width 64 instead of 128, height 36 instead of 72" in error
    assert settings.stat().st_mtime_ns == written
    assert simulate(*arguments, "--size", "128x72", "--overwrite")[0] == 0
    assert json.loads(settings.read_text())["width"] == 128


def test_events_without_tracking_are_an_error(simulate, recording, tmp_path):
    code, error = simulate("--out", tmp_path / "data", *recording[-2:])
    assert code == 2 and "--events needs --tracking" in error


def test_a_missing_file_is_reported_in_one_line(simulate, tmp_path):
    code, error = simulate("--out", tmp_path / "data", "--tracking", tmp_path / "nothing.dat")
    assert code == 2 and "nothing.dat" in error and "Traceback" not in error
