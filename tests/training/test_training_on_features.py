"""Heads trained on features of a frozen backbone: the same scores as on video, whole models."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from onball.assets import demo_model
from onball.config import load_config
from onball.data.features import FeatureFrames, write_features
from onball.data.matches import load_matches
from onball.errors import ConfigError, DataError, OnballError, OnballNotice
from onball.models import load_model
from onball.models.saved import save_model
from onball.spotting.features import FeatureStore, backbone_digest, compute_features
from onball.spotting.matches import classify_matches
from onball.spotting.spotter import Spotter
from onball.training.initial import build_initial_net
from onball.training.run import feature_store, load_split
from onball.training.trainer import plan_training


@pytest.fixture(scope="module")
def folder(root, finished, tmp_path_factory):
    """Features of all matches by the backbone of the finished run."""
    folder = tmp_path_factory.mktemp("features")
    found = list(compute_features(finished, root, folder=folder, device="cpu", precision="32"))
    assert [match.computed for match in found] == [True] * 3
    return folder


@pytest.fixture(scope="module")
def on_features(runs, finished, folder, tmp_path_factory):
    """A run on them."""
    torch.set_num_threads(1)
    start = f"training.initial_model={finished}"
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    with pytest.warns(OnballNotice, match="cannot be augmented as frames are: left out flip, jitt"):
        return runs.train(run_dir, start, f"data.features={folder}", "training.epochs=1")


def test_scores_on_features_are_those_on_the_video_bit_for_bit(runs, on_features, folder):
    config = load_config(on_features / "config.yaml")
    net, saved = load_model(on_features, "spotting")
    store = FeatureStore(net, saved, folder, device="cpu", precision="32")
    (match,) = load_split(config.data, config.model, "valid", features=store)
    assert isinstance(match.frames, FeatureFrames)
    (video,) = load_matches(config.data, "valid", config.model)
    spotter = Spotter(net, saved, device="cpu", precision="32")
    one = [part.probabilities for part in spotter.score_frames(match.frames)]
    other = [part.probabilities for part in spotter.score_frames(video.frames)]
    assert np.array_equal(np.concatenate(one), np.concatenate(other))
    assert len(np.concatenate(one)) == len(video.frames.times_ms)


def test_a_clip_classifier_on_features_is_the_one_on_the_video(runs, finished, folder, tmp_path):
    settings = [
        "task=classification",
        f"data.features={folder}",
        f"model.backbone={{name: test_byobnet, neighbours: 1, pretrained: {finished}}}",
        "model.temporal.name=none",
        "training.augmentation={flip: 0, jitter: {probability: 0}}",
    ]
    run_dir = runs.train(tmp_path / "run", *settings, "training.epochs=1", device="cpu")
    assert len(list(folder.iterdir())) == 3, "computes features of its own"
    net, saved = load_model(run_dir, "classification")
    config = load_config(run_dir / "config.yaml")
    store = FeatureStore(net, saved, folder, device="cpu", precision="32")
    matches = load_split(config.data, config.model, "valid", features=store)
    on_features = classify_matches(net, matches, config.data.clip_frames, torch.float32)
    video = load_matches(config.data, "valid", config.model)
    on_video = classify_matches(net, video, config.data.clip_frames, torch.float32)
    assert np.array_equal(on_features.present, on_video.present)
    # At its edges, a clip of the video lacks the neighbours that the features were computed with.
    assert np.abs(on_features.scores - on_video.scores).mean() < 0.05


def test_the_saved_model_has_the_backbone_of_the_initial_one_and_new_heads(
    on_features, finished, folder
):
    (before, config), (after, _) = load_model(finished), load_model(on_features)
    for name, weights in after.state_dict().items():
        if name.startswith("backbone."):
            assert torch.equal(weights, before.state_dict()[name]), name
    assert not torch.equal(after.head.linear.weight, before.head.linear.weight)
    # So a further run uses the same features.
    assert backbone_digest(before.backbone, config.model) == backbone_digest(
        after.backbone, load_config(on_features / "config.yaml").model
    )
    assert len(list(folder.iterdir())) == 3


def test_no_frame_is_read_once_there_are_features(runs, finished, folder, tmp_path, monkeypatch):
    def decode(*args, **kwargs):
        raise AssertionError("decodes a video")

    monkeypatch.setattr("onball.data.frames.read_frames", decode)
    settings = [f"training.initial_model={finished}", f"data.features={folder}"]
    few = ["training.epochs=1", "training.clips_per_epoch=4", "training.mixup.probability=1"]
    run_dir = runs.train(tmp_path / "run", *settings, *few)
    assert (run_dir / "model" / "model.safetensors").is_file()


def test_the_command_skips_what_is_there_and_names_the_next_one(onball, root, finished, folder):
    code, shown, _ = onball("features", root, "--model", finished, "--out", folder)
    assert code == 0 and shown.count("are there already") == 3
    assert f"train --init {finished} --data {root} --features {folder}" in shown


def test_half_precision_takes_half_the_space(root, finished, folder, tmp_path):
    options = {"folder": tmp_path / "half", "split": "valid", "half": True}
    (match,) = compute_features(finished, root, device="cpu", precision="32", **options)
    made = match.features.folder
    record = json.loads((made / "features.json").read_text())
    assert record["backbone"] == "test_byobnet" and record["video"] == "224p.mp4"
    whole, rounded = FeatureFrames(folder / made.name), match.features
    assert (whole.dtype, rounded.dtype) == ("float32", "float16")
    count = len(whole.times_ms)
    assert record["frames"] == count and rounded.read(0, count).dtype == np.float32
    np.testing.assert_allclose(rounded.read(0, count), whole.read(0, count), rtol=1e-3, atol=1e-6)


def test_an_interrupted_match_leaves_nothing_and_is_computed_again(
    root, finished, tmp_path, monkeypatch
):
    folder = tmp_path / "features"

    def stop(at):
        raise KeyboardInterrupt

    options = {"folder": folder, "device": "cpu", "split": "valid"}
    with pytest.raises(KeyboardInterrupt):
        list(compute_features(finished, root, progress=stop, **options))
    assert not list(folder.iterdir())
    (match,) = compute_features(finished, root, **options)
    assert match.computed
    (match.features.folder / "times_ms.npy").write_bytes(b"cut off")
    with pytest.raises(DataError, match=r"damaged features .* delete the folder"):
        list(compute_features(finished, root, **options))


def test_of_several_that_need_features_one_computes_and_the_others_wait(
    root, finished, tmp_path, monkeypatch
):
    computed, together = [], threading.Barrier(2)

    def write(*arguments, **settings):
        computed.append(arguments)
        return write_features(*arguments, **settings)

    def compute(_: int) -> np.ndarray:
        options = {"folder": tmp_path / "features", "device": "cpu", "split": "valid"}
        matches = compute_features(finished, root, **options)
        together.wait(timeout=60)
        (match,) = matches
        return match.features.read(0, 5)

    monkeypatch.setattr("onball.spotting.features.write_features", write)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(compute, range(2))
    assert len(computed) == 1 and np.array_equal(first, second)
    assert not list((tmp_path / "features").glob(".*")), "claims are removed"


def test_other_weights_of_the_backbone_have_other_features(runs, finished, folder, tmp_path):
    net, saved = load_model(finished, "spotting")
    before = backbone_digest(net.backbone, saved.model)
    with torch.no_grad():
        next(net.backbone.parameters()).mul_(2)
    assert backbone_digest(net.backbone, saved.model) != before
    save_model(net, saved, tmp_path / "model")
    settings = [f"training.initial_model={tmp_path / 'model'}", f"data.features={folder}"]
    config = runs.config(*settings, "training.augmentation={flip: 0, jitter: {probability: 0}}")
    store = feature_store(config, build_initial_net(config), device="cpu")
    (match,) = load_matches(config.data.model_copy(update={"cache": None}), "valid", config.model)
    assert not store.place(match.frames).exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.initial_model=null", "the backbone has random weights: .* with --init"),
        ("inference.mirror=true", "mirrored frames are not kept: --set inference.mirror=false"),
        ("inference.clips={frames: 16, overlap: 8}", "--set inference.clips=null"),
    ],
)
def test_what_needs_frames_is_refused_in_one_line(runs, finished, setting, message):
    settings = [f"training.initial_model={finished}", "data.features=auto"]
    with pytest.raises(ConfigError, match=f"data.features: .*{message}"):
        runs.config(*settings, setting)


def test_stored_features_of_the_demo_model_are_found_by_later_versions():
    # Its digest when it was trained: options added since then have no effect by default.
    net, saved = load_model(demo_model(), "spotting")
    assert backbone_digest(net.backbone, saved.model) == "2afad6b5db503125"
    grey = saved.model.backbone.model_copy(update={"grey": True})
    model = saved.model.model_copy(update={"backbone": grey})
    assert backbone_digest(net.backbone, model) != "2afad6b5db503125"


def test_features_of_whole_clips_cannot_be_kept(finished, tmp_path):
    net, saved = load_model(finished, "spotting")
    net.backbone.context = None
    with pytest.raises(ConfigError, match="features of whole clips, not of frames"):
        FeatureStore(net, saved, tmp_path)


def test_features_too_large_for_half_precision_are_an_error(tmp_path):
    parts = [(np.full((2, 3), 1e5, np.float32), np.array([0, 80]))]
    with pytest.raises(OnballError, match="do not fit into float16: leave out --half"):
        write_features(tmp_path / "match", parts, {}, half=True)
    with pytest.raises(DataError, match="no frames"):
        write_features(tmp_path / "match", [], {})
    assert not list(tmp_path.iterdir())


def test_the_plan_is_of_the_heads_on_features(runs, finished):
    config = runs.config(f"training.initial_model={finished}", "data.features=auto")
    cost = plan_training(config).cost
    net = load_model(finished)[0]
    heads = sum(p.numel() for n, p in net.named_parameters() if not n.startswith("backbone."))
    assert cost.frames_shape == (config.data.clip_frames, net.backbone.feature_dim)
    assert cost.trainable == heads and cost.gflops < 0.01
