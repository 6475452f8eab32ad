"""Processes that are killed while they spot: the same call continues, with the same bytes."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_models import random_model

from onball.config import ComponentConfig
from onball.data import frames
from onball.models import save_model
from onball.outputs import RECORD_FILE
from onball.spotting.engine import StreamingEngine
from onball.spotting.results import RESULT_FILES, Outcome
from onball.spotting.videos import spot_videos
from onball.video import VideoWriter

pytestmark = pytest.mark.usefixtures("one_thread")

FILES = (RECORD_FILE, *RESULT_FILES)
#: Time between two sampled frames.
STEP_MS = 80


def save_random_model(folder: Path, neighbours: int, window: int) -> Path:
    """Save a model whose scores depend on windows, and on neighbouring frames."""
    net, config = random_model(
        backbone=ComponentConfig(name="test_resnet", pretrained=False, neighbours=neighbours),
        temporal=ComponentConfig(name="bilstm", hidden=8),
    )
    update = {"threshold": 0.0, "window_frames": window}
    inference = config.inference.model_copy(update=update)
    save_model(net, config.model_copy(update={"inference": inference}), folder)
    return folder


def write_noise(path: Path, seconds: int) -> None:
    rng = np.random.default_rng(0)
    with VideoWriter(path, (64, 36), 5, gop=25) as writer:
        for _ in range(5 * seconds):
            writer.write(rng.integers(0, 255, (36, 64, 3), np.uint8))


def record_computed(path: Path) -> None:
    """Let this process write down the frames that it begins to compute, by video and time."""
    compute, read = StreamingEngine._features, frames.read_frames
    log, video = path.open("a", buffering=1), ""

    def reading(path, *arguments, **settings):
        nonlocal video
        video = Path(path).name
        return read(path, *arguments, **settings)

    def computing(engine, chunk):
        first, last = chunk.pts_ms[[0, -1]].tolist()
        log.write(f"{os.getpid()} {video} {first} {last}\n")
        return compute(engine, chunk)

    frames.read_frames, StreamingEngine._features = reading, computing


def repeated_s(path: Path) -> list[float]:
    """Seconds of video, of each process, that a former one had begun to compute."""
    repeated: dict[str, float] = {}
    computed: set[tuple[str, int]] = set()
    for line in path.read_text().splitlines():
        process, video, first, last = line.split()
        chunk = {(video, time) for time in range(int(first), int(last) + 1, STEP_MS)}
        seconds = len(chunk & computed) * STEP_MS / 1000
        repeated[process] = repeated.get(process, 0.0) + seconds
        computed |= chunk
    return list(repeated.values())


def spot(folder: Path, out: str, model: Path, threads: int) -> None:
    """Spot the two videos in a folder as one match."""
    warnings.simplefilter("ignore")
    record_computed(folder / f"{out}.computed")
    (result,) = spot_videos(
        folder / "match", folder / out, model=model, join=True, device="cpu", threads=threads
    )
    # Done: the former process was killed after it had written the results.
    assert result.outcome in (Outcome.SPOTTED, Outcome.DONE), result.error


SLOW = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    "kills, seconds, neighbours, window, threads",
    [
        pytest.param(2, 6, 2, 50, 2, marks=pytest.mark.medium),
        pytest.param(20, 120, 2, 50, 2, marks=SLOW),
        pytest.param(20, 120, 0, 100, 16, marks=SLOW),
    ],
)
def test_a_killed_process_is_continued_with_the_same_bytes(
    tmp_path, kills, seconds, neighbours, window, threads
):
    model = save_random_model(tmp_path / "model", neighbours, window)
    (tmp_path / "match").mkdir()
    for name, length in (("1.mp4", seconds), ("2.mp4", seconds // 2)):
        write_noise(tmp_path / "match" / name, length)
    context = multiprocessing.get_context("fork")  # no imports, which would take most of the time

    def start(out: str) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=spot, args=(tmp_path, out, model, threads))
        process.start()
        return process

    begun = time.monotonic()
    start("whole").join()
    duration = time.monotonic() - begun
    expected = [(tmp_path / "whole" / "match" / name).read_bytes() for name in FILES]

    rng = random.Random(0)
    killed = 0
    while killed < kills:
        process = start("killed")
        process.join(rng.uniform(0.05, 0.8) * duration)
        if process.exitcode is None:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
            process.join()
            if killed < kills:
                continue
            process = start("killed")
            process.join()
        results = [tmp_path / "killed" / "match" / name for name in FILES]
        assert process.exitcode == 0
        assert [path.read_bytes() for path in results] == expected
        repeated = repeated_s(tmp_path / "killed.computed")
        assert repeated and max(repeated) < 30
        (tmp_path / "killed.computed").unlink()
        assert sorted(p.name for p in results[0].parent.iterdir()) == sorted(FILES)
        for path in results:
            path.unlink()
