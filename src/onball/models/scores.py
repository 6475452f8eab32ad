"""`DenseScores`: what a spotting net says about every frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from onball.classes import BACKGROUND, NUM_TEAM_CLASSES


@dataclass(frozen=True, slots=True)
class DenseScores:
    """What the net says about every frame.

    Attributes:
        logits: `[B, T, 13]`, background first, then the 12 actions in their order; or `[B, T, 25]`,
            background, the 12 of the left team, the 12 of the right one.
        displacement: `[B, T]`, sampled frames from this frame to the event that it tells of:
            positive if the event comes later. None if the head does not say.
        offsets: `[B, T, 2]`, sampled frames back to the start and on to the end of that event's
            stretch, both ≥ 0 within it. None if the head does not say.
        auxiliary: `[B, T, 18]`, logits of the second label set, background first; or None.
    """

    logits: Tensor
    displacement: Tensor | None = None
    offsets: Tensor | None = None
    auxiliary: Tensor | None = None

    def probabilities(self) -> Tensor:
        """Softmax over all classes, of the logits' shape, float32; background first."""
        return self.logits.float().softmax(dim=-1)

    def action_probabilities(self) -> Tensor:
        """The probabilities of the 12 actions, of either team, `[B, T, 12]`, as in `ACTIONS`."""
        actions = self.probabilities()[..., BACKGROUND + 1 :]
        if self.tells_teams:
            left, right = actions.chunk(2, dim=-1)
            return left + right
        return actions

    @property
    def tells_teams(self) -> bool:
        """True if the classes tell the left team's actions from the right one's."""
        return self.logits.shape[-1] == NUM_TEAM_CLASSES

    def outputs(self) -> Tensor:
        """All that is averaged where windows overlap, `[B, T, F]`, float32.

        The 12 actions' probabilities; then, if the net tells teams, those of the left team's 12;
        then, if it gives displacements, one.
        """
        parts = [self.action_probabilities()]
        if self.tells_teams:
            parts.append(self.probabilities()[..., BACKGROUND + 1 :].chunk(2, dim=-1)[0])
        if self.displacement is not None:
            parts.append(self.displacement.float().unsqueeze(-1))
        return torch.cat(parts, dim=-1)
