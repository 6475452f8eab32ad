"""`onball clips`: cut a clip of each event out of its video, and join them to a reel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.actions import BALL_ACTIONS, split_names
from onball.cli import console, options
from onball.data.classes import read_class_file
from onball.outputs import OutputState

if TYPE_CHECKING:
    from onball.reports.event_clips import EventClip


def clips(
    events: Annotated[
        Path,
        typer.Argument(
            metavar="EVENTS",
            help="results_spotting.json, events.csv, Labels-ball.json, or the folder of the results of a "
            "video.",
            show_default=False,
        ),
    ],
    video: Annotated[
        list[Path],
        typer.Argument(
            metavar="VIDEO…",
            help="The video, or the files of a match that was spotted with --join, in their order.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, options.out("Folder for the clips and their list, clips.csv.")] = Path(
        "onball-clips"
    ),
    actions: options.Actions = None,
    threshold: options.Thresholds = None,
    lead: options.ClipLead = None,
    lag: options.ClipLag = None,
    merge: Annotated[
        bool,
        typer.Option("--merge", help="Join clips that overlap, also those of different actions."),
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="action|team", help="Put clips into a folder for each action or team."
        ),
    ] = None,
    reel: Annotated[
        bool,
        typer.Option(
            "--reel",
            help="Also join the clips to reel.mp4, with captions: action, match clock, team.",
        ),
    ] = False,
    sheet: Annotated[
        bool,
        typer.Option(
            "--sheet",
            help="Also draw sheet.jpg: a frame of each clip, with action, time and team.",
        ),
    ] = False,
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance",
            min=0,
            max=60,
            metavar="SECONDS",
            help="Let clips begin or end up to this much earlier or later, if their frames can then be "
            "copied: much faster, and without loss.",
        ),
    ] = 0.0,
    silent: Annotated[bool, typer.Option("--silent", help="Leave out the sound.")] = False,
    kickoff: options.Kickoffs = None,
    classes: options.Classes = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Cut a clip of each event out of its video, exact to the frame; call again to continue."""
    from onball.reports.event_clips import cut_clips

    least, thresholds = options.per_action("--threshold", threshold)
    lead_s, leads_s = options.per_action("--lead", lead)
    lag_s, lags_s = options.per_action("--lag", lag)
    with console.progress_bar() as progress:
        made = cut_clips(
            events,
            video,
            out,
            threshold=least,
            thresholds=thresholds,
            actions=None if actions is None else split_names(actions),
            lead_s=lead_s,
            leads_s=leads_s,
            lag_s=lag_s,
            lags_s=lags_s,
            kickoffs_s=options.kickoffs(kickoff),
            merge=merge,
            by=by,
            reel=reel,
            sheet=sheet,
            tolerance_s=tolerance,
            sound=not silent,
            classes=BALL_ACTIONS if classes is None else read_class_file(classes),
            overwrite=overwrite,
            progress=progress,
        )
    show_clips(made, out)


def show_clips(made: list[EventClip], out: Path) -> None:
    """Print what was cut, and what was there already."""
    from onball.reports.event_clips import LIST_FILE

    if not made:
        console.say("no event to cut: choose other actions, or a lower --threshold")
        return
    cut = [clip for clip in made if clip.state is OutputState.MISSING]
    for clip in made:
        length = "" if clip.cut is None else f", {clip.cut.duration_ms / 1000:.1f} s"
        copied = ", copied" if clip.cut is not None and clip.cut.copied else ""
        kept = {
            OutputState.DONE: " (is there already)",
            OutputState.EDITED: " (kept, because it was edited by hand)",
        }.get(clip.state, "")
        console.say(f"{clip.path}{length}{copied}{kept}")
    console.say(f"{console.count(len(cut), 'new file')}; {out / LIST_FILE} lists the clips")
    if len(cut) < len(made):
        console.note("--overwrite cuts clips again that are there.")
