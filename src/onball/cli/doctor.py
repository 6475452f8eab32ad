"""`onball doctor`: check of packages, devices, decoders and folders."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from onball import __version__
from onball.cli import console
from onball.errors import InputError, OnballError

_DECODERS = ("h264", "hevc", "mpeg4", "vp9", "av1", "mpeg2video")
_EXTRAS = {
    "train": "onball train, experiments",
    "plot": "onball report, summary, figures",
    "simulate": "onball simulate",
    "recorded": "onball simulate --tracking",
    "fast": "onball export, --runtime onnx or openvino",
    "track": "onball track, models that take tracks",
    "rfdetr": "the detector rfdetr",
    "view": "onball view",
    "query": "onball index, query",
    "download": "encrypted archives of onball data download",
    "convert": "onball data convert footpass or sn-gar",
    "kloppy": "event data in onball data import",
    "otio": "OpenTimelineIO in onball data import",
    "xlsx": "workbooks of onball convert and data import",
    "pandas": "EventList.to_pandas",
    "stores": "videos and results at s3:// and other addresses",
    "ray": "onball spot and train --cluster ray",
    "slurm": "onball spot --cluster slurm",
}
"""Extra of the package, and what needs it."""


def doctor() -> None:
    """Show versions, devices, decoders and writable folders; exit code 1 if something is missing."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_row("onball", f"{__version__}, Python {platform.python_version()}")
    table.add_row("system", f"{platform.platform()}, {console.count(os.cpu_count() or 1, 'core')}")
    failed = []
    for name, check in _CHECKS.items():
        try:
            table.add_row(name, Text(check()))
        except Exception as error:
            # Any error is a result of the check; the other checks still run.
            failed.append(name)
            kind = "" if isinstance(error, OnballError) else f"{type(error).__name__}: "
            table.add_row(name, Text(f"{kind}{error}", style="red"))
    table.add_section()
    for extra, packages in _packages().items():
        if extra in _EXTRAS:
            table.add_row(f"extra {extra}", _describe_extra(extra, packages))
    console.console.print(table, highlight=False)
    if failed:
        console.fail(f"onball cannot work before this is repaired: {', '.join(failed)}")
        raise typer.Exit(1)


def _packages() -> dict[str, list[str]]:
    """Packages that onball requires, by extra; those that it always requires are under ""."""
    packages = defaultdict(list)
    try:
        requirements = requires("onball") or []
    except PackageNotFoundError:  # run from its source folder
        requirements = []
    for requirement in requirements:
        extra = re.search(r"extra *== *['\"](\w+)['\"]", requirement)
        name = re.match(r"[\w.-]+", requirement)
        if name is not None and name[0] != "onball":
            packages[extra[1] if extra else ""].append(name[0])
    return dict(packages)


def _versions(packages: list[str]) -> tuple[list[str], list[str]]:
    """Return the packages that are installed, with their versions, and those that are not."""
    present, missing = [], []
    for package in packages:
        try:
            present.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    return present, missing


def _describe_extra(extra: str, packages: list[str]) -> Text:
    present, missing = _versions(packages)
    if not missing:
        return Text(", ".join(present))
    return Text(
        f"not installed: {', '.join(missing)}; needed for {_EXTRAS[extra]}: "
        f'pip install "onball[{extra}]"',
        style="yellow",
    )


def _core() -> str:
    packages = _packages().get("", [])
    if not packages:
        raise InputError("onball is not installed as a package: pip install onball")
    present, missing = _versions(packages)
    if missing:
        raise InputError(f"not installed: {', '.join(missing)}: pip install --upgrade onball")
    return ", ".join(present)


def _devices() -> str:
    import torch

    from onball.models.compute import available_devices, choose_device, choose_precision

    chosen = choose_device()
    precision = str(choose_precision("auto", chosen)).removeprefix("torch.")
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else platform.machine()
    text = f"{chosen} ({name}), backbone in {precision}; --device: {', '.join(available_devices())}"
    if chosen.type == "cpu" and shutil.which("nvidia-smi"):
        text += (
            "; there is an NVIDIA driver, but this build of torch does not use it: "
            "https://pytorch.org/get-started"
        )
    return text


def _decoders() -> str:
    import av

    known = [name for name in _DECODERS if name in av.codecs_available]
    if "h264" not in known:
        raise InputError(
            "this build of FFmpeg cannot decode H.264: pip install --force-reinstall av"
        )
    missing = [name for name in _DECODERS if name not in known]
    return ", ".join(known) + (f"; not {', '.join(missing)}" if missing else "")


def _demo_model() -> str:
    from onball.assets import demo_model
    from onball.spotting.spotter import Spotter

    config = Spotter.from_pretrained(demo_model()).config
    return (
        f"{config.model.backbone.name} + {config.model.temporal.name}, "
        f"{config.width}×{config.height} at {config.fps:g} fps"
    )


def _writable() -> str:
    from onball.files import require_writable

    parts = []
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        require_writable(folder)
        parts.append(f"{folder} ({shutil.disk_usage(folder).free / 1e9:.0f} GB free)")
    return ", ".join(parts)


_CHECKS: dict[str, Callable[[], str]] = {
    "packages": _core,
    "device": _devices,
    "decoders": _decoders,
    "demo model": _demo_model,
    "writable": _writable,
}
