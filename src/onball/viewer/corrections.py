"""Corrections of the events of a match, in a file beside them.

`corrections.json` holds one entry for each event that somebody decided on, in its corrected form and
with the event that it was found as. It complements the events and never replaces them:

    {"onball_corrections": 1, "version": 12, "match": "…", "of": "results_spotting.json",
     "entries": {"PASS/1/12480": {"status": "accepted", "position_ms": 12520, "label": "PASS", …,
                                  "original": {"position_ms": 12480, "label": "PASS", …}}}}

    identify_events      a stable name for each event, by which its entry is found again
    CorrectionsFile      reads and updates the file; two writers cannot overwrite one another
    correct_events       events with their corrections, as annotations
    confirm_events       candidates with their corrections, with confidences
    apply_corrections    the same for files: labels to train on
    Agreement            number of events that were accepted, moved, relabelled, rejected and added
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal

import msgspec
from filelock import FileLock
from msgspec import Meta

from onball.actions import BALL_ACTIONS, ActionSet
from onball.errors import InputError, LabelError, OnballError
from onball.events import POSITION_LIMIT_MS, Event, EventList, Team
from onball.files import read_text, shell_quoted, write_error, write_text_atomic
from onball.formats.event_files import find_event_files
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE, write_labels
from onball.outputs import write_once

CORRECTIONS_FILE = "corrections.json"
#: Names of files of events that say nothing about the match: their folder does.
_USUAL_FILES = (RESULTS_FILE, LABELS_FILE, "events.csv")
_FORMAT = 1
#: More entries than a match has candidates.
_MOST_ENTRIES = 200_000
#: An event that was moved by less than this was not moved: half a frame at 25 frames per second.
_MOVED_MS = 20

Status = Literal["accepted", "rejected", "added"]
_Position = Annotated[int, Meta(ge=0, lt=POSITION_LIMIT_MS)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Half = Annotated[int, Meta(ge=1, le=20)]


class Original(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event that a correction is about, as it was found."""

    position_ms: _Position
    label: _Name
    confidence: Annotated[float, Meta(ge=0, le=1)] = 1.0
    team: Team = Team.UNKNOWN
    half: _Half = 1


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The decision on one event.

    Attributes:
        status: `accepted`, maybe with changes; `rejected`: there is no such event; `added` by hand.
        position_ms, label, team, half: the event as it should be.
        original: the event as it was found; None if it was added.
    """

    status: Status
    position_ms: _Position
    label: _Name
    team: Team = Team.UNKNOWN
    half: _Half = 1
    original: Original | None = None

    def event(self, actions: ActionSet = BALL_ACTIONS) -> Event:
        """The event as it should be, certain. Raises `LabelError` for an unknown label."""
        return Event(self.position_ms, actions.parse(self.label), 1.0, self.team, self.half)


class Corrections(msgspec.Struct, frozen=True):
    """All corrections of a match.

    Attributes:
        entries: corrections by the names of their events, see `identify_events`.
        version: number of times that the file was written.
        match: name of the match.
        of: name of the file of events that they complement.
        onball_corrections: version of the format.
    """

    entries: dict[str, Correction] = msgspec.field(default_factory=dict)
    version: int = 0
    match: str = ""
    of: str = ""
    onball_corrections: int = _FORMAT


class VersionConflictError(OnballError):
    """The corrections were changed by somebody else meanwhile.

    Args:
        path: the file.
        current: the corrections in it.
    """

    def __init__(self, path: Path, current: Corrections) -> None:
        super().__init__(f"{path}: was changed meanwhile: load it again")
        self.current = current


def identify_events(events: Iterable[Event]) -> list[str]:
    """Return a name for each event, `PASS/1/12480`: its label, half and position.

    Of several events with the same name, the second gets `PASS/1/12480/2`.
    """
    seen: Counter[str] = Counter()
    names = []
    for event in events:
        name = f"{event.label.value}/{event.half}/{event.position_ms}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}/{seen[name]}")
    return names


def corrections_path(events: str | Path) -> Path:
    """Return the path of the corrections of a file of events, which is beside it."""
    events = Path(events)
    if events.name in _USUAL_FILES:
        return events.with_name(CORRECTIONS_FILE)
    return events.with_name(f"{events.stem}.{CORRECTIONS_FILE}")


class CorrectionsFile:
    """The file with the corrections of a match, which may be missing.

    Args:
        path: the file.
        match: name of the match, for a new file.
        of: name of the file of events that they complement.
    """

    def __init__(self, path: Path, match: str = "", of: str = "") -> None:
        self.path = path
        self._new = Corrections(match=match, of=of)

    def read(self) -> Corrections:
        """Read the corrections; there are none if the file is missing.

        Raises:
            LabelError: the file is damaged.
        """
        if not self.path.is_file():
            return self._new
        return read_corrections(self.path)

    def update(self, version: int, changes: Mapping[str, Correction | None]) -> Corrections:
        """Write changed entries, and return all corrections as they are then.

        The file is replaced as a whole, so that a killed process leaves the former one.

        Args:
            version: version of the corrections that the changes are based on.
            changes: new entries by name; None removes one.

        Raises:
            VersionConflictError: the file has another version.
            LabelError: the file is damaged, or there are too many entries.
            OnballError: the file cannot be written.
        """
        try:
            lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
            with lock:
                return self._update(version, changes)
        except OSError as error:
            raise write_error(self.path, error) from error

    def _update(self, version: int, changes: Mapping[str, Correction | None]) -> Corrections:
        current = self.read()
        if current.version != version:
            raise VersionConflictError(self.path, current)
        entries = {name: entry for name, entry in current.entries.items() if name not in changes}
        entries |= {name: entry for name, entry in changes.items() if entry is not None}
        if len(entries) > _MOST_ENTRIES:
            raise LabelError(f"{self.path}: more than {_MOST_ENTRIES} entries")
        ordered = dict(sorted(entries.items(), key=lambda item: (item[1].position_ms, item[0])))
        new = msgspec.structs.replace(current, entries=ordered, version=version + 1)
        text = msgspec.json.format(msgspec.json.encode(new), indent=1).decode()
        write_text_atomic(self.path, text + "\n")
        return new


def read_corrections(path: str | Path) -> Corrections:
    """Read a file of corrections.

    Args:
        path: the file.

    Raises:
        LabelError: the file is missing, damaged, or of a later version of onball.
    """
    text = read_text(path, LabelError)
    try:
        read = msgspec.json.decode(text, type=Corrections)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LabelError(f"{path}: not a file of corrections: {error}") from None
    if read.onball_corrections != _FORMAT:
        raise LabelError(f"{path}: was written by another version of onball: update onball")
    return read


def correct_events(
    events: EventList,
    corrections: Corrections,
    *,
    reviewed_only: bool = False,
    threshold: float | None = None,
    actions: ActionSet = BALL_ACTIONS,
) -> EventList:
    """Apply corrections to events, and return annotations.

    Accepted and added events are taken as they were corrected, rejected ones left out. Events that
    nobody decided on are taken if they are shown to people (`EventList.shown`).

    Args:
        events: the events.
        corrections: their corrections.
        reviewed_only: leave out the events that nobody decided on.
        threshold: lowest confidence of such events instead of the one that they are shown from.
        actions: labels that corrections may have, beside those of the events.

    Raises:
        LabelError: a correction has an unknown label.
    """
    known = events.classes.union(actions)
    shown = events.shown if threshold is None else events.above(threshold)
    kept = set() if reviewed_only else {id(event) for event in shown}
    taken = []
    for name, event in zip(identify_events(events), events, strict=True):
        entry = corrections.entries.get(name)
        if entry is None:
            if id(event) in kept:
                taken.append(replace(event, confidence=1.0))
        elif entry.status == "accepted":
            changed = entry.event(known)
            taken.append(replace(changed, visible=event.visible, extra=_kept_fields(event)))
    # Added events, and decisions on events that a later run of the model does not find any more.
    names = set(identify_events(events))
    taken += [
        entry.event(known)
        for name, entry in corrections.entries.items()
        if name not in names and entry.status != "rejected"
    ]
    return EventList.of(taken, events.match, events.metadata)


def confirm_events(
    events: EventList, corrections: Corrections, actions: ActionSet = BALL_ACTIONS
) -> EventList:
    """Apply corrections to candidates, of which thresholds choose later.

    Accepted and added events are as they were corrected, with confidence 1; rejected ones are left out;
    those that nobody decided on keep their confidence.

    Args:
        events: the candidates.
        corrections: their corrections.
        actions: labels that corrections may have, beside those of the events.

    Raises:
        LabelError: a correction has an unknown label.
    """
    undecided = [
        event
        for name, event in zip(identify_events(events), events, strict=True)
        if name not in corrections.entries
    ]
    decided = correct_events(events, corrections, reviewed_only=True, actions=actions)
    return EventList.of([*undecided, *decided], events.match, events.metadata, info=events.info)


def _kept_fields(event: Event) -> dict[str, Any]:
    """Other fields of the entry of an event, without those that agree with the event alone."""
    return {
        key: value
        for key, value in event.extra.items()
        if key not in ("position", "label", "confidence", "team", "half", "gameTime")
    }


@dataclass(frozen=True, slots=True)
class AppliedCorrections:
    """Labels that corrections were turned into.

    Attributes:
        path: the label file.
        labels: the labels.
        undecided: number of events among them that nobody decided on.
        agreement: agreement of the events with the corrections.
        written: False if the file had the same content already.
    """

    path: Path
    labels: EventList
    undecided: int
    agreement: Agreement
    written: bool


def apply_corrections(
    events: str | Path,
    out: str | Path | None = None,
    *,
    reviewed_only: bool = False,
    threshold: float | None = None,
    actions: ActionSet = BALL_ACTIONS,
    overwrite: bool = False,
) -> AppliedCorrections:
    """Turn the corrected events of a match into labels for training.

        onball.apply_corrections("onball-results/match", "data/club/match/Labels-ball.json")

    Args:
        events: the file of events, or the folder that holds it, with the corrections beside it.
        out: label file to write; by default `Labels-ball.json` beside the events.
        reviewed_only: leave out the events that nobody decided on.
        threshold: lowest confidence of such events; by default that from which they are shown.
        actions: labels that the events may have, see `EventList.load`.
        overwrite: replace another label file.

    Raises:
        InputError: there are no events, or no corrections, or the labels would replace the events.
        LabelError: a file is damaged.
        OutputConflictError: another label file is there.
        OnballError: the labels cannot be written.
    """
    file = _one_file(events)
    path = corrections_path(file)
    if not path.is_file():
        raise InputError(
            f"{path}: no such file: correct the events first, with `onball view "
            f"{shell_quoted(events)}`"
        )
    target = file.with_name(LABELS_FILE) if out is None else Path(out)
    if target.resolve() == file.resolve():
        raise InputError(f"{target}: holds the events that were corrected: choose another --out")
    found, corrections = EventList.load(file, actions), read_corrections(path)
    labels = correct_events(
        found,
        corrections,
        reviewed_only=reviewed_only,
        threshold=threshold,
        actions=actions,
    )
    written = write_once(target, partial(write_labels, labels), overwrite=overwrite)
    decided = sum(entry.status != "rejected" for entry in corrections.entries.values())
    agreement = Agreement.of(corrections)
    return AppliedCorrections(target, labels, len(labels) - decided, agreement, written)


def _one_file(events: str | Path) -> Path:
    """The file of events of one match. Raises `InputError`."""
    files = find_event_files(events)
    if len(files) > 1:
        raise InputError(f"{events}: has {len(files)} matches: name the folder of one")
    return next(iter(files.values()))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of the events that a model found with the decisions of a person.

    Attributes:
        accepted: number of events that were accepted, with or without changes.
        moved: number of accepted events whose time was changed.
        relabelled: number of accepted events whose action was changed.
        teams: number of accepted events whose team was changed.
        rejected: number of events that are none.
        added: number of events that were missing.
        median_move_ms: median distance of the moved events; None without any.
        largest_move_ms: largest one; None without any.
        per_action: number of accepted, rejected and added events by action, as it was found.
        confusions: number of relabelled events by action as found, and as it should be.
    """

    accepted: int
    moved: int
    relabelled: int
    teams: int
    rejected: int
    added: int
    median_move_ms: float | None
    largest_move_ms: int | None
    per_action: dict[str, tuple[int, int, int]]
    confusions: dict[tuple[str, str], int]

    @classmethod
    def of(cls, corrections: Corrections) -> Agreement:
        """Count the decisions."""
        entries = list(corrections.entries.values())
        accepted = [e for e in entries if e.status == "accepted"]
        pairs = [(e, e.original) for e in accepted if e.original is not None]
        moves = [abs(e.position_ms - o.position_ms) for e, o in pairs]
        moves = [move for move in moves if move >= _MOVED_MS]
        changed = [(o.label, e.label) for e, o in pairs if o.label != e.label]
        return cls(
            accepted=len(accepted),
            moved=len(moves),
            relabelled=len(changed),
            teams=sum(e.team != o.team for e, o in pairs),
            rejected=sum(e.status == "rejected" for e in entries),
            added=sum(e.status == "added" for e in entries),
            median_move_ms=float(median(moves)) if moves else None,
            largest_move_ms=max(moves, default=None),
            per_action=_per_action(entries),
            confusions=dict(Counter(changed).most_common()),
        )

    @property
    def precision(self) -> float | None:
        """Fraction of the reviewed events that were accepted with their action; None without any."""
        reviewed = self.accepted + self.rejected
        return (self.accepted - self.relabelled) / reviewed if reviewed else None

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types."""
        return {
            "accepted": self.accepted,
            "moved": self.moved,
            "relabelled": self.relabelled,
            "teams": self.teams,
            "rejected": self.rejected,
            "added": self.added,
            "median_move_ms": self.median_move_ms,
            "largest_move_ms": self.largest_move_ms,
            "precision": self.precision,
            "per_action": {name: list(counts) for name, counts in self.per_action.items()},
            "confusions": [[found, right, n] for (found, right), n in self.confusions.items()],
        }


def _per_action(entries: Sequence[Correction]) -> dict[str, tuple[int, int, int]]:
    """Accepted, rejected and added events of each action, the most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for entry in entries:
        name = entry.label if entry.original is None else entry.original.label
        counts.setdefault(name, Counter())[entry.status] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return {name: (c["accepted"], c["rejected"], c["added"]) for name, c in ordered}
