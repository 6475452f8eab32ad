"""Read event and tracking data of providers through kloppy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onball.errors import InputError, optional_dependency
from onball.formats.providers.recognising import head_of

with optional_dependency("kloppy", "kloppy", "Reading data of providers"):
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
    from kloppy.infra.serializers.event.statsperform.deserializer import event_type_names

#: Opta's names of its types of events, by number.
OPTA_TYPES: Mapping[int, str] = event_type_names


@dataclass(frozen=True, slots=True)
class Loader:
    """A function of kloppy.

    Attributes:
        load: the function.
        names: its parameters for the file and the second file.
        coordinates: kloppy's name of the coordinate system to read into; that of the provider keeps the
            numbers as they are.
    """

    load: Callable[..., Any]
    names: tuple[str, ...]
    coordinates: str = "kloppy"


def _load_metrica(file: Path, meta: Path, **options: Any) -> Any:
    """Read tracking data of Metrica: the CSV files of both teams, or EPTS and its metadata."""
    if head_of(meta).lstrip().startswith("<"):
        return metrica.load_tracking_epts(meta_data=meta, raw_data=file, **options)
    home, away = (meta, file) if "Away" in head_of(file).split("\n")[0] else (file, meta)
    return metrica.load_tracking_csv(home_data=home, away_data=away, **options)


_RAW = ("raw_data", "meta_data")
_EVENT = ("event_data", "meta_data")
_TRACKING: Mapping[str, Loader] = {
    "metrica": Loader(_load_metrica, ("file", "meta"), "metrica"),
    "secondspectrum": Loader(secondspectrum.load, _RAW, "secondspectrum"),
    "skillcorner": Loader(skillcorner.load, _RAW, "skillcorner"),
    "sportec": Loader(sportec.load_tracking, _RAW, "sportec"),
    "statsperform": Loader(statsperform.load_tracking, ("ma25_data", "ma1_data"), "sportvu"),
    "tracab": Loader(tracab.load, _RAW, "tracab"),
}
_EVENTS: Mapping[str, Loader] = {
    "datafactory": Loader(datafactory.load, ("event_data",)),
    "metrica": Loader(metrica.load_event, _EVENT),
    "opta": Loader(opta.load, ("f24_data", "f7_data")),
    "sportec": Loader(sportec.load_event, _EVENT),
    "statsbomb": Loader(statsbomb.load, ("event_data", "lineup_data")),
    "statsperform": Loader(statsperform.load_event, ("ma3_data", "ma1_data")),
    "wyscout": Loader(wyscout.load, ("event_data",)),
}


def load_event_data(path: Path, name: str, metadata: Path | None) -> Any:
    """Read event data as kloppy's `EventDataset`, with positions from 0 to 1 along both axes.

    Args:
        path: the file.
        name: name of its provider in `EVENT_DATA`.
        metadata: the second file that the provider needs.

    Raises:
        InputError: in one line, if a file is missing or kloppy fails.
    """
    return _read(_EVENTS[name], name, path, metadata)


def load_tracking_data(
    path: Path, name: str, metadata: Path | None, limit: int | None = None
) -> Any:
    """Read tracking data as kloppy's `TrackingDataset`, in the coordinates of its provider.

    Args:
        path: the file.
        name: name of its provider in `TRACKING_DATA`.
        metadata: the second file that the provider needs.
        limit: number of frames to read; None for all.

    Raises:
        InputError: in one line, if a file is missing or kloppy fails.
    """
    options = {} if limit is None else {"limit": limit}
    return _read(_TRACKING[name], name, path, metadata, **options)


def _read(loader: Loader, name: str, path: Path, metadata: Path | None, **options: Any) -> Any:
    files = [path] if metadata is None else [path, metadata]
    for file in files:
        head_of(file)
    named = dict(zip(loader.names, files, strict=False))
    try:
        with warnings.catch_warnings():
            # kloppy warns about orientations and formations, which are not used here.
            warnings.simplefilter("ignore")
            return loader.load(**named, coordinates=loader.coordinates, **options)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(
            f"{' with '.join(map(str, files))}: kloppy cannot read this as data of {name} ({reason}): "
            "check that the files belong together, or name another provider"
        ) from error
