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


def documented_names() -> list[str]:
    """Public names that have a docstring of their own."""
    names = [name for name in onball.__all__ if callable(getattr(onball, name))]
    return [name for name in names if name != "ProgressCallback"]


def is_plain_class(public: object) -> bool:
    """Return True for classes with parameters, except for enumerations and errors with only a message."""
    return isinstance(public, type) and not issubclass(public, Enum | Exception)


def test_importing_onball_loads_nothing_else():
    script = "import onball, sys, json; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-W", "ignore", "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.partition(".")[0] for name in json.loads(shown.stdout)}
    assert not loaded & {"torch", "numpy", "av", "cv2", "pydantic", "rich", "typer", "yaml"}
    assert not [name for name in json.loads(shown.stdout) if name.startswith("onball.")]


def test_every_name_exists_and_is_listed_by_dir():
    listed = dir(onball)
    for name in onball.__all__:
        assert getattr(onball, name) is not None, name
        assert name in listed


def test_dir_lists_public_names_and_modules_and_no_helpers_of_the_package():
    listed = {name for name in dir(onball) if not name.startswith("__")}
    assert listed >= set(onball.__all__)
    assert all(inspect.ismodule(getattr(onball, name)) for name in listed - set(onball.__all__))
    assert "cli" in listed  # imported by this file


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


def test_docstrings_do_not_begin_with_a_question():
    for name in documented_names():
        first = (inspect.getdoc(getattr(onball, name)) or "").partition("\n\n")[0]
        assert first, f"{name} has no docstring"
        assert not QUESTION.match(first), first
        assert first.endswith((".", ":")), first


def test_docstrings_describe_every_parameter():
    for name in documented_names():
        public = getattr(onball, name)
        text = inspect.getdoc(public) or ""
        if isinstance(public, type):
            if not is_plain_class(public):
                continue
            text += inspect.getdoc(public.__init__) or ""
        elif not inspect.signature(public).parameters:
            continue
        parameters = inspect.signature(public).parameters
        missing = [each for each in parameters if not re.search(rf"\b{each}\b", text)]
        assert re.search(r"^(Args|Attributes):", text, re.M) or not missing, (name, missing)


def test_an_entry_of_a_docstring_describes_one_parameter():
    """The reference in the documentation assigns each entry to the parameter of that name."""
    shared = []
    for name in documented_names():
        public = getattr(onball, name)
        members = vars(public).items() if isinstance(public, type) else ()
        methods = [(f"{name}.{m}", member) for m, member in members if not m.startswith("_")]
        for shown, documented in [(name, public), *methods]:
            text = (inspect.getdoc(documented) or "").partition("Args:\n")[2].partition("\n\n")[0]
            entries = re.findall(r"^    (\w+(?:, \w+)+):", text, re.M)
            shared += [f"{shown}: {entry}" for entry in entries]
    assert not shared


def test_docstrings_name_the_errors_that_a_function_raises():
    for name in documented_names():
        public = getattr(onball, name)
        if not inspect.isfunction(public):
            continue
        if re.search(r"\braise \w+Error\b", inspect.getsource(public)):
            assert re.search(r"Raises", inspect.getdoc(public) or ""), name


def test_the_page_lists_exactly_the_public_names():
    text = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)[^`|]*` \|", text, re.M)
    assert sorted(listed) == sorted(onball.__all__)
    assert len(set(listed)) == len(listed)


def examples() -> dict[str, str]:
    """Commands of the page, as they are typed after `onball`, and the Python code of each."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return {
        found[1]: code
        for code in blocks
        if (found := re.match(r"# onball (.*)\n", code)) is not None
    }


def test_the_page_has_an_example_for_every_command():
    missing = {
        command for command in COMMANDS if not any(e.startswith(command) for e in examples())
    }
    assert missing == {"doctor"}


def test_the_calls_of_the_examples_have_the_parameters_of_the_functions():
    code = "\n".join(examples().values())
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
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


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Execute the example of a command in an empty folder, and return its variables."""
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> dict[str, object]:
        (code,) = [code for shown, code in examples().items() if shown.startswith(command)]
        variables: dict[str, object] = {"onball": onball, "Path": Path}
        exec(compile(code, command, "exec"), variables)
        return variables

    return run


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_the_example_of_the_demo_writes_the_same_files_as_the_command(execute, request):
    events = execute("demo")["events"]
    written = {path.name for path in Path("onball-demo").iterdir()}
    assert onball.read_results("onball-demo/results_spotting.json").events == events.events
    assert written == {"results_spotting.json", "events.csv", "timeline.png"}
    run_command = request.getfixturevalue("onball")  # the package has the same name
    assert run_command("demo", "--out", "by-command")[0] == 0
    tables = [
        onball.read_event_table(f"{folder}/events.csv") for folder in ("onball-demo", "by-command")
    ]
    assert tables[0].events == tables[1].events


@pytest.mark.medium
@pytest.mark.usefixtures("one_thread")
def test_the_example_of_spotting_writes_results_and_a_table_that_can_be_read(execute):
    onball.cut_video(onball.sample_match() / "224p.mp4", 0, 8_000, "match.mp4")
    video = execute("spot match.mp4 --out")["video"]
    assert onball.read_results("results/match/results_spotting.json") == video.events
    shown = len(onball.read_event_table("results/match/events.csv"))
    assert 0 < shown < len(video.events)
    execute("events results/match --threshold 0.4")
    assert {event.label for event in onball.read_event_table("shots.csv")} <= {"SHOT", "GOAL"}
    execute("events results/match --threshold 0.2 --write")
    assert len(onball.read_event_table("results/match/events.csv")) > shown
    execute("events results/match/events.csv")
    assert len(onball.read_labels("Labels-ball.json")) > shown
    assert execute("index results")["index"].events == shown
    execute("query")
    assert Path("counts.csv").read_text("utf-8-sig").startswith("team,action,count")
    assert execute("data import")["match"].counts == {"PASS": 1}
    assert onball.find_matches("data/club", "train")[0].name == "match"


@pytest.mark.medium
def test_the_examples_of_data_sets_and_evaluation_run_one_after_the_other(
    execute, capsys, monkeypatch
):
    # Each process would import the packages again, for less than a second of work.
    monkeypatch.setattr("onball.simulator.dataset.available_cores", lambda: 1)
    dataset = execute("simulate")["dataset"]
    assert len(dataset.matches) == 4
    execute("data check")
    shown = capsys.readouterr().out
    assert all(name in shown for name in dataset.matches) and "no video" in shown
    assert execute("data stats")["statistics"].play.events > 0
    assert Path("stats.png").is_file()
    for match in onball.find_matches("data/simulated", "test"):
        labels = onball.read_labels(match.labels)
        onball.write_results(labels, Path("predictions", match.name, "results_spotting.json"))
    evaluation = execute("evaluate predictions")["evaluation"]
    assert all(ap in (0, 1) for ap in evaluation.report.result.ap.values())
    assert Path("submission.zip").is_file()
