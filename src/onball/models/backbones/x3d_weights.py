"""Published weights of X3D, as pytorchvideo lays them out."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from onball.errors import ModelError

_WEIGHTS = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/{}"

#: What to do without them.
INSTEAD = (
    "give pytorchvideo's X3D_S.pyth or X3D_M.pyth with --set model.backbone.pretrained=PATH, "
    "or train from scratch with --set model.backbone.pretrained=false"
)


def fetch_checkpoint(file: str) -> object:
    """The published checkpoint, from torch's cache or, the first time, from the internet.

    Raises `ModelError` if it cannot be had.
    """
    try:
        return torch.hub.load_state_dict_from_url(
            _WEIGHTS.format(file), map_location="cpu", progress=False, weights_only=True
        )
    # Besides network errors, whatever unpickling a damaged file raises.
    except Exception as error:
        raise ModelError(
            f"the pretrained weights {file} could not be fetched ({type(error).__name__}); "
            f"go online once, {INSTEAD}"
        ) from error


def read_checkpoint(path: Path) -> object:
    """What a file of weights, or the backbone in a saved model's folder, holds.

    Raises `ModelError` if it is missing or damaged.
    """
    if path.is_dir():
        saved = read_checkpoint(path / "model.safetensors")
        assert isinstance(saved, dict)  # as safetensors gives it
        own = "backbone."
        return {k.removeprefix(own): v for k, v in saved.items() if k.startswith(own)}
    if not path.is_file():
        raise ModelError(f"{path}: no such weights file; {INSTEAD}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    # What a damaged file raises depends on where the damage is.
    except Exception as error:
        raise ModelError(
            f"{path}: not a weights file, or damaged ({type(error).__name__}); {INSTEAD}"
        ) from error
