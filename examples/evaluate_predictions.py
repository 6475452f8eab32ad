"""Compare predicted events of a match with its labels: AP per action, and the mean.

    python examples/evaluate_predictions.py [PREDICTIONS LABELS]

PREDICTIONS is a `results_spotting.json` of any program, LABELS a `Labels-ball.json`. By default the bundled
match is spotted and compared. For a whole data set: `onball.evaluate(folder, data, split="test")`.
"""

from __future__ import annotations

import sys

from onball import Spotter, evaluate_spotting, read_labels, read_results, sample_match


def main() -> None:
    if len(sys.argv) > 2:
        predictions, labels = read_results(sys.argv[1]), read_labels(sys.argv[2])
    else:
        labels = read_labels(sample_match() / "Labels-ball.json")
        predictions = Spotter.from_pretrained().spot(sample_match() / "224p.mp4")

    # A prediction is right within ±0.5 s of a label of the same action.
    result = evaluate_spotting([labels], [predictions], tolerance_s=1.0)
    print(f"{'action':<24} {'labels':>6} {'AP':>6}")
    for action, ap in result.ap.items():
        if result.truth_counts[action]:
            print(f"{action:<24} {result.truth_counts[action]:>6} {100 * ap:>6.1f}")
    # Actions without labels count as 0, as in SoccerNet's evaluation.
    print(f"mAP over 12 actions: {100 * result.map12:.1f}")


if __name__ == "__main__":
    main()
