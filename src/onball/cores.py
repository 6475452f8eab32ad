"""Number of CPU cores that this process may use, and the threads to use on them.

Machines often give a process less than they have: containers limit its share of CPU time (cgroups),
and batch systems bind it to some cores (affinity). More threads than that slow each other down.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onball.errors import InputError

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
#: Variables by which users limit the threads of numerical libraries.
_LIMITS = ("ONBALL_THREADS", "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")
#: Of this many threads, one decodes: a video needs far less time than a net.
_THREADS_PER_DECODER = 3


def choose_threads(threads: int | None = None) -> int:
    """Return the number of threads to compute with.

    Work is divided among threads that do not wait for each other, so that other programs on the machine
    take no more than their share of its time: the load does not matter.

    Args:
        threads: the number that a user asks for; None takes `ONBALL_THREADS`, `OMP_NUM_THREADS` or
            `SLURM_CPUS_PER_TASK` from the environment, or else one thread per available core.

    Raises:
        InputError: `threads` is below 1.
    """
    if threads is not None:
        if threads < 1:
            raise InputError(f"threads {threads} is below 1")
        return threads
    for name in _LIMITS:
        value = os.environ.get(name, "").partition(",")[0].strip()
        if value.isdigit() and int(value) > 0:
            return int(value)
    return available_cores()


def decoding_threads(threads: int) -> int:
    """Return how many of the threads for reading and computing together decode the video.

    One decoder works in the thread that reads. Several are threads of FFmpeg, for which it waits.

    Args:
        threads: number of threads for all work together, at least 1.
    """
    return max(1, threads // _THREADS_PER_DECODER)


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Let torch divide its operations among this many threads, as long as the block runs.

    Args:
        threads: None changes nothing.
    """
    # Only commands that compute import torch, which takes seconds.
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def disable_spinning() -> None:
    """Let waiting threads of numerical libraries sleep: other programs need the cores.

    It has an effect only before torch is imported, and not on what the user has set.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("KMP_BLOCKTIME", "0")


def available_cores() -> int:
    """Number of cores that this process may use, at least 1: affinity and cgroup limits count."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        cores = os.cpu_count() or 1
    limit = cgroup_limit()
    return max(1, cores if limit is None else min(cores, math.ceil(limit)))


def physical_memory() -> int | None:
    """Memory of the machine in bytes; None if the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def cgroup_limit(root: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> float | None:
    """Return the CPU limit of this process's cgroups in cores; None without a limit.

    Args:
        root: folder of the cgroup file systems, version 2 or 1.
        own: file that lists the cgroups of the process.
    """
    limits = []
    for line in _lines(own):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            limits += [_limit_v2(folder) for folder in _upwards(root, path)]
        elif "cpu" in controllers.split(","):
            for name in (controllers, "cpu"):
                limits += [_limit_v1(folder) for folder in _upwards(root / name, path)]
    known = [limit for limit in limits if limit is not None]
    return min(known, default=None)


def _upwards(root: Path, path: str) -> list[Path]:
    """Folder of a cgroup and of those that it is in; inside a container only the root may be there."""
    folder = root / path.lstrip("/")
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]


def _limit_v2(folder: Path) -> float | None:
    """Limit of `cpu.max`: quota and period in microseconds, or `max`."""
    for line in _lines(folder / "cpu.max"):
        quota, _, period = line.partition(" ")
        return _ratio(quota, period or "100000")
    return None


def _limit_v1(folder: Path) -> float | None:
    quota, period = (
        next(iter(_lines(folder / f"cpu.cfs_{name}_us")), "") for name in ("quota", "period")
    )
    return _ratio(quota, period)


def _ratio(quota: str, period: str) -> float | None:
    if not (quota.isdigit() and period.isdigit() and int(quota) and int(period)):
        return None  # `max`, or -1: no limit
    return int(quota) / int(period)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
