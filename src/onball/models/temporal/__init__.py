"""Temporal heads: features → features that know their neighbours. Importing registers them all."""

from onball.models.temporal import convolution, recurrent, sgp, transformer
from onball.models.temporal.base import TEMPORAL_HEADS, TemporalHead

__all__ = ["TEMPORAL_HEADS", "TemporalHead", "convolution", "recurrent", "sgp", "transformer"]
