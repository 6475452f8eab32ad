"""Settings of experiments and saved models: their types (`schema`), files (`loading`), and
the configs that come with onball (`shipped`)."""

from onball.config.loading import config_text, explain, load_config, save_config
from onball.config.saved_model import SavedModelConfig
from onball.config.schema import (
    NO_BACKBONE,
    AugmentationConfig,
    AuxiliaryDataConfig,
    BallCropConfig,
    BaseConfig,
    ComponentConfig,
    DataConfig,
    ExperimentConfig,
    Fraction,
    FractionBelowOne,
    InferenceConfig,
    JitterConfig,
    LossConfig,
    MixupConfig,
    ModelConfig,
    PreprocessingConfig,
    Task,
    TrackingConfig,
    TrainingConfig,
)
from onball.config.shipped import ShippedConfig, find_config, list_configs

__all__ = [
    "NO_BACKBONE",
    "AugmentationConfig",
    "AuxiliaryDataConfig",
    "BallCropConfig",
    "BaseConfig",
    "ComponentConfig",
    "DataConfig",
    "ExperimentConfig",
    "Fraction",
    "FractionBelowOne",
    "InferenceConfig",
    "JitterConfig",
    "LossConfig",
    "MixupConfig",
    "ModelConfig",
    "PreprocessingConfig",
    "SavedModelConfig",
    "ShippedConfig",
    "Task",
    "TrackingConfig",
    "TrainingConfig",
    "config_text",
    "explain",
    "find_config",
    "list_configs",
    "load_config",
    "save_config",
]
