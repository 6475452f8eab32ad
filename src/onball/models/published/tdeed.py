"""T-DEED, and the baseline of SoccerNet's team ball action spotting that is built on it.

Xarles, Escalera, Moeslund, Clapés, "T-DEED: Temporal-Discriminability Enhancer Encoder-Decoder for
Precise Event Spotting in Sports Videos", CVsports 2024. The two challenge models won SoccerNet's ball
action spotting of 2024; they were trained jointly with SoccerNet-v2, whose 17 actions have a
classifier of their own. The baseline of 2025 adds a logit for the team.

The published displacement is positive if the event came earlier, that of this project if it comes
later: its sign is reversed here.
"""

from __future__ import annotations

import re

import torch

from onball.config import InferenceConfig, ModelConfig
from onball.models.published.checkpoints import Origin, PublishedModel, Rule, image_network, negate

#: Published layers of an SGP layer, and those here.
_SGP = {
    "ln": "norm",
    "gn": "feedforward.0",
    "psi": "window.gate",
    "convw": "window.short",
    "convkw": "window.long",
    "global_fc": "instant.clip",
    "fc": "instant.frame",
    "mlp.0": "feedforward.1",
    "mlp.2": "feedforward.3",
}
#: Layers of a mixer; 1 is the skip connection, 2 the coarser input.
_MIXER = {
    "ln1": "norms.0",
    "ln2": "norms.1",
    "gn": "feedforward.0",
    "psi1": "windows.0.gate",
    "psi2": "windows.1.gate",
    "convw1": "windows.0.short",
    "convw2": "windows.1.short",
    "convkw1": "windows.0.long",
    "convkw2": "windows.1.long",
    "global_fc1": "instants.0.clip",
    "global_fc2": "instants.1.clip",
    "fc1": "instants.0.frame",
    "fc2": "instants.1.frame",
    "concat_fc": "fuse",
    "mlp.0": "feedforward.1",
    "mlp.2": "feedforward.3",
}
#: SGP layers in the order of the checkpoint: the encoder's, the coarsest, those after the mixers.
_LAYERS = ("encoder.0", "encoder.1", "bottom", "refine.0", "refine.1")
#: Mixers in the order of the checkpoint, which begins with the finest scale; here it is the last.
_MIXERS = ("decoder.1", "decoder.0")


def _temporal() -> tuple[Rule, ...]:
    groups = (("_sgp", _LAYERS, _SGP), ("_sgpMixer", _MIXERS, _MIXER))
    return tuple(
        Rule(
            rf"_temp_fine\.{kind}\.{index}\.{re.escape(published)}\.(\w+)",
            rf"temporal.{layer}.{here}.\1",
            # Their layer norm keeps the axes of batch and time.
            torch.flatten if published.startswith("ln") else None,
        )
        for kind, layers, names in groups
        for index, layer in enumerate(layers)
        for published, here in names.items()
    )


#: Frames in a clip, at all places where the net or its settings depend on it.
_CLIP_FRAMES = 100

_RULES = (
    Rule("temp_enc", "positions.vectors"),
    *image_network("_features", "backbone.network"),
    *_temporal(),
    Rule(r"_pred_fine\._fc1\._fc_out\.(\w+)", r"head.linear.\1"),
    Rule(r"_pred_fine\._fc2\._fc_out\.(\w+)", r"auxiliary.1.\1"),
    Rule(r"_pred_displ\._fc_out\.(\w+)", r"head.displacement.\1", negate),
    Rule(r"_pred_team\._fc_out\.(\w+)", r"head.team.\1"),
)


def _model(
    name: str, title: str, backbone: str, parameters: int, origin: Origin, *, team: bool = False
) -> PublishedModel:
    return PublishedModel(
        name=name,
        title=title,
        origin=origin,
        parameters=parameters,
        model=ModelConfig.model_validate(
            {
                "backbone": {
                    "name": backbone,
                    "pretrained": False,
                    "shift": "gsf",
                    "shift_variant": "published",
                    "shift_stages": [3, 4],
                },
                "temporal": {"name": "sgp", "variant": "published"},
                "head": {"name": "linear", "displacement": 4, "team": team},
                "auxiliary": "soccernet-v2",
                "positions": _CLIP_FRAMES,
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
                "clips": {"frames": _CLIP_FRAMES, "overlap": 75, "start": -5},
                "suppression": {"method": "soft_nms", "window": 12},
            }
        ),
        rules=_RULES,
    )


_TDEED = "T-DEED (CVsports 2024), SoccerNet ball action spotting, challenge model {}"


def _challenge(number: int) -> Origin:
    return Origin(
        data="SoccerNet ball action spotting, jointly with SoccerNet-v2",
        figure="first place in SoccerNet's ball action spotting challenge of 2024",
        source="the authors' repository, which does not say how the two models were combined",
        code="https://github.com/arturxe2/T-DEED",
        code_licence="GPL-3.0",
        weights="the authors' drive, linked in the README of their code; "
        f"checkpoint_best.pt of SoccerNetBall_challenge{number}",
    )


TDEED_CHALLENGE1 = _model(
    "tdeed-challenge1", _TDEED.format(1), "regnety_002", 12_316_972, _challenge(1)
)
TDEED_CHALLENGE2 = _model(
    "tdeed-challenge2", _TDEED.format(2), "regnety_008", 46_238_248, _challenge(2)
)
TEAM_BASELINE = _model(
    "team-baseline",
    "SoccerNet team ball action spotting, baseline of 2025",
    "regnety_002",
    12_317_341,
    Origin(
        data="SoccerNet team ball action spotting, jointly with SoccerNet-v2",
        figure="mAP@1 53.59, team mAP@1 47.18 on the test split; 58.38 and 51.72 on the challenge "
        "split (the checkpoint may be of another run)",
        source="the authors' repository",
        code="https://github.com/SoccerNet/sn-teamspotting",
        code_licence="GPL-3.0",
        weights="the authors' drive, linked in the README of their code; checkpoint_best.pt",
    ),
    team=True,
)
