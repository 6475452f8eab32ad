"""Workflows, hooks and forms of the repository refer to commands, targets and files that exist."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
PROGRAMS = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text("utf-8"))


def steps() -> list[tuple[str, dict]]:
    return [
        (f"{path.stem}: {name}: {step.get('name', step.get('uses', step.get('run')))}", step)
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
        for step in job["steps"]
    ]


@pytest.mark.parametrize("step", [pytest.param(step, id=name) for name, step in steps()])
def test_a_step_uses_a_pinned_action_or_commands_that_exist(step):
    if "uses" in step:
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])
        return
    for line in step["run"].strip().splitlines():
        match line.split():
            case ["make", target, *settings]:
                assert target in TARGETS and settings == ["TORCH_BACKEND=cpu"]
            case ["uv", "run", "--no-sync", program, *_] | ["uv", "pip" | "venv" as program, *_]:
                assert program in ("pip", "venv") or shutil.which(program, path=PROGRAMS), line
            case _:
                pytest.fail(f"neither make nor uv: {line}")
        for name in re.findall(r"[\w.]+\.txt", line):
            assert (ROOT / name).is_file()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read_and_ends_in_time(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "concurrency" in workflow
    assert all(job["timeout-minutes"] <= 180 for job in workflow["jobs"].values())


def test_tests_run_on_three_systems_with_every_python_of_the_classifiers():
    matrix = read(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if ":: 3." in c]
    assert matrix["python-version"] == named


def test_the_tests_of_workflows_run_like_those_of_make():
    options = re.search(r"^PARALLEL := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    command = f"pytest {options[1].replace('$(WORKERS)', 'auto')}"
    assert any(command in step.get("run", "") for _, step in steps())


def test_every_target_is_described_and_listed_as_phony():
    text = (ROOT / "Makefile").read_text("utf-8")
    described = set(re.findall(r"^([a-z-]+):.*## \w", text, re.MULTILINE))
    assert described == TARGETS == set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())


def test_the_programs_of_the_hooks_are_installed():
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    for hook in local["hooks"]:
        assert shutil.which(hook["entry"].split()[0], path=PROGRAMS), hook["id"]


@pytest.mark.parametrize("name", ["bug", "question"])
def test_the_fields_of_a_form_have_ids_and_labels(name):
    form = read(ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml")
    assert form["name"] and form["description"]
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids) >= 3
    assert all(field["attributes"]["label"] for field in form["body"])


def test_the_citation_agrees_with_the_package():
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == PROJECT["version"] and citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert citation["keywords"] == PROJECT["keywords"]
