"""Hugging Face's save_to_disk: a dataset that `datasets` wrote, others written with pyarrow, and damage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.conftest import requires_imagecodecs
from tests.unienv_data.formats.reading import read_columns
from tests.unienv_data.formats.samples import DATA, convert, expectations, refusal, sha
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, detect, open_reader
from unienv_data.opening import open as open_dataset

SAMPLE = DATA / "hf_saved_to_disk"
ARROW = "data-00000-of-00001.arrow"

pytestmark = requires_imagecodecs


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "copy"
    shutil.copytree(SAMPLE, root)
    return root


def test_conversion_equals_what_datasets_reads(tmp_path: Path) -> None:
    expected = expectations(SAMPLE)
    plan, rows = convert(SAMPLE, tmp_path / "x.zarr")
    assert (plan.format, plan.rows, len(plan.episodes)) == ("hugging_face", expected["rows"], 2)
    for name in ("image", "action"):
        want, values = expected[name], rows[name]
        assert (list(values.shape), str(values.dtype), sha(values)) == (
            want["shape"],
            want["dtype"],
            want["sha256"],
        )
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert [episode["length"] for episode in buffer.episodes.to_pylist()] == [47, 13]


def write(
    root: Path, table: pa.Table, files: int = 1, batch_rows: int = 4, features: dict[str, Any] | None = None
) -> None:
    """Write a table as `datasets` does."""
    root.mkdir(parents=True)
    size = -(-table.num_rows // files)
    names = [f"data-{number:05d}-of-{files:05d}.arrow" for number in range(files)]
    for number, name in enumerate(names):
        with pa.ipc.new_stream(str(root / name), table.schema) as stream:
            stream.write_table(table.slice(number * size, size), max_chunksize=batch_rows)
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (root / "state.json").write_text(json.dumps(state))
    (root / "dataset_info.json").write_text(
        json.dumps({"features": features or {}, "license": "MIT", "citation": ""})
    )


def table(lengths: Sequence[int], first: int = 0) -> pa.Table:
    rows = sum(lengths)
    return pa.table(
        {
            "episode_id": [f"e{number}" for number, length in enumerate(lengths) for _ in range(length)],
            "x": np.arange(first, first + rows),
            "label": np.arange(rows) % 2,
        }
    )


@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("batch_rows", [1, 4, 100])
@pytest.mark.parametrize("target_bytes", [1, 100, 1 << 20])
def test_any_spans(tmp_path: Path, files: int, batch_rows: int, target_bytes: int) -> None:
    lengths = [5, 3, 9, 2]
    write(tmp_path / "a", table(lengths), files, batch_rows)
    with open_reader(Source(str(tmp_path / "a"))) as reader:
        assert reader.facts().lengths == tuple(lengths)
        for chosen, want in (([0, 1, 2, 3], range(19)), ([1, 3], [5, 6, 7, 17, 18]), ([2], range(8, 17))):
            found = read_columns(reader, ["x"], chosen, target_bytes)
            assert found["x"].tolist() == list(want)


def test_splits(tmp_path: Path) -> None:
    label = {"label": {"_type": "ClassLabel", "names": ["reach", "push"]}}
    write(tmp_path / "a/train", table([3, 4]), features=label)
    write(tmp_path / "a/test", table([2], first=7), features=label)
    (tmp_path / "a/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    plan, rows = convert(tmp_path / "a", tmp_path / "b")
    assert rows["x"].tolist() == list(range(9))
    with open_dataset(tmp_path / "b") as buffer:
        episodes = buffer.episodes.to_pylist()
        assert [(e["source_episode"], e["split"]) for e in episodes] == [
            ("train/e0", "train"),
            ("train/e1", "train"),
            ("test/e0", "test"),
        ]
        assert buffer.attributes["license"] == "MIT"
        assert "citation" not in buffer.attributes
        assert buffer.attributes["columns"]["label"]["names"] == ["reach", "push"]
    assert plan.format == "hugging_face"


def test_arrays_of_several_dimensions(tmp_path: Path) -> None:
    """Array2D is lists of lists, whose shape stands beside the field."""
    said = {b"ARROW:extension:name": b"datasets.features.features.Array2DExtensionType"}
    values = np.arange(24.0).reshape(4, 2, 3)
    field = pa.field(
        "pose",
        pa.list_(pa.list_(pa.float64())),
        metadata={**said, b"ARROW:extension:metadata": b'[[2, 3], "float64"]'},
    )
    schema = pa.schema([pa.field("episode", pa.int64()), field])
    write(
        tmp_path / "a",
        pa.table([pa.array([0, 0, 1, 1]), pa.array(values.tolist(), field.type)], schema=schema),
    )
    _, rows = convert(tmp_path / "a", tmp_path / "b")
    np.testing.assert_array_equal(rows["pose"], values)


def cut(keep: int | float) -> Callable[[Path], None]:
    def act(root: Path) -> None:
        data = (root / ARROW).read_bytes()
        (root / ARROW).write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])

    return act


def edit(name: str, **changes: Any) -> Callable[[Path], None]:
    def act(root: Path) -> None:
        about = json.loads((root / name).read_text())
        (root / name).write_text(json.dumps({**about, **changes}))

    return act


def damaged_image(root: Path) -> None:
    data = bytearray((root / ARROW).read_bytes())
    place = data.find(b"\x89PNG", len(data) // 2)
    data[place + 60 : place + 200] = bytes(140)
    (root / ARROW).write_bytes(bytes(data))


DAMAGES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "the stream is cut": (cut(0.5), [ARROW, "cut off"]),
    "only the end is missing": (cut(-8), [ARROW, "does not end as it should"]),
    "the file is empty": (cut(0), [ARROW, "cut off"]),
    "the file is something else": (
        lambda root: (root / ARROW).write_bytes(b"x" * 500 + b"\xff" * 4 + bytes(4)),
        [ARROW, "damaged Arrow stream"],
    ),
    "the file is gone": (lambda root: (root / ARROW).unlink(), [ARROW, "missing"]),
    "an image is damaged": (damaged_image, [ARROW, "the PNG image is damaged"]),
    "the state is no JSON": (lambda root: (root / "state.json").write_text("{"), ["state.json: not JSON"]),
    "the state names no files": (edit("state.json", _data_files=[]), ["state.json: it names no files"]),
    "rows are chosen by a table": (
        edit("state.json", _indices_data_files=[{"filename": "indices.arrow"}]),
        ["flatten_indices()"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_paragraph(copy: Path, tmp_path: Path, damage: str) -> None:
    act, said = DAMAGES[damage]
    act(copy)
    message = refusal(copy, tmp_path)
    for part in said:
        assert part in message


def test_all_before_a_damaged_episode_comes(copy: Path) -> None:
    data = bytearray((copy / ARROW).read_bytes())
    place = data.rfind(b"\x89PNG")
    data[place + 60 : place + 200] = bytes(140)
    (copy / ARROW).write_bytes(bytes(data))
    with open_reader(Source(str(copy))) as reader:
        assert len(read_columns(reader, ["image"], [0])["image"]) == 47
        with pytest.raises(ConversionError, match="the PNG image is damaged"):
            read_columns(reader, ["image"], [1])


def test_detected(tmp_path: Path) -> None:
    assert detect(Source(str(SAMPLE))).name == "hugging_face"
