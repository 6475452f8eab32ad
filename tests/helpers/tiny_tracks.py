"""Tracks of tiny matches: standing people, and a ball that moves at events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onball.formats.tracks_parquet import write_tracks
from onball.tracks import BALL, PERSON, TrackedVideo, Tracks

SIZE = (64, 36)


def tiny_tracks(
    jumps_ms: Sequence[int] = (), duration_ms: int = 8000, seed: int = 0, fps: float = 25.0
) -> Tracks:
    """Four standing people, and a ball that flies from one to the next at each given time."""
    rng = np.random.default_rng(seed)
    times = np.round(np.arange(0, duration_ms, 1000 / fps)).astype(np.int64)
    places = np.array([[8, 8], [24, 20], [40, 12], [56, 24]], np.float32)
    jumps = np.searchsorted(np.asarray(sorted(jumps_ms)), times, side="right")
    ball = places[(jumps + seed) % 4] + np.array([0, 6]) + rng.normal(0, 0.1, (len(times), 2))
    people = np.stack([places - np.array([2, 5]), places + np.array([2, 5])], axis=1).reshape(4, 4)
    boxes = np.concatenate(
        [
            np.broadcast_to(people, (len(times), 4, 4)),
            np.concatenate([ball - 1, ball + 1], axis=1)[:, None],
        ],
        axis=1,
    ).astype(np.float32)
    count = len(times)
    return Tracks(
        np.repeat(times, 5),
        np.tile(np.arange(5, dtype=np.int64), count),
        np.tile(np.array([PERSON] * 4 + [BALL], np.uint8), count),
        boxes.reshape(-1, 4),
        np.ones(5 * count, np.float32),
        TrackedVideo(*SIZE, duration_ms, fps),
    )


def write_tiny_tracks(match: Path, jumps_ms: Sequence[int] = (), **settings: int) -> Path:
    """Write `tracks.parquet` beside the video of a match."""
    path = match / "tracks.parquet"
    write_tracks(tiny_tracks(jumps_ms, **settings), path, detector="test", video="224p.mp4")
    return path
