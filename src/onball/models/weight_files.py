"""Files of weights that others have saved: read without running code in them.

`torch.save` stores a pickle, which may hold instructions to run any function. Here only tensors and
plain values are read (`weights_only=True`), and large files are mapped into memory, not copied.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from onball.errors import ModelError

#: Errors of the libraries about damaged files; memory is claimed by a damaged header.
_DAMAGED = (
    SafetensorError,
    zipfile.BadZipFile,
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    MemoryError,
    OverflowError,
)
#: Prefixes that wrappers of a net give to the names of all its parameters.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.")
#: Number of dictionaries inside each other that are searched for weights.
_DEPTH = 3
#: Beginnings of files that are downloaded by mistake.
_MISTAKES = (
    (
        r"\s*(<!doctype|<html|<\?xml)",
        "is a web page, not a file of weights: download the file itself",
    ),
    (r"version https://git-lfs", "is a pointer of Git LFS, not the file itself: download that"),
)


@dataclass(frozen=True, slots=True)
class StateDict:
    """Weights in a file.

    Attributes:
        place: keys of the dictionaries around them, joined by dots; empty if there are none.
        weights: tensors by name, without the prefixes of wrappers such as `module.`.
    """

    place: str
    weights: Mapping[str, Tensor]


def read_file(path: Path) -> object:
    """Read the tensors and plain values of a `.safetensors` file, or of one by `torch.save`.

    Raises:
        ModelError: there is no such file, it is damaged or no file of weights, or it refers to
            anything besides tensors and plain values, which would run code.
    """
    if not path.is_file():
        problem = "is a folder: name the file of weights in it" if path.is_dir() else "no such file"
        raise ModelError(f"{path}: {problem}")
    try:
        _refuse_mistakes(path)
        if path.suffix == ".safetensors":
            return load_file(path)
        # Only files in the format of a zip archive, which torch has written since 2020, can be mapped.
        mapped = zipfile.is_zipfile(path)
        with warnings.catch_warnings():
            # About files that are refused below.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        if found is None:
            raise ModelError(f"{path}: damaged or no file of weights: download it again") from None
        raise ModelError(
            f"{path}: not a plain file of weights: it refers to '{found[1]}', which may run code, "
            "and was not loaded; ask for a file with the state dict alone"
        ) from None
    except _DAMAGED as error:
        lines = str(error).partition(". ")[0].splitlines() or [type(error).__name__]
        raise ModelError(f"{path}: damaged or no file of weights: {lines[0]}") from None


def _refuse_mistakes(path: Path) -> None:
    """Raise `ModelError` for files that are something else than their name says."""
    with path.open("rb") as file:
        begin = file.read(512).decode("latin-1")
    if not begin:
        raise ModelError(f"{path}: is empty: download it again")
    for pattern, problem in _MISTAKES:
        if re.match(pattern, begin, re.IGNORECASE):
            raise ModelError(f"{path}: {problem}")
    if begin.startswith("PK"):
        names = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
        if names and not any(name.endswith("data.pkl") for name in names):
            raise ModelError(
                f"{path}: is a zip archive of other files: unpack it, and name one of them"
            )


def state_dicts(tree: object, place: str = "") -> Iterator[StateDict]:
    """Yield all groups of tensors by name in what was read, the outermost first.

    Args:
        tree: result of `read_file`.
        place: keys of the dictionaries around it.
    """
    if not isinstance(tree, Mapping):
        return
    weights = {str(key): value for key, value in tree.items() if isinstance(value, Tensor)}
    if weights:
        yield StateDict(place, _unwrapped(weights))
    if place.count(".") + 1 < _DEPTH:
        for key, value in tree.items():
            yield from state_dicts(value, f"{place}.{key}" if place else str(key))


def _unwrapped(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights without the prefixes that all their names have."""
    wrapper = next((w for w in _WRAPPERS if all(name.startswith(w) for name in weights)), None)
    if wrapper is None:
        return weights
    return _unwrapped({name.removeprefix(wrapper): value for name, value in weights.items()})
