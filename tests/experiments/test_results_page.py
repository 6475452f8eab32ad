"""`docs/results.py`: tables between the markers of a page, and figures beside it."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from onball.actions import ACTIONS
from onball.errors import OnballError
from onball.experiments import add_result

PROGRAM = Path(__file__).parents[2] / "docs" / "results.py"
PAGE = """Before.

<!-- table: spotting -->
old
<!-- end -->

Between.

<!-- table: spotting-ap -->
<!-- end -->
<!-- table: classification -->
<!-- end -->
After.
"""
CURVES = """epoch,step,learning_rate,train_loss,valid_loss,map12,map10,frames_per_second,seconds
1,10,0.001,2.5,,,,100,60
2,20,0,1.5,1.25,0.2,0.25,100,60
"""


def row(name: str, map10: str, **columns: str) -> dict[str, str]:
    return {
        "config": f"spotting/{name}", "settings": "cpu", "seed": "0", "data": "bench",
        "size": "224x128", "hardware": "2 CPU cores", "epochs": "2", "best_epoch": "2",
        "steps": "20", "clips": "80", "wall_time_s": "120", "parameters": "3000000",
        "gflops": "4.25", "map12": "20.00", "map10": map10,
        **{f"AP {action}": "1.00" for action in ACTIONS}, **columns,
    }  # fmt: skip


@pytest.fixture
def write_page(tmp_path, monkeypatch):
    results, page = tmp_path / "results", tmp_path / "docs" / "results.md"
    page.parent.mkdir()

    def run(text: str, rows: list[dict[str, str]], *options: str) -> Path:
        page.write_text(text)
        for each in rows:
            add_result(results / "spotting.csv", each)
            curves = results / "curves" / f"{each['config']}.csv"
            curves.parent.mkdir(parents=True, exist_ok=True)
            curves.write_text(CURVES)
        options = ("--results", str(results), "--page", str(page), *options)
        monkeypatch.setattr(sys, "argv", [str(PROGRAM), *options])
        runpy.run_path(str(PROGRAM), run_name="__main__")
        return page

    return run


def test_the_tables_are_filled_and_the_rest_of_the_page_stays(write_page):
    rows = [row("regnety", "10.00"), row("regnety_tcn", "25.00", **{"AP SHOT": "7.50"})]
    page = write_page(PAGE, rows)
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("Before.") and "\nBetween.\n" in text and text.endswith("\nAfter.\n")
    first = "| `spotting/regnety_tcn` | **20.00** | **25.00** |  | 3,000,000 | 4.25 | 2 | 0 |"
    second = "| `spotting/regnety` | **20.00** | 10.00 | 7 / 8 | 3,000,000 | 4.25 | 2 | 0 |"
    assert f"{first}\n{second}" in text
    assert "data `bench` at 224×128, 2 epochs (80 clips, 20 steps), settings cpu" in text
    assert "| config | pass | drive |" in text
    assert "| `regnety` | **1.00** | **1.00** |" in text
    assert text.count("| **7.50** |") == 1
    assert "<!-- table: classification -->\n\n*No results yet.*" in text
    for name in ("map.png", "loss_curves.png"):
        assert (page.parent / "results" / name).read_bytes().startswith(b"\x89PNG")


def test_filling_the_page_again_changes_nothing(write_page):
    rows = [row("regnety", "10.00")]
    once = write_page(PAGE, rows).read_text()
    assert write_page(once, []).read_text() == once


def test_without_results_the_page_says_so(write_page):
    page = write_page(PAGE, [])
    assert page.read_text().count("*No results yet.*") == 3
    assert not (page.parent / "results").exists()


@pytest.fixture(scope="module")
def fill_values():
    return runpy.run_path(str(PROGRAM))["fill_values"]


def test_values_and_differences_in_the_text_are_those_of_the_rows(fill_values):
    text = (
        "Ours <!-- =regnety -->0<!-- -->, <!-- =tcn - regnety -->0<!-- --> more, as in the study "
        "<!-- =study:regnety -->?<!-- -->; <!-- =regnety - tcn -->0<!-- -->.\n"
    )
    filled = fill_values(text, {"regnety": "10.25", "tcn": "25.00", "study:regnety": "8"})
    assert (
        re.sub("<!--.*?-->", "", filled) == "Ours 10.25, 14.75 more, as in the study 8; −14.75.\n"
    )


def test_a_value_of_no_system_is_an_error(fill_values):
    with pytest.raises(OnballError, match="=regnetz -->: the results have no such system"):
        fill_values("<!-- =regnetz -->8<!-- -->", {"regnety": "10.00"})


def test_check_names_what_is_outdated_and_writes_nothing(write_page, capsys):
    page = write_page(PAGE, [row("regnety", "10.00")])
    capsys.readouterr()
    write_page(page.read_text(), [], "--check")
    assert capsys.readouterr().out == ""
    before = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit):
        write_page(page.read_text(), [row("regnety", "10.01")], "--check")
    shown = capsys.readouterr().out
    assert "results.md" in shown and "map.png" in shown and "loss_curves" not in shown
    assert {path: path.read_bytes() for path in before} == before


def test_the_pages_of_the_repository_show_its_result_files(monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), "--check"])
    runpy.run_path(str(PROGRAM), run_name="__main__")
    for page in (PROGRAM.parents[1] / "README.md", PROGRAM.with_name("results.md")):
        # A comment at the beginning of a line would end the paragraph.
        assert "<!-- =" in page.read_text("utf-8")
        assert not re.search(r"^ *<!-- =", page.read_text("utf-8"), re.M)


def test_an_unknown_table_is_an_error(write_page):
    with pytest.raises(SystemExit) as end:
        write_page("<!-- table: spoting -->\n<!-- end -->\n", [])
    assert "unknown table 'spoting'" in str(end.value.code)


def test_the_table_of_tracks_has_a_cell_for_every_system(write_page):
    page = write_page(
        "<!-- table: spotting-tracks -->\n<!-- end -->\n",
        [row("tracking_only", "50.91"), row("regnety_bilstm", "28.54")],
    )
    text = page.read_text()
    assert "| tracks alone |  | not run | not run | 50.91 |" in text
    assert "| with RegNetY and a BiLSTM | 28.54 | not run | not run | not run |" in text


def test_systems_that_start_from_random_weights_have_a_table_of_their_own(write_page):
    results = write_page("", []).parents[1] / "results"
    for map10, settings in (("25.00", "gpu"), ("3.00", "gpu; model.backbone.pretrained=false")):
        add_result(results / "systems.csv", row("regnety_bilstm", map10, settings=settings))
    tables = ("gpu_spotting", "random_spotting")
    text = "".join(f"<!-- table: {name} -->\n<!-- end -->\n" for name in tables)
    values = "<!-- =gpu:regnety_bilstm --><!-- --> <!-- =random:regnety_bilstm --><!-- -->"
    trained, _, random = write_page(text + values, []).read_text().partition("random_spotting")
    assert "| **25.00** |" in trained and "3.00" not in trained
    assert "| **3.00** |" in random and "| **25.00** |" not in random
    assert random.endswith("-->25.00<!-- --> <!-- =random:regnety_bilstm -->3.00<!-- -->")


def test_the_caption_of_a_mixed_table_names_the_rarer_settings_and_calls_the_rest_others(
    write_page,
):
    page = "<!-- table: spotting -->\n<!-- end -->\n"
    names = ("regnety", "regnety_tcn", "regnety_tdeed", "x3d")
    rows = [row(name, "10.00", settings="cpu") for name in names]
    rare = row("tiny", "9.00", settings="long")
    few = write_page(page, [*rows[:2], rare]).read_text()
    assert "all others" not in few and "- *spotting/regnety, spotting/regnety_tcn: " in few
    text = write_page(page, rows[2:]).read_text()  # in addition
    assert "- *spotting/tiny: " in text and "settings long" in text
    assert "- *all others: " in text and "spotting/x3d," not in text


def test_trainings_with_several_seeds_are_averaged_and_compared_with_the_reference(write_page):
    results = write_page("", []).parents[1] / "results"
    for seed, (own, other) in enumerate([(30, 33), (40, 42), (20, 24)]):
        # Trainings that run side by side end in any order.
        for name, map10 in (("regnety_tcn", other), ("regnety_bilstm", own)):
            new = row(name, f"{map10}.00", seed=str(seed), settings="heads; training.loss.x=1")
            add_result(results / "heads.csv", new)
    page = write_page("<!-- table: heads-seeds -->\n<!-- end -->\n", [])
    text = page.read_text()
    assert (
        "| `spotting/regnety_tcn` | 20.0 ± 0.0 | 33.0 ± 22.4 | **+3.0 ± 2.5** | 3 | 80 | 3,000,000 |  |"
        in text
    )
    assert (
        "| `spotting/regnety_bilstm` | 20.0 ± 0.0 | 30.0 ± 24.8 |  | 3 | 80 | 3,000,000 | 29 |"
        in text
    )
    assert text.index("regnety_tcn") < text.index("regnety_bilstm")
    assert "settings heads; training.loss.x=1, on 2 CPU cores" in text
