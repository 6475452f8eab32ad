"""The two nets: frames (and tracks) → dense scores, or → the actions of a clip.

Both consist of a backbone, a temporal head and a classifier; `build_model` composes them from the
registered components that a config names.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Literal, overload

import torch
from torch import Tensor, nn

from onball.actions import NUM_ACTIONS
from onball.config import ModelConfig, Task, TrackingConfig
from onball.errors import ConfigError
from onball.models import heads  # noqa: F401 - registers the heads
from onball.models.backbones import BACKBONES, Backbone, BackboneSetup
from onball.models.components import HEADS, DenseScores, HeadSetup, PredictionHead
from onball.models.temporal import TEMPORAL_HEADS, TemporalHead
from onball.tracking.features import feature_names

#: Classes of the second label set: background and the 17 actions of SoccerNet-v2.
NUM_AUXILIARY_CLASSES = 18
#: Least mean probability, for its logarithm.
_LEAST = 1e-9


class TrackingEncoder(nn.Module):
    """Encoder of track features: `[B, T, 2F]` → `[B, T, dim]`.

    The input is that of `onball.tracking.features.as_inputs`: F numbers, and F flags that are 1
    where the number is known. An unknown number is replaced by a learned value, so that, for
    example, a ball that is not seen differs from a ball at any position. The replacement is linear
    in the input, so that mixup blends the two states too.

    Args:
        config: choice of the features, and the size of the output.
    """

    def __init__(self, config: TrackingConfig) -> None:
        super().__init__()
        count = len(feature_names(config.features))
        self.input_dim = 2 * count
        self.output_dim = config.dim
        self.unknown = nn.Parameter(torch.zeros(count))
        self.project = nn.Sequential(
            nn.Linear(2 * count, config.dim), nn.LayerNorm(config.dim), nn.GELU()
        )

    def forward(self, track_features: Tensor) -> Tensor:
        """Features `[B, T, dim]` of track features `[B, T, 2F]`."""
        numbers, known = track_features.chunk(2, dim=-1)
        filled = numbers + (1.0 - known) * self.unknown
        features: Tensor = self.project(torch.cat([filled, known], dim=-1))
        return features


class PositionEncoding(nn.Module):
    """Learned vector for each position in a clip, added to the features `[B, T, C]`.

    T-DEED (Xarles et al. 2024) and AdaSpot (2026) have one. It fixes the longest clip.

    Args:
        frames: length of the longest clip.
        feature_dim: C.
    """

    def __init__(self, frames: int, feature_dim: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.empty(frames, feature_dim).normal_(std=0.02))

    def forward(self, features: Tensor) -> Tensor:
        """Features with the encoding of their positions.

        Raises:
            ValueError: the clip is longer than the encoding.
        """
        frames, longest = features.shape[1], self.vectors.shape[0]
        if frames > longest:
            raise ValueError(
                f"a clip of {frames} frames, and this net takes at most {longest} (model.positions)"
            )
        return features + self.vectors[:frames]


class BranchHead(nn.Module):
    """Temporal head and classifier of one branch of the backbone, for training."""

    def __init__(self, temporal: TemporalHead, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.temporal = temporal
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(temporal.output_dim, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.dropout(self.temporal(features)))
        return logits


class Net(nn.Module):
    """Backbone, encoder of track features and temporal head: the common part of both nets.

    Args:
        backbone: frames → features.
        temporal: features → features in the context of their neighbours.
        tracking: encoder of track features; None for a net that takes frames only.
        positions: encoding of each frame's position in its clip; None for none.
    """

    def __init__(
        self,
        backbone: Backbone,
        temporal: TemporalHead,
        tracking: TrackingEncoder | None = None,
        positions: PositionEncoding | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.tracking = tracking
        self.positions = positions
        self.temporal = temporal

    @property
    def feature_dim(self) -> int:
        """C, the number of features of a frame."""
        width = self.backbone.feature_dim
        return width if self.tracking is None else width + self.tracking.output_dim

    def features(self, frames: Tensor, track_features: Tensor | None = None) -> Tensor:
        """Features `[B, T, C]` of the backbone, concatenated with those of the tracks.

        Args:
            frames: `[B, T, 3, H, W]`, uint8, or floating point from 0 to 1; or features that the
                backbone computed before, `[B, T, D]`.
            track_features: `[B, T, 2F]`; required if the net takes tracks, ignored if not.

        Raises:
            ValueError: the net takes tracks and `track_features` is None.
        """
        features: Tensor = frames if frames.ndim == 3 else self.backbone(frames)
        if self.tracking is None:
            return features
        if track_features is None:
            raise ValueError("this net takes tracking features, [B, T, 2F]: none were given")
        with _without_autocast(features.device.type):
            encoded = self.tracking(track_features.float())
            return torch.cat([features.float(), encoded], dim=-1)

    def in_context(self, features: Tensor) -> Tensor:
        """Output `[B, T, D]` of the temporal head for features `[B, T, C]`."""
        output: Tensor = self.temporal(self.placed(features))
        return output

    def placed(self, features: Tensor) -> Tensor:
        """Features with the encoding of their positions, if the net has one."""
        return features if self.positions is None else self.positions(features)


class SpottingNet(Net):
    """Frames `[B, T, 3, H, W]` (and track features) → `DenseScores`.

    Its two halves can be run separately: `features` needs only `backbone.context` neighbours of a
    frame, so that each frame's feature is computed once; `scores_from_features` then runs on
    windows of features.

    Args:
        backbone: frames → features.
        temporal: features → features in the context of their neighbours.
        head: features → dense scores.
        auxiliary: classifier of the second label set, for joint training.
        tracking: encoder of track features; None for a net that takes frames only.
        positions: encoding of each frame's position in its clip; None for none.
        branches: a head for each branch of the backbone (`Backbone.branches`), which adds its scores
            to those of a clip; empty for none.
        teams: whether the head has each class once for each team.
    """

    def __init__(
        self,
        backbone: Backbone,
        temporal: TemporalHead,
        head: PredictionHead,
        auxiliary: nn.Module | None = None,
        tracking: TrackingEncoder | None = None,
        positions: PositionEncoding | None = None,
        branches: Sequence[BranchHead] = (),
        *,
        teams: bool = False,
    ) -> None:
        super().__init__(backbone, temporal, tracking, positions)
        self.head = head
        self.auxiliary = auxiliary
        self.branches = nn.ModuleList(branches)
        self.teams = teams

    def scores_from_features(self, features: Tensor) -> DenseScores:
        """Dense scores of features `[B, T, C]`."""
        # These layers cost little next to the backbone, and a recurrence in bfloat16 accumulates
        # its rounding errors: they always run in float32.
        with _without_autocast(features.device.type):
            features = self.in_context(features.float())
            auxiliary = None if self.auxiliary is None else self.auxiliary(features)
            scores: DenseScores = self.head(features)
            return replace(scores, auxiliary=auxiliary, teams=self.teams)

    def forward(self, frames: Tensor, track_features: Tensor | None = None) -> DenseScores:
        """Dense scores of a clip; arguments as in `features`."""
        if not self.branches:
            return self.scores_from_features(self.features(frames, track_features))
        fused, streams = self.backbone.branches(frames)
        scores = self.scores_from_features(fused)
        with _without_autocast(fused.device.type):
            logits = [
                head(self.placed(stream.float()))
                for head, stream in zip(self.branches, streams, strict=True)
            ]
        return replace(scores, branches=tuple(logits))


class BlendedNet(SpottingNet):
    """Mean of the probabilities of several nets with the same components, such as those of all folds.

    The features of the nets are concatenated. The names of the first net's weights are those of a single
    one, the others' begin with `others`. Heads for training alone are left out.

    Args:
        nets: the nets, at least two.
    """

    def __init__(self, nets: Sequence[SpottingNet]) -> None:
        first = nets[0]
        super().__init__(
            first.backbone,
            first.temporal,
            first.head,
            None,
            first.tracking,
            first.positions,
            teams=first.teams,
        )
        for net in nets[1:]:
            net.auxiliary, net.branches = None, nn.ModuleList()
        self.others = nn.ModuleList(nets[1:])

    @property
    def _members(self) -> list[SpottingNet]:
        return [net for net in self.others if isinstance(net, SpottingNet)]

    @property
    def feature_dim(self) -> int:
        """Number of features of all nets."""
        return super().feature_dim * (1 + len(self.others))

    def features(self, frames: Tensor, track_features: Tensor | None = None) -> Tensor:
        """Features `[B, T, N · C]` of the N nets; see `Net.features`."""
        parts = [super().features(frames, track_features)]
        parts += [net.features(frames, track_features) for net in self._members]
        return torch.cat(parts, dim=-1)

    def scores_from_features(self, features: Tensor) -> DenseScores:
        """Mean of the nets' scores, for features `[B, T, N · C]`."""
        first, *others = features.chunk(1 + len(self.others), dim=-1)
        scores = [super().scores_from_features(first)]
        for net, part in zip(self._members, others, strict=True):
            scores.append(net.scores_from_features(part))
        probabilities = _mean([one.probabilities() for one in scores])
        if scores[0].independent:
            logits = probabilities.logit(eps=_LEAST)
        else:
            logits = probabilities.clamp(min=_LEAST).log()
        right = [one.team.sigmoid() for one in scores if one.team is not None]
        displacements = [one.displacement for one in scores if one.displacement is not None]
        offsets = [one.offsets for one in scores if one.offsets is not None]
        return replace(
            scores[0],
            logits=logits,
            displacement=_mean(displacements) if displacements else None,
            offsets=_mean(offsets) if offsets else None,
            team=_mean(right).logit(eps=_LEAST) if right else None,
        )


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(tensors)).mean(dim=0)


