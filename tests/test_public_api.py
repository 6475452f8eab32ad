"""The names of `onball`: lazy imports, docstrings, and the page that lists them."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest

import onball
from onball.cli.main import COMMANDS

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
QUESTION = re.compile(r"(What|Where|How|Who|Which|When|Whose|Why|Whether|In how many)\b")
CALLABLE = [name for name in onball.__all__ if callable(getattr(onball, name))]
DOCUMENTED = [name for name in CALLABLE if name != "ProgressCallback"]


def is_plain_class(public: object) -> bool:
    """A class with parameters: neither an enumeration nor an error with a mere message."""
    return isinstance(public, type) and not issubclass(public, Enum | Exception)


def test_importing_onball_loads_nothing_else():
    script = "import onball, sys, json; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-W", "ignore", "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.partition(".")[0] for name in json.loads(shown.stdout)}
    assert not loaded & {"torch", "numpy", "av", "cv2", "pydantic", "rich", "typer", "yaml"}
    assert not [name for name in json.loads(shown.stdout) if name.startswith("onball.")]


@pytest.mark.parametrize("name", onball.__all__)
def test_every_name_is_there_and_visible(name):
    assert getattr(onball, name) is not None
    assert name in dir(onball)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'sopt'"):
        _ = onball.sopt


def test_names_are_sorted_and_imported_for_type_checkers_as_at_run_time():
    assert sorted(onball.__all__) == sorted(onball._MODULE_OF)
    source = inspect.getsource(onball)
    for_checkers = source[source.index("if TYPE_CHECKING:") : source.index("__version__ =")]
    imports = re.findall(r"from (\S+) import (\([^)]*\)|[^\n]*)", for_checkers)
    found = {name: module for module, names in imports for name in re.findall(r"\w+", names)}
    assert found == onball._MODULE_OF


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_docstring_begins_with_a_sentence_that_is_no_question(name):
    first = (inspect.getdoc(getattr(onball, name)) or "").partition("\n\n")[0]
    assert first, f"{name} has no docstring"
    assert not QUESTION.match(first), first
    assert first.endswith((".", ":")), first


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_docstring_describes_every_parameter(name):
    public = getattr(onball, name)
    text = inspect.getdoc(public) or ""
    if isinstance(public, type):
        if not is_plain_class(public):
            return
        text += inspect.getdoc(public.__init__) or ""
    elif not inspect.signature(public).parameters:
        return
    parameters = inspect.signature(public).parameters
    missing = [parameter for parameter in parameters if not re.search(rf"\b{parameter}\b", text)]
    assert re.search(r"^(Args|Attributes):", text, re.M) or not missing, missing


@pytest.mark.parametrize(
    "name", [name for name in DOCUMENTED if inspect.isfunction(getattr(onball, name))]
)
def test_a_docstring_names_the_errors_that_a_function_raises(name):
    public = getattr(onball, name)
    if re.search(r"\braise \w+Error\b", inspect.getsource(public)):
        assert re.search(r"Raises", inspect.getdoc(public) or "")


def test_the_page_lists_exactly_the_public_names():
    text = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)[^`|]*` \|", text, re.M)
    assert sorted(listed) == sorted(onball.__all__)
    assert len(set(listed)) == len(listed)


def example() -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return code


def test_the_page_has_an_example_for_every_command():
    shown = re.findall(r"^# onball (.*)$", example(), re.M)
    missing = {command for command in COMMANDS if not any(s.startswith(command) for s in shown)}
    assert missing == {"doctor"}


def test_the_calls_of_the_example_have_the_parameters_of_the_functions():
    calls = [node for node in ast.walk(ast.parse(example())) if isinstance(node, ast.Call)]
    checked = 0
    for call in calls:
        name = ast.unparse(call.func)
        if re.fullmatch(r"onball(\.\w+)+", name):
            public = onball
            for part in name.split(".")[1:]:
                public = getattr(public, part)
            keywords = {keyword.arg: None for keyword in call.keywords}
            inspect.signature(public).bind(*call.args, **keywords)
            checked += 1
    assert checked >= len(COMMANDS)
