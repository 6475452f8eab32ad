"""`onball doctor`: check of packages, devices, decoders and folders."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from onball import __version__
from onball.cli import console

_CORE = ("torch", "timm", "av", "numpy", "pydantic", "safetensors")
_EXTRAS = {
    "lightning": "train",
    "tensorboard": "train",
    "opencv-python-headless": "simulate",
    "pyarrow": "simulate",
    "onnxruntime": "track",
    "trackers": "track",
    "matplotlib": "plot",
}
_DECODERS = ("h264", "hevc", "mpeg4", "vp9", "av1", "mpeg2video")


def doctor() -> None:
    """Show versions, devices, decoders and writable folders; exit code 1 if something is missing."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row(
        "onball", f"{__version__}, Python {platform.python_version()}, {platform.platform()}"
    )
    healthy = True
    for name, check in _CHECKS.items():
        try:
            table.add_row(name, Text(check()))
        except Exception as error:
            # Any error is a result of the check; the other checks still run.
            healthy = False
            table.add_row(name, Text(f"{type(error).__name__}: {error}", style="red"))
    console.console.print(table, highlight=False)
    if not healthy:
        console.fail("some of the above must be repaired before onball can work")
        raise typer.Exit(1)


def _core() -> str:
    return ", ".join(f"{package} {version(package)}" for package in _CORE)


def _extras() -> str:
    lines = []
    for package, extra in _EXTRAS.items():
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f'{package} absent (pip install "onball[{extra}]")')
    return ", ".join(lines)


def _devices() -> str:
    import torch

    from onball.models.compute import choose_device, choose_precision

    chosen = choose_device()
    precision = str(choose_precision("auto", chosen)).removeprefix("torch.")
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else platform.machine()
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{chosen} ({name}), backbone in {precision}; {cores}"


def _decoders() -> str:
    import av

    known = [name for name in _DECODERS if name in av.codecs_available]
    if "h264" not in known:
        raise RuntimeError("this build of FFmpeg cannot decode H.264: reinstall av")
    return ", ".join(known)


def _demo_model() -> str:
    from onball.spotting.spotter import Spotter

    config = Spotter.from_pretrained().config
    return (
        f"{config.model.backbone.name} + {config.model.temporal.name}, "
        f"{config.width}×{config.height} at {config.fps:g} fps"
    )


def _writable() -> str:
    folders = [Path.cwd(), Path(tempfile.gettempdir())]
    for folder in folders:
        with tempfile.TemporaryFile(dir=folder):
            pass
    return ", ".join(str(folder) for folder in folders)


_CHECKS: dict[str, Callable[[], str]] = {
    "core": _core,
    "extras": _extras,
    "device": _devices,
    "decoders": _decoders,
    "demo model": _demo_model,
    "writable": _writable,
}
