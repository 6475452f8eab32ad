"""Decoded frames: orientation, colours, depth, size, and the visibility of the ball."""

from __future__ import annotations

import av
import numpy as np
import pytest
from numbered_videos import numbered, numbers, steady, write_video

from onball.errors import OnballWarning
from onball.video import VideoWriter, cut_video, probe, read_frames

LOSSLESS = {"qp": "0", "g": "1", "bf": "0"}


def first_frame(path, size=None):
    return next(read_frames(path, None, size)).frames[0]


def corners() -> np.ndarray:
    """Black 64×48 frame with red at the top left, green at the top right and blue at the bottom left."""
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:16, :16, 0], frame[:16, -16:, 1], frame[-16:, :16, 2] = 255, 255, 255
    return frame


@pytest.mark.parametrize(("counterclockwise", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_a_rotated_video_is_read_upright(tmp_path, counterclockwise, turns):
    path = write_video(
        tmp_path / "video.mp4", steady(25, 0.2), frames=[corners()] * 5, rotate=counterclockwise
    )
    upright = np.rot90(corners(), turns)
    frame = first_frame(path)
    assert frame.shape == upright.shape
    assert np.abs(frame.astype(int) - upright).mean() < 8
    small = first_frame(path, (upright.shape[1] // 2, upright.shape[0] // 2))
    assert np.abs(small.astype(int) - upright[::2, ::2]).mean() < 12
    info = probe(path)
    assert (info.width, info.height) == upright.shape[1::-1]
    assert info.rotation == -counterclockwise % 360


def test_the_mirroring_of_a_display_matrix_is_applied(tmp_path):
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(0, hflip=True)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(corners())))
        container.mux(stream.encode(None))
    assert np.abs(first_frame(path).astype(int) - corners()[:, ::-1]).mean() < 8


@pytest.mark.parametrize(
    ("codec", "pixel_format", "tolerance"),
    [
        ("libx264", "yuv420p", 4),
        ("libx264", "yuv422p", 4),
        ("libx264", "yuv444p10le", 4),
        ("libx264", "yuvj420p", 4),
        ("libx264rgb", "rgb24", 1),
        ("ffv1", "yuv420p10le", 4),
    ],
)
def test_every_pixel_format_becomes_rgb(tmp_path, codec, pixel_format, tolerance):
    frame = numbered(0b101100111000)
    path = write_video(
        tmp_path / "video.mkv",
        steady(25, 0.2),
        codec=codec,
        pixel_format=pixel_format,
        options=LOSSLESS if "264" in codec else {},
        frames=[frame] * 5,
    )
    read = first_frame(path)
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - frame).max() <= tolerance


@pytest.mark.parametrize("tag", [1, 2, 5, 6, 9], ids=["709", "none", "470bg", "170m", "2020"])
def test_colours_follow_the_colour_space_tag_of_the_file(tmp_path, tag):
    # Luma weights (red, blue) of ITU-R BT.709, BT.601 and BT.2020.
    weights = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}.get(tag, (0.299, 0.114))
    for name, colour in {"red": (255, 0, 0), "pitch": (60, 140, 50), "sky": (90, 150, 230)}.items():
        path = _one_colour(tmp_path / f"{name}.mkv", colour, weights, tag, (64, 48))
        assert np.abs(first_frame(path).astype(int) - colour).max() <= 5


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv420p10le"])
def test_ycgco_is_converted(tmp_path, full, pixel_format):
    depth = 10 if "10" in pixel_format else 8
    for name, (red, green, blue) in {"a": (200, 100, 50), "b": (0, 255, 0), "c": (9, 9, 9)}.items():
        luma, cg, co = (red + 2 * green + blue) / 4, (2 * green - red - blue) / 4, (red - blue) / 2
        spans = (255, 255) if full else (219, 224)
        zero = 0 if full else 16
        planes = (zero + luma * spans[0] / 255, *(128 + c * spans[1] / 255 for c in (cg, co)))
        frame = av.VideoFrame(64, 48, pixel_format)
        for plane, value in zip(frame.planes, planes, strict=True):
            level = np.full(
                plane.buffer_size * 8 // (16 if depth > 8 else 8), value * 2 ** (depth - 8)
            )
            kind = np.uint16 if depth > 8 else np.uint8
            plane.update(level.round().clip(0, 2**depth - 1).astype(kind).tobytes())
        path = _write_tagged(tmp_path / f"{name}.mkv", frame, 8, full=full)
        for size in (None, (32, 24)):
            read = first_frame(path, size).astype(int)
            assert np.abs(read - (red, green, blue)).max() <= 5


