"""Spot an archive of matches on an engine: from paths or a manifest to results, failures and progress.

inputs     files, folders, patterns, manifests → matches, which are not opened
checks     results that are there compared with the request, before any work
units      one task for each match, or one for each segment and one that joins them, made when needed
results    as they are done, of any match; the driver keeps no events
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from onball.actions import EventLabel
from onball.cluster.engine import Engine, Resources, Task
from onball.cluster.engines import open_engine
from onball.cluster.scheduling import Retry, Unit, UnitResult, run_units
from onball.cluster.work import (
    SEGMENTS_FOLDER,
    MatchOrder,
    MatchSummary,
    ModelOrder,
    SegmentOrder,
    SpotSettings,
    join_segments,
    score_segment,
    segments_of,
    spot_match,
)
from onball.errors import DataError, InputError, OnballError, VideoError
from onball.files import decode_text, require_writable
from onball.models.finding import default_model
from onball.outputs import LOCK_FILE, RECORD_FILE, OutputState
from onball.progress import Progress, ProgressCallback, no_progress
from onball.spotting.journal import JOURNAL_FILE
from onball.spotting.results import RESULT_FILES, Outcome, name_results
from onball.spotting.runtimes import Runtime
from onball.spotting.spotter import Spotter
from onball.spotting.stored import (
    CACHE_GB,
    StoreCache,
    StoredResults,
    list_stored_videos,
    place_of,
    stored_duration_ms,
)
from onball.spotting.videos import ResultChecker
from onball.stores import Store, is_stored
from onball.video import probe
from onball.video.inputs import video_paths

MANIFEST_SUFFIXES = (".txt", ".csv")
"""Endings of lists of videos."""

#: Threads that compare results that are there; they mostly wait for the disk or the network.
_CHECKING_THREADS = 16
_MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class ArchiveMatch:
    """A match of an archive.

    Attributes:
        name: name of its result.
        videos: its files, in order, which have one result.
    """

    name: str
    videos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArchiveResult:
    """Result of one match of an archive.

    Attributes:
        name: name of the match.
        folder: folder of its results, or its address on a store.
        outcome: what was done.
        shown: number of events in `events.csv`; None if the match was skipped or failed.
        candidates: number of events in `results_spotting.json`; None as for `shown`.
        error: reason of the failure, in one line; empty without one.
        traceback: where an unexpected exception was raised, for a report of the bug; else empty.
        warnings: what was noticed about its videos, each in one line.
        videos: its files.
        node: machine that did it; empty if it was skipped.
        retries: how often a worker was lost while it did it.
    """

    name: str
    folder: Path | str
    outcome: Outcome
    shown: int | None = None
    candidates: int | None = None
    error: str = ""
    traceback: str = ""
    warnings: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    node: str = ""
    retries: int = 0


def spot_archive(
    videos: str | Path | Iterable[str | Path],
    out: str | Path = "onball-results",
    *,
    cluster: str | Engine = "local",
    workers: int | None = None,
    cpus: int = 1,
    gpus: float = 0,
    segment_minutes: float | None = None,
    attempts: int = 5,
    slurm: Mapping[str, str] | None = None,
    model: str | Path | None = None,
    threshold: float | None = None,
    actions: Iterable[EventLabel | str] | None = None,
    detector: str | None = None,
    runtime: Runtime = "auto",
    device: str = "auto",
    proxies: str | Path | None = None,
    overwrite: bool = False,
    imports: Sequence[str] = (),
    progress: ProgressCallback = no_progress,
) -> Iterator[ArchiveResult]:
    """Spot many matches in processes of this machine or of a cluster, each into a folder of its own.

        for match in onball.spot_archive("archive", "results", cluster="ray", cpus=2):
            print(match.name, match.error or match.shown)

    The results are those of `spot_videos`, byte for byte. Videos, results and the model must have the
    same paths on all machines. What is done is not done again: a call that was interrupted, also by
    the end of its process, goes on when it is repeated. A task whose worker is lost is repeated after a
    delay, on any machine, and continues with the scores that are kept; a bad file is not repeated, and does
    not stop the others.

    Results that are there are checked at the call, and nothing is spotted before the results are iterated
    over. On stores, each task checks its own: workers read and write by themselves, and only
    addresses travel.

    Args:
        videos: files, folders and patterns, see `find_videos`, addresses of them on stores, and
            manifests, see `read_manifest`.
        out: folder of the results, with a folder in it for each match, or its address on a store.
        cluster: `local`, `ray` (the cluster of RAY_ADDRESS, or one on this machine), `ray://HOST:PORT`,
            `slurm`, or an engine, which is closed at the end.
        workers: number of tasks at the same time; by default as many as there is room for, on Slurm 100.
        cpus: CPU cores and threads of each task.
        gpus: GPUs of each task; 0.25 lets four tasks share one. Without, the CPU computes.
        segment_minutes: length of the segments that are separate tasks; None makes one task of each match.
            Matches of several files, and models that take tracks, are one task in any case.
        attempts: how often a task is begun whose worker is lost each time.
        slurm: options of `sbatch`: `{"partition": "gpu", "time": "240"}` (minutes).
        model: see `Spotter.from_pretrained`; all machines need the same files.
        threshold: see `spot_videos`.
        actions: see `spot_videos`.
        detector: see `spot_videos`, by name.
        runtime: see `Spotter.from_pretrained`.
        device: see `Spotter`.
        proxies: see `spot_videos`.
        overwrite: replace the results that are there.
        imports: modules that register custom components, on every machine.
        progress: called with the number of matches done, with the fraction of those that are begun.

    Yields:
        The results: first of all matches that are skipped, then of the others as they are done.

    Raises:
        VideoError: an input is missing, or there are no videos in it.
        InputError: a setting is out of range, or the engine cannot be used.
        OutputConflictError: there are results in the way; see `onball.outputs`.
        ModelError: there is no usable model.
        MissingDependencyError: the engine is not installed.
    """
    resources = Resources(cpus, gpus)
    retry = Retry(attempts)
    if segment_minutes is not None and segment_minutes <= 0:
        raise InputError(f"segments of {segment_minutes:g} minutes: they must be longer than 0")
    matches = find_archive(videos)
    stored = isinstance(out, str) and is_stored(out)
    address = str(out).rstrip("/") if stored else ""
    # That of an engine which needs files, if the results are on a store.
    out = Path().absolute() if stored else Path(out).absolute()
    if stored:
        Store(address).check_writable(address)
    else:
        require_writable(out)
    if gpus == 0 and device == "auto":
        device = "cpu"
    # The driver's own only names the model and its classes; the workers load theirs.
    if model is None:
        model = default_model()  # the same on all machines, whatever is installed there
    spotter = Spotter.from_pretrained(model, runtime=runtime, device="cpu", threads=1)
    chosen = None if actions is None else tuple(map(str, actions))
    checker = ResultChecker(
        spotter,
        threshold=threshold,
        actions=chosen,
        detector=detector,
        proxies=proxies,
        overwrite=overwrite,
    )
    if stored:
        states = [OutputState.MISSING] * len(matches)  # their tasks check what is there
    else:
        states = _states(matches, out, checker)
    orders = _Orders(
        ModelOrder(
            _absolute(model),
            spotter.fingerprint,
            # All machines compute with the same one, whatever else is installed there.
            spotter.runtime if device == "cpu" else runtime,
            device,
            cpus,
            tuple(imports),
        ),
        SpotSettings(
            address or str(out), threshold, chosen, _absolute(detector), _folder(proxies), overwrite
        ),
        None if segment_minutes is None else round(segment_minutes * _MS_PER_MINUTE),
        spotter.config.needs_tracks,
        _unchecked(matches, address or out) if segment_minutes and not overwrite else frozenset(),
    )
    if isinstance(cluster, str):
        cluster = open_engine(cluster, workers, resources, out, slurm or {})
    place = partial(_join_address, address) if stored else out.joinpath
    return _results(cluster, retry, matches, states, orders, place, progress)


def _results(
    engine: Engine,
    retry: Retry,
    matches: Sequence[ArchiveMatch],
    states: Sequence[OutputState],
    orders: _Orders,
    place: Callable[[str], Path | str],
    progress: ProgressCallback,
) -> Iterator[ArchiveResult]:
    with engine:
        wanted = []
        for match, state in zip(matches, states, strict=True):
            if state is OutputState.MISSING:
                wanted.append(match)
            else:
                outcome = Outcome.DONE if state is OutputState.DONE else Outcome.EDITED
                folder = place(match.name)
                yield ArchiveResult(match.name, folder, outcome, videos=match.videos)
        skipped, total = len(matches) - len(wanted), len(matches)

        def report(done: float) -> None:
            progress(Progress("archive", skipped + done, total, "matches", skipped))

        if wanted:
            report(0)
        for result in run_units(engine, map(orders.unit, wanted), retry, on_progress=report):
            yield _archive_result(result, place)


def _join_address(folder: str, name: str) -> str:
    return f"{folder}/{name}"


def _archive_result(result: UnitResult, place: Callable[[str], Path | str]) -> ArchiveResult:
    match: ArchiveMatch = result.key
    summary = result.value
    if not isinstance(summary, MatchSummary):
        summary = MatchSummary(Outcome.FAILED, error=result.error, traceback=result.traceback)
    return ArchiveResult(
        match.name,
        place(match.name),
        summary.outcome,
        summary.shown,
        summary.candidates,
        summary.error,
        summary.traceback,
        result.warnings,
        match.videos,
        result.node,
        result.retries,
    )


# Inputs


def find_archive(inputs: str | Path | Iterable[str | Path]) -> list[ArchiveMatch]:
    """Find the matches that are named; their videos are not opened.

    Args:
        inputs: files, folders and patterns, see `find_videos`, addresses on stores, and manifests, see
            `read_manifest`.

    Raises:
        VideoError: an input is missing, or there are no videos in it.
        DataError: a manifest is damaged.
        InputError: two matches have the same name, or a video is named twice.
    """
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    named: list[ArchiveMatch] = []
    found: dict[str, None] = {}
    for one in given:
        if str(one).lower().endswith(MANIFEST_SUFFIXES):
            for match in read_manifest(one):
                if match.name:
                    named.append(match)
                else:
                    found |= dict.fromkeys(match.videos)
        elif isinstance(one, str) and is_stored(one):
            found |= {file.address: None for file, _ in list_stored_videos([one])}
        else:
            found |= {str(path): None for path in video_paths(one)}
    names = name_results([place_of(one) if is_stored(one) else Path(one) for one in found])
    matches = [
        *named,
        *(ArchiveMatch(name, (video,)) for name, video in zip(names, found, strict=True)),
    ]
    if not matches:
        raise VideoError("no video given")
    seen: dict[str, ArchiveMatch] = {}
    for match in matches:
        other = seen.setdefault(match.name.lower(), match)
        if other is not match:
            raise InputError(
                f"{match.videos[0]} and {other.videos[0]} have the same name, '{match.name}': name them "
                "in a manifest"
            )
    return [
        ArchiveMatch(match.name, tuple(map(_absolute_video, match.videos))) for match in matches
    ]


def read_manifest(path: str | Path) -> list[ArchiveMatch]:
    """Read a list of videos, also from a store; relative paths begin at its own folder.

    - `.txt`: a path on each line. Empty lines and those that begin with # are left out.
    - `.csv`: a table with the column `video`, and maybe `name`. Rows of the same name are the files of
      one match, in this order, and have one result.

    Returns:
        The matches; those without a name have an empty one.

    Raises:
        DataError: it is missing, no text, or has no such column or an unusable name.
        OnballError: its store cannot be read.
    """
    try:
        stored = isinstance(path, str) and is_stored(path)
        content = Store(str(path)).read(str(path)) if stored else Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file: check the path") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    folder = str(path).rpartition("/")[0] if stored else str(Path(path).parent)
    lines = decode_text(content)[0].splitlines()
    if str(path).lower().endswith(".txt"):
        rows = [("", line.strip()) for line in lines if line.strip() and line.strip()[0] != "#"]
    else:
        table = csv.DictReader(lines)
        if "video" not in (table.fieldnames or ()):
            raise DataError(f"{path}: no column 'video': its first line must name the columns")
        rows = [
            ((row.get("name") or "").strip(), (row["video"] or "").strip())
            for row in table
            if any(row.values())
        ]
    if not rows:
        raise DataError(f"{path}: names no video")
    matches: dict[str, list[str]] = {}
    for number, (name, video) in enumerate(rows):
        if not video or name in (".", "..") or name.startswith(".") or {"/", "\\"} & set(name):
            what = f"'{name}' cannot be the name of a folder" if video else "a row names no video"
            raise DataError(f"{path}: {what}")
        matches.setdefault(name or f"\n{number}", []).append(_beside(folder, video))
    return [
        ArchiveMatch("" if key.startswith("\n") else key, tuple(videos))
        for key, videos in matches.items()
    ]


def _beside(folder: str, video: str) -> str:
    """A path in a manifest of a folder, which may be on a store; an address is kept as it is."""
    if "://" in video:
        return video
    return f"{folder}/{video}" if "://" in folder else str(Path(folder, video))


def _is_stored(match: ArchiveMatch) -> bool:
    return any(map(is_stored, match.videos))


def _absolute_video(video: str) -> str:
    return video if "://" in video else str(Path(video).absolute())


def _absolute(given: str | Path | None) -> str | None:
    """Absolute path of what exists here; a name stays as it is."""
    if given is None:
        return None
    return str(Path(given).absolute()) if Path(given).exists() else str(given)


def _folder(given: str | Path | None) -> str | None:
    """Absolute path of a folder, which may be missing."""
    return None if given is None else str(Path(given).absolute())


# Checks


def _states(
    matches: Sequence[ArchiveMatch], out: Path, checker: ResultChecker
) -> list[OutputState]:
    """State of each result. Raises `OutputConflictError` for the first that is in the way."""
    present = {entry.name for entry in out.iterdir()} if out.is_dir() else set()

    def state(match: ArchiveMatch) -> OutputState:
        if _is_stored(match):
            return OutputState.MISSING  # its task reads the video and compares
        folder = out / match.name
        if match.name not in present or not any((folder / name).exists() for name in RESULT_FILES):
            return OutputState.MISSING
        try:
            found = checker.state(match.videos, out, match.name)
        except VideoError:
            return OutputState.MISSING  # its task reports it
        if any((folder / name).exists() for name in (LOCK_FILE, JOURNAL_FILE, SEGMENTS_FOLDER)):
            return OutputState.MISSING  # its task cleans up after one that was killed
        return found

    with ThreadPoolExecutor(_CHECKING_THREADS) as pool:
        return list(pool.map(state, matches))


def _unchecked(matches: Sequence[ArchiveMatch], out: str | Path) -> frozenset[str]:
    """Names of matches whose results are there, and were not compared because they are on a store.

    Raises:
        OnballError: the store cannot be read.
    """
    if isinstance(out, str):
        return frozenset(StoredResults(out, StoreCache.of(None, CACHE_GB)).names())
    stored = (match.name for match in matches if _is_stored(match))
    return frozenset(name for name in stored if (out / name / RECORD_FILE).exists())


# Units


@dataclass(frozen=True, slots=True)
class _Orders:
    """Makes the tasks of a match.

    Attributes:
        model, settings: common to all.
        segment_ms: length of a segment; None for one task.
        whole_only: the model cannot compute segments.
        unchecked: names of matches that are one task, which compares the results that are there.
    """

    model: ModelOrder
    settings: SpotSettings
    segment_ms: int | None
    whole_only: bool
    unchecked: frozenset[str]

    def unit(self, match: ArchiveMatch) -> Unit:
        """Tasks of a match."""
        segments = self._segments(match)
        order = MatchOrder(match.name, match.videos, self.model, self.settings, segments)
        if not segments:
            return Unit(match, ((Task(match.name, spot_match, order),),))
        scored = tuple(
            Task(f"{match.name}, segment {i + 1}", score_segment, SegmentOrder(order, i))
            for i in range(len(segments))
        )
        return Unit(match, (scored, (Task(match.name, join_segments, order),)))

    def _segments(self, match: ArchiveMatch) -> tuple[tuple[int, int | None], ...]:
        """Segments of a match; none if it is one task."""
        if self.segment_ms is None or self.whole_only or len(match.videos) > 1:
            return ()
        if match.name in self.unchecked:
            return ()
        (video,) = match.videos
        try:
            stored = is_stored(video)
            duration_ms = stored_duration_ms(video) if stored else probe(video).duration_ms
        except OnballError:
            return ()  # its task reports it
        segments = tuple(segments_of(duration_ms, self.segment_ms))
        return segments if len(segments) > 1 else ()
