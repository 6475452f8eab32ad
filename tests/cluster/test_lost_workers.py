"""Workers, machines and drivers that are killed: nothing is lost, nothing done twice, same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recorded_segments import CONTROL, spot_recorded

from onball.cluster.engine import Engine
from onball.cluster.local import LocalEngine
from onball.spotting.videos import spot_videos
from onball.video import VideoWriter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

HELPERS = Path(__file__).parents[1] / "helpers"
SECONDS = {"a": 12, "b": 9, "c": 2}
#: Beginnings of the segments; the videos of 2 s are one task.
SEGMENTS = {"a 0", "a 4000", "a 8000", "b 0", "b 4000"}
LONGEST_S = 900


@pytest.fixture(scope="module")
def root(model, tmp_path_factory):
    """A folder with a random model, an archive of noise, and the results of a single machine."""
    root = tmp_path_factory.mktemp("archive")
    shutil.copytree(model, root / "model")
    (root / "videos").mkdir()
    rng = np.random.default_rng(0)
    for name, seconds in SECONDS.items():
        with VideoWriter(root / "videos" / f"{name}.mp4", (64, 36), 5, gop=25) as writer:
            for _ in range(5 * seconds):
                writer.write(rng.integers(0, 255, (36, 64, 3), np.uint8))
    results = spot_videos(
        root / "videos", root / "single", model=root / "model", device="cpu", threads=1
    )
    assert all(len(result.events) > 20 for result in results)
    (root / "videos" / "broken.mp4").write_bytes(b"no video")
    return root


@pytest.fixture
def control(tmp_path, monkeypatch):
    """The folder by which workers are controlled; processes that are started from now on know it."""
    folder = tmp_path / "control"
    folder.mkdir()
    monkeypatch.setenv(CONTROL, str(folder))
    path = [str(HELPERS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    return folder


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def computed(control: Path) -> Counter[str]:
    """Number of completed computations of each segment."""
    file = control / "computed"
    return Counter(file.read_text().splitlines()) if file.exists() else Counter()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_complete(results, out: Path, root: Path, control: Path) -> None:
    outcomes = {result.name: result.outcome for result in results}
    assert len(results) == len(outcomes) == 4
    assert outcomes.pop("broken") == "failed" and set(outcomes.values()) <= {"spotted", "done"}
    assert computed(control) == dict.fromkeys(SEGMENTS, 1)
    for name in SECONDS:
        assert files(out / name) == files(root / "single" / name)


def spot_while(engine: Engine, root: Path, out: Path, disturb: Callable[[], bool]) -> list:
    """Spot the archive; `disturb` is called now and then, until it returns True."""
    disturbed = False

    def progress(report) -> None:
        nonlocal disturbed
        disturbed = disturbed or disturb()

    videos, model = root / "videos", root / "model"
    results = list(spot_recorded(engine, videos, out, model, progress))
    assert disturbed
    return results


def kill_hung(control: Path, name: str) -> bool:
    """Kill the worker that has claimed a file, if one has."""
    file = control / f"hung-{name}"
    if not file.exists() or not file.read_text():
        return False
    os.kill(int(file.read_text()), signal.SIGKILL)
    return True


def start_driver(code: str, root: Path, out: Path) -> subprocess.Popen:
    """Start a process that spots the archive with the engine that an expression makes."""
    script = (
        "from pathlib import Path\n"
        "from recorded_segments import spot_recorded\n"
        "if __name__ == '__main__':\n"
        f"    root, out = Path({str(root)!r}), Path({str(out)!r})\n"
        f"    {code}\n"
        "    list(spot_recorded(engine, root / 'videos', out, root / 'model'))\n"
    )
    file = out.with_suffix(".py")
    file.write_text(script)
    return subprocess.Popen([sys.executable, file], start_new_session=True)


def kill_driver(driver: subprocess.Popen, control: Path) -> None:
    """Kill a driver when a worker hangs and at least one segment was computed."""
    (control / "hang-driver").touch()
    until(lambda: (control / "hung-hang-driver").exists() and computed(control))
    assert driver.poll() is None
    driver.kill()
    driver.wait()


def has_slurm() -> bool:
    """Return True where Slurm runs, with this machine as a node."""
    return (
        shutil.which("sinfo") is not None and not subprocess.run(["sinfo"], check=False).returncode
    )


@pytest.mark.parametrize("kind", ["local", "submitit", "slurm"])
def test_a_worker_and_a_driver_are_killed(kind, root, control, tmp_path):
    out = tmp_path / "out"
    if kind == "local":
        code = "from onball.cluster.local import LocalEngine; engine = LocalEngine(2)"
    else:
        pytest.importorskip("submitit")
        if kind == "slurm" and not has_slurm():
            pytest.skip("there is no Slurm here")
        cluster = "local" if kind == "submitit" else "slurm"
        code = "from onball.cluster.on_slurm import SlurmEngine; "
        code += f"engine = SlurmEngine(out, 2, cluster={cluster!r})"
    kill_driver(start_driver(code, root, out), control)
    if kind == "local":
        engine: Engine = LocalEngine(2)
    else:  # jobs outlive their driver
        kill_hung(control, "hang-driver")
        from onball.cluster.on_slurm import SlurmEngine

        engine = SlurmEngine(out, 2, cluster=cluster)
    (control / "hang-worker").touch()
    results = spot_while(engine, root, out, lambda: kill_hung(control, "hang-worker"))
    assert sum(result.retries for result in results) == 1
    assert_complete(results, out, root, control)


def test_a_worker_a_node_and_a_driver_of_ray_are_killed(root, control, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    from onball.cluster.on_ray import RayEngine

    out = tmp_path / "out"
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = cluster.add_node(num_cpus=1)
        code = "from onball.cluster.on_ray import RayEngine; "
        code += f"engine = RayEngine({cluster.address!r})"
        kill_driver(start_driver(code, root, out), control)

        ray.init(address=cluster.address, log_to_driver=False)
        (control / "hang-worker").touch()
        (control / "hang-node").write_text(second.node_id)

        def disturb() -> bool:
            nonlocal second
            if second is not None and (control / "hung-hang-node").exists():
                cluster.remove_node(second, allow_graceful=False)  # kills its raylet
                second = None
                cluster.add_node(num_cpus=1)
            killed = (control / "killed").exists() or kill_hung(control, "hang-worker")
            if killed:
                (control / "killed").touch()
            return killed and second is None

        results = spot_while(RayEngine(), root, out, disturb)
        assert sum(result.retries for result in results) == 2
        assert_complete(results, out, root, control)
        again = list(spot_recorded(RayEngine(), root / "videos", out, root / "model"))
        assert sorted(r.outcome for r in again) == ["done", "done", "done", "failed"]
    finally:
        ray.shutdown()
        cluster.shutdown()
