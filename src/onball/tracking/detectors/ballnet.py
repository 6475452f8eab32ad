"""The ball network as a detector: ball, people and goals by heatmaps of three consecutive frames.

`onball.training.ball` describes the network, which is trained on simulated football alone. Its weights are
part of the package; a file of own weights (`train_ball_network`) is recognised by its inputs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.assets import ball_network
from onball.cores import choose_threads
from onball.errors import ModelError, optional_dependency
from onball.tracking.detectors.ball_layout import (
    INPUT_CHANNELS,
    MEAN,
    OUTPUTS,
    RAW_INPUT,
    STD,
    STRIDE,
)
from onball.tracking.detectors.base import Detections, Detector, chosen, suppressed
from onball.tracking.detectors.onnx import open_session
from onball.tracks import BALL, GOAL, PERSON, are_people

with optional_dependency("opencv-python-headless", "track", "Scaling frames"):
    import cv2

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: Pixels to which the width of frames is scaled by default.
WIDTH = 640
_MULTIPLE = 32  # sides of the input
#: Longest time between two frames of its training.
_FARTHEST_MS = 80.0
_MOST_BALLS, _MOST_PEOPLE, _MOST_GOALS = 16, 60, 2  # a frame
#: Least confidence of people. Ball and goals are followed with less: the ball's path decides, and a goal
#: whose net is in front of a white crowd has little.
_LEAST_PERSON_SCORE = 0.3
_NMS_IOU = 0.5


class BallNetDetector:
    """Detector of ball, people and goals by the ball network.

    Args:
        path: an ONNX file of `train_ball_network`; None takes the bundled weights.
        threshold: least confidence of a box.
        width: pixels to which the width of frames is scaled. The network knows players of 20 to 80 pixels.
        people: return people and goals too.
        device: `auto`, `cpu`, `cuda` or `cuda:1` ….
        threads: frames that are computed at the same time, each by one CPU thread; None takes
            `onball.cores.choose_threads`.

    Raises `ModelError` for a file that is missing or no ball network.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        threshold: float = 0.1,
        width: int = WIDTH,
        people: bool = True,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        file = ball_network() if path is None else Path(path)
        # Threads that share the convolutions of one frame wait for each other at each of them.
        self._session = open_session(file, device, threads=1)
        self._pool = ThreadPoolExecutor(choose_threads(threads), "ballnet")
        self._inputs = threading.local()
        if not is_ball_network(self._session):
            raise ModelError(f"{file}: no ball network of onball")
        self._input_name = self._session.get_inputs()[0].name
        self._threshold, self._width, self._people = threshold, width, people
        name = "ballnet" if path is None else Path(path).name
        self.name = f"{name}, score {threshold:g}" + ("" if width == WIDTH else f", width {width}")

    def detect(self, frames: Pixels, times_ms: NDArray[np.int64]) -> Sequence[Detections]:
        """Detect in consecutive frames of one shot, as `Detector.detect`."""
        images = list(frames)
        before, after = images[:1] + images[:-1], images[1:] + images[-1:]
        return self.detect_among(images, before, after, times_ms)

    @property
    def farthest_neighbour_ms(self) -> float:
        """Longest time to the neighbours, as `NeighbourDetector.farthest_neighbour_ms`."""
        return _FARTHEST_MS

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """Size to which large frames are scaled, as `ScalingDetector.frame_size`."""
        if width <= self._width:
            return width, height
        return self._width, _height(width, height, self._width)

    def detect_among(
        self,
        frames: Sequence[Pixels],
        before: Sequence[Pixels],
        after: Sequence[Pixels],
        times_ms: NDArray[np.int64],
    ) -> Sequence[Detections]:
        """Detect with the neighbours of each frame, as `NeighbourDetector.detect_among`."""
        images = {id(frame): frame for frame in (*before, *frames, *after)}
        # A frame is also the neighbour of two others, but is scaled once.
        scaled = dict(zip(images, self._pool.map(self._scaled, images.values()), strict=True))

        def detect_one(frame: Pixels, earlier: Pixels, later: Pixels) -> Detections:
            pixels = scaled[id(frame)][0]
            inputs = self._input(pixels.shape[:2])
            planes = (*cv2.split(pixels), scaled[id(earlier)][1], scaled[id(later)][1])
            for values, plane in zip(inputs[0], planes, strict=True):
                if self._input_name == RAW_INPUT:
                    values[:] = plane
                else:
                    np.subtract(plane, MEAN, out=values, dtype=np.float32)
                    np.divide(values, STD, out=values)
            maps = self._session.run(list(OUTPUTS), {self._input_name: inputs})
            size = frame.shape[1], frame.shape[0]
            return decode_maps(
                [values[0] for values in maps],
                size,
                size[0] / self._width,
                threshold=self._threshold,
                people=self._people,
            )

        return list(self._pool.map(detect_one, frames, before, after))

    def _scaled(self, frame: Pixels) -> tuple[Pixels, Pixels]:
        """Return the frame in the size of the network's input, and its luma."""
        pixels = _fitted(frame, self._width)
        return pixels, cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)

    def _input(self, size: tuple[int, ...]) -> Floats:
        """Array for the network's input, one for each thread: new memory of this size is slow."""
        inputs: Floats | None = getattr(self._inputs, "array", None)
        if inputs is None or inputs.shape[2:] != size:
            inputs = self._inputs.array = np.empty((1, INPUT_CHANNELS, *size), np.float32)
        return inputs


