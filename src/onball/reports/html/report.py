"""`write_report`: training runs in, one self-contained page out, its figures beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from onball.data.layout import Match, find_matches, some_names
from onball.errors import DataError
from onball.files import require_writable
from onball.formats.soccernet import read_labels
from onball.reports.html.chart import looks
from onball.reports.html.evaluated import (
    Evaluated,
    EvaluatedSpotting,
    evaluate_classifier,
    evaluate_spotter,
)
from onball.reports.html.gallery import Gallery
from onball.reports.html.page import Page
from onball.reports.html.runs import Run, read_runs

PAGE_FILE, FIGURES_FOLDER, PREDICTIONS_FOLDER = "report.html", "figures", "predictions"

Progress = Callable[[str, float], None]
"""Called with what is being done and how much of all is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A run and the matches to test it on."""

    run: Run
    root: Path
    matches: Sequence[Match]


def write_report(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | None = None,
    split: str = "test",
    device: str = "auto",
    progress: Progress = lambda what, share: None,
    today: date | None = None,
) -> Path:
    """Compare training runs on one page; returns its path.

    Writes `report.html`, which needs nothing but itself, and into `figures/` each figure as PNG
    (strips of frames as JPEG) and CSV. Runs that `onball evaluate` has not measured are measured
    here; their predictions stay in `predictions/` for the next time.

    Args:
        folders: of the runs, as `onball train` writes them.
        out: the folder to write into.
        data: the data set to test on; None takes that of each run's config.
        split: of the data set.
        device: for the nets.
        progress: told how far the work is.
        today: the date on the page.

    Raises, before any net is run, `ConfigError`, `DataError`, `ModelError` or `LabelError` for a
    run or data set that cannot be used, and for runs that would be tested on different matches.
    """
    out = Path(out)
    if not folders:
        raise DataError("no run given: name the folders that `onball train` wrote")
    runs = read_runs([Path(folder) for folder in folders])
    work = [_work(run, None if data is None else Path(data), split) for run in runs]
    _check_same_matches(work)
    require_writable(out)
    look = looks([run.name for run in runs])
    evaluated: list[Evaluated] = []
    galleries: dict[str, Gallery] = {}
    for number, one in enumerate(work):
        steps = _Steps(progress, number, len(work), len(one.matches))
        evaluated.append(_evaluated(one, split, out / PREDICTIONS_FOLDER, steps, device))
        last = evaluated[-1]
        if isinstance(last, EvaluatedSpotting):
            galleries[one.run.name] = Gallery.of(last, steps)
    first = work[0]
    name = f"the split '{split}' of {first.root.resolve().name}"
    day = today or date.today()
    page = Page(evaluated, galleries, look, name, len(first.matches), day)
    page.write(out / PAGE_FILE, out / FIGURES_FOLDER)
    progress("", 1.0)
    return out / PAGE_FILE


class _Steps:
    """The share of all work that is done, from that of the piece that is being done.

    A run has a piece for each match and one for its gallery; some may be left out.
    """

    def __init__(self, progress: Progress, run: int, runs: int, matches: int) -> None:
        self._progress, self._run, self._runs, self._pieces = progress, run, runs, matches + 1
        self._seen: list[str] = []

    def __call__(self, what: str, share: float) -> None:
        if what not in self._seen:
            self._seen.append(what)
        done = min(1.0, (self._seen.index(what) + share) / self._pieces)
        self._progress(what, (self._run + done) / self._runs)


def _work(run: Run, data: Path | None, split: str) -> _Work:
    root = data or run.config.data.root
    if root is None:
        raise DataError(f"{run.folder}: its config names no data set: name it with --data")
    try:
        matches = find_matches(root, split)
    except DataError as error:
        hint = "" if data else "; name another data set with --data"
        raise DataError(f"{run.folder}: {error}{hint}") from None
    for match in matches:
        read_labels(match.require_labels())
        match.require_video()
    return _Work(run, root, matches)


def _check_same_matches(work: Sequence[_Work]) -> None:
    """Scores of different matches do not compare."""
    first = work[0]
    for one in work[1:]:
        folders = [[match.folder.resolve() for match in w.matches] for w in (first, one)]
        if folders[0] != folders[1]:
            raise DataError(
                f"{one.run.folder}: is tested on {some_names([m.name for m in one.matches])} in "
                f"{one.root}, {first.run.folder} on other matches ({first.root}): name one data "
                "set for all runs with --data"
            )


def _evaluated(one: _Work, split: str, kept: Path, progress: Progress, device: str) -> Evaluated:
    if one.run.config.task == "spotting":
        return evaluate_spotter(one.run, split, one.matches, kept, progress, device)
    return evaluate_classifier(one.run, split, one.matches, one.root, kept, progress, device)
