"""`onball data align`: find where tags belong in a video, by what a model finds in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console, options
from onball.errors import InputError
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.data.code_map import CodeMap
    from onball.events import EventList
    from onball.spotting.alignment import Alignment, PeriodShift


def align(
    tags: Annotated[
        Path,
        typer.Argument(
            metavar="TAGS",
            help="File of tags, as `onball data import` takes it.",
            show_default=False,
        ),
    ],
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="Results of `onball spot` for the video, results_spotting.json or its folder; or the "
            "video, which is spotted first.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        options.model("Model that spots the video. [default: the bundled one]"),
    ] = None,
    out: Annotated[Path, options.out("Folder for the results of a video that is spotted.")] = Path(
        "onball-results"
    ),
    code_map: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE",
            help="YAML file with an action for each code. [default: codes are the names of the 12 "
            "actions]",
        ),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(
            "--clock",
            metavar="NAME",
            help="Clock of the tags: video, period or match. [default: by the file]",
        ),
    ] = None,
    delays: Annotated[
        bool,
        typer.Option(
            "--delays", help="Also print lines for --map that remove the delay of each code."
        ),
    ] = False,
) -> None:
    """Find the kick-offs of tags in a video, by what a model finds; exit code 1 if not certain."""
    from onball.data.code_map import action_map, read_code_map
    from onball.formats.tags import Clock, read_tags
    from onball.spotting.tag_alignment import align_tag_file

    codes = action_map() if code_map is None else read_code_map(code_map)
    found = read_tags(tags, clock=clock)
    alignment = align_tag_file(found, _spots(results, model, out), codes=codes)
    for one in alignment.periods:
        _show(one, found.clock is Clock.VIDEO)
    if alignment.unused:
        counted = ", ".join(f"'{code}' {count}" for code, count in alignment.unused.items())
        console.note(f"without an action of the model, so not used: {counted}")
    _show_delays(alignment)
    alignment.require_certain()
    if delays:
        _show_offsets(alignment, codes)
    if found.clock is not Clock.VIDEO:
        kickoffs = " ".join(
            f"{period}={_time(shift_ms)}" for period, shift_ms in alignment.shifts_ms.items()
        )
        clock_option = "" if clock is None else f" --clock {clock}"
        console.note(
            f"next: {console.this_command()} data import {shell_quoted(tags)} --video VIDEO --out FOLDER"
            f'{clock_option} --kickoff "{kickoffs}"'
        )


def _spots(results: Path, model: str | None, out: Path) -> EventList:
    """All candidates in results, or in a video that is spotted."""
    from onball.events import EventList
    from onball.formats.event_files import find_event_files

    if results.is_dir() or results.suffix.lower() in (".json", ".csv"):
        files = find_event_files(results)
        if len(files) > 1:
            raise InputError(f"{results}: has {len(files)} videos: name the results of one of them")
        (path,) = files.values()
        return EventList.load(path)
    from onball.spotting.videos import spot_videos

    with console.progress_bar() as progress:
        (spotted,) = spot_videos([results], out, model=model, progress=progress)
    if spotted.events is None:
        raise InputError(spotted.error or f"{spotted.folder}: the results there cannot be read")
    return spotted.events


def _show(one: PeriodShift, is_video_clock: bool) -> None:
    """Print the shift of a period, and how certain it is."""
    name = "tags" if one.period is None else f"period {one.period}"
    what = "shift" if is_video_clock else "kick-off at"
    agree = f"{one.agreeing} of {console.count(one.tags, 'tag')} agree with spots"
    if one.problem:
        console.say(f"{name}: no certain {what.split()[0]}, {agree}")
        return
    console.say(
        f"{name}: {what} {_time(one.shift_ms)}, {agree} ({one.second_agreeing} at the next best; "
        f"evidence {one.evidence:.0f}, next best {max(one.second_evidence, 0):.0f})"
    )
    from onball.spotting.aligning import DRIFT_MS

    if one.drift_ms is not None and abs(one.drift_ms) > DRIFT_MS:
        console.warn(
            f"{name}: the shift changes by {one.drift_ms / 1000:+.1f} s: the clock of the tags runs at "
            "another rate, or the video was cut"
        )


def _show_delays(alignment: Alignment) -> None:
    for one in alignment.delays:
        console.say(
            f"delay of '{one.code}': {one.delay_ms / 1000:+.2f} ± {one.error_ms / 1000:.2f} s relative "
            f"to all tags ({one.pairs} tags)"
        )


def _show_offsets(alignment: Alignment, codes: CodeMap) -> None:
    from onball.spotting.tag_alignment import corrected_offsets_s

    console.note("lines for --map:")
    for code, offset_s in corrected_offsets_s(alignment, codes).items():
        rule = codes.find(code)
        label = None if rule is None else rule.label
        quoted = json.dumps(code, ensure_ascii=False)
        console.say(f"{quoted}: {{action: {label}, offset_s: {offset_s:g}}}")


def _time(time_ms: int) -> str:
    sign, time_ms = ("-", -time_ms) if time_ms < 0 else ("", time_ms)
    minutes, milliseconds = divmod(time_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours:02d}:{minutes:02d}:{milliseconds / 1000:06.3f}"
