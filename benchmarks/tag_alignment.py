"""Measure how exactly `onball.align_tags` finds the shift of tags, and how often it accepts a wrong one.

    python benchmarks/tag_alignment.py --matches DATA [--trials 200]

DATA is a data set without videos, which is simulated first if it is missing: six matches with two halves
of 20 minutes, in some minutes. Pieces of its halves are tagged by a simulated analyst, who is late by a
delay that varies, forgets a tenth and invents a twentieth of the tags, and are spotted by a simulated
model with misses, confusions and false alarms. Beside the root mean square error of the shift stands
that of the mean distance of the true pairs, which nobody knows who aligns: no method has a smaller one
than that on average. Then tags are aligned with spots that they have nothing to do with.

Figures depend on the seeds alone, not on the speed of the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from onball import Event, EventList, align_tags, find_matches, read_labels, simulate
from onball.actions import ACTIONS, EventLabel
from onball.events import SpottingInfo
from onball.spotting.alignment import TimedCode

#: Delays of an analyst in milliseconds; one second for all other actions.
DELAYS_MS = {"PASS": 700, "DRIVE": 1100, "HEADER": 500, "OUT": 1900, "HIGH PASS": 1300}
SHIFT_MS = 12_340
MINUTE_MS = 60_000
#: An accepted shift that is further off is wrong.
WRONG_MS = 500

Piece = Sequence[tuple[int, EventLabel]]
"""Times and actions of a piece of a match, from its beginning."""


@dataclass(frozen=True)
class Conditions:
    """Properties of analyst and model."""

    name: str
    minutes: int = 10
    jitter_ms: float = 300
    delays_ms: Mapping[str, int] | None = None
    found: float = 0.75
    confused: float = 0.1
    false: float = 0.7
    error_ms: float = 200
    step_ms: int = 1


CONDITIONS = (
    Conditions("one delay", 5),
    Conditions("one delay", 10),
    Conditions("one delay", 20),
    Conditions("delays of actions", 10, delays_ms=DELAYS_MS),
    Conditions("delays of actions", 20, delays_ms=DELAYS_MS),
    Conditions("jitter 0.6 s", 10, jitter_ms=600),
    Conditions("poor model", 10, found=0.4, confused=0.2, false=2),
    Conditions("spots every 80 ms", 10, step_ms=80),
)


def pieces(data: Path, minutes: int) -> list[tuple[int, Piece]]:
    """Cut all matches into pieces of a length, each with the number of its match."""
    found: list[tuple[int, Piece]] = []
    for number, match in enumerate(find_matches(data, "train")):
        labels = read_labels(match.require_labels())
        length = minutes * MINUTE_MS
        for begin in range(0, labels[-1].position_ms - length // 2, length):
            part = labels.between(begin, begin + length)
            piece = [(event.position_ms - begin, event.label) for event in part]
            found.append((number, piece))
    return found


def spots_of(piece: Piece, one: Conditions, rng: Generator) -> tuple[list[Event], dict[int, int]]:
    """Spots of a model, and the position of that of each action that it finds."""
    end = one.minutes * MINUTE_MS
    labels = [label for _, label in piece]
    spots, positions = [], {}
    for index, (time, label) in enumerate(piece):
        if rng.random() >= one.found:
            continue
        seen = labels[rng.integers(len(labels))] if rng.random() < one.confused else label
        position = int(np.clip(time + rng.normal(0, one.error_ms), 0, end - 1))
        position = min(end - 1, round(position / one.step_ms) * one.step_ms)
        spots.append(Event(position, seen, rng.beta(3, 2)))
        if seen == label:
            positions[index] = position
    for low in (False, True):
        for _ in range(round(one.false * len(piece))):
            label = (
                ACTIONS[rng.integers(len(ACTIONS))] if low else labels[rng.integers(len(labels))]
            )
            confidence = rng.uniform(0.01, 0.15) if low else rng.beta(2, 3)
            spots.append(Event(int(rng.uniform(0, end)), label, confidence))
    return spots, positions


def tags_of(
    piece: Piece, one: Conditions, rng: Generator
) -> list[tuple[int | None, TimedCode, int]]:
    """Tags of an analyst: index of the action, None for an invented one; tag; and its delay."""
    end = one.minutes * MINUTE_MS
    chosen: list[tuple[int | None, int, EventLabel]] = [
        (index, time, label) for index, (time, label) in enumerate(piece) if rng.random() < 0.9
    ]
    chosen += [(None, int(rng.uniform(0, end)), label) for _, label in piece if rng.random() < 0.05]
    tags = []
    for index, time, label in chosen:
        delay = (one.delays_ms or {}).get(label.value, 1000)
        late = time + delay + rng.normal(0, one.jitter_ms) - SHIFT_MS
        tags.append((index, TimedCode(label.value, round(late)), delay))
    return tags


def event_list(spots: Sequence[Event], minutes: int) -> EventList:
    return EventList.of(spots, info=SpottingInfo(duration_ms=minutes * MINUTE_MS))


def measure_accuracy(data: Path, one: Conditions, trials: int) -> str:
    """Align tags with spots of the same play; the errors are means over the tags of a piece."""
    parts = [piece for _, piece in pieces(data, one.minutes)]
    errors, known, tags_used, stated = [], [], [], []
    for trial in range(trials):
        rng = np.random.default_rng((1, trial))
        piece = parts[trial % len(parts)]
        spots, positions = spots_of(piece, one, rng)
        tags = tags_of(piece, one, rng)
        alignment = align_tags([tag for _, tag, _ in tags], event_list(spots, one.minutes))
        tags_used.append(len(tags))
        (period,) = alignment.periods
        if not period.is_certain:
            continue
        delays = alignment.delays_ms
        errors.append(
            np.mean(
                [
                    period.shift_ms - delays.get(tag.code, 0) - (SHIFT_MS - delay)
                    for _, tag, delay in tags
                ]
            )
        )
        stated.append(period.error_ms or 0)
        pairs = [
            positions[index] - tag.time_ms - (SHIFT_MS - delay)
            for index, tag, delay in tags
            if index in positions
        ]
        known.append(np.mean(pairs))
    found = np.abs(errors)
    return (
        f"{one.name:18} {one.minutes:4} {np.mean(tags_used):5.0f} {len(errors):5}/{trials} "
        f"{np.mean(found <= 80):7.1%} {_rms(errors):6.0f} {_rms(known):6.0f} {np.mean(stated):6.0f} "
        f"{found.max():6.0f}"
    )


def _rms(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def measure_acceptance(data: Path, trials: int) -> list[str]:
    """Align tags with spots of other play, random spots, and few tags."""
    usual = Conditions("", 10)
    parts = pieces(data, usual.minutes)

    def scattered(spots: list[Event], rng: Generator) -> list[Event]:
        end = usual.minutes * MINUTE_MS
        return [Event(int(rng.uniform(0, end)), one.label, one.confidence) for one in spots]

    def trial(change: str, few: int | None, seed: int) -> str:
        rng = np.random.default_rng((2, seed))
        number = seed % len(parts)
        match, piece = parts[number]
        others = [one for other, one in parts if other != match]
        seen = others[rng.integers(len(others))] if change == "other" else piece
        spots, _ = spots_of(seen, usual, rng)
        if change == "random":
            spots = scattered(spots, rng)
        tags = [tag for _, tag, _ in tags_of(piece, usual, rng)]
        if few is not None:
            begin = int(rng.integers(max(1, len(tags) - few)))
            tags = sorted(tags, key=lambda tag: tag.time_ms)[begin : begin + few]
        if change == "shuffled":
            times = [tag.time_ms for tag in tags]
            tags = [TimedCode(tag.code, int(rng.uniform(min(times), max(times)))) for tag in tags]
        (period,) = align_tags(tags, event_list(spots, usual.minutes)).periods
        if not period.is_certain:
            return "refused"
        right = not change and abs(period.shift_ms - (SHIFT_MS - 1000)) <= WRONG_MS
        return "right" if right else "wrong"

    cases = [
        ("tags of another match", "other", None),
        ("spots at random times", "random", None),
        ("tags at random times", "shuffled", None),
        *((f"{few} tags of another match", "other", few) for few in (20, 40, 80)),
        *((f"{few} tags of the match", "", few) for few in (10, 20, 40, 80)),
    ]
    lines = []
    for name, change, few in cases:
        results = [trial(change, few, seed) for seed in range(trials)]
        refused, right, wrong = (results.count(kind) for kind in ("refused", "right", "wrong"))
        most = 3 / trials if not wrong else (wrong + 2 * np.sqrt(wrong) + 2) / trials
        lines.append(
            f"{name:30} {refused / trials:8.1%} {right / trials:8.1%} {wrong:4}/{trials} (below {most:.1%})"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--matches", type=Path, required=True, help="data set to use or to simulate"
    )
    parser.add_argument("--trials", type=int, default=200, help="alignments for each line")
    options = parser.parse_args()
    if not options.matches.is_dir():
        simulate(
            options.matches, train=6, valid=0, test=0, minutes=40, halves=2, video=False, seed=100
        )
    print("conditions       minutes tags aligned  in 80 ms   rms  pairs stated    max ms")
    for one in CONDITIONS:
        print(measure_accuracy(options.matches, one, options.trials), flush=True)
    print("\ninput                           refused    right  wrong")
    for line in measure_acceptance(options.matches, options.trials):
        print(line, flush=True)


if __name__ == "__main__":
    main()
