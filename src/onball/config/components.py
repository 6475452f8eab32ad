"""What all settings are made of: typed sections, shares, and components chosen by name."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
ShareBelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]


class Section(BaseModel):
    """A group of settings: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ComponentConfig(BaseModel):
    """A component chosen by `name`, with its own options beside the name.

    The options are checked by whoever registered the component (see `onball.models.registry`), so
    that a new backbone or head brings its own settings without a change here.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """All settings but the name."""
        return dict(self.model_extra or {})
