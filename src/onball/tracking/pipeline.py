"""Tracking of a whole video, from its file to its tracks file.

Detection dominates the running time, so its results are cached in a folder beside the tracks file
until that is complete. An interrupted call resumes from them; tracking itself is repeated from
the start, so that the tracks equal those of an uninterrupted call.
"""

from __future__ import annotations

import itertools
import json
import shutil
import time
import zipfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from onball.cores import choose_threads, decoding_threads
from onball.errors import DataError, InputError
from onball.files import atomic_path, require_writable, write_json_atomic
from onball.formats.tracks_parquet import open_writer, read_about, read_tracks
from onball.frames import FrameBatch
from onball.outputs import OutputConflictError, differences
from onball.progress import Progress, ProgressCallback, no_progress
from onball.timing import grid_times
from onball.tracking.detectors.base import (
    Detections,
    Detector,
    NeighbourDetector,
    read_size,
    read_steps,
)
from onball.tracking.detectors.simulated import SimulatedDetector
from onball.tracking.tracker import SHORTEST_SHOT_S, CutDetector, Tracker
from onball.tracks import BALL, TrackedVideo, are_people
from onball.video.reading import VideoInfo, probe, read_frames

#: File of the cache that identifies what it is for.
_KEY_FILE = "key.json"
#: To be increased if older caches can no longer be read, or detections change.
_FORMAT = 3
#: Frames that are read and detected at a time: few, since they have the full size, and more of those that
#: are small, since the threads of a detector wait for each other after each batch.
_BATCH_FRAMES, _SMALL_BATCH_FRAMES = 8, 16
#: Frames in a part of the cache.
_PART_FRAMES = 250
#: In place of the time of a cut.
_NO_CUT = -1
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFrames:
    """Detections and camera cuts of consecutive frames.

    Attributes:
        times_ms: int64 `[T]`.
        cut_ms: int64 `[T]`, time of the camera cut since the frame before, -1 for none. It is earlier than
            the frame where the cut is at one that is read, but not detected.
        detections: one for each frame.
    """

    times_ms: NDArray[np.int64]
    cut_ms: NDArray[np.int64]
    detections: Sequence[Detections]


