"""Threads to compute with: what the machine gives, and what the user asks for."""

from __future__ import annotations

import os

import pytest
import torch

from onball import cores
from onball.cores import (
    available_cores,
    cgroup_limit,
    choose_threads,
    decoding_threads,
    torch_threads,
)
from onball.errors import InputError


@pytest.fixture
def machine(tmp_path):
    """Make cgroup files and return the limit that is read from them."""

    def limit(own: str, files: dict[str, str]) -> float | None:
        (tmp_path / "cgroup").write_text(own)
        for name, text in files.items():
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return cgroup_limit(tmp_path / "root", tmp_path / "cgroup")

    return limit


@pytest.mark.parametrize(
    "own, files, limit",
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
        ("0::/a/b\n", {"cpu.max": "50000 100000\n"}, 0.5),  # only the container's own is visible
        (
            "4:cpu,cpuacct:/job\n0::/\n",
            {
                "cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("0::/\n", {"cpu.max": "damaged\n"}, None),
        ("", {}, None),
    ],
    ids=["v2", "v2 unlimited", "v2 parent", "v2 root", "v1", "v1 unlimited", "damaged", "none"],
)
def test_limits_of_cgroups_are_read(machine, own, files, limit):
    assert machine(own, files) == limit


def test_the_cores_are_those_of_the_affinity_and_of_the_limit(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5, 7}, raising=False)
    monkeypatch.setattr(cores, "cgroup_limit", lambda: None)
    assert available_cores() == 4
    monkeypatch.setattr(cores, "cgroup_limit", lambda: 1.5)
    assert available_cores() == 2
    monkeypatch.setattr(cores, "cgroup_limit", lambda: 0.1)
    assert available_cores() == 1


def test_spinning_is_disabled_unless_the_user_has_set_it(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("KMP_BLOCKTIME", "7")
    cores.disable_spinning()
    assert (os.environ["OMP_WAIT_POLICY"], os.environ["KMP_BLOCKTIME"]) == ("PASSIVE", "7")


def test_what_a_user_asks_for_is_obeyed(monkeypatch):
    monkeypatch.setattr(cores, "available_cores", lambda: 8)
    for name in ("ONBALL_THREADS", "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(name, raising=False)
    assert choose_threads() == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert choose_threads() == 3
    monkeypatch.setenv("ONBALL_THREADS", "5")
    assert choose_threads() == 5
    assert choose_threads(16) == 16
    with pytest.raises(InputError, match="threads 0 is below 1"):
        choose_threads(0)


def test_most_of_the_threads_compute():
    assert [decoding_threads(threads) for threads in (1, 2, 3, 6, 16)] == [1, 1, 1, 2, 5]


def test_the_threads_of_torch_are_restored_also_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), torch_threads(before + 2):
        assert torch.get_num_threads() == before + 2
        raise KeyError
    with torch_threads(None):
        assert torch.get_num_threads() == before
