"""`cut_video`: an exact piece of a video as a file of its own."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from onball.errors import VideoError
from onball.video.convert import RgbConverter, orientation
from onball.video.source import open_source, shown_pictures
from onball.video.writer import VideoWriter


def cut_video(
    source: str | Path,
    start_ms: int,
    end_ms: int,
    target: str | Path,
    *,
    crf: int = 18,
    preset: str = "veryfast",
    threads: int = 0,
) -> int:
    """Cut out all frames shown in [start_ms, end_ms) and encode them anew as H.264.

    Time 0 of the piece is its first frame; the distances between frames stay exactly as they
    are, whatever the frame rate. The picture is upright in the piece. There is no sound.

    Args:
        source: the video.
        start_ms: first moment, milliseconds since the first shown frame of `source`.
        end_ms: the moment to stop before.
        target: the piece, `.mp4`, `.m4v`, `.mov` or `.mkv`; written aside and then renamed.
        crf: x264's constant rate factor; 18 is hard to tell from the source.
        preset: x264's preset.
        threads: for decoding and encoding; 0 is one per core.

    Returns:
        The number of frames in the piece.

    Raises `ValueError` for an empty or negative span, `VideoError` if `source` cannot be read or
    shows no frame in the span, `OnballError` if `target` cannot be written.
    """
    if not 0 <= start_ms < end_ms:
        raise ValueError(f"no span from {start_ms} to {end_ms} ms")
    with open_source(source, threads=1) as opened:
        rate, ms_per_tick = opened.rate, opened.ms_per_tick
    pictures = (p for p in shown_pictures(source, start_ms, threads) if p.time_ms >= start_ms)
    first = next(pictures, None)
    if first is None or first.time_ms >= end_ms:
        raise VideoError(f"{source}: shows no frame from {start_ms} to {end_ms} ms: it is shorter")

    shape = (first.frame.width, first.frame.height)
    # As coded, without the loss of going over RGB, unless the picture has to be turned or padded.
    as_coded = not any(orientation(first.frame)) and shape[0] % 2 == 0 and shape[1] % 2 == 0
    to_rgb = RgbConverter(shape if as_coded else None)
    if not as_coded:
        height, width, _ = to_rgb(first.frame).shape
        shape = (width, height)
    with VideoWriter(
        target, shape, rate, crf=crf, preset=preset, threads=threads, time_base=ms_per_tick / 1000
    ) as writer:
        count = 0
        for picture in chain([first], pictures):
            if picture.time_ms >= end_ms:
                break
            time_ms = picture.time_ms - first.time_ms
            if as_coded:
                writer.write_picture(picture.frame, time_ms)
            else:
                writer.write(to_rgb(picture.frame), time_ms)
            count += 1
    return count
