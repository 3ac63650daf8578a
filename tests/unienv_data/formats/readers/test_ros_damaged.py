"""What is said of recordings that are damaged, cut off, or cannot become rows; and nothing is left behind."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import requires_imagecodecs, requires_mcap, requires_rosbags
from tests.unienv_data.formats.ros_builder import Said, float32, write_mcap
from unienv_data.cli.app import app
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.opening import open as open_dataset

pytestmark = [requires_mcap, requires_rosbags, requires_imagecodecs]

DATA = Path(__file__).parents[3] / "data"
Damage = Callable[[Path], Any]
RATE = ["--rate", "10"]


def cut(name: str, size: int) -> Damage:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:size])


def flip(name: str, place: int) -> Damage:
    def damage(root: Path) -> None:
        data = bytearray((root / name).read_bytes())
        data[place] ^= 0xFF
        (root / name).write_bytes(data)

    return damage


def rewrite(name: str, old: str, new: str) -> Damage:
    def damage(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return damage


def run_sql(name: str, *statements: str) -> Damage:
    def damage(root: Path) -> None:
        connection = sqlite3.connect(root / name)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return damage


MCAP = "mcap/episode_1.mcap"
DB = "rosbag2/sqlite3_ep0/sqlite3_ep0.db3"
YAML = "rosbag2/sqlite3_ep0/metadata.yaml"

DAMAGES: dict[str, tuple[Damage, list[str], list[str]]] = {
    "mcap cut": (cut(MCAP, 20_000), RATE, ["episode_1.mcap", "cut off", "mcap recover"]),
    "mcap empty": (cut(MCAP, 0), RATE, ["episode_1.mcap", "no MCAP file"]),
    "mcap damaged in a chunk": (flip(MCAP, 5000), RATE, ["episode_1.mcap", "damaged MCAP file"]),
    "no rate": (lambda root: None, [], ["--rate HZ", "--sync-to TOPIC", "/joint_states (50 Hz)"]),
    "both": (lambda root: None, [*RATE, "--sync-to", "/joint_states"], ["not both"]),
    "no such topic": (lambda root: None, ["--sync-to", "/nothing"], ["no topic '/nothing'", "/joint_states"]),
    "no such clock": (lambda root: None, [*RATE, "--option", "time=wall"], ["'wall'", "header was expected"]),
    "no such pattern": (lambda root: None, [*RATE, "--option", "topics=/q*"], ["no topic matches /q*"]),
    "no such option": (lambda root: None, [*RATE, "--option", "fast=1"], ["no option fast", "sync_to"]),
    "a rate of nothing": (lambda root: None, ["--rate", "0"], ["rate"]),
    "no metadata": (lambda root: (root / YAML).unlink(), RATE, ["no metadata.yaml", "ros2 bag reindex"]),
    "metadata of something else": (
        rewrite(YAML, "rosbag2_bagfile_information", "other"),
        RATE,
        [YAML, "no description of a bag"],
    ),
    "metadata that is no yaml": (lambda root: (root / YAML).write_text("{"), RATE, [YAML, "no description"]),
    "wrong counts": (
        rewrite(YAML, "message_count: 60", "message_count: 61"),
        RATE,
        ["counts 61", "60 are there"],
    ),
    "files compressed": (
        rewrite(YAML, "compression_mode: ''", "compression_mode: FILE"),
        RATE,
        ["ros2 bag convert"],
    ),
    "messages that are not compressed": (
        rewrite(YAML, "compression_mode: ''", "compression_mode: MESSAGE"),
        RATE,
        ["sqlite3_ep0", "compressed message is damaged"],
    ),
    "another storage": (
        rewrite(YAML, "storage_identifier: sqlite3", "storage_identifier: x"),
        RATE,
        ["'x'", "mcap"],
    ),
    "no file of the bag": (lambda root: (root / DB).unlink(), RATE, ["sqlite3_ep0.db3", "missing"]),
    "db3 cut": (cut(DB, 3000), RATE, ["sqlite3_ep0.db3", "damaged SQLite file"]),
    "db3 is text": (lambda root: (root / DB).write_text("hello" * 1000), RATE, ["damaged SQLite file"]),
    "db3 of something else": (run_sql(DB, "DROP TABLE messages"), RATE, ["no tables", "no bag"]),
    "another time": (lambda root: None, [*RATE, "--option", "time=publish"], ["time=log or time=header"]),
    "another encoding": (
        run_sql(DB, "UPDATE topics SET serialization_format = 'json' WHERE id = 1"),
        [*RATE, "--option", "topics=/joint_states", "--option", "time=header"],
        ["encoded as json"],
    ),
    "a message cut": (
        run_sql(DB, "UPDATE messages SET data = substr(data, 1, 40) WHERE topic_id = 1 AND id > 10"),
        RATE,
        ["sqlite3_ep0", "/joint_states", "is no sensor_msgs/msg/JointState"],
    ),
    "an unknown type": (
        run_sql(
            DB, "DELETE FROM message_definitions", "UPDATE topics SET type = 'my_msgs/msg/Own' WHERE id = 1"
        ),
        RATE,
        ["no definition of my_msgs/msg/Own"],
    ),
    "a definition that is none": (
        run_sql(DB, "UPDATE message_definitions SET encoded_message_definition = '%%%'"),
        RATE,
        ["the definition of", "is damaged"],
    ),
    "a definition that is no text": (
        run_sql(
            DB,
            "UPDATE message_definitions SET encoded_message_definition = CAST(x'610a0affff0a' AS TEXT)",
        ),
        RATE,
        ["damaged SQLite file: Could not decode to UTF-8"],
    ),
    "a picture that is none": (
        run_sql(DB, "UPDATE messages SET data = zeroblob(500) WHERE topic_id = 2"),
        RATE,
        ["/camera/top/compressed"],
    ),
}


def of_bags(damage: str) -> bool:
    return any(part in damage for part in ("metadata", "counts", "files", "storage", "bag", "db3", "message",
                                           "type",
                                           "encoding", "definition", "picture", "another time"))  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_leaves_nothing(damage: str, tmp_path: Path) -> None:
    act, options, said = DAMAGES[damage]
    source = "rosbag2" if of_bags(damage) else "mcap"
    if source == "mcap":
        shutil.copytree(DATA / "mcap", tmp_path / "mcap")
    else:
        shutil.copytree(DATA / "rosbag2/sqlite3_ep0", tmp_path / "rosbag2/sqlite3_ep0")
    act(tmp_path)
    (tmp_path / "out").mkdir()
    outcome = CliRunner().invoke(
        app, ["convert", str(tmp_path / source), str(tmp_path / "out/x.zarr"), *options]
    )
    assert outcome.exit_code == 2, outcome.output
    assert not list((tmp_path / "out").iterdir())
    message = outcome.stderr.strip()
    assert "\n\n" not in message
    joined = "".join(message.split())
    for part in said:
        assert "".join(part.split()) in joined, message


def failure(root: Path, *options: str) -> str:
    outcome = CliRunner().invoke(app, ["convert", str(root), str(root.with_name("out") / "x.zarr"), *options])
    assert outcome.exit_code == 2, outcome.output
    return " ".join(outcome.stderr.split())


def test_recordings_must_have_the_same_topics(tmp_path: Path) -> None:
    write_mcap(tmp_path / "a.mcap", [*float32("/x", 1, 2), *float32("/y", 1, 2)])
    write_mcap(tmp_path / "b.mcap", float32("/x", 1, 2))
    message = failure(tmp_path, "--rate", "5")
    assert "b.mcap" in message
    assert "no messages of /y" in message


def test_a_topic_has_one_type(tmp_path: Path) -> None:
    write_mcap(tmp_path / "a.mcap", float32("/x", 1, 2))
    write_mcap(tmp_path / "b.mcap", [Said("/x", "std_msgs/msg/String", 1, {"data": "t"})])
    assert "/x is 'std_msgs/msg/String', in a.mcap 'std_msgs/msg/Float32'" in failure(tmp_path, "--rate", "5")


def test_a_topic_without_headers_has_no_time_of_one(tmp_path: Path) -> None:
    write_mcap(tmp_path / "a.mcap", float32("/x", 1, 2))
    assert "have no header" in failure(tmp_path, "--option", "time=header")


def test_vectors_that_change_their_length(tmp_path: Path) -> None:
    def joints(time: int, count: int) -> Said:
        message = {"name": [], "position": [0.5] * count, "velocity": [], "effort": []}
        head = {"header": {"stamp": {"sec": 0, "nanosec": time}, "frame_id": ""}}
        return Said("/j", "sensor_msgs/msg/JointState", time, {**head, **message})

    write_mcap(tmp_path / "first/a.mcap", [joints(1, 3), joints(2, 4)])
    message = failure(tmp_path / "first")
    assert "changes its shape between messages: [3] and [4]" in message
    assert "--exclude 'j.position'" in message
    write_mcap(tmp_path / "second/a.mcap", [joints(1, 3), joints(2, 4), joints(3, 3)])
    assert "has the shape [4], that of the first ones [3]" in failure(tmp_path / "second")


@pytest.mark.parametrize(
    ("act", "options"),
    [
        (cut(MCAP, 20_000), {}),
        (cut(MCAP, 0), {}),
        (flip(MCAP, 5000), {}),
        (flip(MCAP, 5000), {"time": "header"}),
        (lambda root: write_mcap(root / MCAP, float32("/joint_states", 1, 2)), {}),
    ],
    ids=["cut", "empty", "damaged", "damaged, by headers", "other topics"],
)
def test_recordings_that_are_whole_can_be_converted(
    act: Damage, options: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(DATA / "mcap", tmp_path / "mcap")
    act(tmp_path)
    given = ConversionOptions(format_options={"sync_to": "/joint_states", **options}, skip_bad=True)
    run_conversion(plan_conversion(str(tmp_path / "mcap"), str(tmp_path / "x.zarr"), given))
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        names = [episode["source_episode"] for episode in buffer.episodes.to_pylist()]
    assert names == ["episode_0.mcap", "episode_2.mcap", "episode_3.mcap"]


def test_whatever_is_wrong_is_one_paragraph(tmp_path: Path) -> None:
    """What YAML and the grammar of messages say of damage has lines of its own."""
    shutil.copytree(DATA / "rosbag2/sqlite3_ep0", tmp_path / "sqlite3_ep0")
    (tmp_path / "sqlite3_ep0/metadata.yaml").write_text("rosbag2_bagfile_information:\n  a: b: c\n")
    message = failure(tmp_path / "sqlite3_ep0", "--rate", "5")
    assert "no description of a bag: mapping values are not allowed" in message


def test_a_field_that_a_later_recording_lacks(tmp_path: Path) -> None:
    from mcap.writer import Writer

    for name, field in (("a", "data"), ("b", "other")):
        with (tmp_path / f"{name}.mcap").open("wb") as file:
            writer = Writer(file)
            writer.start()
            schema = writer.register_schema("test_msgs/msg/X", "ros2msg", f"float32 {field}".encode())
            channel = writer.register_channel("/x", "cdr", schema)
            for time in (1, 2):
                writer.add_message(channel, time, bytes([0, 1, 0, 0]) + bytes(4), time)
            writer.finish()
    message = failure(tmp_path, "--rate", "5")
    assert "b.mcap" in message
    assert "the messages of /x have other fields than in a.mcap" in message


def test_a_definition_that_lacks_a_type(tmp_path: Path) -> None:
    from mcap.writer import Writer

    with (tmp_path / "a.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema("test_msgs/msg/X", "ros2msg", b"test_msgs/Other inner")
        channel = writer.register_channel("/x", "cdr", schema)
        writer.add_message(channel, 1, bytes([0, 1, 0, 0]), 1)
        writer.finish()
    message = failure(tmp_path, "--rate", "5")
    assert "/x: the definition of test_msgs/msg/X" in message
