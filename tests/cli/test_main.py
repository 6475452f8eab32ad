"""`onball`: lazy loading of the commands, global options and exit codes."""

from __future__ import annotations

import inspect
import json
import shlex
import subprocess
import sys
from importlib import import_module

import pytest
import typer

from onball import __version__
from onball.cli.main import COMMANDS, GROUPS, app

HEAVY = ("torch", "numpy", "av", "cv2", "timm", "lightning", "matplotlib", "pyarrow")


#: Run commands one after the other, and print after each the modules that are imported by then.
RUN_ALL = """
import json, sys
from onball.cli.main import main

def run(arguments):
    sys.argv = ["onball", *arguments]
    try:
        main()
    except SystemExit as end:
        assert not end.code, arguments
    return sorted(sys.modules)

commands = json.loads(sys.argv[1])
output, sys.stdout = sys.stdout, sys.stderr
json.dump([run(command) for command in commands], output)
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """Modules that are imported after each page of help, in one process: first the overviews."""
    pages = ["--help", "--version", "data --help", *(f"{command} --help" for command in COMMANDS)]
    commands = json.dumps([page.split() for page in pages])
    script = [sys.executable, "-W", "ignore", "-c", RUN_ALL, commands]
    done = subprocess.run(script, capture_output=True, text=True, check=True, timeout=120)
    return dict(zip(pages, map(set, json.loads(done.stdout)), strict=True))


@pytest.mark.parametrize("page", ["--help", "--version", "data --help"])
def test_the_overview_imports_no_command(loaded, page):
    assert not loaded[page] & set(HEAVY)
    commands = {target.partition(":")[0] for target, *_ in COMMANDS.values()}
    assert not loaded[page] & commands


def test_the_help_of_a_command_imports_its_module_alone(loaded):
    for command, (target, *_) in COMMANDS.items():
        modules = loaded[f"{command} --help"]
        assert target.partition(":")[0] in modules
        heavy = modules & {"torch", "av", "lightning", "matplotlib"}
        assert not heavy, f"imported by the help of {command}"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_overview_shows_the_first_line_of_each_docstring(command):
    target, description, _ = COMMANDS[command]
    module, _, name = target.partition(":")
    docstring = inspect.getdoc(getattr(import_module(module), name))
    assert docstring.partition("\n\n")[0].replace("\n", " ") == description


def test_help_lists_every_command_with_its_description(onball):
    shown = _joined(onball("--help")[1])
    for command, (_, description, _) in COMMANDS.items():
        group, _, name = command.rpartition(" ")
        listed = _joined(onball(group, "--help")[1]) if group else shown
        assert f" {name} " in listed and description in listed
    for group, description in GROUPS.items():
        assert f" {group} " in shown and description in shown


def _joined(page):
    """Text of a page without its line breaks."""
    return " ".join(page.split())


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPS])
def test_every_command_has_help(onball, command):
    code, shown, error = onball(*command.split(), "-h")
    assert code == 0, error
    assert f"onball {command}" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_ends_with_an_example_that_can_be_parsed(onball, command):
    example = COMMANDS[command][2]
    shown = onball(*command.split(), "--help")[1]
    assert shown.split()[-len(example.split()) - 1 :] == ["Example:", *example.split()]
    name, *arguments = shlex.split(example)
    assert name == "onball"
    assert arguments[: len(command.split())] == command.split()
    parsed = typer.main.get_command(app)
    for _ in command.split():
        parsed = parsed.commands[arguments.pop(0)]
    parsed.make_context(command, arguments)


@pytest.mark.parametrize("group", ["", *GROUPS])
def test_a_group_without_command_shows_its_help(onball, group):
    code, shown, error = onball(*group.split())
    assert code == 2
    assert "--help" in shown + error


def test_an_unknown_command_names_a_similar_one(onball):
    code, _, error = onball("trian")
    assert code == 2 and "trian" in error and "train" in error


def test_a_video_in_the_place_of_a_command_names_spot(onball, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.mp4").touch()
    code, _, error = onball("a b.mp4")
    assert code == 2 and "onball spot 'a b.mp4'" in error.replace('"', "'")


def test_an_unknown_option_is_an_error(onball):
    code, _, error = onball("spot", "--treshold", "0.5")
    assert code == 2 and "--threshold" in error


def test_the_version_is_shown(onball):
    assert onball("--version")[:2] == (0, f"onball {__version__}\n")


def test_a_module_is_imported_from_the_working_directory_before_the_command(
    onball, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_components.py").write_text("print('registered')")
    code, shown, _ = onball("--import", "my_components", "data", "check", "absent")
    assert code == 2 and shown.startswith("registered")


@pytest.mark.parametrize(
    "arguments",
    [
        ("data", "check", "absent", "--import", "late_components"),
        ("data", "check", "--import=late_components", "absent"),
        ("data", "--import", "late_components", "check", "absent"),
    ],
)
def test_an_import_may_follow_the_command(onball, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "late_components.py").write_text("print('registered')")
    monkeypatch.delitem(sys.modules, "late_components", raising=False)
    code, shown, error = onball(*arguments)
    assert code == 2 and shown.startswith("registered") and "absent" in error


def test_an_import_without_a_module_is_an_error(onball):
    code, _, error = onball("doctor", "--import")
    assert code == 2 and "'--import' requires an argument" in error


def test_a_module_that_cannot_be_found_is_one_clear_line(onball):
    code, _, error = onball("--import", "no_such_module", "doctor")
    assert code == 2 and "--import no_such_module: no such module" in error


def test_a_file_to_import_gets_the_name_of_its_module(onball):
    code, _, error = onball("--import", "my_head.py", "doctor")
    assert code == 2 and "did you mean --import my_head?" in error


def test_an_interrupted_command_exits_with_130(onball, monkeypatch):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("onball.cli.doctor.doctor", interrupt)
    code, _, error = onball("doctor")
    assert code == 130 and error.strip() == "error: interrupted"
