"""Data sets with a video per half and one label file: no command uses them as one video."""

from __future__ import annotations

import pytest
from tiny_matches import write_flashes
from tiny_runs import write_run

from onball.actions import Action
from onball.errors import DataError
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.reports.report import write_report
from onball.spotting.calibrating import calibrate
from onball.spotting.evaluating import evaluate
from onball.spotting.exporting import export_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set whose labels begin again in the second half, and a run on it."""
    root = tmp_path_factory.mktemp("halves")
    match = root / "data" / "test" / "match"
    write_flashes(match, 0)
    (match / "224p.mp4").rename(match / "1_224p.mp4")
    events = [
        Event(position, Action.PASS, half=half) for half in (1, 2) for position in (600, 1600)
    ]
    write_labels(EventList.of(events), match / "Labels-ball.json")
    write_run(root / "run", root / "data")
    return root


@pytest.mark.parametrize(
    "use",
    [
        lambda run, data, out: evaluate(run, data, out=out, device="cpu"),
        lambda run, data, out: evaluate(run / "model", data, out=out, device="cpu"),
        lambda run, data, out: calibrate(run / "model", data, out=out, split="test", device="cpu"),
        lambda run, data, out: write_report([run], out, data=data, device="cpu"),
        lambda run, data, out: export_model(run / "model", data=data, split="test", out=out),
    ],
    ids=["evaluate a run", "evaluate a model", "calibrate", "report", "export"],
)
def test_labels_that_begin_again_in_the_second_half_are_refused_before_any_work(
    folder, tmp_path, use
):
    with pytest.raises(DataError, match=r"are of several halves, and 1_224p\.mp4 is one"):
        use(folder / "run", folder / "data", tmp_path / "out")
    assert not any(tmp_path.iterdir()) and not (folder / "run" / "evaluation").exists()


def test_predictions_of_both_halves_are_evaluated_each_with_its_labels(folder, tmp_path):
    labels = EventList.load(folder / "data/test/match/Labels-ball.json")
    labels.save(tmp_path / "predictions" / "match" / "results_spotting.json")
    result = evaluate(tmp_path / "predictions", folder / "data", out=tmp_path, resamples=0)
    assert result.report.result.exact_ap[Action.PASS] == 1
