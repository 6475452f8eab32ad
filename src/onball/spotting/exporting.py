"""Export a saved model for ONNX Runtime or OpenVINO, and compare it with PyTorch before it is saved.

saved model → two graphs (→ 8-bit integers, calibrated on videos) (→ OpenVINO's format)
            → scores of both on the same videos → within the bounds → saved with the comparison
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet
from onball.assets import demo_model, sample_match
from onball.config import DataConfig, SavedModelConfig
from onball.data.classes import labelled_classes
from onball.data.frames import VideoFrames, open_inputs
from onball.data.layout import VIDEO_FILE, Match, find_matches
from onball.data.matches import require_one_timeline
from onball.errors import InputError, ModelError, OnballError
from onball.evaluation import SpottingResult, evaluate_spotting
from onball.evaluation.files import labelled_matches
from onball.files import (
    DISK_FULL,
    atomic_folder,
    file_digest,
    removed_if_failed,
    require_writable,
    write_error,
    write_json_atomic,
)
from onball.formats.soccernet import LABELS_FILE, read_labels
from onball.frames import BlankFrames
from onball.hub import is_cached_path
from onball.models import SpottingNet, load_model
from onball.models.compute import choose_device
from onball.models.finding import model_name, resolve_model
from onball.models.runtimes.graphs import BACKBONE_FILE, takes_float_frames, write_graphs
from onball.models.runtimes.quantising import quantise
from onball.models.runtimes.records import (
    EXPORTS,
    RECORD_FILE,
    SCORE_BOUND,
    Export,
    ExportFormat,
    ExportPrecision,
    ExportRecord,
    MeanPair,
    Parity,
    cached_exports,
    copy_files,
    export_name,
    find_export,
    net_digest,
    package_versions,
)
from onball.models.runtimes.sessions import Arrays, convert_to_openvino
from onball.models.saved import check_model_folder
from onball.outputs import OutputState, check_outputs, output_lock, record_outputs
from onball.progress import ProgressCallback, no_progress
from onball.spotting.calibrating import save_with_config
from onball.spotting.engine import ScoredFrames
from onball.spotting.matches import SpottedMatch, spot_matches
from onball.spotting.runtimes import default_runtime, open_export
from onball.spotting.spotter import Spotter

#: Largest loss of mAP, 0 to 1, that an 8-bit export may have.
MAP_BOUND = 0.01
#: Length of the part of the sample match that is compared, in windows of the model.
_SAMPLE_WINDOWS = 2
#: Least length of videos for which the demo model is exported first.
_WORTH_AN_EXPORT_MS = 600_000
#: Clips that 8-bit integers are calibrated on, and the frames of each.
_CALIBRATION_CLIPS, _CALIBRATION_FRAMES = 24, 24
#: Seed of the track features that stand in for those of the sample match, which has no tracks.
_SEED = 0


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """Result of `export_model`.

    Attributes:
        name: name of the model.
        folder: folder of the export, in `exports` beside the saved model or in the cache.
        record: what it is, and how it compares with PyTorch.
        was_done: True if it was there already.
    """

    name: str
    folder: Path
    record: ExportRecord
    was_done: bool = False


def export_model(
    model: str | Path | None = None,
    out: str | Path | None = None,
    *,
    format: ExportFormat = "onnx",
    int8: bool = False,
    data: str | Path | None = None,
    split: str = "test",
    score_bound: float | None = None,
    map_bound: float = MAP_BOUND,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> ExportedModel:
    """Export a saved model as two graphs, which `Spotter.from_pretrained(…, runtime=…)` runs.

    The export is compared with the model in PyTorch, on the matches of a data set, or else on the
    first seconds of the sample match, and not saved if it differs by more than the bounds. In 8-bit
    integers it is calibrated on clips of the same matches, and needs their labels.

    Args:
        model: what `Spotter.from_pretrained` takes; None is the demo model.
        out: folder for a copy of the saved model with the export in it. By default the export is
            saved in the folder of the model, or, of a model by name, in the cache, where it is found
            by that name.
        format: `onnx` or `openvino`. The latter is made of the ONNX export, if that is there.
        int8: compute the backbone in 8-bit integers.
        data: data set with videos to compare on; with labels, mAP is compared as well. In 8 bits, the
            demo model takes the sample match, and others must have one.
        split: split of the data set.
        score_bound: largest difference of a probability; by default 0.0001, and none in 8 bits.
        map_bound: largest loss of mAP, 0 to 1, if there are labels.
        overwrite: make an export again that is there.
        progress: called with the milliseconds of each video that is compared.

    Raises:
        ModelError: there is no such model, it is a clip classifier, or ONNX lacks one of its operations.
        MissingDependencyError: a package for exports is missing.
        InputError: `int8` without a data set.
        OutputConflictError: `out` holds another export; see `onball.outputs`.
        OutputLockedError: another process is exporting the model into the same folder.
        DataError: there is no such data set.
        OnballError: the export differs by more than a bound, or cannot be written.
    """
    folder = demo_model() if model is None else resolve_model(model)
    name = "demo" if model is None else model_name(model, folder)
    net, config = load_model(folder)
    if not isinstance(net, SpottingNet):
        raise ModelError(
            f"{name}: is a clip classifier, which cannot be exported: `onball evaluate` runs it in PyTorch; "
            "only spotting models have exports"
        )
    digest = net_digest(folder, config)
    precision: ExportPrecision = "int8" if int8 else "float32"
    home = _home(folder, None if out is None else Path(out), digest)
    target = home / export_name(format, precision)
    request = {"net": digest, "format": format, "precision": precision}
    if score_bound is None:
        score_bound = math.inf if int8 else SCORE_BOUND
    if out is not None:
        check_model_folder(out)
    # In a folder of the user's choice, a file of the lock would be in the way of the model.
    with output_lock(home) if out is None else nullcontext():
        if (
            check_outputs(target, [RECORD_FILE], request, overwrite=overwrite)
            is not OutputState.MISSING
        ):
            done = find_export(home.parent, digest, format, precision)
            if done is not None and done.folder == target:
                return ExportedModel(name, target, done.record, was_done=True)
        require_writable(target)
        matches, source = _matches_to_compare(data, split, name, int8)
        for match in matches:
            if match.labels is not None:
                labels = read_labels(match.labels, config.actions)
                require_one_timeline(match.require_video(), match.labels, labels)
        with _scratch() as made:
            former = None
            if format == "openvino" and not overwrite:
                former = find_export(home.parent, digest, "onnx", precision)
            _write_onnx(made, net, config, former, matches if int8 else None)
            if format == "openvino":
                convert_to_openvino(made)
            record = ExportRecord(
                format=format,
                precision=precision,
                net=digest,
                files={file.name: file_digest(file) for file in sorted(made.iterdir())},
                versions=package_versions(),
            )
            actions = BALL_ACTIONS if data is None else labelled_classes(data, config.actions)
            parity = _parity(Export(made, record), net, config, matches, source, actions, progress)
            require_parity(f"{name}, {target.name}", parity, score_bound, map_bound)
            record = record.model_copy(update={"parity": parity})
            with removed_if_failed(home.parent):
                if out is not None and Path(out).resolve() != folder.resolve():
                    save_with_config(folder, config, Path(out))
                _save(made, record, target, request)
    return ExportedModel(name, target, record)


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give an empty temporary folder for the files of an export.

    Raises `OnballError` if it cannot be made, or its disk is full.
    """
    place = Path(tempfile.gettempdir())
    try:
        made = tempfile.TemporaryDirectory(prefix="onball-", ignore_cleanup_errors=True)
    except OSError as error:
        raise write_error(place, error) from error
    with made as folder:
        try:
            yield Path(folder)
        except OSError as error:
            # Writers that name no file write here; reading a video, for example, is another matter.
            if error.errno in DISK_FULL and place in Path(error.filename or folder).parents:
                raise write_error(place, error) from error
            raise


