"""`onball spot`: events from videos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from onball.cli import console
from onball.errors import InputError, VideoError
from onball.events import EventList
from onball.progress import Progress

if TYPE_CHECKING:
    from onball.spotting.spotter import Spotter
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
        typer.Option(help="What finds players and ball then: an ONNX file, rfdetr, rfdetr:small …"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps …")] = "auto",
) -> None:
    """Find the ball actions in videos; writes results_spotting.json and events.csv for each."""
    jobs = _jobs(videos or [], data, split)
    if tracks is not None and len(jobs) != 1:
        raise InputError(f"--tracks {tracks} is of one video, and {len(jobs)} are given")

    from onball.files import require_writable
    from onball.spotting.decoding import reported
    from onball.spotting.spotter import TABLE_FILE, Spotter, write_events

    spotter = Spotter.from_pretrained(model, device=device)
    if model is None:
        console.note(
            "The demo model has only ever seen simulated football: on real video expect little. "
            "Train your own with `onball train` and pass --model."
        )
    find_tracks = _track_finder(spotter, tracks, detector, data is not None, device)
    broken = 0
    for name, video in jobs.items():
        folder = out / name
        # An hour of work must not end with "permission denied".
        require_writable(folder)
        try:
            found = find_tracks(video, folder)
            events = spot_with_progress(spotter, video, name, threshold, found)
        except VideoError as error:
            # The other videos are worth their results; the exit code tells of this one.
            console.fail(str(error))
            broken += 1
            continue
        shown = reported(events, spotter.config.inference) if threshold is None else events
        write_events(events, shown, folder)
        counts = ", ".join(f"{count} {label}" for label, count in shown.counts().most_common())
        console.say(f"{name}: {len(shown)} events ({counts or 'none'}) in {folder / TABLE_FILE}")
    if broken:
        raise VideoError(
            f"{broken} of {len(jobs)} videos could not be read; the others' results are in {out}"
        )


def _track_finder(
    spotter: Spotter, tracks: Path | None, detector: str | None, in_data_set: bool, device: str
) -> Callable[[Path, Path], Path | None]:
    """What gives the tracks file of a video, for a model that takes one; it may have to be made.

    Raises `InputError` at once for a detector that cannot be used.
    """
    from onball.config import DataConfig

    if not spotter.config.needs_tracks:
        if tracks is not None or detector is not None:
            console.note("This model takes no tracks: --tracks and --detector are not used.")
        return lambda video, folder: None
    if tracks is not None:
        return lambda video, folder: tracks
    beside = DataConfig().tracks

    from onball.cli.track import made_by, open_with_default, track_with_progress
    from onball.errors import DataError
    from onball.formats.tracks_parquet import read_tracks

    # Opened when it is first needed: matches of a data set may have their tracks beside them.
    opened: list[Detector] = []
    if not in_data_set:
        opened.append(open_with_default(detector, device=device))

    def find(video: Path, folder: Path) -> Path:
        if in_data_set and video.with_name(beside).is_file():
            return video.with_name(beside)
        if not opened:
            opened.append(open_with_default(detector, device=device))
        made = folder / beside
        if made_by(made, opened[0].name):  # in an earlier run, of this video or another
            try:
                read_tracks(made, video)
                return made
            except DataError:
                pass
        track_with_progress(video, opened[0], made)
        return made

    return find


def spot_with_progress(
    spotter: Spotter,
    video: Path,
    name: str,
    threshold: float | None = None,
    tracks: Path | None = None,
) -> EventList:
    """The events of one video, with a progress bar whose speed is a multiple of real time.

    `tracks` is the tracks file for a model that takes one; it need not be there for others.
    """
    from onball.video import probe

    duration = probe(video).duration_ms
    with console.progress_bar() as progress:

        def show(done: int) -> None:
            progress(Progress(video.name, done, duration, "ms"))

        events = spotter.spot(video, threshold=threshold, progress=show, tracks=tracks)
    return replace(events, match=name)


def events_table(events: EventList, most: int = 15) -> Table:
    """The first events, for the screen."""
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
    """The name of each result and its video."""
    from onball.data.layout import find_matches
    from onball.spotting.spotter import name_results

    if bool(videos) == (data is not None):
        what = "both videos and --data given" if videos else "no video given"
        raise InputError(f"{what}: onball spot VIDEO… --out FOLDER, or onball spot --data ROOT")
    if data is not None:
        return {match.name: match.require_video() for match in find_matches(data, split)}
    return name_results(videos)
