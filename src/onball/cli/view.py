"""`onball view`: matches with their events in the browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console, options
from onball.errors import InputError


def view(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="INPUT…",
            help="Folders of matches, videos, results of `onball spot`, files of labels, or a run that "
            "`onball evaluate` has measured. What belongs together is found by its names.",
            show_default=False,
        ),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="The bundled match; its results are in --out, see `onball demo`."
        ),
    ] = False,
    out: Annotated[Path, options.out("With --demo: folder of the results.")] = Path("onball-demo"),
    results: Annotated[
        Path,
        typer.Option(
            "--results",
            metavar="FOLDER",
            help="Folder of the results of videos that are spotted from the page.",
        ),
    ] = Path("onball-results"),
    model: Annotated[
        list[Path] | None,
        options.model(
            "Folder of a saved model or run to offer there first, beside the bundled and published "
            "models; repeatable."
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on. With 0.0.0.0, everybody who can reach this machine and has the "
            "printed address can see and correct the matches, unencrypted.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, metavar="N", help="Port; if taken, any other."),
    ] = 8766,
    browser: Annotated[
        bool,
        typer.Option("--browser/--no-browser", help="Open the browser, or only print the address."),
    ] = True,
) -> None:
    """Look at matches with their events in the browser, and correct them.

    Videos in the folders that are named can be spotted from the page too. Corrections are saved as
    they are made, in corrections.json beside the events, which are never changed; `onball corrections
    apply` turns them into labels. Ctrl-C ends the viewer.
    """
    from onball.viewer.server import ViewServer
    from onball.viewer.session import ViewSession, spot_demo

    if demo and paths:
        raise InputError("--demo shows the bundled match: leave the inputs out")
    if demo:
        with console.progress_bar() as progress:
            session = spot_demo(out, progress=progress)
    else:
        session = ViewSession.open(paths or [])
    models = [_existing(path) for path in model or []]
    with ViewServer(session, host=host, port=port, results=results, models=models) as server:
        console.say(f"{console.count(len(session.matches), 'match', 'matches')}: {server.url}")
        if host not in ("127.0.0.1", "localhost", "::1"):
            console.warn(
                "who has this address can see and correct the matches; it is not encrypted"
            )
        console.note("Ctrl-C ends the viewer.")
        if browser:
            webbrowser.open(server.url)
        try:
            server.wait()
        except KeyboardInterrupt:
            console.note("The viewer has ended; corrections are saved.")


def _existing(model: Path) -> Path:
    """A model to offer, which is a folder or the name of a published model."""
    from onball.models.published import PUBLISHED

    if not model.exists() and str(model) not in PUBLISHED:
        raise InputError(f"--model {model}: no such folder or published model: check the path")
    return model
