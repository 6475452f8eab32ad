"""`onball spot`: find ball actions in videos or in the matches of a data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from onball.cli import console
from onball.errors import InputError, VideoError
from onball.events import EventList

if TYPE_CHECKING:
    from onball.tracking.detectors.base import Detector


def spot(
    videos: Annotated[
        list[Path] | None,
        typer.Argument(help="Videos: MP4, MKV, MOV, AVI, TS …", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("onball-results"),
    model: Annotated[
        Path | None, typer.Option(help="A saved model's folder; else the demo model.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Least confidence, for both files. By default events.csv holds the events the "
            "model is confident of, and results_spotting.json everything that an evaluation can use.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Instead of videos: a data set in SoccerNet's layout.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="With --data: train, valid, test, challenge or all.")
    ] = "test",
    tracks: Annotated[
        Path | None,
        typer.Option(
            help="For a model that takes tracks: those of the video, by `onball track`; else players "
            "and ball are tracked first."
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(help="Detector for that: an ONNX file, rfdetr, rfdetr:small …"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps …")] = "auto",
) -> None:
    """Find the ball actions in videos; writes results_spotting.json and events.csv for each."""
    jobs = _jobs(videos or [], data, split)
    if tracks is not None and len(jobs) != 1:
        raise InputError(f"--tracks {tracks} is of one video, and {len(jobs)} are given")

    from onball.config import DataConfig
    from onball.files import require_writable
    from onball.formats.event_table import TABLE_FILE
    from onball.spotting.spotter import Spotter, write_events

    spotter = Spotter.from_pretrained(model, device=device)
    if model is None:
        console.note(
            "The demo model has only ever seen simulated football: on real video expect little. "
            "Train your own with `onball train` and pass --model."
        )
    tracks_file = DataConfig().tracks
    detector_name = detector or "auto"
    finder: Detector | str = detector_name
    if not spotter.config.needs_tracks:
        if tracks is not None or detector is not None:
            console.note("This model takes no tracks: --tracks and --detector are not used.")
    elif tracks is None and data is None:
        from onball.tracking.detectors.opening import open_detector

        finder = open_detector(
            detector_name, device=device
        )  # so that an unusable one is an error before any work
    broken = 0
    for name, video in jobs.items():
        folder = out / name
        # Checked before hours of work.
        require_writable(folder)
        given = tracks
        if given is None and data is not None and video.with_name(tracks_file).is_file():
            given = video.with_name(tracks_file)
        try:
            with console.progress_bar() as progress:
                events = spotter.spot(
                    video,
                    threshold=threshold,
                    progress=progress,
                    tracks=given,
                    detector=finder,
                    keep_tracks=folder / tracks_file,
                )
        except VideoError as error:
            # The results of the other videos are still of use; the exit code reports this one.
            console.fail(str(error))
            broken += 1
            continue
        events = replace(events, match=name)
        shown = spotter.confident(events) if threshold is None else events
        write_events(events, shown, folder)
        counts = ", ".join(f"{count} {label}" for label, count in shown.counts().most_common())
        console.say(f"{name}: {len(shown)} events ({counts or 'none'}) in {folder / TABLE_FILE}")
    if broken:
        raise VideoError(
            f"{broken} of {len(jobs)} videos could not be read; the others' results are in {out}"
        )


def events_table(events: EventList, most: int = 15) -> Table:
    """Table of the first `most` events."""
    table = Table(box=None, pad_edge=False)
    table.add_column("time", style="cyan")
    table.add_column("action")
    table.add_column("confidence", justify="right")
    for event in events.events[:most]:
        action = f"[{event.label.colour}]■[/] {event.label}"
        table.add_row(event.game_time.split(" - ")[1], action, f"{event.confidence:.2f}")
    if len(events) > most:
        table.add_row("…", f"{len(events) - most} more", "")
    return table


def _jobs(videos: list[Path], data: Path | None, split: str) -> dict[str, Path]:
    """Return the name of each result and its video."""
    from onball.data.layout import find_matches
    from onball.spotting.spotter import name_results

    if bool(videos) == (data is not None):
        what = "both videos and --data given" if videos else "no video given"
        raise InputError(f"{what}: onball spot VIDEO… --out FOLDER, or onball spot --data ROOT")
    if data is not None:
        return {match.name: match.require_video() for match in find_matches(data, split)}
    return name_results(videos)
