"""Data sets of ball actions that onball knows: where they are, and what their licences allow.

What is said here was read on the pages of the data sets; their own words are what counts.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from onball.errors import ConfigError

_NDA = (
    "Videos of SoccerNet are for research only, under its non-disclosure agreement: no commercial use, "
    "and they must not be passed on"
)


@dataclass(frozen=True, slots=True)
class DataSource:
    """A published data set.

    Attributes:
        name: its name for `onball data download` and `onball data convert`.
        title: its full name.
        contents: what is in it, in a few words.
        repositories: its repositories on the Hugging Face hub.
        files: patterns of the files that are downloaded unless others are asked for.
        size: about the size of these files.
        licence: its licence, in a few words.
        terms: what the licence allows, in one sentence.
        access: how to get access, one sentence per step; `{page}` is the address of its page.
        paper: where it is described.
        converted: True if `onball data convert` makes it ready to train on; else it is so already.
    """

    name: str
    title: str
    contents: str
    repositories: tuple[str, ...]
    files: tuple[str, ...]
    size: str
    licence: str
    terms: str
    access: tuple[str, ...]
    paper: str
    converted: bool = True

    @property
    def page(self) -> str:
        """Page of its first repository on the public hub."""
        return f"https://huggingface.co/datasets/{self.repositories[0]}"


DATA_SOURCES = {
    source.name: source
    for source in (
        DataSource(
            name="sn-bas-2025",
            title="SoccerNet Ball Action Spotting 2025",
            contents="9 broadcast matches, 12 actions (labels of 7 matches)",
            repositories=("SoccerNet/SN-BAS-2025",),
            files=("*.zip",),
            size="of unknown size",
            licence="SoccerNet's non-disclosure agreement",
            terms=f"{_NDA}.",
            access=(
                "read SoccerNet's terms and sign its non-disclosure agreement: "
                "https://www.soccer-net.org/data",
                "make an account on the hub and ask for access on the page of the data set: {page}",
            ),
            paper="https://www.soccer-net.org/tasks/ball-action-spotting",
            converted=False,
        ),
        DataSource(
            name="soccertrack-v2",
            title="SoccerTrack v2",
            contents="10 university matches in one 4K panorama, 12 actions, tracks of players",
            repositories=("atomscott/soccertrack-v2",),
            files=("*",),
            size="over 54 GB of tracks, besides the videos",
            licence="CC BY 4.0",
            terms=(
                "Free to use, change and pass on, also commercially, if the authors are named and "
                "changes are stated."
            ),
            access=("make an account on the hub and accept the conditions on its page: {page}",),
            paper="https://arxiv.org/abs/2508.01802",
        ),
        DataSource(
            name="sn-gar",
            title="SoccerNet-GAR action spotting (64 matches of the 2022 World Cup)",
            contents="64 broadcast matches at 398×224, 10 actions, positions of players and ball",
            repositories=(
                "OpenSportsLab/SNGAR-Action-Spotting-Video",
                "OpenSportsLab/SNGAR-Action-Spotting-Tracking",
            ),
            files=("*",),
            size="31 GB",
            licence="no licence stated; its page allows internal research",
            terms=(
                "Access is granted by hand, for internal research: ask its owners before anything "
                "of it, or made of it, is passed on or sold."
            ),
            access=(
                "make an account on the hub and ask for access on the pages of both parts: {page}",
            ),
            paper="https://arxiv.org/abs/2511.12606",
        ),
        DataSource(
            name="footpass",
            title="FOOTPASS, SoccerNet Player-Centric Ball-Action Spotting 2026",
            contents="54 broadcast matches, 8 actions with team and shirt number, boxes of players",
            repositories=("SoccerNet/SN-PCBAS-2026",),
            files=("tactical_data_*", "videos_352x640_*.zip"),
            size="of unknown size",
            licence="CC BY-NC 4.0 (annotations), SoccerNet's non-disclosure agreement (videos)",
            terms=(
                "Annotations may be used and passed on if the authors are named, but not commercially. "
                f"{_NDA}."
            ),
            access=(
                "make an account on the hub and accept the conditions on its page: {page}",
                "sign SoccerNet's non-disclosure agreement, which gives the password of the videos: "
                "https://www.soccer-net.org/data",
                "get playbyplay_GT of https://github.com/JeremieOchin/FOOTPASS, if it is there: without "
                "it, labels are read from the tactical data",
            ),
            paper="https://arxiv.org/abs/2511.16183",
        ),
    )
}
"""The data sets, by name."""


def list_data_sources() -> list[DataSource]:
    """Return the data sets that onball knows."""
    return list(DATA_SOURCES.values())


def find_source(name: str) -> DataSource:
    """Return the data set of a name.

    Raises:
        ConfigError: there is none; the message suggests the most similar name.
    """
    if name in DATA_SOURCES:
        return DATA_SOURCES[name]
    close = difflib.get_close_matches(name.casefold(), DATA_SOURCES, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(DATA_SOURCES)}"
    raise ConfigError(f"unknown data set '{name}': {hint}")
