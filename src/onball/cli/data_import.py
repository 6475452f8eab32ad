"""`onball data import`: make labelled matches of videos and the tags of other programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console, options
from onball.errors import InputError, OnballError
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.data.importing import ImportedMatch

_KICKOFF = re.compile(r"(?P<period>[1-4])=(?P<time>-?[\d:.;,]+)")
_FIELD = re.compile(r"(?P<field>[a-z]+)=(?P<column>.+)")


def import_(
    tags: Annotated[
        Path,
        typer.Argument(
            metavar="TAGS",
            help="File of tags: Sportscode XML, CSV, XLSX, SRT, VTT, EDL, or a project of BORIS, "
            "LosslessCut, Label Studio, OSL or SoccerNet.",
            show_default=False,
        ),
    ],
    video: Annotated[
        list[str] | None,
        typer.Option(
            "--video",
            metavar="VIDEO…",
            help="The videos of the match in order of play: one, one for each half, or its chapters.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        options.out("Data set to add the match to; it is made if it is missing."),
    ] = None,
    code_map: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE",
            help="YAML file with an action, a class of your own or null for each code. [default: codes "
            "are the names of the 12 actions]",
        ),
    ] = None,
    suggest_map: Annotated[
        bool,
        typer.Option(
            "--suggest-map", help="Only print a draft of such a file; needs no video and no --out."
        ),
    ] = False,
    kickoff: Annotated[
        list[str] | None,
        typer.Option(
            "--kickoff",
            metavar="PERIOD=TIME…",
            help="Time of the video at which each period begins, for tags that count from there: "
            "1=00:03:12.4 2=01:05:10. With a video for each period, the time in its own video.",
            show_default=False,
        ),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(
            "--clock",
            metavar="NAME",
            help="Clock of the tags: video, period (from the kick-off of each period) or match (as "
            "period, but 45:00 is the second kick-off). [default: by the file]",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Name of the match. [default: that of the first video]"
        ),
    ] = None,
    split: Annotated[
        str, options.split("Split of the match: train, valid, test or challenge.")
    ] = "train",
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of TAGS: sportscode, table, longomatch, subtitles, edl, boris, losslesscut, "
            "label-studio, osl or soccernet. [default: by its content]",
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            metavar="FIELD=NAME…",
            help="Columns of a table, by name or number: code=Action start=In. Fields are code, start, "
            "end, period, team, minute and second. For Sportscode XML: the group of labels "
            "with the action, code=Action.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="start|middle|end",
            help="Part of a tag's clip that is the time of its action; offset_s of a code in --map is "
            "added to it.",
        ),
    ] = "start",
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            metavar="NAME",
            help="Observation, task, video or sheet to read, of a file that holds several.",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        options.fps("Frame rate of times that count frames. [default: that of the first video]"),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding",
            metavar="NAME",
            help="Encoding of the text, such as cp1251. [default: UTF-8, UTF-16 or Windows-1252]",
        ),
    ] = None,
    skip_outside: Annotated[
        bool,
        typer.Option(
            "--skip-outside", help="Leave out tags that no video shows, instead of stopping."
        ),
    ] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the videos; by default they are linked.")
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Make a labelled match of your videos and the tags of another program."""
    from onball.data.code_map import read_code_map, suggest_codes
    from onball.data.importing import import_tags
    from onball.formats.tags import read_tags

    fields = _fields(columns)
    if suggest_map:
        # Times do not matter here: any frame rate will do.
        found = read_tags(
            tags, format, columns=fields, fps=fps or 25, clock=clock, encoding=encoding, part=part
        )
        known = read_code_map(code_map) if code_map is not None and code_map.exists() else None
        console.say(suggest_codes(found.tags, tags.name, known).rstrip("\n"))
        return
    if not video or out is None:
        raise InputError("name the videos of the match with --video, and the data set with --out")
    match = import_tags(
        tags,
        video,
        out,
        codes=code_map,
        kickoffs_s=_kickoffs(kickoff),
        name=name,
        split=split,
        format=format,
        columns=fields,
        clock=clock,
        encoding=encoding,
        part=part,
        fps=fps,
        place=at,
        skip_outside=skip_outside,
        copy=copy,
        overwrite=overwrite,
    )
    _show(match, split)
    command, folder = console.this_command(), shell_quoted(out)
    console.note(f"next: {command} data check {folder}")


def _show(match: ImportedMatch, split: str) -> None:
    """Print what was imported, and what was left out."""
    from onball.outputs import OutputState

    for note in match.notes:
        console.note(note)
    states = {
        OutputState.DONE: "already complete",
        OutputState.EDITED: "was edited by hand, so it is kept; --overwrite replaces it",
        OutputState.MISSING: "written",
    }
    for one in match.parts:
        number = console.count(len(one.events), "label")
        console.say(
            f"{one.folder}: {number} beside {one.video.name}, {states[one.state]} ({split})"
        )
    console.say(", ".join(f"{label} {count}" for label, count in match.counts.items()))
    left_out = [f"'{code}' {count}" for code, count in match.ignored.items()]
    if left_out:
        console.say(f"left out by the code map: {', '.join(left_out)}")
    if match.outside:
        console.say(f"left out, as no video shows them: {console.count(match.outside, 'tag')}")
    if match.duplicates:
        number = console.count(match.duplicates, "tag")
        console.say(f"left out as duplicates, of the same class and time as another: {number}")


def _kickoffs(texts: list[str] | None) -> dict[int, float]:
    """Kick-offs in seconds by period. Raises `InputError`."""
    from onball.formats.tags.times import parse_seconds

    found: dict[int, float] = {}
    for text in (text for given in texts or () for text in given.split()):
        kickoff = _KICKOFF.fullmatch(text)
        if kickoff is None or int(kickoff["period"]) in found:
            raise InputError(
                f"--kickoff: '{text}' is not of the form 1=00:03:12.4, once for a period"
            )
        try:
            found[int(kickoff["period"])] = parse_seconds(kickoff["time"])
        except OnballError as error:
            raise InputError(f"--kickoff: {error}") from None
    return found


def _fields(texts: list[str] | None) -> dict[str, str]:
    """Names of columns by field. Raises `InputError`."""
    fields = {}
    for text in (text for given in texts or () for text in given.split(",")):
        found = _FIELD.fullmatch(text.strip())
        if found is None:
            raise InputError(f"--columns: '{text}' is not of the form code=NAME")
        fields[found["field"]] = found["column"]
    return fields
