"""Fixtures for the tests of several folders."""

from __future__ import annotations

import atexit
import gc
import os
import pickle
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

from onball.cli import console
from onball.cli.main import main
from onball.cores import available_cores

T = TypeVar("T")

#: Folders and files whose tests simulate, train, or start processes. `make test-quick` leaves them
#: out, and single tests of other files with the marker `medium`.
MEDIUM = (
    "cli/",
    "experiments/",
    "formats/test_tracks_parquet.py",
    "models/test_cost.py",
    "models/test_temporal_heads.py",
    "models/test_tracking_input.py",
    "models/test_x3d.py",
    "reports/test_report_",
    "reports/test_statistics_figure.py",
    "simulator/",
    "spotting/test_spotter_tracks.py",
    "test_configs_train.py",
    "test_extending.py",
    "tracking/test_simulated_detector.py",
    "tracking/test_tiles.py",
    "tracking/test_tracker_and_cuts.py",
    "tracking/test_tracker_quality.py",
    "training/",
)


def pytest_configure() -> None:
    """Choose PyTorch, and let tests interrupt themselves, however the suite was started.

    A shell without job control starts background jobs with SIGINT ignored, which Python and its
    child processes inherit: a child that a test interrupts would run on.
    """
    # Processes of pytest-xdist share the cores: with a thread for each core in each process, the
    # threads of torch wait for each other, and tests that compute take nearly twice as long.
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))
    if workers > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, available_cores() // workers)))
    # The demo model is spotted in PyTorch: an export of it would take every process some seconds.
    os.environ.setdefault("ONBALL_RUNTIME", "torch")
    # It also takes less time than the other bundled model, which tracks players and ball first.
    os.environ.setdefault("ONBALL_MODEL", "demo")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without searching for garbage, and never search what they imported.

    Each full search would look at some million objects of modules, which all stay to the end. Later
    ones are made after more new objects than by default, which takes a third of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        gc.enable()


@atexit.register
def unfreeze() -> None:
    """Let Python free modules when it ends: nanobind reports objects that are left as leaks.

    Earlier, the last searches of pytest would look at all of them, which takes some seconds.
    """
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `MEDIUM`, and run them first: no process then works alone at the end."""
    root = Path(__file__).parent
    files = {item.path for item in items}  # far fewer than tests
    files = {file for file in files if file.relative_to(root).as_posix().startswith(MEDIUM)}
    medium, others = [], []
    for item in items:
        if item.path in files:
            item.add_marker(pytest.mark.medium)
            medium.append(item)
        else:
            others.append(item)
    items[:] = medium + others


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], T]], T]:
    """Return `make()`, which one process of pytest-xdist calls and the others read from a file."""

    def once(name: str, make: Callable[[], T]) -> T:
        if "PYTEST_XDIST_WORKER" not in os.environ:
            return make()
        file = tmp_path_factory.getbasetemp().parent / f"{name}.pickle"  # common to all processes
        with FileLock(f"{file}.lock"):
            if not file.is_file():
                file.write_bytes(pickle.dumps(make()))
            made: T = pickle.loads(file.read_bytes())
        return made

    return once


@pytest.fixture
def onball(monkeypatch, capfd) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process; return exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["onball", *map(str, arguments)])
        # Wide enough that rich does not break paths. Worker processes of pytest-xdist set COLUMNS
        # before the consoles are made, which then keep that width.
        monkeypatch.setenv("COLUMNS", "300")
        for one in (console.console, console.status):
            monkeypatch.setattr(one, "width", 300)
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Run torch on one thread, with a fixed seed of its global generator."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small_disk() -> Callable[[int], AbstractContextManager[None]]:
    """Return a context in which no file can grow beyond a number of bytes, as on a full disk.

    Files already larger than that cannot be written either.
    """
    resource = pytest.importorskip("resource", reason="limits of a process need a Unix")

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        # As Python does it when it starts; libraries that were loaded since may have changed it.
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN if handler is None else handler)

    return limited


@pytest.fixture
def hub(monkeypatch):
    """A local hub with the training split; settings of other hubs are removed."""
    from huggingface_hub import constants
    from tiny_hub import running_hub

    for name in ("HF_TOKEN", "HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere/token")
    # Size of the parts of a download; a broken connection loses at most one. 10 MB by default.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    with running_hub() as hub:
        yield hub
