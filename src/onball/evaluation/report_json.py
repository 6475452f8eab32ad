"""Results of spotting as JSON has them: numbers under the names of actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onball.actions import Action
from onball.evaluation.spotting import AverageResult, SpottingResult


def result_json(result: SpottingResult) -> dict[str, Any]:
    """All figures at one tolerance; shares from 0 to 1, the tolerance in seconds."""
    return {
        "tolerance_s": result.tolerance_s,
        "map12": result.map12,
        "map10": result.map10,
        "exact_map12": result.exact_map12,
        "exact_map10": result.exact_map10,
        "ap": by_name(result.ap),
        "exact_ap": by_name(result.exact_ap),
        "labels": by_name(result.truth_counts),
        "predictions": by_name(result.prediction_counts),
    }


def average_json(average: AverageResult) -> dict[str, Any]:
    """The averages over a list of tolerances; shares from 0 to 1, tolerances in seconds."""
    return {
        "tolerances_s": [result.tolerance_s for result in average.results],
        "map12": average.map12,
        "map10": average.map10,
        "ap": by_name(average.ap),
    }


def by_name(values: Mapping[Action, float]) -> dict[str, float]:
    """The values under the names of their actions."""
    return {action.value: value for action, value in values.items()}
