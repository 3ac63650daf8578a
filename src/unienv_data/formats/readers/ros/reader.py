"""Readers of recordings of topics: MCAP files, and ROS 2 bags."""

from __future__ import annotations

from unienv_data.formats.readers.ros.bag import Bag
from unienv_data.formats.readers.ros.finding import bag_folders, mcap_files, natural
from unienv_data.formats.readers.ros.mcap_file import McapFile
from unienv_data.formats.readers.ros.recording import Recording
from unienv_data.formats.readers.ros.topics_reader import RosReader
from unienv_data.formats.source import Source

__all__ = ["McapReader", "Rosbag2Reader"]


class McapReader(RosReader):
    """Reads MCAP files of ROS 2 messages, an episode each."""

    name = "mcap"
    title = "MCAP"
    layout = "an .mcap file, or a folder of such files without a metadata.yaml"
    extensions = (".mcap",)

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are .mcap files that are no bag's."""
        return bool(mcap_files(source))

    def _find(self) -> list[Recording]:
        return [McapFile(self._source, name) for name in sorted(mcap_files(self._source), key=natural)]


class Rosbag2Reader(RosReader):
    """Reads ROS 2 bags, an episode each: folders of metadata.yaml and SQLite or MCAP files."""

    name = "rosbag2"
    title = "ROS 2 bag"
    layout = "a folder with metadata.yaml and .db3 or .mcap files, or a folder of such folders"

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are the files of bags."""
        return bool(bag_folders(source))

    def _find(self) -> list[Recording]:
        return [Bag(self._source, folder) for folder in sorted(bag_folders(self._source), key=natural)]
