"""Small copies of videos, called proxies, which are decoded several times as fast.

A proxy has all frames of its video, upright, at the same times, in H.264 with a keyframe every two
seconds. It is made once, and found again by the content of the video, whatever its name and place:

    FOLDER/match-1f0c9a77/398x224.mp4

It is coded with loss: a model's scores differ slightly from those of the video. It is therefore used
only where it is asked for.
"""

from __future__ import annotations

from pathlib import Path

from onball.errors import VideoError
from onball.files import fingerprint
from onball.outputs import output_lock, record_outputs
from onball.progress import Progress, ProgressCallback, no_progress
from onball.video.decoding import decode_frames, open_source
from onball.video.pixels import RgbConverter
from onball.video.reading import probe
from onball.video.writing import VideoWriter

PROXY_SIZE = (398, 224)
"""Smallest size of a proxy, for all models whose input is not larger: that of SoccerNet's videos."""

_CRF = 16
#: Seconds between two keyframes.
_KEYFRAMES_S = 2
_MOST_NAME_BYTES = 80
#: Milliseconds of video between two reports of progress.
_REPORT_MS = 1000


def find_proxy(video: str | Path, folder: str | Path, size: tuple[int, int] = PROXY_SIZE) -> Path:
    """Return the proxy of a video, or the path for it if there is none yet.

    Args:
        video: the video.
        folder: folder of all proxies.
        size: width and height in pixels that the proxy has at least.

    Returns:
        The smallest one that is not smaller than `size`.

    Raises:
        VideoError: the video cannot be read.
    """
    video, folder = Path(video), Path(folder)
    try:
        digest = fingerprint(video)[:8]
    except OSError as error:
        raise VideoError(f"{video}: cannot be read ({error.strerror})") from None
    width, height = (max(given, least) for given, least in zip(size, PROXY_SIZE, strict=True))
    found = {
        _area(path): path
        for path in sorted(folder.glob(f"*-{digest}/*x*.mp4"))
        if not path.name.startswith(".") and _covers(path, width, height)
    }
    if found:
        return found[min(found)]
    stem = video.stem.encode(errors="replace")[:_MOST_NAME_BYTES].decode(errors="ignore")
    # 4:2:0 needs even numbers.
    return folder / f"{stem}-{digest}" / f"{width + width % 2}x{height + height % 2}.mp4"


def make_proxy(
    video: str | Path,
    folder: str | Path,
    size: tuple[int, int] = PROXY_SIZE,
    *,
    threads: int = 0,
    progress: ProgressCallback = no_progress,
    name: str = "",
) -> Path:
    """Make the proxy of a video, unless there is one.

    Args:
        video: the video.
        folder: folder of all proxies, which is made if it is missing.
        size: width and height in pixels that the proxy has at least.
        threads: decoding threads; 0 is one per core.
        progress: called with the milliseconds of the video.
        name: name of the video in reports; that of the file by default.

    Returns:
        The file.

    Raises:
        VideoError: the video cannot be read.
        OutputLockedError: another process is making it.
        OnballError: it cannot be written.
    """
    video = Path(video)
    path = find_proxy(video, folder, size)
    if path.is_file():
        return path
    with output_lock(path.parent):
        if not path.is_file():
            for unfinished in path.parent.glob(".*.mp4"):
                unfinished.unlink()  # of a process that was killed
            _write(video, path, threads, progress, name or video.name)
            record_outputs(path.parent, [path.name], {"video": video.name})
    return path


def _write(video: Path, path: Path, threads: int, progress: ProgressCallback, name: str) -> None:
    total = probe(video).duration_ms
    with open_source(video, threads=1) as source:
        rate, seconds_per_tick = source.rate, source.ms_per_tick / 1000
    size = _size(path)
    to_rgb = RgbConverter(size)
    reported = 0
    progress(Progress(name, 0, total or None, "ms"))
    with VideoWriter(
        path,
        size,
        rate,
        crf=_CRF,
        gop=max(1, round(_KEYFRAMES_S * rate)),
        time_base=seconds_per_tick,
    ) as writer:
        for frame, time_ms, duration_ms in decode_frames(video, 0, threads):
            writer.write(to_rgb(frame), time_ms, duration_ms)
            if time_ms >= reported + _REPORT_MS:
                reported = int(time_ms)
                progress(Progress(name, min(reported, total or reported), total or None, "ms"))
    progress(Progress(name, total or reported, total or None, "ms"))


def _size(path: Path) -> tuple[int, int]:
    """Width and height in the name of a proxy."""
    width, _, height = path.stem.partition("x")
    return int(width), int(height)


def _area(path: Path) -> int:
    width, height = _size(path)
    return width * height


def _covers(path: Path, width: int, height: int) -> bool:
    """Return True if a file has the name of a proxy of at least this size."""
    numbers = path.stem.split("x")
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        return False
    return int(numbers[0]) >= width and int(numbers[1]) >= height
