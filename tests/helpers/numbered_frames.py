"""Frames that show their own index, as a match in memory."""

from __future__ import annotations

import numpy as np


class NumberedFrames:
    """Frames every 80 ms whose pixels are their index; reading may end before the last time.

    Args:
        count: number of frame times.
        readable: number of frames that can be read; None for all.
        size: width and height.
    """

    def __init__(
        self, count: int, readable: int | None = None, size: tuple[int, int] = (48, 32)
    ) -> None:
        self.times_ms = np.arange(count, dtype=np.int64) * 80
        self._readable = count if readable is None else readable
        self._shape = (size[1], size[0], 3)

    def read(self, start: int, stop: int) -> np.ndarray:
        numbers = np.arange(start, min(stop, self._readable), dtype=np.uint8)
        return np.broadcast_to(numbers[:, None, None, None], (len(numbers), *self._shape)).copy()
