"""Compare `onball spot` with its parts and with the usual way of spotting, in one run on one machine.

    python benchmarks/spot.py                                  # 1 minute of 720p, RegNetY-002 + BiLSTM
    python benchmarks/spot.py --config spotting/demo --minutes 2
    python benchmarks/spot.py --video match.mp4 --model runs/mine --runtime openvino
    python benchmarks/spot.py --config spotting/regnety_bilstm spotting/tdeed --usual-seconds 0

Without `--video` a match of 12 s is simulated at 1280 × 720 and 25 frames/s, and its H.264 stream is
repeated. Measured are, each as a multiple of real time (seconds of video per second):

(a) reading alone: decoding, choosing, converting and scaling the frames that the model takes;
(b) the net alone, on frames in memory;
(c) `onball spot` as a whole, from file to events;
(d) the usual way: OpenCV writes every frame as a JPEG file, and PyTorch reads clips of 50 frames with a
    stride of 2 from them, each clip through the whole net, without overlap and with 75 %. It has torch's
    default number of threads, or `--usual-threads`, and runs on the first `--usual-seconds` only.

If reading and net shared all cores without loss, (c) would reach 1 / (1/a + 1/b), the limit that is
printed. Weights are random unless there is a `--model`: they do not matter for speed. Several configs or
models are measured one after the other on the same video, and a table compares them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import av
import torch
from torch.utils.data import DataLoader, Dataset

from onball import simulate
from onball.config import SavedModelConfig, load_config
from onball.cores import available_cores, choose_threads
from onball.models import build_model
from onball.spotting.spotter import Spotter
from onball.video import probe, read_frames

_STRIDE, _CLIP_FRAMES = 2, 50
_SIMULATED_MINUTES = 0.2
_WHOLE = "(c) onball spot"
#: Seconds of video whose frames are held in memory for the net alone.
_MEMORY_SECONDS = 30


def looped_match(folder: Path, minutes: float, size: tuple[int, int]) -> Path:
    """Simulate a short match and repeat its packets up to a length."""
    data = folder / "data"
    simulate(data, train=0, valid=0, test=1, minutes=_SIMULATED_MINUTES, size=size, crf=23)
    source = next(data.rglob("*.mp4"))
    target = folder / "match.mp4"
    with av.open(str(source)) as short, av.open(str(target), "w") as long:
        stream = long.add_stream_from_template(short.streams.video[0])
        frames = short.streams.video[0].frames
        step = round(1 / (short.streams.video[0].average_rate * short.streams.video[0].time_base))
        for repetition in range(round(minutes / _SIMULATED_MINUTES)):
            short.seek(0)
            for packet in short.demux(short.streams.video[0]):
                if packet.dts is None:
                    continue
                packet.pts += repetition * frames * step
                packet.dts += repetition * frames * step
                packet.stream = stream
                long.mux(packet)
    return target


class Stopwatch:
    """Measures parts and remembers them as multiples of real time."""

    def __init__(self) -> None:
        self.speeds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str, seconds: float) -> Iterator[None]:
        """Time a block that handles `seconds` of video, and print the result."""
        begin, cpu = time.perf_counter(), time.process_time()
        yield
        wall = time.perf_counter() - begin
        self.speeds[name] = seconds / wall
        cores = (time.process_time() - cpu) / wall
        print(f"{name:<34} {self.speeds[name]:8.2f} times real time   {cores:4.1f} cores busy")


class Clips(Dataset[torch.Tensor]):
    """Clips of JPEG files, `[50, 3, H, W]`."""

    def __init__(self, folder: Path, frames: int, overlap: float) -> None:
        self._folder, self._frames = folder, frames
        span = _CLIP_FRAMES * _STRIDE
        self._starts = range(0, frames, round(span * (1 - overlap)))

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> torch.Tensor:
        # OpenCV belongs to the optional extras.
        import cv2
        import numpy as np

        cv2.setNumThreads(0)
        start = self._starts[index]
        images = []
        for frame in range(start, start + _CLIP_FRAMES * _STRIDE, _STRIDE):
            path = self._folder / f"{min(frame, self._frames - 1):06d}.jpg"
            images.append(cv2.imread(str(path))[:, :, ::-1])
        return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())


def dump_frames(video: Path, folder: Path, size: tuple[int, int], count: int) -> int:
    """Write the first frames of a video as JPEG files by OpenCV; returns their number."""
    import cv2

    capture = cv2.VideoCapture(str(video))
    written = 0
    while written < count:
        good, image = capture.read()
        if not good:
            break
        cv2.imwrite(str(folder / f"{written:06d}.jpg"), cv2.resize(image, size))
        written += 1
    return written


def usual_way(
    watch: Stopwatch, spotter: Spotter, video: Path, seconds: float, threads: int | None
) -> None:
    """Measure (d)."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or available_cores())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = round(seconds * probe(video).fps)
        with watch.measure("(d) JPEG files by OpenCV", seconds):
            count = dump_frames(video, folder, spotter.config.size, count)
        for overlap in (0.0, 0.75):
            clips = DataLoader(Clips(folder, count, overlap), batch_size=1, num_workers=1)
            part = f"(d) clips, overlap {overlap:.0%}"
            with watch.measure(part, seconds), torch.inference_mode():
                for clip in clips:
                    spotter.net(clip).probabilities()
            whole = 1 / (1 / watch.speeds["(d) JPEG files by OpenCV"] + 1 / watch.speeds[part])
            watch.speeds[f"(d) {overlap:.0%}"] = whole
    torch.set_num_threads(before)


