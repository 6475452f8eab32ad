"""What a net gets of a video: its frames, whole or cut to windows, and what its tracks say.

The same is made here of a labelled match in training and of a film that a model is run on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from onball.config import DataConfig, ModelConfig, TrackingConfig
from onball.data.cache import cached_frames
from onball.errors import DataError
from onball.tracking.crop import Windows, windows_of
from onball.tracking.features import as_inputs, track_features
from onball.tracks import Tracks


class FrameSource(Protocol):
    """The sampled frames of one video, at least one, any part of them at any time."""

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """When each sampled frame is shown, ascending."""

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[T, H, W, 3]`."""


class MatchInputs(NamedTuple):
    """What a net gets of a video.

    Attributes:
        frames: its frames; of a net that looks at no pixels, blank ones of a single pixel.
        tracking: what its tracks say, float32 `[T, 2F]` for its T frames; None for a net without.
    """

    frames: FrameSource
    tracking: NDArray[np.float32] | None


class BlankFrames:
    """Frames without pixels, for nets that look at none: single black ones."""

    def __init__(self, times_ms: NDArray[np.int64]) -> None:
        self._times_ms = times_ms

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """When each frame would be shown, `[T]`."""
        return self._times_ms

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """As `FrameSource.read`, `[T, 1, 1, 3]`."""
        return np.zeros((min(stop, len(self._times_ms)) - start, 1, 1, 3), np.uint8)


class VideoFrames:
    """Frames straight from the video: every read seeks and decodes anew.

    Args:
        path: the video.
        data: rate and size.
        windows: where each frame is cut before it is scaled; None takes whole frames.

    Raises `VideoError` if the file is missing or no video, `DataError` if it does not say how long
    it is.
    """

    def __init__(self, path: Path, data: DataConfig, windows: Windows | None = None) -> None:
        self._path = path
        self._data = data
        self._windows = windows
        self._times_ms = video_times(path, data.fps)

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """The times of the sampling grid, `[T]`."""
        return self._times_ms

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """As `FrameSource.read`; fewer frames where the film ends before its header says so."""
        from onball.video import read_frames
        from onball.video.windows import read_windows

        data = self._data
        times = self._times_ms[start:stop]
        read = (
            read_frames
            if self._windows is None
            else partial(read_windows, windows_at=self._windows.per_frame.at)
        )
        parts = [
            batch.frames
            for batch in read(
                self._path,
                data.fps,
                data.size,
                start_ms=int(times[0]),
                end_ms=int(times[-1]) + 1,
                batch_frames=stop - start,
                threads=1,  # several readers work beside each other
            )
        ]
        if not parts:
            return np.empty((0, data.height, data.width, 3), dtype=np.uint8)
        return np.concatenate(parts)[: stop - start]


def video_times(path: Path, fps: float) -> NDArray[np.int64]:
    """When the sampled frames of a video are shown, by its header.

    Raises `VideoError` if it is missing or no video, `DataError` if it does not say how long it is.
    """
    # Only here: training on a filled cache needs no video library.
    from onball.video import probe

    times = grid_times(probe(path).duration_ms, fps)
    if not len(times):
        raise DataError(
            f"{path}: its header says no length; set data.cache, which reads the film to its end"
        )
    return times


def grid_times(duration_ms: int, fps: float) -> NDArray[np.int64]:
    """When the sampled frames of a video of that length are shown."""
    from onball.video.reader import first_grid_index, grid_ms

    count = first_grid_index(duration_ms, fps)
    return np.array([grid_ms(k, fps) for k in range(count)], dtype=np.int64)


def open_inputs(
    video: Path,
    data: DataConfig,
    model: ModelConfig | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> MatchInputs:
    """What a net gets of a labelled match; its frames are decoded into the cache, if there is one.

    Args:
        video: of the match; its tracks lie beside it.
        data: how it is sampled, scaled, cut and cached.
        model: the net; None for one of frames alone.
        on_progress: called while a cache is filled, with the milliseconds decoded.

    Raises `DataError` if tracks are needed and missing or of another video, and what reading raises.
    """
    wanted = None if model is None else model.tracking
    path = video.with_name(data.tracks)
    tracks, windows = None, None
    if wanted is not None or data.crop is not None:
        tracks = read_match_tracks(path, video)
    if tracks is not None and data.crop is not None:
        content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        windows = windows_of(tracks, video_times(video, data.fps), data.crop, content)
    frames: FrameSource
    if model is not None and not model.takes_frames:
        frames = BlankFrames(video_times(video, data.fps))
    elif data.cache is None:
        frames = VideoFrames(video, data, windows)
    else:
        frames = cached_frames(video, data, on_progress, windows)
    if tracks is None or wanted is None:
        return MatchInputs(frames, None)
    return MatchInputs(frames, tracking_inputs(tracks, frames.times_ms, wanted))


def read_match_tracks(path: Path, video: Path) -> Tracks:
    """The tracks of a match.

    Raises `DataError` if there are none, if they are broken or those of another video.
    """
    from onball.formats.tracks import read_tracks

    if not path.is_file():
        raise DataError(
            f"{path}: no such file, and the model needs the tracks of players and ball: make them "
            f"with `onball track --data ROOT --name {path.name}`, or name others with "
            "--set data.tracks=NAME"
        )
    return read_tracks(path, video)


def tracking_inputs(
    tracks: Tracks, times_ms: NDArray[np.int64], config: TrackingConfig
) -> NDArray[np.float32]:
    """What the net gets of tracks for the frames at `times_ms` `[T]`, float32 `[T, 2F]`."""
    return as_inputs(track_features(tracks, times_ms, config.features))
