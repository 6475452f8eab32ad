"""The commands and the Python code of the README do what they say, as they are written there.

Names such as match.mp4 and data/SN-BAS-2025 are small files made by the fixture `here`.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from doc_blocks import ROOT, Block, blocks_of
from tiny_matches import write_flashes
from tiny_runs import write_run

import onball as onball_package
from onball.cli.main import COMMANDS

README = ROOT / "README.md"
BLOCKS = blocks_of(README)
(SPOT,) = (block for block in BLOCKS if block.code.startswith("onball spot match.mp4 --out"))
#: Blocks that need more than some seconds, by a command in them.
SLOW = re.compile(r"onball (report|calibrate)|--dry-run")


def marked(blocks: list[Block]) -> list[object]:
    return [
        pytest.param(
            block, id=str(block), marks=pytest.mark.slow if SLOW.search(block.code) else ()
        )
        for block in blocks
    ]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    """A folder with stand-ins for the files that the README names."""
    folder = tmp_path_factory.mktemp("readme")
    sample = onball_package.sample_match() / "224p.mp4"
    onball_package.cut_video(sample, 5000, 9000, folder / "match.mp4")
    data = folder / "data" / "SN-BAS-2025"
    for seed, split in enumerate(("train", "valid", "valid", "valid", "test")):
        write_flashes(data / split / "league" / "season" / f"match {seed}", seed)
    shutil.copytree(data, folder / "data" / "bench")
    for match in onball_package.find_matches(data, "test"):
        predicted = folder / "predictions" / match.name / "results_spotting.json"
        onball_package.write_results(onball_package.read_labels(match.labels), predicted)
    shutil.make_archive(str(folder / "predictions"), "zip", folder / "predictions")
    for seed, name in enumerate(("regnety", "regnety_bilstm")):
        write_run(folder / "runs" / name, data, seed=seed)
    return folder


@pytest.fixture
def here(workplace, monkeypatch, one_thread) -> Path:
    monkeypatch.chdir(workplace)
    return workplace


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "sh"], ids=str)
def test_commands_have_the_options_configs_and_targets_that_the_readme_gives(block, onball):
    block.check(onball)


@pytest.mark.medium
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "block", marked([b for b in BLOCKS if b.language == "sh" and not b.not_run])
)
def test_commands_run_as_written(block, onball):
    if "onball events results" in block.code and not Path("results").exists():
        SPOT.run(onball)
    # Three actions in a few seconds are not what real matches have.
    allowed = (0, 1) if "data stats" in block.code and "--reference" in block.code else (0,)
    for shown in block.run(onball, allowed):
        assert shown.strip()


@pytest.mark.medium
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=str)
def test_python_code_runs_as_written(block, capfd):
    block.execute()
    assert capfd.readouterr().out


@pytest.mark.medium
def test_spotting_writes_the_files_and_columns_that_the_readme_lists(here, onball):
    SPOT.run(onball)
    named = re.findall(r"^\| `(results/[^`]+)`", README.read_text("utf-8"), re.M)
    assert len(named) >= 2
    for file in named:
        assert Path(file).is_file(), file
    columns = Path("results/match/events.csv").read_text("utf-8-sig").splitlines()[0]
    assert {"time", "label", "confidence", "start_s", "end_s"} <= set(re.split("[,;]", columns))


def test_every_block_that_is_not_run_gives_a_reason_and_is_a_shell_block():
    assert {b.language for b in BLOCKS} <= {"sh", "bat", "python"}
    assert all(len(b.not_run) > 10 for b in BLOCKS if b.not_run)
    assert sum(b.not_run is None for b in BLOCKS) >= 5


def test_the_paths_that_the_readme_names_exist():
    text = README.read_text(encoding="utf-8")
    names = re.findall(r"`((?:docs|configs|src|results|tools)/[^`\s]+)`", text)
    missing = [n for n in names if not (ROOT / n).exists() and not n.startswith("results/match")]
    assert not missing


@pytest.mark.medium
def test_options_in_the_text_are_options_of_a_command(onball):
    text = re.sub(r"^```.*?^```$", "", README.read_text("utf-8"), flags=re.M | re.S)
    named = set(re.findall(r"`(--[a-z-]+)", text))
    shown = "".join(onball(*command.split(), "--help")[1] for command in COMMANDS)
    assert named and named <= set(re.findall(r"--[a-z-]+", shown))


def test_an_unknown_option_or_config_in_the_readme_is_found(onball, tmp_path):
    page = tmp_path / "page.md"
    for line in (
        "onball spot match.mp4 --treshold 0.5",
        "onball train spotting/regnetz --data data/bench",
        "onball train spotting/regnety --set training.epoch=5 --data data/bench",
        "make tests",
    ):
        page.write_text(f"```sh\n{line}\n```\n")
        with pytest.raises((AssertionError, onball_package.ConfigError)):
            blocks_of(page)[0].check(onball)
