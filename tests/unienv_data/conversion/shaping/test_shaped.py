"""A shaped source: what its columns, chunks and episodes are, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_imagecodecs
from tests.unienv_data.conversion.shaping.toy import LENGTHS, ToyReader, values_of
from tests.unienv_data.formats.reading import read_columns
from unienv_data.columns import EncodedRows
from unienv_data.conversion.shaping import Shaped, ShapingRules
from unienv_data.errors import ConversionError

EPISODES = range(len(LENGTHS))


def shaped(without: str = "", **rules: Any) -> Shaped:
    return Shaped(ToyReader(without.split(",")), "toy://", ShapingRules(**rules))


def rows_of(reader: Shaped, *names: str, **options: Any) -> dict[str, Any]:
    found = read_columns(reader, names, EPISODES, **options)
    spaces = {column.name: column.space for column in reader.facts().columns}
    for name, values in found.items():
        assert all(spaces[name].contains(value) for value in values), name
    return found


def expected(name: str, first: int = 0, final: bool = True) -> np.ndarray[Any, Any]:
    """All rows of a column: of T + 1 values those from `first`, T of them."""
    parts = []
    for episode in EPISODES:
        values = values_of(episode)[name]
        parts.append(values[first : first + LENGTHS[episode]] if final else values)
    return np.concatenate(parts)


@pytest.mark.parametrize("target_bytes", [1, 1 << 20])
def test_a_column_after_each_row(target_bytes: int) -> None:
    reader = shaped()
    paths = {column.name: column.path for column in reader.facts().columns}
    assert paths["next_obs.state"] == ("next_obs", "state")
    assert not any(column.has_final for column in reader.facts().columns)
    rows = rows_of(reader, "next_obs.state", "action", "obs.state", target_bytes=target_bytes)
    np.testing.assert_array_equal(rows["obs.state"], expected("obs.state"))
    np.testing.assert_array_equal(rows["next_obs.state"], expected("obs.state", 1))
    np.testing.assert_array_equal(rows["action"], expected("action", final=False))
    assert rows["next_obs.state"].dtype == np.float32
    assert reader.facts().attributes["next_observation"] == "column"
    assert "next_..." in reader.facts().notes[-1]


@pytest.mark.parametrize("target_bytes", [1, 1 << 20])
def test_a_row_more(target_bytes: int) -> None:
    reader = shaped(next_observation="row")
    names = ["obs.state", "reward", "task", "is_padding"]
    rows = rows_of(reader, *names, target_bytes=target_bytes)
    assert reader.facts().lengths == (6, 2, 0, 8)
    start = 0
    for episode in (0, 1, 3):
        values, length = values_of(episode), LENGTHS[episode]
        mine = {name: rows[name][start : start + length + 1] for name in names}
        np.testing.assert_array_equal(mine["obs.state"], values["obs.state"])
        np.testing.assert_array_equal(mine["reward"], np.append(values["reward"], np.float32(0)))
        assert mine["task"].tolist() == [*values["task"].tolist(), ""]
        assert mine["is_padding"].tolist() == [False] * length + [True]
        start += length + 1
    assert rows_of(reader, "is_padding")["is_padding"].tolist() == rows["is_padding"].tolist()


def test_neither() -> None:
    reader = shaped(next_observation="none")
    names = [column.name for column in reader.facts().columns]
    assert names == list(values_of(0))
    np.testing.assert_array_equal(rows_of(reader, "obs.state")["obs.state"], expected("obs.state"))


def test_without_such_columns_there_is_nothing_to_choose() -> None:
    without = "obs.state,obs.image,obs.picture"
    for choice in ("column", "row", "none"):
        facts = shaped(without, next_observation=choice).facts()
        assert facts.lengths == LENGTHS
        assert [column.name for column in facts.columns] == ["action", "reward", "video", "done", "task"]
        assert "next_observation" not in facts.attributes
        assert not facts.notes


def test_the_place_of_what_comes_next_is_taken() -> None:
    with pytest.raises(ConversionError, match=r"kept in the column next_obs/state, but action stands there"):
        shaped(rename={"action": "next_obs"}).facts()
    with pytest.raises(ConversionError, match="--next-observation none"):
        shaped(rename={"action": "next_obs/state"}).facts()
    shaped(rename={"action": "next_obs/state"}, next_observation="none").facts()
    shaped(rename={"action": "next_obs/action"}).facts()
    with pytest.raises(ConversionError, match="next-observation 'rows': one of column, row, none"):
        shaped(next_observation="rows")


def test_renaming() -> None:
    def paths(**rename: str) -> dict[str, str]:
        facts = shaped("obs.image,obs.picture,video", rename=rename).facts()
        return {column.name: "/".join(column.path) for column in facts.columns}

    assert paths(obs="observation", action="actions/arm") == {
        "obs.state": "observation/state",
        "next_obs.state": "next_observation/state",
        "action": "actions/arm",
        "reward": "reward",
        "done": "done",
        "task": "task",
    }
    assert paths(**{"obs.state": "qpos"})["next_obs.state"] == "next_qpos"
    assert paths(next_obs="after")["next_obs.state"] == "after/state"
    both = paths(obs="o", **{"next_obs/state": "o/after"})
    assert (both["obs.state"], both["next_obs.state"]) == ("o/state", "o/after")
    swapped = paths(action="reward", reward="action")
    assert (swapped["action"], swapped["reward"]) == ("reward", "action")
    for rename, message in [
        ({"obs2": "x"}, "rename 'obs2': there is no such column or group; the columns are obs/state"),
        ({"action": "reward"}, "action and reward would both be the column reward"),
        ({"action": "obs"}, "action would be the column obs, and obs.state would lie inside it"),
        ({"action": "a//b"}, "rename 'action': 'a//b' is no name"),
        ({"action": ""}, "is no name"),
    ]:
        with pytest.raises(ConversionError, match=message):
            paths(**rename)


def test_casting() -> None:
    reader = shaped(cast={"obs.image": "uint8", "reward": "float16:lossy", "done": "uint8"})
    rows = rows_of(reader, "obs.image", "next_obs.image", "reward", "done")
    assert {name: values.dtype.name for name, values in rows.items()} == {
        "obs.image": "uint8",
        "next_obs.image": "uint8",
        "reward": "float16",
        "done": "uint8",
    }
    np.testing.assert_array_equal(rows["next_obs.image"], expected("obs.image", 1))
    np.testing.assert_array_equal(rows["reward"], expected("reward", final=False).astype(np.float16))
    lossy = {column.name: column.lossy for column in reader.facts().columns}
    assert (lossy["obs.image"], lossy["reward"]) == (None, "cast to float16")


def test_a_cast_that_would_change_a_value_names_the_first() -> None:
    with pytest.raises(ConversionError) as caught:
        rows_of(shaped(cast={"obs/state": "int8"}), "obs.state")
    value = values_of(0)["obs.state"][0, 0]
    assert str(caught.value) == (
        f"toy://, episode e0, row 0: the column obs.state has {value} at [0], which int8 does not hold; "
        f"--cast PATTERN=int8:lossy rounds it to the nearest"
    )
    with pytest.raises(
        ConversionError, match=r"row 0: the column video has .* bool does not hold; leave it in its own"
    ):
        rows_of(shaped(cast={"video": "bool"}), "video")
    for rules, message in [
        ({"nothing": "uint8"}, "cast: no column matches 'nothing'; the columns are obs/state"),
        ({"task": "uint8"}, "cast: task holds no numbers, but TextSpace"),
        ({"action": "complex64"}, "cast 'complex64': a data type was expected"),
        ({"action": "float32:rough"}, "cast 'float32:rough'"),
    ]:
        with pytest.raises(ConversionError, match=message):
            shaped(cast=rules).facts()


def test_images_turned_over_and_reordered() -> None:
    rules = {
        "flip_images": {"obs/image": "vertical", "video": "both"},
        "channel_order": {"obs/image": "bgr", "obs/picture": "rgb"},
    }
    reader = shaped(**rules)
    rows = rows_of(reader, "obs.image", "next_obs.image", "video", "obs.picture")
    np.testing.assert_array_equal(rows["obs.image"], expected("obs.image")[:, ::-1, :, ::-1])
    np.testing.assert_array_equal(rows["next_obs.image"], expected("obs.image", 1)[:, ::-1, :, ::-1])
    np.testing.assert_array_equal(rows["video"], expected("video", final=False)[:, :, ::-1, ::-1])
    np.testing.assert_array_equal(rows["obs.picture"], expected("obs.picture"))
    about = {column.name: column.attributes for column in reader.facts().columns}
    assert about["obs.image"] == {"channels_were": "bgr", "flipped": "vertical"}
    mirrored = shaped(flip_images={"video": "horizontal"}, channel_order={"video": "bgr"})
    frames = rows_of(mirrored, "video")["video"]
    np.testing.assert_array_equal(frames, expected("video", final=False)[:, ::-1, :, ::-1])
    for rules, message in [
        ({"flip_images": {"action": "vertical"}}, "flip-images: action has no images"),
        ({"flip_images": {"video": "up"}}, "flip-images 'up': one of vertical, horizontal, both"),
        ({"channel_order": {"video": "gbr"}}, "channel-order 'gbr': one of bgr, rgb"),
        ({"resize": {"video": "8"}}, "resize '8': HEIGHTxWIDTH"),
        ({"resize": {"video": "0x8"}}, "resize '0x8'"),
        ({"resize": {"reward": "8x8"}}, "resize: reward has no images"),
        ({"resize": {"nothing": "8x8"}}, "resize: no column matches 'nothing'"),
    ]:
        with pytest.raises(ConversionError, match=message):
            shaped(**rules).facts()


def test_resizing_is_what_pillow_does() -> None:
    pillow = pytest.importorskip("PIL.Image")
    reader = shaped(cast={"obs/image": "uint8"}, resize={"obs/image": "3x5", "video": "4x8"})
    rows = rows_of(reader, "obs.image", "video")
    by_pillow = [
        np.asarray(pillow.fromarray(frame.astype(np.uint8)).resize((5, 3), pillow.Resampling.BILINEAR))
        for frame in expected("obs.image")
    ]
    assert np.abs(rows["obs.image"].astype(int) - np.stack(by_pillow)).max() <= 1
    np.testing.assert_array_equal(rows["video"], expected("video", final=False))
    columns = {column.name: column for column in reader.facts().columns}
    assert (columns["obs.image"].lossy, columns["video"].lossy) == ("resized", None)
    assert columns["obs.image"].attributes["resized_from"] == [6, 8]


def test_an_instruction() -> None:
    reader = shaped(task="pick")
    assert rows_of(reader, "task")["task"].tolist() == [
        text or "pick" for text in expected("task", final=False)
    ]
    assert reader.facts().episodes["task"].to_pylist() == ["pick"] * 4
    reader = shaped("task", task="pick", next_observation="row")
    assert rows_of(reader, "task")["task"].tolist() == ["pick"] * 16
    assert rows_of(reader, "reward", "task")["task"].tolist() == ["pick"] * 16
    with pytest.raises(ConversionError, match=r"task: reward .task. holds no texts"):
        shaped("task", task="pick", rename={"reward": "task"}).facts()
    assert shaped(rename={"task": "instruction"}, task="x").facts().columns[-1].name == "task_"


@requires_imagecodecs
def test_encoded_rows_stay_encoded() -> None:
    reader = shaped()
    names = ["obs.picture", "next_obs.picture"]
    assert all(column.encoded for column in reader.facts().columns if column.name in names)
    parts: dict[str, list[bytes]] = {name: [] for name in names}
    for chunk in reader.chunks(names, EPISODES, encoded=names):
        for name, values in chunk.columns.items():
            assert isinstance(values, EncodedRows)
            assert len(values) == chunk.rows
            parts[name].extend(values.pieces)
    assert parts["obs.picture"][1:5] == parts["next_obs.picture"][:4]
    assert len(parts["obs.picture"]) == len(parts["next_obs.picture"]) == sum(LENGTHS)
    with pytest.raises(ConversionError, match="the same --codec to both"):
        next(reader.chunks(names, EPISODES, encoded=names[:1]))


def test_what_is_changed_is_decoded() -> None:
    columns = shaped(flip_images={"obs.picture": "vertical"}).facts().columns
    assert all(column.encoded is None for column in columns)
    columns = shaped(channel_order={"obs.picture": "rgb"}).facts().columns
    assert sum(column.encoded is not None for column in columns) == 2


def test_only_what_is_needed_is_read() -> None:
    inner = ToyReader()
    reader = Shaped(inner, "toy://", ShapingRules())
    reader.check(["next_obs.state", "obs.state", "action"], [1])
    list(reader.chunks(["next_obs.state", "obs.state"], [3, 1], target_bytes=1000))
    reader.close()
    assert inner.asked == [
        ("check", ["obs.state", "action"], [1]),
        ("chunks", ["obs.state"], [3, 1], 500, []),
        ("close",),
    ]


def test_a_damaged_episode_is_told_when_its_rows_are_due() -> None:
    inner = ToyReader()
    inner.damaged = 1
    reader = Shaped(inner, "toy://", ShapingRules(next_observation="row"))
    seen = []
    with pytest.raises(ConversionError, match="e1 is damaged"):
        seen.extend(chunk.episode for chunk in reader.chunks(["reward"], EPISODES))
    assert set(seen) == {0}
