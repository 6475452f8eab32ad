"""`onball convert`: convert events to the files of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onball.actions import BALL_ACTIONS, split_names
from onball.cli import console, options
from onball.data.classes import read_class_file

_AUTO = "auto"


def convert(
    events: Annotated[
        Path,
        typer.Argument(
            metavar="EVENTS",
            help="results_spotting.json, events.csv, Labels-ball.json, or a folder with the results "
            "of one or many videos.",
            show_default=False,
        ),
    ],
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            metavar="NAMES",
            help="One or more formats, with commas: sportscode, csv, xlsx, srt, vtt, edl, fcpxml, otio, "
            "llc (LosslessCut), osl, soccernet, label-studio, fiftyone, kloppy, chapters (YouTube).",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        options.out(
            "Folder for the files, or the file itself if it is one. [default: the folder of EVENTS]",
        ),
    ] = None,
    threshold: options.Thresholds = None,
    actions: options.Actions = None,
    lead: options.Lead = None,
    lag: options.Lag = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Join excerpts of the same action that overlap.")
    ] = False,
    kickoff: options.Kickoffs = None,
    offset: Annotated[
        str | None,
        typer.Option(
            "--offset",
            metavar="TIME",
            help="Add this to all times, for another copy of the video: 12.4, or -12.4 if the copy "
            "begins later.",
        ),
    ] = None,
    no_periods: Annotated[
        bool, typer.Option("--no-periods", help="Write no markers of the periods.")
    ] = False,
    video: Annotated[
        list[Path] | None,
        typer.Option(
            "--video",
            metavar="VIDEO…",
            help="The video, for formats that refer to it or count its frames (edl, fcpxml, otio, "
            "label-studio); or the files of a match that was spotted with --join, in their order.",
            show_default=False,
        ),
    ] = None,
    fps: Annotated[
        float | None,
        options.fps("Frame rate of these formats. [default: that of --video]", min=1),
    ] = None,
    time_code: Annotated[
        str | None,
        typer.Option(
            "--time-code",
            metavar="HH:MM:SS:FF",
            help="Time code of the first frame of the timeline in edl, fcpxml and otio. [default: "
            "01:00:00:00 in edl, else that of --video]",
        ),
    ] = None,
    excel: Annotated[
        bool,
        typer.Option(
            "--excel",
            help="Write csv as the spreadsheets of this computer's region open it, such as with "
            "semicolons and decimal commas.",
        ),
    ] = False,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="NAME",
            help="Language and region for --excel: de, de_CH, en_GB … [default: this computer's]",
        ),
    ] = None,
    classes: options.Classes = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Convert events to files of other programs: tagging, video editors, subtitles, spreadsheets.

    (Published data sets are converted by `onball data convert`.)
    """
    from onball.formats.conversion import convert_events

    least, thresholds = options.per_action("--threshold", threshold)
    lead_s, leads_s = options.per_action("--lead", lead)
    lag_s, lags_s = options.per_action("--lag", lag)
    files = convert_events(
        events,
        [name for text in to for name in split_names(text)],
        out,
        threshold=least,
        thresholds=thresholds,
        actions=None if actions is None else split_names(actions),
        lead_s=lead_s,
        leads_s=leads_s,
        lag_s=lag_s,
        lags_s=lags_s,
        offset_s=0.0 if offset is None else options.time_ms("--offset", offset, signed=True) / 1000,
        kickoffs_s=options.kickoffs(kickoff),
        merge=merge,
        period_markers=not no_periods,
        video=video,
        fps=fps,
        time_code=time_code,
        region=region or (_AUTO if excel else None),
        classes=BALL_ACTIONS if classes is None else read_class_file(classes),
        overwrite=overwrite,
    )
    for file in files:
        state = "" if file.written else " (is there already)"
        console.say(f"{file.path}: {console.count(len(file.events), 'event')}{state}")
