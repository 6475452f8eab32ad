"""Settings of a conversion, and the search for files that all readers of data sets share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onball.data.layout import some_names
from onball.errors import ConfigError, DataError

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


@dataclass(frozen=True, slots=True)
class ConvertSettings:
    """Settings of a conversion. Data sets without a panorama need neither `view` nor `size`.

    Attributes:
        tracks: write tracks, where the data set has them.
        view: of a panorama, `follow` cuts out a window that follows the play, `whole` keeps all.
        size: width and height of the video that is made of a panorama.
        own_tracks: results of `onball track` of the data set's videos, in folders with their names;
            they replace those of the data set.
    """

    tracks: bool = True
    view: str = "follow"
    size: tuple[int, int] = (1280, 720)
    own_tracks: Path | None = None

    def __post_init__(self) -> None:
        if self.view not in ("follow", "whole"):
            raise ConfigError(f"unknown view '{self.view}': choose follow or whole")
        if min(self.size) < 16 or max(self.size) > 8192:
            raise ConfigError(
                f"no video of {self.size[0]}×{self.size[1]} pixels: 1280x720 is usual"
            )


class SourceFiles:
    """Files below the folder of a data set, by name; hidden files and folders are left out.

    Args:
        source: the folder.

    Raises:
        DataError: there is no such folder, or it is empty.
    """

    def __init__(self, source: Path) -> None:
        if source.is_file():
            raise DataError(
                f"{source}: is a file: unpack it if it is an archive, and name the folder"
            )
        if not source.is_dir():
            raise DataError(f"{source}: no such folder: name the folder of the data set")
        self.source = source
        self._paths: dict[str, list[Path]] = {}
        for path in sorted(source.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
            if not hidden and path.is_file():
                self._paths.setdefault(path.name, []).append(path)
        if not self._paths:
            raise DataError(f"{source}: no file in it: name the folder of the data set")

    def __iter__(self) -> Iterator[Path]:
        return (path for paths in self._paths.values() for path in paths)

    def missing(self, name: str, remedy: str = "") -> DataError:
        """Return the error for files that are not there: they may be in archives beside the others.

        Args:
            name: the files.
            remedy: advice if there is no archive.
        """
        archives = [path.name for path in self if path.suffix.lower() in _ARCHIVES]
        if archives:
            remedy = f"unpack {some_names(archives)} first"
        return DataError(f"{self.source}: no {name} in it{remedy and ': '}{remedy}")

    def find(self, *names: str) -> Path | None:
        """Return the first file with one of these names, in their order; None if there is none."""
        return next((self._paths[name][0] for name in names if name in self._paths), None)

    def all(self, name: str) -> list[Path]:
        """Return all files of a name, by path."""
        return self._paths.get(name, [])


def chosen(ids: Iterable[str], wanted: Iterable[str] | None, source: Path) -> list[str]:
    """Return the matches to convert, in the order of the data set.

    Args:
        ids: matches of the data set.
        wanted: those that are asked for; None for all.
        source: folder of the data set, for messages.

    Raises:
        ConfigError: a wanted match is not there.
    """
    known = list(ids)
    if wanted is None:
        return known
    asked = [name.strip() for name in wanted if name.strip()]
    missing = [name for name in asked if name not in known]
    if missing:
        raise ConfigError(
            f"{source}: no match {some_names(missing)}: there are {some_names(known, limit=20)}"
        )
    return [name for name in known if name in asked]
