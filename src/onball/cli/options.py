"""Options that several commands share, each with one name, short form, metavar and meaning.

A command uses an alias such as `Device` as the type of a parameter, or, where the help differs,
`Annotated[Path, options.out("Folder for the page.")]`. Metavars are FILE, FOLDER, VIDEO…, NAME, N for
counts and numbers, SECONDS, MINUTES, FPS, CONFIDENCE (0 to 1), WIDTHxHEIGHT, or the choices.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from onball.errors import InputError
from onball.timing import parse_time

Device = Annotated[
    str,
    typer.Option("--device", metavar="NAME", help="Device: auto, cpu, cuda, cuda:1, mps …"),
]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime",
        metavar="NAME",
        help="auto, torch, onnx, openvino, onnx-int8 or openvino-int8. auto is the fastest that is "
        "installed and that the model was exported for, see `onball export`.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        help="CPU threads for all work together. [default: one per core that this process may use]",
        show_default=False,
    ),
]
"""To be given to `onball.cores.choose_threads`."""
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace results that are there, also those edited by hand."),
]


def out(help: str, metavar: str = "FOLDER") -> Any:
    """Option `--out`, `-o`: where the results go."""
    return typer.Option("--out", "-o", metavar=metavar, help=help)


def model(help: str) -> Any:
    """Option `--model`, `-m`: a saved model or the run that has it, by its folder or by name."""
    return typer.Option("--model", "-m", metavar="NAME", help=help)


def data(help: str) -> Any:
    """Option `--data`, `-d`: a data set in SoccerNet's layout."""
    return typer.Option("--data", "-d", metavar="FOLDER", help=help)


def split(help: str = "Split of the data set: train, valid, test, challenge or all.") -> Any:
    """Option `--split`: matches of a data set."""
    return typer.Option("--split", metavar="NAME", help=help)


def threshold(help: str) -> Any:
    """Option `--threshold`, `-t`: the lowest confidence of an event, 0 to 1."""
    return typer.Option("--threshold", "-t", min=0, max=1, metavar="CONFIDENCE", help=help)


def seed(help: str) -> Any:
    """Option `--seed`: seed of everything random."""
    return typer.Option("--seed", min=0, metavar="N", help=help)


def settings(help: str) -> Any:
    """Option `--set`: single settings of a config."""
    return typer.Option("--set", metavar="KEY=VALUE", help=help, show_default=False)


def overlays(help: str) -> Any:
    """Option `--with`: YAML files put over a config."""
    return typer.Option("--with", metavar="NAME", help=help, show_default=False)


def fps(help: str, min: float = 0.1, max: float | None = None) -> Any:
    """Option `--fps`: frames per second."""
    return typer.Option("--fps", min=min, max=max, metavar="FPS", help=help)


def detector(help: str) -> Any:
    """Option `--detector`: a detector of people and ball, by name or as a file."""
    return typer.Option("--detector", metavar="NAME", help=help)


def workers(help: str, panel: str) -> Any:
    """Option `--workers`: processes at the same time, on this machine or a cluster."""
    return typer.Option("--workers", min=1, metavar="N", help=help, rich_help_panel=panel)


def cpus(help: str, panel: str) -> Any:
    """Option `--cpus`: CPU cores of each process."""
    return typer.Option("--cpus", min=1, metavar="N", help=help, rich_help_panel=panel)


def gpus(help: str, panel: str, max: int | None = None) -> Any:
    """Option `--gpus`: GPUs of each process."""
    return typer.Option("--gpus", min=0, max=max, metavar="N", help=help, rich_help_panel=panel)


Endpoint = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        help="Address of the hub. [default: HF_ENDPOINT, or https://huggingface.co]",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        help="Access token. [default: HF_TOKEN, or that of `hf auth login`]",
    ),
]


def choices(names: type[Enum]) -> str:
    """Metavar of an option with a few choices: `tiny|bench|full`."""
    return "|".join(str(choice.value) for choice in names)


