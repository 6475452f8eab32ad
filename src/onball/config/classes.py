"""Settings of the classes that a model predicts, and settings for single classes."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from onball.actions import (
    BALL_ACTIONS,
    ActionSet,
    EventLabel,
    as_label,
)
from onball.config.base import BaseConfig
from onball.errors import LabelError


def _checked(value: object) -> EventLabel:
    try:
        return as_label(value)
    except LabelError as error:
        raise ValueError(str(error)) from None


ClassName = Annotated[
    EventLabel,
    PlainValidator(_checked),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
"""The name of a class, as a key of settings. Whether a model has it, the model's config checks."""


class ClassConfig(BaseConfig):
    """A class of a model; in a config, a name alone is one too.

    Attributes:
        name: name of the class. One of the 12 actions, in any case, is that action.
        colour: its colour in overlays and plots, `#rrggbb`; null chooses one. The 12 actions have
            theirs.
        headline: whether it counts in the headline mean; null if no class says so: then all count,
            or for the 12 actions the ten of mAP10.
    """

    name: str
    colour: str | None = None
    headline: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        values = {"name": self.name, "colour": self.colour, "headline": self.headline}
        given = {key: value for key, value in values.items() if value is not None}
        return self.name if len(given) == 1 else given


def classes_of(actions: ActionSet) -> tuple[ClassConfig, ...]:
    """Return the settings of a list of classes, with all colours."""
    return tuple(ClassConfig.model_validate(fields) for fields in actions.as_json())


@lru_cache
def actions_of(classes: tuple[ClassConfig, ...] | None) -> ActionSet:
    """Return the list of classes of settings; None is the 12 actions. Raises `LabelError`."""
    if classes is None:
        return BALL_ACTIONS
    headline = [each.name for each in classes if each.headline is not False]
    chosen = any(each.headline is not None for each in classes)
    return ActionSet.of(
        [each.name for each in classes],
        [each.colour for each in classes],
        headline if chosen else None,
        source="model.classes",
    )
