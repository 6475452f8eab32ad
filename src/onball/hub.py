"""Files of a Hugging Face hub: downloads that continue after interruptions, errors in one line.

A file goes to any path (`fetch`), or to the hub's own cache (`fetch_cached`), where other programs that
use `huggingface_hub` find it too. `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN` and
`HF_HUB_OFFLINE` apply.
"""

from __future__ import annotations

import errno
import fnmatch
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, cast

from filelock import FileLock
from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.file_download import http_get, repo_folder_name
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    are_progress_bars_disabled,
    build_hf_headers,
    disable_progress_bars,
    enable_progress_bars,
)

from onball.errors import OnballError
from onball.files import file_digest, write_error, write_text_atomic

#: Packages whose errors mean a broken or missing connection; the one in use depends on the version
#: of huggingface_hub.
_TRANSPORTS = {"httpx", "httpx2", "httpcore", "requests", "urllib3"}
#: Free bytes that remain on the disk after a download.
_SPARE_BYTES = 1 << 26
_SHA256 = re.compile("[0-9a-f]{64}")
_KEPT = "; what has come so far is kept, call the command again to continue"


class AccessError(OnballError):
    """The hub refuses access: the user must log in, or ask for access first."""


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A data set or a model on a hub, and the credentials for it.

    Attributes:
        repo: `<organisation>/<name>`.
        endpoint: address of the hub; None takes `HF_ENDPOINT`, else the public hub.
        token: access token; None takes `HF_TOKEN` or the token stored by `hf auth login`.
        revision: branch, tag or commit.
        kind: `dataset` or `model`.
    """

    repo: str
    endpoint: str | None = None
    token: str | None = None
    revision: str = "main"
    kind: Literal["dataset", "model"] = "dataset"

    @property
    def address(self) -> str:
        """Address of the hub, without a slash at its end."""
        return (self.endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")

    @property
    def page(self) -> str:
        """Address of its page, on which access is requested."""
        folder = "datasets/" if self.kind == "dataset" else ""
        return f"{self.address}/{folder}{self.repo}"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the hub.

    Attributes:
        url: its address, pinned to one commit.
        size: its size in bytes.
        etag: identifier of its content.
    """

    url: str
    size: int
    etag: str


def find_remote(repository: HubRepository, pattern: str) -> RemoteFile:
    """Find the file named `pattern` without its `*` at the root, else the first match of `pattern`.

    Raises `AccessError` if the hub refuses, `OnballError` if it cannot be reached or has no such
    file, each with one line.
    """
    try:
        return _look_at(repository, pattern.replace("*", ""))
    except EntryNotFoundError:
        pass
    except Exception as error:
        raise explained(error, repository.page) from error
    try:
        api = HfApi(endpoint=repository.address, token=repository.token)
        names = api.list_repo_files(
            repository.repo,
            repo_type=repository.kind,
            revision=repository.revision,
            token=repository.token,
        )
        found = sorted(fnmatch.filter(names, pattern))
        if found:
            return _look_at(repository, found[0])
    except Exception as error:
        raise explained(error, repository.page) from error
    archives = ", ".join(sorted(fnmatch.filter(names, "*.zip"))) or "none"
    raise OnballError(f"{repository.page}: no file '{pattern}' there (archives: {archives})")


def list_files(repository: HubRepository) -> dict[str, int]:
    """Return the size in bytes of each file of a repository, by its path there.

    Raises `AccessError` or `OnballError` with one line, as `find_remote`.
    """
    try:
        # The listing tries again for half a minute where there is no network; this does not.
        with suppress(EntryNotFoundError):
            _look_at(repository, "README.md")
        api = HfApi(endpoint=repository.address, token=repository.token)
        entries = api.list_repo_tree(
            repository.repo,
            recursive=True,
            repo_type=repository.kind,
            revision=repository.revision,
            token=repository.token,
        )
        return {entry.path: entry.size for entry in entries if isinstance(entry, RepoFile)}
    except Exception as error:
        raise explained(error, repository.page) from error


