"""A component is a name: backbones and temporal heads register a builder and their options.

    @TEMPORAL_HEADS.register("mean", MeanOptions)
    def build(feature_dim: int, options: MeanOptions) -> TemporalHead: ...

makes `temporal: {name: mean, ...}` a valid config, with the options checked by `MeanOptions`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from onball.config import ComponentConfig, explain
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
