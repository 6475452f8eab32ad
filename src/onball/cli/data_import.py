"""`onball data import`: make labelled matches of videos and the tags of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console, options, tag_options
from onball.cli.data_align import show_alignment
from onball.cli.models import fetched
from onball.errors import InputError
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.data.importing import ImportedMatch
    from onball.data.match_tags import MatchTags, ReadingArguments


def import_(
    tags: tag_options.Tags,
    video: tag_options.Videos = None,
    out: Annotated[
        Path | None,
        options.out("Data set to add the match to; it is made if it is missing."),
    ] = None,
    code_map: tag_options.Codes = None,
    suggest_map: Annotated[
        bool,
        typer.Option(
            "--suggest-map", help="Only print a draft of such a file; needs no video and no --out."
        ),
    ] = False,
    clock: tag_options.Clock = None,
    kickoff: Annotated[
        list[str] | None,
        tag_options.kickoffs(
            "Time of the video at which each period begins, for tags that count from there: "
            "1=00:03:12.4 2=01:05:10. With a video for each period, the time in its own video. With "
            "--align, about."
        ),
    ] = None,
    shift: Annotated[
        list[str] | None,
        tag_options.shifts(
            "Seconds to add to the times of tags, whose clock does not begin with the video: 12.4, or "
            "1=12.4 2=-3 for each period or file. With --align, about."
        ),
    ] = None,
    align: Annotated[
        bool,
        typer.Option(
            "--align",
            help="First find the kick-offs or the shift as `onball data align` does; nothing is imported "
            "if they are not certain.",
        ),
    ] = False,
    delays: Annotated[
        bool,
        typer.Option(
            "--delays", help="With --align: also correct the reaction delay of each code."
        ),
    ] = False,
    model: tag_options.Model = None,
    results: tag_options.Results = None,
    window: tag_options.Window = 60,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Name of the match. [default: that of the first video]"
        ),
    ] = None,
    split: Annotated[
        str, options.split("Split of the match: train, valid, test or challenge.")
    ] = "train",
    format: tag_options.Format = None,
    columns: tag_options.Columns = None,
    at: tag_options.At = "start",
    part: tag_options.Part = None,
    fps: tag_options.Fps = None,
    encoding: tag_options.Encoding = None,
    metadata: tag_options.Metadata = None,
    raw_codes: tag_options.RawCodes = False,
    left: Annotated[
        list[str] | None,
        typer.Option(
            "--left",
            metavar="TEAM…",
            help="Team that defends the goal on the left of the image in the first period, as the tags "
            "name it, or home or away; 3=TEAM for extra time. [default: by the file, or labels without "
            "sides]",
            show_default=False,
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
    from onball.data.code_map import read_code_map, require_known, suggest_codes
    from onball.data.importing import import_tags
    from onball.data.match_tags import find_codes

    reading = tag_options.reading_arguments(
        format, columns, clock, part, fps, encoding, metadata, raw_codes
    )
    if suggest_map:
        known = read_code_map(code_map) if code_map is not None and code_map.exists() else None
        names = ", ".join(path.name for path in tags)
        read = _read(tags, reading)
        for note in read.notes:
            console.note(note)
        console.say(suggest_codes(read.tags, names, known).rstrip("\n"))
        return
    if not video or out is None:
        raise InputError("name the videos of the match with --video, and the data set with --out")
    if not align and (delays or model or results):
        raise InputError("--delays, --model and --results are for --align")
    kickoffs_s = tag_options.parse_kickoffs(kickoff)
    shifts_s = tag_options.parse_shifts(shift)
    codes = find_codes(code_map)
    if align:
        from onball.spotting.tag_alignment import align_match

        read = _read(tags, reading)
        require_known(codes, read.tags, read.name, read.notes)  # before hours of spotting
        with console.progress_bar() as progress:
            found = align_match(
                tags, video, results=results, model=model and fetched(Path(model)), codes=codes,
                kickoffs_s=kickoffs_s, shifts_s=shifts_s, window_s=window, place=at, progress=progress,
                **reading,
            )  # fmt: skip
        show_alignment(found)
        found.alignment.require_certain()
        kickoffs_s, shifts_s = dict(found.kickoffs_s), dict(found.shifts_s)
        codes = found.codes if delays else codes
    match = import_tags(
        tags,
        video,
        out,
        codes=codes,
        kickoffs_s=kickoffs_s,
        shifts_s=shifts_s,
        name=name,
        split=split,
        place=at,
        left=tag_options.parse_left_teams(left),
        skip_outside=skip_outside,
        copy=copy,
        overwrite=overwrite,
        **reading,
    )
    _show(match, split)
    command, folder = console.this_command(), shell_quoted(out)
    console.note(f"next: {command} data check {folder}")


def _read(paths: list[Path], reading: ReadingArguments) -> MatchTags:
    """Read tags whose times do not matter: any frame rate will do."""
    from onball.data.match_tags import read_match_tags

    every_rate = reading.copy()
    every_rate["fps"] = reading.get("fps") or 25
    return read_match_tags(paths, (), **every_rate)


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
