"""Download of the files of a data set as they are, for `onball data convert`.

Files go to the paths that they have in their repository. One that is there with its whole size is not
downloaded again, and an interrupted download is continued.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.data.layout import some_names
from onball.data.sources import find_source
from onball.errors import ConfigError
from onball.files import require_writable
from onball.hub import HubRepository, fetch, find_remote, list_files, require_space
from onball.outputs import output_lock
from onball.progress import Progress, ProgressCallback, no_progress


@dataclass(frozen=True, slots=True)
class DownloadedFiles:
    """Files of a repository that are complete on disk.

    Attributes:
        folder: the folder of the repository.
        files: paths in the repository, sorted.
        fetched: number of them that were downloaded now.
    """

    folder: Path
    files: tuple[str, ...]
    fetched: int


def download_files(
    name: str,
    out: str | Path,
    patterns: Sequence[str] | None = None,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    progress: ProgressCallback = no_progress,
) -> list[DownloadedFiles]:
    """Download the files of a data set, for `convert_data`.

    Args:
        name: name of the data set, see `onball.data.sources.DATA_SOURCES`.
        out: folder for the files; made if it is missing. A data set of several repositories gets a
            folder for each in it.
        patterns: patterns of paths in the repositories, such as `*.json` or `train/*`; None for the
            files that are usually wanted.
        endpoint: address of the hub; None takes `HF_ENDPOINT`, else the public hub.
        token: access token; None takes `HF_TOKEN` or the token stored by `hf auth login`.
        progress: called with the path of each file and its bytes.

    Returns:
        The files of each repository, complete on disk.

    Raises:
        ConfigError: an unknown data set, or no file fits a pattern.
        AccessError: the hub requires a login, or access has not been granted.
        OnballError: the download failed, the disk is too small, the folder cannot be written, or
            another process downloads into it.
    """
    source, out = find_source(name), Path(out)
    require_writable(out)
    several = len(source.repositories) > 1
    return [
        _download(
            HubRepository(repository, endpoint, token),
            out / repository.rpartition("/")[2] if several else out,
            source.files if patterns is None else patterns,
            progress,
        )
        for repository in source.repositories
    ]


def _download(
    repository: HubRepository, out: Path, patterns: Sequence[str], progress: ProgressCallback
) -> DownloadedFiles:
    sizes = list_files(repository)
    wanted: set[str] = set()
    for pattern in patterns:
        found = fnmatch.filter(sizes, pattern)
        if not found:
            raise ConfigError(
                f"{repository.page}: no file '{pattern}' (there are {some_names(sorted(sizes))})"
            )
        wanted.update(found)
    missing = [name for name in sorted(wanted) if not _is_whole(out / name, sizes[name])]
    if missing:
        with output_lock(out):
            require_space(out, sum(sizes[name] for name in missing), "the files")
            for name in missing:
                _fetch(repository, name, sizes[name], out / name, progress)
    return DownloadedFiles(out, tuple(sorted(wanted)), len(missing))


def _fetch(
    repository: HubRepository, name: str, size: int, target: Path, progress: ProgressCallback
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    remote = find_remote(repository, name)
    fetch(remote, target, repository, lambda done: progress(Progress(name, done, size, "bytes")))


def _is_whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
