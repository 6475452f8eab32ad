"""Tags of other programs: Sportscode, LongoMatch, tables and more, read as `Tag`s."""

from onball.formats.tags.base import Clock, Tag, TagFile
from onball.formats.tags.reading import FORMATS, read_tags

__all__ = ["FORMATS", "Clock", "Tag", "TagFile", "read_tags"]
