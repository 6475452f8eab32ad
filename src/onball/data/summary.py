"""Statistics of the labels in a data set: per split, and over all of its matches."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onball.actions import ACTIONS, BALL_ACTIONS, ActionSet
from onball.assets import reference_statistics
from onball.data.classes import label_classes
from onball.data.layout import ALL, SPLITS, SPLITS_FILE, find_matches
from onball.data.statistics import ClipCounts, Comparison, PlayStatistics, Reference, compare
from onball.errors import DataError, EmptySplitError, OnballWarning
from onball.events import EventList
from onball.formats.soccernet import read_labels

_UNLISTED = "no split"


@dataclass(frozen=True, slots=True)
class DataStatistics:
    """Statistics of the labels in a data set.

    Attributes:
        labels: annotations by split, then by match.
        clip_frames: sampled frames in the clips that are counted.
        fps: sampled frames per second of these clips.
        splits: statistics of play in each split.
        play: statistics of play over all matches; a match in two splits counts once.
        clips: clips over all matches, and how many of them contain each action.
        classes: the actions that the labels may have.
    """

    labels: Mapping[str, Mapping[str, EventList]]
    clip_frames: int
    fps: float
    splits: Mapping[str, PlayStatistics]
    play: PlayStatistics
    clips: ClipCounts
    classes: ActionSet = BALL_ACTIONS

    @classmethod
    def read(
        cls, root: str | Path, split: str = ALL, *, clip_frames: int = 50, fps: float = 12.5
    ) -> DataStatistics:
        """Count the labelled events of a data set, which needs no videos.

        Args:
            root: folder of the data set.
            split: `train`, `valid`, `test`, `challenge`, or `all`.
            clip_frames: sampled frames in a clip.
            fps: sampled frames per second.

        Raises:
            InputError: what `read_labels_by_split` raises.
        """
        labels = read_labels_by_split(root, split)
        classes = label_classes(root)
        # By name, so that a match in two splits counts once.
        matches = {name: match for found in labels.values() for name, match in found.items()}
        return cls(
            labels=labels,
            clip_frames=clip_frames,
            fps=fps,
            splits={
                name: PlayStatistics.of(found.values(), classes) for name, found in labels.items()
            },
            play=PlayStatistics.of(matches.values(), classes),
            clips=ClipCounts.of(matches.values(), clip_frames, fps, classes),
            classes=classes,
        )

    def compare(self) -> list[Comparison]:
        """Compare all matches with statistics of real annotations, figure by figure.

        Raises:
            DataError: the data set has other classes than the 12 actions.
        """
        if not set(ACTIONS) <= set(self.classes):
            raise DataError(
                f"{self.classes.source}: the statistics of real matches are of the 12 actions, and "
                "this data set has other classes"
            )
        return compare(self.play, Reference.of(reference_statistics()))

    def as_json(self) -> dict[str, Any]:
        """Return the figures of each split, and under `all` those of several splits together."""
        content = {name: play.as_json() for name, play in self.splits.items()}
        if len(self.splits) > 1:
            content[ALL] = self.play.as_json()
        for name, matches in self.labels.items():
            clips = ClipCounts.of(matches.values(), self.clip_frames, self.fps, self.classes)
            content[name]["clips"] = clips.as_json()
        if len(self.splits) > 1:
            content[ALL]["clips"] = self.clips.as_json()
        return content


def read_labels_by_split(root: str | Path, split: str = ALL) -> dict[str, dict[str, EventList]]:
    """Read the annotations of a data set: by split, then by match.

    For `all`, every split with labels has an entry, followed by "no split" for matches that no
    split lists; if nothing assigns matches to splits, the only entry is `all`. Matches without
    labels are left out with an `OnballWarning`.

    Args:
        root: folder of the data set.
        split: `train`, `valid`, `test`, `challenge`, or `all`.

    Raises:
        ConfigError: the split is unknown.
        DataError: the data set has no labelled match of the split, or a listed match is missing.
        LabelError: a label file cannot be read.
    """
    root = Path(root)
    matches = {split: find_matches(root, split)}
    if split == ALL:
        (every,) = matches.values()
        matches = {}
        # Without a file that lists them, a part of the official matches may well be missing.
        missing = EmptySplitError if (root / SPLITS_FILE).is_file() else DataError
        for name in SPLITS:
            try:
                matches[name] = find_matches(root, name)
            except missing:
                continue
        listed = {match.name for found in matches.values() for match in found}
        unlisted = [match for match in every if match.name not in listed]
        if unlisted:
            matches[_UNLISTED if matches else ALL] = unlisted
    actions = label_classes(root)
    labels = {
        name: {m.name: read_labels(m.labels, actions) for m in found if m.labels is not None}
        for name, found in matches.items()
    }
    total = sum(map(len, matches.values()))
    bare = sum(match.labels is None for found in matches.values() for match in found)
    if bare:
        warnings.warn(
            f"{root}: {bare} of {total} matches without labels: left out",
            OnballWarning,
            stacklevel=2,
        )
    labels = {name: found for name, found in labels.items() if found}
    if not labels:
        raise DataError(f"{root}: no labelled match in the split '{split}'")
    return labels
