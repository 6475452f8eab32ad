import random
import shutil
import unicodedata
import warnings
import zipfile
from pathlib import Path

import pytest

from onball.actions import ACTIONS, Action
from onball.data.layout import write_splits
from onball.errors import DataError, LabelError, OnballWarning
from onball.evaluation import evaluate_folder
from onball.events import Event, EventList, SpottingInfo
from onball.formats import write_labels, write_results

NAMES = ["l/s/one", "l/s/two"]


@pytest.fixture
def data_set(tmp_path):
    """Two labelled matches without video in split test, one more in train, and predictions."""
    rng = random.Random(8)
    for name in [*NAMES, "l/s/three"]:
        events = [Event(f * 40, rng.choice(ACTIONS)) for f in rng.sample(range(10_000), 120)]
        found = [
            Event(max(0, e.position_ms + rng.randrange(-700, 700)), e.label, rng.random())
            for e in events
        ]
        # Several detections on one frame, and not in order of time: the last written counts.
        found += [Event(e.position_ms + 7, e.label, rng.random()) for e in found]
        rng.shuffle(found)
        write_labels(EventList.of(events, name), tmp_path / "data" / name / "Labels-ball.json")
        if name in NAMES:
            write_results(
                EventList(tuple(found), name, info=SpottingInfo("demo", thresholds={"PASS": 0.3})),
                tmp_path / "out" / name / "results_spotting.json",
            )
    write_splits(tmp_path / "data", {"train": ["l/s/three"], "test": NAMES, "valid": NAMES[:1]})
    return tmp_path


def test_the_figures_agree_with_the_soccernet_evaluator_on_the_same_files(data_set, tmp_path):
    package = pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")
    only_test = tmp_path / "only_test"
    for name in NAMES:
        (only_test / name).mkdir(parents=True)
        labels = data_set / "data" / name / "Labels-ball.json"
        (only_test / name / "Labels-ball.json").write_bytes(labels.read_bytes())
    official = package.evaluate(
        str(only_test),
        str(data_set / "out"),
        framerate=25,
        metric="at1",
        label_files="Labels-ball.json",
        dataset=None,
        EVENT_DICTIONARY={action.value: action.order for action in ACTIONS},
    )
    ours = evaluate_folder(data_set / "out", data_set / "data", "test")
    assert ours.map12 == pytest.approx(official["a_mAP"], abs=1e-9)
    assert list(ours.ap.values()) == pytest.approx(list(official["a_mAP_per_class"]), abs=1e-9)
    assert 0.1 < ours.map12 < 0.9
    assert sum(ours.truth_counts.values()) == 240


def test_a_missing_prediction_file_is_an_error(data_set):
    (data_set / "out" / NAMES[1] / "results_spotting.json").unlink()
    with pytest.raises(DataError, match=r"no <match>/results_spotting\.json for 'l/s/two'"):
        evaluate_folder(data_set / "out", data_set / "data", "test")


def test_predictions_of_other_matches_are_ignored_with_a_warning(data_set):
    with pytest.warns(OnballWarning, match="not in 'valid', left out: 'l/s/two'"):
        alone = evaluate_folder(data_set / "out", data_set / "data", "valid")
    assert sum(alone.truth_counts.values()) == 120


def test_a_single_file_suffices_for_a_split_of_one_match(data_set):
    file = data_set / "out" / NAMES[0] / "results_spotting.json"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = evaluate_folder(file, data_set / "data", "valid", tolerance_s=2.0)
    assert one.tolerance_s == 2.0
    assert one.prediction_counts[Action.PASS] > 0
    with pytest.raises(DataError, match="one file, but 'test' has 2 matches"):
        evaluate_folder(file, data_set / "data", "test")


def test_a_match_without_labels_is_named(data_set):
    (data_set / "data" / NAMES[0] / "224p.mp4").write_bytes(b"")
    (data_set / "data" / NAMES[0] / "Labels-ball.json").unlink()
    with pytest.raises(DataError, match="no labels to evaluate 'test' on for 'l/s/one'"):
        evaluate_folder(data_set / "out", data_set / "data", "test")


def test_a_missing_folder_and_a_broken_file_are_refused(data_set):
    with pytest.raises(DataError, match="no such folder"):
        evaluate_folder(data_set / "nowhere", data_set / "data", "test")
    (data_set / "out" / NAMES[0] / "results_spotting.json").write_text("{")
    with pytest.raises(LabelError, match="broken JSON"):
        evaluate_folder(data_set / "out", data_set / "data", "test")


def test_an_archive_of_another_kind_is_named(data_set):
    archive = shutil.make_archive(str(data_set / "predictions"), "gztar", data_set / "out")
    with pytest.raises(
        DataError, match=r"predictions.tar.gz: of archives only zips are read: unpack"
    ):
        evaluate_folder(archive, data_set / "data", "test")


