"""Conversion of events to the files of other programs: tagging, editing, annotation, players."""

from onball.formats.conversion.converting import FORMATS, ConvertedFile, convert_events

__all__ = ["FORMATS", "ConvertedFile", "convert_events"]
