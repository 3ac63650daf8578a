"""Which column is what in an episode of Minari's. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unienv_data.errors import ConversionError
from unienv_data.formats.naming import Path, path_name
from unienv_data.formats.tabular.plain import PlainColumn

__all__ = ["ACTIONS", "FLAGS", "INFOS", "OBSERVATIONS", "REWARDS", "Role", "minari_roles"]

OBSERVATIONS, ACTIONS, INFOS = "observations", "actions", "infos"
REWARDS, TERMINATIONS, TRUNCATIONS = "rewards", "terminations", "truncations"
FLAGS = (TERMINATIONS, TRUNCATIONS)

_GROUPS: Mapping[str, str] = {
    "observations": OBSERVATIONS,
    "observation": OBSERVATIONS,
    "obs": OBSERVATIONS,
    "actions": ACTIONS,
    "action": ACTIONS,
    "infos": INFOS,
    "info": INFOS,
}
_LEAVES: Mapping[Path, str] = {
    ("rewards",): REWARDS,
    ("reward",): REWARDS,
    ("next", "reward"): REWARDS,
    ("terminations",): TERMINATIONS,
    ("terminated",): TERMINATIONS,
    ("terminals",): TERMINATIONS,
    ("is_terminal",): TERMINATIONS,
    ("next", "terminated"): TERMINATIONS,
    ("truncations",): TRUNCATIONS,
    ("truncated",): TRUNCATIONS,
    ("timeouts",): TRUNCATIONS,
    ("next", "truncated"): TRUNCATIONS,
}


@dataclass(frozen=True)
class Role:
    """What a column is.

    Args:
        column: which.
        path: where it stands in an episode, such as `observations`, `state`.
        follower: the column that has in each row this one's value of the next; None where there is none.
    """

    column: PlainColumn
    path: Path
    follower: PlainColumn | None = None

    @property
    def has_final(self) -> bool:
        """Whether it has a value after the episode's last row."""
        return self.path[0] == OBSERVATIONS or self.follower is not None


def minari_roles(columns: Sequence[PlainColumn], title: str) -> list[Role]:
    """What each column is, but for those that only follow another.

    Rewards and the two endings are found by the words of several formats, observations and actions by the
    first
    part of their paths; whatever is nothing else is one of the infos.

    Args:
        columns: of the source.
        title: what people call the format, for messages.

    Raises:
        ConversionError: there are no observations or no actions; two columns would have one place, or one
        would
            lie inside another; a name is none that HDF5 takes.
    """
    by_path = {column.path: column for column in columns}
    followers = {
        path: by_path[path_of_next]
        for path in by_path
        if path[0] in _GROUPS and (path_of_next := (f"next_{path[0]}", *path[1:])) in by_path
    }
    skipped = {column.path for column in followers.values()}
    roles = [
        Role(column, _place(column.path), followers.get(column.path))
        for column in columns
        if column.path not in skipped
    ]
    _check(roles, title)
    return roles


def _place(path: Path) -> Path:
    if path in _LEAVES:
        return (_LEAVES[path],)
    if path[0] in _GROUPS:
        return (_GROUPS[path[0]], *path[1:])
    return (INFOS, *path)


def _check(roles: Sequence[Role], title: str) -> None:
    for root, words in ((OBSERVATIONS, "observation, obs"), (ACTIONS, "action")):
        if all(role.path[0] != root for role in roles):
            raise ConversionError(
                f"{title}: there is no column that could be its {root} ({words}), which every episode has; "
                "name "
                f"one: --rename OLD={root}"
            )
    places: dict[Path, PlainColumn] = {}
    for role in roles:
        bad = [part for part in role.path if "/" in part or part in ("", ".", "..")]
        if bad or role.path == (INFOS,):
            raise ConversionError(
                f"{title}: {path_name(role.column.path)} has a part that HDF5 takes for a group, or is "
                "one; give "
                f"it another name (--rename)"
            )
        other = places.setdefault(role.path, role.column)
        if other is not role.column:
            raise ConversionError(
                f"{title}: {path_name(other.path)} and {path_name(role.column.path)} would both be "
                f"{path_name(role.path)}; leave one out (--exclude) or give it another name (--rename)"
            )
    for path in places:
        outer = next((path[:depth] for depth in range(1, len(path)) if path[:depth] in places), None)
        if outer is not None:
            raise ConversionError(
                f"{title}: {path_name(path)} would lie inside {path_name(outer)}; give one another name "
                "(--rename)"
            )
