"""Access to the viewer: one token per launch, the right host and origin, and strict headers.

The viewer shows private files, and every page in the same browser can send requests to a port of
this machine. A request is therefore answered only if

- its `Host` is one by which the viewer was opened: a site whose name is resolved to this machine
  (DNS rebinding) sends its own;
- it does not come from another site, by `Origin` and `Sec-Fetch-Site`;
- it has the token, in a cookie that browsers send only with requests of the viewer's own pages, or
  once in the address that opens it.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from onball.errors import optional_dependency

with optional_dependency("starlette", "view", "The viewer"):
    from starlette.datastructures import Headers, MutableHeaders
    from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names of this machine for itself.
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_ANY_ADDRESS = ("0.0.0.0", "::")
_READING = ("GET", "HEAD")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer."""


class Guard:
    """ASGI middleware that refuses requests of strangers, and adds the headers.

    Args:
        app: the application.
        token: secret of this launch.
        host: address that the server is bound to.
        port: its port, for the name of the cookie: cookies are common to all ports.
    """

    def __init__(self, app: ASGIApp, *, token: str, host: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = {*LOCAL_HOSTS, host.strip("[]").lower()}
        self._any_address = host in _ANY_ADDRESS
        self.cookie = f"onball_view_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._refuse(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope) -> Response | None:
        """The answer to a request that does not reach the application; None if it may."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._knows(host):
            return _refused("This address is not the viewer's.")
        if scope["method"] not in _READING and not _same_origin(headers, scope, host):
            return _refused("Requests of other sites are refused.")
        if headers.get("origin") is not None and not _same_origin(headers, scope, host):
            return _refused("Requests of other sites are refused.")
        opening = scope["path"] == "/" and scope["method"] in _READING
        if headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and not opening:
            return _refused("Requests of other sites are refused.")
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if opening and self._is_token(query.get("token", [""])[0]):
            answer = RedirectResponse("/", status_code=303)
            answer.set_cookie(self.cookie, self._token, httponly=True, samesite="strict", path="/")
            return answer
        if not self._is_token(_cookie(headers.getlist("cookie"), self.cookie)):
            return _refused(
                "Open the viewer with the whole address that `onball view` printed, with its token."
            )
        return None

    def _knows(self, host: str) -> bool:
        """Return True if the server may be called by this `Host`."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._hosts:
            return True
        if not self._any_address:
            return False
        try:  # by any address of this machine; a name may be that of another site
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


def _same_origin(headers: Headers, scope: Scope, host: str) -> bool:
    """Return True if a request is of a page of this server, as far as its headers say."""
    origin = headers.get("origin")
    if origin is not None:
        return origin == f"{scope['scheme']}://{host}"
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _cookie(headers: Iterable[str], name: str) -> str:
    for header in headers:
        try:
            cookies = SimpleCookie(header)
        except CookieError:
            continue
        if name in cookies:
            return cookies[name].value
    return ""


def _refused(reason: str) -> Response:
    return PlainTextResponse(f"{reason}\n", status_code=403)
