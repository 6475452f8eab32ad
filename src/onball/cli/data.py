"""`onball data stats`: what is labelled in a data set, and how it compares with real matches."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from onball.actions import ACTIONS
from onball.cli import console
from onball.errors import ConfigError, DataError, EmptySplitError, OnballError
from onball.progress import Progress

if TYPE_CHECKING:
    from onball.data.statistics import ClipCounts, Comparison, PlayStatistics, Reference
    from onball.events import EventList


_UNLISTED = "no split"
_QUANTITIES = {
    "per_minute": "per minute",
    "median_gap_s": "median gap s",
    "same_team": "same team next",
}


def stats(
    root: Annotated[Path, typer.Argument(help="The data set; labels are enough.")],
    split: Annotated[str, typer.Option(help="train, valid, test, challenge or all.")] = "all",
    reference: Annotated[
        bool,
        typer.Option(
            "--reference",
            help="Compare with statistics of real matches; exit code 1 if a figure is outside its "
            "tolerance.",
        ),
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures into this file too.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the figures into this file (.png, .svg) too.")
    ] = None,
    clip_frames: Annotated[
        int, typer.Option(min=1, help="Frames of the clips that are counted.")
    ] = 50,
    fps: Annotated[
        float, typer.Option(min=0.1, help="Sampled frames per second of these clips.")
    ] = 12.5,
) -> None:
    """Count the labelled actions: how many, how often, after how long, by which team."""
    from onball.assets import reference_statistics
    from onball.data.layout import ALL
    from onball.data.statistics import ClipCounts, PlayStatistics, Reference, compare
    from onball.files import write_json_atomic

    labels = labels_by_split(root, split)
    splits = {name: PlayStatistics.of(matches.values()) for name, matches in labels.items()}
    # By name, so that a match in two splits counts once in the sum.
    every = {name: match for found in labels.values() for name, match in found.items()}
    play = PlayStatistics.of(every.values())
    clips = ClipCounts.of(every.values(), clip_frames, fps)
    real = Reference.of(reference_statistics())
    rows = compare(play, real) if reference else []
    if json_file is not None:
        content: dict[str, Any] = {name: found.as_json() for name, found in splits.items()}
        if len(splits) > 1:
            content[ALL] = play.as_json()
        clips_in = {name: ClipCounts.of(m.values(), clip_frames, fps) for name, m in labels.items()}
        for name in splits:
            content[name]["clips"] = clips_in[name].as_json()
        if len(splits) > 1:
            content[ALL]["clips"] = clips.as_json()
        figures = {"reference": [row.as_json() for row in rows]} if reference else {}
        write_json_atomic(json_file, {"root": str(root), "splits": content, **figures})
    if picture is not None:
        from onball.reports.statistics import draw_statistics

        draw_statistics(labels, picture, title=root.resolve().name)
    console.console.print(statistics_table(splits, play, clips))
    console.say(
        f"\n{play.matches} matches, {play.events} events, {play.in_play_minutes:.1f} minutes in play "
        f"in {play.stretches} stretches (runs of events at most 5 s apart)"
    )
    console.say(
        f"clips: in how many of {clips.clips} clips of {clip_frames} frames at {fps:g} per second "
        f"({clip_frames / fps:g} s, side by side up to the last event) it occurs"
    )
    if reference:
        console.console.print("", comparison_table(rows))
        console.say(f"\nall actions per minute: {_all_actions(play, real)}")
        console.note(
            "The real minutes hold at least 5 % more than the stretches counted here, so that real "
            "play itself would read about +5 % per minute (see onball.data.statistics)."
        )
        outside = sum(not row.within for row in rows)
        if outside:
            raise OnballError(f"{root}: {outside} of {len(rows)} figures are outside the tolerance")


def labels_by_split(root: Path, split: str) -> dict[str, dict[str, EventList]]:
    """The annotations of each split that has any, by match; of one split only, if it is named.

    For `all`, matches that no split lists come last, under "no split"; if nothing says which match
    belongs where, all are under `all`. Matches without labels are left out, with a note.

    Raises what `find_matches` and `read_labels` raise, and `DataError` if no match has labels.
    """
    from onball.data.layout import ALL, SPLITS, SPLITS_FILE, find_matches
    from onball.formats.soccernet import read_labels

    matches = {split: find_matches(root, split)}
    if split == ALL:
        (every,) = matches.values()
        matches = {}
        # Without a file that lists them, a part of the official matches may well be missing.
        missing = EmptySplitError if (root / SPLITS_FILE).is_file() else DataError
        for name in SPLITS:
            try:
                matches[name] = find_matches(root, name)
            except missing:
                continue
        listed = {match.name for found in matches.values() for match in found}
        unlisted = [match for match in every if match.name not in listed]
        if unlisted:
            matches[_UNLISTED if matches else ALL] = unlisted
    labels = {
        name: {m.name: read_labels(m.labels) for m in found if m.labels is not None}
        for name, found in matches.items()
    }
    bare = sum(match.labels is None for found in matches.values() for match in found)
    if bare:
        console.note(f"{bare} matches without labels are left out")
    labels = {name: found for name, found in labels.items() if found}
    if not labels:
        raise DataError(f"{root}: no labelled match in the split '{split}'")
    return labels


def statistics_table(
    splits: dict[str, PlayStatistics], play: PlayStatistics, clips: ClipCounts
) -> Table:
    """Events of each action: in each split, per minute in play, gaps, the same team, clips."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)  # fits into 80 columns
    table.add_column("action", min_width=19)
    several = len(splits) > 1
    columns = [*splits, "events"] if several else ["events"]
    for column in (*columns, "per\nminute", "gap\np10", "p50", "p90 s", "same\nteam", "clips"):
        table.add_column(column, justify="right")
    for action in ACTIONS:
        found = play.actions[action]
        table.add_row(
            f"[{action.colour}]■[/] {action}",
            *(str(part.actions[action].events) for part in splits.values() if several),
            str(found.events),
            _number(found.per_minute),
            *(_number(gap) for gap in found.gaps_s or (None, None, None)),
            _number(found.same_team),
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
    """Each figure here and in real matches, the difference, and whether it is within bounds."""
    table = Table(box=None, pad_edge=False)
    table.add_column("figure")
    table.add_column("action")
    for column in ("here", "real", "difference", "tolerance", "chance"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows:
        unit = "points" if row.quantity == "same_team" else "%"
        table.add_row(
            _QUANTITIES[row.quantity],
            row.action.value if row.action else "",
            _number(row.found, 3),
            _number(row.real, 3),
            "–" if row.difference is None else f"{row.difference:+.1f} {unit}",
            f"±{row.tolerance:g} {unit}",
            "" if row.chance is None else f"±{row.chance:.0f} %",
            "[green]within[/]" if row.within else "[bold red]outside[/]",
        )
    return table


def _all_actions(play: PlayStatistics, real: Reference) -> str:
    expected = sum(real.per_minute.values())
    if not play.in_play_minutes:
        return f"– here, {expected:.2f} real"
    rate = play.events / play.in_play_minutes
    return f"{rate:.2f} here, {expected:.2f} real ({100 * (rate / expected - 1):+.1f} %)"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


# --- `onball data check`: is this data set fit to train on?


def check(
    root: Annotated[Path, typer.Argument(help="The data set.")],
    full: Annotated[
        bool, typer.Option("--full", help="Decode every frame, not only some of each video.")
    ] = False,
    fps: Annotated[float, typer.Option(help="The frame rate that the videos should have.")] = 25.0,
) -> None:
    """Look for misnamed files, broken videos and doubtful labels; exit code 1 if there are any."""
    from onball.data.check import check_data

    with console.progress_bar() as progress:

        def show(name: str, done: float, total: float) -> None:
            progress(Progress(name, done, total, "ms" if full else "matches"))

        report = check_data(root, full=full, fps=fps, on_progress=show)
    for problem in report.problems:
        console.say(str(problem))
    frames = "all" if full else "some"
    looked_at = (
        f"{report.matches} matches, {report.labels} labels, {report.videos} videos "
        f"({report.minutes:.1f} minutes; {report.frames} frames decoded, {frames} of each)"
    )
    if report.problems:
        console.fail(f"{root}: {len(report.problems)} problems in {looked_at}")
        raise typer.Exit(1)
    console.say(f"{root}: no problem in {looked_at}")


# --- `onball data download`: SoccerNet Ball Action Spotting from the Hugging Face hub.


_LICENCE = (
    "SoccerNet's videos are for research only, under its non-disclosure agreement; commercial use "
    "is not allowed (https://www.soccer-net.org/data)."
)
_STEPS = """How to get access, once:
  1. read SoccerNet's terms and sign its non-disclosure agreement: https://www.soccer-net.org/data
  2. make an account on the hub and ask for access on the page of the data set: {page}
  3. make a token that may read gated repositories: {address}/settings/tokens
  4. store it with `hf auth login`, or set HF_TOKEN, or give --token
Then call this command again."""


def download(
    out: Annotated[
        Path, typer.Option("--out", help="The folder for the matches; the root to train on.")
    ],
    split: Annotated[
        str, typer.Option(help="Splits, separated by commas: train, valid, test, challenge.")
    ] = "train,valid,test,challenge",
    endpoint: Annotated[
        str | None, typer.Option(help="Address of the hub; otherwise HF_ENDPOINT, else the public.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Access token; otherwise HF_TOKEN or that of `hf auth login`."),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            help="For encrypted archives; better in the variable SOCCERNET_PASSWORD.",
            envvar="SOCCERNET_PASSWORD",
            show_envvar=False,
        ),
    ] = None,
    keep_zip: Annotated[
        bool, typer.Option("--keep-zip", help="Leave the archives there after unpacking.")
    ] = False,
) -> None:
    """Download SoccerNet Ball Action Spotting 2025, ready to train on. Call again to continue."""
    from onball.data.download import BAS_2025, AccessError, HubDataset, download_to

    splits = _splits(split)
    dataset = HubDataset(BAS_2025, endpoint, token)
    console.note(_LICENCE)
    try:
        with download_to(out, dataset, password=password, keep_zip=keep_zip) as downloads:
            for name in splits:
                with console.progress_bar() as progress:

                    def show(what: str, done: int, total: int, name: str = name) -> None:
                        progress(Progress(f"{name}: {what}", done, total, "bytes"))

                    result = downloads.split(name, show)
                state = "already complete" if result.was_complete else "complete"
                console.say(f"{name}: {state}, {len(result.matches)} matches in {out}")
    except AccessError:
        steps = _STEPS.format(page=dataset.page, address=dataset.address)
        console.status.print(steps, markup=False, highlight=False, soft_wrap=True)
        raise
    command, folder = console.this_command(), shlex.quote(str(out))
    console.note(f"next: {command} data check {folder}")
    console.note(f"then: {command} train CONFIG --data {folder}")


def _splits(text: str) -> list[str]:
    """The splits named in `text`, each once. Raises `ConfigError` for an unknown one."""
    from onball.data.layout import ALL, SPLITS

    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if names == [ALL]:
        return list(SPLITS)
    unknown = [name for name in names if name not in SPLITS]
    if unknown or not names:
        what = f"unknown split '{unknown[0]}'" if unknown else "no split"
        raise ConfigError(f"--split: {what}: choose {', '.join(SPLITS)}, separated by commas")
    return names
