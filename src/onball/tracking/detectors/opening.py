"""Detectors by name: ONNX files, RF-DETR, checkpoints of ultralytics, simulated detectors."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from onball.errors import InputError
from onball.tracking.detectors.base import Detector
from onball.tracking.detectors.simulated import SimulatedDetector, simulated_level
from onball.tracks import TRACKS_FILE

_TILES = re.compile(r"(\d{1,2})x(\d{1,2})")
#: Low, because the tracker continues tracks with weak boxes too.
_LEAST_SCORE = 0.1


def open_detector(
    name: str,
    *,
    threshold: float | None = None,
    tiles: str | None = None,
    device: str = "auto",
    video: str | Path | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Detector:
    """Open a detector by name.

    Args:
        name: a file: `.onnx`, `.pth` (a checkpoint of RF-DETR) or `.pt` (ultralytics); `rfdetr`,
            `rfdetr:small` …; `auto`, which is `rfdetr` if that package is installed; or
            `simulated:strong`, the true boxes of a simulated match with errors of that level.
        threshold: least confidence of a box; not for simulated detectors.
        tiles: `3x2` runs the detector on 3 columns and 2 rows of tiles too; not for simulated
            detectors.
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
        if importlib.util.find_spec("rfdetr") is None:
            raise InputError(
                "which detector finds players and ball? Give --detector FILE.onnx (YOLOX, YOLOv8 or "
                'RF-DETR), or install one with its weights: pip install "onball[rfdetr]"'
            )
        name = "rfdetr"
    detector = _open(name, _LEAST_SCORE if threshold is None else threshold, device, threads)
    if counts is None:
        return detector
    from onball.tracking.detectors.tiles import TiledDetector

    return TiledDetector(detector, *counts)


def _open(name: str, threshold: float, device: str, threads: int | None) -> Detector:
    path = Path(name)
    suffix = path.suffix.lower()
    package, _, size = name.partition(":")
    if package == "rfdetr" and not suffix:
        from onball.tracking.detectors.rfdetr import RfdetrDetector

        return RfdetrDetector(size or "nano", threshold=threshold, device=device, threads=threads)
    if suffix not in (".onnx", ".pth", ".pt"):
        raise InputError(
            f"detector '{name}': unknown kind: give an ONNX file (YOLOX, YOLOv8, RF-DETR), rfdetr or "
            "rfdetr:small, a checkpoint of RF-DETR (.pth) or of ultralytics (.pt)"
        )
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise InputError(f"detector {name}: {what}: name the file of a detector")
    if suffix == ".onnx":
        from onball.tracking.detectors.onnx import OnnxDetector

        return OnnxDetector(path, threshold=threshold, device=device, threads=threads)
    if suffix == ".pth":
        from onball.tracking.detectors.rfdetr import RfdetrDetector

        return RfdetrDetector(weights=path, threshold=threshold, device=device, threads=threads)
    from onball.tracking.detectors.ultralytics import UltralyticsDetector

    return UltralyticsDetector(path, threshold=threshold, device=device, threads=threads)


def _open_simulated(name: str, level: str, video: str | Path | None, seed: int) -> Detector:
    if video is None:
        raise InputError(
            f"detector {name}: is for simulated matches, of which it needs the true tracks: call "
            "`onball track --data ROOT`, or open_detector with the video"
        )
    from onball.formats.tracks_parquet import read_tracks

    video = Path(video)
    truth = read_tracks(video.with_name(TRACKS_FILE), video)
    return SimulatedDetector(truth, level, seed, match=video.parent.name)


def _tiles(text: str) -> tuple[int, int]:
    found = _TILES.fullmatch(text)
    if not found or min(int(found[1]), int(found[2])) < 1:
        raise InputError(f"tiles '{text}': give columns and rows, for example 3x2")
    return int(found[1]), int(found[2])