def fetch_cached(
    repository: HubRepository,
    name: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Return the path in the hub's cache of a file, which is downloaded unless it is there.

    An interrupted download is continued by the next call. Of a large file, the hub knows the SHA-256,
    and a download with another one is deleted.

    Args:
        repository: the repository.
        name: path of the file in it.
        on_progress: called with the bytes so far and in total.

    Raises `AccessError` or `OnballError` with one line, as `fetch`.
    """
    try:
        remote = _look_at(repository, name)
    except Exception as error:
        raise explained(error, repository.page) from error
    cache = Path(constants.HF_HUB_CACHE)
    folder = repo_folder_name(repo_id=repository.repo, repo_type=repository.kind)
    blob = cache / folder / "blobs" / remote.etag
    lock = cache / ".locks" / folder / f"{remote.etag}.lock"
    try:
        blob.parent.mkdir(parents=True, exist_ok=True)
        lock.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(blob.parent, error) from error
    with FileLock(lock):
        if not blob.exists():
            report = None if on_progress is None else partial(_with_total, on_progress, remote.size)
            fetch(remote, blob, repository, report)
            if _SHA256.fullmatch(remote.etag) and file_digest(blob) != remote.etag:
                blob.unlink()
                raise OnballError(
                    f"{repository.page}: '{name}' came damaged (another SHA-256): call the command again"
                )
    try:
        # The blob is there: only the name in the cache is made.
        with _quiet():
            return Path(
                hf_hub_download(
                    repository.repo,
                    name,
                    repo_type=repository.kind,
                    revision=repository.revision,
                    endpoint=repository.address,
                    token=repository.token,
                    library_name="onball",
                )
            )
    except Exception as error:
        raise explained(error, repository.page) from error


def _with_total(report: Callable[[int, int], None], total: int, done: int) -> None:
    report(done, total)


def find_cached(repository: HubRepository, name: str) -> Path | None:
    """Return the path of a file that an earlier `fetch_cached` has left in the hub's cache."""
    found = try_to_load_from_cache(
        repository.repo, name, repo_type=repository.kind, revision=repository.revision
    )
    return Path(found) if isinstance(found, str) else None


def made_files() -> Path:
    """Folder for what onball makes of files of the hub: `assets/onball` in the folder `HF_HOME`."""
    return Path(constants.HF_ASSETS_CACHE) / "onball"


def is_cached_path(path: str | Path) -> bool:
    """Return True if a path is in the hub's cache or in `made_files`, where users keep no results."""
    path = Path(path).absolute()
    return any(
        path.is_relative_to(folder.absolute())
        for folder in (Path(constants.HF_HUB_CACHE), made_files())
    )


def fetch(
    remote: RemoteFile,
    target: Path,
    repository: HubRepository,
    on_progress: Callable[[int], None] | None = None,
    *,
    room: int = 0,
) -> None:
    """Download a file, continuing an interrupted earlier call.

    The bytes so far are in `<target>.part`, the identifier of their content in
    `<target>.part.etag`: a file that has changed is downloaded from its start. `target` appears
    when it is complete.

    Args:
        remote: result of `find_remote`.
        target: the file; its folder must exist.
        repository: its repository, for the token and for messages.
        on_progress: called with the number of bytes so far.
        room: bytes that must be free on the disk besides the file, for what is made of it.

    Raises `AccessError` or `OnballError` with one line, as `find_remote`; `OnballError` also for a
    full disk and for a connection that breaks repeatedly.
    """
    part = target.with_name(target.name + ".part")
    label = target.with_name(target.name + ".part.etag")
    if not _continues(part, label, remote):
        part.unlink(missing_ok=True)
        write_text_atomic(label, remote.etag)
    _require_space(part, remote.size, room)
    try:
        with part.open("ab") as file, _quiet():
            done = file.tell()
            if on_progress is not None:
                on_progress(done)
            if done < remote.size:
                http_get(
                    remote.url,
                    cast(BinaryIO, _Reporting(file, on_progress)),
                    resume_size=done,
                    headers=build_hf_headers(token=repository.token, library_name="onball"),
                )
    except Exception as error:
        kept = part.exists() and part.stat().st_size > 0
        raise explained(error, repository.page, kept=kept) from error
    size = part.stat().st_size
    if size != remote.size:
        part.unlink()
        raise OnballError(f"{target}: {size} bytes came, not {remote.size}: call the command again")
    part.replace(target)
    label.unlink(missing_ok=True)


class _Reporting:
    """A file that reports its position after each write."""

    def __init__(self, file: BinaryIO, report: Callable[[int], None] | None) -> None:
        self._file = file
        self._report = report

    def write(self, chunk: bytes) -> int:
        written = self._file.write(chunk)
        if self._report is not None:
            self._report(self._file.tell())
        return written

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def truncate(self, size: int | None = None) -> int:
        return self._file.truncate(size)

    def flush(self) -> None:
        self._file.flush()


def _look_at(repository: HubRepository, name: str) -> RemoteFile:
    """Look up a file by its exact name. Raises the errors of `huggingface_hub`."""

    def url(revision: str) -> str:
        return hf_hub_url(
            repository.repo,
            name,
            repo_type=repository.kind,
            revision=revision,
            endpoint=repository.address,
        )

    # Explicit headers: with `token=None` the function would not look for a stored token.
    headers = build_hf_headers(token=repository.token, library_name="onball")
    found = get_hf_file_metadata(
        url(repository.revision), headers=headers, endpoint=repository.address
    )
    if found.size is None or found.etag is None:
        raise OnballError(f"{repository.page}: the hub does not say how large '{name}' is")
    return RemoteFile(url(found.commit_hash or repository.revision), found.size, found.etag)


def _continues(part: Path, label: Path, remote: RemoteFile) -> bool:
    """True if the partial file is the beginning of this content."""
    if not part.is_file() or not label.is_file():
        return False
    known = label.read_text(encoding="utf-8")
    return known == remote.etag and part.stat().st_size <= remote.size


def _require_space(part: Path, size: int, room: int) -> None:
    """Require space for the rest of a file and for what is made of it."""
    there = part.stat().st_size if part.exists() else 0
    purpose = "the archive and what is in it" if room else "the file"
    require_space(part.parent, size + room - there, purpose)


def require_space(folder: Path, needed: int, purpose: str) -> None:
    """Raise `OnballError` if the disk of `folder` has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise OnballError(
            f"{folder}: {free / 1e9:.1f} GB free, but {purpose} need about {needed / 1e9:.1f} GB: "
            "free space or choose another folder"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Disable the progress bars of `huggingface_hub` and its messages on each retry."""
    logger = logging.getLogger("huggingface_hub")
    level, disabled = logger.level, are_progress_bars_disabled()
    logger.setLevel(logging.ERROR)
    if not disabled:
        disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        if not disabled:
            enable_progress_bars()


def explained(error: Exception, page: str, *, kept: bool = False) -> Exception:
    """Convert an error of the hub to one with a clear line; other errors are returned unchanged.

    Args:
        error: error raised by `huggingface_hub`.
        page: address of the page of the repository.
        kept: part of a file came before the error, and is kept.
    """
    continued = _KEPT if kept else ""
    again = _KEPT if kept else ": try again later"
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
        return OnballError(f"{page}: no such repository or file there (404): check the endpoint")
    if status == 429:
        return OnballError(f"{page}: too many requests (429): wait some minutes{continued}")
    if status is not None:
        return OnballError(f"{page}: the hub answers with error {status}{again}")
    names = [type(cause).__name__ for cause in _chain(error)]
    if "OfflineModeIsEnabled" in names:
        return OnballError(f"{page}: HF_HUB_OFFLINE is set: unset it to download")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OnballError(f"the disk is full: free space{continued}")
    if any(name in ("ConnectError", "ConnectionError", "ConnectTimeout") for name in names):
        return OnballError(f"{page}: cannot be reached: check the network and the proxy{continued}")
    if any(_is_transport(cause) for cause in _chain(error)):
        return OnballError(f"{page}: the connection broke ({names[0]}){again}")
    if isinstance(error, OSError) and "Consistency check" in str(error):
        return OnballError(f"{page}: the connection ended early{again}")
    if type(error).__module__.startswith("huggingface_hub"):
        return OnballError(f"{page}: {' '.join(str(error).split())}")
    return error


def _status(error: Exception) -> int | None:
    """HTTP status that caused the error, if any."""
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
    """The error and its causes, from the last to the first."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
