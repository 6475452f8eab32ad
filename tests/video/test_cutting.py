"""`cut_video`: exactly the frames of a span, with exact times between them."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from numbered_videos import (
    decode_plainly,
    hide_lead_in,
    numbered,
    numbers,
    steady,
    uneven,
    write_video,
)
from sounding_videos import heard_from, write_with_sound

from onball.errors import VideoError
from onball.video import cut_video, probe, read_frames
from onball.video.cutting import VideoSpan, join_spans


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("times", [steady(25, 4), uneven(4)], ids=["steady", "variable"])
@pytest.mark.parametrize(
    ("start_ms", "end_ms"), [(0, 400), (1000, 2000), (1001, 1999), (3000, 9000)]
)
def test_a_cut_video_has_the_frames_of_the_span_at_their_intervals(
    tmp_path, suffix, times, start_ms, end_ms
):
    source = write_video(tmp_path / f"video.{suffix}", times)
    cut = cut_video(source, start_ms, end_ms, tmp_path / "piece.mp4")
    shown, piece_times = decode_plainly(tmp_path / "piece.mp4")
    inside = [i for i, time in enumerate(times) if start_ms <= time * 1000 < end_ms]
    assert shown == inside
    assert (cut.frames, cut.copied) == (len(inside), False)
    assert cut.start_ms == round(times[inside[0]] * 1000)
    wanted = [float(times[i] - times[inside[0]]) for i in inside]
    assert [float(time) for time in piece_times] == pytest.approx(wanted, abs=0.00051)


def test_times_count_from_the_first_shown_frame(tmp_path):
    source = write_video(tmp_path / "video.mp4", steady(25, 4))
    hide_lead_in(source, Fraction(1))
    cut_video(source, 400, 800, tmp_path / "piece.mp4")
    assert decode_plainly(tmp_path / "piece.mp4")[0] == list(range(35, 45))


def test_colours_of_high_definition_are_kept(tmp_path):
    frame = np.full((720, 1280, 3), (60, 140, 50), np.uint8)
    source = write_video(
        tmp_path / "video.mp4", steady(25, 0.2), size=(1280, 720), frames=[frame] * 5
    )
    cut_video(source, 0, 200, tmp_path / "piece.mp4")
    before, after = (
        next(read_frames(path, None, (64, 36))).frames.astype(int)
        for path in (source, tmp_path / "piece.mp4")
    )
    assert np.abs(before - after).max() <= 3


def test_a_rotated_video_is_cut_upright(tmp_path):
    source = write_video(
        tmp_path / "video.mp4",
        steady(25, 1),
        rotate=90,
        frames=[np.ascontiguousarray(np.rot90(numbered(i, 48, 64), -1)) for i in range(25)],
    )
    cut_video(source, 200, 400, tmp_path / "piece.mp4")
    info = probe(tmp_path / "piece.mp4")
    assert (info.width, info.height, info.rotation) == (48, 64, 0)
    assert numbers(next(read_frames(tmp_path / "piece.mp4", None, None)).frames) == list(
        range(5, 10)
    )


def test_a_video_of_odd_size_is_cut(tmp_path):
    source = write_video(
        tmp_path / "video.mkv", steady(25, 1), codec="ffv1", size=(65, 49), pixel_format="yuv444p"
    )
    cut_video(source, 200, 400, tmp_path / "piece.mp4")
    frames = next(read_frames(tmp_path / "piece.mp4", None, None)).frames
    assert frames.shape == (5, 50, 66, 3)
    assert numbers(frames) == list(range(5, 10))


def test_a_span_without_frames_is_an_error_and_leaves_no_file(tmp_path):
    source = write_video(tmp_path / "video.mp4", steady(25, 1))
    with pytest.raises(VideoError, match="no frame from 5000 to 6000 ms") as caught:
        cut_video(source, 5000, 6000, tmp_path / "piece.mp4")
    assert str(source) in str(caught.value)
    assert not (tmp_path / "piece.mp4").exists()


@pytest.fixture(scope="module", params=[0, 2], ids=["no B-frames", "B-frames"])
def held(request, tmp_path_factory):
    """Two seconds in Matroska, whose last frame is shown for two more."""
    path = tmp_path_factory.mktemp("held") / "held.mkv"
    with av.open(str(path), "w") as container:
        options = {"bf": str(request.param), "g": "12", "keyint_min": "12", "b-adapt": "0"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        packets = []
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            packets += stream.encode(frame)
        packets += stream.encode(None)
        last = max(packets, key=lambda packet: packet.pts)
        last.duration = round(2 / last.time_base)
        container.mux(packets)
    assert probe(path).duration_ms == 3960
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("tolerance_ms", [None, 500])
def test_a_last_frame_that_is_held_is_held_in_the_cut(tmp_path, held, suffix, tolerance_ms):
    path = tmp_path / f"out.{suffix}"
    cut = cut_video(held, 960, 9000, path, tolerance_ms=tolerance_ms)
    assert cut.duration_ms == probe(path).duration_ms == 3000
    shown = [number for batch in read_frames(path, 25) for number in numbers(batch.frames)]
    assert shown[:26] == list(range(24, 50)) and shown[26:-1] == [49] * (len(shown) - 27)
    shorter = cut_video(held, 960, 2900, path.with_stem("shorter"), tolerance_ms=None)
    assert shorter.duration_ms == probe(path.with_stem("shorter")).duration_ms == 1940


@pytest.mark.parametrize("span", [(-1, 5), (5, 5), (6, 5)])
def test_an_empty_or_negative_span_is_refused(tmp_path, span):
    with pytest.raises(ValueError, match="no span"):
        cut_video(tmp_path / "video.mp4", *span, tmp_path / "piece.mp4")


# Sound


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("tolerance_ms", [None, 1000], ids=["encoded", "copied"])
def test_sound_is_cut_with_the_frames(tmp_path, suffix, tolerance_ms):
    # A tone begins at 3 s; the excerpt begins at 1.6 s.
    source = write_with_sound(tmp_path / f"video.{suffix}", seconds=6, tone_from_s=3)
    cut = cut_video(source, 1600, 4400, tmp_path / "piece.mp4", tolerance_ms=tolerance_ms)
    assert cut.copied is (tolerance_ms is not None)
    tone_s, end_s = heard_from(tmp_path / "piece.mp4")
    assert tone_s == pytest.approx(3 - cut.start_ms / 1000, abs=0.02)
    assert end_s == pytest.approx(cut.duration_ms / 1000, abs=0.03)
    silent = cut_video(source, 1600, 2000, tmp_path / "silent.mp4", sound=False)
    assert silent.frames == 10 and heard_from(tmp_path / "silent.mp4") is None


def test_sound_that_begins_after_the_frames_keeps_its_place(tmp_path):
    source = write_with_sound(tmp_path / "video.mkv", seconds=4, tone_from_s=2, delay_s=1)
    cut_video(source, 400, 3000, tmp_path / "piece.mp4")
    assert heard_from(tmp_path / "piece.mp4")[0] == pytest.approx(1.6, abs=0.02)


def test_sound_that_ends_before_the_frames_is_cut_to_its_end(tmp_path):
    source = write_with_sound(tmp_path / "video.mkv", seconds=1.02, tone_from_s=0.6)
    cut_video(source, 400, 10_000, tmp_path / "piece.mp4")
    assert heard_from(tmp_path / "piece.mp4") == pytest.approx((0.2, 0.62), abs=0.03)


# Copying


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("bframes", ["0", "3"])
def test_frames_are_copied_where_a_key_frame_is_near_enough(tmp_path, suffix, bframes):
    # Key frames every 20 frames, 800 ms.
    source = write_video(
        tmp_path / f"video.{suffix}", steady(25, 4), options={"bf": bframes, "sc_threshold": "0"}
    )
    cut = cut_video(source, 1000, 2000, tmp_path / "piece.mp4", tolerance_ms=250)
    assert cut.copied and cut.start_ms == 800
    shown, times = decode_plainly(tmp_path / "piece.mp4")
    assert shown == list(range(20, 20 + len(shown)))
    assert abs(1000 * (times[-1] + Fraction(1, 25)) + 800 - 2000) <= 250
    assert cut.frames == len(shown)
    exact = cut_video(source, 1000, 2000, tmp_path / "exact.mp4", tolerance_ms=100)
    assert not exact.copied
    assert decode_plainly(tmp_path / "exact.mp4")[0] == list(range(25, 50))


def test_frames_between_two_key_frames_are_copied_without_any_tolerance(tmp_path):
    source = write_video(tmp_path / "video.mp4", steady(25, 4), options={"sc_threshold": "0"})
    cut = cut_video(source, 800, 2400, tmp_path / "piece.mp4", tolerance_ms=0)
    assert (cut.copied, cut.start_ms, cut.duration_ms) == (True, 800, 1600)
    assert decode_plainly(tmp_path / "piece.mp4")[0] == list(range(20, 60))
    to_the_end = cut_video(source, 2400, 9000, tmp_path / "end.mp4", tolerance_ms=0)
    assert to_the_end.copied
    assert decode_plainly(tmp_path / "end.mp4")[0] == list(range(60, 100))


def test_frames_of_an_open_group_that_need_the_one_before_are_left_out(tmp_path):
    options = {"sc_threshold": "0", "x264-params": "open-gop=1", "bf": "2"}
    source = write_video(tmp_path / "video.mkv", steady(25, 4), options=options)
    cut = cut_video(source, 900, 2000, tmp_path / "piece.mp4", tolerance_ms=300)
    shown, _ = decode_plainly(tmp_path / "piece.mp4")
    first = cut.start_ms // 40
    assert shown == list(range(first, first + len(shown)))


def test_a_rotated_video_that_is_copied_is_shown_upright(tmp_path):
    frames = [np.ascontiguousarray(np.rot90(numbered(i, 48, 64), -1)) for i in range(25)]
    source = write_video(tmp_path / "video.mp4", steady(25, 1), rotate=90, frames=frames)
    assert cut_video(source, 0, 800, tmp_path / "piece.mp4", tolerance_ms=0).copied
    shown = next(read_frames(tmp_path / "piece.mp4", None, None)).frames
    assert numbers(shown) == list(range(20))


def test_what_a_container_cannot_hold_is_encoded(tmp_path):
    source = write_video(
        tmp_path / "video.mkv", steady(25, 1), codec="ffv1", pixel_format="yuv420p"
    )
    cut = cut_video(source, 0, 400, tmp_path / "piece.mp4", tolerance_ms=0)
    assert not cut.copied
    assert decode_plainly(tmp_path / "piece.mp4")[0] == list(range(10))


# Joining


def test_spans_are_joined_with_their_sound_and_painted(tmp_path):
    source = write_with_sound(tmp_path / "video.mp4", seconds=6, tone_from_s=3)
    seen = []

    def paint(image):
        seen.append(image.shape)
        return image

    spans = [VideoSpan(source, 400, 1200), VideoSpan(source, 2000, 4000, paint)]
    joined = join_spans(spans, tmp_path / "reel.mp4")
    shown, times = decode_plainly(tmp_path / "reel.mp4")
    assert shown == [*range(10, 30), *range(50, 100)]
    assert [float(time) for time in times] == pytest.approx([k / 25 for k in range(70)], abs=0.001)
    assert (joined.frames, joined.duration_ms) == (70, 2800)
    assert seen == [(48, 64, 3)] * 50
    assert heard_from(tmp_path / "reel.mp4")[0] == pytest.approx(1.8, abs=0.02)


def test_spans_of_other_sizes_are_refused(tmp_path):
    one = write_video(tmp_path / "a.mp4", steady(25, 1))
    other = write_video(tmp_path / "b.mp4", steady(25, 1), size=(96, 48))
    with pytest.raises(VideoError, match=r"b\.mp4: its frames are 96x48, those before 64x48"):
        join_spans([VideoSpan(one, 0, 400), VideoSpan(other, 0, 400)], tmp_path / "reel.mp4")
    assert not (tmp_path / "reel.mp4").exists()
