"""`onball evaluate` on runs, saved models and prediction files, valid and invalid."""

import json
import math
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from onball.actions import ACTIONS, Action, ActionSet
from onball.config import SavedModelConfig, load_config, save_config
from onball.data.layout import write_splits
from onball.events import Event, EventList, SpottingInfo
from onball.formats import read_results, write_labels, write_results
from onball.formats.event_table import write_event_table
from onball.models import build_model, save_model
from onball.outputs import record_outputs
from onball.video import VideoWriter

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"
NAMES = ["l/s/one", "l/s/two"]
FILE = "results_spotting.json"


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def files(tmp_path):
    """Labels of two matches without video in `data`, predictions for them in `out/predictions`."""
    rng = random.Random(8)
    for name in NAMES:
        events = [Event(f * 40, rng.choice(ACTIONS)) for f in rng.sample(range(10_000), 120)]
        found = [
            Event(max(0, e.position_ms + rng.randrange(-700, 700)), e.label, rng.random())
            for e in events
        ]
        write_labels(EventList.of(events, name), tmp_path / "data" / name / "Labels-ball.json")
        write_results(EventList.of(found, name), tmp_path / "out" / "predictions" / name / FILE)
    write_splits(tmp_path / "data", {"test": NAMES, "valid": NAMES[:1]})
    return tmp_path


def run(onball, files, *arguments, target="out/predictions"):
    fast = ("--resamples", 0)  # an option given again in `arguments` replaces this one
    return onball("evaluate", files / target, "--data", files / "data", *fast, *arguments)


def place(files, split="test"):
    """Folder of the metrics, by default."""
    return files / "out" / "predictions" / "evaluation" / split


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_a_folder_of_predictions_gives_tables_and_a_file_of_all_metrics(onball, files):
    code, shown, error = run(onball, files, "--resamples", 1000)
    assert code == 0, error
    for words in (
        "AP at δ = 1 s",
        "within ±0.5 s",
        "docs/evaluation.md",
        "mAP12",
        "mAP10",
        "tight",
        "loose",
        "95 % over 2 matches",
        "median timing",
    ):
        assert words in shown
    figures = metrics(place(files))
    assert 0 < figures["map12_at1"] < 1
    assert f"{100 * figures['map12_at1']:.2f}" in shown
    assert [row["name"] for row in figures["matches"]] == NAMES


def test_a_written_zip_gives_the_same_metrics_here_and_in_the_package_of_soccernet(onball, files):
    package = pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")
    submission = files / "submission.zip"
    assert run(onball, files, "--zip", submission)[0] == 0
    code, _, error = run(onball, files, "--out", files / "again", target="submission.zip")
    assert code == 0, error
    assert metrics(files / "again") == metrics(place(files))

    labels = files / "labels"
    for name in NAMES:
        shutil.copytree(files / "data" / name, labels / name)
    official = package.evaluate(
        str(labels),
        str(submission),
        framerate=25,
        metric="at1",
        label_files="Labels-ball.json",
        dataset=None,
        EVENT_DICTIONARY={action.value: action.order for action in ACTIONS},
    )
    assert metrics(place(files))["map12_at1"] == pytest.approx(official["a_mAP"], abs=1e-9)


def test_a_submission_is_reproducible_byte_for_byte(onball, files):
    for name in ("a.zip", "b.zip"):
        run(onball, files, "--zip", files / name)
    assert (files / "a.zip").read_bytes() == (files / "b.zip").read_bytes()
    assert zipfile.ZipFile(files / "a.zip").namelist() == [f"{name}/{FILE}" for name in NAMES]


def test_one_file_can_be_evaluated_for_a_split_of_one_match(onball, files):
    target = f"out/predictions/{NAMES[0]}/{FILE}"
    code, _, error = run(
        onball, files, "--split", "valid", "--out", files / "one", "--tolerance", 2, target=target
    )
    assert code == 0, error
    assert metrics(files / "one")["tolerance_s"] == 2


