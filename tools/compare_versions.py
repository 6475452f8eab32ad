"""Compare what two versions of onball compute: the demo's events, its figures, simulated labels and video.

    git worktree add /elsewhere/before COMMIT
    python tools/compare_versions.py /elsewhere/before      # against this checkout

Both versions run in this Python, each with its own source on the path. Prints one line per
comparison and exits with 1 if a result differs. For refactorings, which must change nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
#: Two matches of a few seconds with video and tracks, and three minutes of labels alone.
_SIMULATIONS = {
    "video": ["--train", "1", "--valid", "0", "--test", "1", "--minutes", "0.2", "--seed", "7"],
    "labels": [
        "--train",
        "1",
        "--valid",
        "1",
        "--test",
        "1",
        "--minutes",
        "3",
        "--seed",
        "3",
        "--no-video",
    ],
}


def onball(checkout: Path, *arguments: str | Path) -> None:
    """Run the command line of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "onball", *map(str, arguments)]
    done = subprocess.run(
        command, env=environment, cwd=checkout, capture_output=True, text=True, timeout=1200
    )
    if done.returncode:
        sys.exit(f"{checkout}: onball {' '.join(command[3:])} failed:\n{done.stderr}")


def run_all(checkout: Path, out: Path) -> None:
    """Write everything that is compared below `out`."""
    onball(checkout, "demo", "--out", out / "demo")
    # The command was `synth` up to version 0.1.
    simulate = "simulate" if (checkout / "src/onball/simulator").is_dir() else "synth"
    for name, options in _SIMULATIONS.items():
        onball(checkout, simulate, "--out", out / name, *options)
    predictions = out / "demo" / "results_spotting.json"
    sample = out / "sample"
    match = sample / "test" / "sample match"
    match.mkdir(parents=True)
    assets = checkout / "src/onball/assets/sample_match"
    for file in ("224p.mp4", "Labels-ball.json"):
        (match / file).symlink_to(assets / file)
    evaluated = out / "evaluated"
    onball(checkout, "evaluate", predictions, "--data", sample, "--out", evaluated)


def digest(path: Path) -> str:
    """Hash the content of a file; JSON is hashed by its values, not by its layout."""
    content = path.read_bytes()
    if path.suffix == ".json":
        value: Any = json.loads(content)
        if isinstance(value, dict):
            value.pop("onball", None)  # describes the model and the video, more of it in time
        content = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def compared(folder: Path) -> dict[str, Path]:
    """Name the files that two versions must have in common."""
    patterns = (
        "demo/results_spotting.json",
        "demo/events.csv",
        "evaluated/metrics.json",
        "video/**/Labels-ball.json",
        "video/**/*.mp4",
        "labels/**/Labels-ball.json",
    )
    files = sorted(file for pattern in patterns for file in folder.glob(pattern))
    return {file.relative_to(folder).as_posix(): file for file in files}


def main() -> int:
    """Run the command line; the exit code is 1 if a result differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("before", type=Path, help="another checkout of onball")
    parser.add_argument("after", type=Path, nargs="?", default=ROOT, help="by default this one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name in ("before", "after"):
            out = Path(folder) / name
            out.mkdir()
            run_all(getattr(options, name).resolve(), out)
            files.append(compared(out))
        before, after = files
        different = 0
        for name in sorted(before | after):
            if name not in before or name not in after:
                state = "only " + ("before" if name in before else "after")
            else:
                state = "same" if digest(before[name]) == digest(after[name]) else "DIFFERENT"
            different += state != "same"
            print(f"{state:<12} {name}")
    print(f"{len(before | after)} files compared, {different} different")
    return 1 if different or not before else 0


if __name__ == "__main__":
    sys.exit(main())
