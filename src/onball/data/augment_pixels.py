"""Changing the pixels of clips: each clip by itself, a few frames at a time, its type kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: A CPU keeps so many frames in its cache as floating point; other devices take all at once.
_CPU_FRAMES = 5


def change_each(
    clips: Tensor,
    generators: Sequence[torch.Generator],
    change: Callable[[Tensor, torch.Generator], Tensor],
) -> Tensor:
    """Change each clip with its own source of chance, so that it never depends on the others.

    Args:
        clips: `[B, T, 3, H, W]`; is not changed.
        generators: one CPU generator per clip.
        change: gives a clip `[T, 3, H, W]` of the same size and type, or the very clip it was
            given; if it does so for all of them, nothing is copied.

    Raises `ValueError` if there are not as many generators as clips.
    """
    if len(generators) != len(clips):
        raise ValueError(f"{len(clips)} clips need as many generators, got {len(generators)}")
    before = list(clips)
    # Bfloat16 has too few digits for 256 grey levels.
    with torch.autocast(clips.device.type, enabled=False):
        after = [change(clip, chance) for clip, chance in zip(before, generators, strict=True)]
    if all(new is old for new, old in zip(after, before, strict=True)):
        return clips
    return torch.stack(after)


def change_frames(clip: Tensor, change: Callable[[Tensor, slice], Tensor]) -> Tensor:
    """Change a clip's frames in floating point, then clamp and, for uint8, round them.

    Args:
        clip: `[T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not changed.
        change: gets float32 frames `[t, 3, H, W]`, contiguous and from 0 to `white(clip)`, and
            which frames of the clip they are; gives as many new ones and leaves these alone.

    Returns: the same shape, type, range and order in memory.
    """
    changed = torch.empty_like(clip)
    step = _CPU_FRAMES if clip.device.type == "cpu" else len(clip)
    for start in range(0, len(clip), step):
        part = slice(start, start + step)
        # uint8 is put in order before it grows to floating point, and after it has shrunk again.
        pixels = change(clip[part].contiguous().float(), part).clamp(0.0, white(clip))
        changed[part] = (pixels.round_() if clip.dtype == torch.uint8 else pixels).to(clip.dtype)
    return changed


def white(clip: Tensor) -> float:
    """The value of white: 255 in uint8, 1 in floating point."""
    return 255.0 if clip.dtype == torch.uint8 else 1.0


def between(limits: tuple[float, float], share: float) -> float:
    """The value that lies `share`, 0 to 1, of the way from the first limit to the second."""
    low, high = limits
    return low + (high - low) * share