def spoil(files, change):
    """Change the prediction file of the first match."""
    path = files / "out" / "predictions" / NAMES[0] / FILE
    content = json.loads(path.read_text())
    change(content["predictions"])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p[0].update(confidence="1.5"), "prediction 1: confidence 1.5 is outside [0, 1]"),
        (lambda p: p[3].update(confidence="nan"), "prediction 4: confidence nan"),
        (lambda p: p[0].update(label="PAS"), "unknown action 'PAS': did you mean 'PASS'?"),
        (lambda p: p[0].update(half="2"), "1 predictions are in half 2"),
        (lambda p: p[0].pop("position"), "no 'position' in it"),
        (lambda p: p[0].update(position="1_0"), "position '1_0' is not a whole number"),
    ],
)
def test_a_bad_entry_is_one_line_that_names_file_and_entry(onball, files, change, words):
    spoil(files, change)
    code, _, error = run(onball, files)
    assert code == 2
    assert words in error and NAMES[0] in error and "Traceback" not in error
    assert not place(files).exists()


def test_entries_in_other_notations_are_read_alike(onball, files):
    assert run(onball, files)[0] == 0
    before = metrics(place(files))

    def change(entries):
        for entry in entries:
            entry["position"], entry["confidence"] = (
                int(entry["position"]),
                float(entry["confidence"]),
            )
            entry["label"] = entry["label"].lower()
            entry.pop("half")

    spoil(files, change)
    assert run(onball, files, "--overwrite")[0] == 0
    assert metrics(place(files)) == before


def test_missing_and_misnamed_files_are_named(onball, files):
    folder = files / "out" / "predictions"
    two = folder / NAMES[1]
    (two / FILE).rename(two / "results.json")
    assert "its folder holds 'results.json'; rename it to" in run(onball, files)[2]
    labels = run(onball, files, target="data")[2]
    assert "its folder holds labels" in labels and "rename" not in labels
    two.rename(folder / "l/s/tow")
    (folder / "l/s/tow/results.json").rename(folder / "l/s/tow" / FILE)
    code, _, error = run(onball, files)
    assert code == 2 and "there is 'l/s/tow'; rename it to 'l/s/two'" in error
    error = run(onball, files, "--split", "valid", target="out")[2]
    assert "not in 'valid', left out: 'l/s/tow'" in error
    (folder / NAMES[0] / FILE).write_text("")
    assert "is empty (0 bytes)" in run(onball, files, "--split", "valid")[2]


def test_predictions_of_another_match_and_empty_files_are_warnings(onball, files):
    write_results(EventList(), files / "out" / "predictions" / NAMES[0] / FILE)
    code, _, error = run(onball, files, "--split", "valid")
    assert code == 0
    assert "not in 'valid', left out: 'l/s/two'" in error
    assert "'l/s/one': no predictions in its results_spotting.json" in error


def test_predictions_of_another_split_are_recognised(onball, files):
    write_splits(files / "data", {"test": NAMES[:1], "valid": NAMES[1:]})
    shutil.rmtree(files / "out" / "predictions" / NAMES[0])
    code, _, error = run(onball, files)
    assert code == 2
    assert "this is the match of split 'valid': --split valid" in error and "rename" not in error
    assert run(onball, files, "--split", "valid")[0] == 0


# Tables as predictions


def as_tables(files):
    """Replace the prediction files by tables with the same events."""
    for name in NAMES:
        path = files / "out" / "predictions" / name / FILE
        write_event_table(read_results(path), path.with_name("events.csv"))
        path.unlink()


def test_tables_are_evaluated_where_there_are_no_json_files(onball, files):
    assert run(onball, files)[0] == 0
    exact = metrics(place(files))
    as_tables(files)
    submission = files / "s.zip"
    code, _, error = run(onball, files, "--out", files / "tables", "--zip", submission)
    assert code == 0, error
    # Confidences in tables are rounded.
    assert metrics(files / "tables")["map12_at1"] == pytest.approx(exact["map12_at1"], abs=0.02)
    assert run(onball, files, "--out", files / "zip", target="s.zip")[0] == 0
    assert metrics(files / "zip")["result"] == metrics(files / "tables")["result"]
    one = f"out/predictions/{NAMES[0]}"
    for target in (one, f"{one}/events.csv"):
        code, shown, error = run(onball, files, "--split", "valid", target=target)
        assert code == 0 and "mAP12" in shown, error


def test_a_corrected_table_beside_predictions_is_mentioned(onball, files):
    folder = files / "out" / "predictions" / NAMES[0]
    (folder / "events.csv").write_text("time,label\n0:01,PASS\n")
    record_outputs(folder, ["events.csv"], {})
    assert "changed by hand" not in run(onball, files)[2]
    (folder / "events.csv").write_text("time,label\n0:02,PASS\n")
    error = run(onball, files)[2]
    assert "events.csv: changed by hand, but results_spotting.json is evaluated" in error


