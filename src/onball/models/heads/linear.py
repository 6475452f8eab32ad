"""A linear layer per frame, for the classes and, if wanted, for a displacement."""

from __future__ import annotations

from pydantic import NonNegativeInt
from torch import Tensor, nn

from onball.config import Section
from onball.models.heads.base import HEADS, HeadSetup, PredictionHead
from onball.models.scores import DenseScores


class LinearHead(PredictionHead):
    """Dropout and a linear classifier; beside it, one that says how far away the event is.

    The displacement is that of T-DEED (Xarles et al. 2024) and, before it, of Soares et al. (2022): a
    frame near an event learns how many frames earlier or later the event is, so that neighbours with
    blurred scores still agree on one moment.

    Args:
        setup: what it is built on.
        displacement: the radius r, in sampled frames, up to which a frame tells where the event is;
            0 leaves displacements out.
    """

    def __init__(self, setup: HeadSetup, displacement: int = 0) -> None:
        super().__init__()
        self.reach = displacement
        self.dropout = nn.Dropout(setup.dropout)
        self.linear = nn.Linear(setup.feature_dim, setup.num_classes)
        self.displacement = nn.Linear(setup.feature_dim, 1) if displacement else None

    def forward(self, features: Tensor) -> DenseScores:
        features = self.dropout(features)
        logits = self.linear(features)
        if self.displacement is None:
            return DenseScores(logits)
        return DenseScores(logits, displacement=self.displacement(features).squeeze(-1))


class LinearHeadOptions(Section):
    """Options of `LinearHead`."""

    displacement: NonNegativeInt = 0


@HEADS.register("linear", LinearHeadOptions)
def _linear(setup: HeadSetup, options: LinearHeadOptions) -> PredictionHead:
    return LinearHead(setup, options.displacement)
