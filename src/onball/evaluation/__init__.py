"""How good predictions are: spotting mAP as SoccerNet computes it, AP of clips, and all around."""

from onball.evaluation.classification import (
    ClassificationResult,
    average_precision,
    evaluate_classification,
    pr_auc,
)
from onball.evaluation.folders import evaluate_folder, report_folder
from onball.evaluation.report_data import (
    TOLERANCES_S,
    MatchRow,
    SpottingReport,
    report_spotting,
)
from onball.evaluation.spotting import (
    LOOSE_TOLERANCES_S,
    TIGHT_TOLERANCES_S,
    AverageResult,
    SpottingResult,
    average_map,
    evaluate_spotting,
)
from onball.evaluation.teams import TeamResult

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