# Results that are there


def test_metrics_are_written_once_and_replaced_only_on_request(onball, files):
    assert run(onball, files)[0] == 0
    before = (place(files) / "metrics.json").read_bytes()
    code, shown, _ = run(onball, files)
    assert code == 0 and "mAP12" in shown and "metrics.json (is there already)" in shown
    code, shown, error = run(onball, files, "--tolerance", 2)
    assert code == 2 and shown == ""
    assert "holds results with tolerance 1.0 instead of 2.0: --overwrite replaces them" in error
    spoil(files, lambda entries: entries.pop())
    code, _, error = run(onball, files)
    assert code == 2 and "holds results with predictions" in error
    assert (place(files) / "metrics.json").read_bytes() == before
    assert run(onball, files, "--tolerance", 2, "--overwrite")[0] == 0
    assert metrics(place(files))["tolerance_s"] == 2


def test_metrics_that_onball_did_not_write_are_not_replaced(onball, files):
    place(files).mkdir(parents=True)
    (place(files) / "metrics.json").write_text("{}")
    code, _, error = run(onball, files)
    assert code == 2 and "metrics.json: is there and was not written by onball" in error
    assert metrics(place(files)) == {}


def test_a_single_file_and_a_zip_are_measured_without_writing_anything(onball, files):
    run(onball, files, "--zip", files / "s.zip", "--out", files / "elsewhere")
    before = sorted(files.rglob("*"))
    one = f"out/predictions/{NAMES[0]}/{FILE}"
    for target, split in ((one, "valid"), ("s.zip", "test")):
        code, shown, error = run(onball, files, "--split", split, target=target)
        assert code == 0 and "--out FOLDER writes all figures" in shown, error
    assert sorted(files.rglob("*")) == before


def test_a_submission_is_replaced_only_on_request(onball, files):
    (files / "s.zip").write_bytes(b"mine")
    code, _, error = run(onball, files, "--zip", files / "s.zip")
    assert code == 2 and "s.zip: is there already, with other content" in error
    assert run(onball, files, "--zip", files / "s.zip", "--overwrite")[0] == 0
    assert run(onball, files, "--zip", files / "s.zip")[0] == 0


