"""`onball models`: list published models, download them, and import downloaded files."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from onball.actions import ACTIONS
from onball.assets import BUNDLED_MODELS
from onball.cli import console, options

if TYPE_CHECKING:
    from onball.models.published import PublishedModel
    from onball.models.published.fetching import Download
    from onball.models.published.importing import ImportedModel
    from onball.progress import Progress, ProgressCallback

_UNKNOWN = "unknown"


def list_(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only this model.", show_default=False),
    ] = None,
) -> None:
    """List the published models that onball computes: actions, figures, licences, where to get them."""
    from onball.models.published import find_published, list_models
    from onball.models.published.importing import is_cached

    models = list_models() if name is None else [find_published(name)]
    for model in models:
        console.console.print(_facts(model, is_cached(model.name)))
        console.say("")
    onball = console.this_command()
    console.say(f"From the hub: {onball} models fetch NAME")
    console.say(f"A file that you have: {onball} models import FILE --as NAME")


def _facts(model: PublishedModel, is_here: bool) -> Table:
    """Table of the facts about a model."""
    origin = model.origin
    table = Table(
        title=model.name,
        title_justify="left",
        title_style="bold cyan",
        box=None,
        pad_edge=False,
        show_header=False,
    )
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    actions = "the 12 of ball action spotting" if model.model.classes is None else None
    if actions is None:
        names = ", ".join(model.actions)
        missing = [str(action) for action in ACTIONS if action.value not in model.actions]
        shared = len(missing) < len(ACTIONS) and len(model.actions) > len(ACTIONS) // 2
        actions = f"{len(model.actions)}: all but {', '.join(missing)}" if shared else names
    rows = {
        "what": model.title,
        "actions": actions,
        "trained on": origin.data or _UNKNOWN,
        "published": f"{origin.figure} ({origin.source})" if origin.figure else _UNKNOWN,
        "licence": f"code {origin.code_licence}, weights {origin.weights_licence or 'not stated'}",
        "parameters": f"{model.parameters:,}",
        "frames": f"{model.width}×{model.height}, {model.fps:g} per second",
        "weights": origin.weights,
        "code": origin.code,
    }
    if is_here:
        rows["here"] = f"yes: --model {model.name}"
    for row in rows.items():
        table.add_row(*row)
    return table


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of `onball models list`.")],
    endpoint: options.Endpoint = None,
    token: options.Token = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace a model that is there, or was changed."),
    ] = False,
) -> None:
    """Download a published model from the Hugging Face hub. Call again to continue."""
    from onball.models.published.fetching import fetch_model

    with downloading() as (on_download, progress):
        fetched = fetch_model(
            name,
            endpoint=endpoint,
            token=token,
            overwrite=overwrite,
            on_download=on_download,
            progress=progress,
        )
    _say_where(fetched, fetched.name)


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="The checkpoint: .pt, .pth or .safetensors. Those of several folds become one model, "
            "which averages them.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Name of the model, of `onball models list`. [default: recognised by the tensors]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        options.out(
            "Folder for the saved model. [default: one in the hub's cache; --model NAME finds it]"
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Save a published checkpoint that you have downloaded as a model of onball."""
    from onball.models.published import find_published
    from onball.models.published.importing import import_model, licence_text

    imported = import_model(files, name, out, overwrite=overwrite)
    if not imported.was_done:
        console.note(licence_text(find_published(imported.name).origin))
    _say_where(imported, imported.name if out is None else shlex.quote(str(out)))


def _say_where(model: ImportedModel, named: str) -> None:

    done = " (is there already)" if model.was_done else ""
    console.say(f"{model.name}: {model.folder}{done}")
    console.say(f"Next: {console.this_command()} spot VIDEO --model {named}")


@contextmanager
def downloading() -> Iterator[tuple[Callable[[Download], None], ProgressCallback]]:
    """Give functions that show a download and its licence before it begins, and its progress."""
    with ExitStack() as stack:
        report: ProgressCallback | None = None

        def show_download(download: Download) -> None:
            size = f"{download.size / 1e6:.1f} MB"
            console.note(
                f"Downloading {download.name}: {download.file} ({size}) of {download.page}"
            )
            console.note(download.licence)

        def show_progress(progress: Progress) -> None:
            nonlocal report
            if report is None:
                report = stack.enter_context(console.progress_bar())
            report(progress)

        yield show_download, show_progress


def fetched(model: Path) -> Path:
    """Return the model that a user names, downloaded if it has to be, which is shown."""
    if model.exists() and model.as_posix() not in BUNDLED_MODELS:
        return model
    from onball.models.finding import resolve_model

    with downloading() as (on_download, progress):
        return resolve_model(model, on_download=on_download, progress=progress)
