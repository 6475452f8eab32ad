"""`onball data download`: SoccerNet Ball Action Spotting from the Hugging Face hub."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console
from onball.errors import ConfigError

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
                with _Bars(name) as bars:
                    result = downloads.split(name, bars.show)
                state = "already complete" if result.was_complete else "complete"
                console.say(f"{name}: {state}, {len(result.matches)} matches in {out}")
    except AccessError:
        steps = _STEPS.format(page=dataset.page, address=dataset.address)
        console.status.print(steps, markup=False, highlight=False, soft_wrap=True)
        raise
    command, folder = console.this_command(), shlex.quote(str(out))
    console.note(f"next: {command} data check {folder}")
    console.note(f"then: {command} train CONFIG --data {folder}")


class _Bars:
    """A progress bar for each thing done for a split, over what was missing when it began."""

    def __init__(self, split: str) -> None:
        self._split = split
        self._stack = ExitStack()
        self._shown = ""

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def show(self, what: str, done: int, total: int) -> None:
        """`done` of `total` bytes."""
        if what != self._shown:
            self._stack.close()
            self._shown, self._there = what, done
            bar = console.progress(total - done, lambda speed: f"{speed / 1e6:.1f} MB/s")
            self._bar = self._stack.enter_context(bar)
            there = f", {done / 1e9:.2f} GB are there" if what == "downloading" and done else ""
            self._bar.describe(f"{self._split}: {what} {total / 1e9:.2f} GB{there}")
        self._bar.reach(done - self._there)


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
