"""Options of the commands that read tags, `onball data import` and `onball data align`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import options
from onball.errors import InputError, OnballError
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.data.match_tags import ReadingArguments

_KICKOFF = re.compile(r"(?P<period>[1-4])=(?P<time>-?[\d:.;,]+)")
_SHIFT = re.compile(r"(?:(?P<period>[1-9])=)?(?P<sign>[+-]?)(?P<time>[\d:.,]+)")
_LEFT = re.compile(r"(?P<period>[1-4])=(?P<team>.+)")
_FIELD = re.compile(r"(?P<field>[a-z]+)=(?P<column>.+)")

Tags = Annotated[
    list[Path],
    typer.Argument(
        metavar="TAGS…",
        help="File of tags: Sportscode XML, CSV, XLSX, SRT, VTT, EDL, FCPXML, OTIO, a project of BORIS, "
        "LosslessCut, Label Studio, OSL, SoccerNet or FiftyOne, or event data of StatsBomb, Wyscout, "
        "Opta, Stats Perform, Sportec, DataFactory or Metrica; or one for each video.",
        show_default=False,
    ),
]
Videos = Annotated[
    list[str] | None,
    typer.Option(
        "--video",
        metavar="VIDEO…",
        help="The videos of the match in order of play: one, one for each half, or its chapters.",
        show_default=False,
    ),
]
Codes = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="FILE",
        help="YAML file with an action, a class of your own or null for each code. [default: codes "
        "are the names of the 12 actions]",
    ),
]
Clock = Annotated[
    str | None,
    typer.Option(
        "--clock",
        metavar="NAME",
        help="Clock of the tags: video, period (from the kick-off of each period) or match (as "
        "period, but 45:00 is the second kick-off). [default: by the file]",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Format of TAGS: sportscode, table, longomatch, subtitles, chapters, edl, fcpxml, otio, "
        "boris, losslesscut, label-studio, osl, soccernet, fiftyone, statsbomb, wyscout, opta, "
        "statsperform, sportec, datafactory or metrica. [default: by its content]",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="FIELD=NAME…",
        help="Columns of a table, by name or number: code=Action start=In. Fields are code, start, "
        "end, period, team, minute and second. For Sportscode XML: the group of labels "
        "with the action, code=Action.",
        show_default=False,
    ),
]
At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="start|middle|end",
        help="Part of a tag's clip that is the time of its action; offset_s of a code in --map is "
        "added to it.",
    ),
]
Part = Annotated[
    str | None,
    typer.Option(
        "--part",
        metavar="NAME",
        help="Observation, task, video or sheet to read, of a file that holds several.",
    ),
]
Fps = Annotated[
    float | None,
    options.fps("Frame rate of times that count frames. [default: that of the first video]"),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        metavar="NAME",
        help="Encoding of the text, such as cp1251. [default: UTF-8, UTF-16 or Windows-1252]",
    ),
]
Metadata = Annotated[
    Path | None,
    typer.Option(
        "--metadata",
        metavar="FILE",
        help="Second file of event data: line-ups of StatsBomb, F7 of Opta, MA1 of Stats Perform, match "
        "information of Sportec, EPTS of Metrica. [default: found in the folder of TAGS]",
    ),
]
RawCodes = Annotated[
    bool,
    typer.Option(
        "--raw-codes",
        help="Codes of event data are the provider's own types of events, for --map. [default: the 12 "
        "actions]",
    ),
]
Results = Annotated[
    list[Path] | None,
    typer.Option(
        "--results",
        metavar="FOLDER…",
        help="Results of `onball spot` to align with, for each video; or the folder for those of all, "
        "in which missing ones are written. [default: onball-results]",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    options.model(f"Model that spots videos without results. {options.DEFAULT_MODEL}"),
]
Window = Annotated[
    float,
    typer.Option(
        "--window",
        min=0,
        metavar="SECONDS",
        help="Search only this far from --kickoff or --shift, where they are given.",
    ),
]


def kickoffs(help: str) -> object:
    """Option `--kickoff`: positions of the kick-offs of periods, for `parse_kickoffs`."""
    return typer.Option("--kickoff", metavar="PERIOD=TIME…", help=help, show_default=False)


def shifts(help: str) -> object:
    """Option `--shift`: seconds to add to the times of tags, for `parse_shifts`."""
    return typer.Option("--shift", metavar="SECONDS…", help=help, show_default=False)


def reading_arguments(
    format: str | None,
    columns: list[str] | None,
    clock: str | None,
    part: str | None,
    fps: float | None,
    encoding: str | None,
    metadata: Path | None,
    raw_codes: bool,
) -> ReadingArguments:
    """Arguments of `read_tags` by the values of the options."""
    return {
        "format": format,
        "columns": parse_fields(columns),
        "clock": clock,
        "part": part,
        "fps": fps,
        "encoding": encoding,
        "metadata": metadata,
        "raw_codes": raw_codes,
    }


def parse_kickoffs(texts: list[str] | None) -> dict[int, float]:
    """Kick-offs in seconds by period. Raises `InputError`."""
    found: dict[int, float] = {}
    for text in (text for given in texts or () for text in given.split()):
        kickoff = _KICKOFF.fullmatch(text)
        if kickoff is None or int(kickoff["period"]) in found:
            raise InputError(
                f"--kickoff: '{text}' is not of the form 1=00:03:12.4, once for each of the periods 1 to 4"
            )
        found[int(kickoff["period"])] = _seconds("--kickoff", kickoff["time"])
    return found


def parse_shifts(texts: list[str] | None) -> dict[int | None, float]:
    """Seconds by period, those of all by None. Raises `InputError`."""
    found: dict[int | None, float] = {}
    for text in (text for given in texts or () for text in given.split()):
        shift = _SHIFT.fullmatch(text)
        period = None if shift is None or shift["period"] is None else int(shift["period"])
        if shift is None or period in found or (period is None and found) or None in found:
            raise InputError(
                f"--shift: '{text}' is not of the form 12.4, or 1=12.4 2=-3 once for a period"
            )
        sign = -1 if shift["sign"] == "-" else 1
        found[period] = sign * _seconds("--shift", shift["time"])
    return found


def parse_left_teams(texts: list[str] | None) -> dict[int, str]:
    """Teams on the left by period; a name alone is of the first one. Raises `InputError`."""
    found: dict[int, str] = {}
    for text in texts or ():
        left = _LEFT.fullmatch(text)
        period, team = (1, text) if left is None else (int(left["period"]), left["team"])
        if period in found:
            raise InputError(f"--left: '{text}' names a second team for period {period}")
        found[period] = team
    return found


def _seconds(option: str, text: str) -> float:
    from onball.formats.tags.times import parse_seconds

    try:
        return parse_seconds(text)
    except OnballError as error:
        raise InputError(f"{option}: {error}") from None


def parse_fields(texts: list[str] | None) -> dict[str, str]:
    """Names of columns by field. Raises `InputError`."""
    fields = {}
    for text in (text for given in texts or () for text in given.split(",")):
        found = _FIELD.fullmatch(text.strip())
        if found is None:
            raise InputError(f"--columns: '{text}' is not of the form code=NAME")
        fields[found["field"]] = found["column"]
    return fields


def given_options(context: typer.Context, *names: str) -> str:
    """Options of these names as they were given to a command, with a blank before each."""
    written = []
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            value = context.params[parameter.name]
            values = value if isinstance(value, list | tuple) else [] if value is True else [value]
            written += [parameter.opts[0], *(shell_quoted(str(one)) for one in values)]
    return "".join(f" {text}" for text in written)


def written_kickoffs(kickoffs_s: Mapping[int, float]) -> str:
    """Kick-offs as `--kickoff` takes them: `1=00:03:12.400 2=01:05:10.000`."""
    return " ".join(f"{period}={clock_time(time_s)}" for period, time_s in kickoffs_s.items())


def written_shifts(shifts_s: Mapping[int | None, float]) -> str:
    """Shifts as `--shift` takes them: `12.4`, or `1=12.4 2=-3`."""
    return " ".join(
        f"{shift_s:.3f}" if period is None else f"{period}={shift_s:.3f}"
        for period, shift_s in shifts_s.items()
    )


def clock_time(seconds: float) -> str:
    """Format a time with its milliseconds: `00:03:12.400`."""
    milliseconds = round(abs(seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{hours:02d}:{minutes:02d}:{rest / 1000:06.3f}"
