"""Export a saved model for ONNX Runtime or OpenVINO, and compare it with PyTorch before it is saved.

saved model → two graphs (→ 8-bit integers, calibrated on videos) (→ OpenVINO's format)
            → scores of both on the same videos → within the bounds → saved with the comparison
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.assets import demo_model, sample_match
from onball.config import SavedModelConfig
from onball.data.frames import VideoFrames
from onball.data.layout import Match, find_matches
from onball.errors import OnballError
from onball.evaluation import SpottingResult, evaluate_spotting
from onball.files import (
    atomic_folder,
    file_digest,
    require_writable,
    write_error,
    write_json_atomic,
)
from onball.formats.soccernet import read_labels
from onball.frames import BlankFrames
from onball.hub import is_cached_path
from onball.models import load_model
from onball.models.finding import model_name, resolve_model
from onball.models.runtimes.graphs import write_graphs
from onball.models.runtimes.records import (
    EXPORTS,
    RECORD_FILE,
    Export,
    ExportFormat,
    ExportPrecision,
    ExportRecord,
    MeanPair,
    Parity,
    cached_exports,
    export_name,
    find_export,
    net_digest,
    package_versions,
)
from onball.models.runtimes.sessions import convert_to_openvino
from onball.outputs import OutputState, check_outputs, record_outputs
from onball.progress import ProgressCallback, no_progress
from onball.spotting.calibrating import save_with_config
from onball.spotting.engine import ScoredFrames
from onball.spotting.matches import SpottedMatch, spot_matches
from onball.spotting.runtimes import open_export
from onball.spotting.spotter import Spotter

#: Largest difference of a probability that a float32 export may have.
SCORE_BOUND = 1e-4
#: Largest loss of mAP, 0 to 1, that an 8-bit export may have.
MAP_BOUND = 0.01
#: Length of the part of the sample match that is compared, in windows of the model.
_SAMPLE_WINDOWS = 2
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
    data: str | Path | None = None,
    split: str = "test",
    score_bound: float = SCORE_BOUND,
    map_bound: float = MAP_BOUND,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> ExportedModel:
    """Export a saved model as two graphs, which `Spotter.from_pretrained(…, runtime=…)` runs.

    The export is compared with the model in PyTorch, on the matches of a data set, or else on the
    first seconds of the sample match, and not saved if it differs by more than the bounds.

    Args:
        model: what `Spotter.from_pretrained` takes; None is the demo model.
        out: folder for a copy of the saved model with the export in it. By default the export is
            saved in the folder of the model, or, of a model by name, in the cache, where it is found
            by that name.
        format: `onnx`, which ONNX Runtime and OpenVINO read, or `openvino`, which loads faster there.
        data: data set with videos to compare on; with labels, mAP is compared as well.
        split: split of the data set.
        score_bound: largest difference of a probability.
        map_bound: largest loss of mAP, 0 to 1, if there are labels.
        overwrite: make an export again that is there.
        progress: called with the milliseconds of each video that is compared.

    Raises:
        ModelError: there is no such model, it is none for spotting, or ONNX lacks one of its operations.
        MissingDependencyError: a package for exports is missing.
        OutputConflictError: `out` holds another export; see `onball.outputs`.
        DataError: there is no such data set.
        OnballError: the export differs by more than a bound, or cannot be written.
    """
    folder = demo_model() if model is None else resolve_model(model)
    name = "demo" if model is None else model_name(model, folder)
    net, config = load_model(folder, "spotting")
    digest = net_digest(folder, config)
    precision: ExportPrecision = "float32"
    home = _home(folder, None if out is None else Path(out), digest)
    target = home / export_name(format, precision)
    require_writable(target)
    request = {"net": digest, "format": format, "precision": precision}
    if (
        check_outputs(target, [RECORD_FILE], request, overwrite=overwrite)
        is not OutputState.MISSING
    ):
        done = find_export(home.parent, digest, format, precision)
        if done is not None and done.folder == target:
            return ExportedModel(name, target, done.record, was_done=True)
    matches = None if data is None else find_matches(data, split)
    with tempfile.TemporaryDirectory(prefix="onball-") as temporary:
        made = Path(temporary)
        write_graphs(net, config, made)
        if format == "openvino":
            convert_to_openvino(made)
        record = ExportRecord(
            format=format,
            precision=precision,
            net=digest,
            files={file.name: file_digest(file) for file in sorted(made.iterdir())},
            versions=package_versions(),
        )
        spotters = (
            Spotter(net, config, device="cpu", precision="32"),
            Spotter(net, config, opened=open_export(Export(made, record), net, config)),
        )
        if matches is None:
            parity = _parity_on_sample(*spotters)
        else:
            source = f"{Path(str(data)).name}, {split}"
            parity = _parity_on_matches(*spotters, matches, source, progress)
        require_parity(f"{name}, {target.name}", parity, score_bound, map_bound)
        if out is not None and Path(out).resolve() != folder.resolve():
            save_with_config(folder, config, Path(out))
        _save(made, record.model_copy(update={"parity": parity}), target, request)
    return ExportedModel(name, target, record.model_copy(update={"parity": parity}))


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
            shutil.copytree(made, temporary, dirs_exist_ok=True)
            write_json_atomic(temporary / RECORD_FILE, record.model_dump(mode="json"))
            record_outputs(temporary, [RECORD_FILE, *record.files], request)
    except OSError as error:
        raise write_error(target, error) from error


# Comparison with PyTorch


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
    whole = VideoFrames(sample_match() / "224p.mp4", config)
    source = whole if config.model.takes_frames else BlankFrames(whole.times_ms)
    frames = source.read(0, count)
    return _Frames(whole.times_ms[: len(frames)], frames)


def _parity_on_matches(
    torch_spotter: Spotter,
    spotter: Spotter,
    matches: Sequence[Match],
    source: str,
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
    before, after = _measure(matches, wanted), _measure(matches, found)
    means = {
        name: MeanPair(torch=getattr(before, name), export=getattr(after, name))
        for name in ("map12", "map10")
    }
    return parity.model_copy(update=means)


def _measure(matches: Iterable[Match], spotted: Iterable[SpottedMatch]) -> SpottingResult:
    truth = [read_labels(match.require_labels()) for match in matches]
    return evaluate_spotting(truth, [one.events for one in spotted])


class _Differences:
    """Absolute differences of the probabilities of two runs."""

    def __init__(self) -> None:
        self._frames, self._values, self._total, self._largest = 0, 0, 0.0, 0.0

    def add(self, wanted: ScoredFrames, found: ScoredFrames) -> None:
        """Add the scores of the same frames."""
        pairs = [(wanted.probabilities, found.probabilities)]
        if wanted.left is not None and found.left is not None:
            pairs.append((wanted.left, found.left))
        for one, other in pairs:
            difference = np.abs(one - other)
            self._largest = max(self._largest, float(difference.max(initial=0.0)))
            self._total += float(difference.sum(dtype=np.float64))
            self._values += difference.size
        self._frames += len(wanted.pts_ms)

    def parity(self, source: str) -> Parity:
        """Return the differences of the scores so far."""
        return Parity(
            source=source,
            frames=self._frames,
            score=self._largest,
            mean_score=self._total / max(1, self._values),
        )


def require_parity(what: str, parity: Parity, score_bound: float, map_bound: float) -> None:
    """Raise `OnballError` if an export differs by more than the bounds, or has NaNs."""
    if not parity.score <= score_bound:
        raise OnballError(
            f"{what}: its scores differ from PyTorch's by up to {parity.score:.2g}, more than "
            f"{score_bound:g} (--score-bound): not saved"
        )
    for name in ("map12", "map10"):
        pair: MeanPair | None = getattr(parity, name)
        if pair is not None and not pair.torch - pair.export <= map_bound:
            raise OnballError(
                f"{what}: its {name.replace('map', 'mAP')} is {100 * pair.export:.2f} %, and "
                f"PyTorch's is {100 * pair.torch:.2f} %, more than {100 * map_bound:g} points "
                "above it (--map-bound): not saved"
            )
