"""Unpacking of the zip archive of a split into `<league>/<season>/<match>`, and nowhere else."""

from __future__ import annotations

import shutil
import stat
import warnings
import zipfile
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import cast

from onball.data.layout import OFFICIAL_SPLITS
from onball.errors import DataError, InputError, OnballError, OnballWarning
from onball.formats.zip_names import decode_names
from onball.hub import require_space

#: Number of WinZip's AES encryption in a zip, which Python's own zipfile cannot read.
_AES = 99
#: Errors of zipfile for damaged data, a wrong password, and an unknown method.
_DAMAGE = (zlib.error, EOFError, RuntimeError, NotImplementedError)
_CHUNK_BYTES = 1 << 20
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db"}
_OFFICIAL = {name.rpartition("/")[2]: name for names in OFFICIAL_SPLITS.values() for name in names}

Members = dict[str, dict[str, zipfile.ZipInfo]]


class PasswordError(InputError):
    """The archive is encrypted, and the password is missing or wrong."""


def unpack(
    archive: Path,
    out: Path,
    staging: Path,
    *,
    password: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[str]]:
    """Unpack all matches of a split.

    Each file is written to `staging` and checked against its checksum; the folder of a match is
    moved to its place when it is complete. Files that exist already stay unchanged, with an
    `OnballWarning` if their size differs: labels may have been corrected by hand.

    Args:
        archive: the zip.
        out: root of the folders `<league>/<season>/<match>`.
        staging: folder on the same disk; files of an interrupted call are used.
        password: password of an encrypted archive.
        on_progress: called with the bytes unpacked and the total bytes to unpack.

    Returns:
        The files of each match, by its name.

    Raises `DataError` for a damaged archive or one with unsafe or unexpected paths, `PasswordError`
    for one that needs (another) password, `OnballError` if the disk is full.
    """
    encrypted = False
    try:
        with _open(archive) as opened:
            encrypted = any(member.flag_bits & 1 for member in opened.infolist())
            if encrypted and password is None:
                raise PasswordError(
                    f"{archive}: is encrypted: give --password (SoccerNet sends it after its "
                    "non-disclosure agreement is signed)"
                )
            if password is not None:
                opened.setpassword(password.encode())
            matches = _matches(archive, opened)
            _Unpacking(opened, out, staging, on_progress).run(matches)
    except OSError as error:
        raise OnballError(
            f"{out}: cannot be unpacked there ({error.strerror or error}): make room and call the "
            "command again"
        ) from error
    except Exception as error:
        # By name, because pyzipper raises its own class of that name.
        bad = type(error).__name__ == "BadZipFile" or isinstance(error, _DAMAGE)
        if isinstance(error, OnballError) or not bad:
            raise
        reason = " ".join(str(error).split())
        if encrypted:
            raise PasswordError(
                f"{archive}: cannot be decrypted ({reason}): check --password"
            ) from None
        raise DataError(
            f"{archive}: damaged ({reason}): delete it and call the command again"
        ) from None
    return {name: sorted(files) for name, files in matches.items()}


def _open(archive: Path) -> zipfile.ZipFile:
    opened = zipfile.ZipFile(archive)
    if all(member.compress_type != _AES for member in opened.infolist()):
        return opened
    opened.close()
    try:
        pyzipper = import_module("pyzipper")
    except ImportError:
        raise PasswordError(
            f"{archive}: is encrypted with AES, which Python alone cannot read: pip install pyzipper"
        ) from None
    return cast(zipfile.ZipFile, pyzipper.AESZipFile(archive))


def _matches(archive: Path, opened: zipfile.ZipFile) -> Members:
    """The files of each match, by name.

    Raises `DataError` for paths out of the folder, links, and archives without any match.
    """
    matches: Members = {}
    decode_names(opened.infolist(), _OFFICIAL.values())
    for member in opened.infolist():
        path = PurePosixPath(member.filename)
        if member.is_dir() or _JUNK & set(path.parts):
            continue
        if not _is_safe(member, path):
            raise DataError(f"{archive}: unsafe path '{member.filename}' in it: nothing unpacked")
        name = _match_name(path.parts[:-1])
        if name is None:
            continue  # A licence or a README beside the matches.
        files = matches.setdefault(name, {})
        if path.name in files:
            raise DataError(f"{archive}: holds '{name}/{path.name}' twice: nothing unpacked")
        files[path.name] = member
    if not matches:
        raise DataError(f"{archive}: no match in it, that is no <league>/<season>/<match>/<file>")
    return matches


def _is_safe(member: zipfile.ZipInfo, path: PurePosixPath) -> bool:
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    odd = any(part == ".." or ":" in part or "\\" in part or "\0" in part for part in path.parts)
    return not (is_link or odd or path.is_absolute())


def _match_name(folders: tuple[str, ...]) -> str | None:
    """`<league>/<season>/<match>` of a file in these folders, without the folder of the split."""
    if len(folders) >= 3:
        return "/".join(folders[-3:])
    return _OFFICIAL.get(folders[-1]) if folders else None


class _Unpacking:
    """Unpacks the missing files of matches, and counts the bytes."""

    def __init__(
        self,
        opened: zipfile.ZipFile,
        out: Path,
        staging: Path,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self._opened = opened
        self._out = out
        self._staging = staging
        self._on_progress = on_progress
        self._done = self._total = 0

    def run(self, matches: Members) -> None:
        missing = {name: self._missing(name, files) for name, files in matches.items()}
        self._total = sum(m.file_size for files in missing.values() for m in files.values())
        needed = sum(
            member.file_size
            for name, files in missing.items()
            for file, member in files.items()
            if not _is_whole(self._staging / name / file, member)
        )
        require_space(self._out, needed, "the files to unpack")
        for name, files in missing.items():
            if files:
                self._unpack_match(name, files)
        shutil.rmtree(self._staging, ignore_errors=True)

    def _missing(self, name: str, files: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        missing = {}
        for file, member in files.items():
            target = self._out / name / file
            if not target.exists():
                missing[file] = member
            elif target.stat().st_size != member.file_size:
                message = f"{target}: kept, though it differs from the archive's; delete it to get that one"
                warnings.warn(message, OnballWarning, stacklevel=2)
        return missing

    def _unpack_match(self, name: str, files: dict[str, zipfile.ZipInfo]) -> None:
        staged, target = self._staging / name, self._out / name
        staged.mkdir(parents=True, exist_ok=True)
        for file, member in files.items():
            if _is_whole(staged / file, member):
                self._advance(member.file_size)
            else:
                self._write(member, staged / file)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            staged.rename(target)
        else:
            for file in files:
                (staged / file).replace(target / file)

    def _write(self, member: zipfile.ZipInfo, target: Path) -> None:
        part = target.with_name(f".{target.name}.part")
        # Reading to the end compares the checksum.
        with self._opened.open(member) as source, part.open("wb") as file:
            while chunk := source.read(_CHUNK_BYTES):
                file.write(chunk)
                self._advance(len(chunk))
        part.replace(target)

    def _advance(self, count: int) -> None:
        self._done += count
        if self._on_progress is not None:
            self._on_progress(self._done, self._total)


def _is_whole(path: Path, member: zipfile.ZipInfo) -> bool:
    return path.is_file() and path.stat().st_size == member.file_size
