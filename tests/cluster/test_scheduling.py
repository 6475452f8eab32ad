"""`run_units`: stages, retries with back-off, failures, and few units at a time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from cluster_tasks import do, double
from fake_engine import FakeEngine

from onball.cluster.engine import Resources, Task
from onball.cluster.scheduling import Retry, Unit, run_units
from onball.errors import InputError

SOON = Retry(attempts=3, first_s=0.001, most_s=0.004)


def unit(file, name: str, *stages: Sequence[str]) -> Unit:
    """A unit whose tasks are named `NAME stage.number`, and do what `stages` say."""
    return Unit(
        name,
        tuple(
            tuple(
                Task(f"{name} {s}.{i}", do, (str(file), f"{name} {s}.{i}", what))
                for i, what in enumerate(stage)
            )
            for s, stage in enumerate(stages)
        ),
    )


def test_every_unit_has_one_result_and_few_are_begun_at_a_time():
    engine = FakeEngine(room=3)
    taken = itertools.count()
    begun = 0

    def units():
        nonlocal begun
        for number in taken:
            if number == 50:
                return
            begun = number
            yield Unit(number, ((Task(str(number), double, number),),))

    results = []
    for result in run_units(engine, units()):
        results.append(result)
        assert begun - len(results) < 4
    assert {result.key: result.value for result in results} == {n: 2 * n for n in range(50)}
    assert len(results) == 50 and engine.most == 3


def test_a_stage_begins_when_the_one_before_it_is_done(tmp_path):
    engine = FakeEngine(room=2)
    log = tmp_path / "log"
    units = [unit(log, name, ["ok"] * 3, ["ok"]) for name in "ab"]
    progress: list[float] = []
    results = list(run_units(engine, units, SOON, on_progress=progress.append))
    assert {result.value for result in results} == {"a 1.0", "b 1.0"}
    lines = log.read_text().split("\n")
    for name in "ab":
        before = lines[: lines.index(f"{name} 1.0")]
        assert {f"{name} 0.{i}" for i in range(3)} <= set(before)
    assert len(set(lines)) == len(lines)
    assert progress == sorted(progress) and progress[0] == 0.25 and progress[-1] == 2


def test_a_lost_task_is_repeated_and_a_bad_file_is_not(tmp_path):
    log = tmp_path / "log"
    units = [unit(log, "lost", ["ok"]), unit(log, "bad", ["bad"]), unit(log, "bug", ["bug"])]
    results = {r.key: r for r in run_units(FakeEngine(lose={"lost 0.0": 2}), units, SOON)}
    assert results["lost"].value == "lost 0.0" and results["lost"].retries == 2
    assert results["bad"].error == "bad 0.0: is no video" and not results["bad"].traceback
    assert "failed with ZeroDivisionError (division by zero)" in results["bug"].error
    assert "cluster_tasks.py" in results["bug"].traceback
    assert sorted(log.read_text().split()) == sorted(["lost", "0.0", "bad", "0.0", "bug", "0.0"])


def test_a_task_whose_workers_are_always_lost_fails_after_all_attempts(tmp_path):
    units = [unit(tmp_path / "log", "poison", ["ok"]), unit(tmp_path / "log", "good", ["ok"])]
    engine = FakeEngine(lose={"poison 0.0": 99})
    results = {r.key: r for r in run_units(engine, units, SOON)}
    assert results["poison"].error == "poison 0.0: its worker was lost 3 times (node gone)"
    assert engine.submitted.count("poison 0.0") == 3 and results["good"].value == "good 0.0"


def test_a_task_that_another_process_does_is_awaited(tmp_path):
    (result,) = run_units(FakeEngine(), [unit(tmp_path / "log", "a", ["busy7"])], SOON)
    assert result.value == "a 0.0" and result.retries == 0  # not limited by the attempts


def test_after_a_failure_no_other_task_of_the_unit_begins(tmp_path):
    engine = FakeEngine(room=2)
    units = [unit(tmp_path / "log", "a", ["ok", "bad", "ok", "ok"], ["ok"])]
    (result,) = run_units(engine, units, SOON)
    assert result.error == "a 0.1: is no video"
    assert engine.submitted == ["a 0.0", "a 0.1"]


def test_delays_double_up_to_a_limit():
    retry = Retry(attempts=9, first_s=2, most_s=60)
    assert [retry.delay_s(attempt) for attempt in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("wrong", [{"cpus": 0}, {"gpus": -1}, {"gpus": 1.5}])
def test_impossible_resources_are_an_error(wrong):
    with pytest.raises(InputError, match="per task"):
        Resources(**wrong)
