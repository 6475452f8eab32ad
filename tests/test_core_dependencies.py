"""The core works without any optional package."""

from __future__ import annotations

import subprocess
import sys

import pytest

OPTIONAL = (
    "cv2",
    "duckdb",
    "jinja2",
    "kloppy",
    "lightning",
    "matplotlib",
    "onnxruntime",
    "openpyxl",
    "plotext",
    "pyarrow",
    "h5py",
    "pyzipper",
    "s3fs",
    "scenedetect",
    "starlette",
    "supervision",
    "trackers",
    "uvicorn",
)
CORE = (
    "onball.cli.main",
    "onball.data.check",
    "onball.data.importing",
    "onball.evaluation",
    "onball.spotting.evaluating",
    "onball.spotting.spotter",
)


@pytest.mark.medium
def test_the_core_is_imported_without_packages_that_it_does_not_need():
    # torch uses some of them itself if they are installed: it is imported before they are hidden.
    program = (
        "import sys, torch\n"
        f"sys.modules.update(dict.fromkeys({OPTIONAL}))\n"
        f"import {', '.join(CORE)}\n"
        "from onball.spotting.spotter import Spotter\n"
        "Spotter.from_pretrained('ball-tracks', device='cpu')\n"
        f"for name in {OPTIONAL}: del sys.modules[name]\n"
        "import onball.formats.tracks_parquet\n"
        "assert not {'pandas', 'timm', 'torchvision'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
