"""Providers of event and tracking data by the content of their files.

Nothing here imports kloppy: formats have names, and errors their reasons, without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from onball.errors import InputError
from onball.files import decode_text

#: Beginning of a file that is searched, in bytes.
_HEAD_BYTES = 1 << 17
#: Larger files beside the events are not looked into.
_MOST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Provider:
    """Files of a provider.

    Attributes:
        title: name of the provider, and of the kind of file.
        sign: regular expression that is found in the beginning of its files.
        needs: description of a second file that it needs, or "".
        metadata: regular expression that is found in the beginning of that second file.
        match: regular expressions of the id of the match, in one group, in the file and in the second
            one. Of StatsBomb, whose line-ups do not have it, the ids of the teams.
        same_syntax: both files have to be XML, or both JSON.
    """

    title: str
    sign: str
    needs: str = ""
    metadata: str = ""
    match: tuple[str, str] | None = None
    same_syntax: bool = False


#: Providers of event data by the name of their format.
EVENT_DATA: Mapping[str, Provider] = {
    "datafactory": Provider(
        "DataFactory event data", r'(?s)"match"\s*:.*"homeTeamName"\s*:|"incidences"\s*:'
    ),
    "metrica": Provider(
        "Metrica event data", r'"subtypes"\s*:', "the EPTS metadata, XML", r"FIFADataTransferFormatEPTS"
    ),
    "opta": Provider(
        "an Opta F24 feed", r"<Games\b", "the F7 feed, XML", r"<SoccerFeed\b|<SoccerDocument\b",
        (r'<Game\b[^>]*?\sid="(\d+)"', r'<SoccerDocument\b[^>]*?\suID="f(\d+)"'),
    ),
    "sportec": Provider(
        "Sportec event data", r"<Event\b[^>]*\bEventTime=",
        "the match information, XML", r"<MatchInformation\b",
        (r'<Event\b[^>]*?\sMatchId="([^"]+)"', r'<General\b[^>]*?\sMatchId="([^"]+)"'),
    ),
    "statsbomb": Provider(
        "StatsBomb event data", r'"possession_team"\s*:',
        "the line-ups, JSON", r'(?s)"team_name"\s*:.*"lineup"\s*:',
        (r'(?s)"team"\s*:\s*\{[^}]*?"id"\s*:\s*(\d+)', r'"team_id"\s*:\s*(\d+)'),
    ),
    "statsperform": Provider(
        "a Stats Perform MA3 feed", r'<matchEvents\b|(?s:"matchInfo"\s*:.*"typeId"\s*:)',
        "the MA1 feed, XML or JSON as the events",
        r'(?s)<match\b.*<matchInfo\b|^(?!.*"typeId"\s*:).*"matchInfo"\s*:',
        (
            r'"matchInfo"\s*:\s*\{\s*"id"\s*:\s*"(\w+)"|<matchInfo\b[^>]*?\sid="(\w+)"',
            r'"matchInfo"\s*:\s*\{\s*"id"\s*:\s*"(\w+)"|<matchInfo\b[^>]*?\sid="(\w+)"',
        ),
        same_syntax=True,
    ),
    "wyscout": Provider("Wyscout event data", r'"matchPeriod"\s*:'),
}  # fmt: skip
#: Providers of tracking data by the name of their format.
TRACKING_DATA: Mapping[str, Provider] = {
    "metrica": Provider(
        "Metrica tracking data", r"(?i)\A\s*(?:,,,(?:home|away)\b|\d+:(?:NaN|-?\d*\.\d+),)",
        "the other team's CSV, or the EPTS metadata",
    ),
    "secondspectrum": Provider(
        "Second Spectrum tracking data", r'(?s)"frameIdx".*"homePlayers"',
        "the metadata, JSON or XML",
    ),
    "skillcorner": Provider(
        "SkillCorner tracking data", r'(?s)\A\s*[\[{].*(?:"player_data"|"trackable_object")',
        "the match's JSON",
    ),
    "sportec": Provider(
        "Sportec tracking data", r"<(?:Positions|FrameSet)\b", "the match information, XML"
    ),
    "statsperform": Provider(
        "Stats Perform tracking data", r"\A\s*\d{12,};", "the MA1 feed"
    ),
    "tracab": Provider(
        "Tracab tracking data", r'\A\s*\d+:-?\d+,-?\d+,-?\d+,-?\d+,|"FrameData"',
        "the metadata, XML or JSON",
    ),
}  # fmt: skip

#: Files of providers that onball does not read, by a description.
_NOT_READ: Mapping[str, str] = {
    "IMPECT event data": r'(?s)"squadId"\s*:.*"actionType"\s*:',
    "IMPECT line-ups": r'(?s)"squadHome"\s*:.*"shirtNumber"\s*:',
}


def head_of(path: Path) -> str:
    """Text of the first 128 KiB of a file. Raises `InputError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return decode_text(file.read(_HEAD_BYTES))[0]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror})") from problem


def fitting(providers: Mapping[str, Provider], text: str) -> list[str]:
    """Names of the providers whose files begin as a text does."""
    return [name for name, known in providers.items() if re.search(known.sign, text)]


def recognise_event_data(text: str) -> str | None:
    """Return the format of event data by the beginning of its text; None if it is of none."""
    names = fitting(EVENT_DATA, text[:_HEAD_BYTES])
    return names[0] if len(names) == 1 else None


def describe(text: str) -> str | None:
    """Describe a file of a provider by the beginning of its text; None if it is of none."""
    head = text[:_HEAD_BYTES]
    for providers in (EVENT_DATA, TRACKING_DATA):
        if names := fitting(providers, head):
            return providers[names[0]].title
    if not head.lstrip().startswith(("<", "{", "[")):
        return None
    for known in EVENT_DATA.values():
        if known.metadata and re.search(known.metadata, head):
            return f"{_kind(known)} for {known.title}"
    return None


def describe_unread(text: str) -> str | None:
    """Describe a file of a provider that onball does not read; None if it is of none."""
    head = text[:_HEAD_BYTES]
    return next((name for name, sign in _NOT_READ.items() if re.search(sign, head)), None)


def _kind(known: Provider) -> str:
    return known.needs.rpartition(", ")[0] or known.needs


# The second file


def metadata_of(path: Path, name: str, given: Path | None) -> Path | None:
    """Return the second file that event data need: the given one, or the only one beside them.

    Args:
        path: file of event data.
        name: name of its provider.
        given: the second file if the user named it.

    Returns:
        The file; None if the provider needs none.

    Raises:
        InputError: it is missing, of another kind or match, or several would do.
    """
    known = EVENT_DATA[name]
    if not known.needs:
        if given is not None:
            raise InputError(f"{given}: {known.title} needs no second file: leave out --metadata")
        return None
    events = head_of(path)
    if given is not None:
        _require_fitting(path, known, events, given)
        return given
    found = [other for other in _beside(path, name) if _fits(known, events, head_of(other))]
    if len(found) == 1:
        return found[0]
    names = ", ".join(other.name for other in found[:5])
    several = f"; {len(found)} files beside it could be that: {names}" if found else ""
    raise InputError(f"{path}: {known.title} needs {known.needs}: add --metadata FILE{several}")


def _beside(path: Path, name: str) -> Iterator[Path]:
    """Files that may belong to event data: in their folder, and where StatsBomb's open data are."""
    folder = path.resolve().parent
    others = [one for one in sorted(folder.iterdir()) if one.name != path.name]
    if name == "statsbomb":
        others.append(folder.parent / "lineups" / path.name)
    for other in others:
        is_text = other.suffix.lower() in (".xml", ".json") and other.is_file()
        if is_text and other.stat().st_size <= _MOST_BYTES:
            yield other


def _fits(known: Provider, events: str, other: str) -> bool:
    """Return True if a text is the second file of event data, of the same match as far as both say it."""
    if not _is_metadata(known, events, other):
        return False
    first, second = _match_ids(known, events, other)
    return not first or not second or first <= second


def _is_metadata(known: Provider, events: str, other: str) -> bool:
    if known.same_syntax and events.lstrip()[:1] != other.lstrip()[:1]:
        return False
    return not re.search(known.sign, other) and bool(re.search(known.metadata, other))


def _match_ids(known: Provider, events: str, other: str) -> tuple[set[str], set[str]]:
    if known.match is None:
        return set(), set()
    texts = zip(known.match, (events, other), strict=True)
    first, second = (
        {next(filter(None, found.groups())) for found in re.finditer(pattern, text)}
        for pattern, text in texts
    )
    return first, second


def _require_fitting(path: Path, known: Provider, events: str, given: Path) -> None:
    """Raise `InputError` if a file is not the second file of event data."""
    text = head_of(given)
    if not _is_metadata(known, events, text):
        kind = describe(text)
        found = f"is {kind}" if kind else "is something else"
        raise InputError(f"{given}: {found}: {known.title} needs {known.needs}")
    first, second = _match_ids(known, events, text)
    if first and second and not first <= second:
        raise InputError(
            f"{given}: is of another match ({', '.join(sorted(second)[:2])}) than {path.name} "
            f"({', '.join(sorted(first)[:2])})"
        )
