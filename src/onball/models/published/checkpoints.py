"""Published checkpoints: a model's settings, and its parameters under this project's names.

The published models are computed by the components of `onball.models`. Each differs from the
weights of a saved model only in the names of its parameters, and in the layout of a few (a 3D
convolution that is stored as a 2D one, two layers that are stored as one). A table of rules describes
both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onball.config import InferenceConfig, ModelConfig, SavedModelConfig
from onball.errors import ModelError
from onball.models.nets import BlendedNet, SpottingNet, build_model

#: Number of differences that an error names.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Rule:
    r"""Name and layout of published parameters in this project.

    Attributes:
        pattern: regular expression that matches the whole of a published name.
        name: the parameter's name here; `\1` is the first group of the pattern.
        layout: function from the published tensor to the one stored here; None if they are equal.
        part: index of the tensor among several that are concatenated, along their first axis, to
            the one stored here; None for a tensor of its own.
    """

    pattern: str
    name: str
    layout: Callable[[Tensor], Tensor] | None = None
    part: int | None = None

    def renamed(self, published: str) -> str:
        """Name here of a published parameter that the pattern matches."""
        return re.sub(self.pattern, self.name, published)


@dataclass(frozen=True, slots=True)
class Origin:
    """Facts about published weights, as their authors state them; empty if they do not.

    Attributes:
        data: data that the model was trained on.
        figure: published figure, with its data.
        source: source of the figure.
        code: address of the authors' code.
        code_licence: SPDX name of its licence.
        weights: place of the weights, as users have to look for it.
        weights_licence: licence of the weights.
        hub: repository on the Hugging Face hub, `owner/name`, if the weights are there.
        path_words: words in lower case that occur in the path of a file there.
    """

    data: str
    code: str
    code_licence: str
    weights: str
    figure: str = ""
    source: str = ""
    weights_licence: str = ""
    hub: str = ""
    path_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A published architecture with its settings.

    Attributes:
        name: short name, as users write it.
        title: name of the publication.
        origin: facts about its weights.
        parameters: number of parameters.
        model: the net, in the terms of this project.
        fps: sampled frames per second.
        width, height: size of the frames in pixels.
        clip_frames: sampled frames in a clip.
        inference: computation of scores and choice of events, as in the authors' evaluation.
        rules: names of the parameters; the first rule that matches a published name applies.
        place: key under which a checkpoint has the weights that the authors evaluate, where it has
            several; empty otherwise.
    """

    name: str
    title: str
    origin: Origin
    parameters: int
    model: ModelConfig
    fps: float
    width: int
    height: int
    clip_frames: int
    inference: InferenceConfig
    rules: tuple[Rule, ...]
    place: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the classes that the model predicts."""
        return tuple(label.value for label in self.model.actions)

    @property
    def config(self) -> SavedModelConfig:
        """Settings of the saved model that computes what the authors' code computes."""
        return SavedModelConfig(
            fps=self.fps,
            width=self.width,
            height=self.height,
            scaling="opencv",
            clip_frames=self.clip_frames,
            model=self.model,
            inference=self.inference,
        )

    def build(self, weights: Mapping[str, Tensor], *folds: Mapping[str, Tensor]) -> SpottingNet:
        """Build the net with published weights, in evaluation mode.

        Args:
            weights: tensors by their published names.
            folds: those of further trainings, whose probabilities are averaged with the first one's.

        Raises:
            ModelError: tensors are missing, unknown or of another shape.
        """
        net = build_model(self.model, fetch_weights=False)
        own = net.state_dict()
        net.load_state_dict(convert(weights, self.rules, own, self.name))
        return BlendedNet([net, *map(self.build, folds)]).eval() if folds else net.eval()

    def check(self, weights: Mapping[str, Tensor]) -> None:
        """Compare names and shapes with those of the net, without computing or copying anything.

        Args:
            weights: as for `build`.

        Raises:
            ModelError: as `build`.
        """
        with torch.device("meta"):
            own = build_model(self.model, fetch_weights=False).state_dict()
        shapes = {name: tensor.to("meta") for name, tensor in weights.items()}
        convert(shapes, self.rules, own, self.name)

    def renamed(self, published: str) -> str | None:
        """Name here of the parameter that holds a published one; None if no rule matches."""
        rule = _rule_of(published, self.rules)
        return None if rule is None else rule.renamed(published)


