"""Help pages of the commands: plain text within 80 columns, with metavars instead of types."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from onball.cli import console
from onball.files import shell_quoted

_INDENT = 2
#: Widest column of names; the help of a longer one begins on the next line.
_WIDEST_NAME = 28
#: Bounds of a number as Click writes them.
_BOUNDS = re.compile(r"(?:([\d.]+)<=)?x(?:<=([\d.]+))?(?:>=[\d.]+)?")


class Command(TyperCommand):
    """Command with a help page of onball's own layout."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; an option whose metavar ends with … takes all values that follow it."""
        several = {
            name: option.opts[0]
            for option in self.get_params(ctx)
            if getattr(option, "multiple", False) and str(option.metavar).endswith("…")
            for name in option.opts
        }
        return super().parse_args(ctx, _repeated(args, several) if several else args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return `[OPTIONS]` and the arguments, in brackets if they are optional."""
        return ["[OPTIONS]", *map(_usage, _arguments(self, ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, in the panels that they name."""
        _write_parameters(self, ctx, formatter)


class Group(TyperGroup):
    """Group of commands whose overview shows the whole first line of each command's help."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; for the name of a file, suggest `onball spot`."""
        name = args[0]
        if ctx.parent is None and self.get_command(ctx, name) is None and Path(name).exists():
            ctx.fail(f"No such command '{name}'. Did you mean: onball spot {shell_quoted(name)}")
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write commands and options."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, one.help or "") for name, one in commands if one and not one.hidden]
        _write_section(formatter, "Commands", rows)
        _write_parameters(self, ctx, formatter)


def _repeated(args: list[str], several: Mapping[str, str]) -> list[str]:
    """Repeat the name of an option of several values before each of them."""
    written: list[str] = []
    active, first = "", False
    for position, arg in enumerate(args):
        if arg == "--":
            return [*written, *args[position:]]
        if arg.startswith("-") and len(arg) > 1:
            active, first = several.get(arg, ""), True
        elif active and not first:
            written.append(active)
        else:
            first = False
        written.append(arg)
    return written


def _arguments(command: Any, ctx: Any) -> list[Any]:
    return [p for p in command.get_params(ctx) if p.param_type_name == "argument" and not p.hidden]


def _usage(argument: Any) -> str:
    name = _metavar(argument)
    return name if argument.required else f"[{name}]"


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        if getattr(parameter, "hidden", False):
            continue
        argument = parameter.param_type_name == "argument"
        section = "Arguments" if argument else "Options"
        section = getattr(parameter, "rich_help_panel", None) or section
        name = _metavar(parameter) if argument else _names(parameter)
        sections.setdefault(section, []).append((name, _help(parameter, ctx)))
    for section, rows in sections.items():
        _write_section(formatter, section, rows)


def _names(option: Any) -> str:
    """Names of an option with its metavar, the long names of all options below each other."""
    short = [name for name in option.opts if not name.startswith("--")]
    long = [name for name in option.opts if name.startswith("--")]
    names = f"{short[0]}, " if short else "    "
    names += " / ".join([*long, *option.secondary_opts])
    return names if option.is_flag else f"{names} {_metavar(option)}"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _help(parameter: Any, ctx: Any) -> str:
    """Help of a parameter, then its default and bounds in brackets."""
    record = parameter.get_help_record(ctx)
    text, _, extra = (record[1] if record else "").partition("  [")
    remarks = []
    stated = re.search(r" \[(default: [^\[\]]*)\]$", text)
    if stated:  # where the default is no value: that of a run, of a preset
        text = text[: stated.start()]
        remarks.append(stated[1])
    for remark in extra.removesuffix("]").split("; ") if extra else ():
        bounds = _BOUNDS.fullmatch(remark)
        if bounds is None:
            remarks.append(re.sub(r"^(default: \d+)\.0$", r"\1", remark))
        elif bounds[1] and bounds[2]:  # a lower bound alone, mostly 0, is obvious
            remarks.append(f"{bounds[1]} to {bounds[2]}")
    if parameter.param_type_name == "argument" and "required" in remarks:
        remarks.remove("required")  # shown by the first line of the page
    return f"{text} [{'; '.join(remarks)}]" if remarks else text


def _write_section(formatter: Any, heading: str, rows: Iterable[tuple[str, str]]) -> None:
    rows = list(rows)
    if not rows:
        return
    column = min(max(len(name) for name, _ in rows), _WIDEST_NAME) + 2
    formatter.write_paragraph()
    formatter.write(f"{_styled(f'{heading}:', bold=True)}\n")
    for name, text in rows:
        lines = _wrap(text, formatter.width - _INDENT - column) or [""]
        if len(name) + 2 > column:
            lines.insert(0, "")
        padding = " " * (column - len(name))
        first = f"{_styled(name, fg=typer.colors.CYAN)}{padding}{lines[0]}"
        for line in (first, *(" " * column + line for line in lines[1:])):
            formatter.write(f"{' ' * _INDENT}{line}".rstrip() + "\n")


def _wrap(text: str, width: int) -> list[str]:
    """Wrap text to lines; file names, and a short default at the end, stay in one piece."""

    def joined(found: re.Match[str]) -> str:
        return found[0].replace(" ", "\xa0") if len(found[0]) <= width else found[0]

    text = re.sub(r"\[[^\[\]]*\]$", joined, text)
    lines = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
    return [line.replace("\xa0", " ") for line in lines]


def _styled(text: str, **style: Any) -> str:
    plain = console.console.no_color or not console.console.is_terminal
    return text if plain else typer.style(text, **style)
