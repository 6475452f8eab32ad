"""The report: training runs in, one HTML page out.

`write_report` evaluates the runs on the same matches and writes a `Page` of their results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from onball.actions import ActionSet
from onball.data.classes import CLASSES_FILE, labelled_classes
from onball.data.layout import Match, find_matches, some_names
from onball.data.matches import read_video_labels
from onball.errors import DataError
from onball.files import require_writable
from onball.outputs import OutputState, check_outputs, record_outputs
from onball.progress import Progress, ProgressCallback, no_progress
from onball.reports.gallery import Gallery
from onball.reports.page import Page
from onball.reports.runs import (
    Evaluated,
    EvaluatedSpotting,
    Run,
    evaluate_classifier,
    evaluate_spotter,
    read_runs,
)
from onball.reports.style import looks
from onball.runs import RunFolder
from onball.spotting.evaluating import require_common_classes, same_folder

PAGE_FILE, FIGURES_FOLDER, PREDICTIONS_FOLDER = "report.html", "figures", "predictions"


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """A run, and the matches and the actions to evaluate it on."""

    run: Run
    root: Path
    matches: Sequence[Match]
    actions: ActionSet


def write_report(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | None = None,
    split: str = "test",
    device: str = "auto",
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
    today: date | None = None,
) -> Path:
    """Compare training runs on one HTML page, and return its path.

    A page that is there is kept if it is up to date or was edited, see `report_state`.

    Writes `report.html`, which needs no other file and no network, and into `figures/` each figure
    as PNG (frames: JPEG) and CSV. Runs without an up-to-date result of `onball evaluate` are
    evaluated here; their predictions are kept in `predictions/` for the next report.

    Args:
        folders: folders of training runs.
        out: folder to write into.
        data: data set to evaluate on; None takes that of each run's config.
        split: split of the data set.
        device: device of the nets.
        overwrite: replace a page that is there.
        progress: called with the steps done: each run has one per match, and one for its examples.
        today: date on the page; default: the current date.

    Raises:
        ConfigError, DataError, ModelError, LabelError: a run or data set cannot be used, or the runs
            would be evaluated on different matches. Raised before any net runs.
        OutputConflictError: `out` holds a report on other runs or data.
        OnballError: a file cannot be written.
    """
    out = Path(out)
    if not folders:
        raise DataError("no run given: name the folders that `onball train` wrote")
    state = report_state(folders, out, data=data, split=split, overwrite=overwrite)
    if state is not OutputState.MISSING:
        return out / PAGE_FILE
    runs = read_runs([Path(folder) for folder in folders])
    evaluations = [_prepare(run, None if data is None else Path(data), split) for run in runs]
    _require_same_matches(evaluations)
    require_writable(out)
    total = sum(len(one.matches) + 1 for one in evaluations)
    evaluated: list[Evaluated] = []
    galleries: dict[str, Gallery] = {}
    first_step = 0
    for one in evaluations:
        steps = _Steps(one.run.name, first_step, len(one.matches) + 1, total, progress)
        result = _evaluate(one, split, out / PREDICTIONS_FOLDER, device, steps)
        evaluated.append(result)
        if isinstance(result, EvaluatedSpotting):
            galleries[one.run.name] = Gallery.build(result, progress=steps)
        first_step += len(one.matches) + 1
    first = evaluations[0]
    name = f"the split '{split}' of {first.root.resolve().name}"
    page = Page(
        evaluated,
        galleries,
        looks([run.name for run in runs]),
        name,
        len(first.matches),
        today or date.today(),
    )
    page.write(out / PAGE_FILE, out / FIGURES_FOLDER)
    figures = [
        path.relative_to(out).as_posix()
        for path in (out / FIGURES_FOLDER).iterdir()
        if path.is_file()
    ]
    record_outputs(out, [PAGE_FILE, *sorted(figures)], _request(folders, data, split))
    progress(Progress("page", total, total, "steps"))
    return out / PAGE_FILE


def report_state(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | None = None,
    split: str = "test",
    overwrite: bool = False,
) -> OutputState:
    """Compare the report in a folder with the one that `write_report` would write.

    Args:
        folders, out, data, split, overwrite: see `write_report`.

    Returns:
        `DONE` for a report on these runs that is newer than their models, metrics and evaluations;
        `EDITED` for one that was changed by hand; otherwise `MISSING`.

    Raises:
        OutputConflictError: `out` holds a report on other runs or data.
    """
    out = Path(out)
    state = check_outputs(out, [PAGE_FILE], _request(folders, data, split), overwrite=overwrite)
    if state is not OutputState.DONE:
        return state
    written = (out / PAGE_FILE).stat().st_mtime_ns
    for run in map(RunFolder, map(Path, folders)):
        files = [run.config, run.metrics, run.evaluation(split).metrics]
        files += list(run.model.iterdir()) if run.model.is_dir() else []
        if any(file.exists() and file.stat().st_mtime_ns > written for file in files):
            return OutputState.MISSING
    return state


def _request(
    folders: Sequence[str | Path], data: str | Path | None, split: str
) -> dict[str, object]:
    return {
        "runs": [str(Path(folder).resolve()) for folder in folders],
        "data": "of the runs" if data is None else str(Path(data).resolve()),
        "split": split,
    }


class _Steps:
    """Progress of the report from the progress of the parts of one run.

    Args:
        run: name of the run.
        first: number of steps of the earlier runs.
        steps: number of steps of this run. Parts whose results are on disk take none.
        total: number of steps of the report.
        progress: called with the steps of the report that are done.
    """

    def __init__(
        self, run: str, first: int, steps: int, total: int, progress: ProgressCallback
    ) -> None:
        self._run, self._first, self._steps, self._total = run, first, steps, total
        self._progress = progress
        self._parts: list[str] = []

    def __call__(self, part: Progress) -> None:
        if part.unit == "matches":  # a match is a step
            done = part.done
        else:
            if part.task not in self._parts:
                self._parts.append(part.task)
            done = self._parts.index(part.task) + (part.fraction or 0.0)
        done = self._first + min(done, self._steps)
        self._progress(Progress(f"{self._run}: {part.task}", done, self._total, "steps"))


def _prepare(run: Run, data: Path | None, split: str) -> _Evaluation:
    folder = run.folder.path
    root = data or run.config.data.root
    if root is None:
        raise DataError(f"{folder}: its config names no data set: name it with --data")
    try:
        matches = find_matches(root, split)
    except DataError as error:
        hint = "" if data else "; name another data set with --data"
        raise DataError(f"{folder}: {error}{hint}") from None
    trained_here = same_folder(run.config.data.root, root)
    actions = labelled_classes(root, run.actions, trained_here=trained_here)
    require_common_classes(folder, run.actions, actions)
    for match in matches:
        read_video_labels(match, root, actions)
    return _Evaluation(run, root, matches, actions)


def _require_same_matches(evaluations: Sequence[_Evaluation]) -> None:
    """Raise `DataError` unless all runs are evaluated on the same matches."""
    first = evaluations[0]
    for one in evaluations[1:]:
        folders = [[match.folder.resolve() for match in e.matches] for e in (first, one)]
        if folders[0] != folders[1]:
            raise DataError(
                f"{one.run.folder.path}: is tested on {some_names([m.name for m in one.matches])} "
                f"in {one.root}, {first.run.folder.path} on other matches ({first.root}): name one "
                "data set for all runs with --data"
            )
        if one.actions != first.actions:
            raise DataError(
                f"{one.run.folder.path}: is tested on {some_names(one.actions.names)}, "
                f"{first.run.folder.path} on {some_names(first.actions.names)}: list the classes of "
                f"the labels in {one.root / CLASSES_FILE}"
            )


def _evaluate(
    one: _Evaluation, split: str, cache: Path, device: str, progress: ProgressCallback
) -> Evaluated:
    spotting = one.run.config.task == "spotting"
    evaluate = evaluate_spotter if spotting else evaluate_classifier
    return evaluate(
        one.run,
        split,
        one.matches,
        one.root,
        cache,
        actions=one.actions,
        device=device,
        progress=progress,
    )
