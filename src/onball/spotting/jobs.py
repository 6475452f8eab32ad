"""Jobs of a batch of videos: the files that have one result, its name, and its folder.

A job is one video, or all files of a match that are joined: each then has its place in the timeline
of the match. While a job is done, the scores of its files are kept in journals in its folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from onball.data.layout import Match
from onball.errors import InputError, VideoError
from onball.outputs import LOCK_FILE
from onball.progress import ProgressCallback
from onball.spotting.journal import JOURNAL_FILE, journal_files
from onball.spotting.results import name_results
from onball.spotting.stored import (
    CACHE_GB,
    StoreCache,
    StoredResults,
    StoredVideo,
    VideoOpener,
    find_stored_videos,
    place_of,
)
from onball.stores import is_stored
from onball.tracks import TRACKS_FILE
from onball.video import VideoInfo, find_videos, probe


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a match.

    Attributes:
        video: the file.
        offset_ms: position of its first frame in the timeline of the match.
        tracks: its tracks file; None if it has none.
    """

    video: VideoInfo
    offset_ms: int
    tracks: Path | None = None

    @property
    def end_ms(self) -> int | None:
        """Position of its end; None if its header has no length."""
        duration_ms = self.video.duration_ms
        return self.offset_ms + duration_ms if duration_ms else None


@dataclass(slots=True)
class Job:
    """Videos that have one result.

    Attributes:
        name, folder: of the result.
        parts: the files.
        source: the video, if it is on a store: then the only part.
        target: the folder of all results, if it is on a store; `folder` is then a copy.
    """

    name: str
    folder: Path
    parts: list[Part]
    source: StoredVideo | None = None
    target: StoredResults | None = None

    @property
    def duration_ms(self) -> int | None:
        """Length of all parts together; None if unknown."""
        return self.parts[-1].end_ms

    @property
    def videos(self) -> tuple[Path, ...]:
        """The files of all parts."""
        return tuple(part.video.path for part in self.parts)

    @property
    def address(self) -> str:
        """Address of the folder of the result, if it is on a store; else empty."""
        return "" if self.target is None else f"{self.target.address}/{self.name}"

    def open(self, opener: VideoOpener, progress: ProgressCallback) -> None:
        """Open a video that is on a store.

        Raises:
            VideoError: it is no video.
            OnballError: it cannot be read.
        """
        if self.source is not None:
            opener.open(self.source, progress)
            self.parts = [replace(part, video=probe(part.video.path)) for part in self.parts]

    def check_source(self) -> None:
        """Raise `OnballError` if a video on a store was not read to the end, or has changed."""
        if self.source is not None:
            self.source.check()

    def with_addresses(self, message: str) -> str:
        """Replace the paths of copies on this machine in a message by the addresses on the stores."""
        if self.source is not None:
            message = message.replace(str(self.source.path), self.source.file.address)
        return message.replace(str(self.folder), self.address) if self.address else message

    def publish(self) -> None:
        """Upload results that belong on a store. Raises `OnballError`."""
        if self.target is not None:
            self.target.publish(self.name)

    def release(self, *, done: bool) -> None:
        """Delete copies of files of stores from this machine.

        Args:
            done: the job needs no more work; else its video is kept for the next call.
        """
        if self.source is not None:
            self.source.release(done=done)
        if self.target is not None and done:
            self.target.release(self.name)

    def journal(self, number: int) -> Path:
        """File for the scores of a part, numbered from 0, until there are results."""
        suffix = f"-{number + 1}" if len(self.parts) > 1 else ""
        return self.folder / f"{JOURNAL_FILE}{suffix}"

    def has_leftovers(self) -> bool:
        """Return True if there are files that only belong there while the job is done."""
        return any(path.exists() for path in (*self._journals(), self.folder / LOCK_FILE))

    def remove_journals(self) -> None:
        """Delete the scores of all parts."""
        for path in self._journals():
            path.unlink(missing_ok=True)

    def _journals(self) -> Iterator[Path]:
        """Files in which the work on all parts is kept."""
        for number in range(len(self.parts)):
            yield from journal_files(self.journal(number))


