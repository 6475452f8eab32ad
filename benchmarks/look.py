"""Compare the picture of simulated matches with that of real broadcasts, in figures.

    python benchmarks/look.py FOLDER                      # 12 simulated matches, standard look
    python benchmarks/look.py FOLDER --look broad --out look.json
    python benchmarks/look.py FOLDER --detector yolox_nano.onnx --sheets sheets
    python benchmarks/look.py look.json --look broad      # with the real figures of a former --out

FOLDER holds `NAME.json` for each real clip: `video` (path from FOLDER); `width` and `height`, in whose
pixels the balls are; `ball`, a list of `ms` and `xy`; `annotations` with `position` and `ball`; `segments`
with `from_ms`, `to_ms` and `view` (`main`, ...). Only segments of the view `main` are measured.

Both kinds of video are decoded from H.264 and measured at the same size, on the main camera only:

- ball: the connected region above half of the ball's peak, around its known centre, on luma. Balls
  that merge with a line, a shirt or another bright thing are left out;
- grass: pixels of the pitch without people and lines;
- people: heights of a detector's boxes, with `--detector`;
- camera: shift of the background between frames 40 ms apart, by phase correlation.

Prints median, 10th and 90th percentile of each figure, and in the last column the fraction of real values
within the simulator's 5th to 95th percentile: the simulator covers reality where it is near 0.9 or above.
With `--sheets`, writes contact sheets of real and simulated frames side by side, and of balls enlarged.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError
from onball.files import read_json_object, write_json_atomic
from onball.simulator.cameras import Director, Shot
from onball.simulator.look.look import Variety
from onball.simulator.planning import plan_dataset
from onball.simulator.play.match import play_match
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.simulator.world import PEOPLE
from onball.tracking.detectors.base import Detector
from onball.tracking.detectors.opening import open_detector
from onball.video import VideoWriter, read_frames

Floats = NDArray[np.float64]
Frame = NDArray[np.uint8]
Figures = dict[str, list[float]]

#: Parts of a simulated match that are rendered, ms.
WINDOWS_MS = ((20_000, 21_600), (38_000, 39_600), (54_000, 55_600))
MATCH_MS = 60_000
#: Time between balls that are measured in a simulated clip, frames.
BALL_EVERY = 5
#: Time between frames in which people are detected, grass and edges measured, ms.
FRAME_EVERY_MS = 1_200
ZOOM = 4
"""Enlargement at which the outline of a ball is measured."""
BALL_WINDOW = 12
"""Half the side of the patch around a ball, pixels."""


@dataclass(frozen=True)
class Clip:
    """Decoded frames of one video.

    Attributes:
        name: of the video.
        frames: uint8 `[T, H, W, 3]`, RGB.
        times_ms: `[T]`.
        balls: frame index and centre in pixels, of each visible ball at a known place.
        main: `[T]`, whether the main camera is on air.
        lengths_ms: time on air by kind of camera.
        cuts: number of changes of camera.
    """

    name: str
    frames: Frame
    times_ms: NDArray[np.int64]
    balls: list[tuple[int, tuple[float, float]]]
    main: NDArray[np.bool_]
    lengths_ms: dict[str, float] = field(default_factory=dict)
    cuts: int = 0


# Sources of frames


def real_clips(folder: Path, size: tuple[int, int]) -> Iterator[Clip]:
    """Decode the labelled clips of a folder."""
    for path in sorted(folder.glob("*.json")):
        described = read_json_object(path, DataError)
        video = folder / described["video"]
        batches = list(read_frames(video, None, size))
        frames = np.concatenate([batch.frames for batch in batches])
        times_ms = np.concatenate([batch.pts_ms for batch in batches])
        scale = np.array(size) / (described.get("width", size[0]), described.get("height", size[1]))
        places = {int(row["ms"]): row["xy"] for row in described.get("ball", [])}
        for event in described.get("annotations", []):
            places.setdefault(int(event["position"]), event.get("ball"))
        balls = [
            (int(np.abs(times_ms - ms).argmin()), tuple((np.array(xy) * scale).tolist()))
            for ms, xy in sorted(places.items())
            if xy is not None
        ]
        main = np.zeros(len(times_ms), np.bool_)
        lengths: dict[str, float] = defaultdict(float)
        segments = described.get("segments", [])
        for part in segments:
            lengths[part["view"]] += part["to_ms"] - part["from_ms"]
            if part["view"] == "main":
                main |= (times_ms >= part["from_ms"]) & (times_ms < part["to_ms"])
        balls = [(index, xy) for index, xy in balls if main[index]]
        cuts = max(len(segments) - 1, 0)
        yield Clip(path.stem, frames, times_ms, balls, main, dict(lengths), cuts)


def simulated_clips(
    matches: int, seed: int, size: tuple[int, int], look: Variety, folder: Path
) -> Iterator[Clip]:
    """Render parts of simulated matches, encode and decode them."""
    base = MatchPlan(
        seed=seed, duration_ms=MATCH_MS, width=size[0], height=size[1], crf=None, look=look
    )
    plans = plan_dataset(seed, {"train": matches}, base)["train"]
    for number, plan in enumerate(plans.values()):
        renderer = MatchRenderer(plan)
        video = folder / f"{number}.mp4"
        shown: list[tuple[int, bool, tuple[float, float] | None]] = []
        with VideoWriter(video, size, plan.fps, crf=plan.crf or 0, threads=1) as writer:
            for begin, end in WINDOWS_MS:
                for time_ms in range(begin, end, 40):
                    view = renderer.view(time_ms)
                    writer.write(renderer.frame(time_ms))
                    box = renderer.boxes(view)[PEOPLE]
                    known = bool(np.isfinite(box).all())
                    middle = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
                    shown.append((time_ms, view.shot is Shot.MAIN, middle if known else None))
        frames = np.concatenate([batch.frames for batch in read_frames(video, None, size)])
        main = np.array([is_main for _, is_main, _ in shown])
        balls = [
            (index, ball)
            for index, (_, is_main, ball) in enumerate(shown)
            if is_main and ball is not None and index % BALL_EVERY == 0
        ]
        times_ms = np.array([time_ms for time_ms, _, _ in shown])
        yield Clip(f"simulated {plan.seed}", frames, times_ms, balls, main)


def directed(
    matches: int, seed: int, look: Variety, minutes: int = 8
) -> tuple[dict[str, float], int]:
    """Time on air of each kind of camera in simulated matches, ms, and number of cuts."""
    lengths: dict[str, float] = defaultdict(float)
    cuts = 0
    for number in range(matches):
        motion = play_match(seed * 3000 + number, minutes * 60_000)
        takes = Director(motion, seed * 3000 + number, broad=look is Variety.BROAD).shots()
        ends = [begin for begin, _, _ in takes[1:]] + [minutes * 60_000]
        for (begin, end, shot), following in zip(takes, ends, strict=True):
            lengths[shot.value] += end - begin
            cuts += 1 if following == end else 2
        lengths["main"] += minutes * 60_000 - sum(end - begin for begin, end, _ in takes)
    return lengths, cuts


# Figures


def luma_of(frame: Frame) -> NDArray[np.float32]:
    """Luma `[H, W]`, BT.601."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.float32)


