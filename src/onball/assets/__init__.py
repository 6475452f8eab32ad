"""Files that come with the package: the sample match, models and the reference statistics."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any


def sample_match() -> Path:
    """Folder of a simulated match of 90 seconds: `224p.mp4` and `Labels-ball.json`."""
    return _asset("sample_match")


def demo_model() -> Path:
    """Folder of a saved model that was trained on simulated football only."""
    return _asset("demo_model")


def ball_tracks_model() -> Path:
    """Folder of a saved model that follows the ball, trained on simulated football only."""
    return _asset("ball_tracks")


#: Names of the models that come with the package.
BALL_TRACKS, DEMO = "ball-tracks", "demo"
BUNDLED_MODELS = {BALL_TRACKS: ball_tracks_model, DEMO: demo_model}


def ball_network() -> Path:
    """ONNX file of the ball network, trained on simulated football only: `onball.training.ball`."""
    return _asset("ball.onnx")


@cache
def reference_statistics() -> dict[str, Any]:
    """Statistics of real SoccerNet ball action annotations: rates, gaps and transitions.

    They are the target of the simulator's possession script and the reference of
    `onball data stats --reference`. The dictionary is cached: do not change it.
    """
    content: dict[str, Any] = json.loads(_asset("bas_statistics.json").read_text(encoding="utf-8"))
    return content


def _asset(name: str) -> Path:
    return Path(str(files("onball").joinpath("assets", name)))
