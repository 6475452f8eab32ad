"""Contracts and registries of the parts of a net: backbones, temporal heads, prediction heads.

A component registers a builder and its options under a name:

    @TEMPORAL_HEADS.register("mean", MeanOptions)
    def build(feature_dim: int, options: MeanOptions) -> TemporalHead: ...

makes `temporal: {name: mean, ...}` a valid config, with the options checked by `MeanOptions`.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from onball.actions import BACKGROUND
from onball.config import (
    BaseConfig,
    ComponentConfig,
    ModelConfig,
    PreprocessingConfig,
    explain,
)
from onball.errors import ConfigError

InputT = TypeVar("InputT")
PartT = TypeVar("PartT")
#: Options and builder of a component.
_Entry = tuple[type[BaseModel], Callable[[InputT, Any], PartT]]


class Registry(Generic[InputT, PartT]):
    """Builders of one kind of component by name.

    Args:
        setting: dotted path of the setting that chooses the component, for error messages.

    Attributes:
        setting: the same.
    """

    def __init__(self, setting: str) -> None:
        self.setting = setting
        self._entries: dict[str, tuple[type[BaseModel], Callable[[InputT, Any], PartT]]] = {}
        self._lookup: Callable[[str], _Entry[InputT, PartT] | None] | None = None
        self._lookup_names: Callable[[], list[str]] | None = None

    def look_up_others(
        self,
        lookup: Callable[[str], _Entry[InputT, PartT] | None],
        names: Callable[[], list[str]],
    ) -> None:
        """Set a source of components whose names are not registered.

        Args:
            lookup: returns options and builder of a name, or None for an unknown one.
            names: returns all its names, for suggestions.
        """
        self._lookup, self._lookup_names = lookup, names

    def register(
        self, name: str, options: type[BaseModel]
    ) -> Callable[[Callable[[InputT, Any], PartT]], Callable[[InputT, Any], PartT]]:
        """Register the decorated builder `(input, options) -> component` under `name`."""

        def add(builder: Callable[[InputT, Any], PartT]) -> Callable[[InputT, Any], PartT]:
            self._entries[name] = (options, builder)
            return builder

        return add

    def build(self, config: ComponentConfig, given: InputT) -> PartT:
        """Build the component that `config` chooses, with the builder's input `given`.

        Raises `ConfigError` for an unknown name or option, with the nearest known one.
        """
        options, builder = self._resolve(config)
        return builder(given, options)

    def check(self, config: ComponentConfig) -> None:
        """Raise `ConfigError` as `build` would, without building anything."""
        self._resolve(config)

    def registered(self) -> dict[str, type[BaseModel]]:
        """Return the options of each registered component by its name."""
        return {name: options for name, (options, _) in self._entries.items()}

    def options_of(self, name: str) -> type[BaseModel]:
        """Return the options of a component. Raises `ConfigError` for an unknown name."""
        return self._entry(name)[0]

    def knows(self, name: str) -> bool:
        """Return True if there is a component of that name."""
        return name in self._entries or bool(self._lookup and self._lookup(name))

    def module_of(self, name: str) -> str:
        """Return the name of the module that registered a component; empty for an unknown name."""
        return str(self._entries[name][1].__module__) if name in self._entries else ""

    def _entry(self, name: str) -> _Entry[InputT, PartT]:
        entry = self._entries.get(name)
        if entry is None and self._lookup is not None:
            entry = self._lookup(name)
        if entry is None:
            raise ConfigError(f"{self.setting}.name: {self._unknown(name)}")
        return entry

    def _resolve(self, config: ComponentConfig) -> tuple[BaseModel, Callable[[InputT, Any], PartT]]:
        options, builder = self._entry(config.name)
        try:
            return options.model_validate(config.options), builder
        except ValidationError as error:
            dotted, message = explain(error, options)
            raise ConfigError(f"{self.setting}.{dotted}: {message}") from None

    def _unknown(self, name: str) -> str:
        others = self._lookup_names() if self._lookup_names else []
        close = difflib.get_close_matches(name, [*self._entries, *others], n=3)
        if close:
            quoted = [f"'{each}'" for each in close]
            return f"unknown name '{name}'; did you mean {' or '.join(quoted)}?"
        more = f" and {len(others)} others" if others else ""
        return (
            f"unknown name '{name}'; known: {', '.join(self._entries)}{more}; a custom component is "
            "registered by its module: onball --import MODULE …"
        )


@dataclass(frozen=True, slots=True)
class DenseScores:
    """Output of a spotting net for every frame.

    Attributes:
        logits: `[B, T, 1 + K]`, background first, then the K classes of the model; or `[B, T, 1 +
            2K]`, background, the K of the left team, the K of the right team (see `teams`).
        displacement: `[B, T]`, sampled frames from each frame to its event; positive if the event
            comes later. None if the head does not predict displacements.
        offsets: `[B, T, 2]`, sampled frames back to the start and forward to the end of the event's
            interval, both ≥ 0 within it. None if the head does not predict offsets.
        auxiliary: `[B, T, 18]`, logits of the second label set, background first; or None.
        team: `[B, T]`, logit of the event's team being the right one; None if the head has no
            logit of teams.
        branches: logits `[B, T, 1 + K]` of each branch of the backbone alone, for training.
        independent: the classes do not exclude each other: `logits` are `[B, T, K]` without a
            background, and each has a sigmoid of its own.
        teams: whether `logits` has each class once for each team. The net knows it; heads need not.
    """

    logits: Tensor
    displacement: Tensor | None = None
    offsets: Tensor | None = None
    auxiliary: Tensor | None = None
    team: Tensor | None = None
    branches: tuple[Tensor, ...] = ()
    independent: bool = False
    teams: bool = False

    def probabilities(self) -> Tensor:
        """Softmax (sigmoid if `independent`) over all classes, of the logits' shape, float32."""
        if self.independent:
            return self.logits.float().sigmoid()
        return self.logits.float().softmax(dim=-1)

    def action_probabilities(self) -> Tensor:
        """Probabilities of the classes, summed over both teams, `[B, T, K]`, without background."""
        if self.independent:
            return self.probabilities()
        actions = self.probabilities()[..., BACKGROUND + 1 :]
        if self.teams:
            left, right = actions.chunk(2, dim=-1)
            return left + right
        return actions

    def left_probabilities(self) -> Tensor:
        """Left team's part of the probabilities, `[B, T, K]`; the net must distinguish teams."""
        if self.team is not None:
            return self.action_probabilities() * (1 - self.team.float().sigmoid()).unsqueeze(-1)
        return self.probabilities()[..., BACKGROUND + 1 :].chunk(2, dim=-1)[0]

    @property
    def tells_teams(self) -> bool:
        """True if the net distinguishes the left and the right team."""
        return self.teams or self.team is not None

    def outputs(self) -> Tensor:
        """Concatenate what a net predicts for each frame, `[B, T, F]`, float32.

        They are the probabilities; then, if the net has a logit of teams, the probability of the right
        one; then, if it predicts displacements, the displacement. `onball.spotting.compute` names
        these columns.
        """
        parts = [self.probabilities()]
        if self.team is not None:
            parts.append(self.team.float().sigmoid().unsqueeze(-1))
        if self.displacement is not None:
            parts.append(self.displacement.float().unsqueeze(-1))
        return torch.cat(parts, dim=-1)


