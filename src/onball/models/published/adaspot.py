"""AdaSpot: twin RegNetY networks with gate-shift-fuse, and a bidirectional GRU.

Xarles et al., "AdaSpot", CVPR 2026. The models for SoccerNet ball action spotting predict ten of the
twelve actions: FREE KICK and GOAL are left out.
"""

from __future__ import annotations

from onball.config import InferenceConfig, ModelConfig
from onball.models.published.checkpoints import Origin, PublishedModel, Rule, image_network

#: The ten actions in the order of the checkpoints.
CLASSES = (
    "PASS",
    "DRIVE",
    "HEADER",
    "HIGH PASS",
    "OUT",
    "CROSS",
    "THROW IN",
    "SHOT",
    "BALL PLAYER BLOCK",
    "PLAYER SUCCESSFUL TACKLE",
)

#: Frames in a clip, at all places where the net or its settings depend on it.
_CLIP_FRAMES = 100

_RULES = (
    Rule("temp_enc", "positions.vectors"),
    *image_network("lowres_backbone", "backbone.low.network"),
    *image_network("highres_backbone", "backbone.high.network"),
    Rule(r"lowres_linear\.(.+)", r"backbone.project_low.\1"),
    Rule(r"highres_linear\.(.+)", r"backbone.project_high.\1"),
    Rule(r"_temp_fine\.(\w+)", r"temporal.gru.\1"),
    Rule(r"_pred_fine\._fc_out\.(\w+)", r"head.linear.\1"),
    Rule(r"_temp_fine_lowres\.(\w+)", r"branches.0.temporal.gru.\1"),
    Rule(r"_pred_fine_lowres\._fc_out\.(\w+)", r"branches.0.linear.\1"),
    Rule(r"_temp_fine_highres\.(\w+)", r"branches.1.temporal.gru.\1"),
    Rule(r"_pred_fine_highres\._fc_out\.(\w+)", r"branches.1.linear.\1"),
)


_ORIGIN = Origin(
    data="SoccerNet ball action spotting",
    figure="56.2 mAP10 on SoccerNet ball action spotting, for one of the sizes",
    source="the paper, CVPR 2026",
    code="https://github.com/arturxe2/AdaSpot",
    code_licence="MIT",
    weights="Hugging Face hub, arturxe/AdaSpot",
    hub="arturxe/AdaSpot",
    path_words=("soccernetball",),
)


def _model(name: str, network: str, features: int, parameters: int) -> PublishedModel:
    return PublishedModel(
        name=name,
        title="AdaSpot (CVPR 2026), SoccerNet ball action spotting",
        origin=_ORIGIN,
        parameters=parameters,
        model=ModelConfig.model_validate(
            {
                "backbone": {"name": "adaspot", "network": network, "pretrained": False},
                "temporal": {"name": "bigru", "hidden": features},
                "classes": CLASSES,
                "positions": _CLIP_FRAMES,
                "branch_heads": True,
            }
        ),
        fps=12.5,
        width=796,
        height=448,
        clip_frames=_CLIP_FRAMES,
        inference=InferenceConfig.model_validate(
            {
                # As a stream, windows are as long.
                "window_frames": _CLIP_FRAMES,
                "clips": {"frames": _CLIP_FRAMES, "overlap": 50, "start": -5},
                "suppression": {"method": "soft_nms", "window": 12},
                # The threshold of the authors' program for single videos.
                "report_threshold": 0.2,
            }
        ),
        rules=_RULES,
    )


ADASPOT_SMALL = _model("adaspot-small", "regnety_002", 368, 10_853_769)
ADASPOT_BIG = _model("adaspot-big", "regnety_004", 440, 15_311_209)
