"""SoccerNet Ball Action Spotting 2025 from the Hugging Face hub, ready to train on.

The data set `SoccerNet/SN-BAS-2025` on the hub has one zip per split, which SoccerNet's own package
(0.2 and later, `SoccerNet.Downloader`, task `spotting-ball-2025`) downloads as well. Access must be
requested; the videos are for research under SoccerNet's non-disclosure agreement.

    download("data/SN-BAS-2025", ["train", "valid"])

Complete splits are recorded in `<out>/.download/<split>.json`, so that a second call needs neither
archive nor network.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from onball.data.download.archive import PasswordError, unpack
from onball.data.layout import OFFICIAL_SPLITS, SPLITS, SPLITS_FILE, some_names
from onball.errors import ConfigError, InputError, OnballError, OnballWarning
from onball.files import read_json_object, require_writable, write_json_atomic
from onball.hub import AccessError, HubRepository, fetch, find_remote
from onball.progress import Progress, ProgressCallback, no_progress

__all__ = [
    "BAS_2025",
    "AccessError",
    "HubRepository",
    "PasswordError",
    "SplitResult",
    "download",
]

BAS_2025 = "SoccerNet/SN-BAS-2025"
_RECORDS = ".download"


@dataclass(frozen=True, slots=True)
class SplitResult:
    """A split that is complete on disk.

    Attributes:
        split: its name.
        matches: names of its matches.
        was_complete: True if nothing had to be done.
    """

    split: str
    matches: tuple[str, ...]
    was_complete: bool


def download(
    out: str | Path,
    splits: Sequence[str] = SPLITS,
    *,
    dataset: HubRepository | None = None,
    password: str | None = None,
    keep_zip: bool = False,
    progress: ProgressCallback = no_progress,
) -> list[SplitResult]:
    """Download and unpack splits of SoccerNet Ball Action Spotting into one folder.

    A split that is complete is not downloaded again, an interrupted download is continued, and a
    `<split>.zip` that is already in the folder is used.

    Args:
        out: folder that becomes the root of the data set; made if it is missing.
        splits: names of splits: `train`, `valid`, `test`, `challenge`.
        dataset: data set on the hub; None takes `BAS_2025` of the public hub.
        password: password of encrypted archives.
        keep_zip: leave `<split>.zip` in `out` after unpacking.
        progress: called with the bytes downloaded, then unpacked, of each split.

    Returns:
        The splits in the given order, each complete on disk.

    Raises:
        ConfigError: a split is unknown.
        AccessError: the hub requires a login, or access has not been granted.
        PasswordError: the archive is encrypted and the password is missing or wrong.
        OnballError: the download failed, the folder cannot be written, or another download into
            it is running.
    """
    for split in splits:
        if split not in SPLITS:
            raise ConfigError(f"unknown split '{split}': choose {', '.join(SPLITS)}")
    out = Path(out)
    records = out / _RECORDS
    created = [folder for folder in (records, out, *out.parents) if not folder.exists()]
    require_writable(records)
    records.mkdir(parents=True, exist_ok=True)
    lock = FileLock(records / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OnballError(f"{out}: another download into it is running: wait for it") from None
    try:
        downloads = _Downloads(out, dataset or HubRepository(BAS_2025), password, keep_zip)
        return [downloads.complete(split, progress) for split in splits]
    finally:
        lock.release()
        if created and {path.name for path in records.iterdir()} <= {"lock"}:
            _remove_empty(records / "lock", created)


def _remove_empty(lock: Path, folders: Sequence[Path]) -> None:
    """Delete the lock of a download that got nothing, and the folders made for it."""
    # Another download may have begun, or written into them.
    with suppress(OSError):
        lock.unlink(missing_ok=True)
        for folder in folders:  # from the innermost
            folder.rmdir()


class _Downloads:
    """Downloads into one folder."""

    def __init__(
        self, out: Path, dataset: HubRepository, password: str | None, keep_zip: bool
    ) -> None:
        self._out = out
        self._dataset = dataset
        self._password = password
        self._keep_zip = keep_zip

    def complete(self, split: str, progress: ProgressCallback) -> SplitResult:
        """Make one split complete."""
        known = self._recorded(split)
        if known is not None:
            return SplitResult(split, known, was_complete=True)
        archive = self._out / f"{split}.zip"
        if not archive.is_file():
            remote = find_remote(self._dataset, f"*{split}.zip")
            fetch(
                remote,
                archive,
                self._dataset,
                lambda done: progress(
                    Progress(f"{split}: downloading", done, remote.size, "bytes")
                ),
                room=remote.size,  # a zip hardly compresses video
            )
        matches = unpack(
            archive,
            self._out,
            self._out / _RECORDS / split,
            password=self._password,
            on_progress=lambda done, total: progress(
                Progress(f"{split}: unpacking", done, total, "bytes")
            ),
        )
        write_json_atomic(self._record(split), {"matches": matches})
        if not self._keep_zip:
            archive.unlink()
        self._warn_of_unlisted(split, matches)
        return SplitResult(split, tuple(matches), was_complete=False)

    def _record(self, split: str) -> Path:
        return self._out / _RECORDS / f"{split}.json"

    def _recorded(self, split: str) -> tuple[str, ...] | None:
        """Matches of the split, if all their files still exist."""
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
                stacklevel=4,
            )
