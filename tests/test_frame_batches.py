"""Blank frames, frame sources as streams of batches, and the checks of a stream."""

from __future__ import annotations

import re

import numpy as np
import pytest

from onball.errors import InputError
from onball.frames import BlankFrames, FrameBatch, check_batches, frame_batches

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


# Checks of a stream for a model that takes 6 × 4 pixels at 12.5 frames/s


def frames(count: int, *shape: int, kind: type = np.uint8) -> np.ndarray:
    return np.zeros((count, *(shape or (4, 6, 3))), kind)


def check(*batches: object) -> list[FrameBatch]:
    return list(check_batches(batches, 12.5, (6, 4), "do this"))


def test_right_batches_pass_unchanged_and_empty_ones_are_left_out():
    batches = [FrameBatch(frames(5), TIMES[:5]), FrameBatch(frames(0), TIMES[:0])]
    batches.append(FrameBatch(frames(2), TIMES[5:]))
    passed = check(*batches)
    assert [batch.pts_ms.tolist() for batch in passed] == [TIMES[:5].tolist(), TIMES[5:].tolist()]
    assert passed[0].frames is batches[0].frames


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (frames(7), "is of type ndarray: give a FrameBatch(frames, pts_ms)"),
        (
            (frames(7).tolist(), TIMES),
            "frames are of type list: give a NumPy array, uint8 [T, H, W",
        ),
        ((frames(4, 6, 3), TIMES), "frames are uint8 [4, 6, 3], not uint8 [T, H, W, 3]"),
        ((frames(7, 3, 4, 6), TIMES), "channels come last: transpose(0, 2, 3, 1)"),
        ((frames(7, 4, 6, 4), TIMES), "not uint8 [T, H, W, 3]: give three channels, RGB"),
        ((frames(7, kind=np.float32), TIMES), "frames are float32 [7, 4, 6, 3], not uint8"),
        ((frames(7, 6, 4, 3), TIMES), "frames are 4 × 6, and the model takes 6 × 4 pixels"),
        ((frames(7), TIMES[:5]), "has 7 frames and 5 times"),
        ((frames(7), TIMES / 1), "pts_ms is float64 [7]: give whole milliseconds"),
        ((frames(7), TIMES[:, None]), "pts_ms is int64 [7, 1]"),
        ((frames(7), TIMES - 80), "frames are at -80 to 400 ms"),
        ((frames(7), TIMES + 10**12), "give milliseconds since the first frame"),
        (
            (frames(7), TIMES[::-1]),
            "frame 1 is at 400 ms, after one at 480 ms: times must increase",
        ),
        ((frames(3), np.array([0, 80, 80])), "frame 2 is at 80 ms, after one at 80 ms"),
    ],
)
def test_a_wrong_batch_is_an_error_with_its_number(batch, message):
    right = FrameBatch(frames(0), TIMES[:0])
    with pytest.raises(InputError, match=f"^batch 2: .*{re.escape(message)}") as refused:
        check(right, batch)
    assert "\n" not in str(refused.value)


def test_times_must_increase_from_one_batch_to_the_next():
    batch = FrameBatch(frames(2), TIMES[:2])
    with pytest.raises(InputError, match=r"^batch 2: frame 0 is at 0 ms, after one at 80 ms"):
        check(batch, batch)


def test_a_single_batch_is_no_stream():
    with pytest.raises(InputError, match="give an iterable of batches, such as a list"):
        list(check_batches(FrameBatch(frames(2), TIMES[:2]), 12.5, None, ""))


def stream(steps: list[int], size: int) -> list[FrameBatch]:
    """A stream with these steps between its frames, in batches of `size` frames."""
    times = np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
    return [
        FrameBatch(frames(len(part)), part)
        for part in (times[start : start + size] for start in range(0, len(times), size))
    ]


@pytest.mark.parametrize("size", [1, 5, 100])
@pytest.mark.parametrize(
    "steps",
    [
        [80] * 40,
        [83] * 40,  # 12 frames/s
        [60, 100] * 20,  # an unsteady clock
        [80] * 20 + [5_000] + [80] * 20,  # a gap
        [],
    ],
    ids=["exact", "near", "unsteady", "gap", "one frame"],
)
def test_streams_near_the_rate_pass(steps, size):
    assert sum(len(batch.frames) for batch in check(*stream(steps, size))) == len(steps) + 1


@pytest.mark.parametrize("size", [1, 5, 100])
@pytest.mark.parametrize("step", [33, 40, 67, 100, 1_000])
@pytest.mark.parametrize("count", [3, 40])
def test_streams_at_another_rate_are_refused_at_the_latest_when_they_end(step, size, count):
    rate = f"frames are {step} ms apart, .* and the model takes 12.5 frames/s: do this"
    with pytest.raises(InputError, match=rate):
        check(*stream([step] * count, size))


@pytest.mark.parametrize("fps", [1, 12.5, 23.976, 120, 400, 1000])
def test_the_times_of_the_sampling_grid_pass_at_every_rate(fps):
    times = np.rint(np.arange(200) * 1000 / fps).astype(np.int64)
    assert len(list(check_batches([FrameBatch(frames(200), times)], fps, None, ""))) == 1
