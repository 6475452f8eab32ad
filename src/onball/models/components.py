"""A component is a name: backbones and temporal heads register a builder and their options.

    @TEMPORAL_HEADS.register("mean", MeanOptions)
    def build(feature_dim: int, options: MeanOptions) -> TemporalHead: ...

makes `temporal: {name: mean, ...}` a valid config, with the options checked by `MeanOptions`.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from onball.actions import BACKGROUND, NUM_TEAM_CLASSES
from onball.config import BaseConfig, ComponentConfig, PreprocessingConfig, explain
from onball.errors import ConfigError

InputT = TypeVar("InputT")
PartT = TypeVar("PartT")
#: Options and builder of one component.
_Entry = tuple[type[BaseModel], Callable[[InputT, Any], PartT]]


class Registry(Generic[InputT, PartT]):
    """Builders of one kind of component by name.

    Args:
        setting: dotted path of the setting that chooses the component, for error messages.
    """

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self._entries: dict[str, tuple[type[BaseModel], Callable[[InputT, Any], PartT]]] = {}
        self._lookup: Callable[[str], _Entry[InputT, PartT] | None] | None = None
        self._lookup_names: Callable[[], list[str]] | None = None

    def look_up_others(
        self,
        lookup: Callable[[str], _Entry[InputT, PartT] | None],
        names: Callable[[], list[str]],
    ) -> None:
        """Ask `lookup` for options and builder of names that nobody registered.

        Args:
            lookup: gives None for a name that it does not know either.
            names: the names that it knows, for suggestions.
        """
        self._lookup, self._lookup_names = lookup, names

    def register(
        self, name: str, options: type[BaseModel]
    ) -> Callable[[Callable[[InputT, Any], PartT]], Callable[[InputT, Any], PartT]]:
        """Make the decorated builder `(input, options) -> component` known as `name`."""

        def add(builder: Callable[[InputT, Any], PartT]) -> Callable[[InputT, Any], PartT]:
            self._entries[name] = (options, builder)
            return builder

        return add

    def build(self, config: ComponentConfig, given: InputT) -> PartT:
        """The component that `config` chooses, built on `given`.

        Raises `ConfigError` for an unknown name or option, with the nearest known one.
        """
        options, builder = self._resolve(config)
        return builder(given, options)

    def check(self, config: ComponentConfig) -> None:
        """Raise `ConfigError` as `build` would, without building anything."""
        self._resolve(config)

    def _resolve(self, config: ComponentConfig) -> tuple[BaseModel, Callable[[InputT, Any], PartT]]:
        entry = self._entries.get(config.name)
        if entry is None and self._lookup is not None:
            entry = self._lookup(config.name)
        if entry is None:
            raise ConfigError(f"{self._setting}.name: {self._unknown(config.name)}")
        options, builder = entry
        try:
            return options.model_validate(config.options), builder
        except ValidationError as error:
            dotted, message = explain(error, options)
            raise ConfigError(f"{self._setting}.{dotted}: {message}") from None

    def _unknown(self, name: str) -> str:
        known = list(self._entries) + (self._lookup_names() if self._lookup_names else [])
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(known[:20])
        return f"unknown name '{name}'; {hint}"


# --- `DenseScores`: what a spotting net says about every frame.


@dataclass(frozen=True, slots=True)
class DenseScores:
    """What the net says about every frame.

    Attributes:
        logits: `[B, T, 13]`, background first, then the 12 actions in their order; or `[B, T, 25]`,
            background, the 12 of the left team, the 12 of the right one.
        displacement: `[B, T]`, sampled frames from this frame to the event that it tells of:
            positive if the event comes later. None if the head does not say.
        offsets: `[B, T, 2]`, sampled frames back to the start and on to the end of that event's
            stretch, both ≥ 0 within it. None if the head does not say.
        auxiliary: `[B, T, 18]`, logits of the second label set, background first; or None.
    """

    logits: Tensor
    displacement: Tensor | None = None
    offsets: Tensor | None = None
    auxiliary: Tensor | None = None

    def probabilities(self) -> Tensor:
        """Softmax over all classes, of the logits' shape, float32; background first."""
        return self.logits.float().softmax(dim=-1)

    def action_probabilities(self) -> Tensor:
        """The probabilities of the 12 actions, of either team, `[B, T, 12]`, as in `ACTIONS`."""
        actions = self.probabilities()[..., BACKGROUND + 1 :]
        if self.tells_teams:
            left, right = actions.chunk(2, dim=-1)
            return left + right
        return actions

    @property
    def tells_teams(self) -> bool:
        """True if the classes tell the left team's actions from the right one's."""
        return self.logits.shape[-1] == NUM_TEAM_CLASSES

    def outputs(self) -> Tensor:
        """All that is averaged where windows overlap, `[B, T, F]`, float32.

        The 12 actions' probabilities; then, if the net tells teams, those of the left team's 12;
        then, if it gives displacements, one.
        """
        parts = [self.action_probabilities()]
        if self.tells_teams:
            parts.append(self.probabilities()[..., BACKGROUND + 1 :].chunk(2, dim=-1)[0])
        if self.displacement is not None:
            parts.append(self.displacement.float().unsqueeze(-1))
        return torch.cat(parts, dim=-1)


