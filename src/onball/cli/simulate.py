"""`onball simulate`: simulated matches with exact labels."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console
from onball.progress import Progress

if TYPE_CHECKING:
    from onball.simulator.dataset import Outputs
    from onball.simulator.recorded.match import Recording
    from onball.simulator.rendering import MatchPlan


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
            "full: the same with halves of 45 minutes. Other options overrule it."
        ),
    ] = None,
    train: Annotated[int | None, typer.Option(min=0, help="Matches for training.")] = None,
    valid: Annotated[int | None, typer.Option(min=0, help="Matches for validation.")] = None,
    test: Annotated[int | None, typer.Option(min=0, help="Matches for testing.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.05, help="Length of each match.")] = None,
    halves: Annotated[
        int | None, typer.Option(min=1, max=2, help="2: teams change sides half way.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Other seeds, other matches.")] = None,
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
    from onball.simulator.dataset import (
        PRESETS,
        Outputs,
        missing_matches,
        plan_dataset,
        write_dataset,
    )
    from onball.simulator.recorded.match import Recording
    from onball.simulator.rendering import MatchPlan

    if mot and not video:
        raise typer.BadParameter("--mot needs a picture: leave --no-video out")
    base = PRESETS.get(preset.value) if preset else None
    counts = {"train": 2, "valid": 1, "test": 1} if base is None else dict(base.counts)
    for split, count in (("train", train), ("valid", valid), ("test", test)):
        if count is not None:
            counts[split] = count
    usual_minutes, usual_halves = (10.0, 1) if base is None else (base.minutes, base.halves)
    if size is not None:
        width, height = _size(size)
    else:
        width, height = (398, 224) if base is None else base.size
    plan = MatchPlan(
        seed=0, duration_ms=round((minutes or usual_minutes) * 60_000), width=width, height=height,
        fps=fps, crf=crf, halves=usual_halves if halves is None else halves, cuts=cuts,
    )  # fmt: skip
    if seed is None:
        seed = 0 if base is None else base.seed
    outputs = Outputs(video=video, mot=mot)
    if tracking is not None:
        recording = Recording(
            tracking, events, tracking_provider, tracking_meta, events_provider, events_meta
        )
        given = None if minutes is None else round(minutes * 60_000)
        _render(
            out, replace(plan, seed=seed, crf=24 if crf is None else crf), recording, given, outputs
        )
        return
    if events is not None:
        raise typer.BadParameter("--events needs --tracking: where were the players?")
    splits = plan_dataset(seed, counts, plan, vary=vary)
    missing = missing_matches(out, splits, outputs)
    matches = sum(len(names) for names in splits.values())
    workers = min(processes or os.cpu_count() or 1, max(1, len(missing)))
    total = sum(match.frames for match in missing.values())
    # Closed at once if the user interrupts, so that the workers end with it.
    with closing(write_dataset(out, splits, processes=workers, outputs=outputs)) as written:
        _show(written, total, f"{len(missing)} matches, {workers} at once")
    kept = f" ({matches - len(missing)} were there already)" if len(missing) < matches else ""
    console.say(f"{matches} matches in {out}{kept}")
    command = console.this_command()
    if video:
        console.say(f"Next: {command} train spotting/demo --data {out}")
    else:
        console.say(f"Next: {command} data stats {out} --reference")


def _render(
    out: Path, plan: MatchPlan, recording: Recording, minutes_ms: int | None, outputs: Outputs
) -> None:
    """One recorded match becomes a match of the data set."""
    from onball.simulator.recorded.match import write_recording

    console.note(f"reading {recording.tracking}")
    total, name, written = write_recording(out, plan, recording, minutes_ms, outputs)
    with closing(written):
        _show(written, total, name)
    console.say(f"{out / name}")


def _show(written: Generator[int, None, None], total: int, text: str) -> None:
    done = 0
    with console.progress_bar() as progress:
        for frames in written:
            done += frames
            progress(Progress(text, done, total, "frames"))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 32 and int(height) >= 32):
        raise typer.BadParameter(
            f"'{text}': expected WIDTHxHEIGHT such as 398x224, 32 or more each"
        )
    if int(width) % 2 or int(height) % 2:
        raise typer.BadParameter(f"'{text}': width and height must be even for H.264")
    return int(width), int(height)
