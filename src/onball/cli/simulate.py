"""`onball simulate`: simulated matches with exact labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console

_RECORDED = "A recorded match"


class PresetName(StrEnum):
    """Data sets by name."""

    TINY = "tiny"
    BENCH = "bench"
    FULL = "full"


def simulate(
    out: Annotated[Path, typer.Option(help="Folder of the new data set.")],
    preset: Annotated[
        PresetName | None,
        typer.Option(
            help="tiny: seconds, for tests. bench: the benchmark, 4 + 1 + 2 matches of 20 minutes. "
            "full: the same with halves of 45 minutes. Other options override it."
        ),
    ] = None,
    train: Annotated[int | None, typer.Option(min=0, help="Matches for training.")] = None,
    valid: Annotated[int | None, typer.Option(min=0, help="Matches for validation.")] = None,
    test: Annotated[int | None, typer.Option(min=0, help="Matches for testing.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.05, help="Length of each match.")] = None,
    halves: Annotated[
        int | None, typer.Option(min=1, max=2, help="2: teams change sides half way.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed; another seed gives other matches.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="Pixels of the video, WIDTHxHEIGHT.")] = None,
    fps: Annotated[float, typer.Option(min=1, max=60, help="Frames per second.")] = 25.0,
    crf: Annotated[
        int | None, typer.Option(min=0, max=51, help="x264's CRF; by default 20 to 36 by match.")
    ] = None,
    vary: Annotated[
        bool, typer.Option("--vary", help="Sizes up to 1280x720 and 25, 29.97 or 50 fps by match.")
    ] = False,
    cuts: Annotated[bool, typer.Option(help="Close-ups and replays in dead time.")] = True,
    video: Annotated[bool, typer.Option(help="--no-video: labels and tracks alone, fast.")] = True,
    mot: Annotated[bool, typer.Option("--mot", help="Also MOTChallenge text.")] = False,
    processes: Annotated[int, typer.Option(min=0, help="Matches at once; 0: one per core.")] = 0,
    tracking: Annotated[
        Path | None,
        typer.Option(
            help="Render a recorded match instead: tracking data of Tracab, Metrica, SkillCorner …",
            rich_help_panel=_RECORDED,
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            help="Its events: of a provider, a Labels-ball.json or a CSV of onball.",
            rich_help_panel=_RECORDED,
        ),
    ] = None,
    tracking_provider: Annotated[
        str | None, typer.Option(help="If it is not guessed.", rich_help_panel=_RECORDED)
    ] = None,
    tracking_meta: Annotated[
        Path | None, typer.Option(help="Metadata, for some formats.", rich_help_panel=_RECORDED)
    ] = None,
    events_provider: Annotated[
        str | None, typer.Option(help="If it is not guessed.", rich_help_panel=_RECORDED)
    ] = None,
    events_meta: Annotated[
        Path | None, typer.Option(help="Metadata, for some formats.", rich_help_panel=_RECORDED)
    ] = None,
) -> None:
    """Simulate football matches in SoccerNet's layout; call again to continue."""
    from onball.simulator import dataset

    pixels = None if size is None else _size(size)
    if tracking is not None:
        console.note(f"reading {tracking}")
    with console.progress_bar() as progress:
        done = dataset.simulate(
            out, None if preset is None else preset.value,
            train=train, valid=valid, test=test, minutes=minutes, halves=halves, seed=seed,
            size=pixels, fps=fps, crf=crf, vary=vary, cuts=cuts,
            video=video, mot=mot, processes=processes,
            tracking=tracking, events=events, tracking_provider=tracking_provider,
            tracking_meta=tracking_meta, events_provider=events_provider, events_meta=events_meta,
            progress=progress,
        )  # fmt: skip
    if tracking is not None:
        console.say(f"{out / done.matches[0]}")
        return
    kept = len(done.matches) - len(done.written)
    console.say(
        f"{len(done.matches)} matches in {out}" + (f" ({kept} were there already)" if kept else "")
    )
    command = console.this_command()
    if video:
        console.say(f"Next: {command} train spotting/demo --data {out}")
    else:
        console.say(f"Next: {command} data stats {out} --reference")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 32 and int(height) >= 32):
        raise typer.BadParameter(
            f"'{text}': expected WIDTHxHEIGHT such as 398x224, 32 or more each"
        )
    if int(width) % 2 or int(height) % 2:
        raise typer.BadParameter(f"'{text}': width and height must be even for H.264")
    return int(width), int(height)
