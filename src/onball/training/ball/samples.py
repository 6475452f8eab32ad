"""Training samples of the ball network: crops of three consecutive frames, and their target maps.

One match after the other is decoded, and a few crops are taken of each of its excerpts. They are
scaled, mirrored and changed in colour, blur, sharpness, noise and compression, all frames of a crop alike,
so that the network does not learn how the simulator draws. A buffer mixes crops of many matches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from onball.data.layout import VIDEO_FILE
from onball.errors import optional_dependency
from onball.formats.camera_parquet import CAMERA_FILE, read_goals
from onball.formats.tracks_parquet import read_tracks
from onball.tracking.detectors.ball_layout import STRIDE
from onball.tracks import BALL, TRACKS_FILE, Tracks
from onball.training.ball.network import CLASSES
from onball.video.reading import read_frames

with optional_dependency("opencv-python-headless", "simulate", "Making training samples"):
    import cv2

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: Factors by which crops are scaled, drawn uniformly in their logarithm.
SCALES = (0.65, 1.9)
_LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601
#: Share of the crops that contain the ball, and of those that contain a person at a random place.
_WITH_BALL, _WITH_PERSON = 0.6, 0.2
#: Share of the neighbours that are replaced by the frame itself, as at a camera cut.
_NO_NEIGHBOUR = 0.05
_HIDDEN_WEIGHT = 0.3  # of a ball behind a person
_BUFFER = 1024  # crops


class Targets(NamedTuple):
    """Target maps of one crop or, with a dimension in front, of a batch; h, w are cells.

    Attributes:
        heat: `[3, h, w]`, 1 at the cell of each centre, falling off around it.
        weight: `[3, h, w]`, weight of the positives.
        regression: `[11, h, w]`, offset and size of the ball, of people and of goals.
        centres: bool `[3, h, w]`, cells of centres.
    """

    heat: Tensor
    weight: Tensor
    regression: Tensor
    centres: Tensor


class Sample(NamedTuple):
    """A crop `[5, H, W]`, uint8, and its targets."""

    frames: Tensor
    targets: Targets


def network_input(frames: Pixels) -> Pixels:
    """Join frames `[3, H, W, 3]`, RGB, to the input of the network `[5, H, W]`: see `INPUT_CHANNELS`."""
    before, after = (np.rint(frames[index] @ _LUMA).astype(np.uint8) for index in (0, 2))
    return np.concatenate([frames[1].transpose(2, 0, 1), before[None], after[None]])


@dataclass(frozen=True, eq=False)
class Excerpts:
    """The excerpts of one match, decoded.

    Attributes:
        frames: `[T, H, W, 3]`.
        boxes: of each frame, float32 `[N, 4]` in pixels.
        classes: of each frame, `[N]`, indices into `CLASSES`.
        centres: frames that have both neighbours in their excerpt.
    """

    frames: Pixels
    boxes: list[Floats]
    classes: list[NDArray[np.int64]]
    centres: NDArray[np.int64]

    @classmethod
    def read(cls, folder: Path) -> Excerpts:
        """Decode the video of a folder of `onball.simulator.excerpts`, and read its tracks."""
        tracks = read_tracks(folder / TRACKS_FILE)
        batches = list(read_frames(folder / VIDEO_FILE, fps=None, size=None, threads=1))
        frames = np.concatenate([batch.frames for batch in batches])
        times = np.concatenate([batch.pts_ms for batch in batches])
        firsts = np.searchsorted(times, [0, *tracks.video.cuts_ms])
        edges = np.zeros(len(times), bool)
        edges[firsts], edges[firsts - 1] = True, True
        boxes, classes = _by_frame(tracks, times)
        shown = read_goals(folder / CAMERA_FILE, frames.shape[2], frames.shape[1])
        for index, (_, goals) in enumerate(shown):
            boxes[index] = np.concatenate([boxes[index], goals])
            classes[index] = np.r_[classes[index], np.full(len(goals), CLASSES.index("goal"))]
        return cls(frames, boxes, classes, np.flatnonzero(~edges))


def _by_frame(
    tracks: Tracks, times: NDArray[np.int64]
) -> tuple[list[Floats], list[NDArray[np.int64]]]:
    """Boxes of ball and people of each frame, and their classes."""
    frame = np.abs(times[None] - tracks.time_ms[:, None]).argmin(1)
    rows = [np.flatnonzero(frame == index) for index in range(len(times))]
    classes = (tracks.kinds != BALL).astype(np.int64)
    return [tracks.boxes[chosen] for chosen in rows], [classes[chosen] for chosen in rows]


class BallSamples(IterableDataset[Sample]):
    """Endless random crops of rendered excerpts, in an order that `seed` determines.

    Args:
        folders: of `onball.simulator.excerpts`.
        size: width and height of the crops in pixels, multiples of 32.
        per_match: crops taken each time that a match is decoded.
        seed: of matches, crops and changes.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        size: tuple[int, int] = (256, 192),
        per_match: int = 128,
        seed: int = 0,
    ) -> None:
        self._folders = list(folders)
        self._size = size
        self._per_match = per_match
        self._seed = seed

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        cv2.setNumThreads(1)
        buffer: list[Sample] = []
        while True:
            for index in rng.permutation(len(self._folders)):
                excerpts = Excerpts.read(self._folders[index])
                for _ in range(self._per_match):
                    sample = random_crop(excerpts, self._size, rng)
                    if len(buffer) < _BUFFER:
                        buffer.append(sample)
                        if len(buffer) % 4 or len(buffer) < 64:
                            continue  # the first batches come from a small buffer
                    place = int(rng.integers(len(buffer)))
                    buffer[place], sample = sample, buffer[place]
                    yield sample