def export_demo(
    video_ms: int,
    on_export: Callable[[], object] = lambda: None,
    progress: ProgressCallback = no_progress,
) -> ExportedModel | None:
    """Export the demo model into the cache, once, for the fastest runtime that is installed.

    Args:
        video_ms: length of the videos to spot; None is exported for less than ten minutes, which take
            less time than the export.
        on_export: called before the work, if the export is not there.
        progress: see `export_model`.

    Returns:
        The export, or None if it would not be used: on a GPU, for short videos, without the packages,
        or if `ONBALL_RUNTIME` names a runtime.

    Raises:
        OnballError: the cache cannot be written, or another process is exporting the model.
    """
    wanted = video_ms >= _WORTH_AN_EXPORT_MS and default_runtime() == "auto"
    packages = ("openvino", "onnx", "onnxscript")
    if not wanted or not all(map(find_spec, packages)) or choose_device().type != "cpu":
        return None
    folder = demo_model()
    digest = net_digest(folder, load_model(folder, "spotting")[1])
    damaged = False
    try:
        done = find_export(folder, digest, "openvino")
    except ModelError:
        done, damaged = None, True
    if done is not None:
        return ExportedModel("demo", done.folder, done.record, was_done=True)
    on_export()
    return export_model(format="openvino", overwrite=damaged, progress=progress)


