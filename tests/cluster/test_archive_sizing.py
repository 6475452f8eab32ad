"""`benchmarks/archive_sizing.py`: figures from measured throughputs, as docs/cluster.md has them."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sizing():
    spec = spec_from_file_location("archive_sizing", ROOT / "benchmarks" / "archive_sizing.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["archive_sizing"] = module
    spec.loader.exec_module(module)
    return module


def test_core_hours_and_network_follow_from_the_throughput(sizing):
    page = "| 720p H.264 | PyTorch, float32 | 20.0 | 10.0 | 8.0 | 118 % |\n"
    (row,) = sizing.measured(page)
    assert (row.read, row.spot) == (10, 4)  # of each of two cores
    *_, line = sizing.sizing([row], 100, 60, 10, {"720p": 4.0})
    # 100 hours at 4 times real time; 10 cores read 10 x 4 x 4 Mbit/s.
    assert (
        line == "| 720p H.264, 4 Mbit/s | PyTorch, float32 | 25 | 0.1 days | 0.2 TB | 0.2 Gbit/s |"
    )
    assert "GPU-hours: 2 at 50 times real time; 5 cores" in sizing.gpus([row], 100, 60, 50)


def test_the_page_has_the_figures_of_the_command():
    printed = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "archive_sizing.py"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert printed.count("|") > 50
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert printed in page, "python benchmarks/archive_sizing.py --write"
