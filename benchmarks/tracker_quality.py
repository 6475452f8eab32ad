"""Measure the tracker on imperfect boxes, on simulated matches whose true boxes are known.

    python benchmarks/tracker_quality.py data/bench --split test --minutes 5 --csv figures.csv

The simulated detector (`onball.tracking.detectors.simulated`) degrades the true boxes at several levels,
the tracker links the result, and the evaluator of the `trackers` package (which agrees with TrackEval)
compares the tracks with the truth. All people count: players, goalkeepers, referees and substitutes.
Boxes of people are matched by IoU. Boxes of a ball of two pixels hardly ever overlap, so balls are
matched by distance: the similarity falls from 1 at distance 0 to 0 at 5 % of the width of the frame.
Figures are means over the matches.

The tracker does not re-identify people after a camera cut or a second out of view, so the truth has
new identities there; `whole HOTA` is computed with one identity per person and match. Even perfect
boxes do not give 100: a track begins with its second box, and people who cross occlude each other.
`selected ball` is the percentage of frames in which a ball is selected for the track features, `of these
false` the percentage of these balls at a wrong position.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from trackers.eval import (
    box_iou,
    compute_clear_metrics,
    compute_hota_metrics,
    compute_identity_metrics,
)

from onball.data.layout import find_matches
from onball.errors import OnballError
from onball.files import write_text_atomic
from onball.formats.tracks_parquet import read_tracks
from onball.tracking.detectors.base import Detections
from onball.tracking.detectors.simulated import LEVELS, SimulatedDetector
from onball.tracking.grid import on_grid
from onball.tracking.tracker import Tracker
from onball.tracks import BALL, UNTRACKED, Tracks

#: Distance at which the similarity of two balls is 0, relative to the width of the frame.
_MAX_BALL_DISTANCE = 0.05
#: Largest distance of a selected ball that is correct, relative to the width of the frame.
_SAME_BALL = 0.02
#: Time out of view after which a person gets a new identity.
_OUT_OF_SIGHT_MS = 1000


class Frame(NamedTuple):
    """True or tracked objects of one frame."""

    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]


def follow(
    detections: list[Detections], times_ms: NDArray[np.int64], cuts_ms: tuple[int, ...], fps: float
) -> tuple[list[NDArray[np.int64]], float]:
    """Return the track ids of the boxes of each frame, and the seconds spent."""
    tracker = Tracker(fps)
    first = set(np.searchsorted(times_ms, cuts_ms).tolist())
    ids = []
    begun = time.perf_counter()
    for index, found in enumerate(detections):
        if index in first:
            tracker.reset()
        ids.append(tracker.update(found))
    return ids, time.perf_counter() - begun


def truth_frames(truth: Tracks, times_ms: NDArray[np.int64], *, ball: bool) -> list[Frame]:
    chosen = truth.where((truth.kinds == BALL) == ball)
    begin = np.searchsorted(chosen.time_ms, times_ms)
    end = np.searchsorted(chosen.time_ms, times_ms, side="right")
    return [
        Frame(chosen.track_ids[a:b], chosen.boxes[a:b].astype(np.float64))
        for a, b in zip(begin, end, strict=True)
    ]


def followed_frames(
    detections: list[Detections], ids: list[NDArray[np.int64]], *, ball: bool
) -> list[Frame]:
    frames = []
    for found, tracks in zip(detections, ids, strict=True):
        chosen = ((found.kinds == BALL) == ball) & (tracks != UNTRACKED)
        frames.append(Frame(tracks[chosen], found.boxes[chosen].astype(np.float64)))
    return frames


def near(one: NDArray[np.float64], other: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Similarity by distance of the centres, `[N, M]`."""
    centres = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (one, other)]
    distance = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
    return np.asarray((1 - distance / reach).clip(0))


def scores(
    truth: list[Frame],
    followed: list[Frame],
    similarity: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
) -> dict[str, float]:
    """HOTA and its parts, IDF1, MOTA in per cent; identity switches."""
    numbers: list[list[NDArray[np.int64]]] = []
    for frames in (truth, followed):
        known = np.unique(np.concatenate([frame.ids for frame in frames]))
        numbers.append([np.searchsorted(known, frame.ids) for frame in frames])
    alike = [similarity(t.boxes, f.boxes) for t, f in zip(truth, followed, strict=True)]
    hota = compute_hota_metrics(numbers[0], numbers[1], alike)
    identity = compute_identity_metrics(numbers[0], numbers[1], alike)
    clear = compute_clear_metrics(numbers[0], numbers[1], alike)
    return {
        **{name: 100 * float(hota[name]) for name in ("HOTA", "DetA", "AssA")},
        "IDF1": 100 * float(identity["IDF1"]),
        "MOTA": 100 * float(clear["MOTA"]),
        "switches": float(clear["IDSW"]),
    }


