"""Plans of simulated data sets: named presets, and the seed and video settings of each match."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from onball.errors import InputError
from onball.simulator.rendering import MatchPlan

SPLITS = ("train", "valid", "test")
SIZES = ((398, 224), (480, 270), (640, 360), (854, 480), (1280, 720))
RATES = (25.0, 30000 / 1001, 50.0)
"""Video sizes in pixels and frame rates among which `vary` chooses for each match."""
CRF_RANGE = (20, 36)
"""Lowest and highest constant rate factor of x264, chosen for each match."""
_SEEDS_PER_SPLIT = 1000


@dataclass(frozen=True)
class Preset:
    """A named data set: number of matches per split, minutes and halves per match, seed, video size."""

    counts: dict[str, int]
    minutes: float
    halves: int
    seed: int
    size: tuple[int, int] = (398, 224)


PRESETS: dict[str, Preset] = {
    "tiny": Preset({"train": 2, "valid": 1, "test": 1}, 0.25, 1, 0, (128, 72)),
    "bench": Preset({"train": 4, "valid": 1, "test": 2}, 20.0, 2, 2025),
    "full": Preset({"train": 4, "valid": 1, "test": 2}, 90.0, 2, 2025),
}
"""`tiny` is for tests, `bench` is the benchmark on which systems are compared, and `full` has matches of
real length. The seeds of their matches are fixed."""
DEFAULTS = Preset({"train": 2, "valid": 1, "test": 1}, 10.0, 1, 0)


def plan_dataset(
    seed: int, counts: dict[str, int], plan: MatchPlan, *, vary: bool = False
) -> dict[str, dict[str, MatchPlan]]:
    """Plan the matches of a data set.

    Match k of a split has the same seed for any number of matches, and no two splits or seeds of
    data sets share the seed of a match.

    Args:
        seed: seed of the data set.
        counts: number of matches of each split.
        plan: settings of all matches except the seed. If its `crf` is None, each match gets its own.
        vary: choose size and frame rate for each match.

    Returns:
        For each split, the plans by name of the match, `simulated/seed-<S>/<match>`.

    Raises:
        InputError: if a split has more than 1000 matches.
    """
    splits: dict[str, dict[str, MatchPlan]] = {}
    for index, split in enumerate(SPLITS):
        if not 0 <= counts.get(split, 0) <= _SEEDS_PER_SPLIT:
            raise InputError(
                f"{split}: {counts[split]} matches; 0 to {_SEEDS_PER_SPLIT} are possible"
            )
        splits[split] = {}
        for number in range(counts.get(split, 0)):
            match_seed = (seed * len(SPLITS) + index) * _SEEDS_PER_SPLIT + number
            name = f"simulated/seed-{seed}/{split}-{number + 1:03d} - Home - Away"
            splits[split][name] = _choose_video(replace(plan, seed=match_seed), vary)
    return splits


def _choose_video(plan: MatchPlan, vary: bool) -> MatchPlan:
    """Choose the video settings that the plan leaves open, by its seed."""
    rng = np.random.default_rng([plan.seed, 0xF11])
    crf = int(rng.integers(CRF_RANGE[0], CRF_RANGE[1] + 1))
    if plan.crf is None:
        plan = replace(plan, crf=crf)
    if vary:
        width, height = SIZES[int(rng.integers(len(SIZES)))]
        fps = RATES[int(rng.integers(len(RATES)))]
        plan = replace(plan, width=width, height=height, fps=fps)
    return plan
