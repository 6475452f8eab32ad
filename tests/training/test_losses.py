"""Losses: each equals its formula, counts the frames that it should, and no others."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from onball.actions import BACKGROUND
from onball.config import LossConfig
from onball.models import DenseScores
from onball.training.losses import (
    class_weights,
    classification_loss,
    clip_loss,
    displacement_loss,
    independent_loss,
    offset_loss,
    spotting_loss,
    team_loss,
)
from onball.training.targets import FrameTargets

pytestmark = pytest.mark.usefixtures("one_thread")


def one_hot(classes: Tensor, count: int = 13) -> Tensor:
    return functional.one_hot(classes, count).float()


def shift_targets(displacements: Tensor, weights: Tensor, radius: int) -> FrameTargets:
    none = torch.zeros_like(displacements)
    classes = torch.zeros(*displacements.shape, 13)
    return FrameTargets(classes, displacements, weights, None, radius, none, none)


@pytest.mark.parametrize("classes", [13, 18, 25])
def test_background_and_actions_have_their_weights(classes):
    weights = class_weights(1.0, 5.0, classes)
    assert weights[BACKGROUND] == 1.0
    assert weights[1:].tolist() == [5.0] * (classes - 1)


@pytest.mark.parametrize("classes", [13, 18, 25])
def test_hard_targets_give_torchs_weighted_cross_entropy(classes):
    logits, targets = torch.randn(3, 7, classes), torch.randint(0, classes, (3, 7))
    config = LossConfig(background_weight=0.7, action_weight=5.0)
    loss = classification_loss(logits, one_hot(targets, classes), config)
    expected = functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), weight=class_weights(0.7, 5.0, classes)
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 3.5])
def test_the_focal_loss_equals_its_formula(gamma):
    logits, targets = 3 * torch.randn(2, 5, 13), torch.rand(2, 5, 13).softmax(-1)
    config = LossConfig(background_weight=1.0, action_weight=5.0, focal_gamma=gamma)
    total, norm = 0.0, 0.0
    for row, wanted in zip(
        logits.flatten(0, 1).tolist(), targets.flatten(0, 1).tolist(), strict=True
    ):
        partition = math.fsum(math.exp(x) for x in row)
        for k, (x, fraction) in enumerate(zip(row, wanted, strict=True)):
            p, weight = math.exp(x) / partition, 1.0 if k == BACKGROUND else 5.0
            total -= fraction * weight * (1.0 - p) ** gamma * math.log(p)
            norm += fraction * weight
    loss = classification_loss(logits, targets, config)
    assert loss.item() == pytest.approx(total / norm, rel=1e-4)


def test_without_focus_the_focal_loss_is_the_plain_one():
    logits, targets = torch.randn(2, 5, 13), one_hot(torch.randint(0, 13, (2, 5)))
    plain = classification_loss(logits, targets, LossConfig())
    assert torch.equal(classification_loss(logits, targets, LossConfig(focal_gamma=0.0)), plain)
    assert classification_loss(logits, targets, LossConfig(focal_gamma=1.0)) < plain


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("sure_of", [0, 3])
def test_a_confident_net_still_has_a_finite_gradient(gamma, sure_of):
    logits = torch.zeros(1, 1, 13)
    logits[..., sure_of] = 200.0
    logits.requires_grad_()
    loss = classification_loss(logits, one_hot(torch.tensor([[3]])), LossConfig(focal_gamma=gamma))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(logits.grad).all()
    assert (loss < 1e-3) == (sure_of == 3)


def test_a_loss_of_bfloat16_scores_is_computed_in_float32():
    logits = torch.randn(2, 5, 13).bfloat16()
    targets = one_hot(torch.randint(0, 13, (2, 5)))
    loss = classification_loss(logits, targets, LossConfig())
    assert loss.dtype == torch.float32
    assert loss == classification_loss(logits.float(), targets, LossConfig())


def test_frames_without_a_target_do_not_enter_the_loss():
    logits, targets = torch.randn(1, 4, 13), one_hot(torch.tensor([[0, 3, 0, 0]]))
    padded = torch.cat([logits, 100 * torch.randn(1, 2, 13)], dim=1).requires_grad_()
    ignored = torch.cat([targets, torch.zeros(1, 2, 13)], dim=1)
    for gamma in (0.0, 2.0):
        config = LossConfig(focal_gamma=gamma)
        loss = classification_loss(padded, ignored, config)
        assert loss.item() == pytest.approx(classification_loss(logits, targets, config).item())
        (gradient,) = torch.autograd.grad(loss, padded)
        assert (gradient[:, :4] != 0).any() and (gradient[:, 4:] == 0).all()


def test_a_batch_without_any_target_has_a_loss_of_0():
    logits = torch.randn(2, 3, 13, requires_grad=True)
    loss = classification_loss(logits, torch.zeros(2, 3, 13), LossConfig(focal_gamma=1.0))
    loss.backward()
    assert loss == 0 and (logits.grad == 0).all()


def test_the_displacement_loss_counts_within_the_radius_only():
    displacement = torch.tensor([[1.5, 50.0, -2.0, -70.0]], requires_grad=True)
    displacements, weights = (
        torch.tensor([[1.0, 9.0, -4.0, 0.0]]),
        torch.tensor([[1.0, 0.0, 1.0, 0.0]]),
    )
    loss = displacement_loss(displacement, shift_targets(displacements, weights, 4))
    assert loss.item() == pytest.approx((0.5**2 + 2.0**2) / 2 / 4**2)
    loss.backward()
    assert (displacement.grad != 0).tolist() == [[True, False, True, False]]


def test_without_an_event_in_the_radius_the_displacement_loss_is_0():
    targets = shift_targets(torch.zeros(1, 4), torch.zeros(1, 4), 4)
    assert displacement_loss(torch.randn(1, 4), targets) == 0
    assert offset_loss(torch.rand(1, 4, 2), targets) == 0


def test_perfect_offsets_have_no_loss():
    radius = 4
    displacements = torch.arange(-radius, radius + 1.0)[None]
    offsets = torch.stack([radius - displacements, radius + displacements], dim=-1)
    loss = offset_loss(
        offsets, shift_targets(displacements, torch.ones_like(displacements), radius)
    )
    assert loss.item() == pytest.approx(0.0, abs=1e-6)


def test_the_offset_loss_is_that_of_two_intervals():
    radius, offsets = 3, 6 * torch.rand(200, 1, 2)
    displacements = torch.randint(-radius, radius + 1, (200, 1)).float()
    total = 0.0
    for (back, on), shift in zip(offsets[:, 0].tolist(), displacements[:, 0].tolist(), strict=True):
        a, b = -back, on
        c, d = shift - radius, shift + radius
        both = max(0.0, min(b, d) - max(a, c))
        hull = max(b, d) - min(a, c)
        either = (b - a) + (d - c) - both
        total += 1 - both / either + ((a + b) / 2 - (c + d) / 2) ** 2 / hull**2
    loss = offset_loss(offsets, shift_targets(displacements, torch.ones(200, 1), radius))
    assert loss.item() == pytest.approx(total / 200, rel=1e-5)


def test_offsets_outside_the_radius_have_no_gradient():
    offsets = torch.tensor([[[1.0, 2.0], [3.0, 1.0], [0.0, 0.0]]], requires_grad=True)
    displacements, weights = torch.tensor([[1.0, 9.0, -2.0]]), torch.tensor([[1.0, 0.0, 1.0]])
    offset_loss(offsets, shift_targets(displacements, weights, 2)).backward()
    assert torch.isfinite(offsets.grad).all()
    assert (offsets.grad[0, 1] == 0).all() and (offsets.grad[0, 0] != 0).all()


def full_targets() -> FrameTargets:
    return FrameTargets(
        one_hot(torch.tensor([[0, 3, 3, 0]])),
        torch.tensor([[0.0, 1.0, 0.0, 0.0]]),
        torch.tensor([[0.0, 1.0, 1.0, 0.0]]),
        one_hot(torch.tensor([[0, 17, 0, 2]]), 18),
        2,
        torch.tensor([[0.0, 1.0, 0.0, 0.0]]),
        torch.tensor([[0.0, 1.0, 0.5, 0.0]]),
    )


def test_all_losses_are_added_by_their_weights():
    targets, logits, second = full_targets(), torch.randn(1, 4, 13), torch.randn(1, 4, 18)
    displacement, offsets = torch.randn(1, 4), torch.rand(1, 4, 2)
    config = LossConfig(
        displacement_weight=0.3, auxiliary_weight=0.7, team_weight=2.0, focal_gamma=1.0
    )
    main = classification_loss(logits, targets.classes, config)
    auxiliary = classification_loss(second, targets.auxiliary, config)
    moved = displacement_loss(displacement, targets)
    stretched = offset_loss(offsets, targets)

    def total(**parts: Tensor) -> float:
        return spotting_loss(DenseScores(logits, **parts), targets, config).item()

    assert total() == pytest.approx(main.item())
    assert total(displacement=displacement) == pytest.approx((main + 0.3 * moved).item())
    # A trident's displacement is only the middle of its offsets: it does not enter the loss twice.
    both = total(displacement=displacement, offsets=offsets)
    assert both == pytest.approx((main + 0.3 * stretched).item())
    joint = total(displacement=displacement, auxiliary=second)
    assert joint == pytest.approx((main + 0.3 * moved + 0.7 * auxiliary).item())
    team = torch.randn(1, 4)
    assert total(team=team) == pytest.approx((main + 2 * team_loss(team, targets)).item())
    alone = independent_loss(logits[..., 1:], targets.classes, config)
    independent = DenseScores(logits[..., 1:], independent=True)
    assert torch.equal(spotting_loss(independent, targets, config), alone)


def test_an_auxiliary_head_without_targets_has_no_loss():
    targets, logits = full_targets()._replace(auxiliary=None), torch.randn(1, 4, 13)
    scores = DenseScores(logits, auxiliary=torch.randn(1, 4, 18))
    expected = classification_loss(logits, targets.classes, LossConfig())
    assert torch.equal(spotting_loss(scores, targets, LossConfig()), expected)


def test_the_loss_of_clips_is_the_mean_binary_cross_entropy():
    logits, present = torch.randn(3, 12), torch.rand(3, 12)
    expected = functional.binary_cross_entropy_with_logits(logits, present)
    assert clip_loss(logits, present).item() == pytest.approx(expected.item(), rel=1e-5)
    assert clip_loss(logits.bfloat16(), present).dtype == torch.float32


def test_the_mean_over_processes_is_that_over_all_their_frames(monkeypatch):
    logits, targets = torch.randn(4, 3, 13), one_hot(torch.randint(0, 13, (4, 3)))
    targets[3] = 0.0  # one process has less that counts
    config = LossConfig()
    whole = classification_loss(logits, targets, config)
    weight = (targets * class_weights(1.0, 5.0, 13)).sum()
    monkeypatch.setattr("torch.distributed.is_available", lambda: True)
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    # The sum over both processes.
    monkeypatch.setattr("torch.distributed.all_reduce", lambda tensor: tensor.copy_(weight))
    parts = [
        classification_loss(logits[part], targets[part], config) for part in (slice(2), slice(2, 4))
    ]
    assert torch.stack(parts).mean().item() == pytest.approx(whole.item(), rel=1e-5)


def test_the_losses_of_branches_are_averaged_with_that_of_the_classes():
    logits = torch.randn(3, 2, 6, 13)
    targets = shift_targets(torch.zeros(2, 6), torch.zeros(2, 6), 4)
    targets.classes[..., 1] = 1
    parts = [spotting_loss(DenseScores(one), targets, LossConfig()) for one in logits]
    scores = DenseScores(logits[0], branches=(logits[1], logits[2]))
    assert torch.allclose(spotting_loss(scores, targets, LossConfig()), sum(parts) / 3)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_loss_of_independent_classes_is_their_weighted_binary_cross_entropy(gamma):
    logits = torch.randn(1, 3, 2)
    targets = torch.tensor([[[0.0, 1.0, 0.0], [0.4, 0.0, 0.6], [0.0, 0.0, 0.0]]])  # the last: none
    config = LossConfig(action_weight=5, background_weight=2, focal_gamma=gamma)
    total = weight = 0.0
    for frame in range(2):
        for label in range(2):
            present = targets[0, frame, 1 + label].item()
            p = logits[0, frame, label].sigmoid().item()
            total -= 5 * present * (1 - p) ** gamma * math.log(p)
            total -= 2 * (1 - present) * p**gamma * math.log(1 - p)
            weight += 5 * present + 2 * (1 - present)
    assert independent_loss(logits, targets, config).item() == pytest.approx(
        total / weight, rel=1e-5
    )


def test_the_loss_of_teams_is_their_binary_cross_entropy_where_they_are_known():
    targets, logits = full_targets(), torch.randn(1, 4, requires_grad=True)
    p = logits.detach().sigmoid()[0]
    expected = -(math.log(p[1]) + 0.5 * math.log(1 - p[2])) / 1.5
    loss = team_loss(logits, targets)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert (logits.grad[0] != 0).tolist() == [False, True, True, False]
