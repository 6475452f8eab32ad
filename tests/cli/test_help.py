"""Help pages: readable within 80 columns, the same option with the same metavar everywhere."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

import pytest
import typer

from onball.cli.main import COMMANDS, GROUPS, app
from onball.formats.tags.reading import FORMATS

#: Options that have the same words in all commands.
SAME_HELP = ("--device", "--help")
#: Options with several metavars: results of one command are a file.
METAVARS = {
    "--out": {"FOLDER", "FILE"},
    "--format": {"NAME", "onnx|openvino"},
    "--kickoff": {"TIME", "PERIOD=TIME…"},
    "--results": {"FOLDER", "FOLDER…"},
    "--video": {"VIDEO", "VIDEO…"},
}
#: Names of Python types, which mean nothing to users of a command line.
TYPES = re.compile(r"<(bool|str|int|float|path|list|choice)|\b(TEXT|PATH|INTEGER|FLOAT|RANGE)\b")


def pages(onball):
    """Help page of each command and group."""
    return {name: onball(*name.split(), "--help")[1] for name in ("", *GROUPS, *COMMANDS)}


@cache
def parameters():
    """Command, and each of its parameters that the help shows."""
    return list(_parameters())


def _parameters():
    for name in COMMANDS:
        command = typer.main.get_command(app)
        for part in name.split():
            command = command.commands[part]
        context = command.make_context(name, [], resilient_parsing=True)
        for parameter in context.command.get_params(context):
            if not getattr(parameter, "hidden", False):
                yield name, parameter


def options():
    """Command, and each option that takes a value."""
    for name, parameter in parameters():
        if parameter.param_type_name == "option" and not parameter.is_flag:
            yield name, parameter


def test_no_page_is_wider_than_80_columns_or_shows_python_types(onball):
    for name, page in pages(onball).items():
        assert max(map(len, page.splitlines())) <= 80, name
        assert not TYPES.search(page), f"{name}: {TYPES.search(page)}"
        assert "[[" not in page, name


def test_all_formats_of_tags_are_listed():
    for name, parameter in options():
        if name in ("data import", "data align") and "--format" in parameter.opts:
            listed = re.split(r", | or ", parameter.help.partition(": ")[2].partition(".")[0])
            assert sorted(listed) == sorted(FORMATS), name


def test_every_parameter_has_a_sentence_of_help():
    for name, parameter in parameters():
        assert parameter.help and parameter.help.strip(), f"{name} {parameter.name}"


def test_the_same_option_has_the_same_short_form_and_metavar_everywhere():
    found = defaultdict(lambda: defaultdict(list))
    for name, option in options():
        long = next(opt for opt in option.opts if opt.startswith("--"))
        assert option.metavar, f"{name} {long}"
        metavar = "any" if option.metavar in METAVARS.get(long, ()) else option.metavar
        found[long][metavar, tuple(sorted(option.opts))].append(name)
    differing = {option: dict(forms) for option, forms in found.items() if len(forms) > 1}
    assert not differing


def test_the_overwrite_option_says_what_it_replaces():
    helps = {name: p.help for name, p in parameters() if "--overwrite" in p.opts}
    assert {"spot", "track", "train", "evaluate", "report", "calibrate", "simulate"} <= set(helps)
    assert all(re.search("replace|delete", text, re.I) for text in helps.values())


@pytest.mark.parametrize("option", SAME_HELP)
def test_an_option_of_all_commands_has_the_same_words_everywhere(option):
    helps = {p.help for _, p in parameters() if option in p.opts}
    assert len(helps) == 1


def test_the_columns_of_a_page_are_aligned_and_defaults_stay_in_one_piece(onball):
    page = onball("simulate", "--help")[1]
    assert "  -o, --out FOLDER" in page and "      --seed N" in page
    assert "[default: 25; 1 to 60]" in page and "[default: 10]" in page
    assert "tiny|bench|full" in page
    assert "A recorded match:" in page
    assert page.splitlines()[0] == "Usage: onball simulate [OPTIONS]"


def test_optional_and_required_arguments_differ_in_the_first_line(onball):
    assert onball("track", "--help")[1].startswith("Usage: onball track [OPTIONS] [VIDEO…]\n")
    assert onball("report", "--help")[1].startswith("Usage: onball report [OPTIONS] RUN…\n")
