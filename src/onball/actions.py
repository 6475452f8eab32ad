"""Classes of events: the 12 ball actions of SoccerNet Ball Action Spotting, and lists of others.

Action       one of the 12 actions
Label        the name of any other kind of event
ActionSet    a list of classes: names in class order, colours, and those that count in the headline mean
BALL_ACTIONS the set of the 12 actions

A per-frame classifier of K classes has 1 + K outputs, of which the first is the background. If it
distinguishes the teams it has 1 + 2K: the background, the K classes of the left team and the K of the
right one.
"""

from __future__ import annotations

import colorsys
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Self, TypeAlias

from onball.errors import LabelError


class Action(StrEnum):
    """One of the 12 actions, with SoccerNet's spelling as value and in SoccerNet's order."""

    PASS = "PASS"
    DRIVE = "DRIVE"
    HEADER = "HEADER"
    HIGH_PASS = "HIGH PASS"
    OUT = "OUT"
    CROSS = "CROSS"
    THROW_IN = "THROW IN"
    SHOT = "SHOT"
    BALL_PLAYER_BLOCK = "BALL PLAYER BLOCK"
    PLAYER_SUCCESSFUL_TACKLE = "PLAYER SUCCESSFUL TACKLE"
    FREE_KICK = "FREE KICK"
    GOAL = "GOAL"

    @property
    def order(self) -> int:
        """Position in `ACTIONS`, 0 to 11."""
        return ACTION_INDEX[self]

    @property
    def colour(self) -> str:
        """Colour of the action in overlays and plots, as `#rrggbb`."""
        return ACTION_COLOURS[self]


ACTIONS: tuple[Action, ...] = tuple(Action)
ACTION_INDEX: dict[Action, int] = {action: i for i, action in enumerate(ACTIONS)}
NUM_ACTIONS = len(ACTIONS)

#: Actions of mAP10: all but FREE KICK and GOAL, which are too rare in the test split.
ACTIONS_MAP10: tuple[Action, ...] = ACTIONS[:10]

#: Class of a frame without an action. Class 1 + i is `ACTIONS[i]`.
BACKGROUND = 0
#: Number of classes of a net that does not distinguish the teams.
NUM_CLASSES = 1 + NUM_ACTIONS
#: Number of classes of a net that distinguishes the teams.
NUM_TEAM_CLASSES = 1 + 2 * NUM_ACTIONS
#: Class of frames that no loss takes into account, such as the padding after the end of a video.
IGNORE = -100

#: Colours of the actions. Neighbours in the list differ in hue and in lightness.
ACTION_COLOURS: dict[Action, str] = {
    Action.PASS: "#2f7ed8",
    Action.DRIVE: "#3aa655",
    Action.HEADER: "#e0a100",
    Action.HIGH_PASS: "#17a9b8",
    Action.OUT: "#7f8794",
    Action.CROSS: "#8b5cf6",
    Action.THROW_IN: "#b07d4f",
    Action.SHOT: "#e4572e",
    Action.BALL_PLAYER_BLOCK: "#a3425b",
    Action.PLAYER_SUCCESSFUL_TACKLE: "#d6529c",
    Action.FREE_KICK: "#5b6b1f",
    Action.GOAL: "#c1121f",
}


#: Colour of a label that no `ActionSet` has given one.
NO_COLOUR = "#7f8794"
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE | re.ASCII)
#: Names are separated by commas on the command line; `#` begins a comment in `classes.txt`.
_NOT_IN_NAMES = re.compile(r"[,#\x00-\x1f\x7f]")
#: Longest list of names in a message.
_NAMES_SHOWN = 20


class Label(str):
    """Name of a kind of event that is none of the 12 actions, such as an analyst's own code.

    It is a `str` with the attributes `value` and `colour`, as `Action` is. Labels come from the
    `ActionSet` that declares them; one that is made directly declares itself.

    Attributes:
        colour: `#rrggbb`, for overlays and plots.
    """

    colour: str

    def __new__(cls, name: str, colour: str = NO_COLOUR) -> Self:
        """Create a label.

        Args:
            name: the name. Outer blanks are ignored; case is kept.
            colour: `#rrggbb`, for overlays and plots.

        Raises:
            LabelError: the name is empty, contains a comma, `#` or control characters, or is that of
                one of the 12 actions; or the colour is of another form.
        """
        name = checked_name(name)
        if name.upper() in _ACTION_NAMES:
            raise LabelError(f"'{name}' is one of the 12 actions: use Action('{name.upper()}')")
        label = super().__new__(cls, name)
        label.colour = checked_colour(colour)
        return label

    def __repr__(self) -> str:
        return f"Label({str(self)!r})"

    def __reduce__(self) -> tuple[type[Label], tuple[str, str]]:
        return (Label, (str(self), self.colour))

    @property
    def value(self) -> str:
        """The name as a plain `str`."""
        return str(self)


