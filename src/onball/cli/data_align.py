"""`onball data align`: find where tags belong in their videos, by what a model finds in these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console, tag_options
from onball.cli.models import fetched
from onball.files import shell_quoted
from onball.formats.tags.base import Clock

if TYPE_CHECKING:
    from onball.data.code_map import CodeMap
    from onball.spotting.alignment import Alignment, PeriodShift
    from onball.spotting.tag_alignment import MatchAlignment

_SHARED = (
    "video", "code_map", "clock", "format", "columns", "at", "part", "fps", "encoding", "metadata",
    "raw_codes",
)  # fmt: skip


def align(
    context: typer.Context,
    tags: tag_options.Tags,
    video: tag_options.Videos = None,
    results: tag_options.Results = None,
    model: tag_options.Model = None,
    code_map: tag_options.Codes = None,
    clock: tag_options.Clock = None,
    kickoff: Annotated[
        list[str] | None,
        tag_options.kickoffs(
            "About when each period begins, 1=0:03:00 2=1:05:00, for tags that count from there. "
            "[default: searched in all of the video]"
        ),
    ] = None,
    shift: Annotated[
        list[str] | None,
        tag_options.shifts(
            "About how many seconds to add to the times of tags by a clock like that of the video. "
            "[default: searched in all of the video]"
        ),
    ] = None,
    window: tag_options.Window = 60,
    format: tag_options.Format = None,
    columns: tag_options.Columns = None,
    at: tag_options.At = "start",
    part: tag_options.Part = None,
    fps: tag_options.Fps = None,
    encoding: tag_options.Encoding = None,
    metadata: tag_options.Metadata = None,
    raw_codes: tag_options.RawCodes = False,
    delays: Annotated[
        bool,
        typer.Option(
            "--delays", help="Also print lines for --map that remove the delay of each code."
        ),
    ] = False,
) -> None:
    """Find the kick-offs or the shift of tags, by what a model finds; exit code 1 if not certain."""
    from onball.data.match_tags import find_codes
    from onball.spotting.tag_alignment import align_match

    codes = find_codes(code_map)
    with console.progress_bar() as progress:
        found = align_match(
            tags,
            video or (),
            results=results,
            model=model and fetched(Path(model)),
            codes=codes,
            kickoffs_s=tag_options.parse_kickoffs(kickoff),
            shifts_s=tag_options.parse_shifts(shift),
            window_s=window,
            place=at,
            progress=progress,
            **tag_options.reading_arguments(
                format, columns, clock, part, fps, encoding, metadata, raw_codes
            ),
        )
    for note in found.match.notes:
        console.note(note)
    show_alignment(found)
    found.alignment.require_certain()
    if delays:
        _show_offsets(found.alignment, codes)
    if found.kickoffs_s:
        origin = f'--kickoff "{tag_options.written_kickoffs(found.kickoffs_s)}"'
    else:
        origin = f'--shift "{tag_options.written_shifts(found.shifts_s)}"'
    files = " ".join(shell_quoted(path) for path in tags)
    shared = tag_options.given_options(context, *_SHARED)
    videos = "" if video else " --video VIDEO"
    console.note(
        f"next: {console.this_command()} data import {files}{videos}{shared} --out FOLDER {origin}"
    )


def show_alignment(found: MatchAlignment) -> None:
    """Print the shift of each clock, how certain it is, and the delays of codes."""
    is_video = found.match.clock is Clock.VIDEO
    for one in found.alignment.periods:
        own = found.shifts_s if is_video else found.kickoffs_s
        _show(one, own.get(one.period), is_video)  # type: ignore[arg-type]
    if found.alignment.unused:
        counted = ", ".join(f"'{code}' {count}" for code, count in found.alignment.unused.items())
        console.note(f"without an action of the model, so not used: {counted}")
    for delay in found.alignment.delays:
        console.say(
            f"delay of '{delay.code}': {delay.delay_ms / 1000:+.2f} ± {delay.error_ms / 1000:.2f} s "
            f"relative to all tags ({delay.pairs} tags)"
        )


def _show(one: PeriodShift, own_s: float | None, is_video: bool) -> None:
    """Print the shift of a clock, and how certain it is."""
    from onball.spotting.aligning import DRIFT_MS

    name = "tags" if one.period is None else f"period {one.period}"
    agree = f"{one.agreeing} of {console.count(one.tags, 'tag')} agree with spots"
    if one.problem or own_s is None:
        console.say(f"{name}: no certain {'shift' if is_video else 'kick-off'}, {agree}")
        return
    where = f"shift {own_s:+.3f}" if is_video else f"kick-off at {tag_options.clock_time(own_s)}"
    where += "" if one.error_ms is None else f" ± {one.error_ms / 1000:.2f}"
    console.say(
        f"{name}: {where} s, {agree} ({one.second_agreeing} at the next best; "
        f"evidence {one.evidence:.0f}, next best {max(one.second_evidence, 0):.0f})"
    )
    if one.drift_ms is not None and abs(one.drift_ms) > DRIFT_MS:
        console.warn(
            f"{name}: the shift changes by {one.drift_ms / 1000:+.1f} s: the clock of the tags runs at "
            "another rate, or the video was cut"
        )


def _show_offsets(alignment: Alignment, codes: CodeMap) -> None:
    from onball.spotting.tag_alignment import corrected_offsets_s

    console.note("lines for --map:")
    for code, offset_s in corrected_offsets_s(alignment, codes).items():
        rule = codes.find(code)
        label = None if rule is None else rule.label
        quoted = json.dumps(code, ensure_ascii=False)
        console.say(f"{quoted}: {{action: {label}, offset_s: {offset_s:g}}}")
