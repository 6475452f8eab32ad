"""Backbones, temporal and prediction heads, the nets that compose them, and saved models."""

from onball.models.classifier import ClipClassifier, build_classifier
from onball.models.net import SpottingNet, build_net
from onball.models.saved import load_classifier, load_model, save_model
from onball.models.scores import DenseScores

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
