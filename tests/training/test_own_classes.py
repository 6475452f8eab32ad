"""Training on labels with an analyst's own codes, or with a part of the 12 actions."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from onball.actions import ActionSet
from onball.config import load_config
from onball.data.matches import load_matches
from onball.errors import ConfigError, LabelError, OnballNotice, OnballWarning
from onball.events import EventList
from onball.formats.soccernet import read_labels
from onball.models import build_model, load_model
from onball.spotting.matches import classify_split
from onball.spotting.spotter import Spotter
from onball.training.initial import build_initial_net

CODES = {"PASS": "press won", "DRIVE": "counter", "HEADER": "lost ball"}
FEW = ("training.epochs=1", "training.clips_per_epoch=6")


def rename_labels(root: Path, names: dict[str, str]) -> None:
    for file in root.rglob("Labels-ball.json"):
        content = json.loads(file.read_text())
        for entry in content["annotations"]:
            entry["label"] = names.get(entry["label"], entry["label"])
        file.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def coded(root, runs, tmp_path_factory):
    """The runs on a copy of the data set whose labels are an analyst's codes."""
    own = tmp_path_factory.mktemp("coded") / "data"
    shutil.copytree(root, own, ignore=shutil.ignore_patterns(".cache"))
    rename_labels(own, CODES)
    (own / "classes.txt").write_text("# of our analyst\nlost ball\npress won, #112233\ncounter\n")
    return replace(runs, root=own)


