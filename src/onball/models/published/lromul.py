"""MultiDimStacker, winner of SoccerNet's ball action spotting challenge of 2023.

R. Lukin, github.com/lRomul/ball-action-spotting. The final models see 33 grey frames of 1280×720 and
predict two classes, each with a sigmoid, for the frame in the middle. Grey is the luma of the decoded
video, of limited range. A checkpoint holds two sets of weights: the moving average, `nn_state_dict`, is the
one that the authors evaluate.
"""

from __future__ import annotations

import re

from onball.config import InferenceConfig, ModelConfig
from onball.models.published.checkpoints import Origin, PublishedModel, Rule

CLASSES = ("PASS", "DRIVE")

_BLOCK = {
    "conv_pw": "expand",
    "bn1.bn3d": "norm_1",
    "conv_dw": "depthwise",
    "bn2.bn3d": "norm_2",
    "se.conv_reduce": "squeeze",
    "se.conv_expand": "excite",
    "conv_pwl": "reduce",
    "bn3.bn3d": "norm_3",
}

_RULES = (
    Rule(r"conv2d_encoder\.(.+)", r"backbone.network.\1"),
    Rule(r"conv2d_projection\.(.+)", r"backbone.project_2d.\1"),
    *(
        Rule(rf"conv3d_encoder\.(\d+)\.{re.escape(name)}\.(\w+)", rf"backbone.blocks.\1.{here}.\2")
        for name, here in _BLOCK.items()
    ),
    Rule(r"conv3d_projection\.(.+)", r"backbone.project_3d.\1"),
    Rule(r"global_pool\.p", "backbone.power"),
    Rule(r"classifier\.(\w+)", r"head.linear.\1"),
)

STACKER_2023 = PublishedModel(
    name="stacker-2023",
    title="MultiDimStacker (winner of SoccerNet ball action spotting 2023)",
    origin=Origin(
        data="SoccerNet ball action spotting 2023, one model for each of 7 folds",
        figure="mAP@1 86.47 on the challenge split (mean of 7 folds), 87.03 on the test split (out of fold)",
        source="the authors' repository",
        code="https://github.com/lRomul/ball-action-spotting",
        code_licence="MIT",
        weights="the authors' drive, linked in the README of their code; model-EPOCH-SCORE.pth of "
        "ball_finetune_long_004",
    ),
    parameters=6_773_619,
    model=ModelConfig.model_validate(
        {
            "backbone": {"name": "frame_stacker", "pretrained": False, "levels": "limited"},
            "temporal": {"name": "none"},
            "head": {"name": "linear", "independent": True},
            "dropout": 0.2,
            "classes": CLASSES,
            "preprocessing": {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]},
        }
    ),
    fps=25.0,
    width=1280,
    height=720,
    clip_frames=65,
    # Each frame is predicted from the frames around it, and nothing else: no clips.
    inference=InferenceConfig.model_validate(
        {
            "mirror": True,
            "suppression": {"method": "smoothed_peaks", "window": 14, "sigma": 3.0, "margin": 33},
            "threshold": 0.2,
            "report_threshold": 0.2,
        }
    ),
    rules=_RULES,
    place="nn_state_dict",
)
