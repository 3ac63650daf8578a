"""Writes recordings of topics by the format's own libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECOND = 10**9
HEADER = """std_msgs/Header header
{fields}
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""
DEFINITIONS: Mapping[str, str] = {
    "sensor_msgs/msg/Image": HEADER.format(
        fields="uint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\nuint8[] data"
    ),
    "sensor_msgs/msg/CompressedImage": HEADER.format(fields="string format\nuint8[] data"),
    "sensor_msgs/msg/JointState": HEADER.format(
        fields="string[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort"
    ),
    "sensor_msgs/msg/CameraInfo": HEADER.format(fields="uint32 height\nuint32 width\nfloat64[9] k"),
    "std_msgs/msg/String": "string data",
    "std_msgs/msg/Float32": "float32 data",
    "test_msgs/msg/Deep": """int8 small
bool flag
char letter
string word
float32[3] fixed
int16[] listed
Point[2] corners
Point one
builtin_interfaces/Duration span
================================================================================
MSG: test_msgs/Point
float64 x
float64[2] yz
string label
================================================================================
MSG: builtin_interfaces/Duration
int32 sec
uint32 nanosec
""",
}


@dataclass(frozen=True)
class Said:
    """A message: of which topic and type, when it was logged and published, and what it says."""

    topic: str
    type: str
    log: int
    message: Mapping[str, Any]
    published: int | None = None


def header(time: int, frame: str = "base") -> dict[str, Any]:
    return {"stamp": {"sec": time // SECOND, "nanosec": time % SECOND}, "frame_id": frame}


def write_mcap(path: Path, said: Sequence[Said], **options: Any) -> Path:
    """An MCAP file; `options` are of mcap's writer."""
    from mcap.writer import CompressionType
    from mcap_ros2.writer import Writer

    path.parent.mkdir(parents=True, exist_ok=True)
    options.setdefault("compression", CompressionType.ZSTD)
    with path.open("wb") as file:
        writer = Writer(file, **options)
        schemas: dict[str, Any] = {}
        for each in said:
            if each.type not in schemas:
                schemas[each.type] = writer.register_msgdef(each.type, DEFINITIONS[each.type])
            published = each.log if each.published is None else each.published
            writer.write_message(each.topic, schemas[each.type], each.message, each.log, published)
        writer.finish()
    return path


def float32(topic: str, *times: int) -> list[Said]:
    """Messages that tell their own number."""
    kind = "std_msgs/msg/Float32"
    return [Said(topic, kind, time, {"data": float(number)}) for number, time in enumerate(times)]


def without_index(path: Path, said: Sequence[Said], options: Mapping[str, Any]) -> Path:
    """An MCAP file whose writer was given other options: without chunks, an index, a summary."""
    from mcap.reader import make_reader
    from mcap.writer import Writer

    whole = write_mcap(path.parent / "whole" / path.name, said)
    with whole.open("rb") as source, path.open("wb") as file:
        writer = Writer(file, **options)
        writer.start("ros2")
        schemas: dict[int, int] = {}
        channels: dict[int, int] = {}
        for schema, channel, message in make_reader(source).iter_messages():
            if schema.id not in schemas:
                schemas[schema.id] = writer.register_schema(schema.name, schema.encoding, schema.data)
            if channel.id not in channels:
                kind = schemas[schema.id]
                channels[channel.id] = writer.register_channel(channel.topic, channel.message_encoding, kind)
            number = channels[channel.id]
            writer.add_message(number, message.log_time, message.data, message.publish_time)
        writer.finish()
    whole.unlink()
    whole.parent.rmdir()
    return path
