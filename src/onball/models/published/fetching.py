"""Published models from the Hugging Face hub, by the names and the content of the files there.

    fetch_model("adaspot-small")

The layout of a repository is its authors' affair: its files are listed, those whose names fit best are
downloaded into the hub's cache, and the first one that fits the net is imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from huggingface_hub import ModelCard
from yaml import YAMLError

from onball.errors import ModelError
from onball.hub import HubRepository, fetch_cached, list_files
from onball.models.published.catalogue import PUBLISHED, find_published
from onball.models.published.checkpoints import PublishedModel
from onball.models.published.importing import (
    ImportedModel,
    cached_model,
    import_model,
    is_cached,
    licence_text,
)
from onball.models.saved import CARD_FILE
from onball.progress import Progress, ProgressCallback, no_progress

_SUFFIXES = {".pt", ".pth", ".ckpt", ".bin", ".safetensors"}
#: Files that are downloaded before the search ends, and names of files that an error shows.
_TRIED, _NAMED = 3, 8


@dataclass(frozen=True, slots=True)
class Download:
    """A download that is about to begin.

    Attributes:
        name: name of the model.
        page: address of the repository.
        file: path of the file in it.
        size: bytes of the file.
        licence: licences of weights and code in plain words.
    """

    name: str
    page: str
    file: str
    size: int
    licence: str


def ignore_download(download: Download) -> None:
    """Announce nothing; the default of `on_download`."""


def fetch_model(
    name: str,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    overwrite: bool = False,
    on_download: Callable[[Download], object] = ignore_download,
    progress: ProgressCallback = no_progress,
) -> ImportedModel:
    """Download a published model from the hub, and save it as a model of onball in the hub's cache.

    A model that is there is not downloaded again, and an interrupted download is continued.

    Args:
        name: name of the published model.
        endpoint: address of the hub; None takes `HF_ENDPOINT`, else the public hub.
        token: access token; None takes `HF_TOKEN` or the token stored by `hf auth login`.
        overwrite: fetch a model again that is there.
        on_download: called before a file is downloaded.
        progress: called with the bytes downloaded.

    Raises:
        ModelError: there is no such model, it is not on the hub, no file of the repository fits, or
            the model that is there was changed.
        OnballError: the hub cannot be reached or refuses access, or the cache cannot be written.
    """
    model = find_published(name)
    if not overwrite and is_cached(name):
        return ImportedModel(name, cached_model(name), was_done=True)
    if not model.origin.hub:
        raise ModelError(
            f"{name}: its file is not on the hub; get it ({model.origin.weights}), then `onball "
            f"models import FILE --as {name}`"
        )
    repository = HubRepository(model.origin.hub, endpoint, token, kind="model")
    files = list_files(repository)
    candidates = rank_files(model, files)
    licence = _stated_licence(repository) if CARD_FILE in files else ""
    refused = []
    for file in candidates[:_TRIED]:
        text = licence_text(model.origin, licence)
        on_download(Download(name, repository.page, file, files[file], text))
        path = fetch_cached(
            repository,
            file,
            lambda done, total: progress(Progress(f"{name}: downloading", done, total, "bytes")),
        )
        try:
            return import_model(path, name, overwrite=overwrite, licence=licence)
        except ModelError as error:
            refused.append(f"{file} ({_reason(error, path)})")
    others = [file for file in files if file not in candidates[:_TRIED]]
    tried = f"tried {'; '.join(refused)}; " if refused else ""
    more = ", …" if len(others) > _NAMED else ""
    raise ModelError(
        f"{repository.page}: no checkpoint of {name} there ({tried}other files: "
        f"{', '.join(others[:_NAMED]) or 'none'}{more}): `onball models import FILE` takes one that "
        "you have"
    )


def rank_files(model: PublishedModel, files: dict[str, int]) -> list[str]:
    """Return the files of a repository that may be the model's checkpoint, the most likely first.

    Files count whose path has more words of this model's name than of others'; among these, those
    whose size is nearest to that of its parameters in float32.

    Args:
        model: the published model.
        files: size in bytes of each file, by its path in the repository.
    """
    own = set(model.name.split("-"))
    others = {word for other in PUBLISHED for word in other.split("-")} - own

    def rank(file: str) -> tuple[int, float, str]:
        path = file.lower()
        words = sum(word in path for word in own) - sum(word in path for word in others)
        words += all(word in path for word in model.origin.path_words)
        distance = abs(math.log(max(files[file], 1) / (4 * model.parameters)))
        return -words, round(distance, 1), file

    weights = [file for file in files if PurePosixPath(file).suffix.lower() in _SUFFIXES]
    return sorted(weights, key=rank)


def _stated_licence(repository: HubRepository) -> str:
    """Licence in the repository's card; empty if it states none."""
    text = fetch_cached(repository, CARD_FILE).read_text(encoding="utf-8", errors="replace")
    try:
        data = ModelCard(text, ignore_metadata_errors=True).data
    except (ValueError, YAMLError):
        return ""
    stated = [getattr(data, key, None) for key in ("license", "license_name", "license_link")]
    return ", ".join(str(value) for value in stated if value)


def _reason(error: ModelError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")
