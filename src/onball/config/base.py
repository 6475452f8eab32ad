"""Base of all groups of settings: strict types, and errors that name the setting at fault."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
FractionBelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]
#: Number of layers of a net; a file with thousands is damaged.
LayerCount = Annotated[int, Field(ge=1, le=64)]
PositiveFraction = Annotated[float, Field(gt=0.0, le=1.0)]

#: Type of the validation error of `conflict`.
CONFLICT = "conflicting_settings"


class BaseConfig(BaseModel):
    """Group of settings: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ComponentConfig(BaseModel):
    """Component chosen by `name`, with its own options beside the name.

    The options are checked by the registry of the component (see `onball.models.components`), so
    that a new backbone or head brings its own settings without a change here.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """All settings but the name."""
        return dict(self.model_extra or {})


def conflict(setting: str, reason: str) -> PydanticCustomError:
    """Validation error for settings that exclude each other.

    Args:
        setting: dotted path of the setting at fault, relative to the validated section.
        reason: one line that says why, and what to change.
    """
    return PydanticCustomError(CONFLICT, "{reason}", {"setting": setting, "reason": reason})
