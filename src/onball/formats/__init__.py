"""File formats, one module each: SoccerNet's JSON, CSV, tracks and MOTChallenge text."""

from onball.formats.event_table import read_event_table, write_event_table
from onball.formats.soccernet import read_labels, read_results, write_labels, write_results

__all__ = [
    "read_event_table",
    "read_labels",
    "read_results",
    "write_event_table",
    "write_labels",
    "write_results",
]
