"""Mixup: pixels, labels and displacements are blended by one random weight per clip."""

from __future__ import annotations

import pytest
import torch

from onball.config import LossConfig, MixupConfig
from onball.models import DenseScores
from onball.training.losses import classification_loss, displacement_loss, spotting_loss
from onball.training.targets import FrameTargets, mix_frames, mix_targets, mix_values, mixup_lambdas

ALWAYS = MixupConfig(probability=1.0, alpha=0.2)


pytestmark = pytest.mark.usefixtures("one_thread")


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def random_targets(radius: int = 4) -> FrameTargets:
    return FrameTargets(
        torch.rand(3, 5, 13).softmax(-1),
        torch.randint(-radius, radius + 1, (3, 5)).float(),
        torch.randint(0, 2, (3, 5)).float(),
        torch.rand(3, 5, 18).softmax(-1),
        radius,
        torch.randint(0, 2, (3, 5)).float(),
        torch.rand(3, 5),
    )


def test_without_mixup_all_weights_are_1():
    assert (
        mixup_lambdas(MixupConfig(probability=0.0), generators(*range(50))).tolist() == [1.0] * 50
    )


def test_the_lambda_of_a_clip_depends_only_on_its_own_generator():
    lambdas = mixup_lambdas(ALWAYS, generators(1, 2, 3))
    assert lambdas.dtype == torch.float32
    assert len(set(lambdas.tolist())) == 3
    assert mixup_lambdas(ALWAYS, generators(3, 1)).tolist() == lambdas[[2, 0]].tolist()


def test_the_larger_weight_is_the_clips_own_and_follows_the_beta_distribution():
    lambdas = mixup_lambdas(MixupConfig(probability=1.0, alpha=1.0), generators(*range(2000)))
    assert lambdas.min() >= 0.5 and lambdas.max() <= 1.0
    # With α = 1, λ is uniform, and max(λ, 1 − λ) is uniform from a half to one.
    assert lambdas.mean().item() == pytest.approx(0.75, abs=0.01)
    assert lambdas.std().item() == pytest.approx(0.5 / 12**0.5, abs=0.01)


def test_the_probability_is_the_fraction_of_blended_clips():
    lambdas = mixup_lambdas(MixupConfig(probability=0.3, alpha=1.0), generators(*range(2000)))
    assert (lambdas < 1).float().mean().item() == pytest.approx(0.3, abs=0.04)


def test_frames_and_targets_are_blended_as_by_hand():
    frames, targets = torch.rand(3, 5, 3, 4, 6), random_targets()
    lambdas = torch.tensor([0.8, 1.0, 0.6])
    mixed, blended = mix_frames(frames, lambdas), mix_targets(targets, lambdas)
    for clip, weight in enumerate(lambdas.tolist()):
        other = (clip - 1) % 3

        def blend(values, clip=clip, other=other, weight=weight):
            return weight * values[clip] + (1 - weight) * values[other]

        torch.testing.assert_close(mixed[clip], blend(frames))
        torch.testing.assert_close(blended.classes[clip], blend(targets.classes))
        torch.testing.assert_close(blended.auxiliary[clip], blend(targets.auxiliary))
        torch.testing.assert_close(
            blended.displacement_weights[clip], blend(targets.displacement_weights)
        )
        torch.testing.assert_close(
            mix_values(targets.displacements, lambdas)[clip], blend(targets.displacements)
        )
    assert blended.radius == targets.radius


def test_uint8_frames_stay_uint8_and_are_rounded():
    frames = torch.randint(0, 256, (3, 5, 3, 4, 6), dtype=torch.uint8)
    lambdas = torch.tensor([0.8, 1.0, 0.6])
    mixed = mix_frames(frames, lambdas)
    exact = mix_values(frames.float(), lambdas)
    assert mixed.dtype == torch.uint8
    assert (mixed.float() - exact).abs().max() <= 0.501
    assert torch.equal(mixed[1], frames[1])


