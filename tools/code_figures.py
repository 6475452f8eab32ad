"""Figures of the code base, and a check of the rules that no linter knows.

    python tools/code_figures.py              # print the figures of src/onball
    python tools/code_figures.py --check      # exit with 1 if a rule is broken; part of `make lint`
    python tools/code_figures.py --root OTHER_CHECKOUT/src/onball      # compare with another version

Rules (see CONTRIBUTING.md, "Style"): the first line of a docstring is an imperative verb or a noun
phrase, so it does not begin with a question word; no private name is imported from another module;
a module has at most 600 lines.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import NamedTuple

SOURCE = Path(__file__).parents[1] / "src" / "onball"
MAX_LINES = 600
SHORT_LINES = 80
_QUESTION = re.compile(
    r"(In |At |To |By |For |From |With |Of )?(what|where|how|who|whom|whose|which|when|whether|why)\b",
    re.IGNORECASE,
)


class Module(NamedTuple):
    """One source file: its path, its number of lines and its syntax tree."""

    path: Path
    lines: int
    tree: ast.Module


def read_modules(root: Path) -> list[Module]:
    """Parse every Python file below `root`, in the order of their paths."""
    modules = []
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        modules.append(Module(path, len(text.splitlines()), ast.parse(text)))
    return modules


def docstrings(module: Module) -> Iterator[tuple[int, str]]:
    """Yield line number and first line of every docstring of a module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text.splitlines()[0]


def questions(module: Module) -> list[tuple[int, str]]:
    """List the docstrings that begin with a question word."""
    return [(line, text) for line, text in docstrings(module) if _QUESTION.match(text)]


def function_imports(module: Module) -> int:
    """Count the import statements inside functions."""
    nodes = set()
    for outer in ast.walk(module.tree):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes |= {n for n in ast.walk(outer) if isinstance(n, ast.Import | ast.ImportFrom)}
    return len(nodes)


def private_imports(module: Module) -> list[tuple[int, str]]:
    """List the private names that a module imports from another module of the package."""
    return [
        (node.lineno, alias.name)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("onball")
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]


def broken_rules(modules: list[Module]) -> list[str]:
    """Describe every broken rule in one line that begins with its place."""
    found = []
    for module in modules:
        where = module.path
        found += [f"{where}:{line}: docstring asks: {text}" for line, text in questions(module)]
        found += [f"{where}:{line}: imports {name}" for line, name in private_imports(module)]
        if module.lines > MAX_LINES:
            found.append(f"{where}: {module.lines} lines, at most {MAX_LINES}")
    return found


def cpu_seconds(command: list[str], runs: int = 3) -> float:
    """Measure the least CPU time of a command over some runs, in seconds."""
    import resource

    best = float("inf")
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, spent)
    return best


def print_figures(root: Path, modules: list[Module]) -> None:
    """Print the figures of the code base, one per line."""
    contents = [module for module in modules if module.path.name != "__init__.py"]
    sizes = [module.lines for module in contents]
    short = sum(size < SHORT_LINES for size in sizes)
    rows: dict[str, object] = {
        "Python files": f"{len(modules)} ({len(contents)} without __init__.py)",
        "lines": sum(module.lines for module in modules),
        "mean lines per file": f"{mean(m.lines for m in modules):.0f}",
        "mean lines per module, without __init__.py": f"{mean(sizes):.0f}",
        f"modules below {SHORT_LINES} lines": short,
        f"modules above {MAX_LINES} lines": sum(size > MAX_LINES for size in sizes),
        "imports inside functions": sum(map(function_imports, modules)),
        "docstrings": sum(len(list(docstrings(m))) for m in modules),
        "docstrings that begin with a question word": sum(len(questions(m)) for m in modules),
        "private names imported": sum(len(private_imports(m)) for m in modules),
    }
    if root == SOURCE:
        python = sys.executable
        rows["CPU seconds of `import onball`"] = (
            f"{cpu_seconds([python, '-c', 'import onball']):.2f}"
        )
        rows["CPU seconds of `onball --help`"] = (
            f"{cpu_seconds([python, '-m', 'onball', '--help']):.2f}"
        )
        rows["CPU seconds of `python -c pass`"] = f"{cpu_seconds([python, '-c', 'pass']):.2f}"
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")


def main() -> int:
    """Run the command line; the exit code is 1 if a rule is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--root", type=Path, default=SOURCE, help="package folder to look at")
    parser.add_argument("--check", action="store_true", help="check the rules, print no figures")
    options = parser.parse_args()
    modules = read_modules(options.root)
    if not options.check:
        print_figures(options.root, modules)
        return 0
    found = broken_rules(modules)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
