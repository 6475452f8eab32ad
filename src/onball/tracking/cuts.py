"""Camera cuts, told frame by frame as they come, so that the tracker can forget who was where.

PySceneDetect's perceptual hash (`HashDetector`) compares each frame with the one before it. Of its detectors
it finds the most cuts of simulated matches at the fewest false ones (`benchmarks/cut_detection.py`): a
close-up on the same grass has nearly the same colours, but another structure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import MissingDependencyError

try:
    from scenedetect import FrameTimecode
    from scenedetect.detectors import HashDetector
except ImportError:
    raise MissingDependencyError("scenedetect", "track", "Finding camera cuts") from None

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
