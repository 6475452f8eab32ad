"""What goes wrong in a run is told in one line, and what the run has written so far stays whole."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

from onball.data.cache import cache_folder, cached_frames
from onball.errors import ConfigError, DataError, ModelError, OnballError, OnballWarning
from onball.models import load_model
from onball.training.module import TrainingModule

ONE_EPOCH = ["training.epochs=1", "training.clips_per_epoch=4"]


def one_line(said: str) -> str:
    """The error that was printed, after checking that it is a line and no traceback."""
    assert "Traceback" not in said and "Exception ignored" not in said, said
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    return errors[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loss_that_is_not_finite_tells_step_epoch_and_clips_and_leaves_the_state_before_it(
    runs, tmp_path, monkeypatch, workers
):
    run_dir = tmp_path / "run"
    original = TrainingModule.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == 4:  # the second batch of the second epoch
            with torch.no_grad():
                self.broken = next(self.net.head.parameters())
            batch = batch._replace(frames=torch.full_like(batch.frames, float("nan"), dtype=float))
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


#: Lets no file grow beyond so many bytes, as a full disk would.
LIMIT_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
"""


@pytest.mark.parametrize("fails", ["last.ckpt", "model.safetensors"])
def test_a_full_disk_is_one_line_and_the_former_state_stays(runs, tmp_path, fails):
    run_dir = tmp_path / "run"
    settings = ["training.clips_per_epoch=4", "training.epochs=3"]
    stop = """
from onball.training.checkpoints import Checkpoints
end = Checkpoints.on_train_epoch_end
def stop_after_one(self, trainer, module):
    self.interrupted = trainer.current_epoch == 0
    end(self, trainer, module)
Checkpoints.on_train_epoch_end = stop_after_one
"""
    first = runs.in_process(run_dir, *settings, before=stop)
    assert first.returncode == 130, first.stderr
    kept = [run_dir / "checkpoints" / "last.ckpt", run_dir / "model" / "model.safetensors"]
    before = [path.read_bytes() for path in kept]
    limit = next(path for path in kept if path.name == fails).stat().st_size - 1000
    # Whether the second epoch has the better model or not: it is written.
    better = """
from onball.training import best
class Better(best.BestModel):
    def _keep_if_best(self, epoch, module):
        self._best = -1.0
        super()._keep_if_best(epoch, module)
import onball.training.run as run
run.BestModel = Better
Better.__qualname__ = "BestModel"
"""
    second = runs.in_process(
        run_dir, *settings, before=better + LIMIT_FILES.format(limit), resume=True
    )
    assert second.returncode == 1
    assert re.search(r"cannot be written \(.*(large|full)", one_line(second.stderr))
    assert str(run_dir) in second.stderr
    assert kept[0].read_bytes() == before[0]
    load_model(run_dir / "model")
    if fails == "model.safetensors":
        assert kept[1].read_bytes() == before[1]
    assert not [path for path in run_dir.rglob(".*") if path.name.startswith((".last", ".model"))]
    # With space again the run goes on.
    third = runs.in_process(run_dir, *settings, resume=True)
    assert third.returncode == 0, third.stderr
    assert (run_dir / "metrics.csv").read_text().count("\n") == 4


def test_a_cache_that_could_not_be_written_is_never_read(runs, tmp_path):
    cache = tmp_path / "cache"
    settings = [f"data.cache={cache}", *ONE_EPOCH]
    failed = runs.in_process(tmp_path / "run", *settings, before=LIMIT_FILES.format(300_000))
    assert failed.returncode == 1
    assert re.search(r"frame cache cannot be written \(.*data\.cache", one_line(failed.stderr))
    assert list(cache.iterdir()) == []
    # A process that was killed amid its work leaves a folder that no name leads to.
    config = runs.config(*settings)
    video = next((runs.root / "train").rglob("224p.mp4"))
    folder = cache_folder(video, config.data)
    torn = folder.with_name(f".{folder.name}.torn")
    torn.mkdir()
    (torn / "frames.npy").write_bytes(b"half")
    assert len(cached_frames(video, config.data).times_ms) == 100


def test_a_cache_that_was_cut_off_is_told(runs, tmp_path):
    config = runs.config(f"data.cache={tmp_path}")
    video = next((runs.root / "train").rglob("224p.mp4"))
    cached_frames(video, config.data)
    frames = cache_folder(video, config.data) / "frames.npy"
    frames.write_bytes(frames.read_bytes()[:-5000])
    with pytest.raises(DataError, match="damaged frame cache .*delete the folder"):
        runs.train(tmp_path / "run", f"data.cache={tmp_path}")