def random_crop(excerpts: Excerpts, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Draw a frame, a crop of it, and changes of its appearance."""
    index = int(rng.choice(excerpts.centres))
    boxes, classes = excerpts.boxes[index], excerpts.classes[index]
    window = _window(boxes, classes, excerpts.frames.shape[2:0:-1], size, rng)
    frames = np.stack([_cut(excerpts.frames[index + step], window, size) for step in (-1, 0, 1)])
    scale = size[0] / window[2]
    boxes = (boxes - np.tile(window[:2], 2)) * np.float32(scale)
    if rng.random() < 0.5:
        frames = frames[:, :, ::-1].copy()
        boxes = np.stack(
            [size[0] - boxes[:, 2], boxes[:, 1], size[0] - boxes[:, 0], boxes[:, 3]], 1
        )
    if rng.random() < 0.3:
        frames = frames[::-1]  # Play runs backwards as well.
    for side in (0, 2):
        if rng.random() < _NO_NEIGHBOUR:
            frames[side] = frames[1]
    frames = vary_appearance(frames, rng)
    inputs = torch.from_numpy(network_input(frames))
    return Sample(inputs, target_maps(boxes, classes, size))


def _window(
    boxes: Floats,
    classes: NDArray[np.int64],
    full: tuple[int, ...],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Floats:
    """Draw a window: x, y, width, height in pixels of the frame."""
    scale = float(np.exp(rng.uniform(*np.log(SCALES))))
    extent = np.array(size) / scale
    draw = rng.random()
    wanted = 0 if draw < _WITH_BALL else 1 if draw < _WITH_BALL + _WITH_PERSON else -1
    rows = np.flatnonzero(classes == wanted)
    free = np.array(full) - extent
    corner = rng.uniform(0, 1, 2) * free
    if len(rows):
        box = boxes[rng.choice(rows)]
        middle = (box[:2] + box[2:]) / 2
        corner = middle - extent * rng.uniform(0.1, 0.9, 2)
        corner = np.clip(corner, np.minimum(free, 0), np.maximum(free, 0))
    return np.array([*corner, *extent], np.float32)


def _cut(frame: Pixels, window: Floats, size: tuple[int, int]) -> Pixels:
    """Scale a window of a frame to `size`; what is outside the frame is mirrored."""
    scale = size[0] / window[2]
    matrix = np.array(
        [
            [scale, 0, (0.5 - window[0]) * scale - 0.5],
            [0, scale, (0.5 - window[1]) * scale - 0.5],
        ],
        np.float64,
    )
    if scale < 0.9:  # averages areas, against aliasing
        frame = cv2.GaussianBlur(frame, (0, 0), 0.45 * (1 / scale - 0.6))
    return np.asarray(cv2.warpAffine(frame, matrix, size, borderMode=cv2.BORDER_REFLECT))


def vary_appearance(frames: Pixels, rng: np.random.Generator) -> Pixels:
    """Change colour, blur, sharpness, noise and compression of frames `[T, H, W, 3]`."""
    images = list(np.ascontiguousarray(frames))
    colours = np.eye(3) + rng.normal(0, 0.08, (3, 3)) * (rng.random() < 0.8)
    if rng.random() < 0.15:
        colours = np.ones((3, 1)) @ _LUMA[None].astype(np.float64)
    colours = colours * np.exp(rng.normal(0, 0.15, (3, 1)))
    images = [cv2.transform(image, colours) for image in images]
    curve = _tone_curve(float(images[0].mean()), rng)
    images = [cv2.LUT(image, curve) for image in images]
    draw = rng.random()
    if draw < 0.45:
        sigma = float(rng.uniform(0.3, 1.5))
        images = [cv2.GaussianBlur(image, (0, 0), sigma) for image in images]
    elif draw < 0.7:
        gain, sigma = float(rng.uniform(0.3, 1.5)), float(rng.uniform(0.7, 1.8))
        images = [
            cv2.addWeighted(image, 1 + gain, cv2.GaussianBlur(image, (0, 0), sigma), -gain, 0)
            for image in images
        ]
    if rng.random() < 0.5:
        deviation = float(rng.uniform(0.5, 7))
        noise = (deviation * rng.standard_normal(images[0].shape, np.float32)).astype(np.int8)
        # The noise of one frame is that of the other, moved.
        shifts = rng.integers(1, min(images[0].shape[:2]), (len(images), 2))
        images = [
            cv2.add(image, np.roll(noise, tuple(shift), (0, 1)), dtype=cv2.CV_8U)
            for image, shift in zip(images, shifts, strict=True)
        ]
    if rng.random() < 0.6:
        quality = [int(cv2.IMWRITE_JPEG_QUALITY), int(rng.integers(25, 90))]
        images = [
            cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
            for image in images
        ]
    return np.stack(images)


def _tone_curve(middle: float, rng: np.random.Generator) -> Pixels:
    """Draw contrast around `middle`, brightness and gamma, as a table of 256 levels."""
    levels = middle + (np.arange(256.0) - middle) * np.exp(rng.normal(0, 0.25))
    levels = (levels + rng.normal(0, 18)).clip(0, 255)
    levels = 255 * (levels / 255) ** np.exp(rng.normal(0, 0.25))
    return np.asarray(np.rint(levels), np.uint8)


def target_maps(boxes: Floats, classes: NDArray[np.int64], size: tuple[int, int]) -> Targets:
    """Draw the target maps of boxes `[N, 4]` in pixels of a crop of that size."""
    width, height = size[0] // STRIDE, size[1] // STRIDE
    heat = np.zeros((len(CLASSES), height, width), np.float32)
    weight = np.ones_like(heat)
    regression = np.zeros((11, height, width), np.float32)
    centres = np.zeros(heat.shape, bool)
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    people = boxes[classes == 1]
    for box, kind in zip(boxes, classes, strict=True):
        x, y = (box[:2] + box[2:]) / (2 * STRIDE)
        column, row = int(np.floor(x)), int(np.floor(y))
        if not (0 <= column < width and 0 <= row < height):
            continue
        extent = np.maximum(box[2:] - box[:2], 1.0)
        # A ball found half its diameter away is nearly right, a person at a tenth of the height.
        breadth = extent.max() if kind == 0 else (0.35, 0.6)[kind - 1] * extent[1]
        sigma = max(0.6, float(breadth) / STRIDE / 5)
        drawn = np.exp(-((xs - column) ** 2 + (ys - row) ** 2) / (2 * sigma**2))
        heat[kind] = np.maximum(heat[kind], drawn)
        heat[kind, row, column] = 1
        centres[kind, row, column] = True
        first = (0, 3, 7)[kind]
        regression[first : first + 2, row, column] = x - column, y - row
        if kind == 0:
            regression[2, row, column] = np.log(extent.mean())
            if _hidden(box, people):
                weight[0, row, column] = _HIDDEN_WEIGHT
        else:
            regression[first + 2 : first + 4, row, column] = np.log(extent)
    return Targets(*map(torch.from_numpy, (heat, weight, regression, centres)))


def _hidden(ball: Floats, people: Floats) -> bool:
    """True for a ball whose centre is inside the box of a person who stands nearer to the camera."""
    x, y = (ball[:2] + ball[2:]) / 2
    inside = (people[:, 0] < x) & (x < people[:, 2]) & (people[:, 1] < y) & (y < people[:, 3])
    return bool((inside & (people[:, 3] > ball[3] + 1)).any())
