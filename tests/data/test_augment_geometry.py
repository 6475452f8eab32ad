"""Crop and camera shift: source of each pixel, smoothness over a clip, values at the edge."""

from __future__ import annotations

import pytest
import torch

from onball.config.augmentation import CameraShiftConfig, RandomCropConfig
from onball.data.augment import reframe

NO_CROP = RandomCropConfig()
NO_SHIFT = CameraShiftConfig()
HEIGHT, WIDTH, FRAMES = 72, 128, 20


pytestmark = pytest.mark.usefixtures("one_thread")


def generators(count: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + index) for index in range(count)]


def places(count: int, frames: int = FRAMES) -> torch.Tensor:
    """Clips whose pixels encode their position: column / width, row / height, 0."""
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    frame = torch.stack([columns / WIDTH, rows / HEIGHT, torch.zeros(HEIGHT, WIDTH)])
    return frame.expand(count, frames, -1, -1, -1).contiguous()


def camera_path(clips: torch.Tensor) -> torch.Tensor:
    """Source of the middle of each frame, `[B, T, 2]`, in pixels from the middle."""
    middle = clips[..., :2, HEIGHT // 2, WIDTH // 2] - 0.5
    return middle * torch.tensor([WIDTH, HEIGHT])


def test_a_crop_is_a_window_of_the_frame_with_its_aspect_ratio():
    config = RandomCropConfig(probability=1.0, least_scale=0.6)
    batch = places(60, frames=2)
    changed = reframe(batch, config, NO_SHIFT, generators(60))
    across = (changed[:, 0, 0, 30, -2] - changed[:, 0, 0, 30, 1]) * WIDTH / (WIDTH - 3)
    down = (changed[:, 0, 1, -2, 30] - changed[:, 0, 1, 1, 30]) * HEIGHT / (HEIGHT - 3)
    assert torch.allclose(across, down, atol=1e-3)
    assert across.min() >= 0.6 - 1e-3 and across.max() <= 1 + 1e-3
    assert across.min() < 0.65 and across.max() > 0.95
    # Windows cover all positions within the frame, and none beyond it.
    left, right = changed[:, 0, 0, 30, 0], changed[:, 0, 0, 30, -1]
    assert left.min() < 0.03 and right.max() > 0.97
    assert (changed[:, :, 0].diff(dim=-1) > 1e-4).all(), "an edge was repeated"
    assert torch.allclose(changed, changed[:, :1].expand_as(changed), atol=1e-6)


def test_a_crop_at_full_scale_changes_nothing():
    batch = torch.randint(0, 256, (3, 4, 3, 16, 24), dtype=torch.uint8)
    same = reframe(
        batch, RandomCropConfig(probability=1.0, least_scale=1.0), NO_SHIFT, generators(3)
    )
    assert torch.equal(same, batch)


def test_a_camera_shift_moves_all_pixels_of_a_frame_alike():
    config = CameraShiftConfig(probability=1.0, pixels_share=0.1)
    changed = reframe(places(8), NO_CROP, config, generators(8))
    # Away from the edge each frame is the old one, moved: columns are still one pixel apart.
    inner = changed[..., 20:-20, 20:-20]
    steps = inner[:, :, 0].diff(dim=-1) * WIDTH
    assert torch.allclose(steps, torch.ones_like(steps), atol=1e-3)
    steps = inner[:, :, 1].diff(dim=-2) * HEIGHT
    assert torch.allclose(steps, torch.ones_like(steps), atol=1e-3)


def test_a_camera_shift_is_limited_to_its_fraction_of_the_width():
    config = CameraShiftConfig(probability=1.0, pixels_share=0.1)
    path = camera_path(reframe(places(80), NO_CROP, config, generators(80)))
    extent = path.amax(dim=1) - path.amin(dim=1)
    assert extent.max() <= 0.1 * WIDTH + 0.01
    assert extent.max() > 0.09 * WIDTH and extent.min() < 0.02 * WIDTH
    assert (extent.mean(0) / WIDTH - 0.05).abs().max() < 0.015
    # The clip stays around the middle of the original frame.
    assert path.abs().max() <= 0.05 * WIDTH + 0.01


def test_a_camera_shift_is_smooth_and_differs_from_clip_to_clip():
    config = CameraShiftConfig(probability=1.0, pixels_share=0.1)
    path = camera_path(reframe(places(20, frames=50), NO_CROP, config, generators(20)))
    extent = path.amax(dim=1) - path.amin(dim=1)
    # A clip has at most three oscillations: no frame moves by a large part of the range at once.
    assert (path.diff(dim=1).abs().amax(dim=1) < 0.35 * extent + 0.01).all()
    assert len({round(x, 3) for x in extent[:, 0].tolist()}) > 15


def test_uncovered_areas_repeat_the_edge():
    config = CameraShiftConfig(probability=1.0, pixels_share=0.3)
    changed = reframe(places(12), NO_CROP, config, generators(12))
    assert changed[:, :, 0].min() == 0.0
    assert changed[:, :, 0].max() == pytest.approx((WIDTH - 1) / WIDTH)
    assert (changed[:, :, 0].diff(dim=-1) > -1e-5).all()


def test_a_single_frame_does_not_move():
    config = CameraShiftConfig(probability=1.0, pixels_share=0.5)
    batch = places(4, frames=1)
    assert torch.allclose(reframe(batch, NO_CROP, config, generators(4)), batch, atol=1e-4)


def test_crop_and_shift_combine_to_a_moving_closer_view():
    crop = RandomCropConfig(probability=1.0, least_scale=0.5)
    shift = CameraShiftConfig(probability=1.0, pixels_share=0.1)
    batch = places(1, frames=50)
    still = camera_path(reframe(batch, crop, NO_SHIFT, generators(1)))
    moving = camera_path(reframe(batch, crop, shift, generators(1)))
    alone = camera_path(reframe(batch, NO_CROP, shift, generators(1)))
    window = reframe(batch, crop, NO_SHIFT, generators(1))[0, 0, 0, 30].diff().mean() * WIDTH
    # In pixels of the result, the path is as long as without a crop.
    assert torch.allclose(moving - still, window * alone, atol=0.05)


@pytest.mark.parametrize("probability", [0.0, 0.3])
def test_clips_are_chosen_with_their_probability_and_others_stay_as_they_are(probability):
    crop = RandomCropConfig(probability=probability, least_scale=0.5)
    batch = torch.randint(0, 256, (200, 1, 3, 8, 12), dtype=torch.uint8)
    changed = reframe(batch, crop, NO_SHIFT, generators(200))
    kept = (changed == batch).flatten(1).all(dim=1)
    assert abs((~kept).float().mean().item() - probability) < 0.1
    if probability == 0.0:
        assert changed is batch
