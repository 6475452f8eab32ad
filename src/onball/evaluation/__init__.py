"""How good predictions are: spotting mAP as SoccerNet computes it."""

from onball.evaluation.folders import evaluate_folder
from onball.evaluation.spotting import (
    LOOSE_TOLERANCES_S,
    TIGHT_TOLERANCES_S,
    AverageResult,
    SpottingResult,
    average_map,
    evaluate_spotting,
)

__all__ = [
    "LOOSE_TOLERANCES_S",
    "TIGHT_TOLERANCES_S",
    "AverageResult",
    "SpottingResult",
    "average_map",
    "evaluate_folder",
    "evaluate_spotting",
]
