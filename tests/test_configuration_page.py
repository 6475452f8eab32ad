"""`docs/configuration.md`: its example is true, and its tables are those of the schema."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from onball.config import BaseConfig, load_config

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "configuration.md"
PROGRAM = ROOT / "tools" / "configuration_page.py"


def test_the_example_has_the_values_that_the_page_shows(tmp_path):
    text = PAGE.read_text(encoding="utf-8").partition("### An example")[2].partition("\n## ")[0]
    (tmp_path / "mine.yaml").write_text(re.search(r"```yaml\n(.*?)```", text, re.S)[1])
    command = re.search(r"^onball train mine.yaml (.*)$", text.replace("\\\n", " "), re.M)[1]
    words = shlex.split(command)
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert set(options) == {"--with", "--set", "--data"}
    config = load_config(
        tmp_path / "mine.yaml",
        [f"data.root={options['--data']}", options["--set"]],
        [options["--with"]],
    )
    rows = re.findall(r"^\| `([\w.]+)` \| `([^`]+)` \|", text, re.M)
    assert len(rows) == 9
    for key, shown in rows:
        value = config.model_dump(mode="json")
        for part in key.split("."):
            value = value[part]
        assert value == yaml.safe_load(shown), key


@pytest.fixture
def program():
    return runpy.run_path(str(PROGRAM))


def test_the_tables_are_up_to_date(program, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), "--check"])
    program["main"]()


def test_a_setting_without_a_description_is_an_error(program):
    class Undescribed(BaseConfig):
        """A section.

        Attributes:
            one, two: described.
        """

        one: int = 1
        two: int = 2
        three: int = 3

    assert program["descriptions"](Undescribed) == {"one": "described.", "two": "described."}
    with pytest.raises(SystemExit, match="Undescribed: the docstring has no 'three: …'"):
        program["table"](Undescribed, "")
