"""Matches that the viewer shows: videos, labels and predictions that belong together.

paths → videos, labels and predictions in them → one `ViewedMatch` for each video
      → `MatchData`: its events, when it is opened

Only files in the folders that were named, and files that were named themselves, are ever served;
`ViewSession.require_served` is the one check for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet
from onball.assets import sample_match
from onball.config import load_config
from onball.data.classes import label_classes
from onball.data.layout import ALL, VIDEO_FILE, Match, composed_name, find_matches
from onball.errors import DataError, InputError, OnballError
from onball.events import EventList
from onball.files import VIDEO_SUFFIXES
from onball.formats.event_files import find_event_files, is_label_file
from onball.formats.event_table import TABLE_FILE
from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE, read_labels
from onball.progress import ProgressCallback, no_progress
from onball.runs import RunFolder, is_run
from onball.spotting.results import write_events
from onball.spotting.spotter import Spotter
from onball.tracks import TRACKS_FILE
from onball.viewer.corrections import CorrectionsFile, corrections_path
from onball.viewer.growing import GrowingEvents

_RESULTS_FOLDER = "onball-results"
_EVENT_SUFFIXES = (".json", ".csv")


class NotServedError(OnballError):
    """A file lies outside the folders that were named."""


@dataclass(frozen=True, slots=True)
class ViewedMatch:
    """One match of the viewer.

    Attributes:
        name: name of the match.
        video: its video; None if there is none.
        truth: its label file; None if there is none.
        predictions: the events that were found; None if there are none.
        data: data set of the labels, which may list its classes.
    """

    name: str
    video: Path | None
    truth: Path | None
    predictions: Path | None
    data: Path | None = None

    @property
    def events_file(self) -> Path | None:
        """File of the events that are corrected: the predictions, or else the labels."""
        return self.predictions or self.truth

    @property
    def confidences(self) -> Path | None:
        """Confidences of all frames, beside the predictions; None if there are none."""
        if self.predictions is None or self.predictions.name not in (RESULTS_FILE, TABLE_FILE):
            return None
        file = self.predictions.with_name(CONFIDENCES_FILE)
        return file if file.is_file() else None

    @property
    def tracks(self) -> Path | None:
        """Tracks file of the video, beside it or where `onball track` writes it; None without one."""
        if self.video is None:
            return None
        folders = [*_usual_folders(self.video), self.video.parent]
        if self.predictions is not None:
            folders.insert(0, self.predictions.parent)
        files = (folder / TRACKS_FILE for folder in folders)
        return next((file for file in files if file.is_file()), None)

    @property
    def corrections(self) -> CorrectionsFile | None:
        """File of its corrections; None if it has no events."""
        file = self.events_file
        if file is None:
            return None
        return CorrectionsFile(corrections_path(file), self.name, file.name)


@dataclass(frozen=True, slots=True)
class MatchData:
    """The events of a match.

    Attributes:
        events: events that are corrected: predictions, or the labels if there are none.
        truth: labels to compare them with; None without labels, or if these are corrected.
        classes: classes of the events and labels.
    """

    events: EventList
    truth: EventList | None
    classes: ActionSet


@dataclass(slots=True)
class ViewSession:
    """The matches of one launch of the viewer.

    Attributes:
        matches: the matches; more are added while it runs, and none are removed.
        roots: folders and files that may be served.
        growing: events of matches that are being spotted, by the number of the match.
    """

    matches: tuple[ViewedMatch, ...]
    roots: tuple[Path, ...]
    growing: dict[int, GrowingEvents] = field(default_factory=dict)

    @classmethod
    def open(cls, paths: Sequence[str | Path]) -> ViewSession:
        """Find the matches in paths.

        Args:
            paths: folders of matches, videos, results of `onball spot`, files of events or labels,
                training runs that `onball evaluate` has measured.

        Raises:
            InputError: a path is missing, or there is nothing to view.
        """
        if not paths:
            raise InputError("nothing to view: name a video, a folder of matches, or results")
        found = _Finder()
        for path in paths:
            found.add(Path(path))
        return cls(tuple(found.matches()), tuple(root.resolve() for root in found.roots))

    def require_served(self, path: Path) -> Path:
        """Return a file with links resolved, if it lies in a folder that was named.

        Raises:
            NotServedError: it lies elsewhere, or is no file.
        """
        resolved = path.resolve()
        if not resolved.is_file():
            raise NotServedError(f"{path.name}: no such file any more")
        if not any(resolved == root or root in resolved.parents for root in self.roots):
            raise NotServedError(
                f"{path.name}: is a link that leads out of the folders that were named: name the "
                f"folder of {resolved} too"
            )
        return resolved

    def match_of(self, video: Path) -> int | None:
        """Return the number of the match that a video, a path without links, belongs to."""
        for number, match in enumerate(self.matches):
            if match.video is not None and match.video.resolve() == video:
                return number
        return None

    def show_video(self, video: Path) -> int:
        """Return the number of the match of a video, which is added if there is none."""
        number = self.match_of(video)
        if number is not None:
            return number
        self.matches = (*self.matches, ViewedMatch(video.stem, video, None, None))
        return len(self.matches) - 1

    def show_results(self, number: int, results: Path) -> None:
        """Show new results as the predictions of a match."""
        self.roots = (*self.roots, results.parent.resolve())
        changed = list(self.matches)
        changed[number] = replace(changed[number], predictions=results)
        self.matches = tuple(changed)

    def load(self, match: ViewedMatch) -> MatchData:
        """Read the events of a match.

        Raises:
            InputError: a file is damaged.
            NotServedError: a file lies outside the folders that were named.
        """
        actions = BALL_ACTIONS if match.data is None else label_classes(match.data)
        truth = events = None
        if match.truth is not None:
            truth = read_labels(self.require_served(match.truth), actions)
        if match.predictions is not None:
            events = EventList.load(self.require_served(match.predictions), actions)
        classes = _classes(actions, events, truth)
        if events is None:
            return MatchData(truth or EventList(), None, classes)
        return MatchData(events, truth, classes)


def _classes(actions: ActionSet, events: EventList | None, truth: EventList | None) -> ActionSet:
    """Classes of the model, or of the data set, and others that occur."""
    if events is not None and events.info is not None:
        declared = events.info.classes
    else:
        declared = actions
    return declared.union(*(each.classes for each in (events, truth) if each is not None))


def spot_demo(
    out: str | Path = "onball-demo",
    *,
    spot: Callable[[Path], EventList] | None = None,
    progress: ProgressCallback = no_progress,
) -> ViewSession:
    """Return a session with the bundled match, which is spotted first if that was not done yet.

    Args:
        out: folder of the results, as of `onball demo`.
        spot: function that finds the events of a video; by default the bundled model.
        progress: called with the milliseconds of the video.

    Raises:
        OnballError: the results cannot be written.
    """
    results = Path(out) / RESULTS_FILE
    video = sample_match() / VIDEO_FILE
    if not results.is_file():
        confidences: list[FrameConfidences] = []
        if spot is None:
            events = Spotter.from_pretrained().spot(
                video, name="sample match", on_confidences=confidences.append, progress=progress
            )
        else:
            events = spot(video)
        request = {"video": "sample match", "model": "demo"}
        write_events(events, Path(out), request, confidences[0] if confidences else None)
    match = ViewedMatch("sample match", video, sample_match() / LABELS_FILE, results)
    return ViewSession((match,), (sample_match().resolve(), Path(out).resolve()))


class _Finder:
    """Collects videos, labels and predictions from paths, and joins those that belong together."""

    def __init__(self) -> None:
        self.roots: list[Path] = []
        self._drafts: list[ViewedMatch] = []
        self._results: dict[str, Path] = {}

    def add(self, path: Path) -> None:
        """Add what is in a path. Raises `InputError` if there is nothing."""
        if path.is_dir():
            self._add_run(path) if is_run(path) else self._add_folder(path)
        elif not path.exists():
            raise InputError(f"{path}: no such file or folder: check the path")
        elif path.suffix.lower() in _EVENT_SUFFIXES:
            self._add_events(path)
        else:
            self.roots.append(path)
            self._drafts.append(ViewedMatch(path.stem, path, None, None))

    def matches(self) -> list[ViewedMatch]:
        """Return all matches, each with the predictions that belong to it."""
        for name, file in self._results.items():
            index = self._match_of(name, file)
            if index is None:
                self._drafts.append(ViewedMatch(name, self._video_of(file), None, file))
            else:
                self._drafts[index] = replace(self._drafts[index], predictions=file)
        self._drafts = [self._with_usual_results(draft) for draft in self._drafts]
        if not self._drafts:
            raise InputError("nothing to view: no video, labels or results in the paths")
        return self._drafts

    def _add_events(self, file: Path) -> None:
        self.roots.append(file)
        ((name, _),) = find_event_files(file).items()
        if is_label_file(file):
            video = next(iter(_videos_in(file.parent)), None)
            if video is not None:
                self.roots.append(video)
            self._drafts.append(ViewedMatch(name, video, file, None, file.parent))
        else:
            self._results[name] = file

    def _add_folder(self, root: Path) -> None:
        """Add the matches and results in a folder."""
        self.roots.append(root)
        drafts = [draft for match in _matches_in(root) for draft in _drafts_of(match, root)]
        self._drafts += drafts
        known = {draft.truth for draft in drafts}
        try:
            files = find_event_files(root)
        except InputError:
            files = {}
        results = {name: file for name, file in files.items() if file not in known}
        self._results |= {n: f for n, f in results.items() if not is_label_file(f)}
        if not drafts and not self._results:
            raise InputError(
                f"{root}: no video, {LABELS_FILE} or {RESULTS_FILE} in it: name a folder of matches "
                "or of results"
            )

    def _add_run(self, root: Path) -> None:
        """Add the evaluated matches of a run, with the videos and labels of its data set."""
        run = RunFolder.open(root)
        folders = [
            folder
            for folder in sorted((run.path / "evaluation").glob("*/predictions"))
            if folder.is_dir()
        ]
        if not folders:
            raise InputError(f"{root}: no predictions in it: run `onball evaluate` on it first")
        self.roots.append(root)
        found = {n: f for folder in folders for n, f in find_event_files(folder).items()}
        self._results |= found
        data = load_config(run.config).data.root
        if data is not None and Path(data).is_dir():
            self.roots.append(Path(data))
            wanted = {composed_name(name) for name in found}
            self._drafts += [
                draft
                for match in _matches_in(Path(data))
                for draft in _drafts_of(match, Path(data))
                if composed_name(draft.name) in wanted
            ]

    def _match_of(self, name: str, file: Path) -> int | None:
        """Index of the match that predictions belong to."""
        open_drafts = [(i, d) for i, d in enumerate(self._drafts) if d.predictions is None]
        name = composed_name(name)
        rules: tuple[Callable[[ViewedMatch], bool], ...] = (
            lambda draft: composed_name(draft.name) == name,
            lambda draft: draft.video is not None and draft.video.parent == file.parent,
            lambda draft: name.endswith(f"/{composed_name(draft.name)}"),
            lambda draft: draft.video is not None and draft.video.stem == file.parent.name,
            lambda draft: draft.video is not None and draft.video.name == _video_name(file),
        )
        for rule in rules:
            fitting = [index for index, draft in open_drafts if rule(draft)]
            if len(fitting) == 1:
                return fitting[0]
        return None

    def _video_of(self, results: Path) -> Path | None:
        """Video of results that were named without it: a file of its name in a folder above."""
        name = _video_name(results)
        if not name or Path(name).name != name:
            return None
        for folder in (*list(results.absolute().parents)[:3], Path.cwd()):
            if (folder / name).is_file():
                self.roots.append(folder / name)
                return folder / name
        return None

    def _with_usual_results(self, draft: ViewedMatch) -> ViewedMatch:
        """Add the results of a video that was named alone, where `onball spot` writes them."""
        if draft.video is None or draft.predictions is not None or draft.truth is not None:
            return draft
        for folder in _usual_folders(draft.video):
            if (folder / TRACKS_FILE).is_file():
                self.roots.append(folder)
            for name in (RESULTS_FILE, TABLE_FILE):
                file = folder / name
                if file.is_file() and _video_name(file) in ("", draft.video.name):
                    self.roots.append(file.parent)
                    return replace(draft, predictions=file)
        return draft


def _usual_folders(video: Path) -> list[Path]:
    """Folders into which `onball spot` and `onball track` write the results of a video."""
    places = Path.cwd(), video.absolute().parent
    return [place / _RESULTS_FOLDER / video.stem for place in places]


def _matches_in(root: Path) -> list[Match]:
    try:
        return find_matches(root, ALL)
    except DataError:
        return []


def _drafts_of(match: Match, root: Path) -> list[ViewedMatch]:
    """The match of a folder; several if the folder holds several videos and no labels."""
    if match.labels is None and match.video is not None and match.video.name != VIDEO_FILE:
        videos = _videos_in(match.folder)
        if len(videos) > 1:
            return [ViewedMatch(video.stem, video, None, None) for video in videos]
    return [ViewedMatch(match.name, match.video, match.labels, None, root)]


def _videos_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in VIDEO_SUFFIXES and path.name[0] != "." and path.is_file()
    )


def _video_name(results: Path) -> str:
    """Name of the video of results of `onball spot`; empty if unknown."""
    file = results.with_name(RESULTS_FILE) if results.name == TABLE_FILE else results
    try:
        info = EventList.load(file).info
    except InputError:
        return ""
    return "" if info is None else info.video
