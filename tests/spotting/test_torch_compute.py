"""Arithmetic of a net on NumPy arrays: layout of the outputs, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from onball.config import ComponentConfig, ModelConfig
from onball.config.schema import TrackingConfig
from onball.models import DenseScores, build_model
from onball.spotting.compute import MirroredCompute, OutputLayout, TorchCompute
from onball.tracking.features import mirrored_signs

pytestmark = pytest.mark.usefixtures("one_thread")


def scores(columns: int, **parts: object) -> DenseScores:
    generator = torch.Generator().manual_seed(0)
    return DenseScores(torch.randn(2, 5, columns, generator=generator), **parts)


@pytest.mark.parametrize(
    "given, teams",
    [
        (scores(13), "none"),
        (scores(4), "none"),
        (scores(25), "none"),
        (scores(25, teams=True), "classes"),
        (scores(13, team=torch.linspace(-2, 2, 10).view(2, 5)), "logit"),
        (scores(2, independent=True), "none"),
        (scores(25, teams=True, displacement=torch.arange(10.0).view(2, 5)), "classes"),
    ],
    ids=["actions", "classes", "24 classes", "teams", "team logit", "independent", "displacement"],
)
def test_outputs_split_into_the_scores_that_they_are_made_of(given, teams):
    layout = OutputLayout.of(given)
    outputs = given.outputs().numpy()
    parts = layout.split(outputs)
    assert layout.columns == outputs.shape[-1]
    assert layout.teams == teams
    assert np.array_equal(parts.actions, given.action_probabilities().numpy())
    assert layout.classes == parts.actions.shape[-1]
    if teams == "none":
        assert parts.left is None
    else:
        assert np.array_equal(parts.left, given.left_probabilities().numpy())
    if given.displacement is not None:
        assert np.array_equal(parts.displacement, given.displacement.numpy())
    if given.independent:
        assert parts.background is None
    else:
        assert np.array_equal(parts.background, given.probabilities()[..., :1].numpy())


def test_threads_do_not_disturb_each_other():
    """Layers with a temporal shift keep the length of their clip while they compute."""
    backbone = ComponentConfig(name="regnety_002", pretrained=False, shift="gsf")
    torch.manual_seed(0)
    compute = TorchCompute(build_model(ModelConfig(backbone=backbone)).eval())
    rng = np.random.default_rng(0)
    clips = [rng.integers(0, 255, (length, 32, 32, 3), np.uint8) for length in (2, 3) * 3]
    expected = [compute.features(clip) for clip in clips]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(compute.features, clips))
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("shift", ["none", "gsf"])
def test_fused_batch_normalisation_changes_features_by_rounding_only(shift):
    torch.manual_seed(0)
    backbone = ComponentConfig(name="regnety_002", pretrained=False, shift=shift)
    net = build_model(ModelConfig(backbone=backbone)).eval()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(std=0.1)
            layer.running_var.uniform_(0.5, 2)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    clip = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8)
    found = TorchCompute(net).features(clip)
    with torch.inference_mode():
        expected = net.features(torch.from_numpy(clip).permute(0, 3, 1, 2)[None])[0].numpy()
    assert 0 < abs(found - expected).max() < 1e-5 * abs(expected).max() < 1
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_copies_of_threads_share_the_weights():
    net = build_model(
        ModelConfig(backbone=ComponentConfig(name="test_resnet", pretrained=False))
    ).eval()
    compute = TorchCompute(net, torch.bfloat16)
    clip = np.full((2, 32, 32, 3), 100, np.uint8)
    before = compute.features(clip)
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(0.5)
    assert not np.array_equal(compute.features(clip), before)


@pytest.mark.parametrize(
    "head",
    [
        {"model": {"teams": True}, "head": {"displacement": 2}},
        {"model": {}, "head": {"displacement": 2, "team": True}},
        {"model": {"classes": ["PASS", "DRIVE"]}, "head": {"independent": True}},
    ],
    ids=["team classes", "team logit", "independent"],
)
def test_a_mirror_image_has_the_same_events_of_the_other_team(head):
    torch.manual_seed(0)
    backbone = ComponentConfig(name="test_resnet", pretrained=False)
    parts = {"backbone": backbone, "temporal": ComponentConfig(name="none"), **head["model"]}
    net = build_model(ModelConfig(**parts, head=ComponentConfig(name="linear", **head["head"])))
    plain = TorchCompute(net.eval())
    mirrored = MirroredCompute(plain)
    frames = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8)

    def outputs(compute, images):
        return compute.layout.split(compute.outputs(compute.features(images)[None])[0])

    found, turned = outputs(mirrored, frames), outputs(mirrored, frames[:, :, ::-1])
    once, other = outputs(plain, frames), outputs(plain, frames[:, :, ::-1].copy())
    assert np.allclose(found.actions, (once.actions + other.actions) / 2, atol=1e-6)
    assert np.allclose(found.actions, turned.actions, atol=1e-6)
    assert not np.allclose(once.actions, other.actions, atol=1e-6)
    if mirrored.layout.teams == "classes":
        assert np.allclose(turned.left, found.actions - found.left, atol=1e-6)
    elif mirrored.layout.teams == "logit":
        assert np.allclose(turned.right, 1 - found.right, atol=1e-6)
    if found.displacement is not None:
        assert np.allclose(found.displacement, turned.displacement, atol=1e-6)


def test_a_mirror_image_has_the_same_events_from_its_tracks():
    torch.manual_seed(0)
    net = build_model(
        ModelConfig(
            backbone=ComponentConfig(name="none"),
            tracking=TrackingConfig(features="ball", dim=8),
            temporal=ComponentConfig(name="none"),
        )
    )
    plain, signs = TorchCompute(net.eval()), mirrored_signs("ball")
    frames = np.zeros((3, 1, 1, 3), np.uint8)
    tracked = np.random.default_rng(0).normal(size=(3, len(signs))).astype(np.float32)

    def outputs(compute, tracks):
        return compute.outputs(compute.features(frames, tracks)[None])[0]

    mirrored = MirroredCompute(plain, signs)
    found, turned = outputs(mirrored, tracked), outputs(mirrored, tracked * signs)
    once, other = outputs(plain, tracked), outputs(plain, tracked * signs)
    assert np.allclose(found, (once + other) / 2, atol=1e-6)
    assert np.allclose(found, turned, atol=1e-6)
    assert not np.allclose(once, other, atol=1e-3)
