"""Which files of a source are recordings."""

from __future__ import annotations

import re

from unienv_data.formats.readers.ros.bag import METADATA
from unienv_data.formats.source import Source

__all__ = ["bag_folders", "mcap_files", "natural"]

_SAID = b"rosbag2_bagfile_information"
_PARTS = (".db3", ".mcap", ".db3.zstd", ".mcap.zstd")


def mcap_files(source: Source) -> list[str]:
    """The names of the MCAP files that are no bag's."""
    if source.is_file:
        return [""] if source.label.endswith(".mcap") else []
    bags = bag_folders(source)
    return [name for name in source.files if name.endswith(".mcap") and _folder(name) not in bags]


def bag_folders(source: Source) -> set[str]:
    """The folders of bags, each with a slash at the end or empty."""
    if source.is_file:
        return set()
    described = {_folder(name) for name in source.files if f"/{name}".endswith(f"/{METADATA}")}
    told = {folder for folder in described if _SAID in source.read(folder + METADATA)}
    return told | {
        _folder(name)
        for name in source.files
        if name.endswith(_PARTS) and (_folder(name) in described or ".db3" in name)
    }


def _folder(name: str) -> str:
    return name[: name.rfind("/") + 1]


def natural(name: str) -> list[tuple[bool, int, str]]:
    """Names with numbers in the order of these: `episode_2` before `episode_10`."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