class BallAndPeople:
    """People of one detector, and the ball of the ball network.

    Args:
        people: any detector; its balls are dropped.
        ball: the ball network.
    """

    def __init__(self, people: Detector, ball: BallNetDetector) -> None:
        self._people, self._ball = people, ball
        self.name = f"{people.name}; ball by {ball.name}"

    @property
    def farthest_neighbour_ms(self) -> float:
        """Longest time to the neighbours, as `NeighbourDetector.farthest_neighbour_ms`."""
        return self._ball.farthest_neighbour_ms

    def detect(self, frames: Pixels, times_ms: NDArray[np.int64]) -> Sequence[Detections]:
        """Detect in consecutive frames of one shot, as `Detector.detect`."""
        return self._joined(
            self._people.detect(frames, times_ms), self._ball.detect(frames, times_ms)
        )

    def detect_among(
        self,
        frames: Sequence[Pixels],
        before: Sequence[Pixels],
        after: Sequence[Pixels],
        times_ms: NDArray[np.int64],
    ) -> Sequence[Detections]:
        """Detect with the neighbours of each frame, as `NeighbourDetector.detect_among`."""
        people = self._people.detect(np.stack(frames), times_ms)
        return self._joined(people, self._ball.detect_among(frames, before, after, times_ms))

    @staticmethod
    def _joined(people: Sequence[Detections], balls: Sequence[Detections]) -> list[Detections]:
        joined = []
        for one, other in zip(people, balls, strict=True):
            seen, ball = chosen(one, are_people(one.kinds)), chosen(other, other.kinds == BALL)
            joined.append(
                Detections(
                    np.concatenate([seen.boxes, ball.boxes]),
                    np.concatenate([seen.scores, ball.scores]),
                    np.concatenate([seen.kinds, ball.kinds]),
                )
            )
        return joined


def decode_maps(
    maps: Sequence[Floats],
    size: tuple[int, int],
    scale: float,
    *,
    threshold: float = 0.1,
    people: bool = True,
) -> Detections:
    """Decode the maps of one frame.

    Args:
        maps: those of `onball.training.ball.network.Maps` without their first dimension, with scores in
            place of logits.
        size: width and height of the frame in pixels.
        scale: pixels of the frame per pixel of the network's input.
        threshold: least confidence of a ball or a goal; people need at least 0.3.
        people: return people and goals too.
    """
    scores, ball_offset, ball_size, *others = maps
    balls = _peaks(scores[0], threshold, _MOST_BALLS)
    sizes = np.repeat(np.exp(ball_size[:, *balls]).T, 2, axis=1)
    parts = [(_boxes(balls, ball_offset, sizes), scores[0][balls], BALL)]
    if people:
        for index, kind, most in ((1, PERSON, _MOST_PEOPLE), (2, GOAL, _MOST_GOALS)):
            offset, extent = others[2 * index - 2 : 2 * index]
            least = max(threshold, _LEAST_PERSON_SCORE) if kind == PERSON else threshold
            peaks = _peaks(scores[index], least, most)
            found = _boxes(peaks, offset, np.exp(extent[:, *peaks]).T)
            parts.append((found, scores[index][peaks], kind))
    boxes = np.concatenate([part[0] for part in parts]) * np.float32(scale)
    boxes = boxes.clip(0, np.array([*size, *size], np.float32))
    detections = Detections(
        boxes,
        np.concatenate([part[1] for part in parts]).astype(np.float32),
        np.concatenate([np.full(len(part[0]), part[2], np.uint8) for part in parts]),
    )
    whole = (boxes[:, 2] - boxes[:, 0] > 0.5) & (boxes[:, 3] - boxes[:, 1] > 0.5)
    return suppressed(chosen(detections, whole), _NMS_IOU)


def is_ball_network(session: Any) -> bool:
    """Return True for an ONNX session of a ball network."""
    inputs = session.get_inputs()
    return len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].shape[1] == INPUT_CHANNELS


def _fitted(frame: Pixels, width: int) -> Pixels:
    """Scale a frame to that width, and fill it below to a multiple of 32 rows."""
    height = _height(frame.shape[1], frame.shape[0], width)
    if frame.shape[:2] != (height, width):
        how = cv2.INTER_AREA if frame.shape[1] > width else cv2.INTER_LINEAR
        frame = np.asarray(cv2.resize(frame, (width, height), interpolation=how), np.uint8)
    return np.asarray(
        cv2.copyMakeBorder(frame, 0, -height % _MULTIPLE, 0, -width % _MULTIPLE, cv2.BORDER_REFLECT)
    )


def _height(width: int, height: int, scaled: int) -> int:
    """Height of a frame of this size when its width is scaled."""
    return max(1, round(height * scaled / width))


def _peaks(
    scores: Floats, threshold: float, most: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the local maxima of a heatmap `[h, w]`, the best first."""
    highest = cv2.dilate(scores, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((scores >= highest) & (scores >= threshold))
    order = np.argsort(-scores[rows, columns], kind="stable")[:most]
    return rows[order], columns[order]


def _boxes(
    peaks: tuple[NDArray[np.intp], NDArray[np.intp]], offset: Floats, sizes: Floats
) -> Floats:
    """Boxes `[N, 4]` in pixels of the network's input, of peaks with sizes `[N, 2]`."""
    cells = np.stack(peaks[::-1], axis=1) + offset[:, *peaks].T
    return np.concatenate([cells * STRIDE - sizes / 2, cells * STRIDE + sizes / 2], axis=1).astype(
        np.float32
    )
