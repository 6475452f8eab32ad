"""Matches that the viewer shows: videos, labels and predictions that belong together.

paths → `ViewedMatch`: files that belong together (`onball.viewer.finding`)
      → `MatchData`: events of a match, when it is opened

Only files in the folders that were named, and files that were named themselves, are ever served;
`ViewSession.require_served` is the one check for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet
from onball.assets import demo_model, sample_match
from onball.data.classes import label_classes
from onball.data.layout import VIDEO_FILE
from onball.errors import InputError, OnballError
from onball.events import EventList
from onball.formats.frame_confidences import FrameConfidences
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE, read_labels
from onball.progress import ProgressCallback, no_progress
from onball.spotting.results import write_events
from onball.spotting.spotter import Spotter
from onball.viewer.finding import ViewedMatch, find_viewed_matches
from onball.viewer.growing import GrowingEvents


class NotServedError(OnballError):
    """A file lies outside the folders that were named."""


class NoSuchMatchError(OnballError):
    """A request is about a match that is not there."""


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
        return cls(*find_viewed_matches(paths))

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

    def match(self, number: int) -> ViewedMatch:
        """Return a match by its number. Raises `NoSuchMatchError`."""
        if not 0 <= number < len(self.matches):
            raise NoSuchMatchError("no such match")
        return self.matches[number]

    def match_of(self, video: Path) -> int | None:
        """Return the number of the match of a video alone, a path without links; None without one."""
        for number, match in enumerate(self.matches):
            if len(match.videos) == 1 and match.videos[0].resolve() == video:
                return number
        return None

    def show_video(self, video: Path) -> int:
        """Return the number of the match of a video, which is added if there is none."""
        number = self.match_of(video)
        if number is not None:
            return number
        self.matches = (*self.matches, ViewedMatch(video.stem, (video,)))
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
            events = Spotter.from_pretrained(demo_model()).spot(
                video, name="sample match", on_confidences=confidences.append, progress=progress
            )
        else:
            events = spot(video)
        request = {"video": "sample match", "model": "demo"}
        write_events(events, Path(out), request, confidences[0] if confidences else None)
    match = ViewedMatch("sample match", (video,), sample_match() / LABELS_FILE, results)
    return ViewSession((match,), (sample_match().resolve(), Path(out).resolve()))
