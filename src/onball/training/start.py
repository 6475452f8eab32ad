"""What comes before the first step: the run's folder, the first weights, a try with one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from onball.config import ComponentConfig, ExperimentConfig, ModelConfig, load_config
from onball.errors import ConfigError
from onball.models import build_classifier, build_net, load_classifier, load_model
from onball.models.saved import check_model_folder
from onball.training.checkpoints import LAST_CHECKPOINT

CONFIG_FILE = "config.yaml"
MODEL_FOLDER = "model"

#: Settings that may differ when a run is resumed: they do not change what is computed.
_MAY_CHANGE = {
    "data.root",
    "data.cache",
    "data.auxiliary.root",
    "training.workers",
    "training.threads",
    "training.loggers",
    "training.initial_model",  # it has been read
    "model.backbone.pretrained",
}
#: Parts of the net that a model to start from must share.
_PARTS = ("backbone", "temporal", "head")


def prepare_run(config: ExperimentConfig, run_dir: Path, resume: bool) -> bool:
    """Check the folder of the run; whether there is a state to resume from.

    Raises `ConfigError` if it holds a run and `resume` is false, or one with other settings;
    `ModelError` if `model/` holds something else.
    """
    check_model_folder(run_dir / MODEL_FOLDER)
    if not (run_dir / LAST_CHECKPOINT).is_file():
        return False
    if not resume:
        raise ConfigError(
            f"{run_dir}: holds a training run; go on with --resume or name another folder"
        )
    before = _flatten(load_config(run_dir / CONFIG_FILE).model_dump(mode="json"))
    now = _flatten(config.model_dump(mode="json"))
    for key in sorted({*before, *now} - _MAY_CHANGE):
        if before.get(key) != now.get(key):
            raise ConfigError(
                f"{run_dir}: was begun with {key}={before.get(key)}, now it is {now.get(key)}; "
                "resume with the same settings or start another run"
            )
    return True


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def first_net(config: ExperimentConfig) -> nn.Module:
    """The net before the first step: a new one, or one with the weights of a saved model.

    Raises what building it or loading the model raises, and `ConfigError` if that model is another
    net.
    """
    spotting = config.task == "spotting"
    folder = config.training.initial_model
    if folder is None:
        return build_net(config.model) if spotting else build_classifier(config.model)
    source, saved = load_model(folder) if spotting else load_classifier(folder)
    build = build_net if spotting else build_classifier
    net = build(config.model, fetch_weights=False)
    weights = source.state_dict()
    own = net.state_dict()
    if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in own.items()}:
        raise ConfigError(
            f"training.initial_model: {folder} has {_difference(saved.model, config.model)}: they "
            "must be the same net"
        )
    net.load_state_dict(weights)
    return net


def _difference(theirs: ModelConfig, ours: ModelConfig) -> str:
    """The first part in which two nets differ."""
    for part in _PARTS:
        one, other = getattr(theirs, part), getattr(ours, part)
        options = [{k: v for k, v in dict(p).items() if k != "pretrained"} for p in (one, other)]
        if options[0] != options[1]:
            return f"the {part} {_written(one)}, the config {_written(other)}"
    for switch in ("teams", "auxiliary", "tracking"):
        if getattr(theirs, switch) != getattr(ours, switch):
            given = f"model.{switch}={getattr(theirs, switch)}"
            return f"{given}, the config {getattr(ours, switch)}"
    return "other weights than the config's net"


def _written(component: ComponentConfig) -> str:
    options = "".join(f", {key} {value}" for key, value in component.options.items())
    return f"{component.name}{options}"


def check_tracking(config: ExperimentConfig) -> None:
    """Raise `ConfigError` for settings that do not go with tracks of players and ball."""
    tracking, crop = config.model.tracking is not None, config.data.crop is not None
    used = "model.tracking" if tracking else "data.crop"
    if (tracking or crop) and config.model.auxiliary is not None:
        raise ConfigError(
            f"{used}: SoccerNet-v2's matches have no tracks: train without model.auxiliary"
        )
    augmentation = config.training.augmentation
    for name in ("crop", "camera_shift"):
        if tracking and getattr(augmentation, name).probability > 0:
            raise ConfigError(
                f"training.augmentation.{name}.probability: the picture would move and its tracks "
                "would not: set it to 0 for a net with model.tracking"
            )
    if crop and not config.model.takes_frames:
        raise ConfigError("data.crop: the net looks at no pixels: --set data.crop=null")


def check_picture_size(net: nn.Module, config: ExperimentConfig) -> None:
    """Raise `ConfigError` if the net fails on one picture of the configured size."""
    width, height = config.data.size
    try:
        with torch.no_grad():
            frames = torch.zeros(1, 1, 3, height, width, dtype=torch.uint8)
            encoder = getattr(net, "tracking", None)
            tracking = None if encoder is None else torch.zeros(1, 1, encoder.input_dim)
            net.eval()(frames, tracking)
    except Exception as error:  # every network has its own way to refuse
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ConfigError(
            f"model.backbone.name: '{config.model.backbone.name}' cannot take pictures of "
            f"data.width × data.height = {width} × {height} ({reason}): choose another size or name"
        ) from error
    finally:
        net.train()
