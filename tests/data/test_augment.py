"""Augmentation: one random draw per clip for all frames; unchanged range and type."""

from __future__ import annotations

import pytest
import torch

from onball.config.augmentation import AugmentationConfig, BlurConfig, JitterConfig
from onball.data.augment import augment, colour_jitter, flip

ALWAYS = JitterConfig(probability=1.0)
NOTHING = AugmentationConfig(flip=0.0, jitter=JitterConfig(probability=0.0))
HALF = {"probability": 0.5}
EVERYTHING = AugmentationConfig(
    flip=0.5, jitter=HALF, blur=HALF, crop=HALF, camera_shift=HALF, noise=HALF
)


pytestmark = pytest.mark.usefixtures("one_thread")


def generators(count: int = 6, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + index) for index in range(count)]


def clips(count: int = 6, frames: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, frames, 3, 16, 24), dtype=torch.uint8)


def constant_clips(count: int = 6) -> torch.Tensor:
    return clips(count, frames=1).expand(-1, 7, -1, -1, -1).contiguous()


def channels_last(batch: torch.Tensor) -> torch.Tensor:
    """The same values in channels-last memory layout, like frames of a video."""
    return batch.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)


def test_all_frames_of_a_clip_change_equally():
    batch = constant_clips()
    changed = colour_jitter(flip(batch, 0.5, generators())[0], ALWAYS, generators())
    assert torch.equal(changed, changed[:, :1].expand_as(changed))
    assert not torch.equal(changed, batch)


def test_clips_change_differently():
    batch = clips(1).expand(6, -1, -1, -1, -1).contiguous()
    changed = colour_jitter(batch, ALWAYS, generators())
    assert len({clip.float().mean().item() for clip in changed}) == 6


def test_the_augmentation_of_a_clip_does_not_depend_on_its_batch():
    batch = clips(8, frames=6)
    together, flipped = augment(batch, EVERYTHING, generators(8))
    for index in range(8):
        alone, mirrored = augment(batch[index : index + 1], EVERYTHING, generators(1, first=index))
        assert torch.equal(alone[0], together[index])
        assert mirrored.tolist() == [flipped[index].item()]


def test_a_setting_of_one_augmentation_does_not_change_the_draws_of_others():
    batch = clips()
    only_blur = NOTHING.model_copy(update={"blur": BlurConfig(probability=0.5)})
    both = only_blur.model_copy(update={"flip": 1.0})
    blurred, _ = augment(batch, only_blur, generators())
    mirrored, _ = augment(batch, both, generators())
    assert (mirrored.flip(-1).int() - blurred.int()).abs().max() <= 1
    assert not torch.equal(blurred, batch)


def test_a_flip_mirrors_whole_clips_with_its_probability_and_returns_which():
    batch = clips(200, frames=1)
    changed, flipped = flip(batch, 0.5, generators(200))
    expected = [
        old.flip(-1) if yes else old for old, yes in zip(batch, flipped.tolist(), strict=True)
    ]
    assert torch.equal(changed, torch.stack(expected))
    assert flipped.dtype == torch.bool and 70 < flipped.sum() < 130
    same, none = flip(batch, 0.0, generators(200))
    assert same is batch and not none.any()
    mirrored, all_of_them = flip(batch, 1.0, generators(200))
    assert torch.equal(mirrored, batch.flip(-1)) and all_of_them.all()


def test_augment_returns_the_mirrored_clips():
    batch = clips(40, frames=1)
    changed, flipped = augment(batch, NOTHING.model_copy(update={"flip": 0.5}), generators(40))
    assert 0 < flipped.sum() < 40
    assert torch.equal(changed[flipped], batch[flipped].flip(-1))
    assert torch.equal(changed[~flipped], batch[~flipped])


def test_unchanged_clips_are_not_copied():
    batch = clips()
    assert augment(batch, NOTHING, generators())[0] is batch
    assert colour_jitter(batch, NOTHING.jitter, generators()) is batch


