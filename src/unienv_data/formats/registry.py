"""Which formats there are. A reader is imported when it is first asked for.

Other distributions add readers by an entry point of the group `unienv_data.formats`, whose name is the
reader's and whose value is the class; a built-in name cannot be taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Reader
from unienv_data.formats.loading import load_class, other_points
from unienv_data.formats.source import Source

__all__ = ["ENTRY_POINT_GROUP", "detect", "format_names", "open_reader", "reader_class"]

ENTRY_POINT_GROUP = "unienv_data.formats"

_BUILT_IN: Mapping[str, str] = {
    "aloha": "unienv_data.formats.readers.aloha:AlohaReader",
    "d4rl": "unienv_data.formats.readers.d4rl:D4rlReader",
    "diffusion_policy": "unienv_data.formats.readers.diffusion_policy.reader:DiffusionPolicyReader",
    "fog_x": "unienv_data.formats.readers.fog_x:FogXReader",
    "hugging_face": "unienv_data.formats.readers.hugging_face:HuggingFaceReader",
    "lerobot_v2": "unienv_data.formats.readers.lerobot.v2.reader:LeRobotV2Reader",
    "lerobot_v30": "unienv_data.formats.readers.lerobot.v30.reader:LeRobotV30Reader",
    "maniskill": "unienv_data.formats.readers.maniskill:ManiSkillReader",
    "mcap": "unienv_data.formats.readers.ros.reader:McapReader",
    "minari": "unienv_data.formats.readers.minari.reader:MinariReader",
    "npz": "unienv_data.formats.readers.npz.reader:NpzReader",
    "parquet": "unienv_data.formats.readers.parquet_table:ParquetReader",
    "rlds": "unienv_data.formats.readers.rlds.reader:RldsReader",
    "robomimic": "unienv_data.formats.readers.robomimic:RobomimicReader",
    "rosbag2": "unienv_data.formats.readers.ros.reader:Rosbag2Reader",
    "unienv": "unienv_data.formats.readers.unienv.reader:UniEnvReader",
    "unienv_data": "unienv_data.formats.readers.own_store.reader:OwnStoreReader",
    "videos": "unienv_data.formats.readers.videos.reader:VideosReader",
}


@cache
def _third_party() -> dict[str, EntryPoint]:
    return other_points(entry_points(group=ENTRY_POINT_GROUP), _BUILT_IN)


def format_names() -> list[str]:
    """The names of all formats, sorted. Imports no reader."""
    return sorted({*_BUILT_IN, *_third_party()})


def reader_class(name: str) -> type[Reader]:
    """The reader of the format `name`.

    Raises:
        ConversionError: no such format, or what another distribution registered is not a reader.
    """
    found = load_class(name, _BUILT_IN, _third_party(), Reader)  # type: ignore[type-abstract]
    if found is None:
        raise ConversionError(f"there is no format {name!r}; known formats: {', '.join(format_names())}")
    return found


def detect(source: Source) -> type[Reader]:
    """The reader whose format the source looks like.

    Raises:
        ConversionError: nothing is there, no format fits, or several do; says what was looked for.
    """
    names = source.files
    readers = []
    broken = []
    for name in format_names():
        try:
            readers.append(reader_class(name))
        except ConversionError as exc:
            if name in _BUILT_IN:
                raise
            broken.append(str(exc))
    fitting = [reader for reader in readers if reader.probe(source)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        choice = " or ".join(f"--from {reader.name}" for reader in fitting)
        raise ConversionError(f"{source.where()} fits several formats; choose one with {choice}")
    looked = "; ".join(f"{reader.name} ({reader.title}): {reader.layout}" for reader in readers)
    here = f"{len(names)} files, such as {', '.join(list(names)[:3])}" if names else "no files at all"
    raise ConversionError(
        f"{source.where()}: no known format was recognized. Looked for {looked}. Found {here}."
        + "".join(f" Also, {problem}." for problem in broken)
        + " If it is one of these under another layout, name it with --from."
    )


def open_reader(
    source: Source, format: str | None = None, options: Mapping[str, str] | None = None
) -> Reader:
    """A reader of the source: of the format named, else of the one detected.

    Raises:
        ConversionError: no such format, or none is recognized.
    """
    cls = detect(source) if format is None else reader_class(format)
    return cls.open(source, options)
