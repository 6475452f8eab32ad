"""Detectors by name: ONNX files, RF-DETR, checkpoints of ultralytics, simulated detectors."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np

from onball.errors import DataError, InputError
from onball.formats.camera_parquet import CAMERA_FILE
from onball.tracking.detectors.base import Detector, NeighbourDetector
from onball.tracking.detectors.simulated import LEVELS, SimulatedDetector, simulated_level
from onball.tracks import GOAL, TRACKS_FILE, Tracks

_TILES = re.compile(r"(\d{1,2})x(\d{1,2})")
#: An id that no person has.
_GOAL_ID = 1000
#: Name of the bundled detector.
BUNDLED = "ballnet"
#: Widths to which it can be asked to scale frames, in pixels.
_WIDTHS = (160, 3840)
#: Low, because the tracker continues tracks with weak boxes too.
_LEAST_SCORE = 0.1


def open_detector(
    name: str,
    *,
    threshold: float | None = None,
    tiles: str | None = None,
    ball: bool = False,
    device: str = "auto",
    video: str | Path | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Detector:
    """Open a detector by name.

    Args:
        name: a file: `.onnx`, `.pth` (a checkpoint of RF-DETR) or `.pt` (ultralytics); `rfdetr`,
            `rfdetr:small` …; `ballnet`, the ball network whose weights are part of the package, for
            ball and people, and `ballnet:512`, which scales frames to 512 pixels width instead of 640;
            `auto`, which is `rfdetr` if that package is installed, else `ballnet`; or
            `simulated:strong`, the true boxes of a simulated match with errors of that level.
        threshold: least confidence of a box; not for simulated detectors.
        tiles: `3x2` runs the detector on 3 columns and 2 rows of tiles too; not for simulated
            detectors.
        ball: take the ball from the ball network, and only people from the named detector.
        device: `auto`, `cpu`, `cuda` ….
        video: for a simulated detector only, the video, beside which its true tracks are.
        seed: seed of a simulated detector's errors.
        threads: CPU threads that it computes with; None leaves that to its library.

    Raises `InputError` for an unknown name or invalid tiles, `ModelError` for a file that cannot be
    used, `DataError` for missing true tracks, `MissingDependencyError` for a package that is not
    installed.
    """
    counts = None if tiles is None else _tiles(tiles)
    level = simulated_level(name)
    if level is not None:
        return _open_simulated(name, level, video, seed)
    if name == "auto":
        name = BUNDLED if importlib.util.find_spec("rfdetr") is None else "rfdetr"
    score = _LEAST_SCORE if threshold is None else threshold
    detector = _open(name, score, device, threads)
    if counts is not None:
        if isinstance(detector, NeighbourDetector):
            raise InputError(
                f"detector {name}: finds the ball in whole frames: leave out the tiles"
            )
        from onball.tracking.detectors.tiles import TiledDetector

        detector = TiledDetector(detector, *counts)
    if not ball or isinstance(detector, NeighbourDetector):
        return detector
    from onball.tracking.detectors.ballnet import BallAndPeople, BallNetDetector

    network = BallNetDetector(threshold=score, people=False, device=device, threads=threads)
    return BallAndPeople(detector, network)


def _open(name: str, threshold: float, device: str, threads: int | None) -> Detector:
    path = Path(name)
    suffix = path.suffix.lower()
    package, _, size = name.partition(":")
    if package == BUNDLED and not suffix:
        from onball.tracking.detectors.ballnet import WIDTH, BallNetDetector

        width = _width(name, size) if size else WIDTH
        return BallNetDetector(threshold=threshold, width=width, device=device, threads=threads)
    if package == "rfdetr" and not suffix:
        from onball.tracking.detectors.rfdetr import RfdetrDetector

        return RfdetrDetector(size or "nano", threshold=threshold, device=device, threads=threads)
    if suffix not in (".onnx", ".pth", ".pt"):
        raise InputError(
            f"detector '{name}': unknown kind: give ballnet, an ONNX file (YOLOX, YOLOv8, RF-DETR), "
            "rfdetr or rfdetr:small, a checkpoint of RF-DETR (.pth) or of ultralytics (.pt)"
        )
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise InputError(f"detector {name}: {what}: name the file of a detector")
    if suffix == ".onnx":
        from onball.tracking.detectors.ballnet import BallNetDetector, is_ball_network
        from onball.tracking.detectors.onnx import OnnxDetector, open_session

        session = open_session(path, device, threads)
        if is_ball_network(session):
            return BallNetDetector(path, threshold=threshold, device=device, threads=threads)
        return OnnxDetector(path, threshold=threshold, session=session)
    if suffix == ".pth":
        from onball.tracking.detectors.rfdetr import RfdetrDetector

        return RfdetrDetector(weights=path, threshold=threshold, device=device, threads=threads)
    from onball.tracking.detectors.ultralytics import UltralyticsDetector

    return UltralyticsDetector(path, threshold=threshold, device=device, threads=threads)


def _width(name: str, text: str) -> int:
    """Width of frames in the name of the ball network, in pixels."""
    low, high = _WIDTHS
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise InputError(
            f"detector {name}: give the width of frames in pixels, from {low} to {high}, such as "
            f"{BUNDLED}:512"
        )
    return int(text)


def _open_simulated(name: str, level: str, video: str | Path | None, seed: int) -> Detector:
    if video is None:
        raise InputError(
            f"detector {name}: is for simulated matches, of which it needs the true tracks: call "
            "`onball track --data ROOT`, or open_detector with the video"
        )
    from onball.formats.tracks_parquet import read_tracks

    video = Path(video)
    file = video.with_name(TRACKS_FILE)
    truth = read_tracks(file, video if video.exists() else None)
    if not len(truth):
        raise DataError(f"{file}: has no boxes: simulate the match with a video, or with --boxes")
    if level in LEVELS and LEVELS[level].goal_missed is not None:
        truth = _with_goals(truth, video.with_name(CAMERA_FILE))
    return SimulatedDetector(truth, level, seed, match=video.parent.name)


def _with_goals(truth: Tracks, cameras: Path) -> Tracks:
    """Add the goals that the cameras of a simulated match show to its true tracks."""
    from onball.formats.camera_parquet import read_goals

    if not cameras.is_file():
        raise DataError(
            f"{cameras}: no such file: it says where the goals of a simulated match are"
        )
    shown = list(read_goals(cameras, truth.video.width, truth.video.height))
    boxes = np.concatenate([goals for _, goals in shown]).reshape(-1, 4)
    counts = [len(goals) for _, goals in shown]
    size = truth.video.width, truth.video.height
    boxes = boxes.clip(0, np.array([*size, *size], np.float32))
    time_ms = np.repeat(np.array([time for time, _ in shown], np.int64), counts)
    order = np.argsort(np.r_[truth.time_ms, time_ms], kind="stable")
    count = len(boxes)
    return Tracks(
        np.r_[truth.time_ms, time_ms][order],
        np.r_[truth.track_ids, np.full(count, _GOAL_ID)][order],
        np.r_[truth.kinds, np.full(count, GOAL, np.uint8)][order],
        np.concatenate([truth.boxes, boxes])[order],
        np.r_[truth.scores, np.ones(count, np.float32)][order],
        truth.video,
    )


def _tiles(text: str) -> tuple[int, int]:
    found = _TILES.fullmatch(text)
    if not found or min(int(found[1]), int(found[2])) < 1:
        raise InputError(f"tiles '{text}': give columns and rows, for example 3x2")
    return int(found[1]), int(found[2])
