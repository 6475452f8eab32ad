"""Camera cuts and multi-object tracking: boxes per frame → tracks.

Cuts are detected by PySceneDetect's perceptual hash (`HashDetector`), which compares each frame with the
previous one. Among its detectors it has the best recall on simulated matches
(`benchmarks/cut_detection.py`): a close-up on the same grass has nearly the same colours, but another
structure. Tracks are those of ByteTrack (Zhang et al. 2022) in the package `trackers`, with
compensation of the camera's motion, enlarged boxes, and a separate tracker for the ball; it is reset at
cuts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import optional_dependency
from onball.tracking.detectors.base import Detections
from onball.tracks import BALL, UNTRACKED, are_people

with optional_dependency("scenedetect", "track", "Finding camera cuts"):
    from scenedetect import FrameTimecode
    from scenedetect.detectors import HashDetector

with optional_dependency("trackers", "track", "Following players and ball"):
    import supervision as sv
    from trackers import ByteTrackTracker

#: Smallest distance between two cuts.
SHORTEST_SHOT_S = 0.5
#: Approximate width of the downsampled frames in which cuts are detected.
_WIDTH = 160
#: Longest time that a track continues without a box.
_PATIENCE_S = 1.0
#: Margin by which boxes of people are enlarged on each side for matching, in their heights.
_PERSON_ROOM = 0.5
#: Smallest width of the ball's enlarged box, in its own widths …
_BALL_WIDENED = 6.0
#: … and width per second between two frames: a shot crosses the frame within a second.
_BALL_WIDENED_PER_S = 150.0
#: Largest displacement by the camera between two frames, in heights of a person …
_FARTHEST = 4.0
#: … and tolerance within which displacements agree, in the same unit.
_AGREEMENT = 0.2
#: Smallest number and fraction of people that must agree on the camera's motion.
_FEWEST, _LEAST_FRACTION = 4, 0.4
#: Number of displacements, the shortest ones, that are compared with each other.
_MOST_DISPLACEMENTS = 1500
#: Key of the detection's index in the data of `supervision.Detections`.
_ROW = "row"


class CutDetector:
    """Online detector of camera cuts.

    Args:
        fps: sampled frames per second.
        detector: one of PySceneDetect's, for comparison; by default the hash detector.
    """

    def __init__(self, fps: float, detector: Any = None) -> None:
        self._fps = fps
        shortest = max(1, round(SHORTEST_SHOT_S * fps))
        self._detector = detector or HashDetector(min_scene_len=shortest)
        self._index = 0

    def is_cut(self, frame: NDArray[np.uint8]) -> bool:
        """Return True if this frame, uint8 `[H, W, 3]` RGB, is the first after a camera cut."""
        step = max(1, frame.shape[1] // _WIDTH)
        small = np.ascontiguousarray(frame[::step, ::step, ::-1])  # it takes BGR
        found = self._detector.process_frame(FrameTimecode(self._index, self._fps), small)
        self._index += 1
        return bool(found)


class Tracker:
    """Tracker of people and balls.

    Args:
        fps: frames per second of the updates.
        least_score: boxes of at least this confidence start tracks; others only continue them.
    """

    def __init__(self, fps: float, least_score: float = 0.35) -> None:
        self._fps = fps
        self._least_score = least_score
        self._next_id = 0
        self.reset()

    @property
    def count(self) -> int:
        """Number of tracks up to now."""
        return self._next_id

    def reset(self) -> None:
        """End all tracks, at a camera cut. Track ids are not reused."""
        self._people = self._new_tracker(minimum_iou=0.1)
        self._balls = self._new_tracker(minimum_iou=0.01)
        self._ids: dict[tuple[bool, int], int] = {}
        self._before = np.zeros((0, 4))
        self._camera = np.zeros(2)

    def update(self, detections: Detections) -> NDArray[np.int64]:
        """Return the track id of each box of the next frame, int64 `[N]`.

        Boxes without a track, or without one yet, get `UNTRACKED`.
        """
        ids = np.full(len(detections.boxes), UNTRACKED, np.int64)
        is_ball, is_person = detections.kinds == BALL, are_people(detections.kinds)
        boxes = detections.boxes.astype(np.float64)
        self._camera = self._camera + camera_shift(self._before, boxes[is_person])
        self._before = boxes[is_person]
        steady = boxes - np.tile(self._camera, 2)
        ball_room = max(_BALL_WIDENED, _BALL_WIDENED_PER_S / self._fps) / 2
        for tracker, chosen, boxes_of, room in (
            (self._people, is_person, steady, _PERSON_ROOM),
            (self._balls, is_ball, boxes, ball_room),
        ):
            rows = np.flatnonzero(chosen)
            found = sv.Detections(
                xyxy=_widened(boxes_of[rows], room),
                confidence=detections.scores[rows].astype(np.float64),
                data={_ROW: rows},
            )
            # ByteTrack returns boxes in another order.
            followed = tracker.update(found)
            if len(followed):
                ids[followed.data[_ROW]] = [
                    self._own_id(tracker is self._balls, int(given))
                    for given in followed.tracker_id
                ]
        return ids

    def _own_id(self, is_ball: bool, given: int) -> int:
        if given < 0:
            return UNTRACKED
        key = (is_ball, given)
        if key not in self._ids:
            self._ids[key] = self._next_id
            self._next_id += 1
        return self._ids[key]

    def _new_tracker(self, minimum_iou: float) -> Any:
        return ByteTrackTracker(
            lost_track_buffer=round(30 * _PATIENCE_S),
            frame_rate=self._fps,
            track_activation_threshold=self._least_score,
            high_conf_det_threshold=self._least_score,
            minimum_consecutive_frames=2,
            minimum_iou_threshold=minimum_iou,
        )


def camera_shift(before: NDArray[np.float64], now: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate the image motion due to the camera between two frames: x, y in pixels, `[2]`.

    Every pair of a person in the previous and a person in the current frame votes for the
    displacement between them; pairs of the same person agree on the camera's, as far as people do
    not move much themselves.

    Args:
        before, now: boxes of the people, `[N, 4]` and `[M, 4]`.

    Returns: zeros if too few agree.
    """
    nothing = np.zeros(2)
    fewer = min(len(before), len(now))
    if fewer < _FEWEST:
        return nothing
    height = float(np.median(now[:, 3] - now[:, 1]))
    displacements = (
        now[None, :, :2] + now[None, :, 2:] - before[:, None, :2] - before[:, None, 2:]
    ) / 2
    alike = np.abs(np.log(_height(now)[None] / _height(before)[:, None])) < 0.5
    displacements = displacements[alike & (np.abs(displacements).max(axis=2) <= _FARTHEST * height)]
    if not len(displacements):
        return nothing
    if len(displacements) > _MOST_DISPLACEMENTS:  # quadratic in a crowd
        displacements = displacements[
            np.argsort(np.abs(displacements).max(axis=1), kind="stable")[:_MOST_DISPLACEMENTS]
        ]
    x, y = displacements.T
    apart = np.maximum(np.abs(x[:, None] - x), np.abs(y[:, None] - y))
    agrees = apart <= _AGREEMENT * height
    votes = agrees.sum(axis=1)
    # The shorter of two displacements with equal votes.
    best = int(np.lexsort((np.abs(displacements).max(axis=1), -votes))[0])
    if votes[best] < max(_FEWEST, _LEAST_FRACTION * fewer):
        return nothing
    return np.asarray(displacements[agrees[best]].mean(axis=0))


def _height(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(boxes[:, 3] - boxes[:, 1], 1e-6)


def _widened(boxes: NDArray[np.float64], room: float) -> NDArray[np.float64]:
    """Enlarge boxes by `room` on each side, in units of their longer side."""
    more = room * (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    return np.concatenate([boxes[:, :2] - more, boxes[:, 2:] + more], axis=1)
