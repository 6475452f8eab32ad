"""The engine of one machine: processes that work, die and are replaced."""

from __future__ import annotations

import pytest
from cluster_tasks import do, double

from onball.cluster.engine import Task
from onball.cluster.local import LocalEngine
from onball.cluster.scheduling import Retry, Unit, run_units
from onball.errors import InputError

SOON = Retry(attempts=3, first_s=0.001, most_s=0.004)


def test_a_process_that_is_killed_loses_its_own_task_only(tmp_path):
    log = str(tmp_path / "log")
    orders = {"a": "ok", "b": "die1", "c": "die", "d": "bad"}
    units = [Unit(n, ((Task(n, do, (log, n, what)),),)) for n, what in orders.items()]
    units += [Unit(number, ((Task("double", double, number),),)) for number in range(20)]
    with LocalEngine(2) as engine:
        results = {result.key: result for result in run_units(engine, units, SOON)}
    assert results["a"].value == "a" and results["b"].value == "b" and results["b"].retries == 1
    assert results["c"].error == "c: its worker was lost 3 times (signal SIGKILL)"
    assert results["d"].error == "d: is no video"
    assert [results[number].value for number in range(20)] == list(range(0, 40, 2))
    assert sorted((tmp_path / "log").read_text().split()) == list("abbcccd")


def test_impossible_numbers_of_workers_are_an_error():
    with pytest.raises(InputError, match="at least 1"):
        LocalEngine(0)
