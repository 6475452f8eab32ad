"""How much faster predictions are evaluated than by the SoccerNet package, on the same files.

    python benchmarks/evaluation_speed.py [--matches 2] [--detections 100000]

Draws full matches with labels as frequent as in SoccerNet Ball Action Spotting, writes labels and
predictions, and evaluates the folder with both, reading included. Times are CPU seconds of one
process. `at1` is one tolerance; the other line is everything that `onball evaluate` reports (mAP at
six tolerances, tight, loose, curves, teams, intervals), against the package's at1, tight and loose.
Exits with 1 if either ratio is below 20 or the figures differ.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from SoccerNet.Evaluation import ActionSpotting

from onball.actions import ACTIONS
from onball.evaluation import evaluate_folder, report_folder
from onball.events import Event, EventList, Team
from onball.formats import write_labels, write_results

LEAST_RATIO = 20
#: How often each action is labelled in the seven matches.
FREQUENCIES = (4955, 4233, 713, 761, 559, 261, 362, 169, 223, 72, 19, 13)
LABELS_PER_MATCH = 1700
FRAMES = 95 * 60 * 25


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--matches", type=int, default=2)
    parser.add_argument("--detections", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for index in range(options.matches):
            _write_match(root, f"l/s/match {index}", index, options.detections // options.matches)
        truth, found = root / "labels", root / "predictions"
        at1, ours_at1 = _timed(lambda: evaluate_folder(found, truth, "all"), times=3)
        report, ours_all = _timed(lambda: report_folder(found, truth, "all"), times=3)
        theirs = {name: _timed(lambda n=name: _package(truth, found, n)) for name in
                  ("at1", "tight", "loose")}  # fmt: skip
    ours = {"at1": at1.map12, "tight": report.tight.map12, "loose": report.loose.map12}
    equal = all(abs(ours[name] - result) < 1e-9 for name, (result, _) in theirs.items())
    total = sum(seconds for _, seconds in theirs.values())
    ratios = (theirs["at1"][1] / ours_at1, total / ours_all)
    print(f"{'':12}{'onball':>10}{'SoccerNet':>12}{'ratio':>8}")
    print(f"{'at1':12}{ours_at1:8.3f} s{theirs['at1'][1]:10.2f} s{ratios[0]:8.1f}")
    print(f"{'everything':12}{ours_all:8.3f} s{total:10.2f} s{ratios[1]:8.1f}")
    print("figures equal to 1e-9" if equal else f"FIGURES DIFFER: {ours}, {theirs}")
    return 0 if equal and min(ratios) >= LEAST_RATIO else 1


def _write_match(root: Path, name: str, seed: int, detections: int) -> None:
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
        moment = max(0, label.position_ms + 40 * round(rng.gauss(0, 6)))
        found.append(Event(moment, label.label, rng.random(), label.team))
    write_labels(EventList.of(labels, name), root / "labels" / name / "Labels-ball.json")
    write_results(EventList.of(found, name), root / "predictions" / name / "results_spotting.json")


def _package(truth: Path, found: Path, metric: str) -> float:
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


def _timed(work: Callable[[], Any], times: int = 1) -> tuple[Any, float]:
    """What the work gives, and the CPU seconds of the fastest of several times."""
    seconds = []
    for _ in range(times):
        begin = time.process_time()
        result = work()
        seconds.append(time.process_time() - begin)
    return result, min(seconds)


if __name__ == "__main__":
    sys.exit(main())
