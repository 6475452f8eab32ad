"""Recall and precision of the ball: detectors at labelled positions of real clips and simulated matches.

    python benchmarks/ball_detection.py --clips FOLDER
    python benchmarks/ball_detection.py --simulated data/excerpts_test --detector ballnet yolox_nano.onnx
    python benchmarks/ball_detection.py --speed match.mp4 --threads 2
    python benchmarks/real_clips.py FOLDER --model ball-tracks --tracks TRACKS
    python benchmarks/ball_detection.py --clips FOLDER --tracks TRACKS --detector
    python benchmarks/ball_detection.py --simulated data/bench --tracks tracks_ballnet.parquet --detector

Real clips: FOLDER holds `NAME.json` with `video` and positions: `ball`, a list of `ms` and `xy` (pixels;
null where the ball is certainly not visible), and `annotations` with `position` in ms and `ball`.
Simulated: match folders with video and true tracks, as `onball ballnet render` and `onball simulate` write
them; up to 30 frames of each. Frames are read in the size in which `onball track` reads them.

A ball is found if the box with the highest confidence lies within 1.25 % of the frame's width (8 pixels of
640; a ball has about 5) of the true position. Precision is over all frames in which a ball was reported,
those without a visible ball included. `any` is the recall of all boxes of a frame together.

With --tracks, the ball that `select_ball` selects along tracks is compared with the labels: of clips, whose
tracks are in the folder TRACKS, or of simulated matches, whose tracks are in the file of that name in their
folders; these need no video. A tracked frame may be up to half an interval of 80 ms away from the label of a
clip: if it is more than 10 ms away, 3.25 % of the width are allowed.

The speed is that of the detector alone, on consecutive decoded frames of one video, also relative to the 12.5
frames per second that `onball track` looks at.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.errors import DataError
from onball.files import read_json_object, to_json, write_json_atomic
from onball.formats.soccernet import read_labels
from onball.formats.tracks_parquet import read_tracks
from onball.tracking.ball_features import ball_columns
from onball.tracking.detectors.base import Detector, NeighbourDetector, read_size
from onball.tracking.detectors.opening import open_detector
from onball.tracks import BALL, TRACKS_FILE
from onball.video import probe, read_frames

#: Largest distance of a ball that counts as found, in frame widths.
NEAR = 1.25 / 100
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)
#: Distance of the neighbours that the detector sees, as in `onball track`.
INTERVAL_MS = 80
_FRAMES_OF_A_MATCH = 30
#: What is allowed besides where a tracked frame is not the labelled one.
_MOVED = 2 / 100
_TRACKED_FPS = 12.5
#: How long after a shot the ball counts as in flight.
_AFTER_SHOT_MS = 500

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A frame with its neighbours and the true position of the ball.

    Attributes:
        name: clip or match.
        frames: the frame before it, itself, and the frame after it.
        xy: pixels of the frames; None if the ball is not visible.
    """

    name: str
    frames: tuple[Pixels, Pixels, Pixels]
    xy: tuple[float, float] | None


def main() -> None:
    """Run the detectors, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, help="folder of labelled real clips")
    parser.add_argument("--simulated", type=Path, help="folder of simulated matches")
    parser.add_argument("--speed", type=Path, help="video on which to measure the speed")
    parser.add_argument("--detector", nargs="*", default=["ballnet"])
    parser.add_argument(
        "--tracks", type=Path, help="tracks: folder of those of clips, or name of those of matches"
    )
    parser.add_argument("--tiles", help="of the other detectors: 3x2")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    if options.clips is None and options.simulated is None:
        if options.tracks is not None:
            parser.error(
                "--tracks needs --clips or --simulated, whose balls the tracks are compared with"
            )
        if options.speed is None:
            parser.error("nothing to measure: give --clips, --simulated or --speed")
    results: dict[str, Any] = {}
    for what, folder, read in (
        ("real clips", options.clips, real_frames),
        ("simulated matches", options.simulated, simulated_frames),
    ):
        if folder is None:
            continue
        for name in options.detector:
            tiles = None if name.startswith("ballnet") or "ball.onnx" in name else options.tiles
            detector = open_detector(name, threshold=0.05, tiles=tiles, threads=options.threads)
            figures = measure(detector, read(folder, detector))
            results[f"{what}, {name}"] = figures
            print_figures(f"{what}, {detector.name}", figures)
    if options.tracks is not None:
        if options.clips is not None:
            results["selected ball"] = measure_selected(options.clips, options.tracks)
        if options.simulated is not None:
            selected = measure_selected_in_matches(options.simulated, options.tracks.name)
            results["selected ball, simulated matches"] = selected
        for name in [name for name in results if name.startswith("selected ball")]:
            print(f"\n{name}, of {results[name]['visible']} visible ones:")
            print(f"  recall {100 * results[name]['recall']:.1f} %", end="")
            print(f", precision {100 * results[name]['precision']:.1f} %")
            if "after_shots" in results[name]:
                print(f"  recall after shots {100 * results[name]['after_shots']:.1f} %")
    for name in options.detector if options.speed else ():
        tiles = None if name.startswith("ballnet") else options.tiles
        detector = open_detector(name, tiles=tiles, threads=options.threads)
        fps = frames_per_second(detector, options.speed)
        results[f"speed, {name}"] = fps
        print(f"{detector.name}: {fps:.1f} frames/s, {fps / _TRACKED_FPS:.1f}x real time")
    if options.out is not None:
        write_json_atomic(options.out, to_json(results))


def real_frames(folder: Path, detector: Detector) -> Iterator[Labelled]:
    """Frames of all clips of a folder at their labelled positions."""
    for name, video, places in _labelled_places(folder):
        reader = Reader(video, detector)
        frames_of = reader.triples([ms for ms, _ in places])
        for (_, xy), frames in zip(places, frames_of, strict=True):
            yield Labelled(name, frames, None if xy is None else reader.place(*xy))


def _labelled_places(
    folder: Path,
) -> Iterator[tuple[str, Path, list[tuple[float, tuple[float, float] | None]]]]:
    """Name, video, and times with positions of each clip; clips without any are left out."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise DataError(f"{folder}: no NAME.json of a labelled clip in it")
    for path in paths:
        clip = read_json_object(path, DataError)
        places = [(float(ball["ms"]), ball["xy"]) for ball in clip.get("ball", [])]
        places += [
            (float(event["position"]), event["ball"])
            for event in clip["annotations"]
            if event.get("ball")
        ]
        if places:
            ordered = sorted(places, key=lambda place: place[0])
            yield (
                path.stem,
                folder / clip["video"],
                [(ms, None if xy is None else (xy[0], xy[1])) for ms, xy in ordered],
            )


