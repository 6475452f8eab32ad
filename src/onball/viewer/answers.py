"""Answers of the viewer's server: JSON, errors as one line, and bodies of a limited size."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

import msgspec

from onball.errors import InputError, OnballError, optional_dependency
from onball.viewer.session import NoSuchMatchError, NotServedError

with optional_dependency("starlette", "view", "The viewer"):
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response

Handler = Callable[[Request], Response]

_T = TypeVar("_T")


def answer(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Run a handler in a thread, and report errors as JSON with one line."""

    @wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await run_in_threadpool(handler, request)
        except HTTPException as error:
            return json_answer({"error": error.detail}, status=error.status_code)
        except NoSuchMatchError as error:
            return json_answer({"error": str(error)}, status=404)
        except NotServedError as error:
            return json_answer({"error": str(error)}, status=403)
        except InputError as error:
            return json_answer({"error": str(error)}, status=400)
        except OnballError as error:
            return json_answer({"error": str(error)}, status=500)

    return answered


def answer_body(
    handler: Callable[[Request, bytes], Response], largest: int
) -> Callable[[Request], Awaitable[Response]]:
    """Run a handler with the body of a request, which has to be JSON of a limited size.

    Args:
        handler: called with the request and its body.
        largest: bytes that the body may have.
    """

    @wraps(handler)
    async def answered(request: Request) -> Response:
        # Forms of other sites cannot send this type without being asked first.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return json_answer({"error": "send application/json"}, status=415)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > largest:
                return json_answer({"error": "too much at once"}, status=413)
        return await answer(lambda request: handler(request, bytes(body)))(request)

    return answered


def read_json(body: bytes, kind: type[_T], what: str) -> _T:
    """Decode a body. Raises `InputError` if it is no JSON of this type.

    Args:
        body: the body of a request.
        kind: type that it should have.
        what: name of it in the message.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InputError(f"not {what}: {error}") from None


def json_answer(content: Any, status: int = 200) -> Response:
    """Return content as JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")
