"""What a hub's errors mean for the user, one line each."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from onball.errors import OnballError

#: Packages whose errors are a broken or missing connection. Which of them is at work depends on
#: the version of huggingface_hub.
_TRANSPORTS = {"httpx", "httpx2", "httpcore", "requests", "urllib3"}
_KEPT = "what has come so far is kept, call the command again to continue"


class AccessError(OnballError):
    """The hub refuses: the user has to log in, or to ask for access first."""


def explained(error: Exception, page: str) -> Exception:
    """The error as one clear line; an error that is not about the hub comes back as it is.

    Args:
        error: what `huggingface_hub` raised.
        page: the data set's page.
    """
    if isinstance(error, OnballError):
        return error
    status = _status(error)
    if status == 401:
        return AccessError(
            f"{page}: not logged in, or the token is not valid (401): `hf auth login`, or give --token"
        )
    if status == 403 or any(type(cause).__name__ == "GatedRepoError" for cause in _chain(error)):
        return AccessError(f"{page}: access refused (403): ask for access on that page first")
    if status == 404:
        return OnballError(f"{page}: no such data set or file there (404): check the endpoint")
    if status == 429:
        return OnballError(f"{page}: too many requests (429): wait some minutes; {_KEPT}")
    if status is not None:
        return OnballError(f"{page}: the hub answers with error {status}; {_KEPT}")
    names = [type(cause).__name__ for cause in _chain(error)]
    if "OfflineModeIsEnabled" in names:
        return OnballError(f"{page}: HF_HUB_OFFLINE is set: unset it to download")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OnballError(f"the disk is full: free space; {_KEPT}")
    if any(name in ("ConnectError", "ConnectionError", "ConnectTimeout") for name in names):
        return OnballError(f"{page}: cannot be reached: check the network and the proxy; {_KEPT}")
    if any(_is_transport(cause) for cause in _chain(error)):
        return OnballError(f"{page}: the connection broke ({names[0]}); {_KEPT}")
    if isinstance(error, OSError) and "Consistency check" in str(error):
        return OnballError(f"{page}: the connection ended early; {_KEPT}")
    if type(error).__module__.startswith("huggingface_hub"):
        return OnballError(f"{page}: {' '.join(str(error).split())}")
    return error


def _status(error: Exception) -> int | None:
    """The HTTP status behind the error, if there is one."""
    for cause in _chain(error):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _is_transport(error: BaseException) -> bool:
    return isinstance(error, ConnectionError | TimeoutError) or any(
        kind.__module__.partition(".")[0] in _TRANSPORTS for kind in type(error).__mro__
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, and so on."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
