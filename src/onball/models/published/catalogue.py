"""List of the published models that this project computes."""

from __future__ import annotations

import difflib

from onball.errors import ModelError
from onball.models.published import adaspot, e2espot, lromul, tdeed
from onball.models.published.checkpoints import PublishedModel

#: Published models by name.
PUBLISHED: dict[str, PublishedModel] = {
    model.name: model
    for model in (
        adaspot.ADASPOT_SMALL,
        adaspot.ADASPOT_BIG,
        tdeed.TDEED_CHALLENGE1,
        tdeed.TDEED_CHALLENGE2,
        tdeed.TEAM_BASELINE,
        e2espot.E2ESPOT_200MF,
        e2espot.E2ESPOT_800MF,
        lromul.STACKER_2023,
    )
}


def list_models() -> list[PublishedModel]:
    """Return the published models that onball computes, with facts about their weights."""
    return list(PUBLISHED.values())


def find_published(name: str) -> PublishedModel:
    """Return the published model of that name.

    Raises:
        ModelError: there is none; the message names the nearest one.
    """
    if name in PUBLISHED:
        return PUBLISHED[name]
    close = difflib.get_close_matches(name, PUBLISHED, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(PUBLISHED)
    raise ModelError(f"no published model '{name}'; {hint}")