def convert(
    weights: Mapping[str, Tensor],
    rules: Sequence[Rule],
    own: Mapping[str, Tensor],
    origin: str,
) -> dict[str, Tensor]:
    """Rename published weights, and bring them into the layout stored here.

    Args:
        weights: tensors by their published names.
        rules: table of names.
        own: weights of the net that they are for, by their names here.
        origin: name of the model, for the message.

    Raises:
        ModelError: tensors are missing, unknown or of another shape; names the first of them.
    """
    converted: dict[str, Tensor] = {}
    parts: dict[str, dict[int, Tensor]] = {}
    unknown = []
    for published, tensor in weights.items():
        rule = _rule_of(published, rules)
        name = "" if rule is None else rule.renamed(published)
        if rule is None or name not in own:
            unknown.append(published)
            continue
        try:
            stored = tensor if rule.layout is None else rule.layout(tensor)
        except (RuntimeError, IndexError):  # it has another number of axes
            stored = tensor
        if rule.part is None:
            converted[name] = stored
        else:
            parts.setdefault(name, {})[rule.part] = stored
    for name, pieces in parts.items():
        try:
            converted[name] = torch.cat([pieces[index] for index in sorted(pieces)])
        except RuntimeError:  # pieces of different shapes
            converted[name] = pieces[min(pieces)]
    missing = [name for name in own if name not in converted]
    shapes = [
        f"{name} {list(tensor.shape)} instead of {list(own[name].shape)}"
        for name, tensor in converted.items()
        if tensor.shape != own[name].shape
    ]
    found = {"unknown": unknown, "missing": missing, "of another shape": shapes}
    differences = [
        f"{len(names)} {kind} ({', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''})"
        for kind, names in found.items()
        if names
    ]
    if differences:
        raise ModelError(f"not a checkpoint of {origin}: {'; '.join(differences)}")
    return {name: tensor.to(own[name].dtype) for name, tensor in converted.items()}


def _rule_of(published: str, rules: Sequence[Rule]) -> Rule | None:
    return next((rule for rule in rules if re.fullmatch(rule.pattern, published)), None)


def negate(tensor: Tensor) -> Tensor:
    """Layout of a displacement that is counted in the opposite direction."""
    return -tensor


def image_network(published: str, here: str) -> tuple[Rule, ...]:
    """Rules for a timm network with gated shifts, as GSM, GSF and models built on them store it.

    Args:
        published: prefix of the published names, as a regular expression without groups.
        here: prefix of the names in this project.
    """
    shift = rf"{published}\.(s\d+\.b\d+\.conv1)\.gsm?"
    to = rf"{here}.\1.shift"
    return (
        Rule(rf"{shift}\.bn\.(\w+)", rf"{to}.norm.\2"),
        Rule(rf"{shift}\.conv3D\.weight", f"{to}.gate.weight", _frames_as_outputs),
        Rule(rf"{shift}\.conv3D\.bias", f"{to}.gate_bias"),
        Rule(rf"{shift}\.channel_conv1(?:\.1)?\.(weight|bias)", rf"{to}.fusion.\2", part=0),
        Rule(rf"{shift}\.channel_conv2(?:\.1)?\.(weight|bias)", rf"{to}.fusion.\2", part=1),
        # The wrapper of the shift, and that of the padding, contain the convolution.
        Rule(rf"{published}\.(s\d+\.b\d+\.conv1)\.net\.(.+)", rf"{here}.\1.\2"),
        Rule(rf"{published}\.(.+)\.conv\.1\.weight", rf"{here}.\1.conv.weight"),
        Rule(rf"{published}\.(.+)", rf"{here}.\1"),
    )


def _frames_as_outputs(weight: Tensor) -> Tensor:
    """3D convolution `[2, c, frames, h, w]` as a 2D one with outputs per frame, `[2 · frames, …]`."""
    return weight.transpose(1, 2).flatten(0, 1)
