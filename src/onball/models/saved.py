"""Saved models: folders with `config.json`, `model.safetensors` and a model card.

Nothing is pickled, so that loading a model never runs code from its files.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, overload

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from onball.config import ComponentConfig, SavedModelConfig, Task, explain
from onball.errors import ConfigError, ModelError
from onball.files import atomic_folder, file_digest, read_json_object, write_error
from onball.models.components import chosen_components, custom_modules
from onball.models.nets import ClipClassifier, SpottingNet, build_model
from onball.runs import find_model, is_run

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
#: A net may register tensors while it is made that it does not keep, as many as this per weight of its
#: file, and these.
_MOST_ELEMENTS_PER_WEIGHT = 3
_MORE_ELEMENTS = 50_000_000


def save_model(
    net: SpottingNet | ClipClassifier,
    config: SavedModelConfig,
    folder: str | Path,
    *,
    card: str | None = None,
    half: bool = False,
) -> None:
    """Save a model in `folder`, which appears (or is replaced) only when complete.

    Args:
        net: the net that `config.model` describes.
        config: settings needed to run the net on a video.
        folder: destination; parents are created.
        card: Markdown text of the model card; None writes a short one.
        half: store floating-point weights in float16: half the bytes; they are loaded as float32.

    Raises:
        ModelError: as `check_model_folder`.
        OnballError: the folder cannot be written. A previous model in it is kept.
    """
    folder = Path(folder)
    check_model_folder(folder)
    weights = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
    if half:
        weights = {
            name: tensor.half() if tensor.is_floating_point() else tensor
            for name, tensor in weights.items()
        }
    try:
        with atomic_folder(folder, replace=True) as temporary:
            save_file({k: v.contiguous() for k, v in weights.items()}, temporary / WEIGHTS_FILE)
            # Files written by safetensors are readable by their owner alone.
            (temporary / WEIGHTS_FILE).chmod(0o644)
            text = json.dumps(_completed(config, net).model_dump(mode="json"), indent=2)
            (temporary / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
            (temporary / CARD_FILE).write_text(card or _short_card(config), encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise write_error(folder, error) from error


def _completed(config: SavedModelConfig, net: SpottingNet | ClipClassifier) -> SavedModelConfig:
    """The config with the modules of its components, and with options that depend on others."""
    backbone = {**dict(config.model.backbone), **net.backbone.resolved}
    model = config.model.model_copy(update={"backbone": ComponentConfig(**backbone)})
    return config.model_copy(update={"model": model, "imports": custom_modules(config.model)})


def check_model_folder(folder: str | Path) -> None:
    """Raise `ModelError` if `folder` is a file, or holds something other than a saved model."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{folder}: is a file; save the model to a new folder")
    if folder.exists() and not (folder / CONFIG_FILE).is_file() and any(folder.iterdir()):
        raise ModelError(f"{folder}: holds other files; save the model to a new folder")


@overload
def load_model(
    folder: str | Path, task: Literal["spotting"]
) -> tuple[SpottingNet, SavedModelConfig]: ...
@overload
def load_model(
    folder: str | Path, task: Literal["classification"]
) -> tuple[ClipClassifier, SavedModelConfig]: ...
@overload
def load_model(
    folder: str | Path, task: Task | None = ...
) -> tuple[SpottingNet | ClipClassifier, SavedModelConfig]: ...
def load_model(
    folder: str | Path, task: Task | None = None
) -> tuple[SpottingNet | ClipClassifier, SavedModelConfig]:
    """Load a saved model.

    Args:
        folder: folder of the saved model, or of the training run that has it.
        task: the task that the model must be for; None accepts either.

    Returns: the net, float32, on the CPU and in evaluation mode; and its config.

    Raises:
        ModelError: a folder or file that is missing, damaged, of a later format, made for another
            task, or with weights that do not fit its config.
    """
    folder = _require_model(folder)
    config = _read_config(folder)
    if task is not None and config.task != task:
        raise ModelError(
            f"{folder / CONFIG_FILE}: is a model for {config.task}, and one for {task} is needed"
        )
    _require_components(config, folder)
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise ModelError(f"{path}: no such file; a saved model needs it beside {CONFIG_FILE}")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: damaged or cut off ({error}); copy the model again") from None
    try:
        with _refuse_larger_nets(path, sum(tensor.numel() for tensor in weights.values())):
            net = build_model(config.model, config.task, fetch_weights=False)
    except ConfigError as error:
        raise ModelError(f"{folder / CONFIG_FILE}: {error}") from None
    own = net.state_dict()
    unfit = [k for k in own if k not in weights or weights[k].shape != own[k].shape]
    unfit += [k for k in weights if k not in own]
    if unfit:
        raise ModelError(
            f"{path}: the weights do not fit {CONFIG_FILE} ({len(unfit)} tensors differ, first "
            f"'{unfit[0]}'); the two files belong to different models"
        )
    net.load_state_dict({k: v.to(own[k].dtype) for k, v in weights.items()})
    return net.eval(), config


