"""onball finds ball actions in football video.

    spotter = onball.Spotter.from_pretrained()  # or a name, or the folder of a model
    for event in spotter.spot("match.mp4").shown:
        print(event.game_time, event.label, event.confidence)

The names of this package are its public API: `docs/python.md` is the guide, `docs/api.md` the list.
They are imported on first use, so that `import onball` takes no time and needs neither torch nor a
video library.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onball.actions import ACTIONS, ACTIONS_MAP10, BALL_ACTIONS, Action, ActionSet, Label
    from onball.assets import demo_model, sample_match
    from onball.cluster.archive import ArchiveResult, spot_archive
    from onball.config import ExperimentConfig, ShippedConfig, list_configs, load_config
    from onball.data.check import check_data
    from onball.data.classes import read_class_file
    from onball.data.code_map import CodeMap, read_code_map, suggest_codes
    from onball.data.convert import ConvertedMatch, ConvertSettings, convert_data
    from onball.data.download import download
    from onball.data.download.files import download_files
    from onball.data.importing import ImportedMatch, import_tags
    from onball.data.layout import Match, find_matches
    from onball.data.sources import DataSource, list_data_sources
    from onball.data.statistics import PlayStatistics
    from onball.data.summary import DataStatistics, read_labels_by_split
    from onball.errors import (
        ConfigError,
        DataError,
        InputError,
        LabelError,
        MissingDependencyError,
        ModelError,
        OnballError,
        OnballNotice,
        OnballWarning,
        VideoError,
    )
    from onball.evaluation import (
        ClassificationResult,
        SpottingReport,
        SpottingResult,
        evaluate_classification,
        evaluate_spotting,
    )
    from onball.events import Event, EventList, SpottingInfo, Team
    from onball.experiments import Experiment, check_experiments, run_experiment
    from onball.formats.conversion import ConvertedFile, convert_events
    from onball.formats.event_files import update_event_table
    from onball.formats.event_index import EventIndex, IndexedMatch, index_events
    from onball.formats.event_query import QueryResult, query_events
    from onball.formats.event_table import read_event_table, write_event_table
    from onball.formats.frame_confidences import FrameConfidences
    from onball.formats.soccernet import (
        read_labels,
        read_results,
        write_labels,
        write_results,
        write_submission,
    )
    from onball.formats.tags import Tag, TagFile, read_tags
    from onball.formats.tracks_parquet import read_tracks, write_tracks
    from onball.frames import FrameBatch
    from onball.models.compute import available_devices
    from onball.models.published.catalogue import list_models
    from onball.models.published.checkpoints import PublishedModel
    from onball.models.published.fetching import fetch_model
    from onball.models.published.importing import ImportedModel, import_model
    from onball.outputs import OutputConflictError, OutputLockedError
    from onball.progress import Progress, ProgressCallback
    from onball.reports.event_clips import EventClip, cut_clips
    from onball.reports.live_server import LiveServer
    from onball.reports.report import write_report
    from onball.reports.statistics import draw_statistics
    from onball.reports.summary import write_summary
    from onball.reports.timeline import draw_timeline
    from onball.runs import RunFolder
    from onball.simulator.dataset import SimulatedDataset, simulate
    from onball.simulator.excerpts import render_excerpts
    from onball.spotting.aligning import align_tags
    from onball.spotting.alignment import Alignment, AlignmentError, TimedCode
    from onball.spotting.calibrating import CalibratedModel, calibrate
    from onball.spotting.evaluating import Evaluation, evaluate
    from onball.spotting.exporting import ExportedModel, export_model
    from onball.spotting.features import MatchFeatures, compute_features
    from onball.spotting.live import LiveEvent, LiveSummary, live
    from onball.spotting.matches import spot_matches
    from onball.spotting.results import SpottedVideo
    from onball.spotting.spotter import Spotter
    from onball.spotting.tag_alignment import (
        MatchAlignment,
        align_match,
        align_tag_file,
        corrected_offsets_s,
    )
    from onball.spotting.videos import spot_videos
    from onball.tracking.detectors.opening import open_detector
    from onball.tracking.pipeline import TrackingSummary, track_video, untracked
    from onball.tracks import Tracks
    from onball.training.ball.training import BallTraining, train_ball_network
    from onball.training.measuring import TrainingEstimate, measure_training
    from onball.training.run import train
    from onball.training.seeds import SeedRuns, train_seeds
    from onball.training.trainer import TrainingPlan, plan_training
    from onball.video.cutting import VideoCut, cut_video
    from onball.video.inputs import find_videos
    from onball.video.notices import (
        FramesSkipped,
        RecordingStopped,
        StreamConnected,
        StreamGap,
        StreamLost,
    )
    from onball.video.reading import VideoInfo, probe, read_frames
    from onball.video.writing import VideoWriter
    from onball.viewer.corrections import (
        Agreement,
        AppliedCorrections,
        Correction,
        Corrections,
        apply_corrections,
        correct_events,
        read_corrections,
    )
    from onball.viewer.live_view import LiveView
    from onball.viewer.server import ViewServer

__version__ = "0.1.0"

__all__ = [
    "ACTIONS",
    "ACTIONS_MAP10",
    "BALL_ACTIONS",
    "Action",
    "ActionSet",
    "Agreement",
    "Alignment",
    "AlignmentError",
    "AppliedCorrections",
    "ArchiveResult",
    "BallTraining",
    "CalibratedModel",
    "ClassificationResult",
    "CodeMap",
    "ConfigError",
    "ConvertSettings",
    "ConvertedFile",
    "ConvertedMatch",
    "Correction",
    "Corrections",
    "DataError",
    "DataSource",
    "DataStatistics",
    "Evaluation",
    "Event",
    "EventClip",
    "EventIndex",
    "EventList",
    "Experiment",
    "ExperimentConfig",
    "ExportedModel",
    "FrameBatch",
    "FrameConfidences",
    "FramesSkipped",
    "ImportedMatch",
    "ImportedModel",
    "IndexedMatch",
    "InputError",
    "Label",
    "LabelError",
    "LiveEvent",
    "LiveServer",
    "LiveSummary",
    "LiveView",
    "Match",
    "MatchAlignment",
    "MatchFeatures",
    "MissingDependencyError",
    "ModelError",
    "OnballError",
    "OnballNotice",
    "OnballWarning",
    "OutputConflictError",
    "OutputLockedError",
    "PlayStatistics",
    "Progress",
    "ProgressCallback",
    "PublishedModel",
    "QueryResult",
    "RecordingStopped",
    "RunFolder",
    "SeedRuns",
    "ShippedConfig",
    "SimulatedDataset",
    "SpottedVideo",
    "Spotter",
    "SpottingInfo",
    "SpottingReport",
    "SpottingResult",
    "StreamConnected",
    "StreamGap",
    "StreamLost",
    "Tag",
    "TagFile",
    "Team",
    "TimedCode",
    "TrackingSummary",
    "Tracks",
    "TrainingEstimate",
    "TrainingPlan",
    "VideoCut",
    "VideoError",
    "VideoInfo",
    "VideoWriter",
    "ViewServer",
    "align_match",
    "align_tag_file",
    "align_tags",
    "apply_corrections",
    "available_devices",
    "calibrate",
    "check_data",
    "check_experiments",
    "compute_features",
    "convert_data",
    "convert_events",
    "correct_events",
    "corrected_offsets_s",
    "cut_clips",
    "cut_video",
    "demo_model",
    "download",
    "download_files",
    "draw_statistics",
    "draw_timeline",
    "evaluate",
    "evaluate_classification",
    "evaluate_spotting",
    "export_model",
    "fetch_model",
    "find_matches",
    "find_videos",
    "import_model",
    "import_tags",
    "index_events",
    "list_configs",
    "list_data_sources",
    "list_models",
    "live",
    "load_config",
    "measure_training",
    "open_detector",
    "plan_training",
    "probe",
    "query_events",
    "read_class_file",
    "read_code_map",
    "read_corrections",
    "read_event_table",
    "read_frames",
    "read_labels",
    "read_labels_by_split",
    "read_results",
    "read_tags",
    "read_tracks",
    "render_excerpts",
    "run_experiment",
    "sample_match",
    "simulate",
    "spot_archive",
    "spot_matches",
    "spot_videos",
    "suggest_codes",
    "track_video",
    "train",
    "train_ball_network",
    "train_seeds",
    "untracked",
    "update_event_table",
    "write_event_table",
    "write_labels",
    "write_report",
    "write_results",
    "write_submission",
    "write_summary",
    "write_tracks",
]

# The modules of the names above; the imports for type checkers are the same.
_MODULES = {
    "onball.actions": (
        "ACTIONS",
        "ACTIONS_MAP10",
        "BALL_ACTIONS",
        "Action",
        "ActionSet",
        "Label",
    ),
    "onball.assets": ("demo_model", "sample_match"),
    "onball.cluster.archive": ("ArchiveResult", "spot_archive"),
    "onball.config": ("ExperimentConfig", "ShippedConfig", "list_configs", "load_config"),
    "onball.data.check": ("check_data",),
    "onball.data.classes": ("read_class_file",),
    "onball.data.convert": ("ConvertSettings", "ConvertedMatch", "convert_data"),
    "onball.data.code_map": ("CodeMap", "read_code_map", "suggest_codes"),
    "onball.data.download": ("download",),
    "onball.data.importing": ("ImportedMatch", "import_tags"),
    "onball.data.download.files": ("download_files",),
    "onball.data.layout": ("Match", "find_matches"),
    "onball.data.sources": ("DataSource", "list_data_sources"),
    "onball.data.statistics": ("PlayStatistics",),
    "onball.data.summary": ("DataStatistics", "read_labels_by_split"),
    "onball.errors": (
        "ConfigError",
        "DataError",
        "InputError",
        "LabelError",
        "MissingDependencyError",
        "ModelError",
        "OnballError",
        "OnballNotice",
        "OnballWarning",
        "VideoError",
    ),
    "onball.evaluation": (
        "ClassificationResult",
        "SpottingReport",
        "SpottingResult",
        "evaluate_classification",
        "evaluate_spotting",
    ),
    "onball.events": ("Event", "EventList", "SpottingInfo", "Team"),
    "onball.experiments": ("Experiment", "check_experiments", "run_experiment"),
    "onball.formats.conversion": ("ConvertedFile", "convert_events"),
    "onball.formats.event_files": ("update_event_table",),
    "onball.formats.event_index": ("EventIndex", "IndexedMatch", "index_events"),
    "onball.formats.event_query": ("QueryResult", "query_events"),
    "onball.formats.event_table": ("read_event_table", "write_event_table"),
    "onball.formats.frame_confidences": ("FrameConfidences",),
    "onball.formats.soccernet": (
        "read_labels",
        "read_results",
        "write_labels",
        "write_results",
        "write_submission",
    ),
    "onball.formats.tags": ("Tag", "TagFile", "read_tags"),
    "onball.formats.tracks_parquet": ("read_tracks", "write_tracks"),
    "onball.frames": ("FrameBatch",),
    "onball.models.compute": ("available_devices",),
    "onball.models.published.catalogue": ("list_models",),
    "onball.models.published.checkpoints": ("PublishedModel",),
    "onball.models.published.fetching": ("fetch_model",),
    "onball.models.published.importing": ("ImportedModel", "import_model"),
    "onball.outputs": ("OutputConflictError", "OutputLockedError"),
    "onball.progress": ("Progress", "ProgressCallback"),
    "onball.reports.event_clips": ("EventClip", "cut_clips"),
    "onball.reports.live_server": ("LiveServer",),
    "onball.reports.report": ("write_report",),
    "onball.reports.statistics": ("draw_statistics",),
    "onball.reports.summary": ("write_summary",),
    "onball.reports.timeline": ("draw_timeline",),
    "onball.runs": ("RunFolder",),
    "onball.simulator.dataset": ("SimulatedDataset", "simulate"),
    "onball.simulator.excerpts": ("render_excerpts",),
    "onball.spotting.calibrating": ("CalibratedModel", "calibrate"),
    "onball.spotting.evaluating": ("Evaluation", "evaluate"),
    "onball.spotting.exporting": ("ExportedModel", "export_model"),
    "onball.spotting.features": ("MatchFeatures", "compute_features"),
    "onball.spotting.live": ("LiveEvent", "LiveSummary", "live"),
    "onball.spotting.matches": ("spot_matches",),
    "onball.spotting.aligning": ("align_tags",),
    "onball.spotting.alignment": ("Alignment", "AlignmentError", "TimedCode"),
    "onball.spotting.results": ("SpottedVideo",),
    "onball.spotting.spotter": ("Spotter",),
    "onball.spotting.tag_alignment": (
        "MatchAlignment",
        "align_match",
        "align_tag_file",
        "corrected_offsets_s",
    ),
    "onball.spotting.videos": ("spot_videos",),
    "onball.tracking.detectors.opening": ("open_detector",),
    "onball.tracking.pipeline": ("TrackingSummary", "track_video", "untracked"),
    "onball.tracks": ("Tracks",),
    "onball.training.ball.training": ("BallTraining", "train_ball_network"),
    "onball.training.measuring": ("TrainingEstimate", "measure_training"),
    "onball.training.run": ("train",),
    "onball.training.seeds": ("SeedRuns", "train_seeds"),
    "onball.training.trainer": ("TrainingPlan", "plan_training"),
    "onball.video.inputs": ("find_videos",),
    "onball.video.notices": (
        "FramesSkipped",
        "RecordingStopped",
        "StreamConnected",
        "StreamGap",
        "StreamLost",
    ),
    "onball.video.reading": ("VideoInfo", "probe", "read_frames"),
    "onball.video.cutting": ("VideoCut", "cut_video"),
    "onball.video.writing": ("VideoWriter",),
    "onball.viewer.corrections": (
        "Agreement",
        "AppliedCorrections",
        "Correction",
        "Corrections",
        "apply_corrections",
        "correct_events",
        "read_corrections",
    ),
    "onball.viewer.live_view": ("LiveView",),
    "onball.viewer.server": ("ViewServer",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'onball' has no attribute '{name}'")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    # Without the helpers of this file: for completion by Tab.
    special = [name for name in globals() if name.startswith("__")]
    modules = [name for name, value in globals().items() if isinstance(value, ModuleType)]
    return sorted({*__all__, *special, *modules})
