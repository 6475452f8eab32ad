"""Import every published model and spot every video of a folder with it.

    python benchmarks/published_spotting.py REFERENCE VIDEOS [--model NAME] [--video WORD] [--end SECONDS]

REFERENCE is the folder of reference vectors (see `published_vectors.py`), whose made-up weights are saved
as the authors save their checkpoints, imported, and run. The events mean nothing: the program checks
that all of it runs to the end. Prints the sampled frames, the events and the seconds of each video; exits
with 1 if one fails.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch
from published_vectors import Vectors
from torch import Tensor

from onball import OnballError, Spotter, find_videos, import_model
from onball.models.published import PUBLISHED
from onball.timing import grid_times
from onball.video import VideoInfo


def main() -> int:
    """Run all models on all videos, print a line for each and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--model", action="append", choices=list(PUBLISHED), help="default: all")
    parser.add_argument("--video", default="", help="only videos with this word in their name")
    parser.add_argument("--start", type=float, default=0.0, help="seconds")
    parser.add_argument("--end", type=float, help="seconds; default: the end of each video")
    given = parser.parse_args()
    videos = [info for info in find_videos([given.videos]) if given.video in info.path.name]
    end_ms = None if given.end is None else round(1000 * given.end)
    print(f"{'model':17} {'video':28} {'frames':>6} {'events':>6} {'seconds':>8}")
    failed = not videos
    for name in given.model or PUBLISHED:
        try:
            spotter = imported(given.reference, name)
        except OnballError as error:
            print(f"{name:17} {error}", flush=True)
            failed = True
            continue
        for info in videos:
            video = info.path
            begin = time.perf_counter()
            try:
                events = spotter.spot(video, start_ms=round(1000 * given.start), end_ms=end_ms)
            except (OnballError, RuntimeError) as error:
                result, failed = f"{type(error).__name__}: {error}", True
            else:
                frames = sampled_frames(info, spotter.config.fps, given.start, given.end)
                seconds = time.perf_counter() - begin
                result = f"{frames:6} {len(events):6} {seconds:8.1f}"
            print(f"{name:17} {video.name:28} {result}", flush=True)
    return 1 if failed else 0


def imported(reference: Path, name: str) -> Spotter:
    """Spotter of a published model, whose checkpoint was saved and imported."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoint.pt"
        torch.save(as_published(name, Vectors(reference, name).weights()), file)
        model = import_model(file, name, Path(folder) / "model")
        return Spotter.from_pretrained(model.folder)


def as_published(name: str, weights: dict[str, Tensor]) -> dict[str, object]:
    """Content of a checkpoint as the authors of a model save it."""
    if name != "stacker-2023":
        return dict(weights)
    # The moving average of the weights, and the last ones of the compiled model.
    last = {f"_orig_mod.{key}": torch.zeros_like(tensor) for key, tensor in weights.items()}
    params = {"nn_module": ["multidim_stacker", {"num_classes": 2}], "frame_stack_size": 33}
    return {
        "model_name": "BallActionModel",
        "params": params,
        "nn_state_dict": weights,
        "no_ema_nn_state_dict": last,
    }


def sampled_frames(video: VideoInfo, fps: float, start: float, end: float | None) -> int:
    """Number of sampled frames in a part of a video."""
    times = grid_times(video.duration_ms, fps) / 1000
    return int(((times >= start) & (times < (times[-1] + 1 if end is None else end))).sum())


if __name__ == "__main__":
    sys.exit(main())
