"""Report of a run whose classes are not the 12 actions, on labels that have others again."""

from __future__ import annotations

import csv
import re
from datetime import date

import numpy as np
import pytest
import torch
from tiny_runs import write_run

from onball.actions import ActionSet
from onball.config import SavedModelConfig
from onball.config.classes import classes_of
from onball.errors import DataError
from onball.events import Event, EventList, SpottingInfo
from onball.files import write_json_atomic
from onball.formats.soccernet import write_labels, write_results
from onball.models import build_model, save_model
from onball.reports.report import write_report
from onball.reports.terminal import plot_events
from onball.reports.timeline import draw_timeline
from onball.video import VideoWriter

pytestmark = [pytest.mark.medium, pytest.mark.usefixtures("one_thread")]

MODEL = ActionSet.of(["press won", "сейв <i>", "кант <i>", "SHOT", "out of play"])
LABELLED = (
    "press won",
    "сейв <i>",
    "кант <i>",
    "xG chance after a long counter attack at 5 $ per $",
)
NAME = "league/season/match"


def write_own_run(folder, root):
    """A run on `root` that has the classes of `MODEL`, with an untrained net."""
    config = write_run(folder, root)
    own = config.model.model_copy(update={"classes": classes_of(MODEL)})
    torch.manual_seed(0)
    saved = SavedModelConfig.of(config).model_copy(update={"model": own})
    save_model(build_model(own), saved, folder / "model")
    header = "epoch,step,learning_rate,train_loss,valid_loss,map,frames_per_second,seconds"
    (folder / "metrics.csv").write_text(f"{header}\n1,4,0.002,1.5,1,0.25,100,5\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A data set, a run, and the report on it."""
    place = tmp_path_factory.mktemp("other")
    match = place / "data" / "test" / NAME
    with VideoWriter(match / "224p.mp4", (64, 36), 25) as writer:
        for index in range(100):
            writer.write(np.full((36, 64, 3), index, np.uint8))
    (place / "data" / "classes.txt").write_text("\n".join(LABELLED))
    labels = ActionSet.of(LABELLED)
    truth = [Event(300 + 400 * i, labels.names[i % 3]) for i in range(9)]
    write_labels(EventList.of(truth), match / "Labels-ball.json")
    write_own_run(place / "run", place / "data")
    found = [Event(e.position_ms + 40, e.label, 0.9 - i / 20) for i, e in enumerate(truth[:8])]
    found += [Event(2000, "SHOT", 0.99), Event(2200, MODEL.names[0], 0.6)]
    evaluation = place / "run" / "evaluation" / "test"
    write_results(
        EventList.of(found, info=SpottingInfo("mine", classes=MODEL)),
        evaluation / "predictions" / NAME / "results_spotting.json",
    )
    counts = dict.fromkeys(LABELLED[:3], 3)
    write_json_atomic(evaluation / "metrics.json", {"result": {"labels": counts}})
    write_report([place / "run"], place / "report", device="cpu", today=date(2026, 2, 3))
    return place


@pytest.fixture(scope="module")
def page(place):
    return (place / "report" / "report.html").read_text(encoding="utf-8")


def test_the_page_has_the_classes_of_the_labels_and_one_mean(place, page):
    with (place / "report" / "figures" / "ap.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["action", "mAP", *LABELLED]
    assert float(rows[1][2]) == pytest.approx(sum(float(row[2] or 0) for row in rows[2:]) / 4)
    assert float(rows[1][2]) > 50
    assert "best mAP<" in page and "of 3 of the 4 actions" in page
    assert not re.search("mAP1[02]|headline|Headline|SHOT</b>", page)
    assert "The mean AP of all 4 actions. An action without" in page.replace("\n", " ")
    assert "Validation mAP" in page and "mAP over tolerance" in page


def test_the_page_says_what_the_run_cannot_predict_and_what_was_not_measured(page):
    assert "The run run predicts 3 of the 4 classes: not xG chance after a long" in page
    assert "of which 2 are not among the labels and not measured: SHOT, out of play." in page


def test_names_are_shown_as_written_and_in_the_colours_of_the_list(page):
    shown = re.findall(r'<i class="swatch" style="background:(#\w+)"></i>([^<]+)<', page)
    colours = dict(reversed(pair) for pair in shown)
    labels = ActionSet.of(LABELLED)
    assert colours["press won"] == labels.colours[0]
    assert colours["сейв &lt;i&gt;"] == labels.colours[1], "markup in a name is escaped"
    assert LABELLED[3] in colours


def test_each_class_has_files_of_its_own(place, page):
    curves = sorted(file.name for file in (place / "report" / "figures").glob("pr_*.csv"))
    assert len(curves) == 4, "although two names have the same letters in ASCII"
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_runs_of_other_classes_than_the_labels_are_refused(place, tmp_path):
    write_run(tmp_path / "usual", place / "data")
    with pytest.raises(DataError, match=r"usual: predicts 'PASS'.*: no class in common"):
        write_report([tmp_path / "usual"], tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_lanes_are_in_the_order_of_the_classes_and_none_is_missing(tmp_path):
    events = [Event(900, MODEL.names[4]), Event(500, MODEL.names[0]), Event(100, "SHOT")]
    info = SpottingInfo(classes=MODEL)
    listed = EventList.of(events, info=info)
    names = [action for action, _ in plot_events(listed, end_ms=1000)]
    assert names == ["press won", "SHOT", "out of play", None, None]
    unlisted = [action for action, _ in plot_events(EventList.of(events), end_ms=1000)]
    assert unlisted == ["SHOT", "out of play", "press won", None, None]
    draw_timeline(listed, tmp_path / "lanes.svg", truth=EventList.of(events))
    svg = (tmp_path / "lanes.svg").read_text()
    assert "<!-- press won -->" in svg and "<!-- Shot -->" in svg