class DetectionCache:
    """Folder of cached detections, for a call that is interrupted and repeated.

    Args:
        tracks: the tracks file that they are for.
        key: identifies video, detector and settings; a cache with another key is deleted.
    """

    def __init__(self, tracks: Path, key: dict[str, object]) -> None:
        self._folder = tracks.with_name(f".{tracks.name}.parts")
        self._count = 0
        wanted = {"format": _FORMAT, **key}
        try:
            same = json.loads((self._folder / _KEY_FILE).read_text(encoding="utf-8")) == wanted
        except (OSError, ValueError):
            same = False
        if not same:
            self.remove()
            write_json_atomic(self._folder / _KEY_FILE, wanted)

    def read(self) -> Iterator[DetectedFrames]:
        """Read the cached parts up to the first that is missing or damaged."""
        while True:
            try:
                with np.load(self._path(self._count), allow_pickle=False) as part:
                    frames = _unpacked(part)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                return
            self._count += 1
            yield frames

    def append(self, frames: DetectedFrames) -> None:
        """Write another part. Raises `OnballError` if it cannot be written."""
        counts = [len(found.scores) for found in frames.detections]
        with atomic_path(self._path(self._count)) as temporary:
            np.savez_compressed(
                temporary,
                times_ms=frames.times_ms,
                cut_ms=frames.cut_ms,
                counts=np.array(counts, np.int64),
                boxes=np.concatenate([f.boxes for f in frames.detections]).reshape(-1, 4),
                scores=np.concatenate([f.scores for f in frames.detections]),
                kinds=np.concatenate([f.kinds for f in frames.detections]),
            )
        self._count += 1

    def remove(self) -> None:
        """Delete the cache."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.npz"


def _unpacked(part: np.lib.npyio.NpzFile) -> DetectedFrames:
    ends = np.cumsum(part["counts"])[:-1]
    columns = [np.split(part[name], ends) for name in ("boxes", "scores", "kinds")]
    found = [Detections(*row) for row in zip(*columns, strict=True)]
    return DetectedFrames(part["times_ms"], part["cut_ms"], found)


@dataclass(slots=True)
class TrackingSummary:
    """Counts and running time of tracking a video.

    Attributes:
        frames: number of sampled frames.
        people, balls: number of boxes of each kind.
        frames_with_ball: number of frames with a ball.
        tracks: number of tracks.
        cuts: number of camera cuts.
        seconds: duration of this call, which may continue an interrupted one.
        detected: number of frames in which this call ran the detector.
    """

    frames: int = 0
    people: int = 0
    balls: int = 0
    frames_with_ball: int = 0
    tracks: int = 0
    cuts: int = 0
    seconds: float = 0.0
    detected: int = 0


def track_video(
    video: str | Path,
    detector: Detector,
    out: str | Path,
    *,
    fps: float = 12.5,
    name: str = "",
    progress: ProgressCallback = no_progress,
    threads: int | None = None,
) -> TrackingSummary:
    """Track players and ball in a video, and write its tracks file.

    Memory does not grow with the length of the video. An interrupted call resumes when repeated,
    from `.<name>.parts/` beside `out`, with the same tracks.

    Args:
        video: any file that FFmpeg reads.
        detector: detector of people and balls.
        out: the tracks file; replaced when the new one is complete.
        fps: sampled frames per second. For a `NeighbourDetector`, frames between them are read too, so
            that no neighbour is farther away than its `farthest_neighbour_ms`.
        name: name of the video in the reports of `progress`; its file's name by default.
        progress: called with the milliseconds of video that are tracked.
        threads: CPU threads, see `onball.cores.choose_threads`, of which some decode the video: ahead of
            the detector, if there are several. A detector has its own number.

    Raises `VideoError` for a file that is no video, `OnballError` if `out` cannot be written.
    """
    video, out = Path(video), Path(out)
    info = probe(video)
    require_writable(out.parent)
    status = video.stat()
    parts = DetectionCache(
        out,
        {
            "video": video.name,
            "bytes": status.st_size,
            "modified_ns": status.st_mtime_ns,
            "detector": detector.name,
            "fps": fps,
        },
    )
    about = TrackedVideo(info.width, info.height, info.duration_ms, fps)
    found = _detected(video, info, detector, fps, parts, threads)
    summary = _follow(found, about, out, detector.name, video.name, name or video.name, progress)
    parts.remove()
    return summary


def track_match_without_video(
    detector: SimulatedDetector,
    out: str | Path,
    *,
    fps: float = 12.5,
    video: str = "",
    name: str = "",
    progress: ProgressCallback = no_progress,
) -> TrackingSummary:
    """Track a simulated match that has no video, and write its tracks file.

    The cuts between cameras are the true ones, since there are no frames to find them in.

    Args:
        detector: of the match.
        video: name that the video would have.
        out, fps, name, progress: as in `track_video`.

    Raises `OnballError` if `out` cannot be written.
    """
    out = Path(out)
    require_writable(out.parent)
    about = replace(detector.truth.video, fps=fps)

    def parts() -> Iterator[tuple[DetectedFrames, bool]]:
        times = grid_times(about.duration_ms, fps)
        cut_ms = np.full(len(times), _NO_CUT, np.int64)
        true_cuts = np.array(about.cuts_ms, np.int64)
        begins = np.searchsorted(times, true_cuts)
        cut_ms[begins[begins < len(times)]] = true_cuts[begins < len(times)]
        for start in range(0, len(times), _PART_FRAMES):
            part = slice(start, start + _PART_FRAMES)
            found = detector.detect_at(times[part])
            yield DetectedFrames(times[part], cut_ms[part], found), True

    return _follow(parts(), about, out, detector.name, video, name or video, progress)


def _follow(
    parts: Iterator[tuple[DetectedFrames, bool]],
    about: TrackedVideo,
    out: Path,
    detector: str,
    video: str,
    name: str,
    progress: ProgressCallback,
) -> TrackingSummary:
    """Connect detections to tracks, and write them."""
    tracker = Tracker(about.fps)
    summary = TrackingSummary()
    cuts: list[int] = []
    begun = time.perf_counter()
    last = 0
    with open_writer(out, detector=detector, video=video) as writer:
        for part, is_new in parts:
            for time_ms, cut_ms, found in zip(
                part.times_ms.tolist(), part.cut_ms.tolist(), part.detections, strict=True
            ):
                if cut_ms != _NO_CUT:
                    tracker.reset()
                    cuts.append(cut_ms)
                ids = tracker.update(found)
                writer.add(np.full(len(ids), time_ms), ids, found.kinds, found.boxes, found.scores)
                balls = int((found.kinds == BALL).sum())
                people = int(are_people(found.kinds).sum())
                summary.frames += 1
                summary.people += people
                summary.balls += balls
                summary.frames_with_ball += balls > 0
                summary.detected += is_new
                last = time_ms
            progress(Progress(f"tracking {name}", last, about.duration_ms or None, "ms"))
        # Some files do not contain their duration.
        duration = about.duration_ms or round(last + 1000 / about.fps)
        writer.finish(replace(about, duration_ms=duration, cuts_ms=tuple(cuts)))
    summary.tracks, summary.cuts = tracker.count, len(cuts)
    summary.seconds = time.perf_counter() - begun
    return summary


def track_once(
    video: str | Path,
    detector: Detector,
    out: str | Path,
    progress: ProgressCallback = no_progress,
    name: str = "",
    threads: int | None = None,
    fps: float = 12.5,
) -> None:
    """Track a video as `track_video`, unless `out` has its tracks by this detector already."""
    video, out = Path(video), Path(out)
    if is_made_by(out, detector.name, fps):
        try:
            read_tracks(out, video)
            return
        except DataError:  # the tracks of another video, or damaged ones
            pass
    track_video(video, detector, out, fps=fps, progress=progress, name=name, threads=threads)


def is_made_by(path: str | Path, detector: str, fps: float = 12.5) -> bool:
    """Return True if `path` is a tracks file made by this detector at this rate."""
    try:
        about = read_about(Path(path))
    except InputError:
        return False
    return (about.get("detector"), about.get("fps")) == (detector, fps)


def untracked(tracks: Mapping[Path, Path], detector: str, fps: float = 12.5) -> dict[Path, Path]:
    """Select the videos without tracks of this detector at this rate.

    Tracks files name their video, detector and rate, so that no other record is needed, also where
    tracks are beside the videos of a data set.

    Args:
        tracks: each video and its tracks file, which need not exist.
        detector: name of the detector, `Detector.name`.
        fps: sampled frames per second.

    Raises:
        OutputConflictError: a file, which tracking would replace, has tracks of another video, by
            another detector or at another rate, or was not written by onball.
    """
    for video, path in tracks.items():
        if path.exists():
            _require_same(path, {"video": video.name, "detector": detector, "fps": fps})
    return {video: path for video, path in tracks.items() if not path.exists()}


def _require_same(path: Path, wanted: Mapping[str, str | float]) -> None:
    try:
        about = read_about(path)
    except InputError:
        raise OutputConflictError(
            f"{path}: is there and is no tracks file of onball: --overwrite replaces it, --name "
            "writes another"
        ) from None
    changes = differences({key: about.get(key) for key in wanted}, wanted)
    if changes:
        raise OutputConflictError(
            f"{path}: holds tracks with {changes}: --overwrite replaces them, --name writes others"
        )


def _detected(
    video: Path,
    info: VideoInfo,
    detector: Detector,
    fps: float,
    parts: DetectionCache,
    threads: int | None,
) -> Iterator[tuple[DetectedFrames, bool]]:
    """Iterate over detections of the video's frames; True for those that are not from the cache."""
    last, shot = -1, 0
    for kept in parts.read():
        last = int(kept.times_ms[-1])
        shot = int(max(kept.cut_ms.max(), shot))
        yield kept, False
    whole = info.width, info.height
    size = read_size(detector, *whole)
    threads = choose_threads(threads)
    steps = read_steps(detector, fps)
    batches = read_frames(
        video,
        fps * steps,
        size,
        # The cut detector reports its first frame as a cut, and none soon after it. It restarts at
        # the last reported cut, or at a frame early enough for the next cut to be reported.
        start_ms=max(shot, last - round(1000 * SHORTEST_SHOT_S)),
        batch_frames=steps * (_BATCH_FRAMES if size == whole else _SMALL_BATCH_FRAMES),
        threads=decoding_threads(threads),
    )
    if threads > 1:
        # While frames are detected, the next ones are read, and the ones before are followed.
        found = _ahead(_detect(_ahead(batches), detector, fps * steps, steps, last))
    else:
        found = _detect(batches, detector, fps * steps, steps, last)
    pending: list[DetectedFrames] = []
    for frames in found:
        if size != whole:
            frames = _on_scale(frames, size, whole)
        pending.append(frames)
        if sum(len(part.times_ms) for part in pending) >= _PART_FRAMES:
            parts.append(_joined(pending))
            pending = []
        yield frames, True


