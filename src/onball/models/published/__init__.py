"""Published spotting models: their settings, and their checkpoints under this project's names."""

from onball.models.published.catalogue import PUBLISHED, find_published
from onball.models.published.checkpoints import PublishedModel, Rule

__all__ = ["PUBLISHED", "PublishedModel", "Rule", "find_published"]
