"""Blur and noise: strength, constant within a clip, and independent noise in every frame."""

from __future__ import annotations

import math

import pytest
import torch

from onball.config.augmentation import AugMixConfig, BlurConfig, NoiseConfig, StyleConfig
from onball.data.augment import add_noise, augmix, blur, swap_styles

pytestmark = pytest.mark.usefixtures("one_thread")


def generators(count: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + index) for index in range(count)]


def grey(count: int = 1, frames: int = 12) -> torch.Tensor:
    return torch.full((count, frames, 3, 40, 60), 128, dtype=torch.uint8)


def test_blur_spreads_a_point_as_the_gaussian_of_its_sigma():
    batch = torch.zeros(1, 3, 3, 15, 15)
    batch[..., 7, 7] = 1.0
    changed = blur(batch, BlurConfig(probability=1.0, sigma=(1.3, 1.3)), generators(1))
    line = torch.tensor([math.exp(-(x**2) / (2 * 1.3**2)) for x in range(-2, 3)])
    expected = torch.outer(line, line) / line.sum() ** 2
    assert torch.allclose(changed[..., 5:10, 5:10], expected.expand(1, 3, 3, 5, 5), atol=1e-6)
    assert torch.allclose(changed.sum(dim=(-1, -2)), torch.ones(1, 3, 3), atol=1e-5)


def test_blur_leaves_uniform_frames_unchanged_up_to_their_edge():
    assert torch.equal(blur(grey(), BlurConfig(probability=1.0), generators(1)), grey())


def test_blur_is_as_strong_in_all_frames_and_differs_between_clips():
    frame = torch.randint(0, 256, (1, 1, 3, 20, 30), dtype=torch.uint8)
    batch = frame.expand(5, 7, -1, -1, -1).contiguous()
    changed = blur(batch, BlurConfig(probability=1.0), generators(5))
    assert torch.equal(changed, changed[:, :1].expand_as(changed))
    assert len({clip.float().std().item() for clip in changed}) > 3


def test_the_weakest_blur_changes_nothing():
    batch = torch.randint(0, 256, (2, 3, 3, 20, 30), dtype=torch.uint8)
    assert torch.equal(
        blur(batch, BlurConfig(probability=1.0, sigma=(0.1, 0.1)), generators(2)), batch
    )


def test_noise_has_its_strength_no_bias_and_no_structure():
    noise = (
        add_noise(grey(40), NoiseConfig(probability=1.0, sigma=10.0), generators(40)).float() - 128
    )
    strength = noise.flatten(1).std(dim=1)
    assert strength.max() < 10.2 and strength.max() > 9 and strength.min() < 1
    strongest = noise[strength.argmax()]
    assert abs(strongest.mean().item()) < 0.3
    per_frame = strongest.flatten(1).std(dim=1)
    assert (per_frame.max() / per_frame.min()).item() == pytest.approx(1.0, abs=0.1)
    # Neither neighbours in space, nor colours, nor neighbours in time are alike.
    pairs = [
        (strongest[..., 1:], strongest[..., :-1]),
        (strongest[..., 1:, :], strongest[..., :-1, :]),
        (strongest[:, 1:], strongest[:, :-1]),
        (strongest[1:], strongest[:-1]),
    ]
    for one, other in pairs:
        both = torch.stack([one.flatten(), other.flatten()])
        assert abs(torch.corrcoef(both)[0, 1].item()) < 0.05


def test_no_two_frames_have_the_same_noise():
    tiny = torch.full((1, 300, 3, 8, 8), 128, dtype=torch.uint8)
    changed = add_noise(tiny, NoiseConfig(probability=1.0, sigma=40.0), generators(1, first=5))
    assert len({tuple(frame.flatten().tolist()) for frame in changed[0]}) == 300


def test_noise_stays_within_black_and_white():
    config = NoiseConfig(probability=1.0, sigma=100.0)
    for value in (0, 255):
        batch = torch.full((3, 4, 3, 16, 16), value, dtype=torch.uint8)
        changed = add_noise(batch, config, generators(3)).int()
        # Clamped, not wrapped around: about half of the pixels stay as they are.
        assert 0.4 < (changed == value).float().mean() < 0.65


@pytest.mark.parametrize(
    ("change", "section"),
    [
        (blur, BlurConfig),
        (add_noise, NoiseConfig),
        (swap_styles, StyleConfig),
        (augmix, AugMixConfig),
    ],
)
def test_clips_are_chosen_with_their_probability_and_others_stay_as_they_are(change, section):
    batch = torch.randint(0, 256, (200, 1, 3, 8, 12), dtype=torch.uint8)
    changed = change(batch, section(probability=0.3), generators(200))
    changed_fraction = (changed != batch).flatten(1).any(dim=1).float().mean().item()
    assert 0.15 < changed_fraction < 0.4
    assert change(batch, section(probability=0.0), generators(200)) is batch
