"""Augmentation: one draw per clip, for all its frames; the range and the type stay."""

from __future__ import annotations

import pytest
import torch

from onball.config import JitterConfig
from onball.data.augment import colour_jitter, flip

ALWAYS = JitterConfig(probability=1.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clips(count: int = 6, frames: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, frames, 3, 16, 24), dtype=torch.uint8)


def one_picture_per_clip(count: int = 6) -> torch.Tensor:
    return clips(count, frames=1).expand(-1, 5, -1, -1, -1).contiguous()


def test_all_frames_of_a_clip_change_alike():
    batch = one_picture_per_clip()
    changed = colour_jitter(flip(batch, 0.5, generator()), ALWAYS, generator())
    assert torch.equal(changed, changed[:, :1].expand_as(changed))
    assert not torch.equal(changed, batch)


def test_clips_change_differently():
    batch = clips(1).expand(6, -1, -1, -1, -1).contiguous()
    changed = colour_jitter(batch, ALWAYS, generator())
    assert len({clip.float().mean().item() for clip in changed}) == 6


def test_a_flip_mirrors_whole_clips_with_its_probability():
    batch = clips(200, frames=1)
    flipped = flip(batch, 0.5, generator())
    mirrored = [torch.equal(new, old.flip(-1)) for new, old in zip(flipped, batch, strict=True)]
    same = [torch.equal(new, old) for new, old in zip(flipped, batch, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 70 < sum(mirrored) < 130
    assert torch.equal(flip(batch, 0.0), batch)
    assert torch.equal(flip(batch, 1.0), batch.flip(-1))


def test_probability_zero_changes_nothing():
    batch = clips()
    assert torch.equal(colour_jitter(batch, JitterConfig(probability=0.0)), batch)


def test_neutral_factors_change_nothing():
    batch = clips()
    neutral = JitterConfig(probability=1.0, factor=(1.0, 1.0), hue=0.0)
    assert (colour_jitter(batch, neutral).int() - batch.int()).abs().max() <= 1


def test_the_input_is_left_alone_and_type_and_range_stay():
    batch = clips()
    before = batch.clone()
    changed = colour_jitter(batch, ALWAYS, generator())
    assert torch.equal(batch, before)
    assert (changed.dtype, changed.shape) == (torch.uint8, batch.shape)
    as_float = colour_jitter(batch / 255, ALWAYS, generator())
    assert as_float.min() >= 0 and as_float.max() <= 1
    assert (as_float * 255 - changed.float()).abs().max() <= 1.0


def test_brightness_scales_hue_keeps_luminance_saturation_keeps_grey():
    low = torch.full((1, 2, 3, 16, 16), 0.2)
    low[:, :, 0] = 0.3
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    hue_only = JitterConfig(probability=1.0, factor=(1.0, 1.0), hue=0.2)
    turned = colour_jitter(low, hue_only, generator(3))
    assert not torch.allclose(turned, low, atol=0.01)
    # The YIQ matrix is given to four digits.
    assert torch.allclose((turned * luma).sum(2), (low * luma).sum(2), atol=1e-3)
    grey = torch.full((1, 2, 3, 16, 16), 0.4)
    assert torch.allclose(colour_jitter(grey, hue_only, generator(3)), grey, atol=1e-3)
    # On an even grey, contrast and saturation do nothing: what is left is the brightness.
    brighter = colour_jitter(grey, JitterConfig(probability=1.0, factor=(1.2, 1.2), hue=0.0))
    assert torch.allclose(brighter, torch.full_like(grey, 0.48), atol=1e-3)


@pytest.mark.parametrize("layout", ["channels first", "channels last"])
def test_the_layout_in_memory_does_not_matter(layout):
    batch = clips()
    if layout == "channels last":
        batch = batch.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    changed = colour_jitter(flip(batch, 0.5, generator()), ALWAYS, generator())
    expected = colour_jitter(flip(batch.contiguous(), 0.5, generator()), ALWAYS, generator())
    assert (changed.int() - expected.int()).abs().max() <= 1