def _detect(
    batches: Generator[FrameBatch], detector: Detector, fps: float, steps: int, last_ms: int
) -> Generator[DetectedFrames]:
    """Detect in every `steps`-th of the frames, which are `fps` per second, if it is later than `last_ms`."""
    with closing(batches):
        for frames in _with_neighbours(batches, detector, fps, steps):
            found = frames.detect(detector, last_ms)
            if found is not None:
                yield found


def _on_scale(
    frames: DetectedFrames, size: tuple[int, int], whole: tuple[int, int]
) -> DetectedFrames:
    """Detections in frames of one size, in pixels of another size."""
    largest = np.array(2 * whole, np.float32)
    factors = largest / np.array(2 * size, np.float32)
    found = [
        one._replace(boxes=np.minimum(one.boxes * factors, largest)) for one in frames.detections
    ]
    return DetectedFrames(frames.times_ms, frames.cut_ms, found)


def _ahead(items: Generator[_Item]) -> Generator[_Item]:
    """Iterate over the same items; a thread computes the next one while one is used."""
    with closing(items), ThreadPoolExecutor(1, "ahead") as worker:
        task = worker.submit(next, items, None)
        while (item := task.result()) is not None:
            task = worker.submit(next, items, None)
            yield item


@dataclass(frozen=True, slots=True, eq=False)
class _Neighboured:
    """Frames to detect in, with the neighbours of each in its shot, or itself where it has none."""

    times_ms: NDArray[np.int64]
    cut_ms: NDArray[np.int64]
    frames: list[NDArray[np.uint8]]
    before: list[NDArray[np.uint8]]
    after: list[NDArray[np.uint8]]

    def detect(self, detector: Detector, last_ms: int) -> DetectedFrames | None:
        """Run the detector on the frames later than `last_ms`; None if there are none."""
        rows = np.flatnonzero(self.times_ms > last_ms)
        if not len(rows):
            return None
        times = self.times_ms[rows]
        frames, before, after = (
            [images[row] for row in rows] for images in (self.frames, self.before, self.after)
        )
        if isinstance(detector, NeighbourDetector):
            found = detector.detect_among(frames, before, after, times)
        else:
            found = detector.detect(np.stack(frames), times)
        return DetectedFrames(times, self.cut_ms[rows], found)


