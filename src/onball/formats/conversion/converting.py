"""Convert events to the files of other programs.

`FORMATS` lists the formats. All files of a call are made in memory, and compared with those that are
there, before the first is written.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet
from onball.errors import InputError, LabelError
from onball.events import POSITION_LIMIT_MS, Event, EventList, SpottingInfo
from onball.files import write_bytes_atomic
from onball.formats.conversion.annotating import (
    fiftyone,
    label_studio,
    label_studio_interface,
    losslesscut,
    osl,
    soccernet,
)
from onball.formats.conversion.base import (
    Conversion,
    Footage,
    file_name,
    find_periods,
    lengths_ms,
    with_kickoffs,
)
from onball.formats.conversion.cues import chapters, srt, vtt
from onball.formats.conversion.editing import edl, fcpxml, otio
from onball.formats.conversion.sportscode_xml import kloppy_xml, sportscode_xml
from onball.formats.conversion.tables import csv_table, style_of, workbook
from onball.formats.event_files import find_event_files
from onball.formats.event_selection import EventSelection, load_events
from onball.formats.event_table import TableStyle
from onball.formats.tags.times import exact_rate, is_drop_frame, time_code_seconds
from onball.outputs import OutputConflictError
from onball.video.match_videos import MatchVideo, match_videos
from onball.video.reading import VideoInfo
from onball.video.sound import sound_formats

Writer = Callable[[Conversion], str | bytes]

_WRITERS: Mapping[str, Mapping[str, Writer]] = {
    "sportscode": {".xml": sportscode_xml},
    "csv": {".csv": csv_table},
    "xlsx": {".xlsx": workbook},
    "srt": {".srt": srt},
    "vtt": {".vtt": vtt},
    "edl": {".edl": edl},
    "fcpxml": {".fcpxml": fcpxml},
    "otio": {".otio": otio},
    "llc": {"-proj.llc": losslesscut},
    "osl": {".osl.json": osl},
    "soccernet": {".soccernet.json": soccernet},
    "label-studio": {
        ".label-studio.json": label_studio,
        ".label-studio.xml": label_studio_interface,
    },
    "fiftyone": {".fiftyone.json": fiftyone},
    "kloppy": {".kloppy.xml": kloppy_xml},
    "chapters": {".chapters.txt": chapters},
}
"""Endings of the files of each format, and what writes them."""
#: Names of the formats of `convert_events`.
FORMATS = tuple(_WRITERS)


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """A file that `convert_events` made.

    Attributes:
        path: the file.
        format: its format.
        events: the events in it.
        written: False if it was there already, with the same content.
    """

    path: Path
    format: str
    events: EventList
    written: bool


def convert_events(
    events: EventList | str | Path,
    formats: str | Iterable[str],
    out: str | Path | None = None,
    *,
    threshold: float | None = None,
    thresholds: Mapping[str, float] | None = None,
    actions: Sequence[str] | None = None,
    lead_s: float | None = None,
    leads_s: Mapping[str, float] | None = None,
    lag_s: float | None = None,
    lags_s: Mapping[str, float] | None = None,
    offset_s: float = 0.0,
    kickoffs_s: Mapping[int, float] | Sequence[float] | None = None,
    merge: bool = False,
    period_markers: bool = True,
    video: str | Path | Sequence[str | Path] | None = None,
    fps: float | None = None,
    time_code: str | None = None,
    region: str | None = None,
    classes: ActionSet = BALL_ACTIONS,
    overwrite: bool = False,
) -> list[ConvertedFile]:
    """Convert events to files of other programs.

        onball.convert_events("onball-results/match", ["sportscode", "srt"], lead_s=8)

    Args:
        events: events, a file of them, or a folder with the results of one or many videos.
        formats: one or more of `onball.formats.conversion.FORMATS`.
        out: folder for the files, or the file if there is one only and its name ends as its format
            does; by default the folder of `events`.
        threshold: lowest confidence; None as the model was run.
        thresholds: lowest confidence of single actions, by name.
        actions: names of the actions to convert; None for all.
        lead_s: seconds of an excerpt before its event; None for the default of the format.
        leads_s: the same for single actions, by name.
        lag_s: seconds of an excerpt after its event.
        lags_s: the same for single actions, by name.
        offset_s: added to all times, for another video than the one that was spotted.
        kickoffs_s: kick-offs in seconds of the video that was spotted, of periods 1, 2 … or by period;
            None for those in the file.
        merge: join excerpts of an action that overlap.
        period_markers: mark the periods whose kick-offs are known, in formats that have markers.
        video: the video, which some formats refer to, with its frame rate and time code; or the files
            of a match that was spotted as one, in their order.
        fps: frame rate, instead of that of `video`.
        time_code: time code of the first frame of a timeline, `10:00:00:00`.
        region: language and region whose spreadsheets are to open a CSV file, such as `de`; `auto` for
            that of this computer. None writes commas and decimal points.
        classes: actions that may occur in files without a list of their own.
        overwrite: replace files that are there.

    Returns:
        The files, in the order of videos and formats.

    Raises:
        InputError: an unknown format or action, a frame rate that is missing, or a number that is
            out of range.
        LabelError: a file of events is damaged.
        OutputConflictError: a file is there, with other content.
        OnballError: a file cannot be written.
    """
    wanted = _formats(formats)
    selection = EventSelection(threshold, thresholds, actions)
    sources = _sources(events, classes)
    if len(sources) > 1 and (video is not None or kickoffs_s is not None):
        raise InputError(
            f"{events}: has {len(sources)} videos, and a video or kick-off is of one: name its folder"
        )
    targets = _targets(events, sources, wanted, out)
    style = TableStyle() if region is None else style_of(None if region == "auto" else region)
    made: list[tuple[Path, str, EventList, bytes]] = []
    for name, found in sources.items():
        chosen = selection.select(with_kickoffs(found, kickoffs_s))
        moved = _moved(chosen, offset_s)
        videos = () if video is None else match_videos(moved, video)
        rate = _rate(fps, [one.video for one in videos])
        conversion = Conversion(
            name=moved.match or name,
            events=moved,
            folder=Path(),
            leads_ms=lengths_ms(lead_s, leads_s, moved, "lead"),
            lags_ms=lengths_ms(lag_s, lags_s, moved, "lag"),
            merge=merge,
            periods=find_periods(moved) if period_markers else (),
            rate=rate,
            drop_frame=rate is not None and is_drop_frame(rate),
            files=_files(videos, moved.info or SpottingInfo(), rate),
            style=style,
        )
        if time_code is not None:
            conversion = replace(
                conversion, timeline_frame=_timeline_frame(time_code, conversion, rate)
            )
        for format in wanted:
            for suffix, write in _WRITERS[format].items():
                path = targets[name, format, suffix]
                content = write(replace(conversion, folder=path.parent))
                data = content if isinstance(content, bytes) else content.encode()
                made.append((path, format, moved, data))
    states = [_must_write(path, data, overwrite) for path, _, _, data in made]
    for (path, _, _, data), missing in zip(made, states, strict=True):
        if missing:
            write_bytes_atomic(path, data)
    return [
        ConvertedFile(path, format, found, missing)
        for (path, format, found, _), missing in zip(made, states, strict=True)
    ]


# Arguments


def _formats(formats: str | Iterable[str]) -> list[str]:
    names = [formats] if isinstance(formats, str) else list(formats)
    for name in names:
        if name not in _WRITERS:
            close = difflib.get_close_matches(name, FORMATS, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"choose {', '.join(FORMATS)}"
            raise InputError(f"unknown format '{name}': {hint}")
    if not names:
        raise InputError(f"no format is named: choose {', '.join(FORMATS)}")
    return list(dict.fromkeys(names))


def _sources(events: EventList | str | Path, classes: ActionSet) -> dict[str, EventList]:
    """Events of each video by its name."""
    if isinstance(events, EventList):
        return {file_name(events.match.rpartition("/")[2]): events}
    return {name: load_events(path, classes) for name, path in find_event_files(events).items()}


def _targets(
    events: EventList | str | Path,
    names: Iterable[str],
    formats: Sequence[str],
    out: str | Path | None,
) -> dict[tuple[str, str, str], Path]:
    """File of each video, format and ending."""
    names = list(names)
    endings = [(format, suffix) for format in formats for suffix in _WRITERS[format]]
    if out is not None and (single := _single_file(Path(out), names, endings)):
        return single
    if out is not None and Path(out).is_file():
        raise InputError(f"{out}: is a file: name a folder, or a file that ends in {endings[0][1]}")
    files = {} if isinstance(events, EventList) else find_event_files(events)
    folders: dict[str, Path] = {}
    for name in names:
        if out is None:
            folders[name] = files[name].parent if name in files else Path()
        else:
            folders[name] = Path(out, name) if len(names) > 1 else Path(out)
    return {
        (name, format, suffix): folders[name] / f"{Path(name).name}{suffix}"
        for name in names
        for format, suffix in endings
    }


def _single_file(
    out: Path, names: Sequence[str], endings: Sequence[tuple[str, str]]
) -> dict[tuple[str, str, str], Path] | None:
    """The file that `out` names, if there is one of one video only and it ends as that should."""
    if out.is_dir() or not out.suffix:
        return None
    usual = {suffix.rpartition(".")[2] for _, suffix in endings}
    if out.suffix[1:].lower() not in usual:
        return None
    if len(names) > 1:
        raise InputError(f"{out}: is one file, and there are {len(names)} videos: name a folder")
    formats = {format for format, _ in endings}
    if len(formats) > 1:
        raise InputError(f"{out}: is one file, and there are {len(formats)} formats: name a folder")
    first, *others = endings
    files = {(names[0], *first): out}
    for format, suffix in others:
        files[names[0], format, suffix] = out.with_suffix(f".{suffix.rpartition('.')[2]}")
    return files


def _rate(fps: float | None, videos: Sequence[VideoInfo]) -> Fraction | None:
    """The frame rate; None if it is unknown, or videos have different ones."""
    if fps is not None:
        if not 1 <= fps <= 1000:
            raise InputError(f"{fps:g} is no frame rate of a video: 1 to 1000")
        return exact_rate(fps)
    rates = {exact_rate(video.fps) for video in videos}
    return rates.pop() if len(rates) == 1 else None


def _files(
    videos: Sequence[MatchVideo], found: SpottingInfo, rate: Fraction | None
) -> tuple[Footage, ...]:
    if not videos:
        return (Footage(name=found.video, duration_ms=found.duration_ms),)
    return tuple(_footage(one.video, one.start_ms, rate) for one in videos)


def _footage(info: VideoInfo, start_ms: int, rate: Fraction | None) -> Footage:
    frame = 0
    if info.time_code and rate is not None:
        try:
            frame = round(time_code_seconds(info.time_code, float(rate)) * rate)
        except LabelError:  # of another rate: without use
            frame = 0
    size = (info.width, info.height)
    sound = bool(sound_formats(info.path))
    return Footage(info.path, info.path.name, size, info.duration_ms, frame, sound, start_ms)


def _timeline_frame(text: str, conversion: Conversion, rate: Fraction | None) -> int:
    """Number of the frame with a time code."""
    rate = conversion.required_rate("A time code")
    drop = conversion.drop_frame
    try:
        return round(time_code_seconds(text, float(rate), drop_frame=drop) * rate)
    except LabelError as error:
        raise InputError(f"--time-code: {error}") from None


# Times


def _moved(events: EventList, offset_s: float) -> EventList:
    """Return the events at other times; those before the beginning are an error."""
    offset_ms = round(1000 * offset_s)
    if not offset_ms:
        return events
    early = [
        event for event in events if not 0 <= event.position_ms + offset_ms < POSITION_LIMIT_MS
    ]
    if early:
        raise InputError(
            f"an offset of {offset_s:g} s moves {len(early)} of {len(events)} events out of the video"
        )
    info = events.info or SpottingInfo(classes=events.classes)
    info = replace(
        info,
        kickoffs_ms=tuple(
            kickoff if kickoff is None else kickoff + offset_ms for kickoff in info.kickoffs_ms
        ),
        duration_ms=None,  # another video
        parts=(),
    )
    return replace(events, events=tuple(_at(event, offset_ms) for event in events), info=info)


def _at(event: Event, offset_ms: int) -> Event:
    return replace(event, position_ms=event.position_ms + offset_ms)


# Files


def _must_write(path: Path, data: bytes, overwrite: bool) -> bool:
    """Return False for a file that is there already. Raises `OutputConflictError`."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a file: choose another --out")
    if not path.is_file():
        return True
    if path.stat().st_size == len(data) and path.read_bytes() == data:
        return False
    if not overwrite:
        raise OutputConflictError(
            f"{path}: is there already, with other content: --overwrite replaces it, or choose another "
            "--out"
        )
    return True
