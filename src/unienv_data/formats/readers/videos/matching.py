"""Which videos belong to an episode. Pure functions on names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from unienv_data.formats.readers.videos.tables import stem_of

__all__ = ["SINGLE", "videos_of"]

SINGLE = "video"
"""What a camera is called whose videos say nothing of it."""


def videos_of(key: int | str, videos: Iterable[str], folder: str = "") -> dict[str, str]:
    """The videos of an episode, by camera.

    A video belongs to it if its name, without ending, is the episode's, or begins with it and an underline,
    a dash or a dot; what follows is the camera. Of an episode that is a number, a name with that number as
    its only one does too. Where only the folder tells videos of the same name apart, it is the camera.

    Args:
        key: what the episode is called.
        videos: the names of all videos.
        folder: where the episode's table stands, whose name says nothing of cameras.

    Example:
        >>> videos_of("run_1", ["run_1_left.mp4", "run_1_right.mp4", "run_10_left.mp4"])
        {'left': 'run_1_left.mp4', 'right': 'run_1_right.mp4'}
        >>> videos_of(3, ["top/episode_0003.mp4", "side/episode_0003.mp4"])
        {'top': 'top/episode_0003.mp4', 'side': 'side/episode_0003.mp4'}
    """
    found: dict[str, str] = {}
    for name in videos:
        camera = _camera(key, name, folder)
        if camera is not None:
            found.setdefault(camera, name)
    return found


def _camera(key: int | str, name: str, folder: str) -> str | None:
    stem, place = stem_of(name), name.rpartition("/")[0]
    above = place.rpartition("/")[2] if place != folder else ""
    if stem == str(key):
        return above or SINGLE
    if isinstance(key, int):
        numbers = re.findall(r"\d+", stem)
        return (above or SINGLE) if len(numbers) == 1 and int(numbers[0]) == key else None
    match = re.fullmatch(re.escape(key) + r"[_.-](.+)", stem)
    return match[1] if match else None
