"""Sides of teams: from names of teams in tags to left and right in the image.

A label names the team of its action by the goal that the team defends in the image. Tags name teams, or
home and away, which does not say where they stand. So one thing has to be known: which team defends the
left goal in the first period. Teams change ends after each period, and draw for ends before extra time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onball.data.code_map import code_key
from onball.errors import InputError
from onball.events import Team
from onball.formats.tags import Tag, TagFile

LeftTeams = str | Mapping[int, str] | None
"""Team that defends the left goal in the first period, or teams by period; None if it is not known."""
#: Periods before which ends are drawn; in the period after each, they are changed.
_DRAWN = (1, 3)


@dataclass(frozen=True, slots=True)
class TeamSides:
    """Team that defends the left goal in each period.

    Attributes:
        left: its name by period, as `code_key` writes it.
        notes: remarks for the user.
    """

    left: Mapping[int, str]
    notes: tuple[str, ...] = ()

    def side_of(self, tag: Tag, period: int) -> Team:
        """Return the side of a tag's team; `UNKNOWN` if the tag has none, or the side is not known."""
        team = code_key(tag.team or "")
        if team in (Team.LEFT, Team.RIGHT):
            return Team(team)
        left = self.left.get(period)
        if not team or team == Team.UNKNOWN or left is None:
            return Team.UNKNOWN
        return Team.LEFT if team == left else Team.RIGHT


def find_team_sides(files: Sequence[TagFile], left: LeftTeams = None) -> TeamSides:
    """Find out which team defends the left goal in each period.

    Args:
        files: the tags of a match.
        left: the team on the left in the first period, or by period: a name as in the tags, or
            `home` or `away` for files that name these. By default that of the files, if they say it.

    Returns:
        The sides. Those of extra time are known only if `left` has them.

    Raises:
        InputError: no tag is of the team, or tags are of more than two teams.
    """
    names = _team_names(tag for file in files for tag in file.tags)
    sides = [name for name in names if name not in (Team.LEFT, Team.RIGHT)]
    given = {1: left} if isinstance(left, str) else dict(left or {})
    notes: list[str] = []
    if not given:
        stated = next((file.left for file in files if file.left), None)
        if stated is None:
            if len(sides) == 2:
                notes.append("labels keep the names of teams; --left TEAM adds their sides")
            return TeamSides({}, tuple(notes))
        given = {1: stated}
        notes.append(
            f"in the file, {stated} defends the left goal in the first period: --left names another team"
        )
    if len(sides) > 2:
        shown = ", ".join(names[name] for name in sides[:6])
        raise InputError(
            f"{files[0].path}: tags are of {len(sides)} teams ({shown}), so --left does not say who is "
            "on the right"
        )
    found: dict[int, str] = {}
    for period, name in sorted(given.items()):
        team = _team(name, files, names)
        found[period] = team
        if team not in names:
            tagged = next(iter(names.values()))
            notes.append(
                f"no tag is of the team '{name}', so {tagged} is on the right in period {period}"
            )
        if period in _DRAWN and period + 1 not in given:
            found[period + 1] = _opponent(team, sides)
    return TeamSides(found, tuple(notes))


def _team_names(tags: Iterable[Tag]) -> dict[str, str]:
    """Names of teams by their keys, in the order of their first tags."""
    names: dict[str, str] = {}
    for tag in tags:
        if tag.team and code_key(tag.team) != Team.UNKNOWN:
            names.setdefault(code_key(tag.team), tag.team)
    return names


def _team(name: str, files: Sequence[TagFile], names: Mapping[str, str]) -> str:
    """Key of a team by what the user calls it. Raises `InputError`."""
    key = code_key(name)
    if key in names:
        return key
    stated = {"home": files[0].home, "away": files[0].away}.get(key)
    if stated is not None:
        return code_key(stated)
    if len(names) == 1:
        return key  # only one of the teams is tagged, and the other is on the left
    shown = f"the teams are {', '.join(names.values())}" if names else "tags name no team"
    raise InputError(f"--left: no tag is of the team '{name}': {shown}")


def _opponent(team: str, sides: Sequence[str]) -> str:
    """The other team; a name that no tag has if only one team is tagged."""
    return next((other for other in sides if other != team), f"opponent of {team}")
