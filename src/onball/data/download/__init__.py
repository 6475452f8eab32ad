"""SoccerNet Ball Action Spotting 2025 from the Hugging Face hub, ready to train on.

The hub's data set `SoccerNet/SN-BAS-2025` holds one zip per split, as SoccerNet's own package
(0.2 and later, `SoccerNet.Downloader`, task `spotting-ball-2025`) takes it. Access has to be asked
for; the videos are for research under SoccerNet's non-disclosure agreement.

    with download_to(out) as download:
        download.split("train")

What is complete is recorded in `<out>/.download/<split>.json`, so that a second call needs neither
archive nor network.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onball.data.download.archive import PasswordError, unpack
from onball.data.download.hub import AccessError, HubDataset, fetch, find_remote
from onball.data.layout import OFFICIAL_SPLITS, SPLITS, SPLITS_FILE, some_names
from onball.errors import ConfigError, InputError, OnballError, OnballWarning
from onball.files import read_json_object, require_writable, write_json_atomic

__all__ = [
    "BAS_2025",
    "AccessError",
    "Download",
    "HubDataset",
    "PasswordError",
    "SplitResult",
    "download_to",
]

BAS_2025 = "SoccerNet/SN-BAS-2025"
_RECORDS = ".download"

#: Called with what is done ("downloading", "unpacking"), the bytes so far and the bytes in all.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SplitResult:
    """A split that is complete on disk.

    Attributes:
        split: its name.
        matches: names of its matches.
        was_complete: nothing had to be done.
    """

    split: str
    matches: tuple[str, ...]
    was_complete: bool


@contextmanager
def download_to(
    out: Path,
    dataset: HubDataset | None = None,
    *,
    password: str | None = None,
    keep_zip: bool = False,
) -> Iterator[Download]:
    """Downloads into `out`; no two at a time.

    Args:
        out: made if it is missing; becomes the root of the data set.
        dataset: where from; None takes `BAS_2025` of the public hub.
        password: for encrypted archives.
        keep_zip: leave `<split>.zip` in `out` after unpacking.

    Raises `OnballError` if the folder cannot be written or another download into it is running.
    """
    from filelock import FileLock, Timeout

    require_writable(out / _RECORDS)
    lock = FileLock(out / _RECORDS / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OnballError(f"{out}: another download into it is running: wait for it") from None
    try:
        yield Download(out, dataset or HubDataset(BAS_2025), password, keep_zip)
    finally:
        lock.release()


class Download:
    """Downloads and unpacks splits into one folder. Made by `download_to`."""

    def __init__(
        self, out: Path, dataset: HubDataset, password: str | None, keep_zip: bool
    ) -> None:
        self._out = out
        self._dataset = dataset
        self._password = password
        self._keep_zip = keep_zip

    def split(self, split: str, on_progress: Progress | None = None) -> SplitResult:
        """Make one split complete. A `<split>.zip` that is already in the folder is used.

        Raises `ConfigError` for an unknown split, and what `fetch` and `unpack` raise.
        """
        if split not in SPLITS:
            raise ConfigError(f"unknown split '{split}': choose {', '.join(SPLITS)}")
        known = self._recorded(split)
        if known is not None:
            return SplitResult(split, known, was_complete=True)

        def report(what: str, done: int, total: int) -> None:
            if on_progress is not None:
                on_progress(what, done, total)

        archive = self._out / f"{split}.zip"
        if not archive.is_file():
            remote = find_remote(self._dataset, f"*{split}.zip")
            fetch(
                remote,
                archive,
                self._dataset,
                lambda done: report("downloading", done, remote.size),
            )
        matches = unpack(
            archive,
            self._out,
            self._out / _RECORDS / split,
            password=self._password,
            on_progress=lambda done, total: report("unpacking", done, total),
        )
        write_json_atomic(self._record(split), {"matches": matches})
        if not self._keep_zip:
            archive.unlink()
        self._warn_of_unlisted(split, matches)
        return SplitResult(split, tuple(matches), was_complete=False)

    def _record(self, split: str) -> Path:
        return self._out / _RECORDS / f"{split}.json"

    def _recorded(self, split: str) -> tuple[str, ...] | None:
        """The split's matches if all their files are still there."""
        path = self._record(split)
        if not path.is_file():
            return None
        try:
            matches = read_json_object(path, InputError).get("matches")
        except InputError:
            return None
        if not isinstance(matches, dict):
            return None
        files = [self._out / name / file for name, files in matches.items() for file in files]
        return tuple(matches) if all(file.is_file() for file in files) else None

    def _warn_of_unlisted(self, split: str, matches: dict[str, list[str]]) -> None:
        unlisted = sorted(set(matches) - set(OFFICIAL_SPLITS[split]))
        if unlisted and not (self._out / SPLITS_FILE).is_file():
            warnings.warn(
                f"{self._out}: {split}.zip holds {some_names(unlisted)}, which SoccerNet's list of "
                f"'{split}' does not name: write {SPLITS_FILE} to train on it",
                OnballWarning,
                stacklevel=3,
            )
