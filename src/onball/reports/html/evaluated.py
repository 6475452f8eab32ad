"""What a report tells of a run: its predictions on a split and how good they are.

Predictions are kept beside the report under a name that hangs on the model's weights and the
films, so that a second report of the same runs computes no net.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from onball.actions import Action
from onball.data.layout import Match
from onball.data.matches import load_matches
from onball.errors import DataError
from onball.evaluation.bootstrap import Intervals
from onball.evaluation.classification import ClassificationResult, evaluate_classification
from onball.evaluation.report_data import SpottingReport, report_spotting
from onball.events import EventList
from onball.files import atomic_path, read_json_object
from onball.formats.soccernet import RESULTS_FILE, read_labels, read_results, write_results
from onball.inference.clips import classify_matches
from onball.inference.spotter import Spotter
from onball.models import load_classifier
from onball.models.compute import choose_device, choose_precision
from onball.models.saved import CONFIG_FILE, WEIGHTS_FILE
from onball.reports.html.runs import Run

Progress = Callable[[str, float], None]
"""Called with what is being done and how much of it is done, 0 to 1."""

_EDGE_BYTES = 1 << 16
#: From so many matches on intervals are over matches; fewer are too coarse to draw from.
_ENOUGH_MATCHES = 5


@dataclass(frozen=True, slots=True)
class Means:
    """What both tasks have.

    Attributes:
        ap: of each action, 0 to 1.
        counts: how many labels (of a classifier: clips with it) each action has.
        map12, map10: means of the AP.
        map12_interval, map10_interval: 95 % intervals, if there are any.
    """

    ap: dict[Action, float]
    counts: dict[Action, int]
    map12: float
    map10: float
    map12_interval: tuple[float, float] | None = None
    map10_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class SpottedMatch:
    """A match with its labels and what a run found in it; `video` is None if it is not there."""

    name: str
    video: Path | None
    truth: EventList
    predictions: EventList


@dataclass(frozen=True, slots=True)
class EvaluatedSpotting:
    """A spotting run on the matches of a split."""

    run: Run
    matches: tuple[SpottedMatch, ...]
    report: SpottingReport

    @property
    def intervals(self) -> Intervals | None:
        """Over matches, or over 5-minute blocks where matches are few."""
        over = self.report.intervals
        if len(self.matches) >= _ENOUGH_MATCHES and over.get("matches") is not None:
            return over["matches"]
        return over.get("blocks")

    @property
    def means(self) -> Means:
        """At the report's tolerance."""
        result, intervals = self.report.result, self.intervals
        return Means(
            result.ap,
            result.truth_counts,
            result.map12,
            result.map10,
            intervals.map12 if intervals else None,
            intervals.map10 if intervals else None,
        )


@dataclass(frozen=True, slots=True)
class EvaluatedClips:
    """A clip classifier on the clips of a split."""

    run: Run
    result: ClassificationResult

    @property
    def means(self) -> Means:
        """AP in steps, as scikit-learn computes it."""
        result = self.result
        return Means(result.ap, result.positives, result.map12, result.map10)


Evaluated = EvaluatedSpotting | EvaluatedClips


def evaluate_spotter(
    run: Run, split: str, matches: Sequence[Match], kept: Path, progress: Progress, device: str
) -> EvaluatedSpotting:
    """Spot the matches, or read what was spotted before, and compare with their labels.

    Args:
        run: of a spotting net.
        split: the name of the matches' split.
        matches: with labels.
        kept: folder of all predictions; those of this model on these films get their own in it.
        progress: told of each match that is spotted.
        device: for the net.
    """
    truth = [replace(read_labels(m.require_labels()), match=m.name) for m in matches]
    folder = _evaluated_before(run, split, truth)
    if folder is None:
        folder = kept / _key(run, matches)
        missing = [m for m in matches if not (folder / m.name / RESULTS_FILE).is_file()]
        spotter = Spotter.from_pretrained(run.model, device=device) if missing else None
        for match in missing:
            assert spotter is not None
            tracks = run.config.data.tracks
            events = _spot(spotter, match, tracks, f"{run.name}: {match.name}", progress)
            write_results(events, folder / match.name / RESULTS_FILE)
    # Read back in any case: what a file says is what `onball evaluate` measures.
    predictions = [read_results(folder / m.name / RESULTS_FILE, file_order=True) for m in matches]
    spotted = tuple(
        SpottedMatch(match.name, match.video, labels, found)
        for match, labels, found in zip(matches, truth, predictions, strict=True)
    )
    return EvaluatedSpotting(run, spotted, report_spotting(truth, predictions))


