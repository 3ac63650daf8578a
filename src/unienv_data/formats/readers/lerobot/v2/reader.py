"""The reader of LeRobot v2.0 and v2.1 datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unienv_data.formats.readers.lerobot.episodes import Listing
from unienv_data.formats.readers.lerobot.info import INFO, Info, load_info, version_of
from unienv_data.formats.readers.lerobot.reader import LeRobotReader
from unienv_data.formats.readers.lerobot.v2.metadata import EPISODES, FIELDS, TASKS, load_listing, load_tasks
from unienv_data.formats.source import Source

__all__ = ["LeRobotV2Reader"]


class LeRobotV2Reader(LeRobotReader):
    """Reads LeRobot v2.0 and v2.1, which differ in how statistics are kept; these are made anew."""

    name = "lerobot_v2"
    title = "LeRobot v2.0, v2.1"
    layout = f"a folder with {INFO} of codebase_version v2.0 or v2.1"
    listing = EPISODES
    tasks_file = TASKS

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there is a `meta/info.json` that says v2."""
        return INFO in source.files and version_of(source).lstrip("v").startswith("2")

    def load_info(self) -> Info:
        """Read and check `meta/info.json`."""
        return load_info(self._source, _VERSIONS, "v2.0 and v2.1", FIELDS)

    def load_listing(self, info: Info) -> Listing:
        """The episodes by `meta/episodes.jsonl`."""
        return load_listing(self._source, info)

    def load_tasks(self) -> Mapping[int, str]:
        """The texts by `meta/tasks.jsonl`."""
        return load_tasks(self._source)


_VERSIONS = re.compile(r"v?2\.[01](\.\d+)?")
