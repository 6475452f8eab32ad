"""Arithmetic of a spotting net on NumPy arrays: the seam between the engines and a runtime.

The engines of `onball.spotting` cut a video into chunks and windows and average their scores; what a net
computes for them is behind `Compute`. `TorchCompute` is PyTorch's implementation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from onball.actions import BACKGROUND
from onball.models import DenseScores, SpottingNet
from onball.models.backbones.pieces import compute_in_pieces

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OutputLayout:
    """Columns of the outputs of a net, `[..., F]`, in the order of `DenseScores.outputs`.

    Attributes:
        classes: K, number of classes without background.
        background: the probabilities begin with that of the background; False if the classes do not
            exclude each other.
        teams: `classes`: each class is there for the left and then for the right team; `logit`: the
            column after the probabilities is the probability of the right team; `none`.
        displacement: the last column is the displacement, in sampled frames.
    """

    classes: int
    background: bool = True
    teams: Literal["none", "classes", "logit"] = "none"
    displacement: bool = False

    @classmethod
    def of(cls, scores: DenseScores) -> OutputLayout:
        """Layout of the outputs of a net that has these scores."""
        columns = scores.logits.shape[-1]
        teams: Literal["none", "classes", "logit"] = "none"
        if scores.team is not None:
            teams = "logit"
        elif scores.teams:
            teams = "classes"
        background = not scores.independent
        classes = (columns - background) // (2 if teams == "classes" else 1)
        return cls(classes, background, teams, scores.displacement is not None)

    @property
    def columns(self) -> int:
        """F, the number of columns."""
        probabilities = self.background + self.classes * (2 if self.teams == "classes" else 1)
        return probabilities + (self.teams == "logit") + self.displacement

    def split(self, outputs: Floats) -> SplitOutputs:
        """Split outputs `[..., F]` into their parts."""
        actions = outputs
        displacement = right = background = None
        if self.displacement:
            actions, displacement = actions[..., :-1], actions[..., -1]
        if self.teams == "logit":
            actions, right = actions[..., :-1], actions[..., -1:]
        if self.background:
            background, actions = actions[..., :1], actions[..., BACKGROUND + 1 :]
        left = None
        if self.teams == "classes":
            left, of_right = np.split(actions, 2, axis=-1)
            actions = left + of_right
        elif right is not None:
            left = actions * (1 - right)
        return SplitOutputs(actions, left, displacement, background, right)


@dataclass(frozen=True, slots=True)
class SplitOutputs:
    """Parts of the outputs of a net, float32.

    Attributes:
        actions: `[..., K]`, probabilities of the classes, summed over both teams.
        left: `[..., K]`, the left team's part of them; None if the net does not separate the teams.
        displacement: `[...]`, sampled frames from each frame to its event; None without.
        background: `[..., 1]`, its probability; None if the classes do not exclude each other.
        right: `[..., 1]`, probability of the right team, for a net with a logit of teams; or None.
    """

    actions: Floats
    left: Floats | None
    displacement: Floats | None
    background: Floats | None
    right: Floats | None


class Compute(Protocol):
    """Arithmetic of a spotting net on NumPy arrays.

    Any number of threads may call it at the same time. The same arrays always give the same result,
    bit for bit, in every thread.
    """

    @property
    def context(self) -> int | None:
        """Frames on each side that a feature depends on; None for the whole clip. See `Backbone`."""

    @property
    def layout(self) -> OutputLayout:
        """Columns of `outputs`."""

    def features(
        self, frames: NDArray[np.uint8] | Floats, track_features: Floats | None = None
    ) -> Floats:
        """Features `[t, C]`, float32, of consecutive frames.

        Args:
            frames: `[t, H, W, 3]`, RGB, uint8; or float32 from 0 to 1, for a clip with frames of a mean
                colour; PyTorch also takes features that the backbone computed before, `[t, D]`.
            track_features: `[t, 2F]`, for a net that takes them.
        """

    def outputs(self, features: Floats) -> Floats:
        """Outputs `[n, T, F]`, float32, of windows of features `[n, T, C]`."""


class TorchCompute:
    """PyTorch's arithmetic of a spotting net.

    In float32, batch normalisation is fused into the convolutions before it, which changes scores by
    about 1e-7. Weights of the net must not change afterwards.

    Args:
        net: the net, in evaluation mode, on its device.
        precision: dtype of the backbone's arithmetic.
    """

    def __init__(self, net: SpottingNet, precision: torch.dtype = torch.float32) -> None:
        self._net = net
        if precision is torch.float32 and not net.training:
            self._net = _sharing_weights(net)
            _fuse_batch_norms(self._net.backbone)
        self._precision = precision
        self._device = next(net.parameters()).device
        self._copies: list[SpottingNet] = []  # that no thread uses now
        with torch.inference_mode():
            one = torch.zeros(1, 1, net.temporal.output_dim, device=self._device)
            self._layout = OutputLayout.of(replace(net.head(one), teams=net.teams))

    @property
    def context(self) -> int | None:
        """See `Compute`."""
        return self._net.backbone.context

    @property
    def layout(self) -> OutputLayout:
        """See `Compute`."""
        return self._layout

    @torch.inference_mode()
    def features(
        self, frames: NDArray[np.uint8] | Floats, track_features: Floats | None = None
    ) -> Floats:
        """See `Compute`."""
        batch = self._on_device(frames)
        if batch.ndim == 4:
            batch = batch.permute(0, 3, 1, 2)
        tracked = None if track_features is None else self._on_device(track_features)[None]
        mixed = self._precision is not torch.float32
        autocast = torch.autocast(self._device.type, dtype=self._precision, enabled=mixed)
        with autocast, self._copy() as net:
            features = net.features(batch[None], tracked)
        return np.asarray(features[0].float().cpu().numpy(), np.float32)

    @torch.inference_mode()
    def outputs(self, features: Floats) -> Floats:
        """See `Compute`."""
        with self._copy() as net:
            scores = net.scores_from_features(self._on_device(features))
            return np.asarray(scores.outputs().cpu().numpy(), np.float32)

    def _on_device(self, array: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self._device.type == "cuda":
            # From pinned memory, the GPU copies while it computes for other threads.
            return tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor.to(self._device)

    @contextmanager
    def _copy(self) -> Iterator[SpottingNet]:
        """Lend a copy of the net, with the same weights in memory, to one thread at a time.

        Layers with a temporal shift keep the length of the clip that they are given. A copy takes as
        long as some frames, so that threads of the next video get those of the last.
        """
        try:
            net = self._copies.pop()
        except IndexError:
            net = _sharing_weights(self._net)
            if self._device.type == "cpu" and not net.training:
                compute_in_pieces(net.backbone)
        yield net
        self._copies.append(net)  # not after an error, which can leave a shift half done


def _sharing_weights(net: SpottingNet) -> SpottingNet:
    """Copy the layers of a net, with the same weights in memory."""
    return copy.deepcopy(net, {id(t): t for t in (*net.parameters(), *net.buffers())})


def _fuse_batch_norms(network: nn.Module) -> None:
    """Fuse batch normalisation into convolutions, in the layers of timm that consist of the two."""
    if not any(isinstance(layer, nn.Conv2d) for layer in network.modules()):
        return
    # Importing timm takes seconds, and nets on tracks alone do without.
    from timm.layers import BatchNormAct2d, ConvNormAct

    for layer in network.modules():
        if not isinstance(layer, ConvNormAct):
            continue
        if type(layer.conv) is nn.Conv2d and isinstance(layer.bn, BatchNormAct2d):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.bn)
            layer.bn = nn.Sequential(layer.bn.drop, layer.bn.act)


class MirroredCompute:
    """Mean of the outputs for frames and for their mirror images.

    Args:
        compute: arithmetic of the net. Its features of both are concatenated.
        signs: of each track feature and mask in a mirrored frame, `[2F]`; None for a net without tracks.
    """

    def __init__(self, compute: Compute, signs: Floats | None = None) -> None:
        self._compute = compute
        self._signs = signs

    @property
    def context(self) -> int | None:
        """See `Compute`."""
        return self._compute.context

    @property
    def layout(self) -> OutputLayout:
        """See `Compute`."""
        return self._compute.layout

    def features(
        self, frames: NDArray[np.uint8] | Floats, track_features: Floats | None = None
    ) -> Floats:
        """See `Compute`."""
        # Not np.ascontiguousarray, which keeps the negative stride of frames of one pixel.
        mirrored: Any = frames[:, :, ::-1].copy()
        turned = None
        if track_features is not None and self._signs is not None:
            turned = track_features * self._signs
        seen = self._compute.features(frames, track_features)
        return np.concatenate([seen, self._compute.features(mirrored, turned)], axis=-1)

    def outputs(self, features: Floats) -> Floats:
        """See `Compute`."""
        seen, mirrored = (self._compute.outputs(f) for f in np.split(features, 2, axis=-1))
        layout = self.layout
        if layout.teams == "logit":
            right = layout.columns - 1 - layout.displacement
            mirrored[..., right] = 1 - mirrored[..., right]
        elif layout.teams == "classes":
            begin = int(layout.background)
            left, end = begin + layout.classes, begin + 2 * layout.classes
            swapped = [mirrored[..., left:end], mirrored[..., begin:left]]
            mirrored[..., begin:end] = np.concatenate(swapped, axis=-1)
        return np.asarray((seen + mirrored) / 2, np.float32)