def _matches_to_compare(
    data: str | Path | None, split: str, name: str, int8: bool
) -> tuple[list[Match], str]:
    """Matches of a data set, and their name; none if there is no data set."""
    if data is not None:
        find = labelled_matches if int8 else find_matches
        return find(data, split), f"{Path(data).resolve().name}, {split}"
    if not int8:
        return [], ""
    if name != "demo":
        raise InputError(
            f"{name}: 8-bit integers are calibrated on videos, and measured on their labels: name a "
            "data set with --data"
        )
    folder = sample_match()
    match = Match(folder.name, folder, folder / VIDEO_FILE, folder / LABELS_FILE)
    return [match], "the sample match"


def _write_onnx(
    made: Path,
    net: SpottingNet,
    config: SavedModelConfig,
    former: Export | None,
    calibration: Sequence[Match] | None,
) -> None:
    """Write the graphs of a net in ONNX.

    Args:
        made: folder for the files.
        net: the net.
        config: config of its model.
        former: the same export, whose files are copied; None to make them.
        calibration: matches to calibrate 8-bit integers on; None for float32.
    """
    if former is not None:
        for file in former.record.files:
            shutil.copy(former.folder / file, made)
        return
    write_graphs(net, config, made)
    if calibration is not None:
        quantise(made / BACKBONE_FILE, _calibration_clips(calibration, config))


