"""Evaluation of runs for a report: reuse of stored predictions."""

from __future__ import annotations

import os
import shutil

from onball.data.layout import find_matches
from onball.files import write_json_atomic
from onball.reports.runs import evaluate_classifier, evaluate_spotter, read_runs


def test_a_second_report_runs_no_model(runs, root, out, measured, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a net was run again")

    monkeypatch.setattr("onball.reports.runs.Spotter.from_pretrained", refuse)
    monkeypatch.setattr("onball.reports.runs.classify_split", refuse)
    _, spotter, clips = read_runs([runs / name for name in ("good", "untrained", "clips")])
    matches, kept = find_matches(root, "test"), out / "predictions"
    again = evaluate_spotter(spotter, "test", matches, root, kept, device="cpu")
    assert again.report.result == measured["untrained"].result
    assert evaluate_classifier(clips, "test", matches, root, kept, device="cpu")


def test_an_evaluation_of_other_labels_or_an_older_model_is_not_used(
    runs, root, tmp_path, measured
):
    folder = tmp_path / "good"
    shutil.copytree(runs / "good", folder)
    (run,) = read_runs([folder])
    matches = find_matches(root, "test")

    def value() -> float:
        one = evaluate_spotter(run, "test", matches, root, tmp_path / "kept", device="cpu")
        return one.report.result.map10

    assert value() == measured["good"].result.map10
    weights = run.folder.model / "model.safetensors"
    later = weights.stat().st_mtime + 1000
    os.utime(weights, (later, later))
    assert value() != measured["good"].result.map10
    os.utime(weights, (1, 1))
    assert value() == measured["good"].result.map10
    write_json_atomic(folder / "evaluation/test/metrics.json", {"result": {"labels": {"PASS": 9}}})
    assert value() != measured["good"].result.map10
