"""What comes with the package: a simulated match to try things on, and a model trained on such matches."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def sample_match() -> Path:
    """The folder of a simulated match of 90 seconds: `224p.mp4` and `Labels-ball.json`."""
    return _asset("sample_match")


def demo_model() -> Path:
    """The folder of a saved model that has only ever seen simulated football."""
    return _asset("demo_model")


def _asset(name: str) -> Path:
    return Path(str(files("onball").joinpath("assets", name)))