def test_too_little_memory_names_the_settings_to_lower(runs, tmp_path):
    limit = """
import resource
from onball.training import run
fit = run.make_trainer
def limited(*args, **kwargs):
    trainer = fit(*args, **kwargs)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 400_000_000,) * 2)
    return trainer
run.make_trainer = limited
"""
    many = ["training.batch_size=1000", "training.clips_per_epoch=1000", "training.epochs=1"]
    failed = runs.in_process(tmp_path / "run", *many, before=limit)
    assert failed.returncode == 1
    assert re.search(
        r"out of memory: lower training\.batch_size .*training\.accumulate.*, data\.clip_frames or "
        r"data\.width",
        one_line(failed.stderr),
    )


def test_a_worker_that_was_killed_is_told_in_one_line(runs, tmp_path, monkeypatch):
    import os
    import signal

    main = os.getpid()
    monkeypatch.setattr(
        "onball.data.cache.CachedFrames.read",
        lambda *_: os.kill(os.getpid(), signal.SIGKILL) if os.getpid() != main else None,
    )
    with pytest.raises(OnballError, match=r"ended from outside.*lower training\.workers") as caught:
        runs.train(tmp_path / "run", "training.workers=1")
    assert "\n" not in str(caught.value)


def test_an_error_in_a_worker_process_is_told_in_one_line(runs, tmp_path):
    match = tmp_path / "train" / "league" / "season" / "match"
    shutil.copytree(next((runs.root / "train").rglob("match 0")), match)
    film = (match / "224p.mp4").read_bytes()
    damaged = film.index(b"mdat") + 1500  # behind the header and the first pictures
    (match / "224p.mp4").write_bytes(film[:damaged] + bytes(len(film) - damaged))
    settings = [f"data.root={tmp_path}", "data.cache=null", "training.workers=1"]
    with (
        pytest.warns(OnballWarning),
        pytest.raises(DataError, match=r"^league/season/match: no frame") as caught,
    ):
        runs.train(tmp_path / "run", *settings)
    assert "\n" not in str(caught.value)


def without_a_train_split(root: Path) -> None:
    shutil.rmtree(root / "train")


def without_a_video(root: Path) -> None:
    next((root / "train").rglob("224p.mp4")).unlink()


def without_labels(root: Path) -> None:
    next((root / "train").rglob("Labels-ball.json")).unlink()


def with_empty_labels(root: Path) -> None:
    for labels in (root / "train").rglob("Labels-ball.json"):
        labels.write_text('{"annotations": []}')


def without_a_video_to_validate_on(root: Path) -> None:
    next((root / "valid").rglob("224p.mp4")).unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without_a_train_split, "no match under 'train'"),
        (without_a_video, r"match \d: no video"),
        (without_labels, r"match \d: no Labels-ball\.json"),
        (with_empty_labels, "no action is labelled in the matches to train on"),
        (without_a_video_to_validate_on, "match 2: no video"),
        (shutil.rmtree, "no such folder"),
    ],
)
def test_data_that_is_not_there_is_told_in_one_line(onball, runs, tmp_path, damage, message):
    root = tmp_path / "data"
    shutil.copytree(runs.root, root, ignore=shutil.ignore_patterns(".cache"))
    damage(root)
    settings = [f"data.root={root}", f"data.cache={runs.root / '.cache'}"]
    code, _, said = onball(*runs.command(tmp_path / "run", *settings))
    assert code == 2
    assert re.search(message, one_line(said))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.precision=fp16", "precision fp16 needs a GPU: take auto, bf16 or 32"),
        ("data.root=null", "data.root is not set"),
        ("training.initial_model=nowhere", "nowhere: no saved model here"),
    ],
)
def test_a_setting_that_cannot_work_is_told_in_one_line(onball, runs, tmp_path, setting, message):
    if "fp16" in setting and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    code, _, said = onball(*runs.command(tmp_path / "run", setting))
    assert code == 2
    assert message in one_line(said)


def test_a_network_for_pictures_of_another_size_is_told_before_anything_is_read(runs, tmp_path):
    vit = "model.backbone={name: test_vit, pretrained: false}"
    with pytest.raises(
        ConfigError, match=r"backbone\.name: 'test_vit' cannot .*data\.height = 64 × 36 \("
    ):
        runs.train(tmp_path / "run", vit, "data.root=nowhere")


def test_other_files_in_the_models_place_are_told_before_anything_is_read(runs, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="model: holds other files"):
        runs.train(tmp_path, "data.root=nowhere")
