"""Runs on a store: uploaded after every epoch, resumed on another machine, never from half a state."""

from __future__ import annotations

import json
import signal

import pytest
from stores import unreliable_store

from onball.errors import ConfigError, DataError, OnballError, OnballWarning
from onball.runs import RunFolder
from onball.training.run import TrainingInterrupted, train
from onball.training.stored import StoredRun

ADDRESS = "unreliable://bucket/runs/one"
RECORD = "/bucket/runs/one/.onball-run.json"


@pytest.fixture
def system(monkeypatch):
    """An empty store."""
    monkeypatch.setattr("onball.stores._FIRST_PAUSE_S", 0)
    system = unreliable_store()
    yield system
    system.clear()


@pytest.fixture
def machine(tmp_path):
    """Open the run on a machine, each of which has a cache of its own."""
    return lambda name: StoredRun(ADDRESS, tmp_path / name)


def write_state(run: RunFolder, state: str) -> None:
    """Write the files of a run; a state is whatever the checkpoint holds."""
    for path in (run.config, run.metrics, run.last_checkpoint, run.model / "model.safetensors"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.name} of {state}")


def state_of(run: RunFolder) -> str:
    return run.last_checkpoint.read_text().removeprefix("last.ckpt of ")


def names_in(system) -> list[str]:
    return sorted(name.removeprefix("/bucket/runs/one/") for name in system.find("/bucket/runs"))


def test_another_machine_gets_the_files_of_the_run(system, machine):
    one, other = machine("one"), machine("other")
    write_state(one.run, "epoch 1")
    one.publish()
    other.fetch()
    files = [path.relative_to(one.run.path) for path in one.run.path.rglob("*") if path.is_file()]
    for name in files:
        assert (other.run.path / name).read_bytes() == (one.run.path / name).read_bytes()
    assert len(files) == 5 and str(other.run) == ADDRESS


def test_only_what_changed_is_uploaded_and_the_former_checkpoint_is_deleted(system, machine):
    one = machine("one")
    write_state(one.run, "epoch 1")
    one.publish()
    system.written.clear()
    one.publish()
    assert system.written == []
    one.run.last_checkpoint.write_text("last.ckpt of epoch 2")
    one.publish()
    assert len(system.written) == 1
    (checkpoint,) = [name for name in names_in(system) if name.endswith(".ckpt")]
    assert checkpoint.startswith("checkpoints/last-")


@pytest.mark.parametrize("upload", range(5))
def test_an_upload_that_breaks_off_leaves_the_former_checkpoint(
    system, machine, monkeypatch, upload
):
    one, other = machine("one"), machine("other")
    write_state(one.run, "epoch 1")
    one.publish()
    write_state(one.run, "epoch 2")
    done = []
    for name in ("put_file", "pipe_file"):
        original = getattr(type(system), name)

        def put(self, *paths, original=original, **settings):
            if len(done) == upload:
                raise PermissionError("the token has expired")
            done.append(paths)
            return original(self, *paths, **settings)

        monkeypatch.setattr(type(system), name, put)
    with pytest.warns(OnballWarning, match="tried again after the next epoch: .*access denied"):
        one.publish_or_warn()
    monkeypatch.undo()
    other.fetch()
    assert state_of(other.run) == "epoch 1"
    one.fetch()
    assert state_of(one.run) == "epoch 2", "this machine has a later state, which is kept"
    one.publish_finally()
    other.fetch()
    assert state_of(other.run) == "epoch 2"
    assert len(names_in(system)) == 5


def test_the_state_of_the_store_replaces_an_older_one_of_this_machine(system, machine):
    one, other = machine("one"), machine("other")
    write_state(one.run, "epoch 1")
    one.publish()
    other.fetch()
    write_state(other.run, "epoch 2")
    (other.run.path / "tensorboard").mkdir()
    (other.run.path / "tensorboard" / "events.1").write_text("logged")
    other.publish()
    write_state(one.run, "epoch 1 and a half")
    one.fetch()
    assert state_of(one.run) == "epoch 2"
    assert (one.run.path / "tensorboard" / "events.1").read_text() == "logged"


def test_an_upload_that_fails_at_the_end_names_the_folder_and_the_command(system, machine):
    one = machine("one")
    write_state(one.run, "epoch 1")
    system.failures[:] = [ConnectionResetError("reset by peer")] * 5
    with pytest.raises(
        OnballError, match=rf"the run is in .*one-.*onball train {ADDRESS} --resume"
    ):
        one.publish_finally()


def test_a_damaged_checkpoint_is_an_error(system, machine):
    one = machine("one")
    write_state(one.run, "epoch 1")
    one.publish()
    (name,) = [name for name in system.find("/bucket/runs") if name.endswith(".ckpt")]
    system.pipe(name, b"half of it")
    with pytest.raises(DataError, match=r"last-\w+\.ckpt: damaged"):
        machine("other").fetch()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"half", "no record of a training run"),
        (b'{"version": 9, "files": {}}', "another version of onball"),
        (
            json.dumps({"version": 1, "files": {"../a": {"stored": "a", "sha256": "0"}}}).encode(),
            r"outside the run: \.\./a",
        ),
    ],
)
def test_a_record_that_cannot_be_used_is_refused(system, machine, record, message):
    system.pipe(RECORD, record)
    with pytest.raises(DataError, match=message):
        machine("one").fetch()


def test_a_run_that_was_deleted_from_the_store_does_not_come_back(system, machine):
    one = machine("one")
    write_state(one.run, "epoch 1")
    one.publish()
    machine("other").clear()
    assert names_in(system) == []
    one.fetch()
    assert not one.run.has_results


@pytest.mark.medium
def test_a_run_is_resumed_on_another_machine_as_if_it_had_never_stopped(
    runs, finished, system, onball, tmp_path, monkeypatch, assert_same_weights, metrics
):
    def on_epoch(summary):
        if summary.epoch == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
    with pytest.raises(TrainingInterrupted, match=f"onball train {ADDRESS} --resume"):
        train(runs.config(), run_dir=ADDRESS, on_epoch=on_epoch)
    with pytest.raises(ConfigError, match=f"{ADDRESS}: holds a training run"):
        train(runs.config(), run_dir=ADDRESS)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    model = train(runs.config(), run_dir=ADDRESS, resume=True)
    assert model.is_relative_to(tmp_path / "other")
    assert_same_weights(model.parent, finished, 0)
    assert [row["train_loss"] for row in metrics(model.parent)] == [
        row["train_loss"] for row in metrics(finished)
    ]
    stored = system.cat("/bucket/runs/one/model/model.safetensors")
    assert stored == (model / "model.safetensors").read_bytes()

    code, said, _ = onball("train", ADDRESS, "--resume", "--set", "training.epochs=3")
    assert code == 0 and f"Run: {ADDRESS}" in said
    assert system.cat("/bucket/runs/one/metrics.csv").count(b"\n") == 4


def test_an_address_without_a_run_is_one_line(system, onball, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, _, said = onball("train", "unreliable://bucket/nothing", "--resume")
    assert code == 2 and "unreliable://bucket/nothing: no training run there" in said
    code, _, said = onball("train", "spotting/tiny", "--out", ADDRESS, "--seeds", "2")
    assert code == 2 and "--seeds trains into a folder of this machine" in said
