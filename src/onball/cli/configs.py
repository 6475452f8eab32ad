"""`onball configs`: the configs that come with onball, and all settings of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from onball.cli import console, options

if TYPE_CHECKING:
    from onball.config import ShippedConfig

_TABLE_COLUMNS = 110
"""Least width of the terminal for a table of names and descriptions."""


def configs(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A config by name, or a YAML file: print all its settings instead of the list.",
            show_default=False,
        ),
    ] = None,
    overlays: Annotated[
        list[str] | None,
        options.overlays("With NAME: an overlay or YAML file put over it (repeatable)."),
    ] = None,
    overrides: Annotated[
        list[str] | None, options.settings("With NAME: a setting to change (repeatable).")
    ] = None,
    parameters: Annotated[
        bool,
        typer.Option(
            "--parameters", help="In the list, count the parameters of each net: some seconds."
        ),
    ] = False,
) -> None:
    """List the configs that come with onball, or print all settings of one."""
    from onball.config import config_text, find_config, list_configs, load_config
    from onball.errors import InputError

    if name is None and (overlays or overrides):
        raise InputError("--with and --set change the settings of a config: onball configs NAME …")
    if name is None:
        _print_list(list_configs(), parameters)
        return
    path = find_config(name)
    shipped = {config.path: config for config in list_configs()}
    known = shipped.get(path)
    if known is not None and known.task is None:  # an overlay has a few settings and is no config
        console.say(path.read_text(encoding="utf-8").rstrip())
        return
    if known is not None:
        console.say(f"# {known.name}: {known.description}")
    console.say(config_text(load_config(path, overrides or (), overlays or ())).rstrip())


def _print_list(shipped: list[ShippedConfig], parameters: bool) -> None:
    tables = {
        f"Configs for {task} (onball train NAME)": [c for c in shipped if c.task == task]
        for task in dict.fromkeys(config.task for config in shipped)
        if task is not None
    }
    tables["Overlays, put over a config (--with NAME)"] = [c for c in shipped if c.task is None]
    for title, configs in tables.items():
        counted = parameters and configs[0].task is not None
        counts = [_count_parameters(config.name) if counted else None for config in configs]
        if console.console.width < _TABLE_COLUMNS:
            _print_lines(title, configs, counts)
            continue
        table = Table(title=title, title_justify="left", title_style="bold", box=None)
        table.add_column("name", style="cyan", no_wrap=True)
        if counted:
            table.add_column("parameters", justify="right", no_wrap=True)
        table.add_column("description")
        for config, count in zip(configs, counts, strict=True):
            cells = [] if count is None else [f"{count:,}"]
            table.add_row(config.name, *cells, config.description)
        console.console.print(table)
        console.say("")
    console.say(f"All settings of one: {console.this_command()} configs NAME")


def _print_lines(title: str, configs: list[ShippedConfig], counts: list[int | None]) -> None:
    """Print each config on lines of its own, for terminals without room for a table."""
    console.console.print(f"[bold]{title}[/]")
    for config, count in zip(configs, counts, strict=True):
        size = "" if count is None else f", {count:,} parameters"
        console.console.print(f"  [cyan]{config.name}[/]{size}", highlight=False)
        text = Padding(Text(config.description), (0, 0, 0, 6))
        console.console.print(text)
    console.say("")


def _count_parameters(name: str) -> int:
    import torch

    from onball.config import load_config
    from onball.models import build_model

    config = load_config(name)
    with torch.device("meta"):
        net = build_model(config.model, config.task, fetch_weights=False)
    return sum(weights.numel() for weights in net.parameters())
