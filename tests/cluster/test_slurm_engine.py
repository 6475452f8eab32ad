"""The engine of Slurm, with submitit's executor that calls jobs in this process."""

from __future__ import annotations

import pytest
from cluster_tasks import do, double

from onball.cluster.engine import Resources, Task
from onball.cluster.engines import open_engine
from onball.cluster.scheduling import Unit, run_units
from onball.errors import InputError

pytest.importorskip("submitit")

from onball.cluster.on_slurm import FOLDER, SlurmEngine


def test_answers_are_collected_and_the_files_of_jobs_that_succeeded_deleted(tmp_path):
    units = [Unit(number, ((Task("double", double, number),),)) for number in range(5)]
    with SlurmEngine(tmp_path, 2, cluster="debug") as engine:
        results = {result.key: result.value for result in run_units(engine, units)}
    assert results == {number: 2 * number for number in range(5)}
    assert not (tmp_path / FOLDER).exists()
    order = (str(tmp_path / "log"), "a", "bad")
    with SlurmEngine(tmp_path, 2, cluster="debug") as engine:
        (result,) = run_units(engine, [Unit("a", ((Task("a", do, order),),))])
    assert result.error == "a: is no video"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resources": Resources(gpus=0.5)}, "whole GPUs only"),
        ({"cluster": "slurm"}, "cannot be used here"),
        ({"options": {"partion": "gpu"}, "cluster": "debug"}, "--slurm: .*partion"),
    ],
)
def test_what_slurm_cannot_do_is_one_line(tmp_path, monkeypatch, given, message):
    monkeypatch.setenv("PATH", str(tmp_path))  # no srun
    with pytest.raises(InputError, match=message) as error:
        SlurmEngine(tmp_path, **given)
    assert "\n" not in str(error.value)


def test_the_engine_of_slurm_is_opened_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("onball.cluster.on_slurm.SlurmEngine", lambda *given: given)
    given = open_engine("slurm", 3, Resources(), tmp_path, {"mem": "4G"})
    assert given == (tmp_path, 3, Resources(), {"mem": "4G"})
