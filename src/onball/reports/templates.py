"""Jinja2 environment of the HTML pages: names are escaped, and a missing value is an error."""

from __future__ import annotations

import base64
from pathlib import Path

from onball.errors import optional_dependency
from onball.reports.style import action_name

with optional_dependency("jinja2", "plot", "A page"):
    from jinja2 import Environment, FileSystemLoader, StrictUndefined


def new_environment() -> Environment:
    """Make an environment for the templates in this folder, with the filters that all share."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"action_name": action_name, "data_uri": _data_uri}
    return environment


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
