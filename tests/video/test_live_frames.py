"""`sample_frames`: frames from elsewhere, sampled and scaled as those of a video file."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from numbered_videos import numbered, numbers, steady, uneven, write_video

from onball.errors import InputError
from onball.video import read_frames, sample_frames

PIXELS = np.zeros((4, 6, 3), np.uint8)


def joined(batches) -> tuple[list[int], np.ndarray]:
    batches = list(batches)
    times = [time for batch in batches for time in batch.pts_ms.tolist()]
    return times, np.concatenate([batch.frames for batch in batches])


@pytest.mark.parametrize("times", [steady(25, 3), steady(50, 2), steady(Fraction(30000, 1001), 2)])
@pytest.mark.parametrize("fps", [12.5, 25, 40])
def test_frames_at_a_steady_rate_are_sampled_as_from_a_file(tmp_path, times, fps):
    rate = 1 / times[1]
    video = write_video(tmp_path / "v.mov", times, rate, codec="qtrle", pixel_format="rgb24")
    live = sample_frames(
        (numbered(i) for i in range(len(times))), fps, (48, 36), source_fps=rate, batch_frames=7
    )
    wanted, found = joined(read_frames(video, fps, (48, 36))), joined(live)
    assert found[0] == wanted[0]
    assert (found[1] == wanted[1]).all()


def test_frames_at_a_variable_rate_are_sampled_by_their_times_from_any_origin(tmp_path):
    times = uneven(4)
    video = write_video(tmp_path / "v.mov", times, codec="qtrle", pixel_format="rgb24")
    for origin in (0, 1_700_000_000_000, Fraction(-100, 3)):
        pairs = ((origin + 1000 * time, numbered(i)) for i, time in enumerate(times))
        found, wanted = (
            joined(sample_frames(pairs, 12.5, None)),
            joined(read_frames(video, 12.5, None)),
        )
        # The last frame's duration is in the file alone.
        count = min(len(found[0]), len(wanted[0]))
        assert abs(len(found[0]) - len(wanted[0])) <= 1
        assert found[0][:count] == wanted[0][:count]
        assert numbers(found[1][:count]) == numbers(wanted[1][:count])


def test_sizes_may_change_and_of_two_frames_at_one_time_the_first_counts():
    sizes = [(64, 48), (96, 72), (96, 72), (640, 480)]
    pairs = zip([0, 80, 80, 160], (numbered(i, *size) for i, size in enumerate(sizes)), strict=True)
    times, frames = joined(sample_frames(pairs, 12.5, (64, 48)))
    assert times == [0, 80, 160] and numbers(frames) == [0, 1, 3]


def test_the_channels_of_opencv_are_swapped_and_buffers_may_be_reused():
    def camera():
        buffer = np.empty((48, 64, 3), np.uint8)
        for i in range(20):
            buffer[:] = numbered(i)
            buffer[:, :, 0] = 9  # blue
            yield buffer

    _, frames = joined(sample_frames(camera(), 25, (64, 48), source_fps=25, channels="bgr"))
    assert numbers(frames) == list(range(20))
    assert (frames[..., 2] == 9).all() and (frames[..., 0] == frames[..., 1]).all()


def test_frames_are_taken_one_after_the_other_as_they_come():
    taken = []

    def camera():
        for i in range(100):
            taken.append(i)
            yield PIXELS

    live = sample_frames(camera(), 12.5, (6, 4), source_fps=25, batch_frames=4)
    assert taken == []
    next(live)
    assert taken[-1] < 10


def test_no_frames_give_no_batches():
    assert list(sample_frames([], 12.5, (6, 4), source_fps=25)) == []


@pytest.mark.parametrize(
    ("frames", "fps", "message"),
    [
        ([PIXELS], None, "frame 0: has no time: give the frame rate, or pairs of time and frame"),
        ([(0, PIXELS)], 25, "frame 0: has a time: give either the frame rate or pairs"),
        ([(PIXELS, 0)], None, "frame 0: its time is of type ndarray, not a number of milliseconds"),
        ([(float("nan"), PIXELS)], None, "frame 0: its time is of type float, not a number"),
        ([(5, PIXELS), (4.5, PIXELS)], None, "frame 1: is at 4.5 ms, before the last one at 5 ms"),
        ([PIXELS, PIXELS[None]], 25, "frame 1: is uint8 [1, 4, 6, 3], not uint8 [H, W, 3]"),
        ([PIXELS.transpose(2, 0, 1)], 25, "channels come last: transpose(1, 2, 0)"),
        ([PIXELS.astype(float)], 25, "frame 0: is float64 [4, 6, 3], not uint8 [H, W, 3]"),
        ([PIXELS[:, :, 0]], 25, "frame 0: is uint8 [4, 6], not uint8 [H, W, 3]"),
        (["a.png"], 25, "frame 0: is of type str: give a NumPy array, uint8 [H, W, 3]"),
    ],
)
def test_a_wrong_frame_is_an_error_with_its_number(frames, fps, message):
    with pytest.raises(InputError, match=re.escape(message)):
        list(sample_frames(frames, 12.5, (6, 4), source_fps=fps))


@pytest.mark.parametrize(
    "settings",
    [{"fps": 0}, {"source_fps": 0}, {"size": (0, 4)}, {"channels": "rbg"}, {"batch_frames": 0}],
)
def test_settings_out_of_range_are_refused_at_the_call(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        sample_frames([PIXELS], **({"fps": 12.5, "size": (6, 4)} | settings))
