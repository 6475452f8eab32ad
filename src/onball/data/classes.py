"""Classes of the labels of a data set: the 12 actions, or those that it lists in `classes.txt`.

`ROOT/classes.txt` has the name of one class per line, in the order of a net's outputs, and maybe its
colour after a comma. Blank lines and comments are ignored.

    # set pieces
    corner short, #e4572e
    corner long    # to the far post
    FREE KICK
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.config import ExperimentConfig, explain
from onball.config.classes import classes_of
from onball.errors import ConfigError, LabelError
from onball.events import EventList
from onball.files import read_text
from onball.formats.soccernet import read_labels

CLASSES_FILE = "classes.txt"
_LINE = re.compile(
    r"\s*(?P<name>[^,#]*?)\s*(?:,\s*(?P<colour>#[0-9a-f]{6}))?\s*(?:\s#.*)?", re.IGNORECASE
)


def read_classes(root: str | Path) -> ActionSet | None:
    """Return the classes that a data set lists; None if it has no `classes.txt`.

    Args:
        root: folder of the data set.

    Raises:
        LabelError: as `read_class_file`.
    """
    path = Path(root) / CLASSES_FILE
    return read_class_file(path) if path.is_file() else None


def read_class_file(path: str | Path) -> ActionSet:
    """Read a list of classes.

    Args:
        path: a file in the form of `classes.txt`.

    Raises:
        LabelError: the file is missing, names no class, or one twice, or a line cannot be used.
    """
    names, colours = [], []
    for number, line in enumerate(read_text(path, LabelError).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _LINE.fullmatch(line)
        if entry is None:
            raise LabelError(
                f"{path}, line {number}: not of the form `NAME` or `NAME, #e4572e`: {line.strip()!r}"
            )
        names.append(entry["name"])
        colours.append(entry["colour"])
    return ActionSet.of(names, colours, source=str(path))


def label_classes(root: str | Path, model: ActionSet = BALL_ACTIONS) -> ActionSet:
    """Return the classes that labels of a data set may have, also those that a model lacks.

    They are those of `classes.txt`, or without this file those of the model and the 12 actions.

    Args:
        root: folder of the data set.
        model: classes of the model.

    Raises:
        LabelError: `classes.txt` cannot be used.
    """
    listed = read_classes(root)
    if listed is not None:
        return listed
    advice = f"list classes of your own in {Path(root) / CLASSES_FILE}, one a line"
    return replace(model.union(BALL_ACTIONS), advice=advice)


def read_labels_of(path: str | Path, root: str | Path, actions: ActionSet) -> EventList:
    """Read the annotations of some actions; those of other classes of the data set are left out.

    Args:
        path: the file.
        root: folder of the data set.
        actions: the actions, which need not be all classes of the data set.

    Raises:
        LabelError: the file is damaged, or a label is none of the classes of the data set.
    """
    known = actions.union(label_classes(root, actions))
    labels = read_labels(path, known)
    if len(known) == len(actions):
        return labels
    return labels.where(lambda event: event.label in actions)


def with_classes(config: ExperimentConfig) -> ExperimentConfig:
    """Return a config that names the classes of its data set, if it names none itself.

    Args:
        config: settings of an experiment.

    Raises:
        LabelError: `classes.txt` cannot be used.
        ConfigError: a setting is for an action that is none of the classes.
    """
    root = config.data.root
    listed = None if root is None or config.model.classes is not None else read_classes(root)
    if listed is None or listed.are_ball_actions:
        return config
    model = config.model.model_copy(update={"classes": classes_of(listed)})
    try:
        return ExperimentConfig.model_validate(
            config.model_copy(update={"model": model}).model_dump()
        )
    except ValidationError as error:
        raise ConfigError(": ".join(explain(error, ExperimentConfig))) from None


def labelled_classes(
    root: str | Path, model: ActionSet = BALL_ACTIONS, *, trained_here: bool = False
) -> ActionSet:
    """Return the classes of the labels of a data set, over which it is evaluated.

    They are those of `classes.txt`. Without this file they are those of a model that was trained on
    the data set if some are none of the 12 actions, and otherwise the 12 actions. If they are the
    model's, its colours and its headline count.

    Args:
        root: folder of the data set.
        model: classes of the evaluated model.
        trained_here: True if the model was trained on this data set.

    Raises:
        LabelError: `classes.txt` cannot be used.
    """
    listed = read_classes(root)
    if listed is None:
        return model if trained_here and not set(model) <= set(BALL_ACTIONS) else BALL_ACTIONS
    return model if set(listed) == set(model) else listed


def compare_classes(
    predicted: Sequence[EventLabel],
    labelled: Sequence[EventLabel],
    model: str = "This model",
) -> str:
    """Say which labelled classes a model cannot predict, and which of its classes have no labels.

    Args:
        predicted: classes of the model.
        labelled: classes of the labels.
        model: subject of the text.

    Returns: one line; empty if the classes are the same.
    """
    known = [label for label in labelled if label in predicted]
    missing = [label for label in labelled if label not in predicted]
    ignored = [label for label in predicted if label not in labelled]
    parts = []
    if missing:
        few = len(missing) <= len(known)
        names = f"not {_list_names(missing)}" if few else _list_names(known)
        kind = "actions" if all(label in BALL_ACTIONS for label in labelled) else "classes"
        parts.append(f"{model} predicts {len(known)} of the {len(labelled)} {kind}: {names}.")
    if ignored:
        verb = "is" if len(ignored) == 1 else "are"
        parts.append(
            f"{model} has {len(predicted)} classes, of which {len(ignored)} {verb} not among the labels "
            f"and not measured: {_list_names(ignored)}."
        )
    return " ".join(parts)


def _list_names(labels: Sequence[EventLabel], limit: int = 12) -> str:
    more = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return ", ".join(labels[:limit]) + more