def measure_ball(frame: Frame, centre: tuple[float, float]) -> dict[str, float] | None:
    """Size, contrast and colour of a ball; None if it merges with something bright.

    Args:
        frame: uint8 `[H, W, 3]`.
        centre: approximate pixel, (0, 0) is the outer corner of the first pixel.
    """
    x, y = (round(value - 0.5) for value in centre)
    height, width = frame.shape[:2]
    if not (BALL_WINDOW <= x < width - BALL_WINDOW and BALL_WINDOW <= y < height - BALL_WINDOW):
        return None
    rows, columns = (slice(v - BALL_WINDOW, v + BALL_WINDOW + 1) for v in (y, x))
    patch = luma_of(frame)[rows, columns]
    side = 2 * BALL_WINDOW + 1
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    distance = np.hypot(across - BALL_WINDOW, down - BALL_WINDOW)
    background = float(np.median(patch[(distance > 6) & (distance < 12)]))
    near = np.where(distance <= 3.5, patch, -1)
    peak_at = np.unravel_index(int(near.argmax()), near.shape)
    peak = float(patch[peak_at]) - background
    if peak < 8:
        return None
    fine = cv2.resize(patch, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    _, regions = cv2.connectedComponents((fine > background + peak / 2).astype(np.uint8))
    own = regions[peak_at[0] * ZOOM + ZOOM // 2, peak_at[1] * ZOOM + ZOOM // 2]
    region = regions == own
    if own == 0 or region.sum() < ZOOM:
        return None
    at_y, at_x = np.nonzero(region)
    if min(at_y.min(), at_x.min()) <= ZOOM or max(at_y.max(), at_x.max()) >= ZOOM * (side - 1):
        return None
    area = float(region.sum()) / ZOOM**2
    spread = np.linalg.eigvalsh(np.cov(at_x / ZOOM, at_y / ZOOM) + np.eye(2) / 12 / ZOOM**2)
    minor, major = 4 * np.sqrt(np.maximum(spread, 1e-6))
    if minor > 9 or area > 80:
        return None
    # The halo: the darkest ring just outside the ball, below the background.
    offset = np.hypot(across - peak_at[1], down - peak_at[0])
    rings = [
        float(patch[np.abs(offset - radius) < 0.6].mean())
        for radius in np.arange(major / 2 + 1, major / 2 + 4, 0.5)
    ]
    colour = frame[rows, columns][peak_at].astype(np.float64)
    grass = np.median(frame[rows, columns][(distance > 6) & (distance < 12)], axis=0)
    return {
        "ball diameter at half peak, px": 2 * np.sqrt(area / np.pi),
        "ball narrow side, px": float(minor),
        "ball long side / narrow side": float(major / minor),
        "ball contrast, levels of luma": peak,
        "ball contrast / spread of surroundings": peak
        / max(float(patch[(distance > 6) & (distance < 12)].std()), 1.0),
        "ball peak luma": peak + background,
        "ball saturation, levels": float(colour.max() - colour.min()),
        "ball greenness minus that of grass": _greenness(colour) - _greenness(grass),
        "dark ring around ball / contrast": (background - min(rings)) / peak,
    }


def _greenness(colour: Floats) -> float:
    return float(colour[1] - (colour[0] + colour[2]) / 2)


def grass_mask(frame: Frame) -> NDArray[np.bool_]:
    """Pixels `[H, W]` of grass, away from people and lines."""
    hue, saturation, value = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2HSV))
    green = (hue > 22) & (hue < 90) & (saturation > 35) & (value > 25)
    opened = cv2.morphologyEx(green.astype(np.uint8), cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    return np.asarray(cv2.erode(opened, np.ones((5, 5), np.uint8)) > 0)


def measure_frame(frame: Frame) -> dict[str, float]:
    """Colour and texture of the grass, and edges of everything on the pitch."""
    grass = grass_mask(frame)
    luma = luma_of(frame)
    found = {"grass, % of the frame": 100 * float(grass.mean())}
    if grass.sum() < 4000:
        return found
    hsv = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)[grass].astype(np.float64)
    found["grass hue, degrees"] = 2 * float(np.median(hsv[:, 0]))
    found["grass saturation, levels"] = float(np.median(hsv[:, 1]))
    found["grass luma"] = float(np.median(luma[grass]))
    found["grass luma, 90th - 10th percentile"] = float(
        np.subtract(*np.percentile(luma[grass], (90, 10)))
    )
    bands = [cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (1.0, 2.5, 6.0)]
    for name, band in (
        ("grass texture below 1 px", luma - bands[0]),
        ("grass texture 1 to 2.5 px", bands[0] - bands[1]),
        ("grass texture 2.5 to 6 px", bands[1] - bands[2]),
    ):
        found[f"{name}, std"] = float(band[grass].std())
    pitch = cv2.morphologyEx(grass.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8))
    inside = pitch > 0
    gradient = np.hypot(
        cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=0.125),
        cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=0.125),
    )
    for percent in (50, 90, 99):
        found[f"gradient on pitch, {percent}th percentile"] = float(
            np.percentile(gradient[inside], percent)
        )
    # How quickly edges rise: the second derivative over the first, at the strongest edges.
    strong = inside & (gradient > np.percentile(gradient[inside], 97))
    curvature = np.abs(cv2.Laplacian(luma, cv2.CV_32F))
    found["sharpness of edges"] = float(curvature[strong].mean() / gradient[strong].mean())
    found["share of frame above pitch, %"] = 100 * float(
        np.argmax(inside.mean(1) > 0.5) / len(inside)
    )
    return found


