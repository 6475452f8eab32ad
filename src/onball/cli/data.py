"""`onball data`: download, check and count labelled matches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from onball.cli import console, options
from onball.errors import ConfigError, OnballError
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.data.sources import DataSource
    from onball.data.statistics import Comparison, PlayStatistics, Reference
    from onball.data.summary import DataStatistics
    from onball.hub import HubRepository

# onball data download

_ACCESS_STEPS = """How to get access, once:
{steps}
Then call this command again."""
_TOKEN_STEPS = (
    "make a token that may read gated repositories: {address}/settings/tokens",
    "store it with `hf auth login`, or set HF_TOKEN, or give --token",
)


def download(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Data set, see --list. [default: sn-bas-2025]", show_default=False
        ),
    ] = "sn-bas-2025",
    out: Annotated[
        Path | None,
        options.out("Folder for the matches, ready to train on, or for files to convert."),
    ] = None,
    list_: Annotated[
        bool,
        typer.Option("--list", help="List the data sets: contents, licence, where to get them."),
    ] = False,
    split: Annotated[
        str,
        options.split(
            "Of sn-bas-2025, splits separated by commas: train, valid, test, challenge, or all."
        ),
    ] = "all",
    files: Annotated[
        str | None,
        typer.Option(
            "--files",
            metavar="PATTERNS",
            help="Of other data sets, only files like these: annotations_*.json,valid/*.",
        ),
    ] = None,
    endpoint: options.Endpoint = None,
    token: options.Token = None,
    password: Annotated[
        str | None,
        typer.Option(
            "--password",
            metavar="PASSWORD",
            help="Password of encrypted archives; better set in the variable SOCCERNET_PASSWORD.",
            envvar="SOCCERNET_PASSWORD",
            show_envvar=False,
        ),
    ] = None,
    keep_zip: Annotated[
        bool, typer.Option("--keep-zip", help="Keep the archives after unpacking.")
    ] = False,
) -> None:
    """Download a data set, by default SoccerNet Ball Action Spotting 2025. Call again to continue."""
    from onball.data import download as downloads
    from onball.data.sources import find_source, list_data_sources

    if list_:
        for listed in list_data_sources():
            console.say(_describe_source(listed))
        return
    source = find_source(name)
    if out is None:
        raise ConfigError("no folder given: --out FOLDER, or --list to see the data sets")
    console.note(f"{source.title}: {source.licence}. {source.terms}")
    hub = downloads.HubRepository(source.repositories[0], endpoint, token)
    try:
        if source.converted:
            _download_files(source, out, files, endpoint, token)
        else:
            _download_splits(hub, out, _parse_splits(split), password, keep_zip)
    except downloads.AccessError:
        page = ", ".join(f"{hub.address}/datasets/{name}" for name in source.repositories)
        steps = "\n".join(
            f"  {number}. {step.format(page=page, address=hub.address)}"
            for number, step in enumerate((*source.access, *_TOKEN_STEPS), start=1)
        )
        text = _ACCESS_STEPS.format(steps=steps)
        console.status.print(text, markup=False, highlight=False, soft_wrap=True)
        raise


def _download_splits(
    dataset: HubRepository, out: Path, splits: list[str], password: str | None, keep_zip: bool
) -> None:
    from onball.data import download as downloads

    for name in splits:
        with console.progress_bar() as progress:
            (result,) = downloads.download(
                out,
                [name],
                dataset=dataset,
                password=password,
                keep_zip=keep_zip,
                progress=progress,
            )
        state = "already complete" if result.was_complete else "complete"
        console.say(f"{name}: {state}, {_matches(len(result.matches))} in {out}")
    command, folder = console.this_command(), shell_quoted(out)
    console.note(f"next: {command} data check {folder}")
    console.note(f"then: {command} train CONFIG --data {folder}")


def _download_files(
    source: DataSource, out: Path, files: str | None, endpoint: str | None, token: str | None
) -> None:
    """Download files as they are; those of several repositories go to folders with their names."""
    from onball.data.download.files import download_files

    patterns = None if files is None else [part.strip() for part in files.split(",")]
    with console.progress_bar() as progress:
        downloaded = download_files(
            source.name, out, patterns, endpoint=endpoint, token=token, progress=progress
        )
    for done in downloaded:
        state = f"{done.fetched} of them now" if done.fetched else "already complete"
        console.say(f"{done.folder}: {console.count(len(done.files), 'file')}, {state}")
    command, folder_name = console.this_command(), shell_quoted(out)
    if any(out.rglob("*.zip")):
        console.note(f"first: unpack the archives in {folder_name}")
    console.note(f"next: {command} data convert {source.name} {folder_name} data/{source.name}")


def _describe_source(source: DataSource) -> str:
    pages = "\n  ".join(
        f"https://huggingface.co/datasets/{repository}" for repository in source.repositories
    )
    made = f"onball data download {source.name} --out FOLDER"
    if source.converted:
        made += f", then onball data convert {source.name} FOLDER data/{source.name}"
    return (
        f"{source.name}: {source.title}\n  {source.contents}; {source.size}\n"
        f"  licence: {source.licence}\n  {source.terms}\n  {pages}\n  {made}"
    )


def _parse_splits(text: str) -> list[str]:
    """Return the splits named in `text`, each once.

    Raises:
        ConfigError: one of them is unknown, or there is none.
    """
    from onball.data.layout import ALL, SPLITS

    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if names == [ALL]:
        return list(SPLITS)
    unknown = [name for name in names if name not in SPLITS]
    if unknown or not names:
        problem = f"unknown split '{unknown[0]}'" if unknown else "no split"
        raise ConfigError(f"--split: {problem}: choose {', '.join(SPLITS)}, separated by commas")
    return names


# onball data check


def check(
    root: Annotated[Path, typer.Argument(metavar="FOLDER", help="The data set.")],
    full: Annotated[
        bool, typer.Option("--full", help="Decode every frame, not only some of each video.")
    ] = False,
    fps: Annotated[float, options.fps("Frame rate that the videos should have.")] = 25.0,
) -> None:
    """Look for misnamed files, broken videos and doubtful labels; exit code 1 if there are any."""
    from onball.data.check import check_data

    with console.progress_bar() as progress:
        report = check_data(root, full=full, fps=fps, progress=progress)
    for problem in report.problems:
        console.say(str(problem))
    videos = console.count(report.videos, "video")
    if report.videos:
        extent = "all" if full else "a sample of each video"
        frames = f"{console.count(report.frames, 'frame')} decoded, {extent}"
        videos += f" ({report.minutes:.1f} minutes; {frames})"
    counted = f"{_matches(report.matches)}, {console.count(report.labels, 'label')}, {videos}"
    if report.problems:
        console.fail(f"{root}: {console.count(len(report.problems), 'problem')} in {counted}")
        raise typer.Exit(1)
    console.say(f"{root}: no problem in {counted}")


# onball data stats

_QUANTITIES = {
    "per_minute": "per minute",
    "median_gap_s": "median gap",
    "same_team": "same team",
}


def stats(
    root: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The data set; it needs no videos.")
    ],
    split: Annotated[str, options.split()] = "all",
    reference: Annotated[
        bool,
        typer.Option(
            "--reference",
            help="Compare with statistics of real matches; exit code 1 if a figure is outside its "
            "tolerance.",
        ),
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Also write the figures into this file."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            "--picture", metavar="FILE", help="Also draw the figures: a .png, .svg or .pdf file."
        ),
    ] = None,
    clip_frames: Annotated[
        int,
        typer.Option(
            "--clip-frames", min=1, metavar="N", help="Frames of the clips that are counted."
        ),
    ] = 50,
    fps: Annotated[float, options.fps("Sampled frames per second of these clips.")] = 12.5,
    overwrite: options.Overwrite = False,
) -> None:
    """Count the labelled actions: how many, how often, after how long, by which team."""
    from onball.assets import reference_statistics
    from onball.data.statistics import Reference, Verdict
    from onball.data.summary import DataStatistics
    from onball.files import write_json_atomic
    from onball.outputs import OutputState, check_outputs, record_outputs

    request = {"data": str(root.resolve()), "split": split, "clips": clip_frames, "fps": fps}
    states = {
        file: check_outputs(file.parent, [file.name], request, overwrite=overwrite)
        for file in (json_file, figure)
        if file is not None
    }
    found = DataStatistics.read(root, split, clip_frames=clip_frames, fps=fps)
    play, clips = found.play, found.clips
    rows = found.compare() if reference else []
    for file, state in states.items():
        if state is OutputState.EDITED:
            console.say(f"{file}: was edited, so it is kept; --overwrite replaces it")
            continue
        # Written again even if it is there: labels may have changed since.
        if file == json_file:
            content: dict[str, Any] = {"root": str(root), "splits": found.as_json()}
            if reference:
                content["reference"] = [row.as_json() for row in rows]
            write_json_atomic(file, content)
        else:
            from onball.reports.statistics import draw_statistics

            draw_statistics(found.labels, file, title=root.resolve().name, actions=found.classes)
        record_outputs(file.parent, [file.name], request)
    console.console.print(statistics_table(found))
    minutes = f"{play.in_play_minutes:.1f} minutes in play"
    stretches = console.count(play.stretches, "stretch", "stretches")
    console.say(
        f"\n{_matches(play.matches)}, {console.count(play.events, 'event')}, {minutes} in {stretches} "
        "(runs of events at most 5 s apart)"
    )
    console.say(
        f"clips: number with such an event, of {console.count(clips.clips, 'clip')} of {clip_frames} "
        f"frames at {fps:g} per second ({clip_frames / fps:g} s, side by side up to the last event)"
    )
    if reference:
        real = Reference.of(reference_statistics())
        console.console.print("", comparison_table(rows))
        console.say(f"\nall actions per minute: {_compare_rates(play, real)}")
        console.note(
            "median gap: seconds until the next event; same team: fraction of next events; pts: "
            "percentage points. chance: real play of this length differs by less in 95 % of cases. "
            "The real minutes hold at least 5 % more than the stretches counted here, so that real "
            "play itself would read about +5 % per minute (see onball.data.statistics)."
        )
        outside = sum(row.verdict is Verdict.OUTSIDE for row in rows)
        if outside:
            raise OnballError(f"{root}: {outside} of {len(rows)} figures outside the tolerance")


def _matches(number: int) -> str:
    return console.count(number, "match", "matches")


def statistics_table(found: DataStatistics) -> Table:
    """Table of each action's events per split and per minute, gaps, teams and clips."""
    splits, play, clips = found.splits, found.play, found.clips
    table = Table(box=None, pad_edge=False, collapse_padding=True)  # fits into 80 columns
    table.add_column("action", min_width=19)
    several = len(splits) > 1
    columns = [*splits, "events"] if several else ["events"]
    for column in (*columns, "per\nminute", "gap\np10", "p50", "p90 s", "same\nteam", "clips"):
        table.add_column(column, justify="right")
    for action in found.classes:
        counted = play.actions[action]
        table.add_row(
            f"[{action.colour}]■[/] {escape(action)}",
            *(str(part.actions[action].events) for part in splits.values() if several),
            str(counted.events),
            _number(counted.per_minute),
            *(_number(gap) for gap in counted.gaps_s or (None, None, None)),
            _number(counted.same_team),
            str(clips.holding[action]),
        )
    table.add_section()
    rate = play.events / play.in_play_minutes if play.in_play_minutes else None
    table.add_row(
        "all",
        *(str(part.events) for part in splits.values() if several),
        str(play.events),
        _number(rate),
        *("", "", ""),
        _number(play.same_team),
        str(clips.not_empty),
    )
    return table


