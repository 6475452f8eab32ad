"""Features of a model's backbone for the matches of a data set, computed once.

Heads are then trained on them in minutes, without decoding a video or running the backbone. They are
computed by the engine that spots videos, from the same chunks of frames: in float32, the scores of a
net on its features are those on the video, bit for bit.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from onball import __version__
from onball.config import DataConfig, ModelConfig, SavedModelConfig
from onball.config.schema import FEATURES_FOLDER
from onball.data.features import FeatureFrames, write_features
from onball.data.frames import VideoFrames, cache_folder, open_inputs
from onball.data.layout import find_matches
from onball.errors import ConfigError
from onball.files import require_writable, sole_builder, write_error
from onball.models import SpottingNet, load_model
from onball.models.components import BACKBONES, Backbone, HeadSetup, NoTemporal
from onball.models.compute import Precision
from onball.models.finding import resolve_model
from onball.models.heads import LinearHead
from onball.models.nets import Net
from onball.progress import Progress, ProgressCallback, no_progress
from onball.spotting.spotter import Spotter

#: Part of the name of every folder of features: increase it when the layout changes.
_FORMAT = 1
#: Options of backbones that were added after features had been stored, with the values at which they have
#: no effect: then they are no part of the digest, and stored features are found again.
_LATER_OPTIONS: dict[str, object] = {"grey": False}
ModuleT = TypeVar("ModuleT", bound=nn.Module)


class FeatureStore:
    """Features of one backbone in a folder, computed where they are missing.

    Args:
        net: a spotting net or a clip classifier, which is not changed.
        config: its input.
        folder: the folder of all features; made when the first are written.
        half: store new features in float16, half the bytes, with a relative error up to 0.0005.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …
        precision: dtype of the backbone's arithmetic.
        threads: CPU threads; None is one per core.

    Raises:
        ConfigError: the net has no backbone, or computes features of whole clips.
        InputError: the device cannot be used.
    """

    def __init__(
        self,
        net: Net,
        config: SavedModelConfig,
        folder: Path,
        *,
        half: bool = False,
        device: str = "auto",
        precision: Precision | torch.dtype = "auto",
        threads: int | None = None,
    ) -> None:
        if not config.model.takes_frames:
            raise ConfigError("this model looks at no pixels: there are no features to compute")
        if net.backbone.context is None:
            raise ConfigError(
                f"model.backbone: '{config.model.backbone.name}' computes features of whole clips, not "
                "of frames: train on frames, without --features"
            )
        self.folder = folder
        self.digest = backbone_digest(net.backbone, config.model)
        self._half = half
        # Features of tracks are computed with the heads.
        alone = (
            _sharing_weights(net) if isinstance(net, SpottingNet) else _spotting_net(net, config)
        )
        alone.tracking = None
        inference = config.inference.model_copy(update={"mirror": False, "clips": None})
        model = config.model.model_copy(update={"tracking": None})
        self._spotter = Spotter(
            alone,
            config.model_copy(update={"model": model, "inference": inference}),
            device=device,
            precision=precision,
            threads=threads,
        )

    def place(self, frames: VideoFrames) -> Path:
        """Folder of the features of a video. Raises `DataError` if the video cannot be read."""
        return cache_folder(frames, self.folder, f"features {_FORMAT} {self.digest}")

    def open(
        self, frames: VideoFrames, progress: ProgressCallback = no_progress, *, name: str = ""
    ) -> FeatureFrames:
        """Open the features of a video, and compute them first if they are not there yet.

        Of several processes that need them at the same time, one computes them; see `sole_builder`.

        Args:
            frames: frames of the video, as the net takes them.
            progress: called with the milliseconds of video that are computed.
            name: task that the progress names; the video by default.

        Raises:
            DataError: damaged features, or a video without frames.
            VideoError: the file is no video.
            OnballError: the features cannot be written.
        """
        folder = self.place(frames)
        if folder.is_dir():
            return FeatureFrames(folder)
        times = frames.times_ms  # raises its errors before anything is written
        total = int(times[-1]) if len(times) else None
        spotter = self._spotter

        def reported() -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
            for features, pts_ms in spotter.features(frames.batches(), read_ahead=True):
                yield features, pts_ms
                progress(Progress(name or str(frames.path), int(pts_ms[-1]), total, "ms"))

        record = {
            "format": _FORMAT,
            "video": frames.path.name,
            "backbone": spotter.config.model.backbone.name,
            "weights": self.digest,
            "fps": frames.fps,
            "width": frames.size[0],
            "height": frames.size[1],
            "precision": f"{spotter.precision} on {spotter.device.type}".removeprefix("torch."),
            "version": f"onball {__version__} with torch {torch.__version__}",
        }
        try:
            with sole_builder(folder) as is_builder:
                if is_builder:
                    write_features(folder, reported(), record, half=self._half)
        except OSError as error:
            raise write_error(folder, error) from error
        return FeatureFrames(folder)


def _sharing_weights(module: ModuleT) -> ModuleT:
    """A copy of a module with the same weights."""
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared)


def _spotting_net(net: Net, config: SavedModelConfig) -> SpottingNet:
    """A spotting net with the backbone of another net, and heads that are not used."""
    temporal = NoTemporal(net.backbone.feature_dim)
    head = LinearHead(HeadSetup(temporal.output_dim, 1 + len(config.actions), dropout=0.0))
    return SpottingNet(_sharing_weights(net.backbone), temporal, head)


def backbone_digest(backbone: Backbone, config: ModelConfig) -> str:
    """Return a short hexadecimal digest of a backbone: its options, normalisation and weights.

    It is the same for all models with this backbone, whatever their heads.
    """
    options = {**config.backbone.options, **backbone.resolved}
    known = BACKBONES.options_of(config.backbone.name).model_validate(options)
    settings = known.model_dump(mode="json", exclude={"pretrained"})
    for name, without_effect in _LATER_OPTIONS.items():
        if settings.get(name) == without_effect:
            del settings[name]
    pixels = config.preprocessing.model_dump(mode="json")
    text = json.dumps([config.backbone.name, settings, pixels], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for name, weights in backbone.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue  # has no effect, and grows while a frozen net is trained
        digest.update(name.encode())
        digest.update(weights.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


class MatchFeatures(NamedTuple):
    """Features of a match.

    Attributes:
        name: name of the match.
        features: the features.
        computed: False if they were there before.
    """

    name: str
    features: FeatureFrames
    computed: bool


def compute_features(
    model: str | Path,
    root: str | Path,
    *,
    split: str = "all",
    folder: str | Path | None = None,
    data: DataConfig | None = None,
    half: bool = False,
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    progress: ProgressCallback = no_progress,
) -> Iterator[MatchFeatures]:
    """Compute the features of a model's backbone for the matches of a data set.

    Those of a match that are there are kept, so that an interrupted call continues with the next
    match. Labels are not needed.

    Args:
        model: folder or name of a saved spotting model, see `Spotter.from_pretrained`.
        root: folder of the data set.
        split: `train`, `valid`, `test`, `challenge` or `all`.
        folder: folder of the features; `features` in the data set by default.
        data: further settings of the data, such as the name of the tracks of cropped frames.
        half: see `FeatureStore`.
        device: see `FeatureStore`.
        precision: see `FeatureStore`.
        threads: see `FeatureStore`.
        progress: called with the milliseconds of video of each match.

    Yields: the features of each match.

    Raises:
        ModelError: the folder holds no usable model.
        ConfigError: its backbone has no features of frames.
        DataError: a match has no video, or no tracks for frames cropped by them.
        OnballError: the features cannot be written.
    """
    root = Path(root)
    place = root / FEATURES_FOLDER if folder is None else Path(folder)
    net, config = load_model(resolve_model(model), "spotting")
    settings = config.sampling(data or DataConfig()).model_copy(update={"cache": None})
    matches = find_matches(root, split)
    for match in matches:
        match.require_video()
    store = FeatureStore(
        net, config, place, half=half, device=device, precision=precision, threads=threads
    )
    require_writable(place)
    return _compute_each(store, [(m.name, m.require_video()) for m in matches], settings, progress)


def _compute_each(
    store: FeatureStore,
    videos: list[tuple[str, Path]],
    settings: DataConfig,
    progress: ProgressCallback,
) -> Iterator[MatchFeatures]:
    for name, video in videos:
        frames: Any = open_inputs(video, settings, name=name).frames
        computed = not store.place(frames).is_dir()
        yield MatchFeatures(name, store.open(frames, progress, name=name), computed)