@pytest.mark.parametrize("tag", [10, 11, 12, 13, 14, 15, 16, 17])
def test_colours_that_are_not_supported_are_read_as_similar_ones_and_named(tmp_path, tag):
    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8)).reformat(
        format="yuv420p"
    )
    path = _write_tagged(tmp_path / "video.mkv", frame, tag)
    with pytest.warns(
        OnballWarning, match=rf"video\.mkv: its colours are tagged as .*{tag}"
    ) as caught:
        assert np.abs(first_frame(path).astype(int) - 128).max() <= 3
    assert len(caught) == 1
    assert cut_video(path, 0, 40, tmp_path / "cut.mp4").frames == 1


def _write_tagged(path, frame, tag, full=False):
    """Write a lossless video of one frame, with matrix coefficients that x264 need not know."""
    frame.pts = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height = frame.width, frame.height
        stream.pix_fmt = frame.format.name
        stream.codec_context.colorspace = tag
        stream.codec_context.color_range = 2 if full else 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_untagged_high_definition_is_decoded_as_bt_709(tmp_path):
    path = _one_colour(tmp_path / "f.mkv", (60, 140, 50), (0.2126, 0.0722), 2, (1280, 720))
    assert np.abs(first_frame(path, (64, 36)).astype(int) - (60, 140, 50)).max() <= 5


def _one_colour(path, colour, weights, tag, size):
    """Write a lossless video of one colour, converted to limited-range Y'CbCr by the formula."""
    red, green, blue = (value / 255 for value in colour)
    luma = weights[0] * red + (1 - sum(weights)) * green + weights[1] * blue
    planes = (
        16 + 219 * luma,
        128 + 112 * (blue - luma) / (1 - weights[1]),
        128 + 112 * (red - luma) / (1 - weights[0]),
    )
    frame = av.VideoFrame(*size, "yuv420p")
    for plane, value in zip(frame.planes, planes, strict=True):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    frame.pts = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=LOSSLESS)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.colorspace = tag
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("size", [(64, 48), (32, 24), (398, 224), (101, 67)], ids=str)
def test_frames_have_the_requested_size(tmp_path, size):
    path = write_video(tmp_path / "video.mp4", steady(25, 1))
    frames = next(read_frames(path, size=size)).frames
    assert frames.shape[1:] == (size[1], size[0], 3)
    assert numbers(frames) == list(range(0, 26, 2))[: len(frames)]


def test_a_video_of_odd_size_keeps_it(tmp_path):
    path = write_video(
        tmp_path / "f.mkv",
        steady(25, 0.4),
        codec="ffv1",
        size=(65, 49),
        pixel_format="yuv444p",
    )
    assert first_frame(path).shape == (49, 65, 3)


def test_a_small_ball_survives_downscaling_at_any_position(tmp_path):
    """Area averaging preserves the brightness of a 5×5 ball at every sub-pixel position."""
    background, places = 80, [(100 + 37 * i, 200 + 53 * i) for i in range(10)]
    with VideoWriter(tmp_path / "f.mp4", (1280, 720), 25, crf=5, preset="ultrafast") as writer:
        for y, x in places:
            frame = np.full((720, 1280, 3), background, np.uint8)
            frame[y : y + 5, x : x + 5] = 235
            writer.write(frame)
    frames = next(read_frames(tmp_path / "f.mp4", None, (398, 224))).frames[..., 1].astype(float)
    shrunk = 1280 * 720 / (398 * 224)
    for frame, (y, x) in zip(frames, places, strict=True):
        row, column = int((y + 2) * 224 / 720), int((x + 2) * 398 / 1280)
        around = frame[row - 4 : row + 5, column - 4 : column + 5]
        light = (around - np.median(frame)).sum() * shrunk
        assert light == pytest.approx(25 * (235 - background), rel=0.2)