def comparison_table(rows: list[Comparison]) -> Table:
    """Table of each figure in the data set and in real matches, and of their difference."""
    from onball.data.statistics import Verdict

    colours = {Verdict.WITHIN: "green", Verdict.OUTSIDE: "bold red", Verdict.TOO_FEW: "yellow"}
    table = Table(box=None, pad_edge=False, collapse_padding=True)  # fits into 80 columns
    table.add_column("figure")
    table.add_column("action")
    for column in ("here", "real", "differs", "allowed", "chance"):
        table.add_column(column, justify="right")
    table.add_column("", no_wrap=True)
    for row in rows:
        unit = "pts" if row.quantity == "same_team" else "%"
        table.add_row(
            _QUANTITIES[row.quantity],
            row.action.value if row.action else "",
            _number(row.found, 3),
            _number(row.real, 3),
            "–" if row.difference is None else f"{row.difference:+.1f} {unit}",
            f"±{row.tolerance:g} {unit}",
            "–" if row.chance is None else f"±{row.chance:.0f} {unit}",
            f"[{colours[row.verdict]}]{row.verdict}[/]",
        )
    return table


def _compare_rates(play: PlayStatistics, real: Reference) -> str:
    expected = sum(real.per_minute.values())
    if not play.in_play_minutes:
        return f"– here, {expected:.2f} real"
    rate = play.events / play.in_play_minutes
    return f"{rate:.2f} here, {expected:.2f} real ({100 * (rate / expected - 1):+.1f} %)"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
