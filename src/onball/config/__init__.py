"""Settings: their types (`schema`) and their files (`loading`)."""

from onball.config.components import ComponentConfig, Section, Share, ShareBelowOne
from onball.config.loading import explain, find_config, load_config, save_config
from onball.config.schema import (
    DataConfig,
    ExperimentConfig,
    InferenceConfig,
    JitterConfig,
    ModelConfig,
    PreprocessingConfig,
    SavedModelConfig,
    TrainingConfig,
)

__all__ = [
    "ComponentConfig",
    "DataConfig",
    "ExperimentConfig",
    "InferenceConfig",
    "JitterConfig",
    "ModelConfig",
    "PreprocessingConfig",
    "SavedModelConfig",
    "Section",
    "Share",
    "ShareBelowOne",
    "TrainingConfig",
    "explain",
    "find_config",
    "load_config",
    "save_config",
]
