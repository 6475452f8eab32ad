"""Targets of a batch: distributions over classes, displacements, and weights of frames."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from onball.actions import BACKGROUND, IGNORE
from onball.config import LossConfig
from onball.data.clips import Clips
from onball.models import DenseScores
from onball.training.losses import spotting_loss
from onball.training.targets import frame_targets_of, label_radius

pytestmark = pytest.mark.usefixtures("one_thread")


def clips(
    classes: list[list[int]],
    displacements: list[list[int]] | None = None,
    sides: list[list[int]] | None = None,
    source: list[int] | None = None,
    num_actions: int = 12,
) -> Clips:
    labelled = torch.tensor(classes)
    count, length = labelled.shape
    return Clips(
        torch.zeros(count, length, 3, 1, 1, dtype=torch.uint8),
        labelled,
        torch.tensor(displacements) if displacements is not None else torch.zeros_like(labelled),
        torch.tensor(sides) if sides is not None else torch.full_like(labelled, -1),
        torch.zeros(count, num_actions),
        torch.tensor(source or [0] * count),
        torch.zeros(count, length, 0),
        torch.zeros(count, 2, dtype=torch.int64),
        torch.zeros(count, 2, dtype=torch.int64),
    )


#: One SHOT (8) that the frames around know of; the last frame pads the clip.
AROUND = clips([[0, 8, 8, 8, 8, 8, 0, IGNORE]], [[0, 2, 1, 0, -1, -2, 0, 0]])


def weights_of(targets: Tensor, index: int) -> list[float]:
    return [round(value, 4) for value in targets[0, :, index].tolist()]


@pytest.mark.parametrize("dilation", [0, 1, 2])
def test_a_dilated_label_is_hard_and_ends_at_its_distance(dilation):
    targets = frame_targets_of(AROUND, LossConfig(label_dilation=dilation))
    near = [abs(frame - 3) <= dilation for frame in range(7)]
    assert weights_of(targets.classes, 8) == [*map(float, near), 0.0]
    assert weights_of(targets.classes, BACKGROUND) == [*(1.0 - n for n in near), 0.0]
    assert (targets.classes.sum(-1) == torch.tensor([1.0] * 7 + [0.0])).all()


def test_a_soft_label_fades_as_a_gaussian():
    targets = frame_targets_of(AROUND, LossConfig(soft_label_sigma=1.5, label_dilation=0))
    bell = [math.exp(-0.5 * (distance / 1.5) ** 2) for distance in (2, 1, 0, 1, 2)]
    assert targets.classes[0, 1:6, 8].tolist() == pytest.approx(bell)
    assert targets.classes[0, 1:6, BACKGROUND].tolist() == pytest.approx([1 - b for b in bell])
    assert targets.classes[0, 0].tolist() == [1.0] + [0.0] * 12


@pytest.mark.parametrize(
    ("config", "head_radius", "expected"),
    [
        (LossConfig(label_dilation=1), 0, 1),
        (LossConfig(label_dilation=1), 4, 4),
        (LossConfig(label_dilation=6), 4, 6),
        (LossConfig(label_dilation=1, soft_label_sigma=2.0), 4, 6),
    ],
)
def test_the_label_radius_covers_labels_and_displacements(config, head_radius, expected):
    assert label_radius(config, head_radius) == expected


def test_displacements_count_within_the_radius_of_the_head():
    targets = frame_targets_of(AROUND, LossConfig(label_dilation=0), head_radius=1)
    assert targets.displacement_weights.tolist() == [[0, 0, 1, 1, 1, 0, 0, 0]]
    assert targets.displacements[0, 2:5].tolist() == [1.0, 0.0, -1.0]
    assert targets.radius == 1
    assert not frame_targets_of(AROUND, LossConfig()).displacement_weights.any()


def test_teams_have_separate_classes_and_an_unknown_team_is_half_each():
    batch = clips([[0, 8, 8, 8, IGNORE]], sides=[[-1, 0, 1, -1, -1]])
    targets = frame_targets_of(batch, LossConfig(), teams=True).classes
    assert targets.shape == (1, 5, 25)
    assert weights_of(targets, 8) == [0, 1, 0, 0.5, 0]
    assert weights_of(targets, 8 + 12) == [0, 0, 1, 0.5, 0]
    assert weights_of(targets, BACKGROUND) == [1, 0, 0, 0, 0]
    assert targets.sum() == 4


def test_the_classes_of_teams_match_those_of_the_scores():
    batch = clips([[8, 8, 1]], sides=[[0, 1, 1]])
    targets = frame_targets_of(batch, LossConfig(), teams=True).classes
    scores = DenseScores((targets + 1e-9).log(), teams=True)
    actions, left = scores.action_probabilities(), scores.left_probabilities()
    assert actions[0, :, 7].round().tolist() == [1, 1, 0]
    assert left[0, :, 7].round().tolist() == [1, 0, 0]
    assert actions[0, :, 0].round().tolist() == [0, 0, 1]


def test_a_flip_swaps_the_sides_of_its_clip_only():
    batch = clips([[8, 8, 8]] * 2, sides=[[0, 1, -1]] * 2)
    flipped = torch.tensor([True, False])
    targets = frame_targets_of(batch, LossConfig(), teams=True, flipped=flipped).classes
    assert targets[0, :, 8].tolist() == [0, 1, 0.5]
    assert targets[0, :, 20].tolist() == [1, 0, 0.5]
    assert targets[1, :, 8].tolist() == [1, 0, 0.5]
    # Without teams a flip changes nothing.
    plain = frame_targets_of(batch, LossConfig(), flipped=flipped).classes
    assert torch.equal(plain, frame_targets_of(batch, LossConfig()).classes)


def test_each_label_set_applies_to_its_own_clips_only():
    batch = clips([[0, 8, IGNORE], [17, 0, IGNORE]], source=[0, 1])
    targets = frame_targets_of(batch, LossConfig(), head_radius=2, auxiliary=True)
    assert targets.auxiliary.shape == (2, 3, 18)
    assert targets.classes.sum(-1).tolist() == [[1, 1, 0], [0, 0, 0]]
    assert targets.auxiliary.sum(-1).tolist() == [[0, 0, 0], [1, 1, 0]]
    assert targets.auxiliary[1].argmax(-1)[:2].tolist() == [17, 0]
    assert targets.displacement_weights.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert frame_targets_of(batch, LossConfig()).auxiliary is None


def test_targets_have_as_many_classes_as_the_net():
    batch = clips([[0, 2, 20], [0, 2, 17]], source=[0, 1], num_actions=20)
    targets = frame_targets_of(batch, LossConfig(), auxiliary=True)
    assert targets.classes.shape == (2, 3, 21) and targets.auxiliary.shape == (2, 3, 18)
    assert targets.classes[0].argmax(-1).tolist() == [0, 2, 20]
    assert targets.auxiliary[1].argmax(-1).tolist() == [0, 2, 17]
    few = clips([[0, 2, 1], [0, 2, 17]], source=[0, 1], num_actions=2)
    assert frame_targets_of(few, LossConfig(), auxiliary=True).classes.shape == (2, 3, 3)
    assert frame_targets_of(few, LossConfig(), teams=True).classes.shape == (2, 3, 5)


def test_a_logit_of_teams_learns_where_the_team_is_known():
    batch = clips([[8, 8, 8, 0, 8]] * 2, sides=[[0, 1, -1, -1, 1]] * 2, source=[0, 1])
    flipped = torch.tensor([True, False])
    targets = frame_targets_of(batch, LossConfig(), flipped=flipped)
    assert targets.right[0].tolist() == [1, 0, 0, 0, 0]
    assert targets.team_weights.tolist() == [[1, 1, 0, 0, 1], [0] * 5]


def gradients(batch: Clips) -> tuple[Tensor, Tensor, Tensor]:
    """Of the whole loss, with respect to classes, displacement and second head, per frame."""
    shape = batch.classes.shape
    logits = torch.randn(*shape, 13, requires_grad=True)
    displacement = torch.randn(*shape, requires_grad=True)
    second = torch.randn(*shape, 18, requires_grad=True)
    scores = DenseScores(logits, displacement=displacement, auxiliary=second)
    targets = frame_targets_of(batch, LossConfig(), head_radius=2, auxiliary=True)
    spotting_loss(scores, targets, LossConfig(focal_gamma=1.0)).backward()
    return logits.grad.abs().sum(-1), displacement.grad.abs(), second.grad.abs().sum(-1)


def test_auxiliary_clips_have_no_main_loss_and_main_clips_no_auxiliary_one():
    batch = clips([[0, 8, 8], [0, 17, 17]], displacements=[[0, 1, 0]] * 2, source=[0, 1])
    main, moved, second = gradients(batch)
    assert (main[0] > 0).all() and (main[1] == 0).all()
    assert (moved[0, 1:] > 0).all() and (moved[1] == 0).all()
    assert (second[1] > 0).all() and (second[0] == 0).all()


def test_padding_counts_in_no_loss():
    batch = clips([[8, IGNORE, IGNORE], [17, IGNORE, IGNORE]], source=[0, 1])
    for gradient in gradients(batch):
        assert (gradient[:, 1:] == 0).all() and (gradient[:, 0] > 0).any()


def test_a_soft_label_ends_at_three_deviations_whatever_the_radius_of_the_head():
    batch = clips([[8] * 7], [[6, 5, 4, 3, 2, 1, 0]])
    config = LossConfig(soft_label_sigma=1.0)
    targets = frame_targets_of(batch, config, head_radius=6)
    assert (targets.classes[0, :, 8] > 0).tolist() == [False] * 3 + [True] * 4
    assert targets.displacement_weights.tolist() == [[1.0] * 7]


@pytest.mark.parametrize("config", [LossConfig(), LossConfig(soft_label_sigma=1.0)])
@pytest.mark.parametrize("teams", [False, True])
def test_targets_are_made_on_the_device_of_the_batch(config, teams):
    # Tensors of this device, like those of a GPU, do not combine with others.
    batch = Clips(*(field.to("meta") for field in AROUND))
    flipped = torch.tensor([True])
    targets = frame_targets_of(
        batch, config, teams=teams, head_radius=2, auxiliary=True, flipped=flipped
    )
    assert {field.device.type for field in targets[:4]} == {"meta"}
