"""Prediction heads: outputs for each frame, and learning them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from onball.config import ComponentConfig
from onball.errors import ConfigError
from onball.models.components import HEADS, HeadSetup, PredictionHead
from onball.training.losses import offset_loss
from onball.training.targets import FrameTargets

pytestmark = pytest.mark.usefixtures("one_thread")


def head(name: str, classes: int = 13, dropout: float = 0.0, **options: int) -> PredictionHead:
    return HEADS.build(ComponentConfig(name=name, **options), HeadSetup(6, classes, dropout))


@pytest.mark.parametrize("classes", [13, 25])
def test_a_plain_head_gives_classes_only(classes):
    plain = head("linear", classes)
    scores = plain(torch.randn(2, 5, 6))
    assert scores.logits.shape == (2, 5, classes)
    assert scores.displacement is None and scores.offsets is None
    assert plain.radius == 0
    assert scores.outputs().shape == (2, 5, classes)


@pytest.mark.parametrize("classes", [13, 25])
def test_a_displacement_is_one_number_per_frame(classes):
    moving = head("linear", classes, displacement=4)
    features = torch.randn(2, 5, 6)
    scores = moving(features)
    assert moving.radius == 4
    assert scores.displacement.shape == (2, 5) and scores.offsets is None
    # It is a signed number of frames, and the last of the outputs that windows average.
    assert torch.equal(scores.outputs()[..., -1], scores.displacement)
    alone = torch.cat([moving(features[:, t : t + 1]).displacement for t in range(5)], dim=1)
    torch.testing.assert_close(alone, scores.displacement)


@pytest.mark.parametrize("name", ["linear", "trident"])
def test_dropout_affects_the_classes_in_training_only(name):
    scores, features = head(name, dropout=0.5), torch.randn(1, 40, 6)
    assert not torch.equal(scores(features).logits, scores(features).logits)
    scores.eval()
    assert torch.equal(scores(features).logits, scores(features).logits)


@pytest.mark.parametrize("length", [1, 2, 9, 50])
@pytest.mark.parametrize("radius", [1, 4])
def test_a_trident_predicts_start_and_end_within_its_radius(length, radius):
    trident = head("trident", radius=radius, hidden=8)
    scores = trident(100 * torch.randn(2, length, 6))
    assert trident.radius == radius
    assert scores.logits.shape == (2, length, 13)
    assert scores.offsets.shape == (2, length, 2)
    assert scores.offsets.min() >= 0 and scores.offsets.max() <= 2 * radius + 1e-4
    middle = (scores.offsets[..., 1] - scores.offsets[..., 0]) / 2
    torch.testing.assert_close(scores.displacement, middle)


def test_a_trident_finds_the_start_in_preceding_and_the_end_in_following_frames():
    radius = 2
    trident = head("trident", radius=radius, hidden=8).eval()
    for parameter in trident.boundary.parameters():
        torch.nn.init.zeros_(parameter)
    scores = torch.zeros(1, 2 + 2 * trident.bins, 9)
    scores[0, 0, 3] = 50.0  # the start is on frame 3
    scores[0, 1, 5] = 50.0  # the end on frame 5
    trident.boundary.forward = lambda _: scores
    offsets = trident(torch.randn(1, 9, 6)).offsets[0]
    # Frames 3 to 7 have the start at most 2r frames before them, frames 1 to 5 the end after them.
    assert offsets[3:8, 0].round().tolist() == [0, 1, 2, 3, 4]
    assert offsets[1:6, 1].round().tolist() == [4, 3, 2, 1, 0]
    # Other frames have only the correction, here 0: all distances are equally likely.
    torch.testing.assert_close(offsets[:3, 0], torch.full((3,), 2.0))
    torch.testing.assert_close(offsets[6:, 1], torch.full((3,), 2.0))


def pulses(at: Tensor, length: int) -> Tensor:
    """Features `[B, T, 6]` that show a blurred pulse at a frame of each clip."""
    distance = torch.arange(length)[None] - at[:, None]
    bumps = [(-0.5 * ((distance - shift) / 1.0) ** 2).exp() for shift in range(-3, 3)]
    return torch.stack(bumps, dim=-1)


def test_a_trident_learns_offsets_including_those_at_the_edges_of_a_clip():
    radius, length = 2, 16
    trident = head("trident", radius=radius, hidden=16)
    at = torch.arange(length)
    shifts = (at[:, None] - torch.arange(length)[None]).float()
    weights = (shifts.abs() <= radius).float()
    no_teams = torch.zeros_like(weights)
    classes = torch.zeros(length, length, 13)
    targets = FrameTargets(classes, shifts, weights, None, radius, no_teams, no_teams)
    features = pulses(at, length)
    optimizer = torch.optim.Adam(trident.parameters(), lr=1e-2)
    for _ in range(250):
        optimizer.zero_grad()
        offset_loss(trident(features).offsets, targets).backward()
        optimizer.step()
    with torch.no_grad():
        error = (trident(features).displacement - shifts).abs()[weights > 0]
    assert error.mean() < 0.15
    assert error.max() < 0.6


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ({"name": "liner"}, "model.head.name: .* did you mean 'linear'"),
        ({"name": "linear", "displacment": 4}, "model.head.displacment: .*'displacement'"),
        ({"name": "linear", "displacement": -1}, "model.head.displacement: .* got -1"),
        ({"name": "trident", "radius": 0}, "model.head.radius: .* got 0"),
    ],
)
def test_an_invalid_head_is_reported_in_one_line(component, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        HEADS.build(ComponentConfig(**component), HeadSetup(6, 13, 0.0))
    assert "\n" not in str(caught.value)