#: What names a model.
MODELS = (
    "Folder of a saved model or run, a name of `onball models list`, or OWNER/NAME of a saved model on "
    "the hub."
)
#: The model that spots where none is given, see `onball.models.finding.default_model`.
DEFAULT_MODEL = "[default: ball-tracks; without the packages of the extra track: demo]"
Model = Annotated[Path | None, model(f"{MODELS} {DEFAULT_MODEL}")]
Videos = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="VIDEO…",
        help="Videos (MP4, MKV, MOV, AVI, TS …), folders, which are searched with their subfolders, or "
        'patterns such as "clips/*.mp4".',
        show_default=False,
    ),
]
"""To be read by `onball.video.find_videos`."""
Actions = Annotated[
    str | None,
    typer.Option(
        "--actions",
        "--action",
        metavar="NAMES",
        help='Only these actions: shot,goal,"high pass" … [default: all]',
    ),
]
"""To be split by `onball.actions.split_names`, and found by `ActionSet.find`."""
Classes = Annotated[
    Path | None,
    typer.Option(
        "--classes",
        metavar="FILE",
        help="List of the classes of labels or tables with other names than the 12 actions: "
        "classes.txt of their data set.",
    ),
]
"""To be read by `onball.data.classes.read_class_file`."""
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="TIME",
        help="Only from this time of the video on: 1:02:03, 62:03 or 3723.5.",
    ),
]
"""To be read by `onball.timing.parse_time`."""
End = Annotated[
    str | None, typer.Option("--end", metavar="TIME", help="Only up to this time of the video.")
]
"""To be read by `onball.timing.parse_time`."""
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        "-t",
        metavar="CONFIDENCE",
        help="Lowest confidence, 0 to 1: 0.4, or for single actions shot=0.2,goal=0.1. [default: as the "
        "model was run]",
        show_default=False,
    ),
]
"""To be read by `per_action`."""
Lead = Annotated[
    list[str] | None,
    typer.Option(
        "--lead",
        metavar="SECONDS",
        help="Seconds of an excerpt before its event: 5, or for single actions shot=8,goal=12. [default: "
        "5; 0 for subtitles, label-studio, fiftyone and kloppy]",
        show_default=False,
    ),
]
"""To be read by `per_action`."""
Lag = Annotated[
    list[str] | None,
    typer.Option(
        "--lag",
        metavar="SECONDS",
        help="Seconds of an excerpt after its event, as --lead. [default: 3; 1.5 for subtitles, 0 for "
        "label-studio, fiftyone and kloppy]",
        show_default=False,
    ),
]
"""To be read by `per_action`."""
ClipLead = Annotated[
    list[str] | None,
    typer.Option(
        "--lead",
        metavar="SECONDS",
        help="Seconds of a clip before its event: 5, or for single actions shot=8,goal=12. [default: 5]",
        show_default=False,
    ),
]
"""To be read by `per_action`."""
ClipLag = Annotated[
    list[str] | None,
    typer.Option(
        "--lag",
        metavar="SECONDS",
        help="Seconds of a clip after its event, as --lead. [default: 3]",
        show_default=False,
    ),
]
"""To be read by `per_action`."""
Kickoffs = Annotated[
    list[str] | None,
    typer.Option(
        "--kickoff",
        metavar="TIME",
        help="Time of the video at which the match kicks off, for the match clock and the periods; a "
        "second --kickoff is that of the second half. 2=TIME is for a video that begins with it. "
        "[default: as it was spotted]",
        show_default=False,
    ),
]
"""To be read by `kickoffs`."""


def per_action(option: str, texts: list[str] | None) -> tuple[float | None, dict[str, float]]:
    """Read numbers for all actions (`5`) and for single ones (`shot=8,high pass=6`).

    Args:
        option: name of the option, for messages.
        texts: its values.

    Returns:
        The number for all other actions, None if there is none, and those by name.

    Raises:
        InputError: a text is no number.
    """
    general: float | None = None
    single: dict[str, float] = {}
    for text in (part for given in texts or () for part in given.split(",")):
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise InputError(
                f"{option}: '{text.strip()}' is not a number, or an action and a number (shot=8)"
            ) from None
        if equals:
            single[name.strip()] = value
        else:
            general = value
    return general, single


def time_ms(option: str, text: str, *, signed: bool = False) -> int:
    """Return the milliseconds of a time.

    Args:
        option: name of the option, for messages.
        text: its value, see `parse_time`.
        signed: allow a time before that of the beginning, `-10:00`.

    Raises:
        InputError: the text is no time.
    """
    text = text.strip()
    sign = -1 if signed and text.startswith("-") else 1
    try:
        return sign * parse_time(text.lstrip("+-") if signed else text)
    except InputError as error:
        raise InputError(f"{option}: {error}") from None


def kickoffs(texts: list[str] | None) -> dict[int, float] | None:
    """Return kick-offs in seconds by period, given in order or as `2=TIME`. Raises `InputError`."""
    if not texts:
        return None
    found: dict[int, float] = {}
    for text in texts:
        number, equals, time = text.rpartition("=")
        if equals and number.strip() not in ("1", "2", "3", "4"):
            raise InputError(f"--kickoff: '{text}' is not of the form 2=45:10")
        period = int(number) if equals else max(found, default=0) + 1
        if period in found:
            raise InputError(f"--kickoff: that of period {period} is given twice")
        found[period] = time_ms("--kickoff", time, signed=True) / 1000
    return found
