"""The contract of prediction heads: features of a frame → dense scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from onball.models.registry import Registry
from onball.models.scores import DenseScores


class PredictionHead(nn.Module, ABC):
    """Features `[B, T, D]` → `DenseScores`.

    Attributes:
        reach: how far from an event, in sampled frames, a frame may tell where it is; 0 if the head
            gives neither displacements nor offsets. A head with a reach must give displacements.
    """

    reach: int

    @abstractmethod
    def forward(self, features: Tensor) -> DenseScores:
        """Dense scores of features `[B, T, D]`."""


@dataclass(frozen=True, slots=True)
class HeadSetup:
    """What every head's builder gets.

    Attributes:
        feature_dim: D.
        num_classes: 13, or 25 if the teams are told apart.
        dropout: share of the classifier's inputs that are dropped in training.
    """

    feature_dim: int
    num_classes: int
    dropout: float


#: Prediction heads by name.
HEADS: Registry[HeadSetup, PredictionHead] = Registry("model.head")
