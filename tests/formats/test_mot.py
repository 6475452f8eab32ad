"""MOTChallenge results; `tests/simulator/test_truth.py` covers ground truth."""

from __future__ import annotations

import numpy as np
from tiny_tracks import tiny_tracks
from trackers import load_mot_file

from onball.formats.mot import write_mot
from onball.tracks import UNTRACKED


def test_results_are_read_by_another_motchallenge_reader(tmp_path):
    tracks = tiny_tracks([400], duration_ms=800)
    tracks.track_ids[0] = UNTRACKED
    write_mot(tracks, tmp_path / "t.txt")
    frames = load_mot_file(tmp_path / "t.txt")
    assert sorted(frames) == list(range(1, 21))
    assert sum(len(frame.ids) for frame in frames.values()) == len(tracks) - 1
    second = frames[2]
    rows = tracks.time_ms == 40
    xywh = np.concatenate(
        [tracks.boxes[rows][:, :2], tracks.boxes[rows][:, 2:] - tracks.boxes[rows][:, :2]], axis=1
    )
    assert np.allclose(np.sort(second.boxes, axis=0), np.sort(xywh, axis=0), atol=0.01)
    write_mot(tracks, tmp_path / "b.txt", kinds=["ball"])
    assert len((tmp_path / "b.txt").read_text().splitlines()) == 20
