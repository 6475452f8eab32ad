"""Backbones, temporal and prediction heads, the nets that compose them, and saved models."""

from onball.models.components import DenseScores
from onball.models.nets import ClipClassifier, SpottingNet, build_classifier, build_net
from onball.models.saved import load_classifier, load_model, save_model

__all__ = [
    "ClipClassifier",
    "DenseScores",
    "SpottingNet",
    "build_classifier",
    "build_net",
    "load_classifier",
    "load_model",
    "save_model",
]
