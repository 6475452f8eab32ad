"""Blank frames, and frame sources as streams of batches."""

from __future__ import annotations

import numpy as np

from onball.frames import BlankFrames, frame_batches

TIMES = np.arange(7, dtype=np.int64) * 80


class ShortFrames:
    """Frames of one pixel of which only the first 5 of 7 can be read."""

    times_ms = TIMES

    def read(self, start: int, stop: int) -> np.ndarray:
        return np.zeros((max(0, min(stop, 5) - start), 1, 1, 3), np.uint8)


def test_blank_frames_are_single_black_pixels_with_their_times():
    blank = BlankFrames(TIMES)
    assert blank.read(2, 5).shape == (3, 1, 1, 3) and not blank.read(2, 5).any()
    assert len(blank.read(5, 20)) == 2
    (batch,) = blank.batches()
    assert batch.frames.shape == (7, 1, 1, 3) and batch.pts_ms.tolist() == TIMES.tolist()


def test_batches_hold_all_frames_once_in_order():
    batches = list(frame_batches(BlankFrames(TIMES), 3))
    assert [len(batch.frames) for batch in batches] == [3, 3, 1]
    assert np.concatenate([batch.pts_ms for batch in batches]).tolist() == TIMES.tolist()


def test_batches_end_where_the_video_ends():
    batches = list(frame_batches(ShortFrames(), 3))
    assert [batch.pts_ms.tolist() for batch in batches] == [[0, 80, 160], [240, 320]]
