"""Every setting of an experiment, typed, read from one YAML file plus `a.b=c` overrides.

A file may name another as its `base:` (a path relative to itself) and say only what differs.
Mappings are merged key by key, with one exception: where `name` chooses a component (a backbone, a
temporal head) and the name changes, the options of the former component are dropped.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)

from onball.actions import ACTIONS, Action
from onball.errors import ConfigError
from onball.files import write_text_atomic

Share = Annotated[float, Field(ge=0.0, le=1.0)]
ShareBelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]
# In YAML, 32 without quotes is a number.
PrecisionName = Annotated[Literal["auto", "32", "bf16"], BeforeValidator(str)]

_OVERRIDE = "--set"


class Section(BaseModel):
    """A group of settings: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ComponentConfig(BaseModel):
    """A component chosen by `name`, with its own options beside the name.

    The options are checked by whoever registered the component (see `onball.models.registry`), so
    that a new backbone or head brings its own settings without a change here.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """All settings but the name."""
        return dict(self.model_extra or {})


class DataConfig(Section):
    """Which matches, and how their video is sampled.

    Attributes:
        root: folder of the matches (SoccerNet's layout); needed for training only.
        fps: sampled frames per second of video time; 12.5 is every second frame of 25.
        width, height: size in pixels that frames are scaled to.
        clip_frames: sampled frames in a training clip.
        cache: folder for decoded frames (height × width × 3 bytes per frame: 0.65 GB for 10
            minutes at 224×128, 19 GB for a match of 90 at 398×224); null decodes each clip anew.
    """

    root: Path | None = None
    fps: PositiveFloat = 12.5
    width: PositiveInt = 398
    height: PositiveInt = 224
    clip_frames: PositiveInt = 50
    cache: Path | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)


class PreprocessingConfig(Section):
    """Mean and standard deviation per RGB channel on the scale 0 to 1 (ImageNet's by default)."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.229, 0.224, 0.225)


class ModelConfig(Section):
    """The net: a backbone per frame, a temporal head over frames, a classifier per frame.

    Attributes:
        dropout: share of the classifier's inputs that are dropped in training.
    """

    backbone: ComponentConfig = ComponentConfig(name="regnety_002")
    temporal: ComponentConfig = ComponentConfig(name="bilstm")
    dropout: ShareBelowOne = 0.5
    preprocessing: PreprocessingConfig = PreprocessingConfig()


class JitterConfig(Section):
    """Colour jitter: each of the four happens with `probability`, the same for a whole clip.

    Attributes:
        factor: range of the factors of brightness, contrast and saturation.
        hue: largest turn of the hue to either side, as a share of the full circle.
    """

    probability: Share = 0.25
    factor: tuple[PositiveFloat, PositiveFloat] = (0.7, 1.2)
    hue: Annotated[float, Field(ge=0.0, le=0.5)] = 0.2


class TrainingConfig(Section):
    """How the net is trained.

    Attributes:
        clips_per_epoch: clips drawn in one epoch.
        action_share: share of the clips that are placed around an action; the action is drawn
            with a probability ∝ 1/√(its count), so that rare ones are seen. The others are
            uniform over the matches' time.
        background_weight, action_weight: class weights of the cross-entropy.
        label_dilation: frames on each side of an action's frame that carry its label too.
        precision: `auto` is bfloat16 mixed precision where the device computes it natively.
        gradient_clip: largest norm of the gradient; null does not clip.
        workers: processes that prepare clips; 0 prepares them in the training process.
        threads: CPU threads of torch; null leaves torch's own choice.
        validate_every_epochs: the last epoch is always validated.
    """

    epochs: PositiveInt = 20
    warmup_epochs: NonNegativeFloat = 3
    learning_rate: PositiveFloat = 8e-4
    weight_decay: NonNegativeFloat = 0.01
    batch_size: PositiveInt = 4
    clips_per_epoch: PositiveInt = 2000
    action_share: Share = 0.5
    background_weight: PositiveFloat = 1.0
    action_weight: PositiveFloat = 5.0
    label_dilation: NonNegativeInt = 1
    flip_probability: Share = 0.5
    jitter: JitterConfig = JitterConfig()
    precision: PrecisionName = "auto"
    gradient_clip: PositiveFloat | None = 1.0
    workers: NonNegativeInt = 2
    threads: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    validate_every_epochs: PositiveInt = 1


class InferenceConfig(Section):
    """From dense scores to events.

    Attributes:
        window_frames: frames that the temporal head sees at once.
        overlap: share of a window that the next one sees again; their scores are averaged.
        nms_window_ms: two events of one action closer than this cannot both stand.
        threshold: lowest confidence of an event; low, because the metric wants all, ranked.
        report_threshold: lowest confidence of an event that is shown to people.
    """

    window_frames: PositiveInt = 50
    overlap: ShareBelowOne = 0.5
    nms_window_ms: PositiveInt = 1000
    threshold: Share = 0.01
    report_threshold: Share = 0.3


class ExperimentConfig(Section):
    """One experiment: all that a training run or an evaluation needs to know."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    inference: InferenceConfig = InferenceConfig()


class SavedModelConfig(Section):
    """The `config.json` of a saved model: all that is needed to run it on a video."""

    format_version: Literal[1] = 1
    actions: tuple[Action, ...] = ACTIONS
    fps: PositiveFloat
    width: PositiveInt
    height: PositiveInt
    model: ModelConfig
    inference: InferenceConfig

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)

    @classmethod
    def of(cls, config: ExperimentConfig) -> Self:
        """The part of an experiment that its model must carry."""
        data = config.data
        return cls(
            fps=data.fps,
            width=data.width,
            height=data.height,
            model=config.model,
            inference=config.inference,
        )


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Read an experiment from a YAML file, its bases and `a.b=c` overrides (last one wins).

    Values of overrides are YAML: `training.threads=null`, `training.jitter.factor=[0.8, 1.2]`.
    Relative paths inside the settings are left as they are: relative to the working directory.

    Raises `ConfigError`: a file that is missing, is no YAML or names itself as its base; an
    unknown setting (with the nearest known one); a value of the wrong type or out of range.
    """
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source, layer in _layers(Path(path), ()):
        tree = _merge(tree, layer)
        origins.update(dict.fromkeys(_dotted(layer), source))
    for override in overrides:
        layer = _parse_override(override)
        tree = _merge(tree, layer)
        origins.update(dict.fromkeys(_dotted(layer), f"{_OVERRIDE} {override}"))
    try:
        return ExperimentConfig.model_validate(tree)
    except ValidationError as error:
        dotted, message = explain(error, ExperimentConfig)
        # A missing setting has no origin of its own: then the nearest one above it has.
        place = dotted
        while place and place not in origins:
            place = place.rpartition(".")[0]
        raise ConfigError(f"{origins.get(place, str(path))}: {dotted}: {message}") from None


def find_config(name: str) -> Path:
    """The YAML file of that path, or the one of that name among those that come with onball.

    Raises `ConfigError` if there is neither, with the nearest name.
    """
    path = Path(name)
    if path.exists():
        return path
    known = {file.relative_to(_configs()).with_suffix("").as_posix(): file for file in _shipped()}
    key = path.with_suffix("").as_posix().removeprefix("configs/")
    if key in known:
        return known[key]
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(sorted(known))
    raise ConfigError(f"{name}: no such file, and no config of that name; {hint}")


def _configs() -> Path:
    """The folder `configs`: inside an installed package, beside `src` in a checkout."""
    inside = Path(__file__).parent / "configs"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "configs"


def _shipped() -> list[Path]:
    return sorted(file for file in _configs().glob("*/*.yaml"))


def save_config(config: ExperimentConfig, path: str | Path) -> None:
    """Write every setting (defaults too, no `base:`) as YAML that `load_config` reads back."""
    write_text_atomic(path, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))


def explain(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """The first fault of a validation: its dotted path and one line for the user."""
    fault = error.errors(include_url=False, include_context=False)[0]
    location = [str(part) for part in fault["loc"]]
    dotted = ".".join(location) or "(the whole file)"
    if fault["type"] != "extra_forbidden":
        got = "" if fault["type"] == "missing" else f", got {fault['input']!r}"
        return dotted, fault["msg"][:1].lower() + fault["msg"][1:] + got
    known = _known_settings(model, location[:-1])
    close = difflib.get_close_matches(location[-1], known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(known)
    return dotted, f"unknown setting; {hint}"


def _known_settings(model: type[BaseModel], location: Sequence[str]) -> list[str]:
    for part in location:
        inner = model.model_fields[part].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def _layers(path: Path, seen: tuple[Path, ...]) -> list[tuple[str, dict[str, Any]]]:
    """The file's settings preceded by those of its bases, each with the name of its file."""
    if path.resolve() in seen:
        raise ConfigError(f"{path}: base: names a file that is based on this one; remove one")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the config ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not a text file"
        raise ConfigError(f"{where}: not valid YAML: {problem}") from None
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: expected sections such as 'training:', got {tree!r:.60}")
    base = tree.pop("base", None)
    if base is None:
        return [(str(path), tree)]
    below = Path(os.path.normpath(path.parent / str(base)))
    return [*_layers(below, (*seen, path.resolve())), (str(path), tree)]


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    if "name" in below and above.get("name", below["name"]) != below["name"]:
        return dict(above)
    merged = dict(below)
    for key, value in above.items():
        former = merged.get(key)
        if isinstance(former, Mapping) and isinstance(value, Mapping):
            value = _merge(former, value)
        merged[key] = value
    return merged


def _parse_override(override: str) -> dict[str, Any]:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"{_OVERRIDE} {override}: expected section.setting=value")
    try:
        tree: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{_OVERRIDE} {override}: the value is not valid YAML") from None
    for key in reversed(keys):
        tree = {key: tree}
    return dict(tree)


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The dotted path of every node, so that a fault can be traced to its file."""
    paths = []
    for key, value in tree.items():
        paths.append(f"{prefix}{key}")
        if isinstance(value, Mapping):
            paths += _dotted(value, f"{prefix}{key}.")
    return paths
