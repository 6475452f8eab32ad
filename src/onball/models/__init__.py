"""Backbones, temporal heads, the net that composes them, and saved models."""

from onball.models.net import DenseScores, SpottingNet, build_net
from onball.models.saved import load_model, save_model

__all__ = [
    "DenseScores",
    "SpottingNet",
    "build_net",
    "load_model",
    "save_model",
]
