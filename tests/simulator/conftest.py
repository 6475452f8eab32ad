"""Matches for several test modules, because simulating one takes seconds."""

from __future__ import annotations

import os

import pytest

from onball.simulator.play.match import play_match
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.simulator.world import Motion

MINUTES = 8
SEEDS = (1, 2)  # together they contain all twelve actions


@pytest.fixture(scope="session")
def matches(make_once) -> list[Motion]:
    """Two matches with two halves of four minutes each."""

    def play(seed: int) -> Motion:
        return make_once(
            f"simulated-match-{seed}", lambda: play_match(seed, MINUTES * 60_000, halves=2)
        )

    # Two processes of pytest-xdist begin with one match each, so that neither waits for the other.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    made = {seed: play(seed) for seed in (SEEDS if worker == "gw0" else SEEDS[::-1])}
    return [made[seed] for seed in SEEDS]


@pytest.fixture(scope="session")
def renderers(matches) -> list[MatchRenderer]:
    """Renderers of the same matches with small frames."""
    return [
        MatchRenderer(
            MatchPlan(seed, MINUTES * 60_000, width=128, height=72, halves=2), motion=motion
        )
        for seed, motion in zip(SEEDS, matches, strict=True)
    ]
