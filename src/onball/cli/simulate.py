"""`onball simulate`: simulated matches with exact labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onball.cli import console, options
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.simulator.dataset import SimulatedDataset

_RECORDED = "A recorded match"


class PresetName(StrEnum):
    """Data sets by name."""

    TINY = "tiny"
    BENCH = "bench"
    FULL = "full"


class LookName(StrEnum):
    """Ranges from which looks are drawn."""

    STANDARD = "standard"
    BROAD = "broad"


def _count(help: str) -> Any:
    return typer.Option(min=0, metavar="N", help=help)


def _provider(name: str, help: str) -> Any:
    help = f"{help} [default: found by its content]"
    return typer.Option(name, metavar="NAME", help=help, rich_help_panel=_RECORDED)


def _metadata(name: str, help: str) -> Any:
    help = f"{help[:-1]}, which some formats need."
    return typer.Option(name, metavar="FILE", help=help, rich_help_panel=_RECORDED)


def simulate(
    out: Annotated[Path, options.out("Folder of the data set.")],
    preset: Annotated[
        PresetName | None,
        typer.Option(
            "--preset",
            metavar=options.choices(PresetName),
            help="tiny: a few seconds, for tests. bench: the benchmark, 4 + 1 + 2 matches of 20 "
            "minutes. full: the same with halves of 45 minutes. Other options override it.",
        ),
    ] = None,
    train: Annotated[int | None, _count("Matches for training. [default: 2]")] = None,
    valid: Annotated[int | None, _count("Matches for validation. [default: 1]")] = None,
    test: Annotated[int | None, _count("Matches for testing. [default: 1]")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes", min=0.05, metavar="MINUTES", help="Length of a match. [default: 10]"
        ),
    ] = None,
    halves: Annotated[
        int | None,
        typer.Option(
            "--halves",
            min=1,
            max=2,
            metavar="N",
            help="2: teams change sides half way. [default: 1]",
        ),
    ] = None,
    seed: Annotated[
        int | None, options.seed("Seed of the data set; no two seeds share a match. [default: 0]")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", metavar="WIDTHxHEIGHT", help="Pixels of the video. [default: 398x224]"
        ),
    ] = None,
    fps: Annotated[float, options.fps("Frames per second of the video.", min=1, max=60)] = 25.0,
    crf: Annotated[
        int | None,
        typer.Option(
            "--crf",
            min=0,
            max=51,
            metavar="N",
            help="Quality of the video, x264's constant rate factor: 0 (lossless) to 51. "
            "[default: 20 to 36, by match]",
        ),
    ] = None,
    vary: Annotated[
        bool, typer.Option("--vary", help="Sizes up to 1280x720 and 25, 29.97 or 50 fps, by match.")
    ] = False,
    cuts: Annotated[
        bool, typer.Option("--cuts/--no-cuts", help="Close-ups and replays in dead time.")
    ] = True,
    look: Annotated[
        LookName,
        typer.Option(
            "--look",
            metavar=options.choices(LookName),
            help="standard: clear images. broad: balls, pitches, lenses, losses, texts and cameras "
            "vary as much as in real broadcasts, for training.",
        ),
    ] = LookName.STANDARD,
    rare: Annotated[
        float,
        typer.Option(
            "--rare",
            min=1,
            metavar="FACTOR",
            help="Make shots, goals, tackles and other rare actions more frequent by about this factor.",
        ),
    ] = 1.0,
    video: Annotated[
        bool,
        typer.Option("--video/--no-video", help="Write videos; labels and tracks alone are fast."),
    ] = True,
    boxes: Annotated[
        bool,
        typer.Option(
            "--boxes", help="With --no-video: the boxes in the frames that a video would have."
        ),
    ] = False,
    mot: Annotated[
        bool, typer.Option("--mot", help="Also write tracks as MOTChallenge text.")
    ] = False,
    processes: Annotated[
        int,
        typer.Option("--processes", min=0, metavar="N", help="Processes; 0: one per core."),
    ] = 0,
    tracking: Annotated[
        Path | None,
        typer.Option(
            "--tracking",
            metavar="FILE",
            help="Tracking data of a provider (Tracab, Metrica, SkillCorner …): renders this match "
            "instead of simulated ones. Not the tracks of `onball track`.",
            rich_help_panel=_RECORDED,
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            "--events",
            metavar="FILE",
            help="Its events: of a provider, a Labels-ball.json or an events.csv.",
            rich_help_panel=_RECORDED,
        ),
    ] = None,
    tracking_provider: Annotated[
        str | None, _provider("--tracking-provider", "Format of the tracking data.")
    ] = None,
    tracking_meta: Annotated[
        Path | None, _metadata("--tracking-meta", "Metadata of the tracking data.")
    ] = None,
    events_provider: Annotated[
        str | None, _provider("--events-provider", "Format of the events.")
    ] = None,
    events_meta: Annotated[
        Path | None, _metadata("--events-meta", "Metadata of the events.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Simulate football matches in SoccerNet's layout; call again to continue.

    Matches that are complete are skipped. Another seed adds its matches to those in the folder.
    """
    from onball.simulator import dataset

    pixels = None if size is None else _size(size)
    if tracking is not None:
        console.note(f"reading {tracking}")
    try:
        with console.progress_bar() as progress:
            done = dataset.simulate(
                out, None if preset is None else preset.value,
                train=train, valid=valid, test=test, minutes=minutes, halves=halves, seed=seed,
                size=pixels, fps=fps, crf=crf, vary=vary, cuts=cuts, look=look.value,
                rare=rare, video=video, mot=mot, boxes=boxes, processes=processes,
                tracking=tracking, events=events, tracking_provider=tracking_provider,
                tracking_meta=tracking_meta, events_provider=events_provider, events_meta=events_meta,
                overwrite=overwrite, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt as stop:
        message = "interrupted: complete matches are kept, and the same command writes the others"
        raise type(stop)(message) from None
    console.say(_describe(done))
    if tracking is not None:
        return
    command, folder = console.this_command(), shell_quoted(out)
    if video and preset is PresetName.TINY:
        console.say(f"Next: {command} train spotting/tiny --data {folder}    (seconds)")
    elif video:
        console.say(
            f"Next: {command} train spotting/demo --data {folder} --dry-run    (measures how long the "
            "training takes here; without --dry-run it starts)"
        )
    elif boxes:
        console.say(
            f"Next: {command} track --data {folder} --detector simulated:ballnet --name "
            f"tracks_ballnet.parquet --fps 6.25, then {command} train spotting/ball_tracks --data {folder}"
        )
    else:
        console.say(f"Next: {command} data stats {folder} --reference")


def _describe(done: SimulatedDataset) -> str:
    parts = []
    if done.kept:
        names = [name.rpartition("/")[2] for name in done.kept]
        parts.append(f"{_matches(len(names))} there already ({', '.join(names)})")
    if done.written:
        parts.append(f"{_matches(len(done.written))} written")
    return f"{'; '.join(parts) or 'nothing to do'}; {done.root} has {_matches(done.total)}"


def _matches(number: int) -> str:
    return console.count(number, "match", "matches")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 32 and int(height) >= 32):
        raise typer.BadParameter(
            f"'{text}': expected WIDTHxHEIGHT such as 398x224, 32 or more each"
        )
    if int(width) % 2 or int(height) % 2:
        raise typer.BadParameter(f"'{text}': width and height must be even for H.264")
    return int(width), int(height)
