"""What our own writers say beside the rows, in formats that have no place of their own for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["About"]


@dataclass(frozen=True)
class About:
    """What is known beside the rows.

    Args:
        attributes: of all of it.
        columns: of each column, by its name with dots.
        episodes: of each episode, in order; empty where nothing is said.
        others: what else is said, of the format itself.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    episodes: Sequence[Mapping[str, Any]] = ()
    others: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, document: str | bytes | Any) -> About:
        """What a document says; nothing where it is none of ours.

        Args:
            document: JSON as text, or what it means.
        """
        if isinstance(document, (str, bytes)):
            try:
                document = json.loads(document, parse_constant=str)
            except ValueError:
                return cls()
        if not isinstance(document, dict):
            return cls()
        rest = dict(document)
        attributes, columns = rest.pop("attributes", None), rest.pop("columns", None)
        episodes = rest.pop("episodes", None)
        said = columns.items() if isinstance(columns, dict) else ()
        return cls(
            attributes if isinstance(attributes, dict) else {},
            {name: about for name, about in said if isinstance(about, dict)},
            [each if isinstance(each, dict) else {} for each in episodes]
            if isinstance(episodes, list)
            else (),
            rest,
        )

    def of_episodes(self, count: int) -> list[dict[str, Any]]:
        """What is said of each of `count` episodes: nothing, where it is said of another number of them."""
        if len(self.episodes) != count:
            return [{} for _ in range(count)]
        return [dict(each) for each in self.episodes]