#: Class of an event.
EventLabel: TypeAlias = Action | Label
_ACTION_NAMES = frozenset(action.value for action in Action)


def checked_name(name: object) -> str:
    """Return the name of a class without outer blanks. Raises `LabelError` if it cannot be one."""
    if not isinstance(name, str):
        raise LabelError(f"the name of a class is text, not {name!r}")
    stripped = name.strip()
    if not stripped:
        raise LabelError("the name of a class is empty")
    if _NOT_IN_NAMES.search(stripped):
        raise LabelError(f"the name of a class contains a comma, '#' or a line break: {stripped!r}")
    return stripped


def checked_colour(colour: object) -> str:
    """Return a colour in lower case. Raises `LabelError` if it is not `#rrggbb`."""
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise LabelError(f"colour {colour!r} is not of the form '#e4572e'")
    return colour.lower()


@dataclass(frozen=True, repr=False)
class ActionSet:
    """List of classes, in the order of a net's outputs; class 0 is the background.

        codes = ActionSet.of(["press won", "counter", "SHOT"], headline=["press won", "counter"])
        codes.parse("Counter")  # Label('counter')
        codes.index("SHOT")     # 2; its class is 3

    Attributes:
        names: the labels; those with the names of the 12 actions are `Action`s.
        headline: the labels that count in the headline mean; mAP10 for the 12 actions.
        source: where the list is from, for messages: a file or a setting; may be empty.
        advice: what to do about a name that is not in the set, for messages; may be empty.

    Use `ActionSet.of`, which converts and checks names.
    """

    names: tuple[EventLabel, ...]
    headline: tuple[EventLabel, ...]
    source: str = field(default="", compare=False)
    advice: str = field(default="", compare=False)

    @classmethod
    def of(
        cls,
        names: Iterable[str],
        colours: Sequence[str | None] | None = None,
        headline: Iterable[str] | None = None,
        *,
        source: str = "",
    ) -> ActionSet:
        """Make a set of names.

        Args:
            names: in class order. One that equals the name of one of the 12 actions, in any case,
                becomes that `Action`.
            colours: `#rrggbb` of each name; None chooses distinct ones. The 12 actions have theirs.
            headline: names that count in the headline mean; None for all of them, or for the ten of
                mAP10 if the names are those of the 12 actions.
            source: where the list is from, for messages.

        Raises:
            LabelError: there is no name, a name is empty or occurs twice (in whatever case), a colour
                is of another form, or a name of `headline` is unknown.
        """
        try:
            checked = [checked_name(name) for name in names]
            if not checked:
                raise LabelError("a list of classes needs at least one name")
            _refuse_duplicates(checked)
            chosen = _colours(checked, [None] * len(checked) if colours is None else colours)
            labels = tuple(map(as_label, checked, chosen))
            made = cls(labels, labels, source)
            if headline is not None:
                wanted = {made.parse(name) for name in headline}
                if not wanted:
                    raise LabelError("no class counts in the headline mean: name at least one")
                return cls(labels, tuple(label for label in labels if label in wanted), source)
        except LabelError as error:
            raise LabelError(f"{source}: {error}" if source else str(error)) from None
        if set(labels) == set(ACTIONS):
            return cls(labels, tuple(label for label in labels if label in ACTIONS_MAP10), source)
        return made

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def _by_name(self) -> dict[str, EventLabel]:
        return {label.value.casefold(): label for label in self.names}

    @property
    def colours(self) -> tuple[str, ...]:
        """Colours of the labels, as `#rrggbb`."""
        return tuple(label.colour for label in self.names)

    @property
    def are_ball_actions(self) -> bool:
        """True for the 12 actions in their order."""
        return self.names == ACTIONS

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[EventLabel]:
        return iter(self.names)

    def __contains__(self, label: object) -> bool:
        return label in self._indices

    def __repr__(self) -> str:
        source = f" of {self.source}" if self.source else ""
        return f"<ActionSet{source}: {self._listed()}>"

    def index(self, label: str) -> int:
        """Return the position of a label, from 0. Raises `LabelError` if it is not in the set."""
        index = self._indices.get(label)
        return self.names.index(self.parse(label)) if index is None else index

    def parse(self, name: str) -> EventLabel:
        """Return the label of a name; case and outer blanks are ignored.

        Raises:
            LabelError: no label has this name. The message suggests the most similar one.
        """
        found = self._by_name.get(name.strip().casefold()) if isinstance(name, str) else None
        if found is not None:
            return found
        close = difflib.get_close_matches(str(name).casefold(), self._by_name, n=1)
        hint = f"did you mean '{self._by_name[close[0]]}'?" if close else f"known: {self._listed()}"
        source = f" (classes of {self.source})" if self.source else ""
        advice = f"; {self.advice}" if self.advice else ""
        raise LabelError(f"unknown action '{name}'{source}: {hint}{advice}")

    def find(self, name: str, beside: ActionSet | None = None) -> EventLabel:
        """Return the label of a name as people write it.

        Case does not matter, nor whether words are joined, by `-`, `_` or nothing. One or more words,
        or their beginnings of at least three letters, are enough if they are of one label only:
        `throw-in`, `highpass`, `tackle`, `head`.

        Args:
            name: the name.
            beside: further labels, for a name that is of no label of this set.

        Raises:
            LabelError: no label, or more than one, has this name. The message makes suggestions.
        """
        if beside is not None:
            try:
                return self.find(name)
            except LabelError:
                return self.union(beside).find(name)
        words = _words(name)
        for label in self.names:
            if "".join(_words(label.value)) == "".join(words):
                return label
        fitting = [label for label in self.names if all(_has_word(label, word) for word in words)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise LabelError(f"action '{name}' may be {' or '.join(fitting)}")
        return self.parse(name)

    def find_all(self, names: str) -> tuple[EventLabel, ...]:
        """Return the labels of a list of names, separated by commas, each as `find` does.

        Raises:
            LabelError: a name is of no label, or there is none.
        """
        return tuple(dict.fromkeys(map(self.find, split_names(names))))

    def ordered(self, labels: Iterable[EventLabel]) -> tuple[EventLabel, ...]:
        """Return distinct labels in the order of this set; others come last, by name."""
        found = set(labels)
        return (*(label for label in self if label in found), *sorted(found.difference(self)))

    def common(self, other: ActionSet) -> ActionSet:
        """Return the classes of this set that are in another one too.

        Raises:
            LabelError: there is none.
        """
        names = tuple(label for label in self if label in other)
        if not names:
            raise LabelError(f"no class in common: {self._listed()}; {other._listed()}")
        headline = tuple(label for label in self.headline if label in other)
        return self if len(names) == len(self) else ActionSet(names, headline or names, self.source)

    def union(self, *others: ActionSet) -> ActionSet:
        """Return this set with the classes of others that it lacks, at its end; case is ignored.

        The source is that of this set, the advice the first that there is.
        """
        known = {label.casefold(): label for label in self}
        for label in (label for other in others for label in other):
            known.setdefault(label.casefold(), label)
        advice = next((one.advice for one in (self, *others) if one.advice), "")
        if len(known) == len(self) and advice == self.advice:
            return self
        return ActionSet(tuple(known.values()), self.headline, self.source, advice)

    def as_json(self) -> list[dict[str, Any]]:
        """Return an object `{name, colour, headline}` for each class; `from_json` reverses it."""
        return [
            {"name": label.value, "colour": label.colour, "headline": label in self.headline}
            for label in self.names
        ]

    @classmethod
    def from_json(cls, classes: object, *, source: str = "") -> ActionSet:
        """Read a list of names, or of objects `{name, colour, headline}` of which only name is needed.

        Raises:
            LabelError: as `of`; or it is no such list.
        """
        if not isinstance(classes, list):
            raise LabelError(f"{source + ': ' if source else ''}classes are not a list")
        names, colours, headline, chosen = [], [], [], False
        for number, entry in enumerate(classes, start=1):
            fields = {"name": entry} if isinstance(entry, str) else entry
            if not isinstance(fields, Mapping) or not isinstance(fields.get("name"), str):
                where = f"{source + ': ' if source else ''}class {number}"
                raise LabelError(f"{where} is neither a name nor an object with a name")
            names.append(fields["name"])
            colours.append(fields.get("colour"))
            chosen |= fields.get("headline") is not None
            if fields.get("headline") in (None, True):
                headline.append(fields["name"])
        return cls.of(names, colours, headline if chosen else None, source=source)

    def _listed(self) -> str:
        more = f" and {len(self) - _NAMES_SHOWN} more" if len(self) > _NAMES_SHOWN else ""
        return ", ".join(self.names[:_NAMES_SHOWN]) + more


def _refuse_duplicates(names: Sequence[str]) -> None:
    first: dict[str, str] = {}
    for name in names:
        other = first.get(name.casefold())
        if other is not None:
            spelling = "" if other == name else f", the second time as '{name}'"
            raise LabelError(f"class '{other}' occurs twice{spelling}")
        first[name.casefold()] = name


def as_label(name: object, colour: str = NO_COLOUR) -> EventLabel:
    """Return the `Action` with a name, in any case, or else a `Label`. Raises `LabelError`."""
    name = checked_name(name)
    return Action(name.upper()) if name.upper() in _ACTION_NAMES else Label(name, colour)


def _colours(names: Sequence[str], given: Sequence[str | None]) -> list[str]:
    """Colours of names: of the 12 actions their own, of others those given, else distinct ones."""
    if len(given) != len(names):
        raise LabelError(f"{len(given)} colours for {len(names)} classes")
    colours: list[str | None] = []
    for name, colour in zip(names, given, strict=True):
        own = ACTION_COLOURS[Action(name.upper())] if name.upper() in _ACTION_NAMES else None
        if own is not None and colour is not None and checked_colour(colour) != own:
            raise LabelError(f"the colour of {name.upper()} is {own}: leave it out")
        colours.append(own or (None if colour is None else checked_colour(colour)))
    distinct = _distinct_colours([colour for colour in colours if colour is not None])
    return [colour or next(distinct) for colour in colours]


def _distinct_colours(taken: Sequence[str]) -> Iterator[str]:
    """Yield colours that are not in use: those of the 12 actions, then the most different ones."""
    spare = [colour for colour in ACTION_COLOURS.values() if colour not in taken]
    yield from spare
    used = [*taken, *spare]
    nearest = {one: min(_distance(one, other) for other in used) for one in _CANDIDATES}
    while True:
        chosen = max(nearest, key=nearest.__getitem__)
        yield chosen
        nearest = {one: min(old, _distance(one, chosen)) for one, old in nearest.items()}


def _distance(one: str, other: str) -> float:
    """Squared distance of two colours, weighted by how well each channel is seen ("redmean")."""
    (r, g, b), (s, h, c) = (_channels(colour) for colour in (one, other))
    red = (r + s) / 2
    return (
        (2 + red / 256) * (r - s) ** 2 + 4 * (g - h) ** 2 + (2 + (255 - red) / 256) * (b - c) ** 2
    )


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


#: Colours that can be read on white and on black, and with white text on them.
_CANDIDATES = tuple(
    "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue / 24, light, full))
    for hue in range(24)
    for light in (0.35, 0.45, 0.55)
    for full in (0.4, 0.7)
)


def split_names(names: str) -> list[str]:
    """Split a list of names, separated by commas. Raises `LabelError` if there is none."""
    split = [name.strip() for name in names.split(",") if name.strip()]
    if not split:
        raise LabelError(f"no action in '{names}': write for example SHOT,GOAL")
    return split


def _words(name: str) -> list[str]:
    return re.split(r"[\s_-]+", name.strip().upper())


def _has_word(label: EventLabel, beginning: str) -> bool:
    words = _words(label.value)
    return len(beginning) >= 3 and any(word.startswith(beginning) for word in words)


#: The 12 actions; their headline mean is mAP10.
BALL_ACTIONS = ActionSet.of(ACTIONS)


def parse_action(name: str) -> Action:
    """Parse the name of one of the 12 actions, as `ActionSet.parse`. Raises `LabelError`."""
    return Action(BALL_ACTIONS.parse(name))


def find_action(name: str) -> Action:
    """Parse the name of one of the 12 actions as people write it, as `ActionSet.find`.

    Raises:
        LabelError: no action, or more than one, has this name. The message makes suggestions.
    """
    return Action(BALL_ACTIONS.find(name))


def find_actions(names: str) -> tuple[Action, ...]:
    """Parse a list of the 12 actions, separated by commas, each as `find_action` does.

    Raises:
        LabelError: a name is of no action, or there is none.
    """
    return tuple(Action(label) for label in BALL_ACTIONS.find_all(names))
