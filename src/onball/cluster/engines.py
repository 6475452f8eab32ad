"""Choice of an engine by name. Each optional package is imported when its engine is opened."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from onball.cluster.engine import Engine, Resources
from onball.cluster.local import LocalEngine
from onball.errors import InputError

ENGINES = ("local", "ray", "slurm")
"""Names of engines; `ray` may have an address, `ray://head:10001`."""


def open_engine(
    name: str,
    workers: int | None,
    resources: Resources,
    folder: Path,
    slurm: Mapping[str, str],
) -> Engine:
    """Open an engine.

    Args:
        name: one of `ENGINES`, or `ray://HOST:PORT`.
        workers: number of tasks at the same time; None is as many as there is room for.
        resources: what each task needs.
        folder: folder that all machines share, for the files of an engine that needs some.
        slurm: options of `sbatch`.

    Raises:
        InputError: there is no such engine, or it cannot be used here.
        MissingDependencyError: it is not installed.
    """
    if workers is not None and workers < 1:
        raise InputError(f"{workers} workers: at least 1 is needed")
    kind, _, address = name.partition("://")
    if slurm and kind != "slurm":
        raise InputError(f"options of Slurm are given, and the engine is {name}")
    if name == "local":
        return LocalEngine(workers, resources)
    if kind == "ray" and (address or name == "ray"):
        # Optional packages, which take a second to import.
        from onball.cluster.on_ray import RayEngine

        return RayEngine(name if address else None, workers, resources)
    if name == "slurm":
        from onball.cluster.on_slurm import SlurmEngine

        return SlurmEngine(folder, workers, resources, slurm)
    close = difflib.get_close_matches(kind, ENGINES, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise InputError(f"no engine '{name}': {hint}there are local, ray, ray://HOST:PORT and slurm")
