"""Failures during a run: errors of one line, and files of the run that stay intact."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from onball.data.frames import VideoFrames, cache_folder, cached_frames
from onball.errors import DataError, OnballError, OnballWarning
from onball.models import load_model
from onball.runs import RunFolder
from onball.training import run
from onball.training.module import TrainingModule
from onball.training.trainer import friendly_errors
from onball.training.validation import ValidationResult

ONE_EPOCH = ["training.epochs=1", "training.clips_per_epoch=4"]


def one_line(said: str) -> str:
    """The printed error, after checking that it is one line and no traceback."""
    assert "Traceback" not in said and "Exception ignored" not in said, said
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    return errors[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loss_that_is_not_finite_names_step_and_clips_and_saves_the_state_before_it(
    runs, tmp_path, monkeypatch, workers
):
    run_dir = tmp_path / "run"
    original = TrainingModule.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == 4:  # the second batch of the second epoch
            batch = batch._replace(frames=batch.frames.float() * float("nan"))
            before.update({k: v.clone() for k, v in self.net.state_dict().items()})
            last.append((run_dir / "checkpoints" / "last.ckpt").read_bytes())
        return original(self, batch, batch_idx)

    before: dict[str, torch.Tensor] = {}
    last: list[bytes] = []
    monkeypatch.setattr(TrainingModule, "training_step", training_step)
    clip = r"'league/season/match [01]' from 0:0\d\.\d{3}"
    with pytest.raises(
        OnballError,
        match=rf"^the loss became nan at step 4 \(epoch 2\), on the clips of {clip}(, {clip}){{3}}; "
        r"the state before it is in .*failed\.ckpt: lower training\.learning_rate, or",
    ):
        runs.train(run_dir, f"training.workers={workers}", "training.batch_size=4")
    assert (run_dir / "checkpoints" / "last.ckpt").read_bytes() == last[0]
    state = torch.load(run_dir / "checkpoints" / "failed.ckpt", weights_only=True)
    assert state["global_step"] == 4
    for name, values in before.items():
        if "running" not in name and "num_batches" not in name:  # the pass itself touched those
            assert torch.equal(state["state_dict"][f"net.{name}"], values), name


THREE_STEPS = ["training.clips_per_epoch=4", "training.epochs=3"]


@pytest.fixture(scope="module")
def stopped_run(runs, tmp_path_factory):
    """A run that was interrupted in the second of three epochs."""
    run_dir = tmp_path_factory.mktemp("stopped") / "run"
    torch.set_num_threads(1)
    original = TrainingModule.training_step

    def interrupted(self, batch, batch_idx):
        if self.current_epoch == 1:
            signal.raise_signal(signal.SIGTERM)
        return original(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ValidationResult, "map10", 0.1)
        patched.setattr(TrainingModule, "training_step", interrupted)
        with pytest.raises(OnballError, match="stopped at step 2 of 3"):
            runs.train(run_dir, *THREE_STEPS)
    return run_dir


@pytest.mark.parametrize("fails", ["last.ckpt", "model.safetensors"])
def test_a_full_disk_is_one_line_and_the_former_state_stays(
    stopped_run, runs, onball, tmp_path, monkeypatch, metrics, small_disk, fails
):
    run_dir = shutil.copytree(stopped_run, tmp_path / "run")
    # Every epoch is better than the one before, so its model is written.
    monkeypatch.setattr(ValidationResult, "map10", property(lambda self: next(rising)))
    rising = itertools.count(0.2, 0.001)
    kept = [run_dir / "checkpoints" / "last.ckpt", run_dir / "model" / "model.safetensors"]
    before = [path.read_bytes() for path in kept]
    sizes = {path.name: path.stat().st_size for path in kept}
    assert sizes["model.safetensors"] < sizes["last.ckpt"]

    with small_disk(sizes[fails] - 1000):
        code, _, said = onball(*runs.command(run_dir, *THREE_STEPS), "--resume")
    assert code == 1
    assert re.search(
        rf"{re.escape(str(run_dir))}.*cannot be written \(.*(large|full)", one_line(said)
    )
    assert kept[0].read_bytes() == before[0]
    load_model(run_dir / "model")
    if fails == "model.safetensors":
        assert kept[1].read_bytes() == before[1]
    assert list(run_dir.rglob(".*")) == []  # nothing half-written
    runs.train(run_dir, *THREE_STEPS, resume=True)  # there is space again
    assert [row["step"] for row in metrics(run_dir)] == ["1", "2", "3"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
def test_a_full_disk_leaves_no_traceback_of_a_whole_process(runs, finished, tmp_path):
    # `finished` has filled the cache, so it is the run's own files that do not fit.
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        "from onball.cli.main import main; main()"
    )
    failed = subprocess.run(
        [sys.executable, "-c", program, *runs.command(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, "COLUMNS": "300"},
        check=False,
    )
    assert failed.returncode == 1
    assert re.search(
        rf"{re.escape(str(tmp_path / 'run'))}.*cannot be written", one_line(failed.stderr)
    )


def test_a_full_disk_stops_the_loggers_in_one_line(runs, tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lightning.pytorch.loggers.TensorBoardLogger.log_metrics", full)
    with pytest.raises(OnballError, match=r"run: cannot be written \(the disk is full\): free"):
        runs.train(tmp_path / "run")


def test_a_cache_that_could_not_be_written_is_never_read(runs, onball, tmp_path, small_disk):
    cache = tmp_path / "cache"
    settings = [f"data.cache={cache}", *ONE_EPOCH]
    with small_disk(300_000):
        code, _, said = onball(*runs.command(tmp_path / "run", *settings))
    assert code == 1
    assert re.search(r"frame cache cannot be written \(.*data\.cache", one_line(said))
    assert list(cache.iterdir()) == []
    # A process that is killed leaves a temporary folder, which is never read.
    config = runs.config(*settings)
    video = next((runs.root / "train").rglob("224p.mp4"))
    folder = cache_folder(VideoFrames(video, config.data), config.data.cache)
    torn = folder.with_name(f".{folder.name}.torn")
    torn.mkdir()
    (torn / "frames.npy").write_bytes(b"half")
    assert len(cached_frames(VideoFrames(video, config.data), config.data.cache).times_ms) == 100


def test_a_truncated_cache_is_reported(runs, tmp_path):
    config = runs.config(f"data.cache={tmp_path}")
    video = next((runs.root / "train").rglob("224p.mp4"))
    cached_frames(VideoFrames(video, config.data), config.data.cache)
    frames = cache_folder(VideoFrames(video, config.data), config.data.cache) / "frames.npy"
    frames.write_bytes(frames.read_bytes()[:-5000])
    with pytest.raises(DataError, match=r"damaged frame cache .*delete the folder"):
        runs.train(tmp_path / "run", f"data.cache={tmp_path}")


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of the process")
def test_too_little_memory_names_the_settings_to_lower(runs, onball, tmp_path, monkeypatch):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_AS)
    original = run.make_trainer

    def limited(*args, **kwargs):
        """Limit the memory to 400 MB more than when training begins."""
        trainer = original(*args, **kwargs)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + 400_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limits[1]))
        return trainer

    monkeypatch.setattr(run, "make_trainer", limited)
    many = ["training.batch_size=400", "training.clips_per_epoch=400", "training.epochs=1"]
    try:
        code, _, said = onball(*runs.command(tmp_path / "run", *many))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert code == 1
    assert re.search(
        r"out of memory: lower training\.batch_size .*training\.accumulate.*, data\.clip_frames or "
        r"data\.width",
        one_line(said),
    )


@pytest.mark.skipif(multiprocessing.get_start_method() == "spawn", reason="workers see no patches")
def test_a_killed_worker_is_reported_in_one_line(runs, tmp_path, monkeypatch):
    main = os.getpid()

    def killed(*_: object) -> None:
        assert os.getpid() != main
        signal.raise_signal(signal.SIGKILL)

    monkeypatch.setattr("onball.data.frames.CachedFrames.read", killed)
    # Seconds between torch's looks at its workers, 5 by default.
    monkeypatch.setattr(_MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.5,))
    with pytest.raises(OnballError, match=r"ended from outside.*lower training\.workers") as caught:
        runs.train(tmp_path / "run", "training.workers=1")
    assert "\n" not in str(caught.value)


def test_an_error_in_a_worker_process_is_reported_in_one_line(runs, tmp_path):
    match = tmp_path / "train" / "league" / "season" / "match"
    shutil.copytree(next((runs.root / "train").rglob("match 0")), match)
    video = (match / "224p.mp4").read_bytes()
    damaged = video.index(b"mdat") + 1500  # behind the header and the first frames
    (match / "224p.mp4").write_bytes(video[:damaged] + bytes(len(video) - damaged))
    settings = [f"data.root={tmp_path}", "data.cache=null", "training.workers=1"]
    with (
        pytest.warns(OnballWarning),
        pytest.raises(DataError, match=r"^league/season/match: no frame") as caught,
    ):
        runs.train(tmp_path / "run", *settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "message",
    [
        "unable to allocate shared memory(shm) for file </torch_1_2_0>: No space left on device (28)",
        "DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that dataloader's "
        "workers are out of shared memory. Please try to raise your shared memory limit.",
    ],
)
def test_small_shared_memory_is_not_taken_for_a_full_disk(tmp_path, message):
    expected = r"/dev/shm.*training\.workers=0.*--shm-size 2g$"
    with pytest.raises(OnballError, match=expected), friendly_errors(RunFolder(tmp_path / "run")):
        raise RuntimeError(message)
