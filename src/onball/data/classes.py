"""Classes of the labels of a data set: the 12 actions, or those that it lists in `classes.txt`.

`ROOT/classes.txt` has the name of one class per line, in the order of a net's outputs. Blank lines,
and what follows `#`, are ignored.

    # set pieces
    corner short
    corner long
    FREE KICK
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.errors import LabelError
from onball.files import read_text

CLASSES_FILE = "classes.txt"


def read_classes(root: str | Path) -> ActionSet | None:
    """Return the classes that a data set lists; None if it has no `classes.txt`.

    Args:
        root: folder of the data set.

    Raises:
        LabelError: the file names no class, or one twice, or a name cannot be used.
    """
    path = Path(root) / CLASSES_FILE
    if not path.is_file():
        return None
    lines = (line.partition("#")[0].strip() for line in read_text(path, LabelError).splitlines())
    return ActionSet.of([line for line in lines if line], source=str(path))


def labelled_classes(
    root: str | Path, model: ActionSet = BALL_ACTIONS, *, trained_here: bool = False
) -> ActionSet:
    """Return the classes of the labels of a data set, over which it is evaluated.

    They are those of `classes.txt`. Without this file they are those of a model that was trained on
    the data set, and otherwise the 12 actions. If they are the model's, its colours and its
    headline count.

    Args:
        root: folder of the data set.
        model: classes of the evaluated model.
        trained_here: True if the model was trained on this data set.

    Raises:
        LabelError: `classes.txt` cannot be used.
    """
    listed = read_classes(root)
    if listed is None:
        return model if trained_here else BALL_ACTIONS
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
