"""E2E-Spot: a RegNetY with gate-shift modules and a bidirectional GRU.

Hong et al., "Spotting Temporally Precise, Fine-Grained Events in Video", ECCV 2022. The checkpoints
for SoccerNet-v2 predict its 17 actions at two frames per second.
"""

from __future__ import annotations

from onball.config import InferenceConfig, ModelConfig
from onball.models.published.checkpoints import Origin, PublishedModel, Rule, image_network

#: The actions of SoccerNet-v2 in the order of the checkpoints, which is alphabetical.
CLASSES = (
    "Ball out of play",
    "Clearance",
    "Corner",
    "Direct free-kick",
    "Foul",
    "Goal",
    "Indirect free-kick",
    "Kick-off",
    "Offside",
    "Penalty",
    "Red card",
    "Shots off target",
    "Shots on target",
    "Substitution",
    "Throw-in",
    "Yellow card",
    "Yellow->red card",
)

#: Frames in a clip, at all places where the net or its settings depend on it.
_CLIP_FRAMES = 100

_RULES = (
    *image_network("_features", "backbone.network"),
    Rule(r"_pred_fine\._gru\.(\w+)", r"temporal.gru.\1"),
    Rule(r"_pred_fine\._fc_out\._fc_out\.(\w+)", r"head.linear.\1"),
)


def _model(
    name: str, backbone: str, features: int, parameters: int, weights: str
) -> PublishedModel:
    return PublishedModel(
        name=name,
        title="E2E-Spot (ECCV 2022), SoccerNet-v2",
        origin=Origin(
            data="SoccerNet-v2",
            code="https://github.com/jhong93/spot",
            code_licence="BSD-3-Clause",
            weights=f"repository jhong93/e2e-spot-models, {weights}",
        ),
        parameters=parameters,
        model=ModelConfig.model_validate(
            {
                "backbone": {
                    "name": backbone,
                    "pretrained": False,
                    "shift": "gsm",
                    "shift_variant": "published",
                },
                "temporal": {"name": "bigru", "hidden": features},
                "classes": CLASSES,
            }
        ),
        fps=2.0,
        width=398,
        height=224,
        clip_frames=_CLIP_FRAMES,
        inference=InferenceConfig.model_validate(
            {
                # As a stream, windows are as long.
                "window_frames": _CLIP_FRAMES,
                "clips": {"frames": _CLIP_FRAMES, "overlap": 50, "start": -5, "outside": "mean"},
                "suppression": {"method": "keep_highest", "window": 2},
            }
        ),
        rules=_RULES,
    )


E2ESPOT_200MF = _model(
    "e2espot-rny002",
    "regnety_002",
    368,
    4_458_368,
    "checkpoint_088.pt of soccer_rny002gsm_gru_rgb",
)
E2ESPOT_800MF = _model(
    "e2espot-rny008",
    "regnety_008",
    768,
    12_636_574,
    "checkpoint_140.pt of soccer_rny008gsm_gru_rgb",
)
