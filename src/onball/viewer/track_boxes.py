"""Boxes of players and ball for the page, a few seconds at a time.

The tracks of a match are millions of boxes: the file is read once, and the page asks for the part that
it plays.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import InputError
from onball.events import Team
from onball.formats.tracks_parquet import read_teams, read_tracks
from onball.tracks import GOAL, KINDS, Tracks

#: Longest part that is given at once.
LONGEST_MS = 60_000


@dataclass(frozen=True, slots=True)
class _Loaded:
    tracks: Tracks
    teams: NDArray[np.uint8]


class TrackBoxes:
    """Boxes of tracks files; the file that was asked for last is kept in memory."""

    def __init__(self) -> None:
        self._key: tuple[Path, int, int] | None = None
        self._loaded: _Loaded | None = None
        self._lock = Lock()

    def part(self, file: Path, video: Path, start_ms: int, end_ms: int) -> dict[str, Any]:
        """Return the boxes of a part of a video, as columns for JSON.

        Args:
            file: the tracks file.
            video: its video.
            start_ms: begin of the part.
            end_ms: its end, at most `LONGEST_MS` later.

        Raises:
            InputError: the part is empty or too long.
            DataError: the file is damaged, or of another video.
        """
        if not 0 <= start_ms < end_ms <= start_ms + LONGEST_MS:
            raise InputError(f"the part from {start_ms} to {end_ms} ms is empty or too long")
        loaded = self._load(file, video)
        tracks = loaded.tracks
        rows = slice(*np.searchsorted(tracks.time_ms, (start_ms, end_ms)))
        return {
            "width": tracks.video.width,
            "height": tracks.video.height,
            "fps": tracks.video.fps,
            "cuts_ms": [cut for cut in tracks.video.cuts_ms if start_ms <= cut < end_ms],
            "kinds": KINDS,
            "time_ms": tracks.time_ms[rows].tolist(),
            "kind": tracks.kinds[rows].tolist(),
            "team": loaded.teams[rows].tolist(),
            "boxes": np.round(tracks.boxes[rows].astype(float), 1).ravel().tolist(),
        }

    def _load(self, file: Path, video: Path) -> _Loaded:
        stat = file.stat()
        key = file, stat.st_mtime_ns, stat.st_size
        with self._lock:
            if self._key != key or self._loaded is None:
                tracks = read_tracks(file, video)
                teams = read_teams(file)
                if teams is None:
                    teams = np.full(len(tracks), list(Team).index(Team.UNKNOWN), np.uint8)
                shown = tracks.kinds != GOAL
                tracks, teams = tracks.where(shown), teams[shown]
                self._key, self._loaded = key, _Loaded(tracks, teams)
            return self._loaded