def open_spotter(name: str, options: argparse.Namespace) -> Spotter:
    """Open a saved model, or a config with random weights."""
    if options.model is not None:
        return Spotter.from_pretrained(
            name,
            runtime=options.runtime,
            device=options.device,
            precision=options.precision,
            threads=options.threads,
        )
    config = load_config(name, ["model.backbone.pretrained=false"])
    if options.size:
        width, height = (int(part) for part in options.size.split("x"))
        config = config.model_copy(
            update={"data": config.data.model_copy(update={"width": width, "height": height})}
        )
    net = build_model(config.model, fetch_weights=False)
    return Spotter(
        net,
        SavedModelConfig.of(config),
        device=options.device,
        precision=options.precision,
        threads=options.threads,
    )


def main() -> None:
    """Measure all ways and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", nargs="+", default=["spotting/regnety_bilstm"])
    parser.add_argument("--model", nargs="+", help="saved models instead of configs")
    parser.add_argument("--size", help="WIDTHxHEIGHT that the net takes; default: the config's")
    parser.add_argument("--video", type=Path)
    parser.add_argument("--video-size", default="1280x720", help="of the simulated match")
    parser.add_argument("--minutes", type=float, default=1.0, help="of the simulated match")
    parser.add_argument("--runtime", default="torch", help="for --model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="32", choices=["auto", "32", "bf16"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--usual-seconds", type=float, default=20.0, help="0 leaves out (d)")
    parser.add_argument("--usual-threads", type=int, help="default: torch's")
    options = parser.parse_args()
    speeds = {}
    with tempfile.TemporaryDirectory() as folder:
        video = options.video
        if video is None:
            width, height = (int(part) for part in options.video_size.split("x"))
            video = looped_match(Path(folder), options.minutes, (width, height))
        for name in options.model or options.config:
            spotter = open_spotter(name, options)
            speeds[name] = measure_all(name, spotter, video, options)
            print()
    if len(speeds) > 1:
        print_table(speeds)


def print_table(speeds: dict[str, dict[str, float]]) -> None:
    """Print the speeds of several models as a Markdown table."""
    print("| model | (a) reading | (b) net | (c) onball spot | (c) to its limit |")
    print("|---|---|---|---|---|")
    for name, of in speeds.items():
        parts = " | ".join(f"{of[part]:.2f}" for part in ("(a) reading", "(b) net", _WHOLE))
        print(f"| {name} | {parts} | {of[_WHOLE] / limit_of(of):.0%} |")


def limit_of(speeds: dict[str, float]) -> float:
    """Speed of reading and net together if they share the cores without loss."""
    return 1 / (1 / speeds["(a) reading"] + 1 / speeds["(b) net"])


def measure_all(
    name: str, spotter: Spotter, video: Path, options: argparse.Namespace
) -> dict[str, float]:
    """Measure (a) to (d) on a video, and print them with their ratios."""
    info = probe(video)
    seconds = info.duration_ms / 1000
    threads = choose_threads(options.threads)
    print(
        f"{name} at {spotter.config.width}×{spotter.config.height}, "
        f"{spotter.config.fps:g} frames/s, {spotter.runtime} in {spotter.precision}\n"
        f"{info.width}×{info.height} {info.codec}, {info.fps:g} frames/s, {seconds:.0f} s; "
        f"{available_cores()} cores, {threads} threads, load {os.getloadavg()[0]:.1f} before"
    )
    fps, size = spotter.config.fps, spotter.config.size
    watch = Stopwatch()
    list(islice(spotter.scores(video), 1))  # the first call of each operation takes longer
    with watch.measure("(a) reading", seconds):
        for _ in read_frames(video, fps, size, threads=threads):
            pass
    part = min(seconds, _MEMORY_SECONDS)
    batches = list(read_frames(video, fps, size, end_ms=round(part * 1000)))
    with watch.measure("(b) net", part):
        for _ in spotter.scores(batches):
            pass
    del batches
    with watch.measure(_WHOLE, seconds):
        spotter.spot(video)
    speeds = watch.speeds
    limit, whole = limit_of(speeds), speeds[_WHOLE]
    print(f"(c) is {whole / limit:.0%} of {limit:.2f}, the limit by (a) and (b)")
    if options.usual_seconds:
        usual_way(watch, spotter, video, min(seconds, options.usual_seconds), options.usual_threads)
        for overlap in ("0%", "75%"):
            usual = speeds[f"(d) {overlap}"]
            print(f"(c) is {whole / usual:.1f} times (d) with {overlap} overlap, {usual:.2f}")
    return speeds


if __name__ == "__main__":
    main()
