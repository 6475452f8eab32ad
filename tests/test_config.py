"""Configs: inheritance, overrides, and errors with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from onball.actions import Action
from onball.config import (
    ExperimentConfig,
    config_name,
    find_config,
    list_configs,
    load_config,
    save_config,
)
from onball.errors import ConfigError
from onball.models import build_model

CONFIGS = Path(__file__).parents[1] / "configs"
BUDGETS = sorted((CONFIGS / "budgets").glob("*.yaml"))
EXPERIMENTS = sorted(set(CONFIGS.rglob("*.yaml")) - set(BUDGETS))


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_overrides_settings_of_its_base(tmp_path):
    write(tmp_path, "base.yaml", "training: {epochs: 7, batch_size: 3}\ndata: {fps: 25}")
    path = write(tmp_path, "mine.yaml", "base: base.yaml\ntraining: {epochs: 9}")
    config = load_config(path)
    assert (config.training.epochs, config.training.batch_size, config.data.fps) == (9, 3, 25.0)


def test_bases_may_have_bases_in_other_folders(tmp_path):
    (tmp_path / "deep").mkdir()
    write(tmp_path, "one.yaml", "training: {seed: 1, epochs: 2}")
    write(tmp_path / "deep", "two.yaml", "base: ../one.yaml\ntraining: {seed: 2}")
    config = load_config(write(tmp_path, "three.yaml", "base: deep/two.yaml"))
    assert (config.training.seed, config.training.epochs) == (2, 2)


@pytest.mark.parametrize("base", ["spotting/tiny", "spotting/tiny.yaml"])
def test_a_base_may_be_the_name_of_a_config_of_onball(tmp_path, base):
    config = load_config(write(tmp_path, "mine.yaml", f"base: {base}\ntraining: {{epochs: 9}}"))
    assert config == load_config("spotting/tiny", ["training.epochs=9"])


def test_a_file_beside_the_config_takes_precedence_over_a_name(tmp_path):
    (tmp_path / "spotting").mkdir()
    write(tmp_path / "spotting", "tiny.yaml", "training: {epochs: 77}")
    assert (
        load_config(write(tmp_path, "mine.yaml", "base: spotting/tiny.yaml")).training.epochs == 77
    )


def test_overrides_are_yaml_and_the_last_one_wins(tmp_path):
    path = write(tmp_path, "a.yaml", "training: {threads: 2}")
    overrides = [
        "training.threads=null",
        "training.learning_rate=1e-3",
        "training.learning_rate=2e-3",
        "training.augmentation.jitter.factor=[0.5, 1.5]",
        "training.precision=32",
        "data.root=some/where",
    ]
    config = load_config(path, overrides)
    assert config.training.threads is None
    assert config.training.learning_rate == 2e-3
    assert config.training.augmentation.jitter.factor == (0.5, 1.5)
    assert config.training.precision == "32"
    assert config.data.root == Path("some/where")


def test_a_changed_component_drops_the_options_of_the_previous_one(tmp_path):
    path = write(tmp_path, "a.yaml", "model: {temporal: {name: bilstm, hidden: 8}}")
    assert load_config(path, ["model.temporal.name=none"]).model.temporal.options == {}
    same = load_config(path, ["model.temporal.layers=2"]).model.temporal
    assert same.options == {"hidden": 8, "layers": 2}


def test_a_saved_config_is_read_back_unchanged(tmp_path):
    config = load_config(CONFIGS / "spotting" / "tiny.yaml", ["training.gradient_clip=null"])
    save_config(config, tmp_path / "saved.yaml")
    assert load_config(tmp_path / "saved.yaml") == config


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.epoch=3", "did you mean 'epochs'?"),
        ("traning.epochs=3", "did you mean 'training'?"),
        ("training.augmentation.jitter.hui=0.1", "did you mean 'hue'?"),
        ("training.epochs=many", "training.epochs: input should be a valid integer"),
        ("training.epochs=0", "training.epochs: input should be greater than 0, got 0"),
        ("training.augmentation.flip=1.5", "less than or equal to 1"),
        ("training.precision=half", "'auto', '32', 'bf16' or 'fp16'"),
        ("training", "expected section.setting=value"),
        ("training.epochs=[", "not valid YAML"),
        ("model.backbone={pretrained: true}", "model.backbone.name: field required"),
    ],
)
def test_a_wrong_override_is_named_in_one_line(tmp_path, override, expected):
    path = write(tmp_path, "a.yaml", "training: {epochs: 2}")
    with pytest.raises(ConfigError) as caught:
        load_config(path, [override])
    message = str(caught.value)
    assert expected in message
    assert f"--set {override}" in message
    assert "\n" not in message


def test_an_unknown_setting_is_reported_with_its_file(tmp_path):
    write(tmp_path, "base.yaml", "data: {widht: 100}")
    path = write(tmp_path, "mine.yaml", "base: base.yaml\ndata: {height: 50}")
    with pytest.raises(ConfigError, match=r"base\.yaml: data\.widht: .*'width'"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("training: {epochs: 2", "not valid YAML"),
        ("- a\n- b", "expected sections"),
        ("base: other.yaml", "a.yaml: base: 'other.yaml': no such file relative to"),
        ("base: spotting/tinny", "did you mean 'spotting/tiny'?"),
        ("base: a.yaml", "based on this one"),
        ("training: 3", "training: input should be"),
    ],
)
def test_an_invalid_config_file_is_an_error_in_one_line(tmp_path, text, expected):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, "a.yaml", text))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_file_gives_the_defaults(tmp_path):
    assert load_config(write(tmp_path, "a.yaml", "")) == ExperimentConfig()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model.backbone={name: none}"], r"model\.backbone\.name: 'none' looks at no pixels"),
        (
            ["data.auxiliary.root=v2"],
            r"data\.auxiliary\.root: it is v2, .*--set model\.auxiliary=soccernet-v2",
        ),
        (
            ["model.auxiliary=soccernet-v2", "data.auxiliary.root=v2", "task=classification"],
            r"model\.auxiliary: .*task=spotting, not classification: --set model\.aux",
        ),
        (
            ["model.auxiliary=soccernet-v2", "data.crop={}"],
            r"data\.crop: SoccerNet-v2's matches have no tracks",
        ),
    ],
)
def test_settings_that_exclude_each_other_are_an_error_in_one_line(tmp_path, overrides, expected):
    path = write(tmp_path, "a.yaml", "training: {epochs: 2}")
    with pytest.raises(ConfigError, match=expected) as caught:
        load_config(path, overrides)
    message = str(caught.value)
    assert f"--set {overrides[0]}" in message or f"--set {overrides[1]}" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "model={teams: true, head: {name: linear, team: true}}",
            r"model\.teams: model\.head\.team is for classes without teams: --set model\.teams=false",
        ),
        ("model.classes=[a, A]", r"model\.classes: class 'a' occurs twice, the second time as 'A'"),
        (
            "model.classes=[{name: a, colour: red}]",
            r"model\.classes: colour 'red' is not of the form",
        ),
        ("model.classes=[{name: PASS, colour: '#000000'}]", r"the colour of PASS is #2f7ed8"),
        ("model.classes=[{name: a, color: red}]", r"unknown setting; did you mean 'colour'"),
        ("model.classes=[{name: a, headline: false}]", r"model\.classes: no class counts"),
        (
            "inference.calibration={a: [[0, 0], [1, 1]]}",
            r"inference\.calibration: unknown action 'a': known: PASS, .*model\.classes declares",
        ),
        (
            "model.positions=40",
            r"data\.clip_frames: it is 50, .*model\.positions=40 frames: --set data\.clip_frames=40",
        ),
    ],
)
def test_settings_of_the_net_are_checked_in_one_line(tmp_path, override, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        load_config(write(tmp_path, "a.yaml", ""), [override])
    assert "\n" not in str(caught.value) and "alue error" not in str(caught.value)


def test_a_list_of_classes_is_stored_as_it_was_written(tmp_path):
    classes = "[press won, {name: counter, colour: '#112233', headline: false}, Shot]"
    config = load_config(write(tmp_path, "a.yaml", ""), [f"model.classes={classes}"])
    save_config(config, tmp_path / "b.yaml")
    again = load_config(tmp_path / "b.yaml")
    assert again == config
    assert again.model.actions.names == ("press won", "counter", Action.SHOT)
    assert again.model.actions.headline == ("press won", Action.SHOT)
    assert again.model.actions.colours[1] == "#112233"
    assert yaml.safe_load((tmp_path / "b.yaml").read_text())["model"]["classes"][0] == "press won"


def test_a_net_with_a_second_head_trains_jointly(tmp_path):
    path = write(tmp_path, "a.yaml", "")
    joint = load_config(path, ["model.auxiliary=soccernet-v2", "data.auxiliary.root=v2"])
    assert joint.trains_jointly
    assert not load_config(path).trains_jointly


def test_a_file_whose_settings_exclude_each_other_is_named(tmp_path):
    path = write(tmp_path, "a.yaml", "model: {backbone: {name: none}}")
    with pytest.raises(ConfigError, match=r"a\.yaml: model\.backbone\.name: 'none' looks"):
        load_config(path)


def test_known_settings_of_an_optional_section_are_suggested(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.crop\.palyers: .*did you mean 'players'"):
        load_config(write(tmp_path, "a.yaml", "data: {crop: {palyers: 2}}"))


def test_every_config_of_the_repository_is_built_without_weights_or_memory():
    built = set()
    for path in EXPERIMENTS:
        config = load_config(path)
        model = (config.task, config.model.model_dump_json())
        if model in built:  # by a config that differs in data or training
            continue
        built.add(model)
        with torch.device("meta"):
            net = build_model(config.model, config.task, fetch_weights=False)
        assert all(parameter.is_meta for parameter in net.parameters()), path
        assert (net.backbone.feature_dim > 0) == config.model.takes_frames, path
    assert len(built) > len(EXPERIMENTS) / 3, (len(built), len(EXPERIMENTS))


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda path: path.stem)
def test_a_budget_sets_the_amount_of_training_only(budget):
    path = CONFIGS / "spotting" / "regnety_bilstm.yaml"
    whole, cheap = load_config(path), load_config(path, overlays=[budget])
    assert cheap != whole
    assert cheap.model.temporal == whole.model.temporal and cheap.model.head == whole.model.head
    assert cheap.training.loss == whole.training.loss


def test_overlays_override_the_file_and_overrides_override_both(tmp_path):
    path = write(tmp_path, "a.yaml", "training: {epochs: 2, seed: 3}\ndata: {fps: 25}")
    one = write(tmp_path, "one.yaml", "training: {epochs: 4, seed: 5}")
    two = write(tmp_path, "two.yaml", "training: {epochs: 6}")
    config = load_config(path, ["training.batch_size=7"], [one, two])
    assert (config.training.epochs, config.training.seed) == (6, 5)
    assert (config.training.batch_size, config.data.fps) == (7, 25.0)
    wrong = write(tmp_path, "wrong.yaml", "training: {epoch: 6}")
    with pytest.raises(ConfigError, match=r"wrong\.yaml: training\.epoch: .*'epochs'"):
        load_config(path, overlays=[wrong])


def test_configs_and_overlays_are_listed_with_task_and_description():
    listed = list_configs()
    assert {config.path.resolve() for config in listed} == {
        path.resolve() for path in {*BUDGETS, *EXPERIMENTS} if path.parent != CONFIGS
    }
    for config in listed:
        assert find_config(config.name) == config.path
        assert config_name(config.path) == config.name
        assert 20 < len(config.description) <= 100 and config.description.endswith("."), config
        if config.task is not None:
            assert load_config(config.name).task == config.task
    overlays = [config.name for config in listed if config.task is None]
    budgets = [
        "adaspot_cpu", "adaspot_low_cpu", "clips", "cpu", "demo_backbone", "gpu", "gpu_e2espot",
        "gpu_published", "heads", "tracks",
    ]  # fmt: skip
    assert overlays == [
        *(f"budgets/{name}" for name in budgets),
        *(f"data_sets/{name}" for name in ("footpass", "sn_gar", "soccertrack_v2")),
        "pixels/efficientnet_lite0",
        "pixels/varied",
        "tracks/ballnet",
        "tracks/degraded",
        "tracks/medium",
    ]
    assert listed[-len(overlays) :] == [config for config in listed if config.task is None]


def test_the_folder_of_a_run_is_no_config_and_the_error_names_resume(tmp_path):
    write(tmp_path, "config.yaml", "")
    with pytest.raises(ConfigError, match=r"folder of a training run: add --resume .*config\.yaml"):
        load_config(tmp_path)
    (tmp_path / "inner").mkdir()
    with pytest.raises(ConfigError, match="inner: is a part of the training run"):
        load_config(tmp_path / "inner")


def test_focus_and_displacement_are_set_by_separate_configs():
    focal = load_config(CONFIGS / "spotting" / "regnety_bilstm_focal2.yaml")
    assert focal.training.loss.focal_gamma == 2
    tdeed = load_config(CONFIGS / "spotting" / "regnety_bilstm_tdeed.yaml")
    assert tdeed.model.head.options == {"displacement": 4}
    assert tdeed.training.mixup.probability == 1.0
    clips = load_config(CONFIGS / "classification" / "regnety_augmented.yaml")
    assert (clips.task, clips.training.learning_rate) == ("classification", 4e-4)


def test_regnety_bilstm_has_the_settings_of_the_study():
    config = load_config(CONFIGS / "spotting" / "regnety_bilstm.yaml")
    training = config.training
    assert config.data.size == (398, 224)
    assert (config.data.fps, config.data.clip_frames) == (12.5, 50)
    assert config.model.backbone.name == "regnety_002"
    assert config.model.temporal.options["hidden"] == 256
    assert (training.epochs, training.warmup_epochs, training.batch_size) == (20, 3, 4)
    assert training.learning_rate == pytest.approx(8e-4)
    assert (training.loss.background_weight, training.loss.action_weight) == (1, 5)