def zipped(folder: Path, path: Path, inner: str = "", separator: str = "/") -> Path:
    """Zip of the files of a folder, with `inner` before their names."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            name = inner + file.relative_to(folder).as_posix()
            archive.writestr(name.replace("/", separator), file.read_bytes())
    return path


@pytest.mark.parametrize(
    ("inner", "separator"), [("", "/"), ("submission/", "/"), ("a/b/", "/"), ("", "\\")]
)
def test_a_zip_may_hold_the_matches_in_a_folder(data_set, inner, separator):
    archive = zipped(data_set / "out", data_set / "out.zip", inner, separator)
    expected = evaluate_folder(data_set / "out", data_set / "data", "test")
    assert evaluate_folder(archive, data_set / "data", "test") == expected


def test_names_in_a_zip_may_be_utf_8_without_the_flag_that_says_so(data_set):
    for part in ("data", "out"):
        (data_set / part / NAMES[0]).rename(data_set / part / "l/s/São Paulo")
    write_splits(data_set / "data", {"test": ["l/s/São Paulo", NAMES[1]]})
    archive = zipped(data_set / "out", data_set / "out.zip")
    content = bytearray(archive.read_bytes())
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # at files, and in the directory
        start = 0
        while (start := content.find(header, start)) >= 0:
            content[start + flags + 1] &= ~8
            start += 4
    archive.write_bytes(content)
    expected = evaluate_folder(data_set / "out", data_set / "data", "test")
    assert evaluate_folder(archive, data_set / "data", "test") == expected


def test_names_in_a_zip_may_be_in_the_code_page_of_another_system(data_set):
    for part in ("data", "out"):
        (data_set / part / NAMES[0]).rename(data_set / part / "l/s/浦和 - ソニー仙台")
    write_splits(data_set / "data", {"test": ["l/s/浦和 - ソニー仙台", NAMES[1]]})
    folder = data_set / "out" / "l/s/浦和 - ソニー仙台"
    expected = evaluate_folder(data_set / "out", data_set / "data", "test")
    name = folder.name.encode("cp932")
    folder = folder.rename(folder.with_name("x" * len(name)))
    archive = zipped(data_set / "out", data_set / "out.zip")
    archive.write_bytes(archive.read_bytes().replace(folder.name.encode(), name))
    assert evaluate_folder(archive, data_set / "data", "test") == expected


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_twice_in_a_zip_is_refused(data_set):
    archive = zipped(data_set / "out", data_set / "out.zip")
    with zipfile.ZipFile(archive, "a") as target:
        target.writestr(f"{NAMES[1]}/results_spotting.json", "{}")
    with pytest.raises(DataError, match=rf"out\.zip: holds '{NAMES[1]}/.*' twice: leave only one"):
        evaluate_folder(archive, data_set / "data", "test")


def test_a_zip_with_damaged_data_is_one_line(data_set):
    archive = data_set / "out.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(f"{NAMES[0]}/results_spotting.json", bytes(1000))
    content = bytearray(archive.read_bytes())
    start = content.index(b"results_spotting.json") + len("results_spotting.json")
    content[start : start + 4] = b"\xff" * 4
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"out\.zip: not a zip that can be read \("):
        evaluate_folder(archive, data_set / "data", "test")


def test_a_folder_may_hold_the_matches_in_a_folder_and_two_are_an_error(data_set):
    shutil.copytree(data_set / "out", data_set / "both" / "first")
    expected = evaluate_folder(data_set / "out", data_set / "data", "test")
    assert evaluate_folder(data_set / "both", data_set / "data", "test") == expected
    shutil.copytree(data_set / "out", data_set / "both" / "second")
    with pytest.raises(DataError, match="'first', 'second' hold the same matches"):
        evaluate_folder(data_set / "both", data_set / "data", "test")


def test_other_files_of_a_zip_are_not_unpacked_and_large_ones_refused(data_set, monkeypatch):
    (data_set / "out" / "video.mp4").write_bytes(bytes(1000))
    archive = zipped(data_set / "out", data_set / "out.zip")
    monkeypatch.setattr("onball.evaluation.files._LARGEST_FILE", 900)
    with pytest.raises(DataError, match=r"results_spotting\.json' has \d+ MiB"):
        evaluate_folder(archive, data_set / "data", "test")
    largest = max(p.stat().st_size for p in (data_set / "out").rglob("*.json"))
    (data_set / "out" / "video.mp4").write_bytes(bytes(largest + 1))
    monkeypatch.setattr("onball.evaluation.files._LARGEST_FILE", largest)
    zipped(data_set / "out", archive)
    evaluate_folder(archive, data_set / "data", "test")


@pytest.mark.parametrize("renamed", ["data", "out"])
def test_composed_and_decomposed_letters_are_the_same_name(data_set, renamed):
    for part in ("data", "out"):
        form = "NFD" if part == renamed else "NFC"
        name = unicodedata.normalize(form, "l/s/São Paulo - Atlético")
        (data_set / part / NAMES[0]).rename(data_set / part / name)
    name = unicodedata.normalize("NFC", "l/s/São Paulo - Atlético")
    write_splits(data_set / "data", {"test": [name]})
    with pytest.warns(OnballWarning, match="left out: 'l/s/two'"):
        result = evaluate_folder(data_set / "out", data_set / "data", "test")
    assert sum(result.truth_counts.values()) == 120


def test_whole_numbers_may_be_written_as_a_data_frame_does(data_set):
    expected = evaluate_folder(data_set / "out", data_set / "data", "test")
    for name in NAMES:
        file = data_set / "out" / name / "results_spotting.json"
        text = file.read_text(encoding="utf-8")
        for number in {entry.position_ms for entry in EventList.load(file)}:
            text = text.replace(f'"position": "{number}"', f'"position": {number}.0')
        assert ".0," in text
        file.write_text(text, encoding="utf-8")
    assert evaluate_folder(data_set / "out", data_set / "data", "test") == expected