def test_nothing_to_blend_leaves_everything_as_it_is():
    frames, targets = torch.rand(3, 5, 3, 4, 6), random_targets()
    assert mix_frames(frames, torch.ones(3)) is frames
    same = mix_targets(targets, torch.ones(3))
    assert torch.equal(same.classes, targets.classes)
    assert torch.equal(same.displacement_weights, targets.displacement_weights)
    within = targets.displacement_weights > 0
    assert torch.equal(same.displacements[within], targets.displacements[within])


def test_a_batch_of_one_clip_is_blended_with_itself():
    frames = torch.randint(0, 256, (1, 5, 3, 4, 6), dtype=torch.uint8)
    assert torch.equal(mix_frames(frames, torch.tensor([0.7])), frames)


def test_the_loss_of_blended_displacements_is_that_of_both():
    targets, lambdas = random_targets(), torch.tensor([0.8, 1.0, 0.6])
    displacement = torch.randn(3, 5, requires_grad=True)
    mixed = mix_targets(targets, lambdas)
    # The loss is a mean, in units of the radius.
    loss = (
        displacement_loss(displacement, mixed) * mixed.displacement_weights.sum() * mixed.radius**2
    )
    (gradient,) = torch.autograd.grad(loss, displacement)
    other = targets.displacements.roll(1, 0), targets.displacement_weights.roll(1, 0)
    own = (
        lambdas[:, None]
        * targets.displacement_weights
        * (displacement - targets.displacements).square()
    )
    theirs = (1 - lambdas)[:, None] * other[1] * (displacement - other[0]).square()
    (expected,) = torch.autograd.grad((own + theirs).sum(), displacement)
    torch.testing.assert_close(gradient, expected)
    assert (expected != 0).any()


def test_the_loss_of_blended_labels_is_the_blend_of_both_losses():
    targets, lambdas, logits = (
        random_targets(),
        torch.tensor([0.8, 1.0, 0.6]),
        torch.randn(3, 5, 13),
    )
    equal = LossConfig(background_weight=1.0, action_weight=1.0)
    mixed = classification_loss(logits, mix_targets(targets, lambdas).classes, equal)
    parts = [
        weight * classification_loss(logits[i], targets.classes[i], equal)
        + (1 - weight) * classification_loss(logits[i], targets.classes[(i - 1) % 3], equal)
        for i, weight in enumerate(lambdas)
    ]
    assert mixed.item() == pytest.approx(sum(parts).item() / 3, rel=1e-5)


def test_a_blend_of_two_label_sets_weights_each_head_by_its_lambda():
    targets = random_targets()
    own_set = torch.tensor([1.0, 0.0, 1.0])[:, None, None]
    targets = targets._replace(
        classes=targets.classes * own_set, auxiliary=targets.auxiliary * (1 - own_set)
    )
    mixed = mix_targets(targets, torch.tensor([0.8, 0.7, 0.6]))
    # Clips 0 and 2 are ball actions, clip 1 is not: 0 is blended with 2, 1 with 0, 2 with 1.
    torch.testing.assert_close(mixed.classes.sum(-1)[:, 0], torch.tensor([1.0, 0.3, 0.6]))
    torch.testing.assert_close(mixed.auxiliary.sum(-1)[:, 0], torch.tensor([0.0, 0.7, 0.4]))


def test_targets_are_blended_and_scored_on_their_own_device():
    # Tensors of this device, like those of a GPU, do not combine with others. The weights are
    # drawn on the CPU.
    targets = random_targets()
    there = FrameTargets(
        *(field.to("meta") if isinstance(field, torch.Tensor) else field for field in targets)
    )
    lambdas = torch.tensor([0.8, 1.0, 0.6])
    mixed = mix_targets(there, lambdas)
    assert {field.device.type for field in mixed[:4]} == {"meta"}
    assert mix_frames(torch.empty(3, 5, 3, 4, 6, device="meta"), lambdas).device.type == "meta"
    scores = DenseScores(
        torch.empty(3, 5, 13, device="meta"),
        torch.empty(3, 5, device="meta"),
        torch.empty(3, 5, 2, device="meta"),
        torch.empty(3, 5, 18, device="meta"),
    )
    assert spotting_loss(scores, mixed, LossConfig(focal_gamma=1.0)).device.type == "meta"
