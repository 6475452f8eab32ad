"""Build sdist and wheel, check what is in them, and run the demo from the wheel in an empty environment.

    python tools/dist_check.py            # as `make dist-check`
    python tools/dist_check.py --no-run   # contents only

The wheel is built from the sdist, as an installer would do it. Needs `uv`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAX_MEGABYTES = 15.0
#: Beginnings of the paths that are allowed in each archive, relative to its top folder.
ALLOWED = {
    "wheel": ("onball/", "onball-"),
    "sdist": (
        "src/onball/",
        "configs/",
        "examples/",
        "tests/",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "PKG-INFO",
        "README.md",
        ".gitignore",
        "constraints.txt",
        "overrides.txt",
        "pyproject.toml",
    ),
}
#: Files without which an installed onball does not work.
REQUIRED = (
    "onball/assets/bas_statistics.json",
    "onball/assets/demo_model/model.safetensors",
    "onball/assets/sample_match/224p.mp4",
    "onball/configs/spotting/demo.yaml",
    "onball/py.typed",
    "onball/reports/page.html.jinja",
    "onball/viewer/static/index.html",
    "onball/viewer/static/licences.txt",
    "onball/viewer/static/viewer.js",
)


def find_uv() -> str:
    """Find the `uv` beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        sys.exit("uv is not installed: run this by `make dist-check`")
    return found


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; stop with its exit code if it fails."""
    print("$", *(Path(part).name if isinstance(part, Path) else part for part in command))
    # Settings of the calling environment must not leak into the empty one.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, timeout=1800)
    if done.returncode:
        sys.exit(f"failed with exit code {done.returncode}")


def members(archive: Path) -> list[str]:
    """List the files of a wheel, or of an sdist relative to its top folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return [name for name in opened.namelist() if not name.endswith("/")]
    with tarfile.open(archive) as opened:
        return [m.name.partition("/")[2] for m in opened.getmembers() if m.isfile()]


def check(archive: Path, kind: str) -> None:
    """Print the size of an archive; stop if it holds what it should not, or lacks what it must hold."""
    names = members(archive)
    megabytes = archive.stat().st_size / 1e6
    print(f"{archive.name}: {len(names)} files, {megabytes:.1f} MB")
    surplus = [name for name in names if not name.startswith(ALLOWED[kind])]
    if surplus:
        sys.exit(f"{archive.name} holds files that nobody needs there: {', '.join(surplus[:5])}")
    if megabytes > MAX_MEGABYTES:
        sys.exit(f"{archive.name} is larger than {MAX_MEGABYTES} MB")
    missing = [name for name in REQUIRED if name not in names]
    if kind == "wheel" and missing:
        sys.exit(f"{archive.name} lacks {', '.join(missing)}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--no-run", action="store_true", help="check the contents only")
    options = parser.parse_args()
    uv = find_uv()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(uv, "build", "--quiet", "--out-dir", place / "dist")
        wheel, sdist = next(place.glob("dist/*.whl")), next(place.glob("dist/*.tar.gz"))
        check(sdist, "sdist")
        check(wheel, "wheel")
        if options.no_run:
            return
        python = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        run(uv, "venv", "--quiet", "--python", sys.executable, place / "venv")
        pins = ["-c", ROOT / "constraints.txt"]
        run(
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            *pins,
            f"onball[plot] @ {wheel.as_uri()}",
        )
        run(python, "-m", "onball", "demo", "--out", place / "demo", cwd=place)
    print("sdist and wheel are complete, and the demo runs from the wheel")


if __name__ == "__main__":
    main()
