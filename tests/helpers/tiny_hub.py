"""Local hub with a small data set, and models if wanted, for tests of downloading."""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from onball.data.layout import OFFICIAL_SPLITS

REPO = "SoccerNet/SN-BAS-2025"
COMMIT = "c" * 40
TRAIN = OFFICIAL_SPLITS["train"]


class Hub:
    """Minimal hub for downloads that records its requests.

    Attributes:
        files: content of each file of the data set.
        models: content of each file of each model repository.
        wrong_etag: identifier of all files, if it is to be wrong.
        refusal: status and error code of every response if requests are refused.
        break_after: bytes after which the next transfer is interrupted and the hub goes down.
        elsewhere: True if files are on another host, like large files of real hubs.
        ranges: the `Range` of each transfer ('' for none).
        tokens: the `Authorization` of each request.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.models: dict[str, dict[str, bytes]] = {}
        self.wrong_etag = ""
        self.refusal: tuple[int, str] | None = None
        self.break_after: int | None = None
        self.down = False
        self.elsewhere = False
        self.ranges: list[str] = []
        self.tokens: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_HEAD(self) -> None:
                hub.answer(self)

            def do_GET(self) -> None:
                hub.answer(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.tokens.append(request.headers.get("Authorization", ""))
        if self.refusal is not None:
            return self._send(request, self.refusal[0], {"X-Error-Code": self.refusal[1]})
        if self.down:
            return self._send(request, 503, {})
        repositories = {f"datasets/{REPO}": self.files}
        repositories |= {f"models/{name}": files for name, files in self.models.items()}
        listed = re.fullmatch(r"/api/((?:datasets|models)/[^/]+/[^/]+)/tree/.*", request.path)
        if listed and listed[1] in repositories:
            entries = [
                {"type": "file", "path": name, "oid": "0", "size": len(content)}
                for name, content in repositories[listed[1]].items()
            ]
            kind = {"Content-Type": "application/json"}
            return self._send(request, 200, kind, json.dumps(entries).encode())
        found = re.fullmatch(
            rf"(/cdn|/(?P<repo>(?:datasets/)?[^/]+/[^/]+)/resolve/(?:main|{COMMIT}))/(?P<file>.+)",
            request.path,
        )
        repository = (found and found["repo"]) or f"datasets/{REPO}"
        files = repositories.get(repository, repositories.get(f"models/{repository}"))
        if not found or files is None or found["file"] not in files:
            error = "RepoNotFound" if files is None else "EntryNotFound"
            return self._send(request, 404, {"X-Error-Code": error})
        content = files[found["file"]]
        etag = f'"{self.wrong_etag or hashlib.sha256(content).hexdigest()}"'
        headers = {"ETag": etag, "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if self.elsewhere and found[1] != "/cdn":
            other = self.address.replace("127.0.0.1", "localhost")
            headers |= {"Location": f"{other}/cdn/{found['file']}", "X-Linked-Etag": etag}
            return self._send(request, 302, headers | {"X-Linked-Size": str(len(content))})
        if request.command == "HEAD":
            return self._send(request, 200, headers, content)
        wanted = request.headers.get("Range", "")
        self.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(request, 206 if start else 200, headers, content[start:])

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        body: bytes = b"",
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "HEAD":
            return
        if self.break_after is not None and len(body) > self.break_after:
            body, self.break_after, self.down = body[: self.break_after], None, True
            request.close_connection = True
        request.wfile.write(body)


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Run a hub with the training split until the block ends."""
    hub = Hub()
    hub.files["train.zip"] = archive({f"{name}/{file}": body for name, file, body in contents()})
    thread = threading.Thread(target=hub.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def contents() -> Iterator[tuple[str, str, bytes]]:
    for number, name in enumerate(TRAIN):
        yield name, "224p.mp4", bytes([number]) * 50_000
        yield name, "Labels-ball.json", b'{"annotations": []}'


def archive(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return written.getvalue()