class Backbone(nn.Module, ABC):
    """Frames `[B, T, 3, H, W]` → features `[B, T, C]`.

    Frames are RGB, uint8 0 to 255 or floating point 0 to 1; the backbone normalises them itself,
    so that a saved model carries its own preprocessing.

    Attributes:
        feature_dim: C.
        context: number of frames on each side that a frame's feature depends on. With that many
            additional frames at both ends, features of a part of a video equal those of the whole.
            None if a feature depends on the whole clip, which then must not be cut.
        num_branches: number of networks whose features are fused; 1 for a backbone without
            branches.
        resolved: values of options that depend on others, which a saved model records.
        export_obstacle: reason why the backbone cannot be exported as one graph; empty if it can.
    """

    feature_dim: int
    context: int | None
    num_branches: int = 1
    resolved: Mapping[str, Any] = MappingProxyType({})
    export_obstacle: str = ""
    _mean: Tensor
    _std: Tensor

    def __init__(self, preprocessing: PreprocessingConfig) -> None:
        super().__init__()
        # The config stores these values: they are not part of the weights.
        for name, values in (("_mean", preprocessing.mean), ("_std", preprocessing.std)):
            self.register_buffer(name, torch.tensor(values).view(1, 1, 3, 1, 1), persistent=False)

    def normalise(self, frames: Tensor) -> Tensor:
        """Subtract each channel's mean and divide by its standard deviation; returns float."""
        if frames.dtype == torch.uint8:
            return (frames - 255 * self._mean) / (255 * self._std)
        return (frames - self._mean) / self._std

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """Features `[B, T, feature_dim]` of frames `[B, T, 3, H, W]`."""

    def stages(self) -> list[list[str]]:
        """Names of the parameters in groups, from the input to the features.

        The first group is the stem, the others are stages 1, 2, … that can be frozen or trained at
        different rates. By default, all parameters are one group.
        """
        return [[name for name, _ in self.named_parameters()]]

    def branches(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Features, and those of each branch before they are fused, `[B, T, feature_dim]` each."""
        raise NotImplementedError(f"{type(self).__name__} has no branches")


@dataclass(frozen=True, slots=True)
class BackboneSetup:
    """Input of a backbone's builder.

    Attributes:
        preprocessing: normalisation of pixels.
        fetch_weights: False if pretrained weights would only be overwritten.
    """

    preprocessing: PreprocessingConfig
    fetch_weights: bool = True


#: Backbones by name; names that are not registered are looked up in timm (`image`).
BACKBONES: Registry[BackboneSetup, Backbone] = Registry("model.backbone")


class TemporalHead(nn.Module, ABC):
    """Features `[B, T, C]` → features in the context of their neighbours, `[B, T, D]`.

    Attributes:
        output_dim: D.
    """

    output_dim: int

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Features `[B, T, output_dim]` of features `[B, T, C]`."""


#: Temporal heads by name; a builder gets C.
TEMPORAL_HEADS: Registry[int, TemporalHead] = Registry("model.temporal")


class NoOptions(BaseConfig):
    """A component without options."""


class NoTemporal(TemporalHead):
    """Identity: the features of every frame, without context."""

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.output_dim = feature_dim

    def forward(self, features: Tensor) -> Tensor:
        return features


@TEMPORAL_HEADS.register("none", NoOptions)
def _none(feature_dim: int, _: NoOptions) -> TemporalHead:
    return NoTemporal(feature_dim)


class PredictionHead(nn.Module, ABC):
    """Features `[B, T, D]` → `DenseScores`.

    Attributes:
        radius: largest distance from an event, in sampled frames, at which a frame predicts its
            displacement; 0 if the head predicts neither displacements nor offsets. A head with a
            radius must predict displacements.
    """

    radius: int

    @abstractmethod
    def forward(self, features: Tensor) -> DenseScores:
        """Dense scores of features `[B, T, D]`."""


@dataclass(frozen=True, slots=True)
class HeadSetup:
    """Input of a prediction head's builder.

    Attributes:
        feature_dim: D.
        num_classes: 1 + K for K classes, with background; 1 + 2K if it has them for both teams.
        dropout: fraction of the classifier's inputs that are dropped in training.
    """

    feature_dim: int
    num_classes: int
    dropout: float


#: Prediction heads by name.
HEADS: Registry[HeadSetup, PredictionHead] = Registry("model.head")


def chosen_components(
    config: ModelConfig,
) -> list[tuple[Registry[Any, Any], ComponentConfig]]:
    """Return the components that a config chooses, each with its registry."""
    return [
        (BACKBONES, config.backbone),
        (TEMPORAL_HEADS, config.temporal),
        (HEADS, config.head),
    ]


def custom_modules(config: ModelConfig) -> tuple[str, ...]:
    """Return the modules outside of onball that registered components of a net."""
    modules = [registry.module_of(chosen.name) for registry, chosen in chosen_components(config)]
    package = __name__.partition(".")[0]
    own = [name for name in modules if name.partition(".")[0] not in ("", package, "__main__")]
    return tuple(dict.fromkeys(own))