def in_sight(
    frames: list[Frame], times_ms: NDArray[np.int64], cuts_ms: tuple[int, ...]
) -> list[Frame]:
    """End identities at camera cuts, and when a person is out of view."""
    shots = np.searchsorted(np.asarray(cuts_ms), times_ms, side="right").tolist()
    last: dict[int, tuple[int, int]] = {}
    own: dict[int, int] = {}
    fresh = 0
    renamed = []
    for frame, time_ms, shot in zip(frames, times_ms.tolist(), shots, strict=True):
        for body in frame.ids.tolist():
            seen_ms, seen_in = last.get(body, (-_OUT_OF_SIGHT_MS, -1))
            if seen_in != shot or time_ms - seen_ms >= _OUT_OF_SIGHT_MS:
                own[body], fresh = fresh, fresh + 1
            last[body] = (time_ms, shot)
        renamed.append(frame._replace(ids=np.array([own[b] for b in frame.ids.tolist()], int)))
    return renamed


def selected_balls(
    truth: Tracks,
    detections: list[Detections],
    ids: list[NDArray[np.int64]],
    times_ms: NDArray[np.int64],
) -> dict[str, float]:
    """Measure the frames with a selected ball (`onball.tracking.grid`) and the false ones, in per cent."""
    columns = [np.concatenate(column) for column in zip(*detections, strict=True)]
    rows = np.repeat(times_ms, [len(found.scores) for found in detections])
    tracks = Tracks(rows, np.concatenate(ids), columns[2], columns[0], columns[1], truth.video)
    ours, real = on_grid(tracks, times_ms).ball, on_grid(truth, times_ms).ball
    seen = np.isfinite(ours[:, 0])
    right = np.hypot(*(ours[:, :2] - real[:, :2]).T) < _SAME_BALL
    return {
        "selected ball": 100 * float(seen.mean()),
        "of these false": 100 * float(1 - right[seen].mean()) if seen.any() else 0.0,
    }


def measure(truth: Tracks, level: str, fps: float, minutes: float, seed: int) -> dict[str, float]:
    """Measure one match at one level of the detector."""
    end = min(minutes * 60_000, truth.video.duration_ms)
    times = np.round(np.arange(0, end, 1000 / fps)).astype(np.int64)
    detections = list(SimulatedDetector(truth, level, seed).detect(np.zeros(0, np.uint8), times))
    ids, seconds = follow(detections, times, truth.video.cuts_ms, fps)
    figures: dict[str, float] = {"frames/s": len(times) / seconds}
    for ball in (False, True):
        reach = _MAX_BALL_DISTANCE * truth.video.width

        def similarity(
            one: NDArray[np.float64],
            other: NDArray[np.float64],
            ball: bool = ball,
            reach: float = reach,
        ) -> NDArray[np.float64]:
            if not len(one) or not len(other):
                return np.zeros((len(one), len(other)))
            return near(one, other, reach) if ball else np.asarray(box_iou(one, other, "xyxy"))

        real = truth_frames(truth, times, ball=ball)
        found = followed_frames(detections, ids, ball=ball)
        sights = in_sight(real, times, truth.video.cuts_ms)
        for name, value in scores(sights, found, similarity).items():
            figures[f"{'ball' if ball else 'people'} {name}"] = value
        if not ball:
            figures["whole HOTA"] = scores(real, found, similarity)["HOTA"]
    return figures | selected_balls(truth, detections, ids, times)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--fps", type=float, nargs="+", default=[12.5, 25.0])
    parser.add_argument("--levels", nargs="+", default=list(LEVELS), choices=list(LEVELS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, help="all figures, also those the table leaves out")
    options = parser.parse_args()
    columns = [
        *(f"people {n}" for n in ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "switches")),
        *(f"ball {n}" for n in ("HOTA", "IDF1")),
        "selected ball",
        "of these false",
        "whole HOTA",
        "frames/s",
    ]
    try:
        matches = find_matches(options.root, options.split)
        truths = [read_tracks(match.folder / "tracks.parquet") for match in matches]
    except OnballError as error:
        sys.exit(str(error))
    print(f"| fps | level | {' | '.join(columns)} |")
    print(f"|--:|---|{'--:|' * len(columns)}")
    rows = []
    for fps in options.fps:
        for level in options.levels:
            each = [measure(t, level, fps, options.minutes, options.seed) for t in truths]
            mean = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
            rows.append({"fps": f"{fps:g}", "level": level} | {n: f"{mean[n]:.2f}" for n in mean})
            cells = " | ".join(
                f"{mean[n]:.0f}" if n in ("people switches", "frames/s") else f"{mean[n]:.1f}"
                for n in columns
            )
            print(f"| {fps:g} | {level} | {cells} |", flush=True)
    if options.csv is not None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        try:
            write_text_atomic(options.csv, text.getvalue())
        except OnballError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
