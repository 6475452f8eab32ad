"""`track_video`: a video in, its tracks file out.

frames ──▶ detector ──▶ boxes ──▶ tracker ──▶ tracks file
   └─────▶ camera cuts ─────────────┘ (forgets who was where)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from onball.files import require_writable
from onball.formats.tracks import open_writer
from onball.tracking.cuts import SHORTEST_SHOT_S, CutDetector
from onball.tracking.detections import Detector
from onball.tracking.parts import DetectedFrames, Parts
from onball.tracking.tracker import Tracker
from onball.tracks import BALL, TrackedVideo

#: Frames of full size are large: few are held at a time.
_BATCH = 8
#: Frames after which what was found is put aside, in case the work is stopped.
_PART = 250


@dataclass(slots=True)
class TrackingSummary:
    """What was found in a video.

    Attributes:
        frames: that were looked at.
        people, balls: boxes of each, in all.
        frames_with_ball: how many frames have any.
        tracks: bodies and balls that were followed.
        cuts: of the camera.
        seconds: that the work took; of a run that goes on, since then.
        detected: frames that were looked at in that time.
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
    progress: Callable[[int], None] | None = None,
) -> TrackingSummary:
    """Find and follow players and ball through a video, and write its tracks file.

    Memory is flat. If the work is stopped, the same call goes on where it was, from
    `.<name>.parts/` beside `out`, and gives the same tracks.

    Args:
        video: any file that FFmpeg reads.
        detector: what finds them.
        out: the tracks file; replaced when the new one is complete.
        fps: frames per second that are looked at.
        progress: called with the milliseconds of video that are done.

    Raises `VideoError` for a file that is no video, `OnballError` if `out` cannot be written.
    """
    from onball.video import probe

    video, out = Path(video), Path(out)
    info = probe(video)
    require_writable(out.parent)
    status = video.stat()
    parts = Parts(
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
            if progress is not None:
                progress(last)
        # Some files do not say how long they are.
        duration = about.duration_ms or round(last + 1000 / fps)
        writer.finish(replace(about, duration_ms=duration, cuts_ms=tuple(cuts)))
    parts.remove()
    summary.tracks, summary.cuts = tracker.count, len(cuts)
    summary.seconds = time.perf_counter() - begun
    return summary


def _detected(
    video: Path, detector: Detector, fps: float, parts: Parts
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
