"""Tracks as MOTChallenge text, for evaluators and tools of multi-object tracking.

One line per box of a track: frame (from 1), identity (from 1: the `track_id` plus 1), left, top, width
and height in pixels (two decimals), confidence, and -1 three times for a place in the world that is not
known. Results in that format have no classes: people and the ball stand side by side, unless one kind is
asked for. Boxes that belong to no track are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onball.files import write_text_atomic
from onball.tracks import KINDS, UNTRACKED, Tracks


def write_mot(tracks: Tracks, path: str | Path, *, kinds: Sequence[str] = KINDS) -> None:
    """Write tracks, of some kinds only if wanted. Raises `OnballError` if that cannot be done."""
    wanted = [KINDS.index(kind) for kind in kinds]
    chosen = tracks.where(np.isin(tracks.kinds, wanted) & (tracks.track_ids != UNTRACKED))
    frames = np.rint(chosen.time_ms * (tracks.video.fps / 1000)).astype(np.int64) + 1
    lines = []
    for frame, track, (x0, y0, x1, y1), score in zip(
        frames.tolist(),
        chosen.track_ids.tolist(),
        chosen.boxes.astype(np.float64).tolist(),
        chosen.scores.tolist(),
        strict=True,
    ):
        box = f"{x0:.2f},{y0:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
        lines.append(f"{frame},{track + 1},{box},{score:.4f},-1,-1,-1\n")
    write_text_atomic(path, "".join(lines))