class ClipClassifier(Net):
    """Frames of a clip `[B, T, 3, H, W]` (and track features) → logits `[B, K]`, one per action.

    The sigmoid of a logit is the probability that the action occurs in the clip. An action occurs in a
    clip if it occurs on any frame. By default, each feature is pooled by its maximum over time. With
    attention, every frame gets a score and a weight for each action, and the logit is the weighted mean
    of the scores (Ilse et al., "Attention-based deep multiple instance learning", 2018): what one frame
    shows then stays together, and all frames learn.

    Args:
        backbone: frames → features.
        temporal: features → features in the context of their neighbours.
        dropout: fraction of the classifier's inputs that are dropped in training.
        tracking: encoder of track features; None for a net that takes frames only.
        positions: encoding of each frame's position in its clip; None for none.
        num_actions: K.
        attention: pool by attention instead of the maximum.
    """

    def __init__(
        self,
        backbone: Backbone,
        temporal: TemporalHead,
        dropout: float,
        tracking: TrackingEncoder | None = None,
        positions: PositionEncoding | None = None,
        *,
        num_actions: int = NUM_ACTIONS,
        attention: bool = False,
    ) -> None:
        super().__init__(backbone, temporal, tracking, positions)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(temporal.output_dim, num_actions)
        self.attention = nn.Linear(temporal.output_dim, num_actions) if attention else None

    def forward(self, frames: Tensor, track_features: Tensor | None = None) -> Tensor:
        """Logits `[B, K]` of a clip; arguments as in `features`."""
        features = self.features(frames, track_features)
        with _without_autocast(features.device.type):
            features = self.in_context(features.float())
            if self.attention is None:
                features = features.amax(dim=1)
            features = self.dropout(features)
            logits: Tensor = self.linear(features)
            if self.attention is None:
                return logits
            weights: Tensor = self.attention(features).softmax(dim=1)
            return (weights * logits).sum(dim=1)


