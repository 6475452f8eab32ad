"""Files of others, damaged in random ways: read, or refused in one line of an error of onball.

Each file is first written by onball. Then `hypothesis` changes bytes of it, or values of its JSON.
"""

from __future__ import annotations

import copy
import json
import os
import resource
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_tracks import tiny_tracks

from onball.actions import Action
from onball.config import ExperimentConfig, SavedModelConfig, load_config
from onball.data.layout import find_matches, write_splits
from onball.errors import OnballError
from onball.evaluation import evaluate_folder
from onball.events import Event, EventList, SpottingInfo
from onball.formats import write_labels, write_results
from onball.formats.event_table import read_event_table, write_event_table
from onball.formats.soccernet import read_labels
from onball.formats.soccernet_columns import read_label_columns, read_result_columns
from onball.formats.soccernet_v2 import read_v2_labels
from onball.formats.tracks_parquet import read_tracks, write_tracks
from onball.models import build_model, load_model, save_model
from onball.models.weight_files import read_file, state_dicts
from onball.outputs import edited_files, record_outputs

#: Memory that reading a damaged file of a few kB may take. Threads of libraries, which end the process if
#: they get none, need some of it.
MOST_MEMORY_MB = 4000
NAME = "league/season/match"
EVENTS = EventList.of(
    [Event(1000 * i, action, 0.5, "left") for i, action in enumerate([*Action, *Action], 1)],
    NAME,
    info=SpottingInfo("demo", thresholds={"PASS": 0.3}, kickoffs_ms=(500,)),
)


@dataclass(frozen=True)
class Case:
    """A file written by onball, and a function that reads what is in its folder."""

    file: Path
    read: Callable[[Path], object]


def tiny_model(folder: Path) -> Path:
    config = ExperimentConfig.model_validate(
        {
            "data": {"width": 32, "height": 32},
            "model": {
                "backbone": {"name": "test_resnet", "pretrained": False},
                "temporal": {"name": "bilstm", "hidden": 4},
            },
        }
    )
    save_model(build_model(config.model), SavedModelConfig.of(config), folder)
    return folder


def labels_v2() -> dict[str, Any]:
    entry = {"gameTime": "1 - 00:10", "label": "Goal", "position": "10000", "team": "home"}
    return {"UrlLocal": NAME, "annotations": [{**entry, "visibility": "visible"}] * 3}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    root = tmp_path_factory.mktemp("whole")
    labels = root / "data" / NAME / "Labels-ball.json"
    write_labels(EVENTS, labels)
    write_splits(root / "data", {"test": [NAME]})
    results = root / "out" / NAME / "results_spotting.json"
    write_results(EVENTS, results)
    table = root / "events.csv"
    write_event_table(EVENTS, table)
    record_outputs(results.parent, [results.name], {"video": "a.mp4"})
    v2 = root / "v2.json"
    v2.write_text(json.dumps(labels_v2()), encoding="utf-8")
    archive = root / "out.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.write(results, f"{NAME}/{results.name}")
    tracks = root / "tracks.parquet"
    write_tracks(tiny_tracks([400], duration_ms=800), tracks)
    model = tiny_model(root / "model")
    config = root / "config.yaml"
    config.write_text(
        "base: spotting/tiny\ndata: {width: 64, height: 32}\nmodel:\n  temporal: {name: bilstm, "
        "hidden: 8}\ntraining: {epochs: 2, mixup: {probability: 1.0}}\n",
        encoding="utf-8",
    )
    weights = root / "weights.pth"
    torch.save({"model": {"a.weight": torch.zeros(3, 4), "a.bias": torch.zeros(3)}}, weights)
    return {
        "labels": Case(labels, lambda p: (read_labels(p), read_label_columns(p))),
        "results": Case(results, lambda p: (EventList.load(p), read_result_columns(p))),
        "table": Case(table, read_event_table),
        "labels of SoccerNet-v2": Case(v2, read_v2_labels),
        "zip": Case(archive, lambda p: evaluate_folder(p, root / "data", "test")),
        "splits": Case(root / "data" / "splits.json", lambda p: find_matches(p.parent, "test")),
        "record": Case(results.with_name(".onball.json"), read_record),
        "tracks": Case(tracks, read_tracks),
        "config": Case(config, load_config),
        "settings of a model": Case(model / "config.json", lambda p: load_model(p.parent)),
        "weights of a model": Case(model / "model.safetensors", lambda p: load_model(p.parent)),
        "weights of others": Case(weights, lambda p: list(state_dicts(read_file(p)))),
    }


def read_record(path: Path) -> object:
    return edited_files(path.parent, ["results_spotting.json"])


NAMES = (
    "labels",
    "results",
    "table",
    "labels of SoccerNet-v2",
    "zip",
    "splits",
    "record",
    "tracks",
    "config",
    "settings of a model",
    "weights of a model",
    "weights of others",
)
JSON_NAMES = (
    "labels",
    "results",
    "labels of SoccerNet-v2",
    "splits",
    "record",
    "settings of a model",
)


@pytest.fixture
def bounded_memory() -> Iterator[None]:
    """Let an allocation beyond the limit fail."""
    status = Path("/proc/self/statm")
    if not status.is_file():
        pytest.skip("the size of a process is read from /proc")
    used = int(status.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    former = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (MOST_MEMORY_MB << 20), former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, former)


