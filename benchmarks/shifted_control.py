"""Measure predictions against labels that are moved in time, which gives the chance level.

    python benchmarks/shifted_control.py PREDICTIONS --data ROOT [--split test]

Prints mAP12 and mAP10 at 1 s for the true labels and for labels moved by several seconds (those moved past
the end continue at the beginning). A model that detects the actions scores far more on the first line.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from onball.data.layout import find_matches
from onball.evaluation import evaluate_spotting
from onball.events import EventList
from onball.formats.soccernet import RESULTS_FILE, read_labels, read_results


def moved(events: EventList, by_ms: int) -> EventList:
    """Move the events by `by_ms`, modulo the time of the last one."""
    length = max(event.position_ms for event in events) + 1
    later = (replace(event, position_ms=(event.position_ms + by_ms) % length) for event in events)
    return EventList.of(later, events.match)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    matches = find_matches(options.data, options.split)
    truth = [read_labels(match.require_labels()) for match in matches]
    found = [
        read_results(options.predictions / match.name / RESULTS_FILE, file_order=True)
        for match in matches
    ]
    for seconds in (0, 7, 13, 19):
        result = evaluate_spotting([moved(labels, seconds * 1000) for labels in truth], found)
        print(
            f"labels moved by {seconds:2d} s: mAP12 {100 * result.map12:5.2f}  "
            f"mAP10 {100 * result.map10:5.2f}"
        )


if __name__ == "__main__":
    main()
