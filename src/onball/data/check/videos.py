"""Checks of the videos: decodability, length, frame rate and duplicates."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.data.check.layout import Placed, Problem, problem_of
from onball.errors import OnballWarning, VideoError
from onball.files import fingerprint
from onball.progress import Progress, ProgressCallback, no_progress
from onball.video import VideoInfo, probe
from onball.video.decoding import decode_frames

#: Positions at which single frames are decoded in a quick check, relative to the length.
_PLACES = (0.0, 0.25, 0.5, 0.75)
#: The end of the video is decoded in every check.
_TAIL_MS = 1000
_LENGTH_TOLERANCE_MS = 1000
_RATE_TOLERANCE = 0.01
_USUAL_RATES = (12.5, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
#: The average rate of a video with missing or repeated frames differs little from a usual rate.
_NEARLY = 0.002
#: Maximum number of decoder warnings per video that are reported.
_MOST_WARNINGS = 3


@dataclass(frozen=True, slots=True)
class CheckedVideo:
    """A video that could be opened.

    Attributes:
        placed: its match.
        info: properties from its header.
        fingerprint: hash of its length and its first and last 64 KiB, to find copies.
    """

    placed: Placed
    info: VideoInfo
    fingerprint: str


def open_video(placed: Placed) -> tuple[CheckedVideo | None, list[Problem]]:
    """Open the video of a match. Returns None if there is none or it cannot be opened."""
    path = placed.match.video
    if path is None:
        return None, []
    try:
        info = probe(path)
        return CheckedVideo(placed, info, fingerprint(path)), []
    except VideoError as error:
        return None, [problem_of(error, path)]
    except OSError as error:
        return None, [Problem(path, f"cannot be read ({error.strerror})", "check its rights")]


def decode(
    info: VideoInfo, *, full: bool, progress: ProgressCallback = no_progress
) -> tuple[int, list[Problem]]:
    """Decode a video to find problems.

    Args:
        info: the video.
        full: decode every frame; else one at the beginning, at some positions in between, and the
            last second.
        progress: called with the milliseconds of video that are decoded, if `full`.

    Returns:
        Number of decoded frames, and the problems.
    """
    starts = [0] if full else [round(share * info.duration_ms) for share in _PLACES]
    if not full:
        starts.append(max(0, info.duration_ms - _TAIL_MS))
    count, end_ms = 0, 0.0
    problems: list[Problem] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", OnballWarning)
        for start in starts:
            decoded_here = 0
            try:
                for frame in decode_frames(info.path, start):
                    decoded_here += 1
                    end_ms = float(frame.time_ms + frame.duration_ms)
                    if full:
                        progress(Progress(info.path.name, end_ms, info.duration_ms, "ms"))
                    if not full and start != starts[-1]:
                        break
            except VideoError as error:
                problems.append(problem_of(error, info.path))
            count += decoded_here
            if not decoded_here and not problems:
                what = f"no frame can be decoded at {start / 1000:.2f} s"
                problems.append(Problem(info.path, what, "get the file again"))
    messages = list(dict.fromkeys(str(w.message) for w in caught))
    for message in messages[:_MOST_WARNINGS]:
        problems.append(problem_of(_without_use(message), info.path, "get the file again"))
    if not problems:
        problems += check_length(info, count if full else info.frame_count, end_ms)
    return count, problems


def check_rates(root: Path, videos: Sequence[CheckedVideo], fps: float) -> Iterator[Problem]:
    """Find frame rates that vary, differ from the expected one, or differ between matches."""
    by_rate: dict[float, list[VideoInfo]] = defaultdict(list)
    for video in videos:
        if video.info.variable_rate:
            remedy = f"make it even with ffmpeg -vf fps={fps:g} if frame numbers made the labels"
            yield Problem(video.info.path, "its frame rate varies", remedy)
        else:
            by_rate[round(meant_rate(video.info), 2)].append(video.info)
    for rate, infos in by_rate.items():
        if abs(rate - fps) <= _RATE_TOLERANCE:
            continue
        others = sum(map(len, by_rate.values())) - len(infos)
        what = f"{rate:g} frames per second, not {fps:g}"
        if len(infos) > 1:
            what = f"{len(infos)} videos have {what}, first '{infos[0].path.parent.name}'"
        if others:
            what += f"; {others} others differ from that"
        remedy = f"get the other version, or say --fps {rate:g} if it is right"
        yield Problem(infos[0].path if len(infos) == 1 else root, what, remedy)


def check_copies(videos: Sequence[CheckedVideo]) -> Iterator[Problem]:
    """Find copies of videos, in one split or in two."""
    same: dict[str, list[CheckedVideo]] = defaultdict(list)
    for video in videos:
        same[video.fingerprint].append(video)
    for first, *others in same.values():
        for other in others:
            ours, theirs = _splits(first.placed), _splits(other.placed)
            if ours == theirs:
                remedy = "keep one of them"
            else:
                remedy = f"keep it in one split ('{theirs}' here, '{ours}' there)"
            yield Problem(other.info.path, f"the same video as {first.info.path}", remedy)


def check_length(info: VideoInfo, frames: int, end_ms: float) -> Iterator[Problem]:
    """Compare the length in the header with the number and the end of the frames.

    Args:
        info: the video.
        frames: number of frames.
        end_ms: end of the last frame.
    """
    rate = meant_rate(info)
    by_frames = 1000 * frames / rate
    if not info.variable_rate and abs(by_frames - info.duration_ms) > _LENGTH_TOLERANCE_MS:
        yield Problem(
            info.path,
            f"{frames} frames at {rate:.5g} per second are {by_frames / 1000:.2f} s, but its "
            f"length is {info.duration_ms / 1000:.2f} s",
            "frames are missing or held: check the labels' times, or make the video again",
        )
    elif end_ms - info.duration_ms > _LENGTH_TOLERANCE_MS:
        what = f"ends at {end_ms / 1000:.2f} s, after its length of {info.duration_ms / 1000:.2f} s"
        yield Problem(info.path, what, "rewrite it with ffmpeg -c copy")


def meant_rate(info: VideoInfo) -> float:
    """Return the usual rate nearest to the average rate, or the average if none is near."""
    nearest = min(_USUAL_RATES, key=lambda rate: abs(rate - info.fps))
    return nearest if abs(nearest - info.fps) <= _NEARLY * nearest / 2 else info.fps


def _without_use(message: str) -> str:
    """Remove the part of a decoder warning that only concerns reading."""
    for end in (", what comes before is used", ": what cannot be decoded there is left out"):
        message = message.removesuffix(end)
    return message


def _splits(placed: Placed) -> str:
    return ", ".join(placed.splits) or "no split"
