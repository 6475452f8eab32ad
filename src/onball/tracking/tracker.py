"""Camera cuts, told frame by frame as they come, so that the tracker can forget who was where.

PySceneDetect's perceptual hash (`HashDetector`) compares each frame with the one before it. Of its detectors
it finds the most cuts of simulated matches at the fewest false ones (`benchmarks/cut_detection.py`): a
close-up on the same grass has nearly the same colours, but another structure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import optional_dependency
from onball.tracking.detectors.base import Detections
from onball.tracks import BALL, UNTRACKED

with optional_dependency("scenedetect", "track", "Finding camera cuts"):
    from scenedetect import FrameTimecode
    from scenedetect.detectors import HashDetector

with optional_dependency("trackers", "track", "Following players and ball"):
    import supervision as sv
    from trackers import ByteTrackTracker


#: No two cuts are closer to each other than this.
SHORTEST_SHOT_S = 0.5
#: Frames are looked at in about this width: a cut is seen in any size.
_WIDTH = 160


class CutDetector:
    """Says of each frame whether it is the first after a camera cut.

    Args:
        fps: frames per second that it is shown.
        detector: one of PySceneDetect's, for comparison; by default the hash detector.
    """

    def __init__(self, fps: float, detector: Any = None) -> None:
        self._fps = fps
        shortest = max(1, round(SHORTEST_SHOT_S * fps))
        self._detector = detector or HashDetector(min_scene_len=shortest)
        self._index = 0

    def is_cut(self, frame: NDArray[np.uint8]) -> bool:
        """Whether a camera cut lies between this frame, uint8 `[H, W, 3]` RGB, and the last one."""
        step = max(1, frame.shape[1] // _WIDTH)
        small = np.ascontiguousarray(frame[::step, ::step, ::-1])  # it takes BGR
        found = self._detector.process_frame(FrameTimecode(self._index, self._fps), small)
        self._index += 1
        return bool(found)


# --- Boxes to tracks: ByteTrack (Zhang et al. 2022), as the package `trackers` has it.


#: A track lives on so long without a box, in seconds.
_PATIENCE_S = 1.0
#: People are compared by boxes with so much room on each side, in their heights.
_PERSON_ROOM = 0.5
#: The ball is compared by boxes of this width, in its own widths, at least …
_BALL_WIDENED = 6.0
#: … and of so many widths for each second between two frames: a shot crosses the picture in one.
_BALL_WIDENED_PER_S = 150.0
_ROW = "row"
#: Between two frames, the camera moves everybody by at most so many heights of a person …
_FARTHEST = 4.0
#: … and what it moves in the same way agrees to so much of it.
_AGREEMENT = 0.2
#: Fewer people, or a smaller share of them, do not tell the camera's motion from their own.
_FEWEST, _LEAST_SHARE = 4, 0.4
#: So many ways, the shortest, are compared with each other.
_MOST_WAYS = 1500


class Tracker:
    """Follows bodies from frame to frame.

    Args:
        fps: frames per second that it is given.
        least_score: boxes of at least this confidence begin tracks; those of less only go on with
            them.
    """

    def __init__(self, fps: float, least_score: float = 0.35) -> None:
        self._fps = fps
        self._least_score = least_score
        self._next_id = 0
        self.reset()

    @property
    def count(self) -> int:
        """How many tracks there have been."""
        return self._next_id

    def reset(self) -> None:
        """The camera has cut: nobody is where he was. Track ids go on counting."""
        self._people = self._new_tracker(minimum_iou=0.1)
        self._balls = self._new_tracker(minimum_iou=0.01)
        self._ids: dict[tuple[bool, int], int] = {}
        self._before = np.zeros((0, 4))
        self._camera = np.zeros(2)

    def update(self, detections: Detections) -> NDArray[np.int64]:
        """The track of each box of the next frame, int64 `[N]`; `UNTRACKED` if it has none (yet)."""
        ids = np.full(len(detections.boxes), UNTRACKED, np.int64)
        is_ball = detections.kinds == BALL
        boxes = detections.boxes.astype(np.float64)
        self._camera = self._camera + camera_shift(self._before, boxes[~is_ball])
        self._before = boxes[~is_ball]
        steady = boxes - np.tile(self._camera, 2)
        ball_room = max(_BALL_WIDENED, _BALL_WIDENED_PER_S / self._fps) / 2
        for tracker, chosen, boxes_of, room in (
            (self._people, ~is_ball, steady, _PERSON_ROOM),
            (self._balls, is_ball, boxes, ball_room),
        ):
            rows = np.flatnonzero(chosen)
            found = sv.Detections(
                xyxy=_widened(boxes_of[rows], room),
                confidence=detections.scores[rows].astype(np.float64),
                data={_ROW: rows},
            )
            # Its answer comes in an order of its own.
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
    """How far the camera has moved the picture between two frames: x, y in pixels, `[2]`.

    Every pair of a person before and a person now votes for the way from one to the other; people
    who did not move much themselves agree on the camera's.

    Args:
        before, now: boxes of the people, `[N, 4]` and `[M, 4]`.

    Returns: zeros if too few agree.
    """
    nothing = np.zeros(2)
    fewer = min(len(before), len(now))
    if fewer < _FEWEST:
        return nothing
    height = float(np.median(now[:, 3] - now[:, 1]))
    ways = (now[None, :, :2] + now[None, :, 2:] - before[:, None, :2] - before[:, None, 2:]) / 2
    alike = np.abs(np.log(_height(now)[None] / _height(before)[:, None])) < 0.5
    ways = ways[alike & (np.abs(ways).max(axis=2) <= _FARTHEST * height)]
    if not len(ways):
        return nothing
    if len(ways) > _MOST_WAYS:  # a crowd: each is compared with each
        ways = ways[np.argsort(np.abs(ways).max(axis=1), kind="stable")[:_MOST_WAYS]]
    agrees = np.abs(ways[:, None] - ways[None]).max(axis=2) <= _AGREEMENT * height
    votes = agrees.sum(axis=1)
    # Of two ways that are as likely, the shorter one.
    best = int(np.lexsort((np.abs(ways).max(axis=1), -votes))[0])
    if votes[best] < max(_FEWEST, _LEAST_SHARE * fewer):
        return nothing
    return np.asarray(ways[agrees[best]].mean(axis=0))


def _height(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(boxes[:, 3] - boxes[:, 1], 1e-6)


def _widened(boxes: NDArray[np.float64], room: float) -> NDArray[np.float64]:
    """Boxes with room on each side, in their longer sides."""
    more = room * (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    return np.concatenate([boxes[:, :2] - more, boxes[:, 2:] + more], axis=1)
