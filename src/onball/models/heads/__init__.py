"""Prediction heads: features of a frame → dense scores. Importing this registers them all."""

from onball.models.heads import linear, trident
from onball.models.heads.base import HEADS, HeadSetup, PredictionHead

__all__ = ["HEADS", "HeadSetup", "PredictionHead", "linear", "trident"]
