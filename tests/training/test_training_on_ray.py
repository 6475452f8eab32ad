"""Two workers of Ray Train learn what one process with their common batch learns."""

from __future__ import annotations

import os
import sys

import psutil
import pytest
from test_distributed import ONE, TWO

from onball.errors import DataError, OnballWarning

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform == "win32", reason="Ray's workers are killed by a signal"),
]

#: Variable by which the workers of this test are known among all processes of the machine.
MARK = "ONBALL_TEST_OF_RAY"


@pytest.fixture(scope="module")
def cluster():
    """Ray on this machine, with room for two workers."""
    ray = pytest.importorskip("ray")
    pytest.importorskip("tensorboardX")
    from onball.training.on_ray import train_on_ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, str(os.getpid()))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield train_on_ray
        ray.shutdown()


def workers() -> list[psutil.Process]:
    """Workers that train, in this test."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if "RayTrainWorker" in " ".join(process.info["cmdline"] or ()):
            try:
                if process.environ().get(MARK) == str(os.getpid()):
                    found.append(process)
            except psutil.Error:
                continue
    return found


def test_two_workers_train_as_one_process_does_with_their_common_batch(
    cluster, runs, tmp_path, metrics, assert_same_weights
):
    one = runs.train(tmp_path / "one", *ONE)
    epochs, steps = [], []
    model = cluster(
        runs.config(*TWO),
        run_dir=tmp_path / "two",
        workers=2,
        progress=steps.append,
        on_epoch=epochs.append,
    )
    assert model == tmp_path / "two" / "model"
    assert_same_weights(one, tmp_path / "two", 1e-4)
    for theirs, ours in zip(metrics(tmp_path / "two"), metrics(one), strict=True):
        for column in ("train_loss", "valid_loss", "map10"):
            assert float(theirs[column]) == pytest.approx(float(ours[column]), abs=1e-4), column
    assert [epoch.epoch for epoch in epochs] == [1, 2] and steps[-1].done == 4
    assert not list((tmp_path / "two").glob(".ray*"))


def test_a_worker_that_is_killed_costs_the_epoch_and_not_the_run(
    cluster, runs, tmp_path, metrics, assert_same_weights
):
    long = ["training.clips_per_epoch=240"]
    one = runs.train(tmp_path / "one", *ONE, *long)
    killed = []

    def kill(summary):
        if not killed:
            killed.append(workers()[-1])
            killed[0].kill()

    with pytest.warns(OnballWarning, match="a worker was lost .* from the last checkpoint"):
        cluster(runs.config(*TWO, *long), run_dir=tmp_path / "two", workers=2, on_epoch=kill)
    assert [row["step"] for row in metrics(tmp_path / "two")] == ["60", "120"]
    assert_same_weights(one, tmp_path / "two", 1e-3)


def test_an_error_of_a_worker_is_that_of_one_process_and_is_not_tried_again(
    cluster, runs, onball, tmp_path
):
    lost = f"data.root={tmp_path / 'nothing'}"
    with pytest.raises(DataError) as alone:
        runs.train(tmp_path / "one", *TWO, lost)
    command = runs.command(tmp_path / "two", *TWO, lost)
    code, _, said = onball(*command, "--cluster", "ray", "--workers", "2")
    assert code == 2 and said.count(str(alone.value)) == 1
    assert not (tmp_path / "two").exists()