def must_be_read_or_refused(case: Case, content: bytes) -> None:
    """Read a file with other content; what is beside it stays, and nothing is written elsewhere."""
    whole = case.file.read_bytes()
    before = sorted(case.file.parent.rglob("*"))
    case.file.write_bytes(content)
    try:
        case.read(case.file)
    except OnballError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
    finally:
        case.file.write_bytes(whole)
    assert sorted(case.file.parent.rglob("*")) == before


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Content with some bytes changed, cut out, repeated or put in."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, max(0, len(content) - 1)))
        end = min(len(content), begin + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(["change", "cut", "end", "repeat", "insert"]))
        if kind == "change":
            content[begin : begin + 1] = draw(st.binary(min_size=1, max_size=1))
        elif kind == "cut":
            del content[begin:end]
        elif kind == "end":
            del content[begin:]
        elif kind == "repeat":
            content[begin:begin] = content[begin:end]
        else:
            content[begin:begin] = draw(st.binary(max_size=12))
    return bytes(content)


#: Values of JSON that are seldom right anywhere.
ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        2**31,
        10**18,
        10**400,
        1e308,
        0.5,
        float("nan"),
        float("inf"),
        "",
        " ",
        "0",
        "-1",
        "1e999",
        "PASS",
        "../../../../etc/passwd",
        "/etc/passwd",
        "\x00",
        "\ud800",
        "é" * 300,
        "{x.__class__}",
        "__import__('os').abort()",
        "!!python/object/apply:os.abort []",
        [],
        {},
        [[]],
        {"name": "none"},
        [1] * 50,
    ]
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to all values of a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@st.composite
def changed(draw: st.DrawFn, whole: bytes) -> bytes:
    """JSON with some values replaced, some keys removed or added."""
    tree = json.loads(whole)
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(list(places(tree)) or [("new",)]))
        parent = tree
        for step in path:
            parent = parent[step]
        kind = draw(st.sampled_from(["replace", "replace", "remove", "add", "deep"]))
        if kind == "replace":
            parent[key] = copy.deepcopy(draw(ODD))  # not in itself, if it is drawn again
        elif kind == "remove":
            parent.pop(key) if isinstance(parent, list) else parent.pop(key, None)
        elif kind == "add" and isinstance(parent, dict):
            parent[draw(st.text(max_size=8))] = copy.deepcopy(draw(ODD))
        elif kind == "deep":
            parent[key] = "DEEP"
    return json.dumps(tree).replace('"DEEP"', "[" * 20_000 + "]" * 20_000).encode()


def examples(count: int) -> Callable[[Any], Any]:
    """As many random files; the same in each run."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.usefixtures("bounded_memory")
@pytest.mark.parametrize("name", NAMES)
@examples(30)
@given(data=st.data())
def test_a_file_with_damaged_bytes_is_read_or_refused(
    cases: dict[str, Case], name: str, data: st.DataObject
) -> None:
    case = cases[name]
    must_be_read_or_refused(case, data.draw(damaged(case.file.read_bytes())))


@pytest.mark.usefixtures("bounded_memory")
@pytest.mark.parametrize("name", JSON_NAMES)
@examples(40)
@given(data=st.data())
def test_a_file_with_odd_values_is_read_or_refused(
    cases: dict[str, Case], name: str, data: st.DataObject
) -> None:
    case = cases[name]
    must_be_read_or_refused(case, data.draw(changed(case.file.read_bytes())))


@pytest.mark.slow
@pytest.mark.usefixtures("bounded_memory")
@pytest.mark.parametrize("name", NAMES)
@examples(1500)
@given(data=st.data())
def test_many_damaged_files_are_read_or_refused(
    cases: dict[str, Case], name: str, data: st.DataObject
) -> None:
    case = cases[name]
    whole = case.file.read_bytes()
    strategy = st.one_of(damaged(whole), changed(whole)) if name in JSON_NAMES else damaged(whole)
    must_be_read_or_refused(case, data.draw(strategy))


@pytest.mark.usefixtures("bounded_memory")
@pytest.mark.parametrize("setting", ["hidden", "layers"], ids=["a wide net", "a deep net"])
def test_a_model_that_describes_a_huge_net_is_refused_before_it_fills_the_memory(
    tmp_path: Path, setting: str
) -> None:
    file = tiny_model(tmp_path / "model") / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["model"]["temporal"][setting] = 4000 if setting == "hidden" else 10**6
    file.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(OnballError, match=r"much larger net|should be"):
        load_model(file.parent)


@pytest.mark.usefixtures("bounded_memory")
def test_a_zip_that_unpacks_to_a_thousand_times_its_size_is_refused(
    cases: dict[str, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onball.evaluation.files._LARGEST_FILE", 8 << 20)
    archive = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target,
        target.open(f"{NAME}/results_spotting.json", "w") as file,
    ):
        block = bytes(1 << 20)
        for _ in range(9):
            file.write(block)
    assert archive.stat().st_size < 20 << 10
    with pytest.raises(OnballError, match="has 9 MiB"):
        evaluate_folder(archive, cases["splits"].file.parent, "test")


def test_names_in_a_zip_do_not_leave_its_folder(cases: dict[str, Case], tmp_path: Path) -> None:
    archive = tmp_path / "inner" / "names.zip"
    archive.parent.mkdir()
    content = (cases["results"].file).read_bytes()
    with zipfile.ZipFile(archive, "w") as target:
        for name in ("../../out/results_spotting.json", "/tmp/onball-test/results_spotting.json"):
            target.writestr(name, content)
    with pytest.raises(OnballError):
        evaluate_folder(archive, cases["splits"].file.parent, "test")
    assert sorted(tmp_path.rglob("*")) == [archive.parent, archive]
    assert not Path("/tmp/onball-test").exists()


def test_a_file_of_weights_does_not_run_code(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "harmed"),)

    path = tmp_path / "weights.pth"
    torch.save({"model": Harmful(), "a": torch.from_numpy(np.zeros(3))}, path)
    with pytest.raises(OnballError, match="may run code"):
        read_file(path)
    assert not (tmp_path / "harmed").exists()
