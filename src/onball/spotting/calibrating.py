"""`calibrate`: fit a saved model's confidences on labelled matches and save the result.

The maps are fitted by `onball.evaluation.calibration` and applied by `onball.spotting.decoding`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.config import DataConfig, InferenceConfig, SavedModelConfig
from onball.data.classes import labelled_classes
from onball.data.layout import Match, find_matches
from onball.data.matches import read_video_labels
from onball.errors import InputError
from onball.evaluation.calibration import (
    CalibrationKind,
    FittedCalibration,
    calibration_errors,
    fit_calibration,
)
from onball.evaluation.spotting import SpottingResult, evaluate_spotting
from onball.events import EventList
from onball.files import (
    atomic_path,
    file_digest,
    removed_if_failed,
    require_writable,
    write_json_atomic,
)
from onball.hub import is_cached_path
from onball.models import load_model
from onball.models.finding import resolve_model
from onball.models.runtimes.records import carry_exports, net_digest
from onball.models.saved import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, check_model_folder
from onball.outputs import (
    OutputConflictError,
    OutputState,
    check_outputs,
    edited_files,
    record_outputs,
)
from onball.progress import ProgressCallback, no_progress
from onball.spotting.decoding import apply_calibration
from onball.spotting.evaluating import require_common_classes, same_folder, training_data
from onball.spotting.matches import spot_matches
from onball.spotting.runtimes import Runtime, integer_suffix, open_runtime
from onball.spotting.spotter import Spotter

_MODEL_FILES = (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE)


@dataclass(frozen=True, slots=True)
class CalibrationEffect:
    """Metrics of a split before and after calibration, at a tolerance of 1 s.

    Attributes:
        split: name of the split.
        before, after: average precision.
        error_before, error_after: expected calibration error of each action, 0 to 1; NaN for an
            action without predictions.
    """

    split: str
    before: SpottingResult
    after: SpottingResult
    error_before: dict[EventLabel, float]
    error_after: dict[EventLabel, float]


@dataclass(frozen=True, slots=True)
class CalibratedModel:
    """Result of `calibrate`.

    Attributes:
        folder: the saved model with its calibration.
        fitted: the maps and report thresholds.
        effects: of the split that was fitted on, and then of the test split, if one was given.
        predicted_actions: actions of the model. Those that the labels do not have keep their scores
            and their threshold.
    """

    folder: Path
    fitted: FittedCalibration
    effects: tuple[CalibrationEffect, ...]
    predicted_actions: tuple[EventLabel, ...] = BALL_ACTIONS.names


def calibrate(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    split: str = "valid",
    kind: CalibrationKind | str = CalibrationKind.PROBABILITY,
    test_split: str | None = None,
    runtime: Runtime = "auto",
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> CalibratedModel:
    """Calibrate the confidences of a saved spotting model.

    A former calibration of `model` is not used. The weights stay as they are, and so does the order
    of the events of each action. A calibrated model that is in `out` already is computed again, for
    the metrics that are returned; `calibration_state` says beforehand that it is there.

    Args:
        model: folder of the saved model, or of the training run that has it.
        data: folder of the data set, with videos and labels.
        out: folder to write the calibrated model into; it may be `model` itself.
        split: matches to fit on, which the model was not trained on.
        kind: meaning of a calibrated confidence, `probability` or `rank`.
        test_split: further matches to measure the effect on.
        runtime: see `Spotter.from_pretrained`.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …
        threads: CPU threads for all work together, see `onball.cores.choose_threads`.
        overwrite: replace a model in `out` that is another one, or was edited.
        progress: called while the matches are spotted.

    Raises:
        OutputConflictError: `out` holds another model, or one that was edited.
        ModelError: `model` holds no usable spotting model, or `out` something other than a model.
        DataError: a split, a video or a label file is missing, or too few predictions match.
        OnballError: `out` cannot be written.
    """
    in_place = Path(out).resolve() == Path(model).resolve()
    model = resolve_model(model)
    if in_place and is_cached_path(model):
        raise InputError(f"{model}: is in the hub's cache: calibrate it into a folder with --out")
    out = model if in_place else Path(out)
    check_model_folder(out)
    state = calibration_state(
        model, data, out, split=split, kind=kind, runtime=runtime, overwrite=overwrite
    )
    if state is OutputState.EDITED:
        edited = ", ".join(edited_files(out, [CONFIG_FILE]))
        raise OutputConflictError(f"{out}: {edited} was edited: --overwrite replaces it")
    names = [split] if test_split in (None, split) else [split, str(test_split)]
    # All matches first: a missing file must show before any is spotted.
    matches = {name: find_matches(data, name) for name in names}
    net, config = load_model(model, "spotting")
    trained_here = same_folder(training_data(model), data)
    labelled = labelled_classes(data, config.actions, trained_here=trained_here)
    require_common_classes(model, config.actions, labelled)
    truth = {
        name: [read_video_labels(match, data, labelled) for match in found]
        for name, found in matches.items()
    }
    opened = open_runtime(model, net, config, runtime, device=device, threads=threads)
    spotter = Spotter(
        net, without_calibration(config), device=device, opened=opened, threads=threads
    )
    spotted = {
        name: (truth[name], _spot(spotter, found, progress)) for name, found in matches.items()
    }
    fitted = fit_calibration(
        *spotted[split], CalibrationKind(kind), actions=config.actions.common(labelled)
    )
    config = with_calibration(config, fitted)
    effects = tuple(
        _effect(name, truth, predictions, config.inference, labelled)
        for name, (truth, predictions) in spotted.items()
    )
    with removed_if_failed(out):
        save_with_config(model, config, out)
        if not in_place:
            files = [name for name in _MODEL_FILES if (out / name).is_file()]
            record_outputs(out, files, _request(model, data, split, kind, runtime))
    return CalibratedModel(out, fitted, effects, config.actions.names)


def calibration_state(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    split: str = "valid",
    kind: CalibrationKind | str = CalibrationKind.PROBABILITY,
    runtime: Runtime = "auto",
    overwrite: bool = False,
) -> OutputState:
    """Compare the model in `out` with what `calibrate` would write there; see `check_outputs`.

    Args:
        model, data, out, split, kind, runtime, overwrite: see `calibrate`.

    Returns:
        `MISSING` if there is none, or `out` is `model` itself, which is always changed.

    Raises:
        OutputConflictError: `out` holds another model.
        ModelError: `model` is no saved model.
    """
    model, out = resolve_model(model), Path(out)
    if out.resolve() == model.resolve():
        return OutputState.MISSING
    request = _request(model, data, split, kind, runtime)
    return check_outputs(out, _MODEL_FILES, request, overwrite=overwrite)


def _request(
    model: Path, data: str | Path, split: str, kind: CalibrationKind | str, runtime: Runtime
) -> dict[str, str]:
    """Settings that a calibrated model depends on; weights have the beginning of their SHA-256.

    Runtimes compute the same scores, except those in 8-bit integers.
    """
    weights = model / WEIGHTS_FILE
    digest = file_digest(weights)[:8] if weights.is_file() else "missing"
    return {
        "model": f"{model.resolve()} (weights {digest}{integer_suffix(runtime)})",
        "data": str(Path(data).resolve()),
        "split": split,
        "kind": CalibrationKind(kind).value,
    }


def _spot(
    spotter: Spotter, matches: Sequence[Match], progress: ProgressCallback
) -> list[EventList]:
    """Raw predictions of matches."""
    spotted = spot_matches(spotter, matches, tracks=DataConfig().tracks, progress=progress)
    return [match.events for match in spotted]


def _effect(
    split: str,
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    inference: InferenceConfig,
    actions: ActionSet,
) -> CalibrationEffect:
    after = [EventList.of(apply_calibration(e, inference), e.match) for e in predictions]
    return CalibrationEffect(
        split,
        evaluate_spotting(truth, predictions, actions=actions),
        evaluate_spotting(truth, after, actions=actions),
        calibration_errors(truth, predictions, actions=actions),
        calibration_errors(truth, after, actions=actions),
    )


def with_calibration(config: SavedModelConfig, fitted: FittedCalibration) -> SavedModelConfig:
    """Return the config of a model with these maps and report thresholds in place of its own.

    Actions that were not fitted keep theirs.
    """
    former = config.inference
    inference = former.model_copy(
        update={
            "calibration": {**former.calibration, **fitted.maps},
            "report_thresholds": {**former.report_thresholds, **fitted.report_thresholds},
        }
    )
    return config.model_copy(update={"inference": inference})


def without_calibration(config: SavedModelConfig) -> SavedModelConfig:
    """Return the config of a model without its calibration, to fit another one."""
    inference = config.inference.model_copy(update={"calibration": {}, "report_thresholds": {}})
    return config.model_copy(update={"inference": inference})


def save_with_config(model: Path, config: SavedModelConfig, folder: Path) -> None:
    """Save the model in `model` into `folder`, which may be the same, with another config.

    The weights are copied unchanged, and so are the exports, which do not depend on the calibration. The
    config is written last: without it a folder is no model. A new folder is removed if that fails.

    Raises:
        ModelError: `folder` is a file or holds something other than a saved model.
        OnballError: `folder` cannot be written.
    """
    check_model_folder(folder)
    require_writable(folder)
    with removed_if_failed(folder):
        if folder.resolve() != model.resolve():
            for name in (WEIGHTS_FILE, CARD_FILE):
                if (model / name).is_file():
                    with atomic_path(folder / name) as temporary:
                        shutil.copyfile(model / name, temporary)
            carry_exports(model, folder, net_digest(model, config))
        write_json_atomic(folder / CONFIG_FILE, config.model_dump(mode="json"))
