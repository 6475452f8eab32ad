"""Tracks of videos that have none, for a model that takes tracks: detectors opened once, by name."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from onball.config import SavedModelConfig
from onball.progress import ProgressCallback, no_progress
from onball.tracks import TRACKS_FILE, Tracks

if TYPE_CHECKING:
    from onball.tracking.detectors.base import Detector


class TrackMaker:
    """Opens detectors, each name once, and makes tracks with them; for several threads.

    Args:
        config: the model's, which names its detector and the rate of its tracks.
        device: name of the device, as it was given: `auto` may be another one for a detector than for the
            net.
        threads: CPU threads.
    """

    def __init__(self, config: SavedModelConfig, device: str, threads: int) -> None:
        self._config, self._device, self._threads = config, device, threads
        self._detectors: dict[str, Detector] = {}
        self._opening = Lock()

    def open_detector(self, name: str) -> Detector:
        """Open a detector, as `onball.tracking.detectors.opening.open_detector`."""
        # Optional packages: only models that take tracks need them.
        from onball.tracking.detectors.opening import open_detector

        with self._opening:
            if name not in self._detectors:
                self._detectors[name] = open_detector(
                    name, device=self._device, threads=self._threads
                )
            return self._detectors[name]

    def make(
        self,
        video: Path,
        detector: Detector | str | None = None,
        *,
        keep: str | Path | None = None,
        progress: ProgressCallback = no_progress,
        name: str = "",
    ) -> Tracks | None:
        """Return the tracks of a video; None if neither the caller nor the model names a detector.

        Args:
            video: the video.
            detector: the detector, or its name; None is that of the model.
            keep: tracks file to write, or to read if it is there; None writes none.
            progress: called with the milliseconds of video that are tracked.
            name: name of the video in the reports of `progress`.
        """
        if detector is None and self._config.detector != "auto":
            detector = self._config.detector
        if detector is None:
            return None
        from onball.formats.tracks_parquet import read_tracks
        from onball.tracking.pipeline import track_once

        if isinstance(detector, str):
            detector = self.open_detector(detector)
        with tempfile.TemporaryDirectory(prefix="onball-") as folder:
            path = Path(keep or Path(folder, TRACKS_FILE))
            track_once(
                video,
                detector,
                path,
                progress=progress,
                name=name,
                threads=self._threads,
                fps=self._config.tracks_fps,
            )
            return read_tracks(path, video)
