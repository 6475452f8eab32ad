"""Settings: their types, one module per section, and their files (`loading`)."""

from onball.config.augmentation import AugmentationConfig, JitterConfig
from onball.config.components import ComponentConfig, Section, Share, ShareBelowOne
from onball.config.cropping import FrameCropConfig
from onball.config.data import AuxiliaryDataConfig, DataConfig
from onball.config.experiment import ExperimentConfig, SavedModelConfig
from onball.config.inference import InferenceConfig
from onball.config.loading import explain, find_config, load_config, save_config
from onball.config.model import NO_BACKBONE, ModelConfig, PreprocessingConfig, Task, TrackingConfig
from onball.config.training import LossConfig, MixupConfig, TrainingConfig

__all__ = [
    "NO_BACKBONE",
    "AugmentationConfig",
    "AuxiliaryDataConfig",
    "ComponentConfig",
    "DataConfig",
    "ExperimentConfig",
    "FrameCropConfig",
    "InferenceConfig",
    "JitterConfig",
    "LossConfig",
    "MixupConfig",
    "ModelConfig",
    "PreprocessingConfig",
    "SavedModelConfig",
    "Section",
    "Share",
    "ShareBelowOne",
    "Task",
    "TrackingConfig",
    "TrainingConfig",
    "explain",
    "find_config",
    "load_config",
    "save_config",
]
