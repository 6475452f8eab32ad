"""Prediction heads: features of each frame → dense scores.

`linear` classifies each frame and may predict the displacement and the team of its event; `trident`
predicts the boundaries of an interval around the event, after TriDet.
"""

from __future__ import annotations

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from onball.config import BaseConfig
from onball.models.components import HEADS, DenseScores, HeadSetup, PredictionHead


class LinearHead(PredictionHead):
    """Dropout and a linear classifier, with an optional linear regression of displacements.

    The displacement is that of T-DEED (Xarles et al. 2024) and, before it, of Soares et al. (2022): a
    frame near an event learns how many frames earlier or later the event is, so that neighbouring
    frames with similar scores still agree on one time.

    Args:
        setup: sizes of input and output, and dropout.
        displacement: the radius, in sampled frames, up to which a frame predicts the displacement
            of an event; 0 for no displacements.
        team: a further logit for the team, right against left, as in the baseline of SoccerNet's
            team ball action spotting (2025). Unlike a class for each action and team, it learns
            from all actions alike.
        independent: no background and a sigmoid for each class, as in the winner of SoccerNet's ball
            action spotting of 2023, instead of a softmax.
    """

    def __init__(
        self,
        setup: HeadSetup,
        displacement: int = 0,
        *,
        team: bool = False,
        independent: bool = False,
    ) -> None:
        super().__init__()
        self.radius = displacement
        self.independent = independent
        self.dropout = nn.Dropout(setup.dropout)
        classes = setup.num_classes - independent
        self.linear = nn.Linear(setup.feature_dim, classes)
        self.displacement = nn.Linear(setup.feature_dim, 1) if displacement else None
        self.team = nn.Linear(setup.feature_dim, 1) if team else None

    def forward(self, features: Tensor) -> DenseScores:
        features = self.dropout(features)
        return DenseScores(
            self.linear(features),
            displacement=_number(self.displacement, features),
            team=_number(self.team, features),
            independent=self.independent,
        )


def _number(layer: nn.Module | None, features: Tensor) -> Tensor | None:
    """Output `[B, T]` of a layer with one output; None if there is none."""
    return None if layer is None else layer(features).squeeze(-1)


class LinearHeadOptions(BaseConfig):
    """Options of `LinearHead`."""

    displacement: NonNegativeInt = 0
    team: bool = False
    independent: bool = False


@HEADS.register("linear", LinearHeadOptions)
def _linear(setup: HeadSetup, options: LinearHeadOptions) -> PredictionHead:
    return LinearHead(setup, **options.model_dump())


class TridentHead(PredictionHead):
    """Trident head of Shi et al., "TriDet" (CVPR 2023), for events that occur at one frame.

    An event at frame e is represented by the interval from e − r to e + r. Every frame has a start
    score, an end score and, as a centre, a correction for each of the 2r + 1 frames before and after
    it. The softmax over the neighbours' scores plus corrections is the distribution of the start (or
    the end), and its expected distance is the offset. Boundaries are thus found by comparing
    frames, not by regression from a single frame. The event lies midway between start and end.

    Args:
        setup: sizes of input and output, and dropout.
        radius: r, in sampled frames.
        hidden: channels of the two convolutions in front of the boundary scores.
    """

    def __init__(self, setup: HeadSetup, radius: int = 4, hidden: int = 128) -> None:
        super().__init__()
        self.radius = radius
        self.bins = 2 * radius + 1
        self.dropout = nn.Dropout(setup.dropout)
        self.linear = nn.Linear(setup.feature_dim, setup.num_classes)
        self.neck = nn.Sequential(
            nn.Conv1d(setup.feature_dim, hidden, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(hidden, hidden, 3, padding=1),
            nn.GELU(),
        )
        #: Channels: start score, end score, then corrections of the starts and of the ends.
        self.boundary = nn.Conv1d(hidden, 2 + 2 * self.bins, 1)

    def forward(self, features: Tensor) -> DenseScores:
        offsets = self._offsets(features)
        return DenseScores(
            self.linear(self.dropout(features)),
            displacement=(offsets[..., 1] - offsets[..., 0]) / 2,
            offsets=offsets,
        )

    def _offsets(self, features: Tensor) -> Tensor:
        """Frames back to the start and forward to the end, 0 to 2r, `[B, T, 2]`."""
        responses: Tensor = self.boundary(self.neck(features.transpose(1, 2)))
        start, end = responses[:, 0], responses[:, 1]
        starts, ends = responses[:, 2:].chunk(2, dim=1)
        distances = torch.arange(self.bins, device=features.device, dtype=responses.dtype)
        # Neighbour j of frame t is t − j for starts and t + j for ends. Frames beyond the clip have
        # no score; the interval may still start or end there, and then only the correction counts.
        behind = functional.pad(start, (self.bins - 1, 0)).unfold(1, self.bins, 1).flip(-1)
        ahead = functional.pad(end, (0, self.bins - 1)).unfold(1, self.bins, 1)
        to_start = ((behind + starts.transpose(1, 2)).softmax(-1) * distances).sum(-1)
        to_end = ((ahead + ends.transpose(1, 2)).softmax(-1) * distances).sum(-1)
        return torch.stack([to_start, to_end], dim=-1)


class TridentHeadOptions(BaseConfig):
    """Options of `TridentHead`."""

    radius: PositiveInt = 4
    hidden: PositiveInt = 128


@HEADS.register("trident", TridentHeadOptions)
def _trident(setup: HeadSetup, options: TridentHeadOptions) -> PredictionHead:
    return TridentHead(setup, options.radius, options.hidden)
