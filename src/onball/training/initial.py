"""Weights of a saved model as the start of a training: what fits is kept, the rest is re-initialised.

The backbone must be the same. Of the other parts, those with the same layers are kept. Of the
prediction head, the rows of classes that both models have are kept, whatever their order and number.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from onball.config import ComponentConfig, ExperimentConfig, ModelConfig
from onball.data.layout import some_names
from onball.errors import ConfigError, OnballNotice
from onball.models import build_model, load_model
from onball.models.finding import resolve_model

#: Parts of the net in the order of the data, with names for people.
_PARTS = {
    "backbone": "backbone",
    "tracking": "encoder of tracks",
    "positions": "encoding of positions",
    "temporal": "temporal head",
    "head": "prediction head",
    "linear": "classifier",
    "attention": "attention",
    "auxiliary": "auxiliary head",
    "branches": "heads of the branches",
}
#: Layers with an output for each class.
_CLASSIFIER = re.compile(r"(head\.|branches\.\d+\.)?(linear|attention)\.(weight|bias)")
_BACKGROUND = "background"


def build_initial_net(config: ExperimentConfig) -> nn.Module:
    """Build the net as it is before the first step: new, or with the weights of a saved model.

    An `OnballNotice` names what is kept of the model and what is re-initialised, if anything is.

    Args:
        config: the experiment; `training.initial_model` names the saved model.

    Raises `ConfigError` if the saved model has another backbone, and what building and loading raise.
    """
    name = config.training.initial_model
    if name is None:
        return build_model(config.model, config.task)
    source, saved = load_model(resolve_model(name), config.task)
    net = build_model(config.model, config.task, fetch_weights=False)
    theirs, own = source.state_dict(), net.state_dict()
    kept = {part for part in _PARTS if _same_layers(theirs, own, part)}
    if any(key.startswith("backbone.") for key in own) and "backbone" not in kept:
        raise ConfigError(
            f"training.initial_model: {name} has the backbone {_describe(saved.model.backbone)}, the "
            f"config {_describe(config.model.backbone)}: they must be the same"
        )
    weights = dict(own)
    for part in kept:
        weights |= {key: theirs[key] for key in own if key.startswith(f"{part}.")}
    fresh = [title for part, title in _PARTS.items() if part not in kept and _has(own, part)]
    rows = _Rows(saved.model, config.model)
    partly = ""
    if "temporal" in kept and not rows.all_the_same:
        # Displacements, teams and the like do not depend on the classes.
        others = [key for key in own if key.startswith("head.") and not _CLASSIFIER.fullmatch(key)]
        weights |= {key: theirs[key] for key in others if _fits(theirs, own, key)}
        layers = [key for key in own if _CLASSIFIER.fullmatch(key) and key in theirs]
        for key in layers:
            weights[key] = rows.transferred(theirs[key], own[key])
        own_rows = ("prediction head", "classifier", "attention")
        fresh = [title for title in fresh if title not in own_rows]
        partly = rows.describe()
    elif "temporal" not in kept:
        # Its inputs are others, even where their number is the same.
        for part in ("head", "linear", "attention", "auxiliary", "branches"):
            weights |= {key: own[key] for key in own if key.startswith(f"{part}.")}
        behind = [title for part, title in list(_PARTS.items())[3:] if _has(own, part)]
        fresh = [title for title in fresh if title not in behind] + behind
    net.load_state_dict(weights)
    if fresh or partly:
        _notify(str(name), fresh, partly)
    return net


def _notify(name: str, fresh: Sequence[str], partly: str) -> None:
    notes = [f"{', '.join(fresh)} re-initialised"] if fresh else []
    notes += [partly] if partly else []
    message = f"training.initial_model: {name}: kept, but for some weights: {'; '.join(notes)}"
    warnings.warn(OnballNotice(message), stacklevel=4)


def _has(weights: Mapping[str, Tensor], part: str) -> bool:
    return any(key.startswith(f"{part}.") for key in weights)


def _fits(theirs: Mapping[str, Tensor], own: Mapping[str, Tensor], key: str) -> bool:
    return key in theirs and theirs[key].shape == own[key].shape


def _same_layers(theirs: Mapping[str, Tensor], own: Mapping[str, Tensor], part: str) -> bool:
    """True if a part has the same weights in both nets, by name and shape; also if it has none."""
    keys = {key for key in (*theirs, *own) if key.startswith(f"{part}.")}
    return all(key in own and _fits(theirs, own, key) for key in keys)


def _describe(component: ComponentConfig) -> str:
    options = [
        f", {key} {value}" for key, value in component.options.items() if key != "pretrained"
    ]
    return f"{component.name}{''.join(options)}"


class _Rows:
    """Rows of a classifier by their class, in a saved model and in the net to train."""

    def __init__(self, theirs: ModelConfig, ours: ModelConfig) -> None:
        self._theirs, self._ours = _row_names(theirs), _row_names(ours)
        self._of: dict[tuple[str, str], int] = {row: i for i, row in enumerate(self._theirs)}
        self._actions = ours.actions

    @property
    def all_the_same(self) -> bool:
        return self._theirs == self._ours

    def transferred(self, theirs: Tensor, own: Tensor) -> Tensor:
        """The weights `[rows, …]` of the net, with the rows of the saved model where it has them."""
        # Clip classifiers and independent classes have no row for the background.
        offsets = [len(n) - len(w) for n, w in ((self._theirs, theirs), (self._ours, own))]
        if theirs.shape[1:] != own.shape[1:] or any(offset not in (0, 1) for offset in offsets):
            return own
        rows = own.clone()
        for index, row in enumerate(self._ours[offsets[1] :]):
            former = self._of.get(row, -1) - offsets[0]
            if former >= 0:
                rows[index] = theirs[former]
        return rows

    def describe(self) -> str:
        """Name the classes of the net that are new, in one line."""
        known = {name for name, _ in self._theirs}
        new = [label.value for label in self._actions if label.value.casefold() not in known]
        kept = [label.value for label in self._actions if label.value.casefold() in known]
        if not kept:
            return "it has other classes, and the classifier is re-initialised"
        if not new:
            return "of the classifier, the rows of the same class and team are used"
        return f"the classes {some_names(new, limit=8)} are re-initialised"


def _row_names(model: ModelConfig) -> list[tuple[str, str]]:
    """Class and team of each row of a classifier, the background first."""
    teams = ("left", "right") if model.teams else ("",)
    names = [label.value.casefold() for label in model.actions]
    return [(_BACKGROUND, ""), *((name, team) for team in teams for name in names)]
