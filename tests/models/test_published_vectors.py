"""Published models: equal to reference outputs of their authors' code.

The reference vectors are in the folder that the environment variable ONBALL_PUBLISHED_VECTORS names.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from onball.models.published import PUBLISHED

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "published_parity.py"
VARIABLE = "ONBALL_PUBLISHED_VECTORS"


@pytest.fixture(scope="module")
def benchmark():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARK.parent)
        yield from load_benchmark()


def load_benchmark():
    spec = importlib.util.spec_from_file_location("published_parity", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PUBLISHED, "x3d-s", "x3d-m"])
def test_a_published_model_computes_what_its_authors_code_computes(benchmark, name):
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} is not set: it names the folder of the reference vectors")
    parity = benchmark.measure(Path(folder), name)
    assert parity.differences
    assert parity.largest <= benchmark.TOLERANCE, parity.differences


def test_every_published_model_is_compared(benchmark):
    assert list(benchmark.COMPARED) == list(PUBLISHED)
    assert list(benchmark.FOLDERS) == [*PUBLISHED, *benchmark.X3D_SIZES]
