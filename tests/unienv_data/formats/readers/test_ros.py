"""Recordings of topics as rows: the samples against their own libraries, and all kinds of fields."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import requires_imagecodecs, requires_mcap, requires_rosbags
from tests.unienv_data.formats.reading import read_columns
from tests.unienv_data.formats.ros_builder import SECOND, Said, float32, header, without_index, write_mcap
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Facts, Source, detect, open_reader
from unienv_data.opening import open as open_dataset

pytestmark = [requires_mcap, requires_rosbags, requires_imagecodecs]

DATA = Path(__file__).parents[3] / "data"
MCAP, BAGS = DATA / "mcap", DATA / "rosbag2"
JOINTS, CAMERA = "/joint_states", "/camera/top/compressed"


def read(root: Path, target_bytes: int = 1 << 20, **options: str) -> tuple[Facts, dict[str, NDArray[Any]]]:
    with open_reader(Source(str(root)), options=options) as reader:
        facts = reader.facts()
        names = [column.name for column in facts.columns]
        reader.check(names, range(len(facts.lengths)))
        return facts, read_columns(reader, names, range(len(facts.lengths)), target_bytes)


def spans(facts: Facts) -> list[slice]:
    ends = np.cumsum(facts.lengths).tolist()
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@pytest.mark.parametrize("target_bytes", [1, 100_000, 1 << 24])
def test_mcap_equals_its_own_reader(target_bytes: int) -> None:
    """By the time of publishing both topics begin together, so that every message has its row."""
    facts, columns = read(MCAP, target_bytes, sync_to=JOINTS, time="publish")
    expected = json.loads((MCAP / "EXPECT.json").read_text())["files"]
    assert facts.episodes["source_episode"].to_pylist() == list(expected)
    for span, said in zip(spans(facts), expected.values(), strict=True):
        positions = columns["joint_states.position"][span]
        assert hashlib.sha256(positions.tobytes()).hexdigest()[:16] == said["position"]["sha256"]
        assert list(positions.shape) == said["position"]["shape"]
    by_name = {column.name: column for column in facts.columns}
    assert by_name["joint_states.position"].attributes["names"][:2] == ["j0", "j1"]
    assert by_name["camera.top.compressed.data"].path == ("camera", "top", "compressed", "data")
    assert facts.attributes["topics"][JOINTS] == "sensor_msgs/msg/JointState"


def test_rows_show_the_last_message_by_mcaps_own_reader() -> None:
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    facts, columns = read(MCAP, sync_to=JOINTS)
    start = 0
    for name in facts.episodes["source_episode"].to_pylist():
        seen: dict[str, Any] = {}
        rows = 0
        with (MCAP / name).open("rb") as file:
            reader = make_reader(file, decoder_factories=[DecoderFactory()])
            for _, channel, message, decoded in reader.iter_decoded_messages():
                seen[channel.topic] = message.log_time, decoded
                if channel.topic != JOINTS or CAMERA not in seen:
                    continue
                row = start + rows
                rows += 1
                logged, image = seen[CAMERA]
                assert columns["time"][row] == message.log_time
                assert columns["camera.top.compressed.age"][row] == message.log_time - logged
                assert columns["joint_states.age"][row] == 0
                assert columns["joint_states.velocity"][row].tolist() == list(decoded.velocity)
                frame = imagecodecs.jpeg8_decode(bytes(image.data))
                np.testing.assert_array_equal(columns["camera.top.compressed.data"][row], frame)
                stamp = image.header.stamp
                assert (
                    columns["camera.top.compressed.header.stamp"][row] == stamp.sec * SECOND + stamp.nanosec
                )
        assert rows == facts.lengths[facts.episodes["source_episode"].to_pylist().index(name)]
        start += rows


def test_bags_equal_their_own_reader() -> None:
    from rosbags.highlevel import AnyReader

    facts, columns = read(BAGS, rate="30")
    assert facts.episodes["source_episode"].to_pylist() == [
        "mcap_ep0",
        "mcap_ep1",
        "sqlite3_ep0",
        "sqlite3_ep1",
    ]
    assert facts.attributes["fps"] == 30.0
    for name, span in zip(facts.episodes["source_episode"].to_pylist(), spans(facts), strict=True):
        said: dict[str, list[tuple[int, Any]]] = {}
        with AnyReader([BAGS / name]) as bag:
            for connection, time, raw in bag.messages():
                said.setdefault(connection.topic, []).append((time, bag.deserialize(raw, connection.msgtype)))
        begin = max(each[0][0] for each in said.values())
        rows = columns["time"][span].tolist()
        assert rows == [begin + round(k * SECOND / 30) for k in range(len(rows))]
        assert rows[-1] <= max(each[-1][0] for each in said.values()) < rows[-1] + SECOND / 30
        for row, time in enumerate(rows):
            shown = {topic: [each for each in told if each[0] <= time][-1] for topic, told in said.items()}
            assert columns["joint_states.age"][span][row] == time - shown[JOINTS][0]
            assert columns["joint_states.position"][span][row].tolist() == shown[JOINTS][1].position.tolist()
            frame = imagecodecs.jpeg8_decode(shown[CAMERA][1].data.tobytes())
            np.testing.assert_array_equal(columns["camera.top.compressed.data"][span][row], frame)


def test_both_storages_of_a_bag_give_the_same_rows() -> None:
    facts, columns = read(BAGS, sync_to=JOINTS)
    first, second, third, fourth = spans(facts)
    for values in columns.values():
        np.testing.assert_array_equal(values[first], values[third])
        np.testing.assert_array_equal(values[second], values[fourth])


def test_conversion_keeps_the_images_as_they_are(tmp_path: Path) -> None:
    assert detect(Source(str(BAGS))).name == "rosbag2"
    assert detect(Source(str(MCAP / "episode_0.mcap"))).name == "mcap"
    options = ConversionOptions(format_options={"rate": "10"})
    plan = plan_conversion(str(MCAP), str(tmp_path / "x.zarr"), options)
    assert [planned.name for planned in plan.columns if planned.is_copied] == ["camera.top.compressed.data"]
    run_conversion(plan)
    facts, columns = read(MCAP, rate="10")
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        rows: Any = buffer[0 : len(buffer)]
        assert len(buffer.episodes) == 4
    assert len(rows["time"]) == facts.rows
    np.testing.assert_array_equal(
        rows["camera"]["top"]["compressed"]["data"], columns["camera.top.compressed.data"]
    )


def deep(number: int, time: int) -> Said:
    point = {"x": float(number), "yz": [1.0, 2.0], "label": "p"}
    message = {
        "small": -number, "flag": bool(number % 2), "letter": number, "word": f"é{number}",
        "fixed": [0.5, number, -1.0], "listed": [number, 7],
        "corners": [point, {**point, "x": -1.0, "label": "é"}],
        "one": point, "span": {"sec": 1, "nanosec": number},
    }  # fmt: skip
    return Said("/deep", "test_msgs/msg/Deep", time, message)


def test_fields_of_every_kind(tmp_path: Path) -> None:
    write_mcap(tmp_path / "x.mcap", [deep(number, 10 * number) for number in range(5)])
    facts, columns = read(tmp_path)
    assert facts.lengths == (5,)
    assert columns["deep.small"].tolist() == [0, -1, -2, -3, -4]
    kinds = {name.removeprefix("deep."): (str(rows.dtype), rows.shape[1:]) for name, rows in columns.items()}
    assert kinds == {
        "time": ("int64", ()), "age": ("int64", ()), "small": ("int8", ()), "flag": ("bool", ()),
        "letter": ("uint8", ()), "word": ("object", ()),
        "fixed": ("float32", (3,)), "listed": ("int16", (2,)),
        "corners.x": ("float64", (2,)), "corners.yz": ("float64", (2, 2)), "one.x": ("float64", ()),
        "one.yz": ("float64", (2,)), "one.label": ("object", ()), "span": ("int64", ()),
        "corners.label": ("object", ()),
    }  # fmt: skip
    assert columns["deep.word"].tolist() == ["é0", "é1", "é2", "é3", "é4"]
    assert columns["deep.corners.x"][3].tolist() == [3.0, -1.0]
    assert columns["deep.span"].tolist() == [SECOND + number for number in range(5)]
    assert columns["deep.corners.label"].tolist() == ['["p", "é"]'] * 5, "texts of varying number are JSON"
    assert facts.unreadable == {}


@pytest.mark.parametrize(
    ("encoding", "code", "channels"),
    [("rgb8", "u1", 3), ("bgr8", "u1", 3), ("bgra8", "u1", 4), ("mono8", "u1", 1), ("mono16", "u2", 1),
     ("16UC1", "u2", 1), ("32FC1", "f4", 1), ("8UC3", "u1", 3), ("bayer_rggb8", "u1", 1)],
)  # fmt: skip
@pytest.mark.parametrize("big", [0, 1])
def test_images_of_every_encoding(encoding: str, code: str, channels: int, big: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (6, 5, channels)).astype(code)
    lines = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).reshape(6, -1).view(np.uint8)
    padded = np.pad(lines, ((0, 0), (0, 3)))  # lines may be longer than they need to be
    message = {
        "header": header(5), "height": 6, "width": 5, "encoding": encoding, "is_bigendian": big,
        "step": padded.shape[1], "data": padded.tobytes(),
    }  # fmt: skip
    write_mcap(tmp_path / "x.mcap", [Said("/cam", "sensor_msgs/msg/Image", 7, message)])
    facts, columns = read(tmp_path)
    expected = pixels[..., [2, 1, 0, *range(3, channels)]] if encoding.startswith("bgr") else pixels
    assert columns["cam.data"].dtype == np.dtype(code)
    np.testing.assert_array_equal(columns["cam.data"][0], expected)
    image = next(column for column in facts.columns if column.name == "cam.data")
    assert image.attributes["encoding"] == encoding


def test_depth_in_png(tmp_path: Path) -> None:
    depth = np.random.default_rng(0).integers(0, 60000, (6, 5), dtype=np.uint16)
    for number, (form, lead) in enumerate(
        [("16UC1; png compressed ", b""), ("16UC1; compressedDepth png", bytes(12))]
    ):
        message = {"header": header(5), "format": form, "data": lead + imagecodecs.png_encode(depth)}
        write_mcap(
            tmp_path / str(number) / "x.mcap", [Said("/d", "sensor_msgs/msg/CompressedImage", 7, message)]
        )
        _, columns = read(tmp_path / str(number))
        np.testing.assert_array_equal(columns["d.data"][0, ..., 0], depth)


def joints(names: list[str], values: list[float], time: int) -> Said:
    message = {"header": header(time), "name": names, "position": values, "velocity": [], "effort": []}
    return Said("/joints", "sensor_msgs/msg/JointState", time, message)


def test_joints_keep_the_order_of_the_first_message(tmp_path: Path) -> None:
    said = [joints(["a", "b", "c"], [1.0, 2.0, 3.0], 0), joints(["c", "a", "b"], [30.0, 10.0, 20.0], 10)]
    write_mcap(tmp_path / "x.mcap", said)
    facts, columns = read(tmp_path)
    assert columns["joints.position"].tolist() == [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]
    assert "joints.velocity is empty in the messages looked at, and left out." in facts.notes


def test_what_is_said_once_goes_to_the_attributes(tmp_path: Path) -> None:
    for episode in range(2):
        info = {"header": header(episode), "height": 6, "width": 5, "k": [float(episode)] * 9}
        write_mcap(
            tmp_path / f"e{episode}.mcap",
            [
                Said("/robot_description", "std_msgs/msg/String", 9, {"data": "<robot/>"}),
                *[Said("/info", "sensor_msgs/msg/CameraInfo", time, info) for time in (1, 2, 3)],
                *float32("/x", 5, 6, 7),
            ],
        )
    facts, columns = read(tmp_path)
    assert set(columns) == {"time", "x.data", "x.age"}
    assert facts.lengths == (3, 3), "the description came later than all else"
    assert facts.attributes["/robot_description"] == {"data": "<robot/>"}
    assert [json.loads(text)["k"][0] for text in facts.episodes["/info"].to_pylist()] == [0.0, 1.0]
    assert json.loads(json.dumps(facts.attributes, allow_nan=False)) == facts.attributes


def test_messages_that_come_late_by_their_header(tmp_path: Path) -> None:
    said = [
        replace(joints(["a"], [float(stamp)], stamp), log=log) for log, stamp in ((1, 30), (2, 10), (3, 20))
    ]
    write_mcap(tmp_path / "x.mcap", said)
    _, columns = read(tmp_path, time="header")
    assert columns["time"].tolist() == [10, 20, 30]
    assert columns["joints.position"].tolist() == [[10.0], [20.0], [30.0]]
    _, columns = read(tmp_path)
    assert columns["joints.position"].tolist() == [[30.0], [10.0], [20.0]]


@pytest.mark.parametrize(
    "options",
    [{"use_chunking": False}, {"chunk_size": 100}, {"index_types": None}, {"use_summary_offsets": False}],
    ids=str,
)
def test_files_without_an_index(options: dict[str, Any], tmp_path: Path) -> None:
    from mcap.writer import IndexType

    if "index_types" in options:
        options = {"index_types": IndexType.NONE}
    said = sorted(
        [*float32("/x", *range(0, 300, 3)), *float32("/y", *range(1, 300, 10))], key=lambda each: each.log
    )
    without_index(tmp_path / "x.mcap", said, options)
    _, columns = read(tmp_path, target_bytes=200, sync_to="/x")
    assert columns["time"].tolist() == list(range(3, 300, 3))
    assert columns["x.data"].tolist() == list(range(1, 100))
    assert columns["y.data"].tolist() == [(time - 1) // 10 for time in range(3, 300, 3)]
    assert columns["y.age"].tolist() == [(time - 1) % 10 for time in range(3, 300, 3)]


def test_topics_are_chosen_by_patterns(tmp_path: Path) -> None:
    write_mcap(tmp_path / "x.mcap", [*float32("/a/x", 1, 2), *float32("/b", 50, 60)])
    facts, columns = read(tmp_path, topics="/a/*")
    assert set(columns) == {"time", "a.x.data", "a.x.age"}
    assert facts.lengths == (2,)


def test_topics_of_one_name_are_told_apart(tmp_path: Path) -> None:
    write_mcap(tmp_path / "x.mcap", [*float32("/a/x", 1, 2), *float32("a/x", 1, 2)])
    with pytest.raises(ConversionError, match=r"would both give a column a\.x\.data"):
        read(tmp_path, rate="5")


def test_a_latched_topic_of_another_encoding_is_no_damage(tmp_path: Path) -> None:
    from mcap.writer import Writer

    with (tmp_path / "x.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema("std_msgs/msg/Float32", "ros2msg", b"float32 data")
        numbers = writer.register_channel("/x", "cdr", schema)
        notes = writer.register_channel("/notes", "json", 0)
        writer.add_message(notes, 1, b"{}", 1)
        for time in (2, 3):
            writer.add_message(numbers, time, b"\0\1\0\0" + np.float32(time).tobytes(), time)
        writer.finish()
    facts, columns = read(tmp_path)
    assert columns["x.data"].tolist() == [2.0, 3.0]
    assert "/notes" not in facts.attributes


def test_a_topic_of_another_encoding_is_named(tmp_path: Path) -> None:
    from mcap.writer import Writer

    with (tmp_path / "x.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start()
        channel = writer.register_channel("/notes", "json", 0)
        for time in (1, 2):
            writer.add_message(channel, time, b"{}", time)
        writer.finish()
    with open_reader(Source(str(tmp_path))) as reader:
        lost = reader.facts().unreadable
    assert "encoded as json; only ROS 2's CDR can be read" in lost["/notes"]


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("packed", [False, True])
def test_bags_by_their_own_writer(storage: str, packed: bool, tmp_path: Path) -> None:
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    kind = "std_msgs/msg/Float32"
    plugin = StoragePlugin.SQLITE3 if storage == "sqlite3" else StoragePlugin.MCAP
    bag = Writer(tmp_path / "bag", version=9, storage_plugin=plugin)
    if packed:
        bag.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
    with bag:
        connections = [bag.add_connection(topic, kind, typestore=store) for topic in ("/x", "/y")]
        for time in range(40):
            message = store.types[kind](data=float(time))
            bag.write(connections[time % 2], time, store.serialize_cdr(message, kind))
    _, columns = read(tmp_path / "bag", target_bytes=200, sync_to="/y")
    assert columns["y.data"].tolist() == list(range(1, 40, 2))
    assert columns["x.data"].tolist() == list(range(0, 40, 2))
    assert columns["x.age"].tolist() == [1] * 20


def test_a_bag_of_several_files(tmp_path: Path) -> None:
    times = list(range(0, 300, 10))
    said = sorted([*float32("/x", *times), *float32("/y", 5, 105, 255)], key=lambda each: each.log)
    for number in range(3):
        write_mcap(tmp_path / f"b_{number}.mcap", [s for s in said if s.log // 100 == number])
    files = "".join(f"\n  - b_{number}.mcap" for number in range(3))
    (tmp_path / "metadata.yaml").write_text(
        "rosbag2_bagfile_information:\n  storage_identifier: mcap\n  message_count: 33\n"
        f"  relative_file_paths:{files}\n"
    )
    facts, columns = read(tmp_path, target_bytes=300, sync_to="/x")
    assert (facts.format, facts.lengths) == ("rosbag2", (29,))
    assert columns["time"].tolist() == times[1:]
    assert columns["x.data"].tolist() == list(range(1, 30))
    assert columns["y.data"].tolist() == [0.0] * 10 + [1.0] * 15 + [2.0] * 4


@pytest.mark.parametrize("name", ["mcap", "rosbag2/mcap_ep0"])
def test_recordings_elsewhere(name: str) -> None:
    memory = fsspec.filesystem("memory")
    root = f"/ros-{name}"
    memory.put(str(DATA / name), root, recursive=True)
    try:
        with open_reader(Source(f"memory:/{root}"), options={"rate": "20"}) as reader:
            facts = reader.facts()
            names = [column.name for column in facts.columns]
            found = read_columns(reader, names, range(len(facts.lengths)))
    finally:
        memory.rm(root, recursive=True)
    _, columns = read(DATA / name, rate="20")
    for column, values in columns.items():
        np.testing.assert_array_equal(found[column], values)
