"""`onball track`, and `onball spot` with a model that takes tracks."""

from __future__ import annotations

import json
import shutil
from functools import cache

import numpy as np
import pytest
from tiny_detectors import write_detector
from tiny_models import random_model
from tiny_tracks import SIZE, tiny_tracks, write_tiny_tracks

from onball.actions import ACTIONS
from onball.config import BallCropConfig, ComponentConfig, TrackingConfig
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.formats.tracks_parquet import read_about, read_tracks, write_tracks
from onball.models import save_model
from onball.tracks import GOAL, KINDS, PERSON
from onball.video import VideoWriter

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def red_detector(tmp_path_factory):
    """Detector of red areas."""
    return write_detector(tmp_path_factory.mktemp("detector") / "red.onnx", "yolov8")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A match of 2 s with a red square that moves over black."""
    folder = tmp_path_factory.mktemp("original")
    with VideoWriter(folder / "224p.mp4", SIZE, 25) as writer:
        for index in range(50):
            frame = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
            frame[8:20, index // 2 : index // 2 + 12] = (230, 20, 20)
            writer.write(frame)
    write_labels(EventList.of([Event(1000, ACTIONS[0])]), folder / "Labels-ball.json")
    return folder


@pytest.fixture
def match(original, tmp_path):
    """A data set of that match."""
    folder = tmp_path / "data" / "test" / "league" / "season" / "match"
    return shutil.copytree(original, folder)


PIXELS = ComponentConfig(name="test_byobnet", pretrained=False)
MODELS = {
    "tracks alone": {"backbone": ComponentConfig(name="none"), "tracking": TrackingConfig()},
    "tracks beside pixels": {"backbone": PIXELS, "tracking": TrackingConfig(features="study")},
    "cropped": {"backbone": PIXELS, "crop": BallCropConfig(players=2)},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the folder of a model of random weights, by its name in `MODELS`."""

    @cache
    def save(kind):
        folder = tmp_path_factory.mktemp("models") / "model"
        save_model(*random_model(**MODELS[kind]), folder)
        return folder

    return save


def test_videos_get_tracks_and_motchallenge_text(onball, match, red_detector, tmp_path):
    code, stdout, stderr = onball(
        "track",
        match / "224p.mp4",
        "--detector",
        red_detector,
        "--out",
        tmp_path / "out",
        "--mot",
        "--threads",
        1,
    )
    assert code == 0, stderr
    path = tmp_path / "out" / "224p" / "tracks.parquet"
    tracks = read_tracks(path, match / "224p.mp4")
    assert len(tracks) and {KINDS[kind] for kind in tracks.kinds} == {"person"}
    assert "25 frames with" in stdout and "cuts" in stdout
    assert path.with_suffix(".txt").read_text().count("\n") == (tracks.track_ids >= 0).sum()
    assert read_about(path)["detector"].startswith("red.onnx")


def test_tracks_of_a_data_set_are_beside_its_videos_and_never_replaced_silently(
    onball, match, red_detector
):
    write_tiny_tracks(match, duration_ms=2000)
    before = (match / "tracks.parquet").read_bytes()
    root = match.parents[3]
    arguments = ["track", "--data", root, "--detector", red_detector]
    code, _, stderr = onball(*arguments)
    assert code == 2 and "holds tracks with" in stderr and "--overwrite replaces them" in stderr
    assert (match / "tracks.parquet").read_bytes() == before
    code, _, stderr = onball(*arguments, "--name", "red.parquet")
    assert code == 0, stderr
    assert read_about(match / "red.parquet")["fps"] == 12.5
    code, stdout, _ = onball(*arguments, "--name", "red.parquet")
    assert code == 0 and "is there already" in stdout


def test_a_simulated_match_without_a_video_is_tracked(onball, tmp_path):
    plan = ["--train", "1", "--valid", "0", "--test", "0", "--minutes", "0.05", "--size", "64x36"]
    _, notes, _ = onball(
        "simulate", "--out", tmp_path, *plan, "--fps", "12.5", "--no-video", "--boxes"
    )
    assert "track --data" in notes and "train spotting/ball_tracks" in notes
    arguments = [
        "track",
        "--data",
        tmp_path,
        "--detector",
        "simulated:ballnet",
        "--name",
        "n.parquet",
    ]
    code, out, error = onball(*arguments)
    assert code == 0, error
    (tracks,) = tmp_path.rglob("n.parquet")
    assert "38 frames" in out and {GOAL, PERSON} & set(read_tracks(tracks).kinds.tolist())
    assert "is there already" in onball(*arguments)[1]