def measure_camera(before: Frame, after: Frame, gap_ms: float) -> dict[str, float]:
    """Speed of the background, in pixels of the measured size per second."""
    first, second = (_whitened(luma_of(frame)) for frame in (before, after))
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    (x, y), response = cv2.phaseCorrelate(first, second, window)
    if response < 0.03:
        return {}
    seconds = gap_ms / 1000
    return {
        "pan, px/s": abs(x) / seconds,
        "tilt, px/s": abs(y) / seconds,
    }


def _whitened(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Remove slow brightness and the top rows, whose graphics stand still."""
    detail = luma - cv2.GaussianBlur(luma, (0, 0), 8)
    return np.ascontiguousarray(np.clip(detail, -40, 40)[luma.shape[0] // 8 : -luma.shape[0] // 8])


def measure_clip(clip: Clip, detector: Detector | None) -> Figures:
    """All figures of one clip."""
    figures: Figures = defaultdict(list)

    def add(found: dict[str, float] | None) -> None:
        for name, value in (found or {}).items():
            figures[name].append(value)

    for index, centre in clip.balls:
        ball = measure_ball(clip.frames[index], centre)
        figures["balls measured, %"].append(0.0 if ball is None else 100.0)
        add(ball)
    last = -FRAME_EVERY_MS
    for index in np.flatnonzero(clip.main).tolist():
        time_ms = int(clip.times_ms[index])
        if time_ms - last < FRAME_EVERY_MS:
            continue
        last = time_ms
        frame = clip.frames[index]
        add(measure_frame(frame))
        if detector is not None:
            boxes = detector.detect(frame[None], clip.times_ms[index : index + 1])[0].boxes
            grass = cv2.dilate(grass_mask(frame).astype(np.uint8), np.ones((9, 9), np.uint8))
            for x0, y0, x1, y1 in boxes.tolist():
                foot = grass[min(int(y1), 359) - 1, min(int((x0 + x1) / 2), 639)]
                if foot and 8 < y1 - y0 < 200 and y0 > 2 and y1 < len(frame) - 2:
                    add({"height of people, px": y1 - y0})
    step_ms = float(np.median(np.diff(clip.times_ms)))
    step = max(1, round(40 / step_ms))
    for index in range(0, len(clip.frames) - step, 3 * step):
        gap = int(clip.times_ms[index + step] - clip.times_ms[index])
        if clip.main[index : index + step + 1].all() and 20 <= gap <= 60:
            add(measure_camera(clip.frames[index], clip.frames[index + step], gap))
    return figures


# Contact sheets


def picture(clip: Clip) -> list[Frame]:
    """One frame of the main camera, from the middle of the clip."""
    chosen = np.flatnonzero(clip.main)
    return [clip.frames[chosen[len(chosen) // 2]].copy()] if len(chosen) else []


def enlarged_balls(clip: Clip) -> list[Frame]:
    """Up to eight balls and their surroundings, enlarged."""
    patches = []
    for index, (x, y) in clip.balls[:: max(1, len(clip.balls) // 8)][:8]:
        patch = cv2.getRectSubPix(clip.frames[index], (48, 48), (x - 0.5, y - 0.5))
        patches.append(cv2.resize(patch, (144, 144), interpolation=cv2.INTER_NEAREST))
    return patches


def write_grid(path: Path, tiles: list[Frame], columns: int) -> None:
    """Write pictures of equal size side by side, in rows."""
    if not tiles:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    blank = np.zeros_like(tiles[0])
    tiles = tiles + [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[at : at + columns]) for at in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


# Tables


def table(real: Figures, simulated: Figures) -> Iterator[str]:
    """Rows of median (10th to 90th percentile) of both, and how much of reality is covered."""
    yield f"{'figure':<40}{'real':>24}{'simulated':>26}  covered"
    for name in real:
        if name not in simulated:
            continue
        values = np.array(real[name])
        if name == "balls measured, %":
            yield f"{name:<40}{values.mean():>24.0f}{np.mean(simulated[name]):>26.0f}"
            continue
        low, high = np.percentile(simulated[name], (5, 95))
        covered = float(((values >= low) & (values <= high)).mean())
        yield f"{name:<40}{_spread(real[name]):>24}{_spread(simulated[name]):>26}  {covered:.2f}"


def _spread(values: list[float]) -> str:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def on_air(lengths_ms: dict[str, float], cuts: int) -> str:
    """Share of each kind of camera, and changes of camera per minute."""
    whole = max(sum(lengths_ms.values()), 1.0)
    shares = ", ".join(f"{name} {100 * value / whole:.0f} %" for name, value in lengths_ms.items())
    return f"{shares}; {60_000 * cuts / whole:.1f} cuts per minute"


@dataclass(frozen=True)
class Measured:
    """Figures of several clips.

    Attributes:
        figures: their values by name.
        on_air: share of each kind of camera, in words.
    """

    figures: Figures
    on_air: str

    @classmethod
    def read(cls, path: Path) -> Measured:
        """Take the figures of real clips from a file that `--out` wrote."""
        found = read_json_object(path, DataError)
        return cls(found["real"], found["on_air"])


def measure(
    clips: Iterator[Clip], detector: Detector | None, sheets: Path | None, name: str
) -> Measured:
    """Measure clips one after the other, and write their contact sheets."""
    figures: Figures = defaultdict(list)
    lengths_ms: dict[str, float] = defaultdict(float)
    cuts, pictures, balls = 0, [], []
    for clip in clips:
        for figure, values in measure_clip(clip, detector).items():
            figures[figure] += values
        for view, length in clip.lengths_ms.items():
            lengths_ms[view] += length
        cuts += clip.cuts
        pictures += picture(clip)
        balls += enlarged_balls(clip)
    if sheets is not None:
        write_grid(sheets / f"{name}-frames.png", pictures, 2)
        write_grid(sheets / f"{name}-balls.png", balls, 12)
    return Measured(figures, on_air(lengths_ms, cuts))


def main() -> None:
    """Measure both kinds of video, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("real", type=Path, help="folder of real clips, or a former --out")
    parser.add_argument("--look", type=Variety, default=Variety.STANDARD, choices=list(Variety))
    parser.add_argument("--matches", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--detector", help="of people, such as yolox_nano.onnx")
    parser.add_argument("--tiles", default="2x2", help="of the detector")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--out", type=Path, help="JSON file for all values")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    detector = None
    if options.detector:
        detector = open_detector(options.detector, threshold=0.3, tiles=options.tiles, threads=1)
    sheets = options.sheets
    if options.real.is_file():
        real = Measured.read(options.real)
    else:
        real = measure(real_clips(options.real, (width, height)), detector, sheets, "real")
    with tempfile.TemporaryDirectory() as scratch:
        size, folder = (width, height), Path(scratch)
        clips = simulated_clips(options.matches, options.seed, size, options.look, folder)
        simulated = measure(clips, detector, sheets, f"simulated-{options.look}")
    for line in table(real.figures, simulated.figures):
        print(line, flush=True)
    if options.out:
        write_json_atomic(
            options.out,
            {"on_air": real.on_air, "real": real.figures, "simulated": simulated.figures},
        )
        print(f"{options.out} written")
    print("on air, real:     ", real.on_air, flush=True)
    print("on air, simulated:", on_air(*directed(3, options.seed, options.look)))


if __name__ == "__main__":
    main()
