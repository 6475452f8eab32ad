"""Estimate the chance level of predictions by evaluating them on labels shifted in time.

    python benchmarks/shifted_control.py PREDICTIONS --data ROOT [--split test]

Prints mAP12 and mAP10 at 1 s for the true labels and for labels shifted by 7, 13 and 19 s (labels
shifted beyond the end continue at the beginning). The difference between the first line and the others
is due to the detection of actions.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from onball.data.layout import find_matches
from onball.evaluation import evaluate_spotting
from onball.events import EventList
from onball.formats.soccernet import RESULTS_FILE, read_labels, read_results


def shifted(events: EventList, by_ms: int) -> EventList:
    """Shift the events by `by_ms`, modulo the time of the last one."""
    length = max(event.position_ms for event in events) + 1
    shifted_events = (
        replace(event, position_ms=(event.position_ms + by_ms) % length) for event in events
    )
    return EventList.of(shifted_events, events.match)


def main() -> None:
    """Evaluate the predictions on true and shifted labels and print the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
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
        result = evaluate_spotting([shifted(labels, seconds * 1000) for labels in truth], found)
        print(
            f"labels shifted by {seconds:2d} s: mAP12 {100 * result.map12:5.2f}  "
            f"mAP10 {100 * result.map10:5.2f}"
        )


if __name__ == "__main__":
    main()
