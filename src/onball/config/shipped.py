"""Configs that come with onball: their names, files and descriptions.

Names are paths below `configs` without suffix: `spotting/regnety_bilstm`. The folder of a config is
its task; those in other folders are overlays, which are put over a config with `--with`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from onball.config.schema import Task
from onball.errors import ConfigError
from onball.runs import RunFolder, is_run

_TASKS = get_args(Task)


@dataclass(frozen=True, slots=True)
class ShippedConfig:
    """A config or overlay that comes with onball.

    Attributes:
        name: its name, such as `spotting/regnety_bilstm`.
        task: task of the model that it trains; None for an overlay.
        description: one sentence, from the first comment of the file.
        path: the YAML file.
    """

    name: str
    task: Task | None
    description: str
    path: Path


def list_configs() -> list[ShippedConfig]:
    """Return the configs and overlays that come with onball: by task, overlays last, then by name."""
    configs = []
    for name, path in _shipped().items():
        folder = name.partition("/")[0]
        task = cast(Task, folder) if folder in _TASKS else None
        configs.append(ShippedConfig(name, task, _first_sentence(path), path))
    order = {task: number for number, task in enumerate((*_TASKS, None))}
    return sorted(configs, key=lambda config: (order[config.task], config.name))


def find_config(name: str | Path) -> Path:
    """Return the YAML file with that path, or the config or overlay of that name.

    Raises:
        ConfigError: there is neither; the message names the nearest config, or says how to resume
            if it is the folder of a training run.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = _shipped()
    key = _key(path)
    if key in shipped:
        return shipped[key]
    if is_run(path):
        raise ConfigError(
            f"{path}: is the folder of a training run: add --resume to continue it, or name "
            f"{RunFolder(path).config} to begin another run with its settings"
        )
    if path.is_dir() and is_run(path.parent):
        raise ConfigError(f"{path}: is a part of the training run {path.parent}: name the run")
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder: name a YAML file; {_hint(key, list(shipped))}")
    raise ConfigError(
        f"{name}: no such file, and no config of that name; {_hint(key, list(shipped))}"
    )


def base_config() -> Path:
    """Return the YAML file of the settings that all configs that come with onball share."""
    return _configs() / "base.yaml"


def config_name(path: Path) -> str:
    """Return the name of a config that comes with onball, the path of another one."""
    return next((name for name, file in _shipped().items() if file == path), str(path))


def find_base(base: str, file: Path) -> Path:
    """Return the YAML file that `file` names as its base: beside it, or the config of that name.

    Raises:
        ConfigError: there is neither.
    """
    beside = file.parent / base
    shipped = _shipped()
    if beside.is_file():
        return beside
    if _key(Path(base)) in shipped:
        return shipped[_key(Path(base))]
    raise ConfigError(
        f"{file}: base: '{base}': no such file relative to {file.parent}/, and no config of that "
        f"name; {_hint(base, list(shipped))}"
    )


def _hint(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else "`onball configs` lists those there are"


def _key(path: Path) -> str:
    return path.with_suffix("").as_posix().removeprefix("configs/") if path.name else ""


def _shipped() -> dict[str, Path]:
    """File of each config and overlay by name."""
    root = _configs()
    files = sorted(root.glob("*/*.yaml"))
    return {file.relative_to(root).with_suffix("").as_posix(): file for file in files}


def _configs() -> Path:
    """The folder `configs`: inside an installed package, beside `src` in a checkout."""
    inside = Path(__file__).parents[1] / "configs"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "configs"


def _first_sentence(path: Path) -> str:
    """The first sentence of the comment with which a file begins."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    sentence, stop, _ = " ".join(lines).partition(". ")
    return sentence + stop.rstrip()
