"""Temporal heads: features → features in the context of their neighbours.

Importing this package registers them all.
"""

from onball.models.components import TEMPORAL_HEADS, TemporalHead
from onball.models.temporal import convolution, recurrent, sgp, transformer

__all__ = ["TEMPORAL_HEADS", "TemporalHead", "convolution", "recurrent", "sgp", "transformer"]
