"""Type check, unit tests and build of the viewer's page, where its packages are installed."""

from __future__ import annotations

import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "viewer"
STATIC = Path(str(files("onball.viewer").joinpath("static")))

pytestmark = [
    pytest.mark.medium,
    pytest.mark.skipif(
        shutil.which("node") is None or not (FOLDER / "node_modules").is_dir(),
        reason="needs Node.js and the packages that `make viewer` installs",
    ),
]


def run(*command: str) -> None:
    program = FOLDER / "node_modules" / ".bin" / command[0]
    done = subprocess.run(
        [str(program), *command[1:]], cwd=FOLDER, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_are_right():
    run("tsc", "--noEmit")


def test_the_unit_tests_pass():
    run("vitest", "run")


@pytest.mark.slow
def test_the_built_page_is_that_of_the_sources(tmp_path):
    run("vite", "build", "--outDir", str(tmp_path / "static"), "--logLevel", "error")
    built = {path.name: path.read_bytes() for path in (tmp_path / "static").iterdir()}
    assert built == {path.name: path.read_bytes() for path in STATIC.iterdir()}, "run `make viewer`"
