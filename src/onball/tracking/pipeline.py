"""Detections that are kept while a long video is worked on, so that it goes on where it stopped.

Detection is what takes the time: its results lie in a folder beside the tracks file until that is
complete. Tracks are followed anew from them, so a run that was stopped gives what one in a piece does.
"""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError, InputError
from onball.files import atomic_path, require_writable, write_json_atomic
from onball.formats.tracks_parquet import open_writer, read_about, read_tracks
from onball.progress import Progress, ProgressCallback, no_progress
from onball.tracking.detectors.base import Detections, Detector
from onball.tracking.tracker import SHORTEST_SHOT_S, CutDetector, Tracker
from onball.tracks import BALL, TrackedVideo

_KEY_FILE = "key.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFrames:
    """Consecutive frames and what was found in them.

    Attributes:
        times_ms: int64 `[T]`.
        cuts: bool `[T]`, which frames are the first after a camera cut.
        detections: one for each frame.
    """

    times_ms: NDArray[np.int64]
    cuts: NDArray[np.bool_]
    detections: Sequence[Detections]


class DetectionCache:
    """The folder of kept detections.

    Args:
        tracks: the tracks file that they are for.
        key: says of which video, by what, how: parts with another key are thrown away.
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

    def kept(self) -> Iterator[DetectedFrames]:
        """What was found before; reading ends at a part that is missing or damaged."""
        while True:
            try:
                with np.load(self._path(self._count), allow_pickle=False) as part:
                    frames = _unpacked(part)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                return
            self._count += 1
            yield frames

    def keep(self, frames: DetectedFrames) -> None:
        """One more part. Raises `OnballError` if it cannot be written."""
        counts = [len(found.scores) for found in frames.detections]
        with atomic_path(self._path(self._count)) as aside:
            np.savez_compressed(
                aside,
                times_ms=frames.times_ms,
                cuts=frames.cuts,
                counts=np.array(counts, np.int64),
                boxes=np.concatenate([f.boxes for f in frames.detections]).reshape(-1, 4),
                scores=np.concatenate([f.scores for f in frames.detections]),
                kinds=np.concatenate([f.kinds for f in frames.detections]),
            )
        self._count += 1

    def remove(self) -> None:
        """All of them: the tracks file is complete."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.npz"


def _unpacked(part: np.lib.npyio.NpzFile) -> DetectedFrames:
    ends = np.cumsum(part["counts"])[:-1]
    columns = [np.split(part[name], ends) for name in ("boxes", "scores", "kinds")]
    found = [Detections(*row) for row in zip(*columns, strict=True)]
    return DetectedFrames(part["times_ms"], part["cuts"], found)


# --- `track_video`: a video in, its tracks file out.


#: Frames of full size are large: few are held at a time.
_BATCH = 8
#: Frames after which what was found is put aside, in case the work is stopped.
_PART = 250


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
    progress: ProgressCallback = no_progress,
) -> TrackingSummary:
    """Find and follow players and ball through a video, and write its tracks file.

    Memory is flat. If the work is stopped, the same call goes on where it was, from
    `.<name>.parts/` beside `out`, and gives the same tracks.

    Args:
        video: any file that FFmpeg reads.
        detector: what finds them.
        out: the tracks file; replaced when the new one is complete.
        fps: frames per second that are looked at.
        progress: called with the milliseconds of video that are tracked.

    Raises `VideoError` for a file that is no video, `OnballError` if `out` cannot be written.
    """
    from onball.video import probe

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
    tracker = Tracker(fps)
    about = TrackedVideo(info.width, info.height, info.duration_ms, fps)
    summary = TrackingSummary()
    cuts: list[int] = []
    begun = time.perf_counter()
    last = 0
    with open_writer(out, detector=detector.name, video=video.name) as writer:
        for part, is_new in _detected(video, detector, fps, parts):
            for time_ms, cut, found in zip(
                part.times_ms.tolist(), part.cuts.tolist(), part.detections, strict=True
            ):
                if cut:
                    tracker.reset()
                    cuts.append(time_ms)
                ids = tracker.update(found)
                writer.add(np.full(len(ids), time_ms), ids, found.kinds, found.boxes, found.scores)
                balls = int((found.kinds == BALL).sum())
                summary.frames += 1
                summary.people += len(ids) - balls
                summary.balls += balls
                summary.frames_with_ball += balls > 0
                summary.detected += is_new
                last = time_ms
            progress(Progress(f"tracking {video.name}", last, about.duration_ms or None, "ms"))
        # Some files do not say how long they are.
        duration = about.duration_ms or round(last + 1000 / fps)
        writer.finish(replace(about, duration_ms=duration, cuts_ms=tuple(cuts)))
    parts.remove()
    summary.tracks, summary.cuts = tracker.count, len(cuts)
    summary.seconds = time.perf_counter() - begun
    return summary


def track_once(
    video: str | Path,
    detector: Detector,
    out: str | Path,
    *,
    fps: float = 12.5,
    progress: ProgressCallback = no_progress,
) -> None:
    """Track a video as `track_video`, unless `out` has its tracks by this detector already."""
    video, out = Path(video), Path(out)
    if is_made_by(out, detector.name, fps):
        try:
            read_tracks(out, video)
            return
        except DataError:  # the tracks of another video, or damaged ones
            pass
    track_video(video, detector, out, fps=fps, progress=progress)


def is_made_by(path: str | Path, detector: str, fps: float = 12.5) -> bool:
    """Return True if `path` is a tracks file made by this detector at this rate."""
    try:
        about = read_about(Path(path))
    except InputError:
        return False
    return (about.get("detector"), about.get("fps")) == (detector, fps)


def _detected(
    video: Path, detector: Detector, fps: float, parts: DetectionCache
) -> Iterator[tuple[DetectedFrames, bool]]:
    """What is found in the video's frames, and whether it was found just now."""
    from onball.video import read_frames

    last, shot = -1, 0
    for kept in parts.kept():
        last = int(kept.times_ms[-1])
        shot = int(max(kept.times_ms[kept.cuts], default=shot))
        yield kept, False
    cut_detector = CutDetector(fps)
    pending: list[DetectedFrames] = []
    # The cut detector takes the first frame it is shown for a cut, and tells none soon after. It is
    # shown the last one it told once more, or what is so long ago that it tells the next again.
    start = max(shot, last - round(1000 * SHORTEST_SHOT_S))
    for batch in read_frames(video, fps, None, start_ms=start, batch_frames=_BATCH):
        told = np.array([cut_detector.is_cut(frame) for frame in batch.frames])
        new = batch.pts_ms > last
        if not new.any():
            continue
        times = batch.pts_ms[new]
        found = detector.detect(batch.frames[new], times)
        pending.append(DetectedFrames(times, told[new], found))
        if sum(len(part.times_ms) for part in pending) >= _PART:
            whole = _joined(pending)
            parts.keep(whole)
            pending = []
            yield whole, True
    if pending:
        yield _joined(pending), True


def _joined(parts: list[DetectedFrames]) -> DetectedFrames:
    return DetectedFrames(
        np.concatenate([part.times_ms for part in parts]),
        np.concatenate([part.cuts for part in parts]),
        [found for part in parts for found in part.detections],
    )
