"""`onball spot`: find ball actions in videos or in the matches of a data set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from onball.actions import BALL_ACTIONS, split_names
from onball.assets import DEMO
from onball.cli import archive, console, options
from onball.cli.models import fetched
from onball.errors import InputError, OnballError, OnballNotice, VideoError
from onball.events import Event, EventList, SpottingInfo
from onball.files import shell_quoted
from onball.formats.event_table import TABLE_FILE, match_clock
from onball.formats.frame_confidences import CONFIDENCES_FILE
from onball.formats.soccernet import RESULTS_FILE
from onball.stores import is_stored
from onball.timing import format_time
from onball.tracks import TRACKS_FILE

if TYPE_CHECKING:
    from onball.data.layout import Match
    from onball.progress import Progress, ProgressCallback
    from onball.spotting.results import SpottedVideo
    from onball.spotting.spotter import Spotter
    from onball.video import VideoInfo

CLIPS_FOLDER = "clips"
"""Folder of the clips of a result, for `--clips`."""
_MOST_COLUMNS = 120
#: Real matches have about ten times as many ball actions per minute.
_FEW_PER_MINUTE = 2


def spot(
    videos: options.Videos = None,
    out: Annotated[
        str,
        options.out(
            "Folder of the results, with a folder in it for each video; also an address such as "
            "s3://bucket/results."
        ),
    ] = "onball-results",
    model: options.Model = None,
    threshold: Annotated[
        float | None,
        options.threshold(
            "Lowest confidence of the events that are shown and written to events.csv. "
            "results_spotting.json has all candidates. [default: the model's]"
        ),
    ] = None,
    actions: options.Actions = None,
    start: options.Start = None,
    end: options.End = None,
    kickoff: Annotated[
        list[str] | None,
        typer.Option(
            "--kickoff",
            metavar="TIME",
            help="Time of the video at which the match kicks off, for the match clock in the "
            "results; a second --kickoff is that of the second half. Below 0 (-10:00) if the video "
            "begins later.",
            show_default=False,
        ),
    ] = None,
    half: Annotated[
        int,
        typer.Option(
            "--half",
            min=1,
            max=2,
            metavar="N",
            help="Half of the match that the video begins with.",
        ),
    ] = 1,
    join: Annotated[
        bool,
        typer.Option(
            "--join",
            help="The videos are the files of one match, in this order: one result for all.",
        ),
    ] = False,
    data: Annotated[
        Path | None, options.data("Instead of videos: a data set in SoccerNet's layout.")
    ] = None,
    split: Annotated[
        str, options.split("With --data: train, valid, test, challenge or all.")
    ] = "test",
    tracks: Annotated[
        Path | None,
        typer.Option(
            "--tracks",
            metavar="FILE",
            help="For a model that takes tracks: those of the video, by `onball track`. [default: "
            "players and ball are tracked first]",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        options.detector(
            "Detector for that: ballnet, ballnet:512, an ONNX file, rfdetr … [default: auto]"
        ),
    ] = None,
    runtime: options.Runtime = "auto",
    device: options.Device = "auto",
    threads: options.Threads = None,
    proxies: Annotated[
        Path | None,
        typer.Option(
            "--proxies",
            metavar="FOLDER",
            help="Spot small copies of the videos, which are made in this folder once and read faster "
            "from then on. Confidences differ slightly from those of the videos.",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            metavar="FOLDER",
            help="Folder for videos of stores that have to be downloaded. [default: in the user's "
            "cache]",
        ),
    ] = None,
    cache_size: Annotated[
        float,
        typer.Option("--cache-size", metavar="GB", help="Most gigabytes of videos in that folder."),
    ] = 50.0,
    overwrite: options.Overwrite = False,
    clips: Annotated[
        str | None,
        typer.Option(
            "--clips",
            metavar="NAMES",
            help="Then cut clips of these actions, into the folder clips of each result: shot,goal. "
            "`onball clips` has more options.",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print one line for each video, and errors.")
    ] = False,
    cluster: archive.Cluster = None,
    workers: archive.Workers = None,
    cpus: archive.Cpus = None,
    gpus: archive.Gpus = None,
    segment: archive.Segment = None,
    attempts: archive.Attempts = None,
    slurm: archive.Slurm = None,
) -> None:
    """Find the ball actions in videos; writes results_spotting.json and events.csv for each.

    Videos that have their results already are skipped. A video that turns out to be broken does not
    stop the others.
    """
    chosen = None if actions is None else split_names(actions)
    single = {
        "--start": start,
        "--end": end,
        "--kickoff": kickoff,
        "--half": half > 1,
        "--join": join,
        "--data": data,
        "--tracks": tracks,
        "--threads": threads,
        "--clips": clips,
    }
    many = archive.cluster_settings(
        cluster,
        slurm=slurm,
        single=single,
        workers=workers,
        cpus=cpus,
        gpus=gpus,
        segment_minutes=segment,
        attempts=attempts,
    )
    stored = any(map(is_stored, [*(videos or []), out]))
    if many is not None:
        archive.spot_on_cluster(
            videos or [],
            out,
            quiet=quiet,
            actions=chosen,
            model=model and fetched(model),
            threshold=threshold,
            detector=detector,
            runtime=runtime,
            device=device,
            proxies=proxies,
            overwrite=overwrite,
            **many,
        )
        return
    given = _given(videos or [], data, split)
    cut = None if clips is None else split_names(clips)
    if cut is not None and stored:
        raise InputError("--clips: clips are cut of videos and results on this machine: no stores")
    start_ms = 0 if start is None else options.time_ms("--start", start)
    end_ms = None if end is None else options.time_ms("--end", end)
    kickoffs = [options.time_ms("--kickoff", text, signed=True) for text in kickoff or ()]

    from onball.models.finding import default_model
    from onball.spotting.runtimes import find_runtime
    from onball.spotting.spotter import Spotter
    from onball.spotting.videos import spot_videos

    if quiet:
        warnings.simplefilter("ignore", OnballNotice)
    wanted = find_runtime(runtime)
    named = Path(default_model()) if model is None else model
    if model is None and named == Path(DEMO) and wanted == "auto" and device in ("auto", "cpu"):
        _export_demo(given)
    spotter = Spotter.from_pretrained(
        fetched(named), runtime=wanted, device=device, threads=threads
    )
    for name in cut or ():  # a misspelt one is an error before the work
        spotter.config.actions.find(name, BALL_ACTIONS)
    clock = SpottingInfo(kickoffs_ms=(None,) * (half - 1) + tuple(kickoffs)) if kickoffs else None
    several = not join and (len(given) > 1 or stored)
    with _Screen(quiet, several=several, clock=clock) as screen:
        results = spot_videos(
            videos if join and videos else given,  # a folder gives a joined match its name
            out,
            model=spotter,
            threshold=threshold,
            actions=chosen,
            start_ms=start_ms,
            end_ms=end_ms,
            kickoffs_ms=kickoffs,
            half=half,
            join=join,
            tracks=tracks,
            detector=detector,
            device=device,
            proxies=proxies,
            cache=cache,
            cache_gb=cache_size,
            overwrite=overwrite,
            on_event=screen.show_event,
            progress=screen.show_progress,
        )
        if model is None and not quiet:
            console.note(_about_default(spotter.name))
        if not quiet:
            console.note_actions(spotter.config.actions.names)
        try:
            done = [screen.show_result(result) for result in results]
        except KeyboardInterrupt as stop:
            raise type(stop)(_interrupted(screen.results)) from None
    if not quiet:
        _show_end(done, spotter, out)
    if cut is not None:
        for result in done:
            _cut_clips(result, cut, overwrite)
    failed = sum(bool(result.error) for result in done)
    if failed:
        raise OnballError(_failed(failed, len(done), out))


def _about_default(name: str) -> str:
    """Sentences about a model that spots by default."""
    if name == DEMO:
        return (
            "The demo model has only seen simulated football; on real video its events are no better "
            "than chance. Choose --model ball-tracks, which follows the ball and needs "
            '`pip install "onball[track]"`, a published model (`onball models list`), or one that you '
            "trained."
        )
    return f"Model: {name} (--model takes another one, see `onball models list`)."


def _given(videos: list[str], data: Path | None, split: str) -> Sequence[str | VideoInfo | Match]:
    """Videos or matches to spot, all of which can be opened; with addresses on stores as they are."""
    from onball.data.layout import find_matches
    from onball.video import find_videos

    if bool(videos) == (data is not None):
        what = "both videos and --data given" if videos else "no video given"
        raise InputError(f"{what}: onball spot VIDEO… --out FOLDER, or onball spot --data FOLDER")
    if any(map(is_stored, videos)):
        return videos
    return find_videos(videos) if data is None else find_matches(data, split)


def _export_demo(given: Sequence[str | VideoInfo | Match]) -> None:
    """Export the demo model on first use, if it pays; a failure is shown and costs speed only."""
    from onball.spotting.exporting import export_demo
    from onball.video import VideoInfo

    def show() -> None:
        console.note("Exporting the demo model for OpenVINO, once; it then computes faster …")

    try:
        export_demo(sum(one.duration_ms for one in given if isinstance(one, VideoInfo)), show)
    except (OnballError, OSError) as error:
        console.note(f"Spotting in PyTorch: {error}")


# What is shown


class _Screen:
    """Lines about events and results, as they come.

    Args:
        quiet: show one line for each video.
        several: there are several videos: their events are headed by their names.
        clock: kick-offs, if the match clock is to be shown.
    """

    def __init__(self, quiet: bool, several: bool, clock: SpottingInfo | None = None) -> None:
        self.results: list[SpottedVideo] = []
        self._quiet = quiet
        self._several = several
        self._clock = clock
        self._heading = ""
        self._bar = ExitStack()
        self._report: ProgressCallback | None = None

    def __enter__(self) -> _Screen:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._end_bar(error)

    def show_progress(self, progress: Progress) -> None:
        """Show the progress of a video in a bar of its own."""
        if self._quiet:
            return
        if self._report is None:
            self._report = self._bar.enter_context(console.progress_bar())
        self._report(progress)

    def _end_bar(self, error: BaseException | None = None) -> None:
        """End the bar, full unless there was an error."""
        self._report = None
        self._bar.__exit__(None if error is None else type(error), error, None)

    def show_event(self, name: str, event: Event) -> None:
        """Show an event when it is found."""
        if self._quiet:
            return
        if self._several and self._heading != name:
            console.say(Text(name, style="bold"))
            self._heading = name
        console.say(event_line(event, self._clock))

    def show_result(self, result: SpottedVideo) -> SpottedVideo:
        """Show and return the result of a video."""
        from onball.spotting.results import Outcome

        self._end_bar(VideoError(result.error) if result.error else None)
        self.results.append(result)
        shown = None if result.events is None else result.events.shown
        table = f"{result.place}/{TABLE_FILE}" if result.address else result.folder / TABLE_FILE
        if result.outcome is Outcome.FAILED:
            hint = " (--debug shows where)" if result.traceback and not console.debug else ""
            console.fail(f"{result.error}{hint}", result.traceback)
        elif result.outcome is Outcome.EDITED:
            console.say(f"{result.name}: kept, because it was edited by hand: {result.place}")
        elif shown is not None:
            skipped = "done already, " if result.outcome is Outcome.DONE else ""
            where = f" in {table}" if self._several or self._quiet else ""
            console.say(f"{result.name}: {skipped}{_counts(shown)}{where}")
        return result


def _counts(events: EventList) -> str:
    """Number of events, and of each action: `3 events (2 PASS, 1 SHOT)`."""
    counts = ", ".join(f"{count} {label}" for label, count in events.counts().most_common())
    number = console.count(len(events), "event")
    return f"{number} ({counts})" if counts else number


def event_line(event: Event, clock: SpottingInfo | None = None) -> Text:
    """Line with the time, action and confidence of an event, and the match clock if wanted."""
    line = Text.assemble((format_time(event.position_ms), "cyan"), "  ")
    if clock is not None:
        line.append(f"{match_clock(event, clock):>6}  ", "cyan")
    line.append(f"{event.label.value:<24}", event.label.colour)
    return line.append(f"  {event.confidence:.2f}")


def timeline(events: EventList, end_ms: int) -> Iterator[Text]:
    """Lines of a timeline in the width of the terminal, in the colours of the actions."""
    from onball.reports.terminal import needs_ascii, plot_events

    lines = plot_events(
        events,
        start_ms=(events.info and events.info.start_ms) or 0,
        end_ms=end_ms,
        width=min(_MOST_COLUMNS, console.console.width) - 1,
        ascii=needs_ascii(console.encoding()),
    )
    for action, line in lines:
        yield Text(line, style="dim" if action is None else action.colour)


def files_written(folder: Path, events: EventList, **others: str) -> Iterator[str]:
    """Lines that name the files of a result and say what they are for.

    Args:
        folder: folder of the result.
        events: all candidates.
        others: purpose of other files in the folder by their names.
    """
    purposes = {
        TABLE_FILE: f"{console.count(len(events.shown), 'event')}, for a spreadsheet",
        RESULTS_FILE: f"all {console.count(len(events), 'candidate')}, in SoccerNet's format",
        CONFIDENCES_FILE: "confidences of all frames, for `onball view`",
        TRACKS_FILE: "ball, people and goals, for `onball view`",
    } | others
    there = {name: text for name, text in purposes.items() if (folder / name).is_file()}
    width = max(len(str(folder / name)) for name in there)
    for name, purpose in there.items():
        yield f"{folder / name!s:<{width}}  {purpose}"


def _show_end(done: Sequence[SpottedVideo], spotter: Spotter, out: str) -> None:
    """Show what the user has, how far to trust it, and what to do next."""
    spotted = [result for result in done if result.events is not None]
    if len(done) > 1:
        console.say("")
        for row in _summary(done):
            console.say(row)
    if not spotted:
        return
    onball = console.this_command()
    if any(result.address for result in done):
        total = sum(len(result.events.shown) for result in spotted if result.events is not None)
        videos = console.count(len(spotted), "video")
        console.say(f"{videos}, {console.count(total, 'event')} in {out}")
        return
    if len(done) == 1:
        (result,) = done
        assert result.events is not None
        end_ms = _end_of(result.events)
        if result.events.shown.events:
            console.say("")
            for line in timeline(result.events.shown, end_ms):
                console.say(line)
        _show_hints(result.events, spotter, result.folder, end_ms)
        console.say("")
        for text in files_written(result.folder, result.events):
            console.say(text)
    else:
        total = sum(len(result.events.shown) for result in spotted if result.events is not None)
        console.say(
            f"{console.count(len(spotted), 'video')}, {console.count(total, 'event')} in {out}"
        )
    if not spotter.config.inference.calibration and any(r.events for r in spotted):
        console.note(
            "Confidence orders the events. It is not a probability, because this model is not "
            "calibrated: check the events before you use them."
        )
    if any(result.outcome in ("done", "edited") for result in done):
        console.note("--overwrite spots the videos again that have results already.")
    if len(done) == 1 and spotted[0].events is not None and not spotted[0].events.shown.events:
        return  # the hints have named a threshold that shows more
    where = shell_quoted(done[0].folder if len(done) == 1 else out)
    console.say("\nNext:")
    alone = len(done) == 1 and len(done[0].videos) == 1
    video = f"{shell_quoted(done[0].videos[0])} " if alone else ""
    console.say(f"  {onball} view {video}{where}  # look and correct, in the browser")
    console.say(f"  {onball} events {where} --threshold 0.5  # other events, without the model")
    console.say(f"  {onball} convert {where} --to sportscode,xlsx  # for other programs")
    if len(done) == 1 and done[0].videos:
        videos = " ".join(shell_quoted(video) for video in done[0].videos)
        console.say(f"  {onball} clips {where} {videos} --reel  # a clip of each event")
        console.say(f"  {onball} summary {where} {videos}  # one page on the match")


def _cut_clips(result: SpottedVideo, actions: Sequence[str], overwrite: bool) -> None:
    """Cut clips of a result."""
    from onball.cli.clips import show_clips
    from onball.reports.event_clips import cut_clips

    if result.events is None:
        return
    out = result.folder / CLIPS_FOLDER
    with console.progress_bar() as progress:
        made = cut_clips(
            result.events,
            result.videos,
            out,
            actions=actions,
            overwrite=overwrite,
            progress=progress,
        )
    show_clips(made, out)


def _summary(done: Sequence[SpottedVideo]) -> Iterator[str]:
    """Lines of a table with the outcome of each video of a batch."""
    name_width = max(len(result.name) for result in done)
    outcome_width = max(len(result.outcome) for result in done)
    for result in done:
        text = result.error
        if result.events is not None:
            text = console.count(len(result.events.shown), "event")
        yield f"{result.name:<{name_width}}  {result.outcome:<{outcome_width}}  {text}".rstrip()


def _end_of(events: EventList) -> int:
    """End of the part of the video that was spotted, in milliseconds."""
    info = events.info or SpottingInfo()
    last_ms = max((event.position_ms for event in events), default=0) + 1
    ends = [end for end in (info.end_ms, info.duration_ms) if end]
    return min(ends, default=last_ms)


def _show_hints(events: EventList, spotter: Spotter, folder: Path, end_ms: int) -> None:
    """Say what can be tried if there are no events, or few."""
    info = events.info or SpottingInfo()
    minutes = (end_ms - (info.start_ms or 0)) / 60_000
    found = len(events.shown)
    if found and (info.actions is not None or found >= _FEW_PER_MINUTE * minutes):
        return
    if found:
        console.note("\nThese are few events for a video of this length.")
    else:
        console.note(f"\nNo event reaches the threshold. {_best_candidate(events, folder)}")
    console.note(
        "Models find little where the view differs from that of their training: close-ups, replays, "
        "tactical cameras."
    )
    if spotter.name == DEMO:
        console.note(
            "The demo model knows simulated football only: --model takes one that was trained on "
            "real matches."
        )


def _best_candidate(events: EventList, folder: Path) -> str:
    """Sentences about the event with the highest confidence of those that are not shown."""
    actions = events.info.actions if events.info is not None else None
    candidates = events if actions is None else events.of_action(*actions)
    best = max(candidates, key=lambda event: event.confidence, default=None)
    if best is None:
        return "There is no candidate."
    lower = math.floor(100 * best.confidence) / 100
    return (
        f"The best candidate is {best.label.value} at {format_time(best.position_ms)}, with "
        f"{best.confidence:.2f}; to see it: {console.this_command()} events "
        f"{shell_quoted(folder)} --threshold {lower:g}"
    )


def _interrupted(results: Sequence[SpottedVideo]) -> str:
    """Message for an interruption, which names what is kept."""
    done = [result.name for result in results if not result.error]
    names = ", ".join(done[:5]) + (f" and {len(done) - 5} more" if len(done) > 5 else "")
    kept = f"the results of {names} are complete; " if done else ""
    return f"interrupted: {kept}the same command continues where this one stopped"


def _failed(failed: int, count: int, out: str) -> str:
    """Message for videos that failed."""
    what = f"{failed} of {console.count(count, 'video')} failed"
    if failed == count:
        return f"{what}: no results were written"
    return f"{what}; the results of the other {count - failed} are in {out}"
