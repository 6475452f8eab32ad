"""A linear layer per frame, for the classes and, if wanted, for a displacement."""

from __future__ import annotations

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from onball.config import BaseConfig
from onball.models.components import HEADS, DenseScores, HeadSetup, PredictionHead


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
        self.radius = displacement
        self.dropout = nn.Dropout(setup.dropout)
        self.linear = nn.Linear(setup.feature_dim, setup.num_classes)
        self.displacement = nn.Linear(setup.feature_dim, 1) if displacement else None

    def forward(self, features: Tensor) -> DenseScores:
        features = self.dropout(features)
        logits = self.linear(features)
        if self.displacement is None:
            return DenseScores(logits)
        return DenseScores(logits, displacement=self.displacement(features).squeeze(-1))


class LinearHeadOptions(BaseConfig):
    """Options of `LinearHead`."""

    displacement: NonNegativeInt = 0


@HEADS.register("linear", LinearHeadOptions)
def _linear(setup: HeadSetup, options: LinearHeadOptions) -> PredictionHead:
    return LinearHead(setup, options.displacement)


# --- TriDet's trident head: where a stretch starts and ends, as the mean of a distributio


class TridentHead(PredictionHead):
    """Start and end offsets after Shi et al., "TriDet" (CVPR 2023), for actions that are moments.

    An event at frame e stands for the stretch from e − r to e + r. Every frame gives a start score, an
    end score and, for itself as a centre, a correction for each of the 2r + 1 frames before and after
    it. The softmax of neighbour scores plus corrections says how likely each neighbour is the start (or
    the end); its expected distance is the offset. So boundaries are found by comparing frames, not
    by regressing a number from a single one. The event lies midway between start and end.

    Args:
        setup: what it is built on.
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
        """`[B, T, 2]`, frames back to the start and on to the end, 0 to 2r."""
        responses: Tensor = self.boundary(self.neck(features.transpose(1, 2)))
        start, end = responses[:, 0], responses[:, 1]
        starts, ends = responses[:, 2:].chunk(2, dim=1)
        distances = torch.arange(self.bins, device=features.device, dtype=responses.dtype)
        # Neighbour j of frame t is t − j for starts and t + j for ends. Frames beyond the clip have
        # no score; they may still be where the stretch starts or ends, and then only the correction
        # speaks for them.
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
