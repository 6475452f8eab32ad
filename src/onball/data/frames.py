"""Frames of a video as a net takes them: whole, cropped around the ball, or blank.

`choose_frames` makes that choice, for training and for spotting alike. `open_inputs` adds what
training needs: frames decoded once into a cache on disk, because decoding a clip again costs more
than training on it, and the features of the match's tracks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from onball.config import BallCropConfig, DataConfig, ModelConfig, TrackingConfig
from onball.errors import DataError, InputError, OnballError
from onball.files import DISK_FULL, atomic_folder, file_digest, fingerprint, sole_builder
from onball.frames import BlankFrames, FrameBatch, FrameSource, Scaling
from onball.progress import Progress, ProgressCallback, no_progress
from onball.timing import grid_times
from onball.tracking.crop import Windows, windows_of
from onball.tracking.features import as_inputs, track_features
from onball.tracks import Tracks
from onball.video.reading import probe, read_frames, read_windows

#: Part of the name of every cache: increase it when the layout changes, the sampling, or the frames
#: that are read from any video, such as a damaged one.
_FORMAT = 3
#: Bytes of a video's name in that of its cache: file systems allow 255, and some encrypt names.
_MOST_NAME_BYTES = 80
_FRAMES = "frames.npy"
_TIMES = "times_ms.npy"


class Sampling(Protocol):
    """Settings of sampling: those of an experiment's data, or of a saved model."""

    @property
    def fps(self) -> float:
        """Sampled frames per second."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels that frames are scaled to."""

    @property
    def crop(self) -> BallCropConfig | None:
        """Windows around the ball; None for whole frames."""

    @property
    def scaling(self) -> Scaling:
        """Scaling of whole frames."""


