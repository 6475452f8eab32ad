"""Code blocks of Markdown pages, to be executed or at least checked by tests.

A block that a test cannot run has a comment with the reason on the line above it, which readers of the
page do not see:

    <!-- not run: needs a detector -->
    ```sh
    onball track match.mp4 --detector yolox_s.onnx
    ```
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onball.config import load_config

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^>]+?) -->\n\n?)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.M | re.S,
)
#: Runs a command and returns exit code, standard output and standard error: the fixture `onball`.
Run = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class Block:
    """A code block of a page: its language and text, and why it is not run, if it is not."""

    page: Path
    line: int
    language: str
    code: str
    not_run: str | None

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    def execute(self, **names: object) -> dict[str, object]:
        """Execute Python code in the working directory; return its variables."""
        variables: dict[str, object] = {"__name__": str(self), **names}
        exec(compile(self.code, str(self), "exec"), variables)
        return variables

    def run(self, onball: Run, allowed: tuple[int, ...] = (0,)) -> list[str]:
        """Run the `onball` commands of a shell block; return what each printed."""
        shown = []
        for words in self.commands():
            assert words[0] == "onball", f"{self}: cannot run {words[0]}: mark the block 'not run'"
            code, output, errors = onball(*words[1:])
            assert code in allowed, f"{self}: {shlex.join(words)}\n{output}{errors}"
            shown.append(output)
        return shown

    def check(self, onball: Run) -> None:
        """Check a shell block without running it: its options, configs and programs exist."""
        for words in self.commands():
            if words[0] == "make":
                targets = [word for word in words[1:] if "=" not in word]
                makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
                assert all(f"\n{target}:" in makefile for target in targets), words
            elif words[0] == "python" and words[1].endswith(".py"):
                assert (ROOT / words[1]).is_file(), words
            elif "onball.cli.main" in words:
                _check_command(words[words.index("onball.cli.main") + 1 :], onball)
            elif words[0] == "onball":
                _check_command(words[1:], onball)

    def commands(self) -> Iterator[list[str]]:
        """The commands of a shell block as words, without comments."""
        text = self.code.replace("\\\n", " ")
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            while "&&" in words:
                yield words[: words.index("&&")]
                words = words[words.index("&&") + 1 :]
            if words:
                yield words


def blocks_of(page: Path, *languages: str) -> list[Block]:
    """Return the code blocks of a page, in its order, of some or all languages."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page, text.count("\n", 0, found.start("code")), language, found["code"], found["reason"]
        )
        for found in _BLOCK.finditer(text)
        if (language := found["language"]) in languages or not languages
    ]


def _check_command(words: list[str], onball: Run) -> None:
    if words[0] == "--import":  # a module that the reader writes
        words = words[2:]
    # Click parses all words before it shows the help, so an unknown option is an error.
    code, _, errors = onball(*words, "--help")
    assert code == 0, f"onball {shlex.join(words)}\n{errors}"
    if words[0] in ("train", "configs") or words[:2] == ["experiments", "run"]:
        for config in (word for word in words if re.match(r"(spotting|classification)/", word)):
            load_config(config, _values(words, "--set"), _values(words, "--with"))


def _values(words: list[str], option: str) -> list[str]:
    return [value for name, value in itertools.pairwise(words) if name == option]
