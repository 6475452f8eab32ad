"""`onball spot`: events from videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onball.cli import console
from onball.errors import InputError, VideoError
from onball.events import EventList

RESULTS, TABLE = "results_spotting.json", "events.csv"


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
            help="Least confidence, for both files. By default events.csv holds the events the model is "
            "confident of, and results_spotting.json everything that an evaluation can use.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Instead of videos: a data set in SoccerNet's layout.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="With --data: train, valid, test, challenge or all.")
    ] = ("test"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps …")] = "auto",
) -> None:
    """Find the ball actions in videos; writes results_spotting.json and events.csv for each."""
    from onball.inference.spotter import Spotter

    jobs = _from_data(data, split) if data else _from_files(videos or [])
    if data and videos:
        raise InputError("give either videos or --data, not both")
    spotter = Spotter.from_pretrained(model, device=device)
    if model is None:
        console.status.print(
            "The demo model has only ever seen simulated football: on real video expect little. "
            "Train your own with `onball train` and pass --model.",
            style="dim",
        )
    broken: list[str] = []
    for name, video in jobs.items():
        try:
            events = spot_one(spotter, video, name, threshold)
        except VideoError as error:
            # The other videos are worth their results; the exit code tells of this one.
            console.fail(str(error))
            broken.append(str(video))
            continue
        least = spotter.config.inference.report_threshold if threshold is None else threshold
        confident = write_events(events, out / name, least)
        _summary(name, confident, out / name)
    if broken:
        done = len(jobs) - len(broken)
        raise VideoError(f"{len(broken)} of {len(jobs)} videos could not be read; {done} done")


def spot_one(spotter: object, video: Path, name: str, threshold: float | None) -> EventList:
    """The events of one video, with a progress bar whose speed is a multiple of real time."""
    from dataclasses import replace

    from onball.inference.spotter import Spotter
    from onball.video.probe import probe

    assert isinstance(spotter, Spotter)
    duration = probe(video).duration_ms
    with console.progress(duration, lambda speed: f"{speed / 1000:.1f}x real time") as bar:
        bar.describe(video.name)
        events = spotter.spot(video, threshold=threshold, progress=bar.reach)
        bar.finish()
    return replace(events, match=name)


def write_events(events: EventList, folder: Path, least: float) -> EventList:
    """Writes both files; returns the events of the table, those with at least that confidence."""
    from onball.formats.csv_table import write_csv
    from onball.formats.soccernet import write_results

    confident = events.above(least)
    write_results(events, folder / RESULTS)
    write_csv(confident, folder / TABLE)
    return confident


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


def _summary(name: str, events: EventList, folder: Path) -> None:
    counts = ", ".join(f"{count} {label}" for label, count in events.counts().most_common())
    console.console.print(f"[bold]{name}[/]: {len(events)} events ({counts or 'none'})")
    console.console.print(f"  {folder / RESULTS}\n  {folder / TABLE}", highlight=False)


def _from_data(root: Path, split: str) -> dict[str, Path]:
    from onball.data.layout import find_matches

    return {match.name: match.require_video() for match in find_matches(root, split)}


def _from_files(videos: list[Path]) -> dict[str, Path]:
    """A folder name for each video: its stem, or with its folder's name where stems repeat.

    SoccerNet calls every match 224p.mp4.
    """
    if not videos:
        raise InputError("no video given: onball spot VIDEO… --out FOLDER (or --data ROOT)")
    jobs: dict[str, Path] = {}
    for video, name in zip(videos, _names(videos), strict=True):
        if name in jobs:
            raise InputError(f"{video} is given twice")
        jobs[name] = video
    return jobs


def _names(videos: Iterable[Path]) -> list[str]:
    videos = [video.resolve() for video in videos]
    names = [video.stem for video in videos]
    depth = 1
    while repeated := {name for name, count in Counter(names).items() if count > 1}:
        depth += 1
        longer = [
            "_".join([*video.parts[1:-1], video.stem][-depth:]) if name in repeated else name
            for video, name in zip(videos, names, strict=True)
        ]
        if longer == names:
            break
        names = longer
    return names
