"""Evaluation: spotting mAP as SoccerNet computes it, AP of clip classification, and reports."""

from onball.evaluation.classification import (
    ClassificationResult,
    average_precision,
    evaluate_classification,
    pr_auc,
)
from onball.evaluation.files import evaluate_folder, report_folder
from onball.evaluation.metrics import TOLERANCES_S, MatchRow, SpottingReport, report_spotting
from onball.evaluation.spotting import (
    LOOSE_TOLERANCES_S,
    TIGHT_TOLERANCES_S,
    AverageResult,
    SpottingResult,
    TeamResult,
    average_map,
    evaluate_spotting,
)

__all__ = [
    "LOOSE_TOLERANCES_S",
    "TIGHT_TOLERANCES_S",
    "TOLERANCES_S",
    "AverageResult",
    "ClassificationResult",
    "MatchRow",
    "SpottingReport",
    "SpottingResult",
    "TeamResult",
    "average_map",
    "average_precision",
    "evaluate_classification",
    "evaluate_folder",
    "evaluate_spotting",
    "pr_auc",
    "report_folder",
    "report_spotting",
]