def read_model_config(folder: str | Path) -> SavedModelConfig:
    """Read the settings of a saved model, or of the training run that has it, without its weights.

    Raises `ModelError` as `load_model`.
    """
    return _read_config(_require_model(folder))


@contextmanager
def _refuse_larger_nets(path: Path, elements: int) -> Iterator[None]:
    """Raise `ModelError` in the block before a net much larger than its weights fills the memory.

    A damaged `config.json` may describe one. New tensors take no memory before they are initialised,
    which is after they are registered.

    Args:
        path: file of the weights, for the message.
        elements: number of all its elements.
    """
    left = _MOST_ELEMENTS_PER_WEIGHT * elements + _MORE_ELEMENTS
    thread = threading.get_ident()

    def count(_: nn.Module, __: str, tensor: Tensor | None) -> None:
        nonlocal left
        if tensor is None or threading.get_ident() != thread:
            return
        left -= tensor.numel()
        if left < 0:
            raise ModelError(
                f"{path}: {CONFIG_FILE} describes a much larger net; the two files belong to "
                "different models"
            )

    hooks = (
        register_module_parameter_registration_hook(count),
        register_module_buffer_registration_hook(count),
    )
    try:
        yield
    except (RuntimeError, MemoryError, OverflowError) as error:
        # Torch's allocator says so by a RuntimeError, and of sizes beyond 64 bits in other ways.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{path.with_name(CONFIG_FILE)}: no such net can be made: {reason}"
        ) from None
    finally:
        for hook in hooks:
            hook.remove()


def model_fingerprint(folder: str | Path) -> str:
    """Return a short hexadecimal digest of a saved model: of its settings and its weights.

    Raises `OSError` if a file cannot be read.
    """
    digests = [file_digest(find_model(folder) / name) for name in (CONFIG_FILE, WEIGHTS_FILE)]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]


def net_fingerprint(net: SpottingNet | ClipClassifier, config: SavedModelConfig) -> str:
    """Return a short hexadecimal digest of the settings and weights of a model in memory.

    It is another one than `model_fingerprint` of the same model.
    """
    digest = hashlib.sha256(config.model_dump_json().encode())
    for name, weights in net.state_dict().items():
        digest.update(name.encode())
        digest.update(weights.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def _require_components(config: SavedModelConfig, folder: Path) -> None:
    """Raise `ModelError` for components whose module was not imported."""
    for registry, component in chosen_components(config.model):
        if config.imports and not registry.knows(component.name):
            modules = " ".join(f"--import {name}" for name in config.imports)
            raise ModelError(
                f"{folder / CONFIG_FILE}: {registry.setting} is '{component.name}', a custom "
                f"component: name its module with `onball {modules} …`, or import it in Python"
            )


def _require_model(path: str | Path) -> Path:
    """Folder of the saved model in a folder or in a run; an error if a run has none yet."""
    folder = find_model(path)
    if is_run(path) and not (folder / CONFIG_FILE).is_file():
        raise ModelError(
            f"{path}: this training run has no saved model yet: continue it with "
            f"`onball train {path} --resume`"
        )
    return folder


def _read_config(folder: Path) -> SavedModelConfig:
    """The validated `config.json` of a saved model."""
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise ModelError(f"{folder}: no saved model here ({CONFIG_FILE} is missing)")
    tree = read_json_object(path, ModelError)
    try:
        return SavedModelConfig.model_validate(tree)
    except ValidationError as error:
        dotted, message = explain(error, SavedModelConfig)
        hint = "; a newer onball may read it" if dotted == "format_version" else ""
        raise ModelError(f"{path}: {dotted}: {message}{hint}") from None


def _short_card(config: SavedModelConfig) -> str:
    backbone, temporal = config.model.backbone.name, config.model.temporal.name
    spotting = config.task == "spotting"
    use = (
        "Run it with `onball spot VIDEO --model FOLDER`."
        if spotting
        else "Load it with `onball.models.load_model(FOLDER)`."
    )
    return (
        f"# {'Ball action spotting model' if spotting else 'Clip classifier'}\n\n"
        f"Backbone `{backbone}`, temporal head `{temporal}`, {config.width}×{config.height} "
        f"pixels at {config.fps:g} frames per second. {use}\n"
    )
