"""Options of `onball spot --cluster`, and what it shows: an archive of matches in many processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onball.cli import console, options
from onball.errors import InputError, OnballError
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.cluster.archive import ArchiveResult

_PANEL = "Archives, on this machine or a cluster"

Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ENGINE",
        help="Spot an archive in many processes: local (of this machine), ray, ray://HOST:PORT or slurm. "
        "VIDEO… may also be lists of videos: .txt, or .csv with the columns video and name.",
        rich_help_panel=_PANEL,
    ),
]
Workers = Annotated[
    int | None,
    options.workers("Tasks at the same time. [default: as many as there is room for]", _PANEL),
]
Cpus = Annotated[
    int | None, options.cpus("CPU cores and threads of each task. [default: 1]", _PANEL)
]
Gpus = Annotated[
    float | None,
    options.gpus("GPUs of each task: 1, or 0.25 for four tasks on one. [default: 0]", _PANEL),
]
Segment = Annotated[
    float | None,
    typer.Option(
        "--segment",
        min=0.1,
        metavar="MINUTES",
        help="Divide matches into tasks of this length. The results are the same. [default: one task for "
        "each match]",
        rich_help_panel=_PANEL,
    ),
]
Attempts = Annotated[
    int | None,
    typer.Option(
        "--attempts",
        min=1,
        metavar="N",
        help="How often a task is begun whose machine or process is lost each time. [default: 5]",
        rich_help_panel=_PANEL,
    ),
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        metavar="KEY=VALUE",
        help="Option of sbatch, repeatable: partition=gpu, account=lab, mem=8G, time=240 (minutes).",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]


def cluster_settings(
    cluster: str | None,
    *,
    slurm: Sequence[str] | None,
    single: Mapping[str, object],
    **given: Any,
) -> dict[str, Any] | None:
    """Return the settings of `spot_archive` that are given; None without `--cluster`.

    Args:
        cluster: value of `--cluster`.
        slurm: values of `--slurm`.
        single: values of options that only a batch without an engine takes, by their names.
        **given: values of the other options above, by the names of `spot_archive`; None is its default.

    Raises:
        InputError: the options do not go together.
    """
    settings = {key: value for key, value in given.items() if value is not None}
    if cluster is None:
        if settings or slurm:
            name = "slurm" if slurm else next(iter(settings))
            raise InputError(
                f"--{name.removesuffix('_minutes')} needs --cluster local, ray or slurm"
            )
        return None
    unusable = [name for name, value in single.items() if value]
    if unusable:
        raise InputError(f"{unusable[0]} cannot be used with --cluster")
    options = {}
    for text in slurm or ():
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--slurm: '{text}' is not of the form KEY=VALUE")
        options[key.strip()] = value.strip()
    return {"cluster": cluster, "slurm": options, **settings}


def spot_on_cluster(
    videos: Sequence[str], out: str, *, quiet: bool, actions: Sequence[str] | None, **settings: Any
) -> None:
    """Spot an archive and show its results as they are done, and the failures at the end.

    Args:
        videos: files, folders, patterns, addresses on stores and lists.
        out: folder of the results, or its address.
        quiet: show no line for each match.
        actions: names of actions that are shown; None is all.
        **settings: see `spot_archive`.

    Raises:
        OnballError: matches failed.
    """
    from onball.cluster.archive import spot_archive
    from onball.spotting.runtimes import find_runtime

    if not videos:
        raise InputError("no video given: onball spot --cluster local VIDEO… --out FOLDER")
    counts: Counter[str] = Counter()
    failures: list[ArchiveResult] = []
    settings["runtime"] = find_runtime(settings["runtime"])
    try:
        with console.progress_bar() as progress:
            results = spot_archive(
                videos,
                out,
                actions=actions,
                imports=console.imports,
                progress=progress,
                **settings,
            )
            for result in results:
                counts[result.outcome] += 1
                if result.error:
                    failures.append(result)
                elif not quiet:
                    _show(result)
    except KeyboardInterrupt as stop:
        done = counts["spotted"] + counts["done"] + counts["edited"]
        message = (
            f"interrupted: {console.count(done, 'match is', 'matches are')} complete; the same command "
            "continues where this one stopped"
        )
        raise type(stop)(message) from None
    for result in failures:
        hint = " (--debug shows where)" if result.traceback and not console.debug else ""
        console.fail(f"{result.name}: {result.error}{hint}", result.traceback)
    _show_end(counts, out)
    if failures:
        total = counts.total()
        raise OnballError(
            f"{len(failures)} of {console.count(total, 'match', 'matches')} failed; the same command "
            "tries these again"
        )


def _show(result: ArchiveResult) -> None:
    for text in result.warnings:
        console.warn(f"{result.name}: {text}")
    if result.outcome == "edited":
        console.say(f"{result.name}: kept, because it was edited by hand: {result.folder}")
    elif result.shown is not None:
        lost = console.count(result.retries, "lost worker") if result.retries else ""
        where = f" ({result.node}{', after ' + lost if lost else ''})"
        console.say(f"{result.name}: {console.count(result.shown, 'event')}{where}")


def _show_end(counts: Counter[str], out: str) -> None:
    words = {"spotted": "spotted", "done": "done already", "edited": "edited by hand and kept"}
    texts = [f"{counts[key]:,} {word}" for key, word in words.items() if counts[key]]
    if texts:
        console.say(
            f"{console.count(counts.total(), 'match', 'matches')}: {', '.join(texts)}; results in "
            f"{shell_quoted(out)}"
        )
