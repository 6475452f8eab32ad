"""Formats of tracking and event data: detection by content, and reading through kloppy.

Events can also come from SoccerNet's `Labels-ball.json` or from onball's CSV.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onball.errors import InputError, optional_dependency
from onball.formats.event_table import read_event_table
from onball.formats.soccernet import read_labels

with optional_dependency("kloppy", "recorded", "Rendering recorded matches"):
    from kloppy import (
        datafactory,
        metrica,
        opta,
        secondspectrum,
        skillcorner,
        sportec,
        statsbomb,
        statsperform,
        tracab,
        wyscout,
    )


@dataclass(frozen=True)
class Format:
    """A file format of a provider.

    Attributes:
        pattern: regular expression that matches the begin of its files.
        needs: description of a second file that it needs, or "".
        load: function of kloppy that reads it.
        names: parameters of `load` for the file and the second file; () if it takes the file alone.
        coordinates: kloppy's name of the coordinate system to read into; that of the provider keeps the
            numbers as they are.
    """

    pattern: str
    needs: str
    load: Callable[..., Any]
    names: tuple[str, ...] = ()
    coordinates: str = "kloppy"

    def read(self, file: Path, meta: Path | None, limit: int | None = None) -> Any:
        """Read a file, and of tracking data only the first `limit` frames."""
        if not self.names:
            return self.load(file)
        files = dict(zip(self.names, (file, meta), strict=False))
        options = {} if limit is None else {"limit": limit}
        return self.load(**files, coordinates=self.coordinates, **options)


def _load_metrica(file: Path, meta: Path, **options: Any) -> Any:
    """Read tracking data of Metrica: the CSV files of both teams, or EPTS and its metadata."""
    if _first_bytes(meta).lstrip().startswith(b"<"):
        return metrica.load_tracking_epts(meta_data=meta, raw_data=file, **options)
    home, away = (meta, file) if b"Away" in _first_bytes(file).split(b"\n")[0] else (file, meta)
    return metrica.load_tracking_csv(home_data=home, away_data=away, **options)


_RAW = ("raw_data", "meta_data")
_EVENT = ("event_data", "meta_data")
TRACKING: dict[str, Format] = {
    "metrica": Format(
        r"\s*,,,|\d+:(NaN|-?\d*\.\d+),", "the other team's CSV, or the EPTS metadata",
        _load_metrica, ("file", "meta"), "metrica",
    ),
    "secondspectrum": Format(
        r'(?s).*"frameIdx".*"homePlayers"', "the metadata, JSON or XML",
        secondspectrum.load, _RAW, "secondspectrum",
    ),
    "skillcorner": Format(
        r'(?s)\s*[\[{].*("player_data"|"trackable_object")', "the match's JSON",
        skillcorner.load, _RAW, "skillcorner",
    ),
    "sportec": Format(
        r"(?s).*<(Positions|FrameSet)\b", "the match information, XML",
        sportec.load_tracking, _RAW, "sportec",
    ),
    "statsperform": Format(
        r"\d{12,};", "the MA1 feed",
        statsperform.load_tracking, ("ma25_data", "ma1_data"), "sportvu",
    ),
    "tracab": Format(
        r'\d+:-?\d+,-?\d+,-?\d+,-?\d+,|(?s:.*"FrameData")', "the metadata, XML or JSON",
        tracab.load, _RAW, "tracab",
    ),
}  # fmt: skip
EVENTS: dict[str, Format] = {
    "csv": Format(r"(?i)(?=.*\b(label|action)\b)[^{<\[\n]*\b(time|position_ms)\b", "", read_event_table),
    "datafactory": Format(
        r'(?s).*"(incidences|homeTeamName)"', "", datafactory.load, ("event_data",)
    ),
    "metrica": Format(r'(?s).*"subtypes"', "the EPTS metadata", metrica.load_event, _EVENT),
    "opta": Format(r"(?s).*<Games\b", "the F7 feed", opta.load, ("f24_data", "f7_data")),
    "soccernet": Format(r'(?s).*"(annotations|UrlLocal)"', "", read_labels),
    "sportec": Format(
        r"(?s).*<Event\b.*EventTime", "the match information, XML", sportec.load_event, _EVENT
    ),
    "statsbomb": Format(
        r'(?s).*"possession_team"', "the line-ups, JSON",
        statsbomb.load, ("event_data", "lineup_data"),
    ),
    "statsperform": Format(
        r'(?s).*(<matchEvents|"matchInfo")', "the MA1 feed",
        statsperform.load_event, ("ma3_data", "ma1_data"),
    ),
    "wyscout": Format(r'(?s).*"matchPeriod"', "", wyscout.load, ("event_data",)),
}  # fmt: skip


def _first_bytes(path: Path) -> bytes:
    """The first 128 KiB of a file. Raises `InputError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(1 << 17)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror})") from problem


def provider_of(path: Path, name: str | None, formats: dict[str, Format], flag: str) -> str:
    """Name of the provider of a file, detected by its content unless it is given.

    Args:
        path: the file.
        name: name given by the user, or None.
        formats: `TRACKING` or `EVENTS`.
        flag: option that names the provider, for error messages.

    Raises:
        InputError: if the file or the provider does not exist, or the content fits no format or several.
    """
    text = _first_bytes(path).decode("utf-8", "replace").lstrip("\ufeff")
    choices = ", ".join(formats)
    if name is not None:
        if name.lower() not in formats:
            raise InputError(f"unknown provider '{name}' of {path}: choose one of {choices}")
        return name.lower()
    fitting = [key for key, known in formats.items() if re.match(known.pattern, text)]
    if len(fitting) != 1:
        raise InputError(f"{path}: cannot tell whose format this is: name it, {flag} {choices}")
    return fitting[0]


def read_file(
    path: Path, name: str, formats: dict[str, Format], meta: Path | None, limit: int | None = None
) -> Any:
    """Read a file of tracking or event data.

    Args:
        path: the file.
        name: name of its provider.
        formats: `TRACKING` or `EVENTS`.
        meta: the second file that the format needs.
        limit: number of frames of tracking data to read; None for all.

    Returns:
        A dataset of kloppy, or an `EventList` for labels.

    Raises:
        InputError: in one line, if a file is missing or kloppy fails.
    """
    source = formats[name]
    files = [path] if meta is None or not source.needs else [path, meta]
    for file in files:
        _first_bytes(file)
    try:
        with warnings.catch_warnings():
            # kloppy warns about orientations and formations, which are not used here.
            warnings.simplefilter("ignore")
            return source.read(path, meta, limit)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(
            f"{' with '.join(map(str, files))}: kloppy cannot read this as data of {name} ({reason}): "
            "check that the files belong together, or name another provider"
        ) from error
