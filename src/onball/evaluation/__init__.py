"""How good predictions are: spotting mAP as SoccerNet computes it, AP of clips."""

from onball.evaluation.classification import (
    ClassificationResult,
    average_precision,
    evaluate_classification,
    pr_auc,
)
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
    "ClassificationResult",
    "SpottingResult",
    "average_map",
    "average_precision",
    "evaluate_classification",
    "evaluate_folder",
    "evaluate_spotting",
    "pr_auc",
]
