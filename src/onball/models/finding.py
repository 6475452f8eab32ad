"""The one place that says which model a user means: a folder, a run, a published model, or a hub id."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path

from onball.assets import BALL_TRACKS, BUNDLED_MODELS, DEMO
from onball.errors import MissingDependencyError, ModelError, OnballError
from onball.hub import HubRepository, fetch_cached, find_cached, is_cached_path, list_files
from onball.models.published import PUBLISHED
from onball.models.published.fetching import Download, fetch_model, ignore_download
from onball.models.published.importing import cached_model
from onball.models.saved import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE
from onball.progress import Progress, ProgressCallback, no_progress
from onball.runs import find_model

#: Environment variable that names the model that spots where none is given.
MODEL_VARIABLE = "ONBALL_MODEL"
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def default_model() -> str:
    """Return the name of the model that spots videos where none is given.

    It is what the environment variable `ONBALL_MODEL` names, which is anything that `resolve_model` takes.
    Without it, `ball-tracks`, or `demo` where packages of the extra `track` cannot be imported.
    """
    if named := os.environ.get(MODEL_VARIABLE):
        return named
    try:
        # Its packages are imported and not only looked for: OpenCV may lack a library of the system.
        import onball.tracking.detectors.ballnet
        import onball.tracking.pipeline  # noqa: F401
    except MissingDependencyError:
        return DEMO
    return BALL_TRACKS


def resolve_model(
    model: str | Path,
    *,
    on_download: Callable[[Download], object] = ignore_download,
    progress: ProgressCallback = no_progress,
) -> Path:
    """Return the folder of the saved model that a user names.

    Args:
        model: folder of a saved model, or of the training run that has it; name of a model that comes
            with the package (`demo`, `ball-tracks`), or of a published one, which
            is fetched if it is on the hub and was not fetched or imported by that name before; or
            `owner/name` of a saved model on the hub, which is downloaded into the hub's cache once. What
            exists on disk has precedence.
        on_download: called before a file is downloaded.
        progress: called with the bytes downloaded.

    Raises:
        ModelError: a published model must be fetched by hand, or its files were changed; the hub's
            repository has no saved model; or the name is nearly that of a published model.
        OnballError: the hub cannot be reached or refuses access.
    """
    path = Path(model)
    name = path.as_posix()
    # A folder of results may have the name of a bundled model.
    if name in BUNDLED_MODELS and not (find_model(path) / WEIGHTS_FILE).is_file():
        return BUNDLED_MODELS[name]()
    if path.exists():
        return find_model(path)
    if name in PUBLISHED:
        return fetch_model(name, on_download=on_download, progress=progress).folder
    # In `runs/mine` with a folder `runs`, a run is misspelt.
    if _HUB_ID.fullmatch(name) and not path.parent.exists():
        return _fetch_saved(name, on_download, progress)
    close = difflib.get_close_matches(name, [*BUNDLED_MODELS, *PUBLISHED], n=1)
    if close:
        raise ModelError(f"{name}: no such folder or model; did you mean '{close[0]}'?")
    return path  # whoever reads it says that it is missing


def model_name(model: str | Path, folder: Path) -> str:
    """Return the name of a model for results: that of the hub, or the last two folders of its path.

    Args:
        model: the model as its user names it.
        folder: result of `resolve_model`.
    """
    for name, bundled in BUNDLED_MODELS.items():
        if folder == bundled():
            return name
    if folder == cached_model(folder.name):
        return folder.name
    repository = folder.parent.parent.name
    if is_cached_path(folder) and repository.startswith("models--"):
        return repository.removeprefix("models--").replace("--", "/")
    # All models of training runs are in folders of one name: `runs/mine/model`.
    return "/".join(Path(model).absolute().parts[-2:])


def _fetch_saved(
    name: str, on_download: Callable[[Download], object], progress: ProgressCallback
) -> Path:
    """Folder in the hub's cache of a saved model on the hub."""
    repository = HubRepository(name, kind="model")
    cached = [find_cached(repository, file) for file in (CONFIG_FILE, WEIGHTS_FILE)]
    if cached[0] is not None and cached[1] is not None:
        return cached[0].parent
    try:
        files = list_files(repository)
    except OnballError as error:
        raise type(error)(f"{name}: no such folder here, and on the hub: {error}") from error
    missing = [file for file in (CONFIG_FILE, WEIGHTS_FILE) if file not in files]
    if missing:
        raise ModelError(f"{repository.page}: no saved model of onball ({missing[0]} is missing)")
    size = files[WEIGHTS_FILE]
    on_download(Download(name, repository.page, WEIGHTS_FILE, size, "Its card states the licence."))
    for file in (CONFIG_FILE, CARD_FILE, WEIGHTS_FILE):
        if file in files:
            path = fetch_cached(
                repository,
                file,
                lambda done, total: progress(
                    Progress(f"{name}: downloading", done, total, "bytes")
                ),
            )
    return path.parent
