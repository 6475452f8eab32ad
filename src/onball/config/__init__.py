"""Settings of experiments and saved models: their types (`schema`, `augmentation`, `inference`,
`saved_model`), files (`loading`), and the configs that come with onball (`shipped`)."""

from onball.config.augmentation import AugmentationConfig, JitterConfig, MixupConfig
from onball.config.base import BaseConfig, ComponentConfig, Fraction, FractionBelowOne, LayerCount
from onball.config.inference import ClipsConfig, InferenceConfig, SuppressionConfig
from onball.config.loading import config_text, explain, load_config, save_config
from onball.config.saved_model import SavedModelConfig
from onball.config.schema import (
    NO_BACKBONE,
    AuxiliaryDataConfig,
    BallCropConfig,
    DataConfig,
    ExperimentConfig,
    LossConfig,
    ModelConfig,
    PreprocessingConfig,
    Task,
    TrackingConfig,
    TrainingConfig,
)
from onball.config.shipped import ShippedConfig, config_name, find_config, list_configs

__all__ = [
    "NO_BACKBONE",
    "AugmentationConfig",
    "AuxiliaryDataConfig",
    "BallCropConfig",
    "BaseConfig",
    "ClipsConfig",
    "ComponentConfig",
    "DataConfig",
    "ExperimentConfig",
    "Fraction",
    "FractionBelowOne",
    "InferenceConfig",
    "JitterConfig",
    "LayerCount",
    "LossConfig",
    "MixupConfig",
    "ModelConfig",
    "PreprocessingConfig",
    "SavedModelConfig",
    "ShippedConfig",
    "SuppressionConfig",
    "Task",
    "TrackingConfig",
    "TrainingConfig",
    "config_name",
    "config_text",
    "explain",
    "find_config",
    "list_configs",
    "load_config",
    "save_config",
]