def _calibration_clips(matches: Sequence[Match], config: SavedModelConfig) -> Iterator[Arrays]:
    """Inputs of the backbone for clips of matches, equally far from each other."""
    each = max(1, _CALIBRATION_CLIPS // len(matches))
    data = config.sampling(DataConfig(cache=None))
    for match in matches:
        source, track_features = open_inputs(match.require_video(), data, config.model)
        last = max(0, len(source.times_ms) - _CALIBRATION_FRAMES)
        for start in np.linspace(0, last, each, dtype=int):
            frames: NDArray[Any] = source.read(start, start + _CALIBRATION_FRAMES)
            if not len(frames):  # the video ends before the length in its header
                continue
            if takes_float_frames(config):
                frames = frames.astype(np.float32) / np.float32(255)
            clip = {"frames": frames[None]}
            if track_features is not None:
                clip["track_features"] = track_features[start : start + len(frames)][None]
            yield clip


def _home(model: Path, out: Path | None, net: str) -> Path:
    """Folder for the exports of a saved model."""
    if out is not None:
        return out / EXPORTS
    if is_cached_path(model) or model == demo_model():
        return cached_exports(net)
    return model / EXPORTS


def _save(made: Path, record: ExportRecord, target: Path, request: dict[str, str]) -> None:
    """Save the files of an export with its record, all or none."""
    try:
        with atomic_folder(target, replace=True) as temporary:
            copy_files(made, temporary)
            write_json_atomic(temporary / RECORD_FILE, record.model_dump(mode="json"))
            record_outputs(temporary, [RECORD_FILE, *record.files], request)
    except OSError as error:
        raise write_error(target, error) from error


# Comparison with PyTorch


def _parity(
    export: Export,
    net: SpottingNet,
    config: SavedModelConfig,
    matches: Sequence[Match],
    source: str,
    actions: ActionSet,
    progress: ProgressCallback,
) -> Parity:
    """Compare an export with its net in PyTorch: on matches, or else on the sample match."""
    spotters = (
        Spotter(net, config, device="cpu", precision="32"),
        Spotter(net, config, opened=open_export(export, net, config)),
    )
    if not matches:
        return _parity_on_sample(*spotters)
    return _parity_on_matches(*spotters, matches, source, actions, progress)


def _parity_on_sample(torch_spotter: Spotter, spotter: Spotter) -> Parity:
    """Compare on the first windows of the sample match.

    A net that takes tracks gets random ones, since that match has none, and whole frames.
    """
    frames = _sample_frames(spotter.config)
    tracks = None
    if spotter.net.tracking is not None:
        shape = (len(frames.times_ms), spotter.net.tracking.input_dim)
        tracks = np.random.default_rng(_SEED).random(shape, np.float32)
    differences = _Differences()
    runs = [one.score_frames(frames, tracks) for one in (torch_spotter, spotter)]
    for wanted, found in zip(*runs, strict=True):
        differences.add(wanted, found)
    return differences.parity("the sample match")


@dataclass(frozen=True, slots=True)
class _Frames:
    """Frames uint8 `[T, H, W, 3]` in memory, a `FrameSource`."""

    times_ms: NDArray[np.int64]
    frames: NDArray[np.uint8]

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        return self.frames[start:stop]


def _sample_frames(config: SavedModelConfig) -> _Frames:
    """Frames of the beginning of the sample match, for some windows of the model."""
    clips = config.inference.clips
    count = _SAMPLE_WINDOWS * (config.inference.window_frames if clips is None else clips.frames)
    whole = VideoFrames(sample_match() / VIDEO_FILE, config)
    source = whole if config.model.takes_frames else BlankFrames(whole.times_ms)
    frames = source.read(0, count)
    return _Frames(whole.times_ms[: len(frames)], frames)


def _parity_on_matches(
    torch_spotter: Spotter,
    spotter: Spotter,
    matches: Sequence[Match],
    source: str,
    actions: ActionSet,
    progress: ProgressCallback,
) -> Parity:
    """Compare on matches, and compare the mAP if all of them have labels."""
    differences = _Differences()
    wanted, found = (
        list(spot_matches(one, matches, keep_scores=True, progress=progress))
        for one in (torch_spotter, spotter)
    )
    for one, other in zip(wanted, found, strict=True):
        for scores in zip(one.scores, other.scores, strict=True):
            differences.add(*scores)
    parity = differences.parity(source)
    if any(match.labels is None for match in matches):
        return parity
    before, after = _measure(matches, wanted, actions), _measure(matches, found, actions)
    means = {
        name: MeanPair(torch=getattr(before, name), export=getattr(after, name))
        for name in ("map12", "map10")
    }
    return parity.model_copy(update=means)


def _measure(
    matches: Iterable[Match], spotted: Iterable[SpottedMatch], actions: ActionSet
) -> SpottingResult:
    truth = [read_labels(match.require_labels(), actions) for match in matches]
    return evaluate_spotting(truth, [one.events for one in spotted], actions=actions)


class _Differences:
    """Absolute differences of the probabilities of two runs."""

    def __init__(self) -> None:
        self._frames, self._different = 0, 0
        self._values, self._total, self._largest = 0, 0.0, 0.0

    def add(self, wanted: ScoredFrames, found: ScoredFrames) -> None:
        """Add the scores of the same frames."""
        different = np.zeros(len(wanted.pts_ms), bool)
        pairs = [(wanted.probabilities, found.probabilities)]
        if wanted.left is not None and found.left is not None:
            pairs.append((wanted.left, found.left))
        for one, other in pairs:
            difference = np.abs(one - other)
            self._largest = max(self._largest, float(difference.max(initial=0.0)))
            self._total += float(difference.sum(dtype=np.float64))
            self._values += difference.size
            different |= (difference > SCORE_BOUND).any(axis=-1)
        self._different += int(different.sum())
        self._frames += len(wanted.pts_ms)

    def parity(self, source: str) -> Parity:
        """Return the differences of the scores so far."""
        return Parity(
            source=source,
            frames=self._frames,
            score=self._largest,
            mean_score=self._total / max(1, self._values),
            different_frames=self._different,
        )


def require_parity(what: str, parity: Parity, score_bound: float, map_bound: float) -> None:
    """Raise `OnballError` if an export differs by more than the bounds, or has NaNs."""
    if not parity.score <= score_bound:
        raise OnballError(
            f"{what}: its scores differ from PyTorch's by up to {parity.score:.2g}, more than "
            f"{score_bound:g} (--score-bound), and by more than {SCORE_BOUND:g} in "
            f"{parity.different_frames} of {parity.frames} frames: not saved"
        )
    for name in ("map12", "map10"):
        pair: MeanPair | None = getattr(parity, name)
        if pair is not None and not pair.torch - pair.export <= map_bound:
            raise OnballError(
                f"{what}: its {name.replace('map', 'mAP')} is {100 * pair.export:.2f} %, and "
                f"PyTorch's is {100 * pair.torch:.2f} %, more than {100 * map_bound:g} points "
                "above it (--map-bound): not saved"
            )
