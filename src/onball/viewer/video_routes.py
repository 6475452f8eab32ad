"""Routes of the videos of a match: its files, their frames, tracks and copies, and thumbnails.

    GET   /video/3/0                            file 0 of match 3, or its copy, with ranges
    GET   /thumbnail/3/12480                    a frame, at a time of the match
    GET   /api/matches/3/files/0/frames         times of the frames of a file with a variable rate
    GET   /api/matches/3/files/0/tracks?from=0&to=9000  boxes of players and ball, at times of the file
    GET   /api/matches/3/proxy                  and POST: copies of files that browsers cannot play

A match that was spotted as one is in several files: each begins in the timeline of the match where the one
before it ends. All others have one file.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onball.errors import InputError, optional_dependency
from onball.events import EventList, VideoPart
from onball.video import VideoInfo, probe
from onball.video.recording import RecordedPart
from onball.viewer.answers import answer, json_answer
from onball.viewer.finding import ViewedMatch
from onball.viewer.growing import GrowingEvents
from onball.viewer.media import (
    Proxies,
    Thumbnails,
    frame_times_ms,
    is_playable,
    join_progress,
    media_type,
)
from onball.viewer.session import MatchData, NotServedError, ViewSession
from onball.viewer.track_boxes import TrackBoxes

with optional_dependency("starlette", "view", "The viewer"):
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import FileResponse, Response
    from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class _File:
    """A video file of a match, and the time of the match at which it begins."""

    info: VideoInfo
    start_ms: int


class VideoRoutes:
    """Answers to the requests about videos.

    Args:
        session: the matches.
        load: returns the events of a match.
        proxies: copies of files.
    """

    def __init__(
        self, session: ViewSession, load: Callable[[ViewedMatch], MatchData], proxies: Proxies
    ) -> None:
        self._session = session
        self._load = load
        self._proxies = proxies
        self._thumbnails = Thumbnails()
        self._boxes = TrackBoxes()
        self._videos: dict[Path, tuple[tuple[int, int], VideoInfo]] = {}

    def routes(self) -> list[Route]:
        """Return the routes."""
        match = "/api/matches/{match:int}"
        return [
            Route("/video/{match:int}/{file:int}", answer(self.video)),
            Route("/thumbnail/{match:int}/{position:int}", answer(self.thumbnail)),
            Route(f"{match}/files/{{file:int}}/frames", answer(self.frames)),
            Route(f"{match}/files/{{file:int}}/tracks", answer(self.tracks)),
            Route(f"{match}/proxy", answer(self.proxy)),
            Route(f"{match}/proxy", answer(self.make_proxy), methods=["POST"]),
        ]

    def describe(
        self, match: ViewedMatch, events: EventList, growing: GrowingEvents | None
    ) -> dict[str, Any] | None:
        """Properties of the files of a match; only the reason if they cannot be shown."""
        if not match.videos and not _parts(events):
            return None
        recorded = None if growing is None or growing.recorded is None else growing.recorded()
        if recorded == 0:
            return {"error": _not_recorded(match.videos[0])}
        try:
            files = self._files(match, events)
        except (InputError, NotServedError) as error:
            return {"error": str(error)}
        return {
            "files": [
                {
                    "file": info.path.name,
                    "start_ms": start_ms,
                    "width": info.width,
                    "height": info.height,
                    "fps": info.fps,
                    "frames": info.frame_count,
                    "duration_ms": info.duration_ms,
                    "variable_rate": info.variable_rate,
                    "codec": info.codec,
                    "playable": is_playable(info),
                    "tracks": match.tracks(number) is not None,
                }
                for number, (info, start_ms) in enumerate(
                    (each.info, each.start_ms) for each in files
                )
            ],
            "duration_ms": files[-1].start_ms + files[-1].info.duration_ms,
            "recorded": recorded,
        }

    def frames(self, request: Request) -> Response:
        """Times of the frames of a file in milliseconds."""
        return json_answer(frame_times_ms(self._file(request).path))

    def tracks(self, request: Request) -> Response:
        """Boxes of players and ball in a part of a file."""
        info = self._file(request)
        tracks = self._match(request).tracks(request.path_params["file"])
        if tracks is None:
            raise HTTPException(404, "this video has no tracks")
        try:
            start_ms, end_ms = (int(request.query_params[name]) for name in ("from", "to"))
        except (KeyError, ValueError):
            raise InputError("from and to are milliseconds") from None
        file = self._session.require_served(tracks)
        return json_answer(self._boxes.part(file, info.path, start_ms, end_ms))

    def proxy(self, request: Request) -> Response:
        """State of the copies of the files that browsers cannot play, as that of one."""
        unplayable = self._unplayable(self._match(request))
        states = [(self._proxies.progress(info.path), info.duration_ms) for info in unplayable]
        return json_answer(join_progress(states))

    def make_proxy(self, request: Request) -> Response:
        """Begin to make these copies."""
        for info in self._unplayable(self._match(request)):
            self._proxies.start(info.path)
        return self.proxy(request)

    def video(self, request: Request) -> Response:
        """A file, or its copy; `FileResponse` answers requests of ranges."""
        growing = self._session.growing.get(request.path_params["match"])
        if growing is not None and growing.recorded is not None:
            return self._recorded(request, growing.recorded())
        info = self._file(request)
        path = info.path if is_playable(info) else self._proxies.path(info.path)
        if not path.is_file():
            raise HTTPException(404, "browsers cannot play this video, and it has no copy yet")
        return FileResponse(path, media_type=media_type(path))

    def _recorded(self, request: Request, complete: int) -> Response:
        """The first `until` bytes of a video that is being recorded."""
        until = request.query_params.get("until", "")
        if not (until.isascii() and until.isdigit() and len(until) < 20):
            raise HTTPException(400, "until: give a number of bytes")
        size = min(int(until), complete)
        if "range" not in request.headers or not size:  # the file has more than was asked for
            raise HTTPException(416, "this video is being recorded: ask for a range of it")
        path = self._session.require_served(self._path(request))
        # The same time for all ranges: players take a file that changes for another one.
        stat = os.stat_result((0o100644, 0, 0, 1, 0, 0, size, 0, 0, 0))
        return FileResponse(path, media_type=media_type(path), stat_result=stat)

    def thumbnail(self, request: Request) -> Response:
        """A frame at a time of the match."""
        match = self._match(request)
        files = self._files(match, self._load(match).events)
        position: int = request.path_params["position"]
        file = files[bisect_right([each.start_ms for each in files], position) - 1]
        image = self._thumbnails.get(file.info.path, position - file.start_ms)
        return Response(
            image, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"}
        )

    def _match(self, request: Request) -> ViewedMatch:
        match = self._session.match(request.path_params["match"])
        if not match.videos:
            raise HTTPException(404, "this match has no video")
        return match

    def _path(self, request: Request) -> Path:
        videos = self._match(request).videos
        number: int = request.path_params["file"]
        if number >= len(videos):
            raise HTTPException(404, "this match has no such file")
        return videos[number]

    def _file(self, request: Request) -> VideoInfo:
        return self._probe(self._path(request))

    def _files(self, match: ViewedMatch, events: EventList) -> list[_File]:
        """The files of a match. The times at which they begin are those that its events have.

        Raises:
            InputError: the events are of other files, as after they were spotted again.
        """
        parts = _parts(events)
        if len(match.videos) != max(1, len(parts)):
            if not parts:
                raise InputError(
                    "The events of this match do not say at which times its files begin."
                )
            names = " and ".join(part.video for part in parts)
            raise InputError(
                f"Not all files of this match are in the folders that were named: {names}."
            )
        starts = [part.start_ms for part in parts] or [0]
        infos = [self._probe(video) for video in match.videos]
        return [_File(*each) for each in zip(infos, starts, strict=True)]

    def _unplayable(self, match: ViewedMatch) -> list[VideoInfo]:
        infos = [self._probe(video) for video in match.videos]
        return [info for info in infos if not is_playable(info)]

    def _probe(self, video: Path) -> VideoInfo:
        """Properties of a video, whose path has no links any more."""
        path = self._session.require_served(video)
        stat = path.stat()
        stamp = stat.st_mtime_ns, stat.st_size
        known = self._videos.get(path)
        if known is None or known[0] != stamp:
            known = self._videos[path] = stamp, probe(path)
        return known[1]


def _parts(events: EventList) -> Sequence[VideoPart]:
    """The files that events were found in, if they are several."""
    return () if events.info is None else events.info.parts


def _not_recorded(video: Path) -> str:
    """Reason for which a video that is being recorded is not shown."""
    if RecordedPart(video).grows:
        return "Nothing is recorded yet."
    return f"{video.suffix} files play when they are finished; .mp4 plays while it is recorded."
