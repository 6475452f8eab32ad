"""Routes of the page by which videos are spotted, and by which growing events are followed.

GET   /api/spotting             videos, models and jobs
GET   /api/jobs                 and POST: a video and a model, by their keys → a job
POST  /api/jobs/2/cancel        cancel a job
GET   /api/matches/3/growing    events of a match that grows, without the first `after` ones
"""

from __future__ import annotations

from typing import Any

import msgspec

from onball.errors import optional_dependency
from onball.viewer.answers import answer, answer_body, json_answer, read_json
from onball.viewer.session import ViewSession
from onball.viewer.spot_queue import SpotQueue

with optional_dependency("starlette", "view", "The viewer"):
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

#: Bytes of a request for a job.
_LARGEST_BODY = 1 << 16


class JobRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a POST: a video to be spotted with a model, both by their keys."""

    video: str
    model: str
    overwrite: bool = False


class SpotRoutes:
    """Answers to the requests about growing events, and of jobs if there is a queue.

    Args:
        session: the matches.
        queue: the jobs; None if nothing can be spotted from the page.
    """

    def __init__(self, session: ViewSession, queue: SpotQueue | None) -> None:
        self._session = session
        self._queue = queue

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/matches/{match:int}/growing", answer(self.growing)),
            Route("/api/spotting", answer(self.spotting)),
            Route("/api/jobs", answer(self.jobs)),
            Route("/api/jobs", answer_body(self.add, _LARGEST_BODY), methods=["POST"]),
            Route("/api/jobs/{job:int}/cancel", answer(self.cancel), methods=["POST"]),
        ]

    def growing(self, request: Request) -> Response:
        """Events of a match that grows, from number `after` on; null if all of them are there."""
        number: int = request.path_params["match"]
        self._session.match(number)
        growing = self._session.growing.get(number)
        if growing is None:
            return json_answer(None)
        text = request.query_params.get("after", "0")
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise HTTPException(400, "after: give a number of events")
        return json_answer(growing.as_json(int(text)))

    def spotting(self, request: Request) -> Response:
        """Videos and models that may be chosen, and the jobs."""
        queue = self._require_queue()
        return json_answer(
            {
                "videos": [
                    {
                        "key": video.key,
                        "name": video.shown,
                        "size": video.size,
                        "spotted": self._is_spotted(self._session.match_of(video.path)),
                    }
                    for video in queue.videos()
                ],
                "models": [
                    {
                        "key": model.key,
                        "title": model.title,
                        "about": model.about,
                        "command": model.command,
                    }
                    for model in queue.models()
                ],
                "results": str(queue.results),
                "jobs": _listed(queue),
            }
        )

    def jobs(self, request: Request) -> Response:
        """All jobs."""
        return json_answer(_listed(self._require_queue()))

    def add(self, request: Request, body: bytes) -> Response:
        """Add a job."""
        wanted = read_json(body, JobRequest, "a video and a model")
        job = self._require_queue().add(wanted.video, wanted.model, overwrite=wanted.overwrite)
        return json_answer(job.as_json(), status=202)

    def cancel(self, request: Request) -> Response:
        """Cancel a job."""
        return json_answer(self._require_queue().cancel(request.path_params["job"]).as_json())

    def _is_spotted(self, match: int | None) -> bool:
        return match is not None and self._session.matches[match].predictions is not None

    def _require_queue(self) -> SpotQueue:
        if self._queue is None:
            raise HTTPException(404, "videos cannot be spotted from this page")
        return self._queue


def _listed(queue: SpotQueue) -> list[dict[str, Any]]:
    return [job.as_json() for job in queue.jobs()]
