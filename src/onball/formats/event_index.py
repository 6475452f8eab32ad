"""Index of events: one Parquet file with the events of many matches, one row per event.

`index_events` writes it, `onball.formats.event_query` reads it with SQL. Its columns:

| column | content |
|---|---|
| `match` | name of the match: that of the folder of its results, with the folders above it |
| `half` | 1 or 2 |
| `time` | time in the video, `HH:MM:SS` |
| `clock_ms` | milliseconds since the kick-off of the half; no value if the kick-off is unknown |
| `action` | the action |
| `team` | `left`, `right` or `unknown` |
| `confidence` | 0 to 1, with all digits |
| `position_ms` | the exact time in the video, in milliseconds |

Rows are in the order of matches, halves and times. The metadata of the file name the source of each
match with its size and time of change, so that only what changed is read again. Sources and the file
may be on stores: sources are downloaded a few matches ahead, and the file is uploaded when it is complete.
"""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet
from onball.errors import DataError, InputError
from onball.events import SIDES, EventColumns, SpottingInfo, Team
from onball.files import atomic_path, require_writable
from onball.formats.event_files import choose_event_files, find_event_files
from onball.formats.event_selection import EventSelection, default_info, load_events
from onball.formats.parquet import (
    Column,
    Table,
    TableWriter,
    UnreadableError,
    read_metadata,
    read_row_groups,
)
from onball.formats.soccernet import RESULTS_FILE
from onball.formats.soccernet_columns import DescribedColumns, read_described_columns
from onball.outputs import OutputConflictError
from onball.progress import Progress, ProgressCallback, no_progress
from onball.stores import Store, StoredFile, is_stored, naming
from onball.timing import format_time

INDEX_COLUMNS = (
    Column("match", object),
    Column("half", np.int8),
    Column("time", object),
    Column("clock_ms", np.int64),
    Column("action", object),
    Column("team", object),
    Column("confidence", np.float64),
    Column("position_ms", np.int64),
)
_METADATA = b"onball.events"
_VERSION = 1
_TEAMS = np.array([*SIDES, Team.UNKNOWN], object)  # the last one is that of side -1
_PROGRESS_EVERY = 50
#: Files of stores that are downloaded at the same time, and ahead.
_CONNECTIONS, _AHEAD = 8, 32
_WHAT = "an index of events (`onball index`)"


@dataclass(frozen=True, slots=True)
class IndexedMatch:
    """A match of an index.

    Attributes:
        match: its name.
        file: absolute path of the file with its events, or its address on a store.
        size, mtime_ns: of the file when it was read; on a store, which has `version` instead, 0.
        events: number of its events in the index.
        video: name of the video; empty if unknown.
        duration_ms: length of the video; None if unknown.
        model: name of the model; empty if unknown.
        version: text that changes with the content of a file on a store.
    """

    match: str
    file: str
    size: int
    mtime_ns: int
    events: int
    video: str = ""
    duration_ms: int | None = None
    model: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class EventIndex:
    """Result of `index_events`.

    Attributes:
        path: the file, or its address on a store.
        matches: the matches in it, in order.
        read: number of matches that were read in this call; the others are unchanged since an earlier
            one.
        removed: number of matches that were in the file before, and are not any more.
        problems: one line for each file that could not be read and was left out.
    """

    path: Path | str
    matches: tuple[IndexedMatch, ...]
    read: int
    removed: int
    problems: tuple[str, ...]

    @property
    def events(self) -> int:
        """Number of events in the file."""
        return sum(match.events for match in self.matches)


