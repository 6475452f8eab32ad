"""Compare the speed of evaluation with the SoccerNet package, on the same files.

    python benchmarks/evaluation_speed.py [--matches 2] [--detections 100000]

Generates full matches with labels as frequent as in SoccerNet Ball Action Spotting, writes labels and
predictions, and evaluates the folder with both, including the reading. Times are CPU seconds of one
process, the fastest of several alternating runs. `at1` is one tolerance, `metric` the part of it
after reading; `everything` is all that `onball evaluate` reports (mAP at six tolerances,
tight, loose, curves, teams, intervals), against the package's at1, tight and loose, once each.
Exits with 1 if a ratio is below 20, at1 takes 0.5 s, its metric 0.1 s, or the figures differ.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from SoccerNet.Evaluation import ActionSpotting

from onball.actions import ACTIONS
from onball.evaluation import evaluate_folder, report_folder
from onball.evaluation.spotting import action_matcher, average_of
from onball.events import Event, EventColumns, EventList, Team
from onball.formats import write_labels, write_results
from onball.formats.soccernet_columns import read_label_columns, read_result_columns

MIN_RATIO = 20
MAX_SECONDS = 0.5
MAX_METRIC_SECONDS = 0.1
#: Number of labels of each action in the seven matches.
FREQUENCIES = (4955, 4233, 713, 761, 559, 261, 362, 169, 223, 72, 19, 13)
LABELS_PER_MATCH = 1700
FRAMES = 95 * 60 * 25


def main() -> int:
    """Time both evaluations, print the comparison and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--matches", type=int, default=2)
    parser.add_argument("--detections", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=3, help="number of runs of each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for index in range(options.matches):
            _write_match(root, f"l/s/match {index}", index, options.detections // options.matches)
        truth, found = root / "labels", root / "predictions"
        (at1, their_at1), (ours_s, theirs_s) = _timed(
            [lambda: evaluate_folder(found, truth, "all"), lambda: _package(truth, found, "at1")],
            times=options.times,
        )
        pair = [
            EventColumns.joined([read(file) for file in sorted(folder.rglob("*.json"))])
            for read, folder in ((read_label_columns, truth), (read_result_columns, found))
        ]
        metric_s = _timed([lambda: _metric(pair[0], pair[1], options.matches)], options.times)[1][0]
        (report,), (report_s,) = _timed([lambda: report_folder(found, truth, "all")], options.times)
        (their_tight, their_loose), slow_s = _timed(
            [lambda: _package(truth, found, "tight"), lambda: _package(truth, found, "loose")]
        )
    ours = (at1.map12, report.tight.map12, report.loose.map12)
    theirs = (their_at1, their_tight, their_loose)
    equal = all(abs(one - other) < 1e-9 for one, other in zip(ours, theirs, strict=True))
    all_s = theirs_s + sum(slow_s)
    print(f"{'':12}{'onball':>10}{'SoccerNet':>12}{'ratio':>8}")
    print(f"{'at1':12}{ours_s:8.3f} s{theirs_s:10.2f} s{theirs_s / ours_s:8.1f}")
    print(f"{'  metric':12}{metric_s:8.3f} s")
    print(f"{'everything':12}{report_s:8.3f} s{all_s:10.2f} s{all_s / report_s:8.1f}")
    print("figures equal to 1e-9" if equal else f"FIGURES DIFFER: {ours}, {theirs}")
    fast = ours_s < MAX_SECONDS and metric_s < MAX_METRIC_SECONDS
    return 0 if equal and fast and min(theirs_s / ours_s, all_s / report_s) >= MIN_RATIO else 1


def _write_match(root: Path, name: str, seed: int, detections: int) -> None:
    """Write random labels, and predictions of which some are near a label, of one match."""
    rng = random.Random(seed)

    def draw(number: int, power: int) -> list[Event]:
        return [
            Event(
                rng.randrange(FRAMES) * 40,
                rng.choices(ACTIONS, FREQUENCIES)[0],
                rng.random() ** power if power else 1.0,
                rng.choice((Team.LEFT, Team.RIGHT)),
            )
            for _ in range(number)
        ]

    labels = draw(LABELS_PER_MATCH, 0)
    found = draw(detections - len(labels), 4)
    for label in labels:
        time_ms = max(0, label.position_ms + 40 * round(rng.gauss(0, 6)))
        found.append(Event(time_ms, label.label, rng.random(), label.team))
    write_labels(EventList.of(labels, name), root / "labels" / name / "Labels-ball.json")
    write_results(EventList.of(found, name), root / "predictions" / name / "results_spotting.json")


def _package(truth: Path, found: Path, metric: str) -> float:
    """Average mAP as computed by the SoccerNet package."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        result = ActionSpotting.evaluate(
            str(truth),
            str(found),
            framerate=25,
            metric=metric,
            label_files="Labels-ball.json",
            dataset=None,
            EVENT_DICTIONARY={action.value: action.order for action in ACTIONS},
        )
    return float(result["a_mAP"])


def _metric(truth: EventColumns, found: EventColumns, matches: int) -> float:
    """MAP12 at 1 s from columns that are already read."""
    return average_of(action_matcher(truth, found, matches), (1.0,)).map12


def _timed(functions: Sequence[Callable[[], Any]], times: int = 1) -> tuple[list[Any], list[float]]:
    """Run functions in turn; return their results and the CPU seconds of the fastest run of each."""
    results: list[Any] = [None] * len(functions)
    seconds = [float("inf")] * len(functions)
    for _ in range(times):
        for index, function in enumerate(functions):
            begin = time.process_time()
            results[index] = function()
            seconds[index] = min(seconds[index], time.process_time() - begin)
    return results, seconds


if __name__ == "__main__":
    sys.exit(main())
