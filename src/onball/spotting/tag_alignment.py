"""Alignment of files of tags: `align_tags` for a `TagFile` and a code map.

Tags that count from the beginning of the video have one shift. Those that count from kick-offs, by a
clock of each period or of the match, have one for each period, which is its kick-off in the video.
"""

from __future__ import annotations

from collections.abc import Mapping

from onball.data.code_map import CodeMap, action_map
from onball.errors import InputError
from onball.events import EventList
from onball.formats.tags import Clock, TagFile
from onball.formats.tags.base import MATCH_CLOCK_S
from onball.spotting.aligning import align_tags
from onball.spotting.alignment import Alignment, TimedCode


def align_tag_file(
    tags: TagFile,
    spots: EventList,
    *,
    codes: CodeMap | Mapping[str, str | None] | None = None,
    duration_ms: int | None = None,
) -> Alignment:
    """Find the kick-off of each period in the video, and the delay of each code.

        tags = onball.read_tags("tags.csv", clock="period")
        spots = onball.EventList.load("onball-results/match/results_spotting.json")
        kickoffs_ms = onball.align_tag_file(tags, spots).shifts_ms

    Args:
        tags: the tags.
        spots: all candidates that a model found in the video, see `align_tags`.
        codes: class of each code; None if the codes are the names of the 12 actions. Classes that
            the model does not have do not count; offsets of the codes are added to the times first.
        duration_ms: see `align_tags`.

    Raises:
        InputError: no tag has an action of the model, or there are no spots.
    """
    if codes is None:
        codes = action_map()
    elif not isinstance(codes, CodeMap):
        codes = CodeMap.of(codes)
    rules = {code: codes.find(code) for code in dict.fromkeys(tag.code for tag in tags.tags)}
    timed = []
    for tag in tags.tags:
        rule = rules[tag.code]
        period = None if tags.clock is Clock.VIDEO else tag.period or 1
        start_s = tag.start_s + (0.0 if rule is None else rule.offset_s)
        if tags.clock is Clock.MATCH:
            start_s -= MATCH_CLOCK_S.get(period or 1, 0)
        timed.append(TimedCode(tag.code, round(start_s * 1000), period))
    labels = {code: None if rule is None else rule.label for code, rule in rules.items()}
    try:
        return align_tags(timed, spots, codes=labels, duration_ms=duration_ms)
    except InputError as error:
        raise InputError(f"{tags.path}: {error}") from None


def corrected_offsets_s(alignment: Alignment, codes: CodeMap | None = None) -> dict[str, float]:
    """Return the offset of each code that removes its delay: `offset_s` of a code map.

    If the tags have one clock for all periods, the offset contains its shift too.

    Args:
        alignment: an alignment of tags whose times had the offsets of `codes`.
        codes: the code map of the alignment; None if the codes are the names of the 12 actions.
    """
    codes = codes or action_map()
    common_ms = alignment.shifts_ms.get(None, 0)
    offsets = {}
    for one in alignment.delays:
        rule = codes.find(one.code)
        former_s = 0.0 if rule is None else rule.offset_s
        offsets[one.code] = round(former_s + (common_ms - one.delay_ms) / 1000, 3)
    return offsets
