"""Engine on Slurm: arrays of jobs by submitit. https://github.com/facebookincubator/submitit

Tasks that are begun at the same time are one array. A job that ends without an answer, because its
node failed, it was preempted, or its time or memory was over, counts as a lost worker. Which jobs have
ended is known from `squeue`: submitit asks `sacct`, which many clusters do not have.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from onball.cluster.engine import Answer, Ended, Engine, Resources, Task, answer
from onball.errors import InputError, optional_dependency

with optional_dependency("submitit", "slurm", "--cluster slurm"):
    import submitit
    from submitit.core.utils import FailedJobError, UncompletedJobError

FOLDER = ".onball-slurm"
"""Folder in that of the results for the tasks, answers and logs of jobs that have not succeeded."""
_WORKERS = 100
#: Most jobs of an array; Slurm's own limit (MaxArraySize) is 1001 unless it is configured.
_MOST_IN_ARRAY = 1000
#: Minutes that a job may take, unless the options say otherwise.
_TIME_MIN = 240
#: Time between two looks at the jobs.
_LOOK_S = {"slurm": 5.0}
_LOOK_ELSEWHERE_S = 0.1
#: Time between two calls of `squeue`, which should be few.
_QUEUE_S = 30.0
#: States of jobs that have ended. https://slurm.schedmd.com/job_state_codes.html
_END_STATES = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "TIMEOUT",
}  # fmt: skip


class SlurmEngine(Engine):
    """Run tasks as jobs of Slurm.

    Args:
        folder: folder of the results, which all machines share.
        workers: number of jobs at the same time; None is 100.
        resources: what each task needs; GPUs are whole ones.
        options: of `sbatch`, by name: `partition`, `account`, `qos`, `mem`, `time` in minutes …
        cluster: `slurm`; or `local` or `debug`, which run the jobs without Slurm, for tests.

    Raises:
        InputError: there is no Slurm on this machine, or an option does not exist.
    """

    name = "slurm"

    def __init__(
        self,
        folder: Path,
        workers: int | None = None,
        resources: Resources | None = None,
        options: Mapping[str, str] | None = None,
        cluster: str = "slurm",
    ) -> None:
        resources = resources or Resources()
        if resources.gpus != int(resources.gpus):
            raise InputError(f"{resources.gpus:g} GPUs per task: Slurm gives whole GPUs only")
        self._workers = workers or _WORKERS
        self._folder = Path(folder) / FOLDER
        self._look_s = _LOOK_S.get(cluster, _LOOK_ELSEWHERE_S)
        self.poll_s = 10 * self._look_s
        try:
            self._executor = submitit.AutoExecutor(self._folder, cluster=cluster)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"--cluster slurm cannot be used here ({reason})") from None
        settings: dict[str, Any] = {
            "name": "onball",
            "timeout_min": _TIME_MIN,
            "cpus_per_task": resources.cpus,
            "slurm_array_parallelism": self._workers,
        }
        if resources.gpus:
            settings["gpus_per_node"] = int(resources.gpus)
        for key, value in (options or {}).items():
            name = key.strip().lstrip("-").replace("-", "_")
            settings[f"slurm_{name}"] = int(value) if value.isdigit() else value
        if "slurm_time" in settings:
            del settings["timeout_min"]
        try:
            self._executor.update_parameters(**settings)
        except (NameError, ValueError, TypeError) as error:
            raise InputError(f"--slurm: {' '.join(str(error).split())[:200]}") from None
        self._jobs: dict[int, Any] = {}
        self._queue = _Queue() if cluster == "slurm" else None

    def capacity(self) -> int:
        return self._workers

    def submit(self, tasks: Sequence[tuple[int, Task]]) -> None:
        for begin in range(0, len(tasks), _MOST_IN_ARRAY):
            part = tasks[begin : begin + _MOST_IN_ARRAY]
            jobs = self._executor.map_array(answer, [task for _, task in part])
            self._jobs |= {number: job for (number, _), job in zip(part, jobs, strict=True)}

    def wait(self, timeout_s: float) -> Sequence[Ended]:
        end = monotonic() + timeout_s
        while True:
            ended = self._ended()
            if ended or monotonic() >= end:
                return ended
            sleep(max(0.0, min(self._look_s, end - monotonic())))

    def close(self) -> None:
        for job in self._jobs.values():
            with suppress(Exception):  # it may have ended by itself
                job.cancel()
        self._jobs.clear()
        for link in self._folder.glob(".submission_file_*.sh"):
            if not link.exists():  # its target was deleted
                link.unlink()
        with suppress(OSError):  # logs of failures stay
            self._folder.rmdir()

    def _ended(self) -> list[Ended]:
        """Remove and return the jobs that have ended."""
        if self._queue is None:
            return [self._end(number) for number, job in list(self._jobs.items()) if job.done()]
        lost = self._queue.lost([job.job_id for job in self._jobs.values()])
        ended = []
        for number, job in list(self._jobs.items()):
            if job.paths.result_pickle.exists():
                ended.append(self._end(number))
            elif job.job_id in lost:
                del self._jobs[number]
                ended.append(Ended(number, lost=f"job {job.job_id}: {lost[job.job_id]}"))
        return ended

    def _end(self, number: int) -> Ended:
        job = self._jobs.pop(number)
        try:
            result: Answer = job.result()
        except FailedJobError as error:
            reason = " ".join(str(error).split())[-200:]
            return Ended(number, Answer(error=f"job {job.job_id} failed ({reason})"))
        except UncompletedJobError:
            return Ended(number, lost=f"job {job.job_id}: {job.state.lower()}")
        if not result.error:
            self._forget(job)
        return Ended(number, result)

    def _forget(self, job: Any) -> None:
        """Delete the files of a job that succeeded: an archive would have tens of thousands."""
        paths = job.paths
        for path in (
            paths.submitted_pickle,
            paths.submission_file,
            paths.result_pickle,
            paths.stdout,
            paths.stderr,
        ):
            Path(path).unlink(missing_ok=True)


class _Queue:
    """Jobs in the queue of Slurm."""

    def __init__(self) -> None:
        self._looked = monotonic()
        self._absent: set[str] = set()

    def lost(self, jobs: Sequence[str]) -> dict[str, str]:
        """Return jobs that have ended, each with its state.

        A job is reported at the second look after its end: its answer may reach a shared disk later.

        Args:
            jobs: numbers of jobs without an answer, those of arrays as `7_0`.
        """
        if monotonic() - self._looked < _QUEUE_S:
            return {}
        self._looked = monotonic()
        # Each job of an array has a line; jobs that have ended are listed for some minutes.
        command = ["squeue", "--me", "--noheader", "--array", "--states=all", "--format=%i %T"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return {}  # the controller of Slurm does not answer now
        states = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.strip())
        ended = {
            job: states.get(job, "not in the queue").lower()
            for job in jobs
            if job not in states or states[job] in _END_STATES
        }
        lost = {job: state for job, state in ended.items() if job in self._absent}
        self._absent = set(ended)
        return lost