def find_jobs(
    videos: str | Path | Iterable[str | Path | VideoInfo | Match],
    out: str | Path,
    join: bool,
    name: str,
    cache: StoreCache | None = None,
) -> list[Job]:
    """Return the jobs for all videos. Those that are on this machine can be opened.

    Args:
        videos: files, folders and patterns, see `find_videos`, addresses on stores, or matches of a
            data set, which have their tracks beside them.
        out: folder of all results, or its address on a store.
        join: the videos are the files of one match.
        name: name of the result of joined videos; empty chooses it.
        cache: folder for files of stores; by default one in the user's cache.

    Raises:
        VideoError: an input is missing or no video, or has no length and cannot be joined.
        InputError: the videos cannot be joined, or one is given twice.
        OnballError: a store cannot be read or written.
    """
    given = [videos] if isinstance(videos, str | Path) else list(videos)
    matches = [one for one in given if isinstance(one, Match)]
    addresses = [one for one in given if isinstance(one, str) and is_stored(one)]
    if matches and (join or len(matches) < len(given)):
        raise InputError("matches of a data set cannot be joined, nor spotted beside other videos")
    cache = cache or StoreCache.of(None, CACHE_GB)
    target = StoredResults(out, cache) if isinstance(out, str) and is_stored(out) else None
    folder = Path(out) if target is None else target.folder
    stored = find_stored_videos(addresses, cache, str(out))
    if matches:
        found = find_videos(match.require_video() for match in matches)
        names = [match.name for match in matches]
    else:
        local = [one for one in given if not isinstance(one, Match) and one not in addresses]
        found = find_videos(local) if local or not stored else []
        places = [place_of(one.file.address) for one in stored]
        names = list(name_results([*(video.path for video in found), *places]))
    if join and stored and max(len(given), len(stored)) > 1:
        raise InputError(f"{addresses[0]}: videos on stores cannot be joined: download them first")
    if join and not stored:
        name = name or _joined_name(given, names)
        jobs = [Job(name, folder / name, _joined_parts(found), target=target)]
    else:
        names = [name] if join and name else names
        jobs = [
            Job(
                own,
                folder / own,
                [Part(video, 0, _tracks_beside(video) if matches else None)],
                target=target,
            )
            for own, video in zip(names, found, strict=False)
        ]
        jobs += [
            Job(own, folder / own, [Part(_unopened(source.path), 0)], source, target)
            for own, source in zip(names[len(found) :], stored, strict=True)
        ]
    if target is not None:
        target.mirror([job.name for job in jobs])
    return jobs


def _tracks_beside(video: VideoInfo) -> Path | None:
    """Tracks file in the folder of a match's video; None if it has none."""
    tracks = video.path.with_name(TRACKS_FILE)
    return tracks if tracks.is_file() else None


def _unopened(path: Path) -> VideoInfo:
    """Properties of a video that is not downloaded yet: none."""
    return VideoInfo(path, 0, 0, 0.0, 0, 0, "", "", 0, False)


def _joined_name(given: Sequence[object], names: Sequence[str]) -> str:
    """Name of a joined match: that of the folder with its files, else that of the first file."""
    folder = Path(str(given[0])) if len(given) == 1 else None
    if folder is not None and folder.is_dir():
        return folder.resolve().name or names[0]
    return names[0]


def _joined_parts(videos: Sequence[VideoInfo]) -> list[Part]:
    parts, offset_ms = [], 0
    for video in videos:
        parts.append(Part(video, offset_ms))
        if not video.duration_ms and video is not videos[-1]:
            raise VideoError(
                f"{video.path}: its header has no length, so that the next file cannot be joined: "
                f"write it again, for example with ffmpeg -i {video.path.name} -c copy joined.mp4"
            )
        offset_ms += video.duration_ms
    return parts
