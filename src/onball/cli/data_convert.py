"""`onball data convert`: make a published data set ready to train on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console, options
from onball.errors import InputError, OnballError
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.data.convert import ConvertedMatch

_SIZE = re.compile(r"(\d{1,5})[x×](\d{1,5})", re.IGNORECASE)


def convert(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Data set: soccertrack-v2, sn-gar or footpass, see `onball data download --list`.",
        ),
    ],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE", help="Folder with its files as downloaded, in any subfolders."
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder for the matches; the data set to train on."),
    ],
    matches: Annotated[
        str | None,
        typer.Option(
            "--matches",
            metavar="NAMES",
            help="Only these matches, by their names in the data set: 117092,128057. [default: all]",
        ),
    ] = None,
    view: Annotated[
        str,
        typer.Option(
            "--view",
            metavar="follow|whole",
            help="Of a panorama: a window that follows the play, or all of it.",
        ),
    ] = "follow",
    size: Annotated[
        str,
        typer.Option(
            "--size", metavar="WIDTHxHEIGHT", help="Size of the video made of a panorama."
        ),
    ] = "1280x720",
    own_tracks: Annotated[
        Path | None,
        typer.Option(
            "--own-tracks",
            metavar="FOLDER",
            help="Results of `onball track` of the panoramas, instead of the data set's tracks.",
        ),
    ] = None,
    no_tracks: Annotated[bool, typer.Option("--no-tracks", help="Write no tracks.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Convert a published data set that was downloaded, ready to train on. Call again to continue.

    Matches that are done are skipped. Nothing is downloaded.
    """
    from onball.data.convert import CONVERTERS, ConvertSettings, convert_data
    from onball.data.sources import find_source

    settings = ConvertSettings(
        tracks=not no_tracks, view=view, size=_size(size), own_tracks=own_tracks
    )
    wanted = None if matches is None else matches.split(",")
    terms = find_source(name)
    console.note(f"{terms.title}: {terms.licence}. {terms.terms}")
    failed = total = 0
    with console.progress_bar() as progress:
        converted = convert_data(
            name,
            source,
            out,
            matches=wanted,
            settings=settings,
            overwrite=overwrite,
            progress=progress,
        )
        for match in converted:
            total += 1
            failed += match.outcome == "failed"
            if match.error is not None:
                console.fail(str(match.error))
            else:
                console.say(_describe(match))
    if failed:
        raise OnballError(f"{failed} of {console.count(total, 'match', 'matches')} failed")
    command, folder = console.this_command(), shell_quoted(out)
    fps = CONVERTERS[name].fps
    rate = "" if fps == 25 else f" --fps {fps:g}"
    console.note(f"next: {command} data check {folder}{rate}")
    overlay = CONVERTERS[name].overlay
    console.note(f"then: {command} train CONFIG --with {overlay} --data {folder}")


def _describe(match: ConvertedMatch) -> str:
    if match.outcome == "done":
        return f"{match.folder}: is there already"
    if match.outcome == "edited":
        return f"{match.folder}: was edited, so it is kept; --overwrite replaces it"
    line = f"{match.folder}: {console.count(match.events or 0, 'event')}"
    out = sum(match.left_out.values())
    if out:
        reasons = "; ".join(f"{number} {reason}" for reason, number in match.left_out.items())
        line += f", {out} left out ({reasons})"
    return line


def _size(text: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"--size {text}: write width and height in pixels: 1280x720")
    return int(found[1]), int(found[2])
