"""Styles of other clips by Fourier amplitudes, and AugMix: what they keep, and what they change."""

from __future__ import annotations

import pytest
import torch

from onball.config.augmentation import AugMixConfig, StyleConfig
from onball.data.augment import augmix, swap_styles

pytestmark = pytest.mark.usefixtures("one_thread")

STYLE, CHAINS = StyleConfig(probability=1.0), AugMixConfig(probability=1.0)


def generators(count: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + index) for index in range(count)]


def bright_and_dark() -> torch.Tensor:
    """Two clips of the same fine pattern, at brightness 60 and 180."""
    pattern = torch.randint(-20, 21, (1, 3, 3, 32, 48), generator=generators(1)[0])
    levels = torch.tensor([60, 180]).view(2, 1, 1, 1, 1)
    return (pattern + levels).to(torch.uint8)


def edges(clip: torch.Tensor) -> torch.Tensor:
    """Differences of neighbouring pixels."""
    return clip.float().diff(dim=-1)


def test_a_clip_gets_the_brightness_of_another_and_keeps_its_edges():
    batch = bright_and_dark()
    means = []
    for first in range(0, 40, 2):
        changed = swap_styles(batch, STYLE, generators(2, first))
        means.append(changed[0].float().mean().item())
        correlation = torch.corrcoef(
            torch.stack([edges(batch[0]).ravel(), edges(changed[0]).ravel()])
        )[0, 1]
        assert correlation > 0.9
    # The weight of the other style is uniform from 0 to 1.
    assert min(means) < 80 and max(means) > 150 and all(58 < mean < 182 for mean in means)


def test_all_frames_of_a_clip_get_the_style_of_one_frame():
    still = bright_and_dark()[:, :1].expand(-1, 5, -1, -1, -1).contiguous()
    changed = swap_styles(still, STYLE, generators(2))
    assert torch.equal(changed, changed[:, :1].expand_as(changed))


def test_a_clip_alone_has_no_other_style():
    clip = bright_and_dark()[:1]
    assert swap_styles(clip, STYLE, generators(1)) is clip


def test_the_sole_frequency_of_a_narrow_band_is_the_mean():
    batch = bright_and_dark()
    narrow = StyleConfig(probability=1.0, band=0.01)
    changed = swap_styles(batch, narrow, generators(2)).float()
    deviations = changed - changed.mean(dim=(-2, -1), keepdim=True)
    before = batch.float() - batch.float().mean(dim=(-2, -1), keepdim=True)
    assert (deviations - before).abs().max() <= 1.0


def test_augmix_stays_near_the_clip_and_differs_between_clips():
    clip = torch.randint(0, 256, (1, 4, 3, 24, 32), dtype=torch.uint8)
    batch = clip.expand(20, -1, -1, -1, -1).contiguous()
    changed = augmix(batch, CHAINS, generators(20))
    distances = (changed.float() - batch.float()).abs().flatten(1).mean(1)
    assert len(set(distances.tolist())) == 20
    # A mean with the clip itself and with weaker changes is nearer than those changes.
    assert distances.min() < 12 and distances.max() < 64


@pytest.mark.parametrize(("change", "section"), [(swap_styles, STYLE), (augmix, CHAINS)])
def test_the_same_seeds_give_the_same_clips_and_leave_the_generators_alone(change, section):
    batch = bright_and_dark()
    seeded = generators(2)
    first, second = change(batch, section, seeded), change(batch, section, seeded)
    assert torch.equal(first, second) and first.dtype == torch.uint8
    assert not torch.equal(first, change(batch, section, generators(2, first=7)))
    assert torch.equal(
        torch.rand(3, generator=seeded[0]), torch.rand(3, generator=generators(1)[0])
    )