class VideoFrames:
    """Frames straight from a video, whole or cropped; a `FrameSource`.

    Args:
        path: the video.
        sampling: frame rate, size and scaling.
        windows: window of each frame that is scaled to that size; None for whole frames.
    """

    def __init__(self, path: Path, sampling: Sampling, windows: Windows | None = None) -> None:
        self.path = path
        self.fps = sampling.fps
        self.size = sampling.size
        self.scaling = sampling.scaling
        self.windows = windows

    @cached_property
    def times_ms(self) -> NDArray[np.int64]:
        """Times of the sampling grid up to the length of the video, int64 `[T]`.

        Raises `VideoError` if the file is missing or no video.
        """
        return video_times(self.path, self.fps)

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[t, H, W, 3]`; each call seeks.

        There are fewer where the video ends before its header says so.

        Raises:
            InputError: none of the frames is in the video.
        """
        times = self.times_ms[start:stop]
        if not len(times):
            raise InputError(
                f"{self.path}: has no frames {start} to {stop}: there are {len(self.times_ms)} at "
                f"{float(self.fps):g} frames per second, counted from 0"
            )
        batches = self.batches(
            start_ms=int(times[0]),
            end_ms=int(times[-1]) + 1,
            batch_frames=stop - start,
            threads=1,  # Several worker processes read at the same time.
        )
        parts = [batch.frames for batch in batches]
        if not parts:
            width, height = self.size
            return np.empty((0, height, width, 3), dtype=np.uint8)
        return np.concatenate(parts)[: stop - start]

    def batches(
        self,
        *,
        start_ms: int = 0,
        end_ms: int | None = None,
        batch_frames: int = 32,
        threads: int = 0,
    ) -> Iterator[FrameBatch]:
        """Frames in order of time, up to the true end of the video; see `video.read_frames`."""
        if self.windows is None:
            return read_frames(
                self.path,
                self.fps,
                self.size,
                start_ms=start_ms,
                end_ms=end_ms,
                batch_frames=batch_frames,
                threads=threads,
                scaling=self.scaling,
            )
        return read_windows(
            self.path,
            self.fps,
            self.size,
            self.windows.per_frame.at,
            start_ms=start_ms,
            end_ms=end_ms,
            batch_frames=batch_frames,
            threads=threads,
        )


def video_times(path: Path, fps: float) -> NDArray[np.int64]:
    """Times of the sampled frames of a video by its length, int64 `[T]`.

    Raises `VideoError` if it is missing or no video.
    """
    return grid_times(probe(path).duration_ms, fps)


def choose_frames(
    video: Path,
    sampling: Sampling,
    model: ModelConfig | None = None,
    tracks: Tracks | None = None,
    *,
    times_ms: NDArray[np.int64] | None = None,
    tracks_digest: str = "",
) -> VideoFrames | BlankFrames:
    """Return the frames of a video as a net takes them: whole, cropped or blank.

    Args:
        video: file of the video.
        sampling: frame rate, size and crop.
        model: the net; None for one that takes frames.
        tracks: tracks of the video, for cropped frames.
        times_ms: times `[T]` of cropped or blank frames; by default those of `video_times`.
        tracks_digest: digest of the tracks file, part of the name of a cache of cropped frames.

    Raises `ValueError` if frames are to be cropped and there are no tracks, and as `video_times`.
    """
    blank = model is not None and not model.takes_frames
    if sampling.crop is None and not blank:
        return VideoFrames(video, sampling)
    if times_ms is None:
        times_ms = video_times(video, sampling.fps)
    if blank or sampling.crop is None:
        return BlankFrames(times_ms)
    if tracks is None:
        raise ValueError("frames are cropped by the tracks of the video, which are missing")
    return VideoFrames(video, sampling, windows_of(tracks, times_ms, sampling.crop, tracks_digest))


class CachedFrames:
    """The sampled frames of one video in a memory-mapped file; a `FrameSource`.

    The file is mapped again for every read: an object of this class is then only a path, and
    worker processes share the pages of the file instead of getting a copy of it.

    Raises `DataError` if the files in the folder are damaged.
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
        """Time of each sampled frame, int64 `[T]`, ascending."""
        return self._times_ms

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[t, H, W, 3]`, a copy."""
        return np.array(np.load(self._path, mmap_mode="r")[start:stop])


def cached_frames(
    frames: VideoFrames,
    cache: Path,
    progress: ProgressCallback = no_progress,
    *,
    name: str = "",
) -> CachedFrames:
    """Return frames from the cache, and decode them into it first if they are not there yet.

    Of several processes that need them at the same time, one decodes them; see `sole_builder`.

    Args:
        frames: frames of a video, whole or cropped.
        cache: folder of all caches.
        progress: called while the video is decoded, with the milliseconds of video.
        name: task that the progress names; the video by default.

    Raises `DataError` for a video without frames or a damaged cache, `VideoError` for a file that
    is no video, `OnballError` if the disk is full or not writable.
    """
    folder = cache_folder(frames, cache)
    if not folder.is_dir():
        try:
            with sole_builder(folder) as is_builder:
                if is_builder:
                    _decode(frames, folder, progress, name or str(frames.path))
        except OSError as error:
            full = error.errno in DISK_FULL
            hint = "free space or set data.cache" if full else "set data.cache"
            problem = error.strerror or str(error)
            raise OnballError(
                f"{cache}: frame cache cannot be written ({problem}); {hint} to another folder"
            ) from None
    return CachedFrames(folder)


def cache_folder(frames: VideoFrames, cache: Path, derived: str = "") -> Path:
    """Folder in `cache` for the frames of exactly this video, sampled and cropped in this way.

    Its name depends on the content of the video (see `files.fingerprint`) and not on its place or
    date, on frame rate and size, and on the windows of cropped frames. For what is derived from the
    frames it depends on the text `derived` too.

    Raises `DataError` if the video cannot be read.
    """
    video = frames.path
    try:
        content = fingerprint(video)
    except OSError as error:
        raise DataError(f"{video}: cannot be read ({error.strerror})") from None
    width, height = frames.size
    windows = "" if frames.windows is None else frames.windows.key
    sampling = f"{_FORMAT} {content} {frames.fps:.6f} {width} {height} {windows}"
    if frames.scaling != "area":
        sampling += f" {frames.scaling}"
    if derived:
        sampling += f" {derived}"
    key = hashlib.sha256(sampling.encode()).hexdigest()[:16]
    stem = re.sub(r"[^\w.-]+", "_", f"{video.parent.name}-{video.stem}")
    end = stem.encode(errors="replace")[-_MOST_NAME_BYTES:]
    return cache / f"{end.decode(errors='ignore')}-{key}"


def _decode(frames: VideoFrames, folder: Path, progress: ProgressCallback, name: str) -> None:
    """Decode all frames into a new cache folder; one that another process made first is kept."""
    width, height = frames.size
    with atomic_folder(folder) as temporary:
        times: list[NDArray[np.int64]] = []
        with (temporary / _FRAMES).open("wb") as file:
            _write_header(file, (0, height, width, 3))
            for batch in frames.batches():
                file.write(np.ascontiguousarray(batch.frames).tobytes())
                times.append(np.asarray(batch.pts_ms, dtype=np.int64))
                progress(Progress(name, int(times[-1][-1]), None, "ms"))
            count = sum(len(part) for part in times)
            if count == 0:
                raise DataError(f"{frames.path}: no frames in it")
            # NumPy leaves room in the header for the first dimension to grow.
            file.seek(0)
            _write_header(file, (count, height, width, 3))
        np.save(temporary / _TIMES, np.concatenate(times))


def _write_header(file: BinaryIO, shape: tuple[int, int, int, int]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


class MatchInputs(NamedTuple):
    """Inputs of a net from one match.

    Attributes:
        frames: its T frames; blank ones for a net without a backbone.
        track_features: features of its tracks, float32 `[T, 2F]`; None for a net that takes no tracks.
    """

    frames: FrameSource
    track_features: NDArray[np.float32] | None


def open_inputs(
    video: Path,
    data: DataConfig,
    model: ModelConfig | None = None,
    progress: ProgressCallback = no_progress,
    *,
    name: str = "",
) -> MatchInputs:
    """Open the inputs of a net from a labelled match; decode the frames into the cache, if any.

    A net that takes tracks alone needs no video: without the file, its times are those of the tracks.

    Args:
        video: of the match; its tracks are in the same folder.
        data: settings of sampling, cropping and caching.
        model: the net; None for one that takes frames alone.
        progress: called while a cache is filled, with the milliseconds of video.
        name: task that the progress names, such as the name of the match.

    Raises `DataError` if tracks are needed and missing, broken or of another video; `VideoError` if
    it is no video; `OnballError` if the cache cannot be written.
    """
    track_config = None if model is None else model.tracking
    tracks, digest = None, ""
    if track_config is not None or data.crop is not None:
        path = video.with_name(data.tracks)
        tracks = read_match_tracks(path, video)
        digest = file_digest(path)[:16]
    times = None
    if tracks is not None and needs_no_video(model) and not video.exists():
        times = grid_times(tracks.video.duration_ms, data.fps)
    chosen = choose_frames(video, data, model, tracks, times_ms=times, tracks_digest=digest)
    frames: FrameSource = chosen
    if isinstance(chosen, VideoFrames) and data.cache is not None:
        frames = cached_frames(chosen, data.cache, progress, name=name)
    times_ms = frames.times_ms  # Raises its errors here, not in a worker process.
    if tracks is None or track_config is None:
        return MatchInputs(frames, None)
    return MatchInputs(frames, tracking_inputs(tracks, times_ms, track_config))


def needs_no_video(model: ModelConfig | None) -> bool:
    """Return True for a net that takes tracks and no frames."""
    return model is not None and model.tracking is not None and not model.takes_frames


def read_match_tracks(path: Path, video: Path) -> Tracks:
    """Read the tracks of a match; if its video is missing, without comparing them.

    Raises `DataError` if there are none, or if they are broken or those of another video.
    """
    # Optional package: only models that take tracks need it.
    from onball.formats.tracks_parquet import read_tracks

    require_tracks(path)
    return read_tracks(path, video if video.exists() else None)


def require_tracks(path: Path) -> None:
    """Raise `DataError` if there is no such tracks file."""
    if not path.is_file():
        raise DataError(
            f"{path}: no such file, and the model needs the tracks of players and ball: make them "
            f"with `onball track --data ROOT --detector DETECTOR --name {path.name}`, or name "
            "others with --set data.tracks=NAME"
        )


def tracking_inputs(
    tracks: Tracks, times_ms: NDArray[np.int64], config: TrackingConfig
) -> NDArray[np.float32]:
    """Features of tracks for the frames at `times_ms` `[T]`, float32 `[T, 2F]`."""
    return as_inputs(track_features(tracks, times_ms, config.features))