def test_unusable_targets_are_one_clear_line(onball, files):
    (files / "broken.zip").write_bytes(b"no zip")
    (files / "run").mkdir()
    save_config(load_config(TINY), files / "run" / "config.yaml")
    for target, words in (
        ("broken.zip", "not a zip"),
        ("absent", "no such file or folder"),
        ("run", "no saved model yet"),
    ):
        code, _, error = run(onball, files, target=target)
        assert code == 2 and words in error, error
    code, _, error = onball("evaluate", files / "out" / "predictions")
    assert code == 2 and "name it with --data" in error


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """One match of six seconds of noise in the split test."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    folder = root / "l/s/match"
    with VideoWriter(folder / "224p.mp4", (64, 36), 25) as writer:
        for _ in range(150):
            writer.write(rng.integers(0, 256, (36, 64, 3), dtype=np.uint8))
    events = [Event(1_000 + 400 * i, action) for i, action in enumerate(ACTIONS)]
    write_labels(EventList.of(events, "l/s/match"), folder / "Labels-ball.json")
    write_splits(root, {"test": ["l/s/match"]})
    return root


def make_run(folder, data, task):
    settings = [f"data.root={data}", f"task={task}"]
    config = load_config(TINY, settings)
    save_config(config, folder / "config.yaml")
    save_model(build_model(config.model, task), SavedModelConfig.of(config), folder / "model")
    return folder


def test_a_run_is_tested_on_its_data_and_a_model_on_the_data_given(onball, data, tmp_path):
    folder = make_run(tmp_path / "run", data, "spotting")
    code, shown, error = onball("evaluate", folder, "--zip", tmp_path / "s.zip")
    assert code == 0, error
    assert "100%" in error and "mAP12" in shown
    out = folder / "evaluation" / "test"
    assert metrics(out)["split"] == "test"
    (predictions,) = (out / "predictions").rglob(FILE)
    found = read_results(predictions)
    assert len(found) == sum(metrics(out)["result"]["predictions"].values())
    least = math.floor(100 * min(event.confidence for event in found)) / 100
    assert f"predicted: all events with confidence ≥ {least:g}" in shown

    # Nothing is done again, and nothing that is the run's own is replaced.
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    code, again, error = onball("evaluate", folder)
    assert code == 0 and "100%" not in error
    assert "Spotted already by this model: 'l/s/match'; --overwrite" in again
    assert "metrics.json (is there already)" in again
    code, _, error = onball("evaluate", out / "predictions", "--data", data, "--tolerance", 2)
    assert code == 0, error
    assert metrics(out / "predictions" / "evaluation" / "test")["tolerance_s"] == 2
    code, _, error = onball("evaluate", folder, "--tolerance", 2)
    assert code == 2 and "tolerance 1.0 instead of 2.0" in error
    assert {path: path.stat().st_mtime_ns for path in before} == before
    predictions.unlink()
    code, again, error = onball("evaluate", folder)
    assert code == 0 and "100%" in error and "Spotted already" not in again
    assert read_results(predictions) == found

    code, _, error = onball(
        "evaluate", folder / "model", "--data", data, "--out", tmp_path / "model_out"
    )
    assert code == 0, error
    assert metrics(tmp_path / "model_out") == metrics(out)
    assert "Spotted already" in onball("evaluate", folder / "model", "--data", data)[1], (
        "the model of a run has the results of the run"
    )


def test_hidden_labels_give_only_the_submission(onball, data, tmp_path):
    folder = make_run(tmp_path / "run", data, "spotting")
    hidden = tmp_path / "hidden"
    shutil.copytree(data, hidden)
    next(hidden.rglob("Labels-ball.json")).unlink()
    code, shown, error = onball(
        "evaluate", folder, "--data", hidden, "--zip", tmp_path / "challenge.zip"
    )
    assert code == 0, error
    assert "nothing is measured" in shown and (tmp_path / "challenge.zip").is_file()


def test_a_run_that_classifies_clips_gives_ap_of_clips(onball, data, tmp_path):
    folder = make_run(tmp_path / "run", data, "classification")
    code, shown, error = onball("evaluate", folder)
    assert code == 0, error
    assert "AP of" in shown and "PR-AUC" in shown
    figures = metrics(folder / "evaluation" / "test")
    assert figures["task"] == "classification" and figures["clips"] >= 1
    assert set(figures["ap"]) == set(ACTIONS) and Action.PASS in figures["positives"]
    code, again, error = onball("evaluate", folder)
    table = shown[: shown.index("All figures")]
    assert code == 0 and again.startswith(table) and "is there already" in again, error
    assert onball("evaluate", folder, "--zip", tmp_path / "s.zip")[0] == 2


def test_classes_of_the_data_set_are_measured_and_differences_to_the_model_are_said(onball, files):
    codes = ActionSet.of(["press won", "counter", "SHOT", "corner [short]"])
    rng = random.Random(9)
    for name in NAMES:
        found = [Event(f * 40, rng.choice(codes.names), 0.5) for f in range(0, 2000, 50)]
        labels = [e for e in found if e.label not in ("counter", "SHOT")]
        info = SpottingInfo("mine", classes=codes)
        write_labels(EventList.of(labels).as_labels(), files / "data" / name / "Labels-ball.json")
        write_results(
            EventList.of(found, name, info=info), files / "out" / "predictions" / name / FILE
        )
    (files / "data" / "classes.txt").write_text("press won\ncorner [short]\nnutmeg\n")
    code, shown, error = run(onball, files)
    assert code == 0, error
    said = " ".join(error.split())
    assert "This model predicts 2 of the 3 classes: not nutmeg." in said
    assert (
        "This model has 4 classes, of which 2 are not among the labels and not measured: counter, SHOT."
        in said
    )
    rows = [line.split() for line in shown.splitlines()]
    assert ["mAP", "66.67", "66.67"] in rows and ["■", "nutmeg", "0.00", "0.00", "0", "0"] in rows
    assert any(row[:4] == ["■", "corner", "[short]", "100.00"] for row in rows)
    assert "mAP12" not in shown and "headline" not in shown
    figures = metrics(place(files))
    assert figures["classes"] == figures["headline"] == ["press won", "corner [short]", "nutmeg"]
    assert figures["map_at1"] == pytest.approx(2 / 3)
    (files / "data" / "classes.txt").write_text("press won\ncorner [short]\n")
    code, _, error = run(onball, files)
    assert code == 2 and "classes" in error and "--overwrite" in error
