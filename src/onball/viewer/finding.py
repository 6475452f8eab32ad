"""Find the matches in paths: videos, labels and predictions that belong together.

paths   → drafts: a video or labels, or both, and results that were named
results → each joined with the draft that it belongs to; several files of one match become one
drafts  → those without results get what `onball spot` wrote, where it usually writes it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from onball.config import load_config
from onball.data.layout import ALL, VIDEO_FILE, Match, composed_name, find_matches
from onball.errors import DataError, InputError
from onball.events import SpottingInfo
from onball.files import VIDEO_SUFFIXES
from onball.formats.event_files import find_event_files, is_label_file
from onball.formats.event_table import TABLE_FILE
from onball.formats.frame_confidences import CONFIDENCES_FILE
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE, read_result_info
from onball.runs import RunFolder, is_run
from onball.tracks import TRACKS_FILE, tracks_file
from onball.viewer.corrections import CorrectionsFile, corrections_path

_RESULTS_FOLDER = "onball-results"
_EVENT_SUFFIXES = (".json", ".csv")


@dataclass(frozen=True, slots=True)
class ViewedMatch:
    """One match of the viewer.

    Attributes:
        name: name of the match.
        videos: its video, or the files that were spotted as one match, in their order; empty if there
            is none.
        truth: its label file; None if there is none.
        predictions: the events that were found; None if there are none.
        data: data set of the labels, which may list its classes.
    """

    name: str
    videos: tuple[Path, ...] = ()
    truth: Path | None = None
    predictions: Path | None = None
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

    def track_files(self, number: int) -> list[Path]:
        """Places of the tracks of a video: beside results or video, or where `onball track` writes.

        Args:
            number: number of the video among `videos`.
        """
        video = self.videos[number]
        files = [folder / TRACKS_FILE for folder in _usual_folders(video)]
        if len(self.videos) == 1:  # one beside several videos may be of any
            files.append(video.with_name(TRACKS_FILE))
        if self.predictions is not None:
            name = tracks_file(number, len(self.videos))
            files.insert(0, self.predictions.with_name(name))
        return files

    def tracks(self, number: int) -> Path | None:
        """Tracks of a video, the first of `track_files` that is there; None if there are none."""
        return next((file for file in self.track_files(number) if file.is_file()), None)

    @property
    def corrections(self) -> CorrectionsFile | None:
        """File of its corrections; None if it has no events."""
        file = self.events_file
        if file is None:
            return None
        return CorrectionsFile(corrections_path(file), self.name, file.name)


def find_viewed_matches(
    paths: Iterable[str | Path],
) -> tuple[tuple[ViewedMatch, ...], tuple[Path, ...]]:
    """Return the matches in paths, and the folders and files that may be served.

    Raises:
        InputError: a path is missing, or there is nothing to view.
    """
    found = _Finder()
    for path in paths:
        found.add(Path(path))
    return tuple(found.matches()), tuple(root.resolve() for root in found.roots)


class _Finder:
    """Collects videos, labels and predictions from paths, and joins those that belong together."""

    def __init__(self) -> None:
        self.roots: list[Path] = []
        self._drafts: list[ViewedMatch] = []
        self._results: dict[str, Path] = {}

    # Collecting

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
            self._drafts.append(ViewedMatch(path.stem, (path,)))

    def _add_events(self, file: Path) -> None:
        self.roots.append(file)
        ((name, _),) = find_event_files(file).items()
        if is_label_file(file):
            videos = tuple(_videos_in(file.parent)[:1])
            self._serve(videos)
            self._drafts.append(ViewedMatch(name, videos, file, None, file.parent))
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
        results = {
            name: file
            for name, file in files.items()
            if file not in known and not is_label_file(file)
        }
        self._results |= results
        if not drafts and not results:
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

    # Joining

    def matches(self) -> list[ViewedMatch]:
        """Return all matches, each with the predictions that belong to it."""
        for name, file in self._results.items():
            self._take(name, file, self._draft_of(name, file))
        for draft in list(self._drafts):
            if draft in self._drafts and len(draft.videos) == 1 and draft.events_file is None:
                results = self._usual_results(draft.videos[0])
                if results is not None:
                    self.roots.append(results.parent)
                    self._take(draft.name, results, draft)
        if not self._drafts:
            raise InputError("nothing to view: no video, labels or results in the paths")
        for draft in self._drafts:
            for number in range(len(draft.videos)):
                self._serve(draft.track_files(number))
        return self._drafts

    def _serve(self, files: Iterable[Path]) -> None:
        """Let files be served that are outside of the named folders, whose links lead nowhere else."""
        roots = [root.resolve() for root in self.roots]
        for file in files:
            folder = file.parent.resolve()
            if not any(folder.is_relative_to(root) for root in roots):
                self.roots.append(file)

    def _take(self, name: str, file: Path, draft: ViewedMatch | None) -> None:
        """Add results to the draft that they belong to; None if there is none."""
        videos = () if draft is not None and _is_alone(draft) else self._joined_videos(file)
        if videos:
            self._take_joined(name, file, videos, draft)
        elif draft is None:
            self._drafts.append(ViewedMatch(name, self._video_of(file), None, file))
        else:
            self._drafts[self._drafts.index(draft)] = replace(draft, predictions=file)

    def _take_joined(
        self, name: str, file: Path, videos: tuple[Path, ...], draft: ViewedMatch | None
    ) -> None:
        """Put the results of several videos in place of the drafts of these videos."""
        of_them = [each for each in self._drafts if each.videos and set(each.videos) <= set(videos)]
        open_drafts = [each for each in of_them if each.predictions is None]
        if draft is None or draft.truth is None:
            draft = next((each for each in open_drafts if each.truth is not None), draft)
        base = ViewedMatch(name) if draft is None or draft.truth is None else draft
        joined = replace(base, videos=videos, predictions=file)
        gone = [each for each in open_drafts if each.truth is None or each is base]
        if draft is not None and draft not in gone:
            gone.append(draft)
        place = min(map(self._drafts.index, gone), default=len(self._drafts))
        self._drafts.insert(place, joined)
        for each in gone:
            self._drafts.remove(each)

    def _draft_of(self, name: str, file: Path) -> ViewedMatch | None:
        """The match that predictions belong to."""
        open_drafts = [draft for draft in self._drafts if draft.predictions is None]
        name = composed_name(name)
        rules: tuple[Callable[[ViewedMatch], bool], ...] = (
            lambda draft: composed_name(draft.name) == name,
            lambda draft: any(video.parent == file.parent for video in draft.videos),
            lambda draft: name.endswith(f"/{composed_name(draft.name)}"),
            lambda draft: any(video.stem == file.parent.name for video in draft.videos),
            lambda draft: any(video.name == _info(file).video for video in draft.videos),
        )
        for rule in rules:
            fitting = [draft for draft in open_drafts if rule(draft)]
            if len(fitting) == 1:
                return fitting[0]
        return None

    def _video_of(self, results: Path) -> tuple[Path, ...]:
        """Video of results that were named without it: a file of its name in a folder above."""
        name = _info(results).video
        return self._files([name], _folders_above(results)) if name else ()

    def _joined_videos(self, results: Path) -> tuple[Path, ...]:
        """The files that were spotted as one match; empty if it was one, or they are not there."""
        names = [part.video for part in _info(results).parts]
        if len(names) < 2 or len(set(names)) < len(names):
            return ()
        named = [video for draft in self._drafts for video in draft.videos]
        folders = [video.parent for video in named if video.name in names]
        # Several matches may have files of the same names: results are named after the folder.
        folders.sort(key=lambda folder: folder.name != results.parent.name)
        above = _folders_above(results)
        found = self._files(names, [*above[:-1], *folders, above[-1]])
        if found:
            return found
        # Files in different folders, which were named.
        of_name = [[video for video in named if video.name == name] for name in names]
        return tuple(each[0] for each in of_name) if all(len(e) == 1 for e in of_name) else ()

    def _files(self, names: Sequence[str], folders: Iterable[Path]) -> tuple[Path, ...]:
        """Files of some names in the first folder that has all of them, which may be served then."""
        if any(Path(name).name != name for name in names):
            return ()
        for folder in dict.fromkeys(folders):
            files = tuple(folder / name for name in names)
            if all(file.is_file() for file in files):
                self._serve(files)
                return files
        return ()

    def _usual_results(self, video: Path) -> Path | None:
        """Results of a video that was named alone, where `onball spot` writes them."""
        for folder in _usual_folders(video):
            if (folder / TRACKS_FILE).is_file():
                self.roots.append(folder)
            for file in (folder / RESULTS_FILE, folder / TABLE_FILE):
                if file.is_file() and _may_be_of(video, file):
                    return file
        for folder in _folders_of_joined(video):
            file = folder / RESULTS_FILE
            if file.is_file() and any(part.video == video.name for part in _info(file).parts):
                return file
        return None


def _usual_folders(video: Path) -> list[Path]:
    """Folders into which `onball spot` and `onball track` write the results of a video."""
    places = Path.cwd(), video.absolute().parent
    return [place / _RESULTS_FOLDER / video.stem for place in places]


def _folders_of_joined(video: Path) -> list[Path]:
    """Folders into which `onball spot --join` writes the results of the folder of a video."""
    folder = video.absolute().parent
    places = Path.cwd(), folder, folder.parent
    return [place / _RESULTS_FOLDER / folder.name for place in places]


def _may_be_of(video: Path, results: Path) -> bool:
    info = _info(results)
    names = [part.video for part in info.parts] or [info.video]
    return video.name in names or names == [""]


def _is_alone(draft: ViewedMatch) -> bool:
    """Return True if the video of a draft is no file of a match that is in several."""
    return bool(draft.videos) and len(_videos_in(draft.videos[0].parent)) == 1


def _folders_above(results: Path) -> list[Path]:
    return [*list(results.absolute().parents)[:3], Path.cwd()]


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
            return [ViewedMatch(video.stem, (video,)) for video in videos]
    videos = [] if match.video is None else [match.video]
    return [ViewedMatch(match.name, tuple(videos), match.labels, None, root)]


def _videos_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in VIDEO_SUFFIXES and path.name[0] != "." and path.is_file()
    )


def _info(results: Path) -> SpottingInfo:
    """Description of results of `onball spot`; an empty one if there is none."""
    file = results.with_name(RESULTS_FILE) if results.name == TABLE_FILE else results
    return read_result_info(file) or SpottingInfo()
