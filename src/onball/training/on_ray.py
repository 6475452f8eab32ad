"""Training on a Ray cluster: `train` in the workers of Ray Train. https://docs.ray.io

    driver ── TorchTrainer ──→ workers, each with its CPUs and GPU: `train`, as under torchrun
    driver ←── mailbox ─────── epochs, progress, warnings and errors of the workers

Data, caches and the run are under the same paths on all machines, or the run is on a store: neither frames
nor checkpoints travel through Ray. If a worker or a machine is lost, all workers begin again from the
checkpoint of the last epoch.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from onball.cluster.engine import Resources
from onball.cluster.on_ray import connect
from onball.config import ExperimentConfig
from onball.errors import (
    InputError,
    OnballError,
    OnballNotice,
    OnballWarning,
    describe_exception,
    optional_dependency,
)
from onball.progress import Progress, ProgressCallback, no_progress
from onball.training.callbacks import EpochSummary
from onball.training.run import open_run, prepare_run, train
from onball.training.trainer import PEER_TIMEOUT, PeerGoneError, rank

with optional_dependency("ray", "ray", "--cluster ray"):
    import ray
with optional_dependency("tensorboardX", "ray", "--cluster ray"):
    import ray.train
    from ray.train.torch import TorchConfig, TorchTrainer

_LOOK_S = 0.3


@dataclass(frozen=True, slots=True)
class _Job:
    """Everything that a worker needs to know.

    Attributes:
        config, run_dir, resume, overwrite, device: see `train`.
        folder: current folder of the driver, for relative paths.
        imports: modules that register components.
        mailbox: actor that reports go to.
    """

    config: ExperimentConfig
    run_dir: str | Path
    resume: bool
    overwrite: bool
    device: str
    folder: str
    imports: tuple[str, ...]
    mailbox: Any


class _Mailbox:
    """Reports of the workers, in the order in which they arrive. An actor."""

    def __init__(self) -> None:
        self._reports: list[tuple[str, Any]] = []

    def put(self, kind: str, content: Any) -> None:
        self._reports.append((kind, content))

    def take(self) -> list[tuple[str, Any]]:
        taken, self._reports = self._reports, []
        return taken


def train_on_ray(
    config: ExperimentConfig,
    *,
    run_dir: str | Path,
    workers: int,
    resources: Resources | None = None,
    address: str | None = None,
    attempts: int = 5,
    resume: bool = False,
    overwrite: bool = False,
    imports: Sequence[str] = (),
    progress: ProgressCallback = no_progress,
    on_epoch: Callable[[EpochSummary], None] = lambda summary: None,
) -> Path:
    """Train as `train` does, in several processes of a Ray cluster.

    Args:
        config: the experiment; each worker has batches of `training.batch_size` clips.
        run_dir: folder of the run, which all machines share, or its address on a store.
        workers: number of processes that train together.
        resources: CPUs and GPUs of each; a GPU at most. By default one CPU and no GPU.
        address: see `onball.cluster.on_ray.RayEngine`.
        attempts: how often the training is begun if a worker is lost each time.
        resume: see `train`.
        overwrite: see `train`.
        imports: modules that register the components of the config.
        progress: see `train`.
        on_epoch: see `train`.

    Returns:
        The folder of the saved model. On a store, that is the copy which this machine fetches.

    Raises:
        InputError: there is no such cluster, or a worker asks for several GPUs.
        OnballError: workers were lost too often.

    It also raises what `train` raises.
    """
    resources = resources or Resources()
    if resources.gpus not in (0, 1):
        raise InputError(f"{resources.gpus:g} GPUs: a process of a training uses one GPU or none")
    if config.training.threads is None:
        training = config.training.model_copy(update={"threads": resources.cpus})
        config = config.model_copy(update={"training": training})
    run, stored = open_run(run_dir, overwrite=overwrite)
    prepare_run(config, run, resume=resume, overwrite=overwrite)
    saved = False

    def note_epoch(summary: EpochSummary) -> None:
        nonlocal saved
        saved = True
        on_epoch(summary)

    disconnect = connect(address)
    try:
        _warn_of_waiting(workers, resources)
        mailbox = ray.remote(num_cpus=0)(_Mailbox).remote()
        for attempt in range(1, attempts + 1):
            job = _Job(
                config,
                run_dir,
                resume or attempt > 1,
                overwrite and not saved,  # the former run may still be there
                "cuda" if resources.gpus else "cpu",
                str(Path.cwd()),
                tuple(imports),
                mailbox,
            )
            with _reports(mailbox, progress, note_epoch) as errors:
                lost = _fit(job, workers, resources, None if stored else run.path)
            own = [error for error in errors if not isinstance(error, PeerGoneError)]
            if own:
                raise own[0]
            if not lost:
                break
            if attempt == attempts:
                raise OnballError(f"workers were lost {attempts} times, at last: {lost}")
            message = f"a worker was lost ({lost}): training goes on from the last checkpoint"
            warnings.warn(OnballWarning(message), stacklevel=2)
    finally:
        if disconnect:
            ray.shutdown()
    if stored is not None:
        stored.fetch()
    return run.model


def _warn_of_waiting(workers: int, resources: Resources) -> None:
    """Warn if the cluster has less than the workers ask for; Ray waits for more, and says nothing."""
    there = ray.cluster_resources()
    for name, each in (("CPU", resources.cpus), ("GPU", resources.gpus)):
        needed, has = workers * each, there.get(name, 0)
        if needed > has:
            message = (
                f"{workers} workers need {needed:g} {name}s, and the cluster has {has:g}: training waits "
                "until it has more; Ctrl-C ends it"
            )
            warnings.warn(OnballWarning(message), stacklevel=3)


def _fit(job: _Job, workers: int, resources: Resources, folder: Path | None) -> str:
    """Run the workers. Returns how one was lost, or an empty text."""
    # Ray Train keeps its own state of the run in a folder that all machines see.
    missing = folder is not None and not folder.exists()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    place = tempfile.mkdtemp(prefix=".ray-", dir=folder)
    logging.getLogger("ray.train").setLevel(logging.CRITICAL)
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job},
        torch_config=TorchConfig(timeout_s=int(PEER_TIMEOUT.total_seconds())),
        scaling_config=ray.train.ScalingConfig(
            num_workers=workers,
            use_gpu=bool(resources.gpus),
            resources_per_worker={"CPU": resources.cpus, "GPU": int(resources.gpus)},
        ),
        run_config=ray.train.RunConfig(
            storage_path=place, failure_config=ray.train.FailureConfig(max_failures=0)
        ),
    )
    try:
        trainer.fit()
    except ray.train.TrainingFailedError as error:
        return " ".join(str(error).split())[-200:]
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if missing and folder is not None:
            with suppress(OSError):
                folder.rmdir()
    return ""


def _work(settings: dict[str, Any]) -> None:
    """Train in a worker, and report to the driver."""
    job: _Job = settings["job"]

    def report(kind: str, content: Any) -> None:
        job.mailbox.put.remote(kind, content)

    def warn(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if rank() == 0 and issubclass(category, OnballWarning | OnballNotice):
            report("warning", category(str(message)))

    with warnings.catch_warnings():
        warnings.showwarning = warn
        try:
            os.chdir(job.folder)
            if job.imports and "" not in sys.path:
                sys.path.insert(0, "")
            for name in job.imports:
                import_module(name)
            train(
                job.config,
                run_dir=job.run_dir,
                resume=job.resume,
                overwrite=job.overwrite,
                device=job.device,
                progress=lambda at: report("progress", at),
                on_epoch=lambda summary: report("epoch", summary),
            )
        except OnballError as error:
            ray.get(job.mailbox.put.remote("error", error))
            raise
        except Exception as error:
            text = describe_exception(f"worker {rank()}", error)
            ray.get(job.mailbox.put.remote("error", OnballError(text)))
            raise


@contextmanager
def _reports(
    mailbox: Any, progress: ProgressCallback, on_epoch: Callable[[EpochSummary], None]
) -> Iterator[list[OnballError]]:
    """Pass on the reports of the workers during the block; yields the list of their errors."""
    errors: list[OnballError] = []
    over = threading.Event()

    def pass_on() -> None:
        latest: Progress | None = None
        for kind, content in ray.get(mailbox.take.remote()):
            if kind == "progress":
                latest = content
            elif kind == "epoch":
                on_epoch(content)
            elif kind == "warning":
                warnings.warn(content, stacklevel=2)
            else:
                errors.append(content)
        if latest is not None:
            progress(latest)

    def look() -> None:
        while not over.wait(_LOOK_S):
            pass_on()

    thread = threading.Thread(target=look, name="onball-reports", daemon=True)
    thread.start()
    try:
        yield errors
    finally:
        over.set()
        thread.join()
        pass_on()
