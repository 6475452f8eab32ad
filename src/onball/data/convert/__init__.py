"""Conversion of published data sets into SoccerNet's layout, ready to train on.

    for match in convert_data("soccertrack-v2", "downloads/soccertrack", "data/soccertrack-v2"):
        print(match.name, match.outcome, match.events)

Call it again to continue: matches that are done are skipped. docs/data.md has the data sets, what
their files are like and what their licences allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onball.actions import ACTIONS, ActionSet
from onball.data.classes import CLASSES_FILE, read_classes
from onball.data.convert import footpass, sn_gar, soccertrack
from onball.data.convert.matches import ConvertedMatch, SourceMatch, convert_matches
from onball.data.convert.settings import ConvertSettings
from onball.data.layout import SPLITS_FILE
from onball.data.sources import DataSource, find_source
from onball.errors import ConfigError, InputError
from onball.files import require_writable, write_text_atomic
from onball.progress import ProgressCallback, no_progress

__all__ = ["CONVERTERS", "ConvertSettings", "ConvertedMatch", "Converter", "convert_data"]

LICENCE_FILE = "LICENCE.txt"


@dataclass(frozen=True, slots=True)
class Converter:
    """A data set that can be converted.

    Attributes:
        name: its name for `convert_data`, and in `onball.data.sources.DATA_SOURCES`.
        find: finds its matches below a folder.
        classes: its classes, if they are not the 12 actions.
        overlay: settings for training on it, put over a config.
        fps: frames per second of its videos.
    """

    name: str
    find: Callable[[Path, ConvertSettings, Iterable[str] | None], list[SourceMatch]]
    overlay: str
    classes: tuple[str, ...] = ()
    fps: float = 25.0


CONVERTERS = {
    converter.name: converter
    for converter in (
        Converter(soccertrack.NAME, soccertrack.find_matches, "data_sets/soccertrack_v2"),
        Converter(sn_gar.NAME, sn_gar.find_matches, "data_sets/sn_gar", sn_gar.CLASSES, sn_gar.FPS),
        Converter(footpass.NAME, footpass.find_matches, "data_sets/footpass", footpass.CLASSES),
    )
}
"""Data sets that can be converted, by name."""


def convert_data(
    name: str,
    source: str | Path,
    out: str | Path,
    *,
    matches: Iterable[str] | None = None,
    settings: ConvertSettings | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> Iterator[ConvertedMatch]:
    """Convert a data set that was downloaded. All inputs, and results that are there, are checked first.

    The matches are converted while the result is iterated. One that fails does not end the others.
    `splits.json` lists those that are converted, `classes.txt` their classes if they are not the 12
    actions, and `LICENCE.txt` says where they are from.

    Args:
        name: name of the data set, see `CONVERTERS`.
        source: folder with its files, as they were downloaded, in any subfolders.
        out: folder that becomes the root of the data set; made if it is missing.
        matches: names of matches in the data set; None for all.
        settings: see `ConvertSettings`.
        overwrite: replace matches that are there.
        progress: called with the name of the match, and the milliseconds of video, or bytes, done.

    Raises:
        ConfigError: an unknown data set or match.
        DataError: a file of the data set is missing, or no data set of this name is there.
        OutputConflictError: files are in the way that were made by hand or with other settings.
        OnballError: the folder cannot be written.
    """
    converter = CONVERTERS.get(name)
    if converter is None:
        known = find_source(name)  # raises for an unknown name
        raise ConfigError(f"{known.title}: needs no conversion, `onball data download` does it")
    source, out = Path(source), Path(out)
    found = converter.find(source, settings or ConvertSettings(), matches)
    _check_classes(converter, out)
    require_writable(out)
    converted = convert_matches(found, out, overwrite=overwrite, progress=progress)
    return _described(converter, converted, out)


def _check_classes(converter: Converter, out: Path) -> None:
    """Refuse a folder with a data set of other classes: all of a folder have the same."""
    there = read_classes(out) if out.is_dir() else None
    wanted = ActionSet.of(converter.classes) if converter.classes else None
    known = None if there is None else set(there.names)
    if known is not None and known != (set(ACTIONS) if wanted is None else set(wanted.names)):
        raise InputError(f"{out / CLASSES_FILE}: lists other classes: choose another folder")
    if wanted is not None and there is None and (out / SPLITS_FILE).is_file():
        raise InputError(f"{out}: holds matches with the 12 actions: choose another folder")


def _described(
    converter: Converter, converted: Iterator[ConvertedMatch], out: Path
) -> Iterator[ConvertedMatch]:
    """Write what describes the data set beside its first match."""
    for match in converted:
        if match.outcome == "converted":
            if converter.classes and not (out / CLASSES_FILE).is_file():
                write_text_atomic(out / CLASSES_FILE, "\n".join(converter.classes) + "\n")
            if not (out / LICENCE_FILE).is_file():
                write_text_atomic(out / LICENCE_FILE, _licence(find_source(converter.name)))
        yield match


def _licence(source: DataSource) -> str:
    pages = "\n".join(f"https://huggingface.co/datasets/{name}" for name in source.repositories)
    return (
        f"{source.title}\n{pages}\n{source.paper}\n\nLicence: {source.licence}\n{source.terms}\n\n"
        "Changed: converted by `onball data convert` (layout of folders, times of labels, video).\n"
    )
