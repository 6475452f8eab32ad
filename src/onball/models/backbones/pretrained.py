"""Initial weights of image networks: from timm's hub, a weights file or a saved model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from onball.errors import ConfigError, ModelError
from onball.models.backbones.shift import GateShift
from onball.models.weight_files import read_file
from onball.runs import find_model

#: The setting, for messages.
_SETTING = "model.backbone.pretrained"
#: Keys under which other programs store the weights in a file with more content.
_NESTED = ("model", "state_dict", "model_state")
#: The image network in the weights of a saved model, and the file that holds them.
_OF_SAVED_MODEL = "backbone.network."
_WEIGHTS_FILE = "model.safetensors"


def load_pretrained(network: Any, name: str, source: bool | Path, channels: int) -> None:
    """Load initial weights into a timm network.

    Args:
        network: timm's network without a classifier, perhaps with `GateShift` layers, whose own
            weights may be missing from the source.
        name: timm's name of it.
        source: True for timm's weights; or a file of weights or the folder of a saved model.
        channels: input channels of the network, 3 + 2 · neighbours.

    Raises `ConfigError` if timm's weights cannot take that many channels, `ModelError` if the
    weights cannot be loaded or do not fit.
    """
    first = first_convolution(network, channels)
    if source is True and channels > 3 and first is None:
        raise ConfigError(
            f"model.backbone.neighbours: the pretrained weights of '{name}' cannot take more "
            "input channels: set neighbours=0, pretrained=false or another name"
        )
    weights = _fetch(name) if isinstance(source, bool) else read_weights(source)
    if first is not None:
        weights = widen_stem(weights, first, channels)
    own = network.state_dict()
    may_miss = tuple(f"{k}." for k, m in network.named_modules() if isinstance(m, GateShift))
    unused = tuple(f"{layer}." for layer in _classifiers(network))
    unfit = [k for k in own if k not in weights and not _optional(k, may_miss)]
    unfit += [k for k in own if k in weights and weights[k].shape != own[k].shape]
    unfit += [k for k in weights if k not in own and not k.startswith(unused)]
    if unfit:
        raise ModelError(
            f"{_SETTING}: {source} does not fit '{name}' ({len(unfit)} tensors are missing, unknown "
            f"or of another shape, first '{unfit[0]}'); give weights of that network"
        )
    network.load_state_dict({k: weights.get(k, v).to(v.dtype) for k, v in own.items()})


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a weights file, or of the image network in a saved model's folder.

    Reads what `read_file` reads; the weights may lie under "model", "state_dict" or "model_state".

    Raises `ModelError` if there is no such file, or none that holds weights of an image network.
    """
    path = find_model(path.expanduser())
    file = path / _WEIGHTS_FILE if path.is_dir() else path
    if not file.is_file():
        raise ModelError(
            f"{_SETTING}: {file}: no such file; give a file of weights, the folder of a saved "
            "model, true (timm's weights) or false (from scratch)"
        )
    try:
        tree = read_file(file)
    except ModelError as error:
        raise ModelError(f"{_SETTING}: {error}") from None
    weights = {k: v for k, v in _innermost(tree).items() if isinstance(v, Tensor)}
    prefixed = [key for key in weights if key.startswith(_OF_SAVED_MODEL)]
    if prefixed:
        weights = {key.removeprefix(_OF_SAVED_MODEL): weights[key] for key in prefixed}
    elif path.is_dir() or not weights:
        raise ModelError(f"{_SETTING}: {file}: holds no weights of an image network")
    return weights


def _innermost(tree: object) -> Mapping[str, object]:
    """Mapping of the weights, which may be nested in others."""
    if not isinstance(tree, Mapping):
        return {}
    inner = next((tree[key] for key in _NESTED if isinstance(tree.get(key), Mapping)), None)
    if inner is not None:
        return _innermost(inner)
    return {str(key): value for key, value in tree.items()}


def _fetch(name: str) -> dict[str, Tensor]:
    """Fetch timm's weights of a network, without its classifier."""
    import timm  # see `onball.models.backbones.image.create_network`

    try:
        network = timm.create_model(name, pretrained=True, num_classes=0)
    # Which errors mean "offline" depends on the hub client's own HTTP library.
    except Exception as error:
        raise ModelError(
            f"{_SETTING}: the pretrained weights of '{name}' could not be fetched "
            f"({type(error).__name__}); go online once, train from scratch with --set "
            f"{_SETTING}=false or from a local file or saved model with --set {_SETTING}=PATH"
        ) from error
    return dict(network.state_dict())


def _classifiers(network: Any) -> tuple[str, ...]:
    names: str | Sequence[str] | None = network.default_cfg.get("classifier")
    return (names,) if isinstance(names, str) else tuple(names or ())


def _optional(key: str, may_miss: tuple[str, ...]) -> bool:
    # Old files do not have BatchNorm's counter, which nothing here reads.
    return key.startswith(may_miss) or key.endswith("num_batches_tracked")


def first_convolution(network: Any, channels: int) -> str | None:
    """Return the name of the layer that takes the images; None if there are several."""
    first: str | Sequence[str] = network.default_cfg["first_conv"]
    if isinstance(first, str):
        layer = dict(network.named_modules()).get(first)
        if isinstance(layer, nn.Conv2d) and layer.weight.shape[1] == channels:
            return first
    return None


def widen_stem(weights: dict[str, Tensor], first_conv: str, channels: int) -> dict[str, Tensor]:
    """Widen the first convolution of the weights to `channels` = 3 + 2 · neighbours inputs.

    Channels are red, green, blue, then the neighbours in the order of time. Those in the weights
    are used, for any number of neighbours; the others are zero and have no effect.
    """
    key = f"{first_conv}.weight"
    stem = weights.get(key)
    if stem is None or stem.ndim != 4 or stem.shape[1] < 3 or stem.shape[1] % 2 == 0:
        return weights  # of another network: reported by the comparison of all weights
    theirs, ours = (stem.shape[1] - 3) // 2, (channels - 3) // 2
    both = min(theirs, ours)
    fitted = stem.new_zeros(stem.shape[0], channels, *stem.shape[2:])
    fitted[:, :3] = stem[:, :3]
    ours_begin, theirs_begin = 3 + ours - both, 3 + theirs - both
    fitted[:, ours_begin : ours_begin + 2 * both] = stem[:, theirs_begin : theirs_begin + 2 * both]
    return {**weights, key: fitted}