@pytest.fixture(scope="module")
def trained(coded, tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    return coded.train(tmp_path_factory.mktemp("coded runs") / "run", *FEW)


def test_own_codes_are_trained_saved_spotted_and_exported(
    coded, trained, metrics, tmp_path, onball
):
    stored = load_config(trained / "config.yaml").model.actions
    assert stored.names == ("lost ball", "press won", "counter")
    assert stored.colours[1] == "#112233" and len(set(stored.colours)) == 3
    config = json.loads((trained / "model" / "config.json").read_text())
    assert config["actions"] == list(stored.names)
    assert config["model"]["classes"][1] == {
        "name": "press won", "colour": "#112233", "headline": True,
    }  # fmt: skip

    (row,) = metrics(trained)
    assert 0 <= float(row["map"]) <= 1 and "map10" not in row
    card = (trained / "model" / "README.md").read_text()
    assert "3 kinds of events (lost ball, press won, counter)" in card and "mAP10" not in card

    video = coded.root / "valid" / "league" / "season" / "match 2" / "224p.mp4"
    spotter = Spotter.from_pretrained(trained, device="cpu")
    assert spotter.config.actions.colours == stored.colours and "3 actions" in repr(spotter)
    events = spotter.spot(video)
    assert len(events) and set(events.counts()) <= set(stored)
    assert next(iter(spotter.scores(video))).probabilities.shape[1] == 3

    out = tmp_path / "out"
    arguments = ("--model", trained, "--out", out, "--device", "cpu", "-t", 0, "--actions", "press")
    code, shown, error = onball("spot", video, *arguments)
    assert code == 0 and "own 3 classes: lost ball, press won, counter" in " ".join(error.split())
    (results,) = out.rglob("results_spotting.json")
    found = EventList.load(results)
    assert found.info.classes.names == stored.names and found.info.classes.colours == stored.colours
    assert found.events == events.events
    assert set(found.shown.counts()) == {"press won"} and "press won" in shown
    table = EventList.load(results.with_name("events.csv"))  # the list is beside it
    assert [event.position_ms for event in table] == [event.position_ms for event in found.shown]

    code, shown, _ = onball("events", results.parent, "--actions", "counter", "-t", 0)
    assert code == 0 and "counter" in shown and "press won" not in shown
    table.save(tmp_path / "alone.csv")
    code, _, error = onball("events", tmp_path / "alone.csv")
    assert code == 2 and "unknown action 'press won'" in error
    listed = ("--classes", coded.root / "classes.txt", "--out", tmp_path / "Labels-own.json")
    code, shown, _ = onball("events", tmp_path / "alone.csv", *listed)
    assert code == 0 and "press won" in shown
    assert len(read_labels(tmp_path / "Labels-own.json", stored)) == len(table)


def test_a_label_that_is_none_of_the_classes_is_an_error_of_one_line(coded, tmp_path, onball):
    own = tmp_path / "data"
    shutil.copytree(coded.root, own, ignore=shutil.ignore_patterns(".cache"))
    rename_labels(own / "valid", {"counter": "countre", "press won": "prss won"})
    with pytest.raises(LabelError) as refused:
        replace(coded, root=own).train(tmp_path / "run", *FEW)
    assert "\n" not in str(refused.value)
    assert str(own / "classes.txt") in str(refused.value) and "did you mean" in str(refused.value)
    code, shown, _ = onball("data", "check", own)
    assert code == 1 and "unknown action" in shown and "classes.txt" in " ".join(shown.split())
    (own / "classes.txt").unlink()
    with pytest.raises(LabelError, match=r"unknown action '.*': (known: PASS|did you mean)"):
        replace(coded, root=own).train(tmp_path / "run", *FEW)


def test_settings_for_single_classes_must_fit_those_of_the_data(coded, tmp_path):
    with pytest.raises(ConfigError, match=r"inference\.report_thresholds: unknown action 'PASS'"):
        coded.train(tmp_path / "run", "inference.report_thresholds={PASS: 0.4}")
    with pytest.raises(ConfigError, match=r"model\.classes declares other classes"):
        coded.config("inference.report_thresholds={counter: 0.4}")
    classes = "model.classes=[press won, counter, lost ball]"
    config = coded.config(classes, "inference.report_thresholds={counter: 0.4}")
    assert config.inference.report_threshold_of(config.model.actions.parse("Counter")) == 0.4


def test_some_of_the_12_actions_can_be_trained_alone(runs, tmp_path):
    names = "model.classes=[DRIVE, PASS]"
    with pytest.warns(
        OnballWarning, match="other classes than the model's are left out: .* HEADER"
    ):
        run = runs.train(tmp_path / "run", *FEW, names)
    assert Spotter.from_pretrained(run, device="cpu").config.actions.names == ("DRIVE", "PASS")
    config = runs.config(names)
    (match,) = load_matches(config.data, "valid", config.model)
    expected = [1 + (e.label == "PASS") for e in match.labels if e.label in ("DRIVE", "PASS")]
    assert [event.class_index for event in match.events] == expected
    assert len(match.events) < len(match.labels)


def test_the_clip_classifier_takes_own_codes(coded, tmp_path):
    run = coded.train(tmp_path / "run", "task=classification", *FEW)
    found = classify_split(run, coded.config().data, "valid", device="cpu")
    assert found.scores.shape[1] == found.present.shape[1] == 3 and found.present.any()


def test_a_model_with_other_classes_gives_all_weights_but_those_of_its_head(coded, finished):
    config = coded.config(
        f"training.initial_model={finished}", "model.classes=[press won, counter, lost ball]"
    )
    source, _ = load_model(finished, "spotting")
    with pytest.warns(
        OnballNotice, match="it has other classes, and the classifier is re-initialised"
    ):
        net = build_initial_net(config)
    assert net.head.linear.out_features == 4
    given, own = source.state_dict(), net.state_dict()
    assert all(torch.equal(own[name], given[name]) for name in own if not name.startswith("head."))


@pytest.mark.parametrize(
    "head", ["{name: linear, team: true}", "{name: linear, independent: true}"]
)
def test_heads_of_published_models_are_trained(coded, tmp_path, head):
    run = coded.train(tmp_path / "run", *FEW, f"model.head={head}", "training.clips_per_epoch=2")
    assert (run / "model" / "model.safetensors").is_file()


def test_classes_for_both_teams_need_no_12_actions(runs):
    names = [f"code {number}" for number in range(24)]
    frames = torch.zeros(1, 4, 3, 36, 64, dtype=torch.uint8)
    for teams, outputs in ((False, 25), (True, 49)):
        model = runs.config(f"model.classes={names}", f"model.teams={teams}").model
        scores = build_model(model).eval()(frames)
        assert scores.logits.shape[-1] == outputs and scores.tells_teams is teams
        assert scores.action_probabilities().shape[-1] == 24
    assert ActionSet.of(names).index("CODE 23") == 23