# --- The contract of backbones: frames → one feature vector per frame; and what their bui


class Backbone(nn.Module, ABC):
    """Frames `[B, T, 3, H, W]` → features `[B, T, C]`.

    Frames are RGB, uint8 0 to 255 or floating point 0 to 1; the backbone normalises them itself,
    so that a saved model carries its own preprocessing.

    Attributes:
        feature_dim: C.
        context: how many frames on each side a frame's feature depends on. With that many frames
            more at both ends, features of a part of a video equal those of the whole.
    """

    feature_dim: int
    context: int
    _mean: Tensor
    _std: Tensor

    def __init__(self, preprocessing: PreprocessingConfig) -> None:
        super().__init__()
        # The config is the one place that keeps these figures: they are not part of the weights.
        for name, values in (("_mean", preprocessing.mean), ("_std", preprocessing.std)):
            self.register_buffer(name, torch.tensor(values).view(1, 1, 3, 1, 1), persistent=False)

    def normalise(self, frames: Tensor) -> Tensor:
        """Frames → float, with each channel's mean taken off and divided by its deviation."""
        if frames.dtype == torch.uint8:
            return (frames - 255 * self._mean) / (255 * self._std)
        return (frames - self._mean) / self._std

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """Features `[B, T, feature_dim]` of frames `[B, T, 3, H, W]`."""


@dataclass(frozen=True, slots=True)
class BackboneSetup:
    """What every backbone's builder gets.

    Attributes:
        preprocessing: how pixels are normalised.
        fetch_weights: False if pretrained weights would only be overwritten.
    """

    preprocessing: PreprocessingConfig
    fetch_weights: bool = True


#: Backbones by name; names that are not registered are looked up in timm (`image`).
BACKBONES: Registry[BackboneSetup, Backbone] = Registry("model.backbone")


# --- The contract of temporal heads: features → features that know their neighbours.


class TemporalHead(nn.Module, ABC):
    """Features `[B, T, C]` → `[B, T, D]`; `output_dim` is D."""

    output_dim: int

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Features `[B, T, output_dim]` of features `[B, T, C]`."""


#: Temporal heads by name; a builder gets C.
TEMPORAL_HEADS: Registry[int, TemporalHead] = Registry("model.temporal")


class NoOptions(BaseConfig):
    """A component without options."""


class NoTemporal(TemporalHead):
    """Every frame on its own: the features as they are."""

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.output_dim = feature_dim

    def forward(self, features: Tensor) -> Tensor:
        return features


@TEMPORAL_HEADS.register("none", NoOptions)
def _none(feature_dim: int, _: NoOptions) -> TemporalHead:
    return NoTemporal(feature_dim)


# --- The contract of prediction heads: features of a frame → dense scores.


class PredictionHead(nn.Module, ABC):
    """Features `[B, T, D]` → `DenseScores`.

    Attributes:
        radius: how far from an event, in sampled frames, a frame may tell where it is; 0 if the head
            gives neither displacements nor offsets. A head with a reach must give displacements.
    """

    radius: int

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
