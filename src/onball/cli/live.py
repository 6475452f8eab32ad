"""`onball live`: find ball actions while a match is played."""

from __future__ import annotations

import json
import os
import signal
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event as Stop
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onball.actions import EventLabel, split_names
from onball.assets import demo_model
from onball.cli import console, options
from onball.cli.models import fetched
from onball.errors import InputError
from onball.reports.live_server import DEFAULT_PORT, LiveServer
from onball.timing import format_time

if TYPE_CHECKING:
    from onball.spotting.live import LiveSummary
    from onball.spotting.spotter import Spotter
    from onball.viewer.live_view import LiveView


def live(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A video file, which is played in real time; - for standard input; a named pipe; a "
            "capture device such as /dev/video0; or a URL: HLS, RTMP, RTSP, UDP …",
            show_default=False,
        ),
    ],
    model: Annotated[
        Path | None, options.model(f"{options.MODELS} [default: the demo model]")
    ] = None,
    lookahead: Annotated[
        float,
        typer.Option(
            "--lookahead",
            min=0,
            max=60,
            metavar="SECONDS",
            help="Time after an event at which it is decided: more finds more of the right events, "
            "later.",
        ),
    ] = 1.5,
    threshold: Annotated[
        float | None,
        options.threshold("Lowest confidence of the events. [default: the model's; demo: 0.3]"),
    ] = None,
    actions: options.Actions = None,
    http: Annotated[
        bool,
        typer.Option(
            "--http",
            help="Serve a page with the events and counts per action on this machine; and the events "
            "as server-sent events, as lines of JSON, and their counts.",
        ),
    ] = False,
    view: Annotated[
        bool,
        typer.Option(
            "--view",
            help="Open the page of `onball view` on this machine: a timeline that grows, and the video "
            "of a file, or of what --record has written so far. It stays until a second Ctrl-C.",
        ),
    ] = False,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser/--no-browser",
            help="With --view: open the browser, or only print the address.",
        ),
    ] = True,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, metavar="N", help="Port of --http; 0: any."),
    ] = DEFAULT_PORT,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="FILE",
            help="Record the stream as it comes, without encoding it again: .mkv, .mp4, .mov or .ts.",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime/--no-realtime",
            help="Play files in real time, and leave frames out to stay at the live edge; or read a "
            "file or pipe as fast as the model takes it, leaving out nothing.",
        ),
    ] = True,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="FFmpeg's name of the source's container or device: dshow, avfoundation, h264 … "
            "[default: recognised]",
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            metavar="KEY=VALUE",
            help="Option of FFmpeg for the source, such as rtsp_transport=udp or listen=1; repeatable.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            min=0.1,
            metavar="SECONDS",
            help="Time without data after which the connection counts as lost.",
        ),
    ] = 10.0,
    give_up: Annotated[
        float,
        typer.Option(
            "--give-up",
            min=0,
            metavar="SECONDS",
            help="Time after which a connection that was lost is not opened again any more.",
        ),
    ] = 60.0,
    runtime: options.Runtime = "auto",
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Find ball actions while a match is played; writes events as lines of JSON to standard output.

    A line has a type: event, or what happens to the stream: connected, lost, gap, skipped,
    recording_stopped, and at last summary. A lost connection is opened again. Ctrl-C ends the stream
    with the events so far and a summary; with --view, another one ends the viewer.
    """
    from onball.spotting.live import LiveSummary
    from onball.spotting.live import live as run
    from onball.spotting.runtimes import find_runtime
    from onball.spotting.spotter import Spotter

    chosen = None if actions is None else split_names(actions)
    given = _options(option or [])
    with ExitStack() as opened:
        stop = opened.enter_context(_stopped_by_signals())
        spotter = Spotter.from_pretrained(
            # A stream has no tracks, which the default of `onball spot` needs.
            demo_model() if model is None else fetched(model),
            runtime=find_runtime(runtime),
            device=device,
            threads=threads,
        )
        messages = run(
            source,
            model=spotter,
            lookahead_ms=round(1000 * lookahead),
            threshold=threshold,
            actions=chosen,
            record=record,
            overwrite=overwrite,
            realtime=realtime,
            format=format,
            options=given,
            timeout_s=timeout,
            give_up_s=give_up,
            stop=stop,
        )
        predicted = spotter.config.actions.names
        screens: list[LiveServer | LiveView] = []
        if http:
            screens.append(opened.enter_context(LiveServer(port, predicted)))
            console.note(f"Second screen: {screens[-1].url}")
        page = None
        if view:
            page = opened.enter_context(_open_view(source, record, spotter, realtime, browser))
            screens.append(page)
        if model is None:
            console.note(
                "The demo model has only seen simulated football; on real video its events are no "
                "better than chance. Choose a published model (`onball models list`) or train one, "
                "and pass it as --model."
            )
        console.note_actions(predicted)
        for message in messages:
            fields = message.to_dict()
            for screen in screens:
                screen.publish(fields)
            _print_line(fields, stop)
            if isinstance(message, LiveSummary):
                _show_summary(message)
        if page is not None and page.folder is not None:
            console.note(f"Events: {page.folder}")
        if page is not None and not stop.terminated:
            _keep_open(page, stop)


def _open_view(
    source: str, record: Path | None, spotter: Spotter, realtime: bool, browser: bool
) -> LiveView:
    """The viewer on a stream, whose address is printed and opened."""
    from onball.viewer.live_view import LiveView

    page = LiveView(
        source,
        record=record,
        classes=spotter.config.actions,
        model=spotter.name,
        realtime=realtime,
    )
    console.note(f"Viewer: {page.url}")
    if browser:
        webbrowser.open(page.url)
    return page


def _keep_open(page: LiveView, stop: Stop) -> None:
    """Serve the viewer after the stream has ended, until Ctrl-C."""
    stopped = stop.is_set()
    console.note(f"The viewer stays open: {'another ' if stopped else ''}Ctrl-C ends it.")
    stop.clear()
    with suppress(KeyboardInterrupt):
        page.wait(stop)


def _options(given: list[str]) -> dict[str, str]:
    """Options of FFmpeg, given as KEY=VALUE."""
    chosen = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise InputError(f"--option {text}: write KEY=VALUE, such as rtsp_transport=udp")
        chosen[key] = value
    return chosen


class _Stopped(Stop):
    """Event that signals set."""

    terminated = False
    """True if one of them was SIGTERM."""


@contextmanager
def _stopped_by_signals() -> Iterator[_Stopped]:
    """An event that the first Ctrl-C, or SIGTERM, sets; a second one interrupts as usual."""
    stop = _Stopped()
    signals = (signal.SIGINT, signal.SIGTERM)
    former: dict[int, Any] = {}

    def request(number: int, _: object) -> None:
        stop.terminated |= number == signal.SIGTERM
        stop.set()
        signal.signal(number, former[number])

    for each in signals:
        former[each] = signal.signal(each, request)
    try:
        yield stop
    finally:
        for each in signals:
            signal.signal(each, former[each])


def _print_line(fields: dict[str, Any], stop: Stop) -> None:
    """Print a message at once; if nobody reads them any more, the stream ends."""
    try:
        print(json.dumps(fields, ensure_ascii=False), flush=True)
    except BrokenPipeError:
        # Python would complain at exit about what it could not write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        stop.set()


def _show_summary(summary: LiveSummary) -> None:
    """Print the end of a stream for people."""
    counts = ", ".join(f"{count} {label.value}" for label, count in _most_first(summary))
    total = console.count(sum(summary.events.values()), "event")
    parts = [f"{format_time(summary.duration_ms)} ({summary.reason})"]
    parts.append(f"{total} ({counts})" if counts else total)
    if summary.latency_ms:
        median, largest = (summary.latency_ms[key] / 1000 for key in ("median", "max"))
        parts.append(f"latency {median:.1f} s, at most {largest:.1f} s")
    if summary.skipped:
        seen = summary.frames + summary.skipped
        parts.append(f"{summary.skipped / seen:.0%} of the frames left out to keep up")
    if summary.lost or summary.gaps_ms:
        parts.append(
            f"connection lost {console.count(summary.lost, 'time')}, gaps of "
            f"{summary.gaps_ms / 1000:.1f} s"
        )
    console.note("\n" + "; ".join(parts))
    for path in summary.recordings:
        console.note(f"Recorded: {path}")


def _most_first(summary: LiveSummary) -> list[tuple[EventLabel, int]]:
    return sorted(summary.events.items(), key=lambda item: -item[1])
