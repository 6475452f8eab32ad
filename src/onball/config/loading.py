"""Reading and writing configs: one YAML file, its bases, overlays and `a.b=c` overrides.

A file may name another as its `base:` (a path relative to itself, or the name of a config that comes
with onball) and contain only the differences.
Mappings are merged key by key, with one exception: where `name` chooses a component (a backbone, a
temporal head) and the name changes, the options of the former component are dropped.
"""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from onball.config.base import CONFLICT
from onball.config.schema import ExperimentConfig
from onball.config.shipped import find_base, find_config
from onball.errors import ConfigError
from onball.files import write_text_atomic

_OVERRIDE = "--set"


def load_config(
    path: str | Path, overrides: Sequence[str] = (), overlays: Sequence[str | Path] = ()
) -> ExperimentConfig:
    """Read the settings of an experiment.

    Relative paths inside the settings are kept as they are: relative to the working directory.

    Args:
        path: YAML file, or name of a config that comes with onball (`spotting/tiny`); its bases
            are read too.
        overrides: `section.setting=value`, applied last. Values are YAML: `training.threads=null`,
            `training.augmentation.jitter.factor=[0.8, 1.2]`. The last one of a setting wins.
        overlays: YAML files or names, merged over the first one in this order: the same experiment
            on a smaller budget.

    Raises:
        ConfigError: a file that is missing, is no YAML or names itself as its base; an unknown
            setting (with the nearest known one); a value of the wrong type or out of range;
            settings that exclude each other. The message is one line that names file and setting.
    """
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    layers = [layer for file in (path, *overlays) for layer in _layers(find_config(file), ())]
    for source, layer in layers:
        tree = _merge(tree, layer)
        origins.update(dict.fromkeys(_dotted(layer), source))
    for override in overrides:
        layer = _parse_override(override)
        tree = _merge(tree, layer)
        origins.update(dict.fromkeys(_dotted(layer), f"{_OVERRIDE} {override}"))
    try:
        return ExperimentConfig.model_validate(tree)
    except ValidationError as error:
        dotted, message = explain(error, ExperimentConfig)
        # A missing setting has no origin: take that of the section it belongs to.
        place = dotted
        while place and place not in origins:
            place = place.rpartition(".")[0]
        raise ConfigError(f"{origins.get(place, str(path))}: {dotted}: {message}") from None


def config_text(config: ExperimentConfig) -> str:
    """Return every setting (defaults too, no `base:`) as YAML that `load_config` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def save_config(config: ExperimentConfig, path: str | Path) -> None:
    """Write `config_text` to a file."""
    write_text_atomic(path, config_text(config))


def explain(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Return the dotted path of the first invalid setting, and one line that says what is wrong.

    Args:
        error: the failed validation.
        model: type of the validated config, to suggest known settings for an unknown one.
    """
    fault = error.errors(include_url=False)[0]
    location = [str(part) for part in fault["loc"]]
    if fault["type"] == CONFLICT:
        return ".".join([*location, fault["ctx"]["setting"]]), fault["ctx"]["reason"]
    dotted = ".".join(location) or "(the whole file)"
    if fault["type"] != "extra_forbidden":
        got = "" if fault["type"] == "missing" else f", got {fault['input']!r}"
        message = fault["msg"].removeprefix("Value error, ")
        return dotted, message[:1].lower() + message[1:] + got
    known = _known_settings(model, location[:-1])
    close = difflib.get_close_matches(location[-1], known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(known)
    return dotted, f"unknown setting; {hint}"


def _known_settings(model: type[BaseModel], location: Sequence[str]) -> list[str]:
    """Names of the settings in the section at `location`."""
    for part in location:
        if part.isdecimal():  # an entry of a list of sections
            continue
        sections = _sections(model.model_fields[part].annotation)
        if not sections:
            return []
        model = sections[0]
    return list(model.model_fields)


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """Types of sections in the type of a setting, which may be optional or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]


def _layers(path: Path, seen: tuple[Path, ...]) -> list[tuple[str, dict[str, Any]]]:
    """Settings of the file, preceded by those of its bases, each with the name of its file."""
    if path.resolve() in seen:
        raise ConfigError(f"{path}: base: names a file that is based on this one; remove one")
    try:
        tree = _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the config ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not a text file"
        raise ConfigError(f"{where}: not valid YAML: {problem}") from None
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: expected sections such as 'training:', got {tree!r:.60}")
    base = tree.pop("base", None)
    if base is None:
        return [(str(path), tree)]
    below = find_base(str(base), path)
    return [*_layers(Path(os.path.normpath(below)), (*seen, path.resolve())), (str(path), tree)]


def _parse(text: str) -> Any:
    """Parse YAML. A text is parsed once in a process: most configs share their bases."""
    return copy.deepcopy(_parsed(text))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Any:
    return yaml.safe_load(text)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two trees of settings; values of `above` win."""
    if "name" in below and above.get("name", below["name"]) != below["name"]:
        return dict(above)
    merged = dict(below)
    for key, value in above.items():
        former = merged.get(key)
        if isinstance(former, Mapping) and isinstance(value, Mapping):
            value = _merge(former, value)
        merged[key] = value
    return merged


def _parse_override(override: str) -> dict[str, Any]:
    """Tree of settings of one `section.setting=value`."""
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"{_OVERRIDE} {override}: expected section.setting=value")
    try:
        tree = _parse(text)
    except yaml.YAMLError:
        raise ConfigError(f"{_OVERRIDE} {override}: the value is not valid YAML") from None
    for key in reversed(keys):
        tree = {key: tree}
    return dict(tree)


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted path of every node, so that a fault can be traced to its file."""
    paths = []
    for key, value in tree.items():
        paths.append(f"{prefix}{key}")
        if isinstance(value, Mapping):
            paths += _dotted(value, f"{prefix}{key}.")
    return paths
