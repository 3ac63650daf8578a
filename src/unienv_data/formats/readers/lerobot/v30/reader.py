"""The reader of LeRobot v3.0 datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unienv_data.formats.readers.lerobot.episodes import Listing
from unienv_data.formats.readers.lerobot.info import INFO, Info, load_info, version_of
from unienv_data.formats.readers.lerobot.reader import LeRobotReader
from unienv_data.formats.readers.lerobot.v30.metadata import (
    EPISODES,
    FIELDS,
    TASKS,
    load_episodes,
    load_tasks,
    locate_episodes,
)
from unienv_data.formats.source import Source

__all__ = ["LeRobotV30Reader"]


class LeRobotV30Reader(LeRobotReader):
    """Reads LeRobot v3.0."""

    name = "lerobot_v30"
    title = "LeRobot v3.0"
    layout = f"a folder with {INFO}"
    listing = EPISODES
    tasks_file = TASKS

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there is a `meta/info.json` that does not say v2."""
        return INFO in source.files and not version_of(source).lstrip("v").startswith("2")

    def load_info(self) -> Info:
        """Read and check `meta/info.json`."""
        return load_info(self._source, _VERSIONS, "v3.0", FIELDS)

    def load_listing(self, info: Info) -> Listing:
        """The episodes by the tables in `meta/episodes`."""
        table = load_episodes(self._source, info)
        return Listing(locate_episodes(table, info, self._source.where(EPISODES)), table)

    def load_tasks(self) -> Mapping[int, str]:
        """The texts by `meta/tasks.parquet`."""
        return load_tasks(self._source)


_VERSIONS = re.compile(r"v?3\.\d+(\.\d+)?")
