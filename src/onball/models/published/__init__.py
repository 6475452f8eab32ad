"""Published spotting models: their settings, their checkpoints under this project's names, and where
they come from (`importing`, `fetching`)."""

from onball.models.published.catalogue import PUBLISHED, find_published, list_models
from onball.models.published.checkpoints import Origin, PublishedModel, Rule

__all__ = ["PUBLISHED", "Origin", "PublishedModel", "Rule", "find_published", "list_models"]
