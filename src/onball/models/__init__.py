"""Backbones, temporal and prediction heads, the nets that compose them, and saved models."""

from onball.models.components import DenseScores
from onball.models.nets import ClipClassifier, Net, SpottingNet, build_model
from onball.models.saved import load_model, model_fingerprint, save_model

__all__ = [
    "ClipClassifier",
    "DenseScores",
    "Net",
    "SpottingNet",
    "build_model",
    "load_model",
    "model_fingerprint",
    "save_model",
]