def _with_neighbours(
    batches: Iterator[FrameBatch], detector: Detector, fps: float, steps: int
) -> Iterator[_Neighboured]:
    """Iterate over every `steps`-th of the frames, which are `fps` per second.

    The last of a batch waits for the next batch if the detector needs its neighbour.
    """
    cut_detector = CutDetector(fps)
    needs_next = isinstance(detector, NeighbourDetector)
    times: list[int] = []
    cuts: list[bool] = []
    images: list[NDArray[np.uint8]] = []
    begun = 0  # frames in the lists that are done, but are neighbours of the next
    cut_ms = _NO_CUT
    for batch in itertools.chain(batches, [None]):
        if batch is not None:
            times += batch.pts_ms.tolist()
            cuts += [cut_detector.is_cut(frame) for frame in batch.frames]
            images += list(batch.frames)
        ready = len(images) - (batch is not None and needs_next)
        if ready > begun:
            rows: list[int] = []
            shots, before, after = [], [], []
            for index in range(begun, ready):
                cut_ms = times[index] if cuts[index] else cut_ms
                if round(times[index] * fps / 1000) % steps:  # its number since the start
                    continue
                first = cuts[index] or index == 0
                last = index + 1 == len(images) or cuts[index + 1]
                before.append(images[index if first else index - 1])
                after.append(images[index if last else index + 1])
                shots.append(cut_ms)
                rows.append(index)
                cut_ms = _NO_CUT
            if rows:
                yield _Neighboured(
                    np.array([times[row] for row in rows], np.int64),
                    np.array(shots, np.int64),
                    [images[row] for row in rows],
                    before,
                    after,
                )
        kept = max(ready - 1, 0)
        begun = ready - kept
        del times[:kept], cuts[:kept], images[:kept]


def _joined(parts: list[DetectedFrames]) -> DetectedFrames:
    return DetectedFrames(
        np.concatenate([part.times_ms for part in parts]),
        np.concatenate([part.cut_ms for part in parts]),
        [found for part in parts for found in part.detections],
    )
