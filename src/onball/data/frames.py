"""Decoded frames on disk, at training size: decoding a clip anew costs more than training on it."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.config import DataConfig, ModelConfig, TrackingConfig
from onball.errors import DataError, OnballError
from onball.files import DISK_FULL
from onball.frames import BlankFrames, FrameSource
from onball.timing import grid_times
from onball.tracking.crop import Windows, windows_of
from onball.tracking.features import as_inputs, track_features
from onball.tracks import Tracks

#: Part of every cache's name: a change of the layout or of the sampling makes old ones unused.
_FORMAT = 1
_FRAMES = "frames.npy"
_TIMES = "times_ms.npy"
_FINGERPRINT_BYTES = 1 << 16


class CachedFrames:
    """The sampled frames of one video as a memory map.

    The map is opened for every read: an object of this class is then only a path, and worker
    processes share the pages of the file instead of getting a copy of it.

    Raises `DataError` if the folder's files are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FRAMES
        try:
            self._times_ms: NDArray[np.int64] = np.load(folder / _TIMES)
            frames = np.load(self._path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{folder}: damaged frame cache ({error}); delete the folder") from None
        if len(frames) != len(self._times_ms):
            raise DataError(f"{folder}: damaged frame cache; delete the folder")

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """When each sampled frame is shown, ascending."""
        return self._times_ms

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[T, H, W, 3]`, a copy."""
        return np.array(np.load(self._path, mmap_mode="r")[start:stop])


def cache_folder(video: Path, data: DataConfig, windows: Windows | None = None) -> Path:
    """Where the frames of this very video, sampled and cut in this way, are or will be kept.

    The name hangs on the video's content (its length, first and last 64 KiB), not on its place
    or date, on fps and size, and on the windows that frames are cut to.

    Raises `DataError` if the video cannot be read, `ValueError` if no cache is configured.
    """
    if data.cache is None:
        raise ValueError("data.cache is not set")
    try:
        size = video.stat().st_size
        with video.open("rb") as file:
            head = file.read(_FINGERPRINT_BYTES)
            file.seek(max(0, size - _FINGERPRINT_BYTES))
            tail = file.read()
    except OSError as error:
        raise DataError(f"{video}: cannot be read ({error.strerror})") from None
    sampling = f"{_FORMAT} {size} {data.fps:.6f} {data.width} {data.height} "
    if windows is not None:
        sampling += f"{windows.key} "
    key = hashlib.sha256(sampling.encode() + head + tail).hexdigest()[:16]
    stem = re.sub(r"[^\w.-]+", "_", f"{video.parent.name}-{video.stem}")[-80:]
    return data.cache / f"{stem}-{key}"


def cached_frames(
    video: Path,
    data: DataConfig,
    on_progress: Callable[[int], None] | None = None,
    windows: Windows | None = None,
) -> CachedFrames:
    """The frames of a video from the cache, which is filled first if they are not there yet.

    Args:
        video: the video's file.
        data: fps, size and cache folder.
        on_progress: called while the cache is filled with the milliseconds decoded so far.
        windows: where each frame is cut before it is scaled; None takes whole frames.

    Raises `DataError` for a video without frames or a damaged cache, `VideoError` for a file that
    is no video, `OnballError` if the disk is full or not writable.
    """
    folder = cache_folder(video, data, windows)
    if not folder.is_dir():
        try:
            _build(video, data, folder, on_progress, windows)
        except OSError as error:
            full = error.errno in DISK_FULL
            hint = "free space or set data.cache" if full else "set data.cache"
            problem = error.strerror or str(error)
            raise OnballError(
                f"{data.cache}: frame cache cannot be written ({problem}); {hint} to another folder"
            ) from None
    return CachedFrames(folder)


def _build(
    video: Path,
    data: DataConfig,
    folder: Path,
    on_progress: Callable[[int], None] | None,
    windows: Windows | None,
) -> None:
    # Only here: training on a filled cache needs no video library.
    from onball.video import read_frames
    from onball.video.reading import read_windows

    read = (
        read_frames if windows is None else partial(read_windows, windows_at=windows.per_frame.at)
    )

    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        times: list[NDArray[np.int64]] = []
        with (aside / _FRAMES).open("wb") as file:
            _write_header(file, (0, data.height, data.width, 3))
            for batch in read(video, data.fps, data.size):
                file.write(np.ascontiguousarray(batch.frames).tobytes())
                times.append(np.asarray(batch.pts_ms, dtype=np.int64))
                if on_progress:
                    on_progress(int(times[-1][-1]))
            count = sum(len(part) for part in times)
            if count == 0:
                raise DataError(f"{video}: no frames in it")
            # NumPy leaves room in the header for the first dimension to grow.
            file.seek(0)
            _write_header(file, (count, data.height, data.width, 3))
        np.save(aside / _TIMES, np.concatenate(times))
        aside.chmod(0o755)
        try:
            aside.rename(folder)
        except OSError:
            # Somebody else filled the same cache meanwhile: theirs is as good.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_header(file: BinaryIO, shape: tuple[int, int, int, int]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


# --- What a net gets of a video: its frames, whole or cut to windows, and what its tracks


class MatchInputs(NamedTuple):
    """What a net gets of a video.

    Attributes:
        frames: its frames; of a net that looks at no pixels, blank ones of a single pixel.
        tracking: what its tracks say, float32 `[T, 2F]` for its T frames; None for a net without.
    """

    frames: FrameSource
    tracking: NDArray[np.float32] | None


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
        from onball.video.reading import read_windows

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
    from onball.formats.tracks_parquet import read_tracks

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
