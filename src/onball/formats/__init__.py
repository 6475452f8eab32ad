"""Interchange formats, one small module each."""

from onball.formats.event_table import read_csv, write_csv
from onball.formats.soccernet import read_labels, read_results, write_labels, write_results

__all__ = ["read_csv", "read_labels", "read_results", "write_csv", "write_labels", "write_results"]