@overload
def build_model(
    config: ModelConfig, task: Literal["spotting"] = ..., *, fetch_weights: bool = ...
) -> SpottingNet: ...
@overload
def build_model(
    config: ModelConfig, task: Literal["classification"], *, fetch_weights: bool = ...
) -> ClipClassifier: ...
@overload
def build_model(
    config: ModelConfig, task: Task, *, fetch_weights: bool = ...
) -> SpottingNet | ClipClassifier: ...
def build_model(
    config: ModelConfig, task: Task = "spotting", *, fetch_weights: bool = True
) -> SpottingNet | ClipClassifier:
    """Build the net of a config.

    Args:
        config: backbone, heads and their options.
        task: `spotting` for a `SpottingNet`, `classification` for a `ClipClassifier`.
        fetch_weights: False starts from random weights even if the config says pretrained: for a
            net whose weights are loaded afterwards.

    Raises:
        ConfigError: an unknown component or option.
        ModelError: pretrained weights cannot be loaded.
    """
    if config.members > 1 and task == "spotting":
        one = config.model_copy(update={"members": 1, "auxiliary": None, "branch_heads": False})
        nets = [build_model(one, fetch_weights=fetch_weights) for _ in range(config.members)]
        return BlendedNet(nets)
    # Names and options are checked first, so that nobody waits for pretrained weights before a
    # misspelling shows.
    if task == "spotting":
        HEADS.check(config.head)
    TEMPORAL_HEADS.check(config.temporal)
    backbone = BACKBONES.build(config.backbone, BackboneSetup(config.preprocessing, fetch_weights))
    tracking = None if config.tracking is None else TrackingEncoder(config.tracking)
    width = backbone.feature_dim + (0 if tracking is None else tracking.output_dim)
    positions = None if config.positions is None else PositionEncoding(config.positions, width)
    temporal = TEMPORAL_HEADS.build(config.temporal, width)
    if task == "classification":
        count = len(config.actions)
        return ClipClassifier(
            backbone,
            temporal,
            config.dropout,
            tracking,
            positions,
            num_actions=count,
            attention=config.pooling == "attention",
        )
    classes = 1 + len(config.actions) * (2 if config.teams else 1)
    head = HEADS.build(config.head, HeadSetup(temporal.output_dim, classes, config.dropout))
    auxiliary = None
    if config.auxiliary is not None:
        linear = nn.Linear(temporal.output_dim, NUM_AUXILIARY_CLASSES)
        auxiliary = nn.Sequential(nn.Dropout(config.dropout), linear)
    branches = []
    if config.branch_heads:
        if backbone.num_branches < 2:
            raise ConfigError(
                f"model.branch_heads: '{config.backbone.name}' has no branches: --set "
                "model.branch_heads=false"
            )
        for _ in range(backbone.num_branches):
            branch = TEMPORAL_HEADS.build(config.temporal, backbone.feature_dim)
            branches.append(BranchHead(branch, classes, config.dropout))
    return SpottingNet(
        backbone, temporal, head, auxiliary, tracking, positions, branches, teams=config.teams
    )


def _without_autocast(device_type: str) -> AbstractContextManager[object]:
    """Full precision inside a mixed-precision computation."""
    # Some devices have no autocast: there is nothing to disable, and naming them is an error.
    if torch.amp.is_autocast_available(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()
