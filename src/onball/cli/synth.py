"""`onball synth`: simulated matches with exact labels."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console


def synth(
    out: Annotated[Path, typer.Option(help="Folder of the new data set.")],
    train: Annotated[int, typer.Option(min=0, help="Matches for training.")] = 2,
    valid: Annotated[int, typer.Option(min=0, help="Matches for validation.")] = 1,
    test: Annotated[int, typer.Option(min=0, help="Matches for testing.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.05, help="Length of each match.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds, other matches.")] = 0,
    size: Annotated[str, typer.Option(help="Pixels of the video, WIDTHxHEIGHT.")] = "398x224",
    fps: Annotated[float, typer.Option(min=1, max=60, help="Frames per second.")] = 25.0,
    processes: Annotated[int, typer.Option(min=0, help="Matches at once; 0: one per core.")] = 0,
) -> None:
    """Simulate football matches, in SoccerNet's layout. Stopped, it goes on where it was."""
    from onball.synthetic.generate import MatchPlan, missing_matches, plan_dataset, write_dataset

    width, height = _size(size)
    plan = MatchPlan(
        seed=0, duration_ms=round(minutes * 60_000), width=width, height=height, fps=fps
    )
    splits = plan_dataset(seed, {"train": train, "valid": valid, "test": test}, plan)
    missing = missing_matches(out, splits)
    matches = sum(len(names) for names in splits.values())
    workers = min(processes or os.cpu_count() or 1, max(1, len(missing)))
    total = sum(match.frames for match in missing.values())
    with console.progress(total, lambda speed: f"{speed:.0f} frames/s") as bar:
        bar.describe(f"{len(missing)} matches, {workers} at once")
        # Closed at once if the user interrupts, so that the workers end with it.
        with closing(write_dataset(out, splits, processes=workers)) as written:
            for frames in written:
                bar.advance(frames)
    kept = f" ({matches - len(missing)} were there already)" if len(missing) < matches else ""
    console.say(f"{matches} matches in {out}{kept}")
    console.say(f"Next: {console.this_command()} train spotting/demo --data {out}")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 32 and int(height) >= 32):
        raise typer.BadParameter(
            f"'{text}': expected WIDTHxHEIGHT such as 398x224, 32 or more each"
        )
    if int(width) % 2 or int(height) % 2:
        raise typer.BadParameter(f"'{text}': width and height must be even for H.264")
    return int(width), int(height)