def test_neutral_factors_change_nothing():
    batch = clips()
    neutral = JitterConfig(probability=1.0, factor=(1.0, 1.0), hue=0.0)
    assert (colour_jitter(batch, neutral, generators()).int() - batch.int()).abs().max() <= 1


@pytest.mark.parametrize("seed", range(4))
def test_the_input_is_not_modified_and_type_and_range_stay(seed):
    batch = clips()
    before = batch.clone()
    changed, _ = augment(batch, EVERYTHING, generators(first=10 * seed))
    assert torch.equal(batch, before)
    assert (changed.dtype, changed.shape) == (torch.uint8, batch.shape)
    as_float = batch / 255
    floats = as_float.clone()
    changed_floats, _ = augment(floats, EVERYTHING, generators(first=10 * seed))
    assert torch.equal(floats, as_float)
    assert changed_floats.min() >= 0 and changed_floats.max() <= 1
    # Each of the four passes rounds uint8 once.
    assert (changed_floats * 255 - changed.float()).abs().max() <= 3.0


def test_half_precision_stays_half_precision():
    batch = (clips() / 255).half()
    changed, _ = augment(batch, EVERYTHING, generators())
    assert changed.dtype == torch.float16
    assert changed.isfinite().all()


def test_autocast_does_not_reduce_the_precision_of_colours():
    batch = clips()
    expected, _ = augment(batch, EVERYTHING, generators())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        changed, _ = augment(batch, EVERYTHING, generators())
    assert torch.equal(changed, expected)


def test_brightness_scales_hue_keeps_luminance_saturation_keeps_grey():
    low = torch.full((1, 2, 3, 16, 16), 0.2)
    low[:, :, 0] = 0.3
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    hue_only = JitterConfig(probability=1.0, factor=(1.0, 1.0), hue=0.2)
    turned = colour_jitter(low, hue_only, generators(1, first=3))
    assert not torch.allclose(turned, low, atol=0.01)
    # The YIQ matrix is given to four digits.
    assert torch.allclose((turned * luma).sum(2), (low * luma).sum(2), atol=1e-3)
    grey = torch.full((1, 2, 3, 16, 16), 0.4)
    assert torch.allclose(colour_jitter(grey, hue_only, generators(1)), grey, atol=1e-3)
    # Contrast and saturation do not change uniform grey: only brightness remains.
    bright = JitterConfig(probability=1.0, factor=(1.2, 1.2), hue=0.0)
    brighter = colour_jitter(grey, bright, generators(1))
    assert torch.allclose(brighter, torch.full_like(grey, 0.48), atol=1e-3)


def test_contrast_spreads_a_clip_around_its_mean():
    batch = torch.rand(1, 2, 3, 16, 16) * 0.2 + 0.4
    batch = batch.mean(2, keepdim=True).expand(-1, -1, 3, -1, -1).contiguous()
    factors = JitterConfig(probability=1.0, factor=(1.2, 1.2), hue=0.0)
    changed = colour_jitter(batch, factors, generators(1))
    # Brightness and contrast combined scale the spread twice and the mean once.
    assert (changed.std() / batch.std()).item() == pytest.approx(1.44, rel=0.01)
    assert (changed.mean() / batch.mean()).item() == pytest.approx(1.2, rel=0.03)


def test_the_memory_layout_is_preserved_and_irrelevant_to_values():
    batch = clips()
    turned = channels_last(batch)
    changed, flipped = augment(turned, EVERYTHING, generators())
    expected, same = augment(batch, EVERYTHING, generators())
    assert torch.equal(flipped, same)
    assert (changed.int() - expected.int()).abs().max() <= 1
    assert changed.stride() == turned.stride()
    assert expected.stride() == batch.stride()


def test_each_clip_needs_a_generator():
    with pytest.raises(ValueError, match="6 clips need as many generators, got 5"):
        augment(clips(6), NOTHING, generators(5))
