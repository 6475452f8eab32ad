"""Published checkpoints as saved models: recognised, checked, renamed, with a card and their licence.

    import_model("checkpoint_best.pt", "tdeed-challenge1", "models/tdeed")

A checkpoint is recognised by the names and shapes of its tensors, at any depth of the file. These do not
distinguish two trainings of the same net.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from onball.errors import ModelError
from onball.files import file_digest
from onball.hub import made_files
from onball.models.published.catalogue import PUBLISHED, find_published
from onball.models.published.checkpoints import Origin, PublishedModel
from onball.models.saved import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, check_model_folder, save_model
from onball.models.weight_files import StateDict, read_file, state_dicts
from onball.outputs import OutputState, check_outputs, edited_files, record_outputs

#: Number of names that an error shows.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """A published model that was saved as a model of onball.

    Attributes:
        name: name of the published model.
        folder: folder of the saved model.
        was_done: True if it was there already.
    """

    name: str
    folder: Path
    was_done: bool


def import_model(
    file: str | Path | Sequence[str | Path],
    name: str | None = None,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    licence: str = "",
) -> ImportedModel:
    """Save a published checkpoint as a model of onball.

    The file is read without running code in it. The net of the saved model computes what the authors'
    code computes with the checkpoint.

    Args:
        file: the checkpoint, as its authors publish it: `.pt`, `.pth` or `.safetensors`. Several, such as
            those of all folds, become one model, which averages their probabilities.
        name: name of the published model; None recognises it.
        out: folder for the saved model; None takes one in the hub's cache, where the model is found
            by its name.
        overwrite: replace another model in the folder, or one that was edited.
        licence: licence of the weights where it is known, for the model card.

    Raises:
        ModelError: there is no such model, the file is damaged, is none of this model, or would run
            code; or the folder holds something other than a model.
        OutputConflictError: the folder holds another model.
        OnballError: the folder cannot be written.
    """
    first, *others = [Path(one) for one in ([file] if isinstance(file, str | Path) else file)]
    wanted = None if name is None else find_published(name)
    if wanted is not None and out is not None:
        check_model_folder(out)  # before the file is read
    model, group = _match(first, list(state_dicts(read_file(first))), wanted)
    folds = [_match(other, list(state_dicts(read_file(other))), model)[1] for other in others]
    folder = cached_model(model.name) if out is None else Path(out)
    digests = [file_digest(one) for one in (first, *others)]
    request = {"model": model.name, "checkpoint": " ".join(digest[:16] for digest in digests)}
    files = (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE)
    if check_outputs(folder, files, request, overwrite=overwrite) is not OutputState.MISSING:
        return ImportedModel(model.name, folder, was_done=True)
    net = model.build(group.weights, *(fold.weights for fold in folds))
    names = [
        f"`{one.name}` (SHA-256 {digest})"
        for one, digest in zip((first, *others), digests, strict=True)
    ]
    card = _card(model, ", ".join(names), group.place, licence)
    config = model.config
    if folds:
        blended = {"members": len(digests), "auxiliary": None, "branch_heads": False}
        config = config.model_copy(update={"model": model.model.model_copy(update=blended)})
    save_model(net, config, folder, card=card)
    record_outputs(folder, files, request)
    return ImportedModel(model.name, folder, was_done=False)


def cached_model(name: str) -> Path:
    """Folder, which may be missing, of a published model that was fetched or imported by name."""
    return made_files() / "models" / name


def is_cached(name: str) -> bool:
    """Return True if a published model was fetched or imported by name.

    Raises:
        ModelError: its files were changed since.
    """
    folder = cached_model(name)
    if not (folder / CONFIG_FILE).is_file():
        return False
    changed = edited_files(folder, [WEIGHTS_FILE])
    if changed:
        raise ModelError(
            f"{folder / changed[0]}: changed since {name} was fetched or imported: do that again "
            "with --overwrite"
        )
    return True


# Recognition


def _match(
    file: Path, groups: list[StateDict], wanted: PublishedModel | None
) -> tuple[PublishedModel, StateDict]:
    """Return the model and the weights that fit each other.

    Raises:
        ModelError: none do; names the first differences, and the model that does fit.
    """
    if not groups:
        raise ModelError(f"{file}: holds no weights: a checkpoint has tensors by name")
    found = find_fit(groups, PUBLISHED.values() if wanted is None else (wanted,))
    if found is not None:
        return found
    other = None if wanted is None else find_fit(groups, PUBLISHED.values())
    if wanted is not None and other is not None:
        raise ModelError(
            f"{file}: no checkpoint of {wanted.name}: this looks like {other[0].name}"
            f" (--as {other[0].name})"
        )
    candidates = PUBLISHED.values() if wanted is None else (wanted,)
    known, model, group = max(
        ((_known(model, group), model, group) for model in candidates for group in groups),
        key=lambda one: one[0],
    )
    if known == 0 and wanted is None:
        names = ", ".join(list(group.weights)[:_NAMED])
        raise ModelError(
            f"{file}: no checkpoint of the published models: it has {len(group.weights)} tensors "
            f"({names}, …); `onball models list` shows the models"
        )
    raise ModelError(f"{file}: {_difference(model, group)}")


def find_fit(
    groups: Iterable[StateDict], models: Iterable[PublishedModel]
) -> tuple[PublishedModel, StateDict] | None:
    """Return the first of some models that a group of weights fits exactly; None if there is none."""
    groups = list(groups)
    for model in models:
        for variant in _variants(model):
            # The weights that the authors evaluate come first, then the order of the file.
            for group in sorted(groups, key=lambda group: group.place != model.place):
                if _known(variant, group) == len(group.weights) and not _difference(variant, group):
                    return variant, group
    return None


def _variants(model: PublishedModel) -> Iterator[PublishedModel]:
    """The model, and the model without heads that are used in training alone."""
    yield model
    if model.model.branch_heads:
        yield replace(model, model=model.model.model_copy(update={"branch_heads": False}))


def _known(model: PublishedModel, group: StateDict) -> int:
    """Number of tensors with a name of that model."""
    return sum(model.renamed(name) is not None for name in group.weights)


def _difference(model: PublishedModel, group: StateDict) -> str:
    """First differences between a model and a group of weights, as text; empty if they fit."""
    try:
        model.check(group.weights)
    except ModelError as error:
        return str(error)
    return ""


# Card and licence


def licence_text(origin: Origin, licence: str = "") -> str:
    """Licences of a published model in plain words.

    Args:
        origin: facts about the model.
        licence: licence of the weights that their place states, if it is known.
    """
    licence = licence or origin.weights_licence
    weights = (
        f"The licence of the weights, as stated where they are published: {licence}."
        if licence
        else "No licence of the weights is stated: ask their authors before you use them for more than "
        "research, or pass them on."
    )
    return (
        f"{weights} The authors' code ({origin.code}) is under {origin.code_licence}; onball contains "
        "none of it."
    )


def _card(model: PublishedModel, file: str, place: str, licence: str) -> str:
    origin, config = model.origin, model.config
    inside = f", `{place}` in it" if place else ""
    figure = f"{origin.figure} ({origin.source})" if origin.figure else "unknown"
    return (
        f"# {model.name}\n\n"
        f"{model.title}. The published weights under the names of onball.\n\n"
        f"- File: {file}{inside}\n"
        f"- Place: {origin.weights}\n"
        f"- Trained on: {origin.data}\n"
        f"- Published figure: {figure}\n"
        f"- Input: {config.width}×{config.height} pixels, {config.fps:g} frames per second, clips of "
        f"{config.clip_frames} frames\n"
        f"- Classes: {', '.join(model.actions)}\n\n"
        f"## Licence\n\n{licence_text(origin, licence)}\n"
    )