def evaluate_classifier(
    run: Run, split: str, matches: Sequence[Match], root: Path, kept: Path, progress: Progress,
    device: str,
) -> EvaluatedClips:  # fmt: skip
    """Classify the clips of the matches, or read what was classified before.

    Arguments as of `evaluate_spotter`; the matches are those of `split` in the data set `root`.
    """
    path = kept / _key(run, matches) / "clips.npz"
    if not path.is_file():
        net, saved = load_classifier(run.model)
        data = saved.sampling(run.config.data.model_copy(update={"root": root}))
        place = choose_device(device)
        precision = choose_precision("auto", place)
        loaded = load_matches(data, split, model=saved.model)

        def show(done: int, name: str) -> None:
            progress(f"{run.name}: {name}", done / len(loaded))

        classified = classify_matches(net.to(place), loaded, data.clip_frames, precision, show)
        progress(run.name, 1.0)
        with atomic_path(path) as aside:
            np.savez_compressed(aside, present=classified.present, scores=classified.scores)
    with np.load(path, allow_pickle=False) as clips:
        return EvaluatedClips(run, evaluate_classification(clips["present"], clips["scores"]))


def _evaluated_before(run: Run, split: str, truth: Sequence[EventList]) -> Path | None:
    """Where `onball evaluate` left its predictions of this model for these labels, if it did."""
    folder = run.folder / "evaluation" / split
    metrics, predictions = folder / "metrics.json", folder / "predictions"
    files = [metrics, *(predictions / match.match / RESULTS_FILE for match in truth)]
    if not all(file.is_file() for file in files):
        return None
    trained = (run.model / WEIGHTS_FILE).stat().st_mtime
    if min(file.stat().st_mtime for file in files) < trained:
        return None
    # Simulated data sets give their matches the same names; their labels differ.
    counted = sum((match.counts() for match in truth), Counter[Action]())
    result = read_json_object(metrics, DataError).get("result", {})
    labels = {name: n for name, n in result.get("labels", {}).items() if n}
    return predictions if labels == {a.value: n for a, n in counted.items()} else None


def _spot(spotter: Spotter, match: Match, tracks: str, what: str, progress: Progress) -> EventList:
    from onball.video import probe

    video = match.require_video()
    length = max(1, probe(video).duration_ms)
    progress(what, 0.0)
    events = spotter.spot(
        video,
        progress=lambda done: progress(what, min(1.0, done / length)),
        tracks=match.folder / tracks,
    )
    progress(what, 1.0)
    return replace(events, match=match.name)


def _key(run: Run, matches: Sequence[Match]) -> str:
    """A name that hangs on the weights, the settings and the beginnings and ends of the films."""
    digest = hashlib.sha256()
    for file in (CONFIG_FILE, WEIGHTS_FILE):
        with (run.model / file).open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    for match in matches:
        video = match.require_video()
        size = video.stat().st_size
        digest.update(f"{match.name} {size} ".encode())
        with video.open("rb") as opened:
            digest.update(opened.read(_EDGE_BYTES))
            opened.seek(max(0, size - _EDGE_BYTES))
            digest.update(opened.read())
    return f"{run.folder.resolve().name}-{digest.hexdigest()[:16]}"