def test_a_simulated_match_is_tracked_by_a_simulated_detector(onball, match):
    write_tiny_tracks(match, [1000], duration_ms=2000)
    root = match.parents[3]
    arguments = ["track", "--data", root, "--detector", "simulated:mild"]
    code, _, stderr = onball(*arguments)
    assert code == 2 and "tracks.parquet holds the true tracks" in stderr
    code, stdout, stderr = onball(*arguments, "--name", "mild.parquet")
    assert code == 0, stderr
    assert "the ball in 8" in stdout or "the ball in 9" in stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no video given"),
        (["{video}", "--detector", "model.caffe"], "unknown kind"),
        (["{video}", "--detector", "missing.onnx"], "no such file"),
        (["{video}", "--detector", "{detector}", "--tiles", "many"], "tiles 'many'"),
        (["{video}", "--detector", "simulated:mild"], "is for simulated matches"),
        (["{video}", "--detector", "{detector}", "--name", "a/b.txt"], "ends with .parquet"),
        (["{labels}", "--detector", "{detector}"], "Labels-ball.json"),
    ],
)
def test_bad_input_is_one_clear_line(onball, match, red_detector, tmp_path, arguments, message):
    names = {
        "video": match / "224p.mp4",
        "labels": match / "Labels-ball.json",
        "detector": red_detector,
    }
    given = [argument.format(**names) for argument in arguments]
    code, _, stderr = onball("track", *given, "--out", tmp_path / "out")
    assert code == 2
    assert message in stderr and "Traceback" not in stderr


def test_all_videos_are_opened_before_the_first_is_tracked(onball, match, tmp_path):
    (tmp_path / "picture.png").write_bytes(b"no image")
    given = [match / "224p.mp4", tmp_path / "picture.png", tmp_path / "missing.mp4"]
    out = tmp_path / "out"
    code, shown, stderr = onball("track", *given, "--detector", "x.onnx", "--out", out)
    assert code == 2 and not shown and not out.exists()
    assert "picture.png" in stderr and "missing.mp4: no such file" in stderr


def test_the_former_name_of_the_box_threshold_is_accepted_with_a_warning(onball, match):
    code, _, stderr = onball("track", match, "--threshold", "0.2", "--detector", "missing.onnx")
    assert code == 2 and "--threshold is called --box-threshold now" in stderr
    assert "missing.onnx: no such file" in stderr


@pytest.mark.parametrize("kind", ["tracks alone", "cropped"])
def test_spot_makes_the_tracks_that_a_model_needs_once(
    onball, match, red_detector, saved, tmp_path, kind
):
    model = saved(kind)
    out = tmp_path / "out"
    code, stdout, stderr = onball(
        "spot", match / "224p.mp4", "--model", model, "--detector", red_detector, "--out", out
    )
    assert code == 0, stderr
    made = (out / "224p" / "tracks.parquet").stat().st_mtime_ns
    assert json.loads((out / "224p" / "results_spotting.json").read_text())["predictions"]
    assert "events" in stdout
    again = ["spot", match / "224p.mp4", "--model", model, "--detector", red_detector, "--out", out]
    assert onball(*again, "--threshold", 0.5, "--overwrite")[0] == 0
    assert (out / "224p" / "tracks.parquet").stat().st_mtime_ns == made


@pytest.mark.parametrize("kind", MODELS)
def test_given_tracks_are_used_without_a_detector(onball, match, saved, tmp_path, kind):
    model = saved(kind)
    tracks = tmp_path / "mine.parquet"
    write_tracks(tiny_tracks([1000], duration_ms=2000), tracks)
    out = tmp_path / "out"
    arguments = ["spot", match / "224p.mp4", "--model", model, "--out", out]
    code, _, stderr = onball(*arguments, "--tracks", tracks)
    assert code == 0, stderr
    assert not (out / "224p" / "tracks.parquet").exists()
    other = tiny_tracks([1000], duration_ms=30_000)
    write_tracks(other, tracks)
    code, _, stderr = onball(*arguments, "--tracks", tracks)
    assert code == 2 and "tracks of another video" in stderr
    code, _, stderr = onball(*arguments)  # with the ball network's tracks, another result
    assert code == 2 and "holds results with tracks mine.parquet" in stderr


def test_a_data_set_with_tracks_needs_no_detector(onball, match, saved, tmp_path):
    model = saved("tracks alone")
    write_tiny_tracks(match, [1000], duration_ms=2000)
    root = match.parents[3]
    code, _, stderr = onball("spot", "--data", root, "--model", model, "--out", tmp_path / "out")
    assert code == 0, stderr
    code, stdout, stderr = onball("evaluate", model, "--data", root)
    assert code == 0, stderr
    assert "mAP" in stdout