def index_events(
    results: str | Path | Iterable[str | Path],
    out: str | Path = "events.parquet",
    *,
    threshold: float | None = None,
    thresholds: Mapping[str, float] | None = None,
    actions: Sequence[str] | None = None,
    classes: ActionSet = BALL_ACTIONS,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> EventIndex:
    """Write the events of many matches into one Parquet file, one row per event.

        onball.index_events("onball-results", "events.parquet")
        onball.query_events("SELECT action, count(*) FROM events GROUP BY action").to_pandas()

    The file has the events of the given results and no others. Called again, only files that are new or
    have changed are read. A file that cannot be read is left out and reported.

    Args:
        results: files of events, and folders with the results of one or many videos, see
            `find_event_files`; also their addresses on stores, `s3://bucket/results`.
        out: the Parquet file, or its address; it appears, or is replaced, when it is complete.
        threshold: lowest confidence; None as the models were run: the events of `events.csv`.
        thresholds: lowest confidence of single actions, by name.
        actions: names of the actions to index; None for all.
        classes: actions that may occur in files without a list of their own.
        overwrite: replace `out` also if it is another file, and read all results again.
        progress: called with the number of matches.

    Raises:
        InputError: there are no results, two of them have the same name, or a setting is out of range.
        OutputConflictError: `out` exists and is no index.
        OnballError: `out` cannot be written.
        MissingDependencyError: pyarrow is not installed.
    """
    settings = {
        "threshold": threshold,
        "thresholds": thresholds,
        "actions": actions,
        "classes": classes,
        "overwrite": overwrite,
        "progress": progress,
    }
    if isinstance(out, str) and is_stored(out):
        return _index_on_store(results, out, settings)
    out = Path(out)
    if out.is_dir():
        raise InputError(f"{out}: is a folder: name a file, such as {out / 'events.parquet'}")
    selection = EventSelection(threshold, thresholds, actions)
    selection.check()
    request = {
        "threshold": threshold,
        "thresholds": dict(thresholds or {}),
        "actions": None if actions is None else list(actions),
        "classes": [label.value for label in classes],
    }
    files = _find_files(results)
    former = {} if overwrite else _former_matches(out, request)
    require_writable(out.parent)
    problems: list[str] = []
    steps = list(_plan(files, former, problems))
    unchanged = not problems and all(step.former is not None for step in steps)
    if unchanged and len(former) == len(files):
        kept = tuple(former.values())
        progress(Progress("matches", len(kept), len(kept), "matches"))
        return EventIndex(out, kept, 0, 0, ())
    matches: list[IndexedMatch] = []
    read = 0
    with atomic_path(out) as temporary, TableWriter(temporary, INDEX_COLUMNS) as table:
        with _FormerRows(out, former.values()) as rows, _Downloads(steps) as downloads:
            for number, (step, file) in enumerate(downloads, start=1):
                if step.former is not None:
                    for part in rows.of(step.former):
                        table.copy(part)
                    matches.append(step.former)
                else:
                    try:
                        everything = _read_source(step, file, classes)
                    except InputError as error:
                        problems.append(str(error))
                    else:
                        match, columns = _select(step, everything, selection)
                        table.write(*columns)
                        matches.append(match)
                        read += 1
                if number % _PROGRESS_EVERY == 0 or number == len(steps):
                    progress(Progress("matches", number, len(steps), "matches"))
        content = {"version": _VERSION, "request": request, "matches": [*map(asdict, matches)]}
        table.set_metadata(_METADATA, json.dumps(content).encode())
    names = {match.match for match in matches}
    removed = sum(name not in names for name in former)
    return EventIndex(out, tuple(matches), read, removed, tuple(problems))


def _index_on_store(
    results: str | Path | Iterable[str | Path], out: str, settings: Mapping[str, Any]
) -> EventIndex:
    """Write an index to an address: on this machine, from the one that is there, and upload it."""
    store, name = Store(out), PurePosixPath(out).name
    store.check_writable(out.rpartition("/")[0])
    with tempfile.TemporaryDirectory(prefix="onball-") as folder:
        path = Path(folder) / name
        for file in store.files(out):
            if file.address != out:
                raise InputError(f"{out}: is a folder: name a file, such as {out}/events.parquet")
            store.download(file, path)
        former_ns = path.stat().st_mtime_ns if path.exists() else None
        with naming(out, path):
            index = index_events(results, path, **settings)
        if path.stat().st_mtime_ns != former_ns:
            store.upload(path, out)
    return replace(index, path=out)


def read_indexed_matches(path: str | Path) -> tuple[IndexedMatch, ...]:
    """Return the matches of an index.

    Raises:
        InputError: the file is missing or no index.
    """
    matches, _ = _read_about(Path(path))
    return matches


# Sources


@dataclass(frozen=True, slots=True)
class _Step:
    """A match that goes into the index.

    Attributes:
        name: of the match.
        source: the file of its events.
        place: its absolute path or address.
        size, mtime_ns, version: of the file, see `IndexedMatch`.
        former: the match in the former index, if it is unchanged.
    """

    name: str
    source: Path | StoredFile
    place: str
    size: int
    mtime_ns: int
    version: str
    former: IndexedMatch | None


def _find_files(results: str | Path | Iterable[str | Path]) -> dict[str, Path | StoredFile]:
    """File of each match by its name, in the order of the names."""
    given = [results] if isinstance(results, str | Path) else list(results)
    if not given:
        raise InputError("no results are named: onball index onball-results")
    found: dict[str, Path | StoredFile] = {}
    for one in given:
        stored = isinstance(one, str) and is_stored(one)
        files = _find_stored_files(str(one)) if stored else find_event_files(one)
        for name, source in files.items():
            other = found.setdefault(name, source)
            if _place(other) != _place(source):
                raise InputError(
                    f"{_place(source)}: has the name of {_place(other)}, '{name}': name the folder that "
                    "contains both"
                )
    return dict(sorted(found.items()))


def _find_stored_files(address: str) -> dict[str, StoredFile]:
    """Find the events of one or many videos on a store, as `find_event_files` does in a folder."""
    root = address.rstrip("/")
    files = {one.address: one for one in Store(root).files(root)}
    if root in files:
        root = root.rpartition("/")[0]
    beside = {PurePosixPath(one.removeprefix(f"{root}/")): file for one, file in files.items()}
    found = {name: beside[PurePosixPath(file)] for name, file in choose_event_files(beside).items()}
    if not found:
        raise InputError(f"{address}: no results there: name results of `onball spot`")
    own = found.pop(".", None)
    return ({} if own is None else {root.rpartition("/")[2]: own}) | found


def _place(source: Path | StoredFile) -> str:
    return source.address if isinstance(source, StoredFile) else str(source.absolute())


def _plan(
    files: Mapping[str, Path | StoredFile],
    former: Mapping[str, IndexedMatch],
    problems: list[str],
) -> Iterator[_Step]:
    """Plan the work for each match; those without a file are added to the problems."""
    for name, source in files.items():
        if isinstance(source, StoredFile):
            state = (source.size, 0, source.version)
        else:
            try:
                found = source.stat()
            except OSError as error:
                problems.append(f"{source}: cannot be read ({error.strerror})")
                continue
            state = (found.st_size, found.st_mtime_ns, "")
        place, known = _place(source), former.get(name)
        is_same = known is not None and (
            (known.file, known.size, known.mtime_ns, known.version) == (place, *state)
        )
        yield _Step(name, source, place, *state, known if is_same else None)


class _Downloads:
    """Steps with files of this machine: those on stores are downloaded some steps ahead.

    Args:
        steps: the work for all matches.
    """

    def __init__(self, steps: Iterable[_Step]) -> None:
        self._steps = steps
        self._folder = tempfile.TemporaryDirectory(prefix="onball-")
        self._pool = ThreadPoolExecutor(_CONNECTIONS, "onball-index")
        self._stores: dict[str, Store] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def __iter__(self) -> Iterator[tuple[_Step, Future[Path] | None]]:
        ahead: deque[tuple[_Step, Future[Path] | None]] = deque()
        for number, step in enumerate(self._steps):
            task = None
            if isinstance(step.source, StoredFile) and step.former is None:
                task = self._pool.submit(self._download, step.source, number)
            ahead.append((step, task))
            if len(ahead) > _AHEAD:
                yield ahead.popleft()
        yield from ahead

    def _download(self, file: StoredFile, number: int) -> Path:
        bucket = "/".join(file.address.split("/")[:3])
        store = self._stores.get(bucket) or self._stores.setdefault(bucket, Store(bucket))
        path = Path(self._folder.name) / str(number) / file.name  # its name states its format
        path.parent.mkdir()
        path.write_bytes(store.read(file.address))
        return path


def _read_source(
    step: _Step, download: Future[Path] | None, classes: ActionSet
) -> DescribedColumns:
    """Read all events of a match. Raises `InputError`."""
    if download is None:
        return _read_events(Path(step.place), classes)
    path = download.result()
    try:
        with naming(step.place, path):
            return _read_events(path, classes)
    finally:
        path.unlink()


def _read_events(file: Path, classes: ActionSet) -> DescribedColumns:
    """Read all events of a file. Raises `InputError`."""
    usual = read_described_columns(file, classes) if file.name == RESULTS_FILE else None
    if usual is not None:
        return replace(usual, info=usual.info or default_info(usual.actions))
    events = load_events(file, classes)  # of another format, or unusual
    columns = EventColumns.of([events], events.classes)
    return DescribedColumns(columns, events.classes, events.info)


def _select(
    step: _Step, everything: DescribedColumns, selection: EventSelection
) -> tuple[IndexedMatch, tuple[NDArray[Any], ...]]:
    """Choose the events of a match that go into the index, and make the columns of their rows."""
    labels, info = everything.actions, everything.info or SpottingInfo()
    wanted = selection.describe(replace(info, classes=labels))
    events = everything.columns.where(_is_shown(everything.columns, wanted))
    events = events.where(np.lexsort((events.position_ms, events.half)))
    match = IndexedMatch(
        step.name,
        step.place,
        step.size,
        step.mtime_ns,
        len(events),
        info.video,
        info.duration_ms,
        info.model,
        step.version,
    )
    return match, _rows(step.name, events, labels, info)


def _is_shown(events: EventColumns, info: SpottingInfo) -> NDArray[np.bool_]:
    """`SpottingInfo.shows` for all events, bool `[N]`."""
    thresholds = info.thresholds or {}
    least = np.array([thresholds.get(label, 0.0) for label in info.classes])
    shown = np.array([info.actions is None or label in info.actions for label in info.classes])
    chosen: NDArray[np.bool_] = (events.confidence >= least[events.action]) & shown[events.action]
    return chosen


def _rows(
    name: str, events: EventColumns, labels: ActionSet, info: SpottingInfo
) -> tuple[NDArray[Any], ...]:
    """Columns of the rows of a match, in the order of `INDEX_COLUMNS`."""
    seconds, index = np.unique(events.position_ms // 1000, return_inverse=True)
    times = np.array([_time_text(int(second)) for second in seconds], object)
    values = np.array([label.value for label in labels], object)
    return (
        np.full(len(events), name, object),
        events.half.astype(np.int8),
        times[index] if len(times) else np.empty(0, object),
        _clocks(events, info),
        values[events.action],
        _TEAMS[events.side],
        events.confidence,
        events.position_ms,
    )


@lru_cache(maxsize=20_000)
def _time_text(second: int) -> str:
    return format_time(1000 * second)


def _clocks(events: EventColumns, info: SpottingInfo) -> NDArray[np.int64]:
    """`SpottingInfo.clock_ms` of all events; those without one are masked."""
    clocks, unknown = events.position_ms.copy(), np.ones(len(events), np.bool_)
    for half, kickoff in enumerate(info.kickoffs_ms, start=1):
        if kickoff is not None:
            clocks[events.half == half] -= kickoff
            unknown[events.half == half] = False
    return np.ma.masked_array(clocks, unknown)


# The former index


def _former_matches(out: Path, request: Mapping[str, Any]) -> dict[str, IndexedMatch]:
    """Matches of the index that is there, by name; none if it was made with other settings.

    Raises `OutputConflictError` if the file is no index.
    """
    if not out.exists():
        return {}
    try:
        matches, former_request = _read_about(out)
    except InputError as error:
        raise OutputConflictError(
            f"{error}: --overwrite replaces it, or choose another --out"
        ) from None
    return {match.match: match for match in matches} if former_request == request else {}


def _read_about(path: Path) -> tuple[tuple[IndexedMatch, ...], dict[str, Any]]:
    """Matches and settings in the metadata of an index. Raises `InputError`."""
    if not path.is_file():
        raise InputError(f"{path}: no such file: `onball index onball-results` writes an index")
    try:
        metadata, _ = read_metadata(path)
        content = json.loads(metadata[_METADATA])
        if content["version"] != _VERSION:
            raise InputError(f"{path}: was written by another version of onball: index again")
        return msgspec.convert(content["matches"], tuple[IndexedMatch, ...]), content["request"]
    except (UnreadableError, KeyError, ValueError, TypeError, msgspec.ValidationError):
        raise InputError(f"{path}: is not {_WHAT}") from None


class _FormerRows:
    """The rows of an index, read once from the beginning to the end.

    Args:
        path: the file.
        matches: its matches, in its order; none to read nothing.
    """

    def __init__(self, path: Path, matches: Iterable[IndexedMatch]) -> None:
        self._path = path
        self._start: dict[str, int] = {}
        position = 0
        for match in matches:
            self._start[match.match] = position
            position += match.events
        self._groups = read_row_groups(path) if self._start else iter(())
        self._group: Table | None = None
        self._begin = self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The file must be closed before it is replaced, on Windows.
        if hasattr(self._groups, "close"):
            self._groups.close()

    def of(self, match: IndexedMatch) -> Iterator[Table]:
        """Yield the rows of a match; matches are to be asked for in the order of the file.

        Raises:
            DataError: the file is damaged.
        """
        start = self._start[match.match]
        stop = start + match.events
        while start < stop:
            while start >= self._end:
                self._next_group()
            assert self._group is not None
            until = min(stop, self._end)
            yield self._group.rows(start - self._begin, until - self._begin)
            start = until

    def _next_group(self) -> None:
        try:
            self._group = next(self._groups)
        except (StopIteration, UnreadableError):
            raise DataError(f"{self._path}: is damaged: --overwrite writes it again") from None
        self._begin, self._end = self._end, self._end + len(self._group)