def simulated_frames(root: Path, detector: Detector) -> Iterator[Labelled]:
    """Frames of simulated matches, spread evenly over each."""
    found = sorted(root.rglob(TRACKS_FILE))
    if not found:
        raise DataError(f"{root}: no match with {TRACKS_FILE} in it")
    for tracks_file in found:
        tracks = read_tracks(tracks_file)
        (video,) = tracks_file.parent.glob("*.mp4")
        period = 1000 / tracks.video.fps
        times = np.unique(tracks.time_ms)
        chosen = times[np.linspace(1, len(times) - 2, _FRAMES_OF_A_MATCH).astype(int)]
        interval = max(period, INTERVAL_MS)
        reader = Reader(video, detector)
        for ms, frames in zip(chosen, reader.triples(chosen.tolist(), interval), strict=True):
            box = tracks.boxes[(tracks.time_ms == ms) & (tracks.kinds == BALL)]
            middle = (box[0, :2] + box[0, 2:]) / 2 if len(box) else None
            xy = None if middle is None else reader.place(float(middle[0]), float(middle[1]))
            yield Labelled(tracks_file.parent.name, frames, xy)


class Reader:
    """Reader of the frames of a video in the size in which they are read for a detector."""

    def __init__(self, video: Path, detector: Detector) -> None:
        info = probe(video)
        self._video = video
        self._size = read_size(detector, info.width, info.height)
        self._scale = self._size[0] / info.width, self._size[1] / info.height

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return a place of the video in pixels of the frames."""
        return x * self._scale[0], y * self._scale[1]

    def triples(
        self, times_ms: list[float], interval_ms: float = INTERVAL_MS
    ) -> Iterator[tuple[Pixels, Pixels, Pixels]]:
        """Frames nearest to each of ascending times, with those before and after; flat memory."""
        waiting = list(times_ms)
        times: list[int] = []
        images: list[Pixels] = []

        def at(ms: float) -> Pixels:
            return images[int(np.abs(np.array(times) - ms).argmin())]

        def triple(ms: float) -> tuple[Pixels, Pixels, Pixels]:
            return at(ms - interval_ms), at(ms), at(ms + interval_ms)

        for batch in read_frames(self._video, fps=None, size=self._size):
            times += batch.pts_ms.tolist()
            images += list(batch.frames)
            while waiting and times[-1] > waiting[0] + interval_ms:
                yield triple(waiting.pop(0))
            needed = (waiting[0] if waiting else times[-1]) - 2 * interval_ms
            early = max(int(np.searchsorted(times, needed)) - 1, 0)
            del times[:early], images[:early]
        for ms in waiting:
            yield triple(ms)


def measure(detector: Detector, frames: Iterable[Labelled]) -> dict[str, Any]:
    """Recall and precision over all frames, and the recall of each clip."""
    best, distance, nearest, visible, names = [], [], [], [], []
    for labelled in frames:
        before, frame, after = labelled.frames
        if isinstance(detector, NeighbourDetector):
            found = detector.detect_among([frame], [before], [after], np.zeros(1, np.int64))[0]
        else:
            found = detector.detect(frame[None], np.zeros(1, np.int64))[0]
        balls = np.flatnonzero(found.kinds == BALL)
        middles = (found.boxes[balls, :2] + found.boxes[balls, 2:]) / 2
        away = np.full(max(len(balls), 1), np.inf)
        if labelled.xy is not None and len(balls):
            away = np.hypot(*(middles - labelled.xy).T) / frame.shape[1]
        top = int(found.scores[balls].argmax()) if len(balls) else 0
        best.append(float(found.scores[balls[top]]) if len(balls) else 0.0)
        distance.append(float(away[top]))
        nearest.append(float(away.min()))
        visible.append(labelled.xy is not None)
        names.append(labelled.name)
    score, hit, seen = np.array(best), np.array(distance) < NEAR, np.array(visible)
    rows = {}
    for threshold in THRESHOLDS:
        reported = score >= threshold
        rows[f"{threshold:g}"] = {
            "recall": float((reported & hit)[seen].mean()),
            "precision": float(hit[reported].mean()) if reported.any() else float("nan"),
        }
    return {
        "frames": len(names),
        "visible": int(seen.sum()),
        "any": float((np.array(nearest) < NEAR)[seen].mean()),
        "median_error_widths": float(np.median(np.array(distance)[hit])) if hit.any() else None,
        "thresholds": rows,
        "recall_by_clip": {
            name: float(hit[seen & (np.array(names) == name)].mean())
            for name in sorted(set(names))
            if (seen & (np.array(names) == name)).any()
        },
    }


def measure_selected(clips: Path, folder: Path) -> dict[str, float]:
    """Recall and precision of the ball that is selected along the tracks of the clips."""
    visible = selected = right = 0
    for _, video, places in _labelled_places(clips):
        tracks = read_tracks(folder / f"{video.stem}.parquet")
        times = np.unique(tracks.time_ms)
        width, height = tracks.video.width, tracks.video.height
        paths, _ = ball_columns(tracks, times)
        for ms, xy in places:
            index = int(np.abs(times - ms).argmin())
            place = paths.ball[index, :2]
            visible += xy is not None
            if not np.isfinite(place[0]):
                continue
            selected += 1
            if xy is not None:
                near = NEAR + _MOVED * (abs(times[index] - ms) > 10)
                away = place - (np.array(xy) - [width / 2, height / 2]) / width
                right += bool(np.hypot(*away) < near)
    return {"visible": visible, "recall": right / visible, "precision": right / selected}


def measure_selected_in_matches(root: Path, name: str) -> dict[str, float]:
    """Recall and precision of the selected ball in simulated matches, and recall after shots."""
    found = sorted(root.rglob(name))
    if not found:
        raise DataError(f"{root}: no match with {name} in it")
    visible = selected = right = 0
    after_shots: list[bool] = []
    for path in found:
        tracks = read_tracks(path)
        truth = read_tracks(path.parent / TRACKS_FILE)
        times = np.unique(tracks.time_ms)
        size = np.array([tracks.video.width, tracks.video.height])
        places, _ = ball_columns(tracks, times)
        of_ball = truth.where(truth.kinds == BALL)
        middles = (of_ball.boxes[:, :2] + of_ball.boxes[:, 2:]) / 2
        rows = np.searchsorted(of_ball.time_ms, times).clip(0, len(middles) - 1)
        seen = np.abs(of_ball.time_ms[rows] - times) <= 2
        away = places.ball[:, :2] - (middles[rows] - size / 2) / size[0]
        hit = seen & (np.hypot(*away.T) < NEAR)
        visible += int(seen.sum())
        selected += int(np.isfinite(places.ball[:, 0]).sum())
        right += int(hit.sum())
        for event in read_labels(path.parent / "Labels-ball.json"):
            if event.label is Action.SHOT:
                since = times - event.position_ms
                after_shots += hit[seen & (since > 0) & (since <= _AFTER_SHOT_MS)].tolist()
    return {
        "visible": visible,
        "recall": right / visible,
        "precision": right / selected,
        "after_shots": float(np.mean(after_shots)) if after_shots else float("nan"),
    }


def frames_per_second(detector: Detector, video: Path) -> float:
    """Speed on the first 160 frames, in batches as `onball track` makes them; the first batch warms up."""
    info = probe(video)
    size = read_size(detector, info.width, info.height)
    batches = read_frames(video, _TRACKED_FPS, size, batch_frames=8, end_ms=13_500)
    parts = [batch for batch in batches if len(batch.frames) == 8]
    begun = 0.0
    for number, batch in enumerate(parts):
        if number == 1:
            begun = time.perf_counter()
        detector.detect(batch.frames, batch.pts_ms)
    return 8 * (len(parts) - 1) / (time.perf_counter() - begun)


def print_figures(title: str, figures: dict[str, Any]) -> None:
    """Print one table."""
    print(f"\n{title}: {figures['frames']} frames, {figures['visible']} with a visible ball")
    print(f"  recall of all boxes {100 * figures['any']:.1f} %")
    for threshold, row in figures["thresholds"].items():
        print(
            f"  confidence {threshold}: recall {100 * row['recall']:.1f} %, "
            f"precision {100 * row['precision']:.1f} %"
        )
    clips = ", ".join(f"{name} {100 * x:.0f}" for name, x in figures["recall_by_clip"].items())
    print(f"  recall by clip: {clips}")


if __name__ == "__main__":
    main()
