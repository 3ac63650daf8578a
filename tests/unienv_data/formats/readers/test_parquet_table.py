"""Generic Parquet: files of which a column tells episodes apart, against what pyarrow reads."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import requires_imagecodecs
from tests.unienv_data.formats.reading import read_columns
from tests.unienv_data.formats.samples import DATA, convert, expectations, refusal, sha
from unienv_data.errors import ConversionError, MissingDependencyError
from unienv_data.formats import Source, detect, open_reader
from unienv_data.opening import open as open_dataset

SAMPLE = DATA / "parquet_generic"
STEPS = SAMPLE / "steps.parquet"
LENGTHS = [47, 31, 62, 25, 80, 53, 38, 71, 29, 44]


def as_folder(root: Path, parts: int = 7) -> Path:
    """The sample in files whose bounds are no episodes', of which the tenth comes after the second."""
    table = pq.read_table(STEPS)
    root.mkdir()
    size = -(-table.num_rows // parts)
    for number in range(parts):
        path = root / f"part-{5 + number}.parquet"
        pq.write_table(table.slice(number * size, size), path, row_group_size=20)
    return root


@pytest.mark.parametrize("place", ["file", "folder"])
def test_conversion_equals_pyarrows_own(tmp_path: Path, place: str) -> None:
    source = STEPS if place == "file" else as_folder(tmp_path / "parts")
    plan, rows = convert(source, tmp_path / "x.zarr")
    table = pq.read_table(STEPS)
    assert (plan.format, plan.rows) == ("parquet", expectations(SAMPLE)["rows"])
    assert sha(rows["action"]) == expectations(SAMPLE)["action"]["sha256"]
    assert rows["action"].dtype == np.float32
    assert set(rows) == set(table.column_names)
    for name in table.column_names:
        assert rows[name].tolist() == table[name].to_pylist(), name
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        episodes = buffer.episodes.to_pylist()
    assert [episode["length"] for episode in episodes] == LENGTHS
    assert [episode["source_episode"] for episode in episodes] == list(range(10))


def test_the_column_of_episodes_is_chosen(tmp_path: Path) -> None:
    table = pa.table(
        {"run": ["b", "b", "a", "c", "c", "c"], "episode_index": [0, 0, 0, 1, 1, 1], "x": range(6)}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    for options, names in (({}, [0, 1]), ({"episode_column": "run"}, ["b", "a", "c"])):
        plan, _ = convert(tmp_path / "a.parquet", tmp_path / f"{len(names)}", format_options=options)
        assert plan.episode_rows["source_episode"].to_pylist() == names


@pytest.mark.parametrize(
    "values",
    [
        pa.array([3, 3, 9], pa.uint8()),
        pa.array(["x", "x", "y"], pa.large_string()),
        pa.array(["x", "x", "y"]).dictionary_encode(),
        pa.array([[3], [3], [9]], pa.list_(pa.int64(), 1)),
    ],
)
def test_kinds_of_episode_columns(tmp_path: Path, values: Any) -> None:
    pq.write_table(pa.table({"episode_id": values, "x": [1, 2, 3]}), tmp_path / "a.parquet")
    with open_reader(Source(str(tmp_path / "a.parquet"))) as reader:
        assert reader.facts().lengths == (2, 1)


def test_without_a_column_of_episodes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in (2, 10):
        pq.write_table(pa.table({"x": range(number)}), tmp_path / f"a/run_{number}.parquet")
    message = refusal(tmp_path / "a", tmp_path)
    assert "--episode-column" in message
    assert "--option episodes=file" in message
    for choice, lengths, names in (
        ("file", [2, 10], ["run_2.parquet", "run_10.parquet"]),
        ("one", [12], [0]),
    ):
        plan, rows = convert(tmp_path / "a", tmp_path / choice, format_options={"episodes": choice})
        assert plan.episode_rows["length"].to_pylist() == lengths
        assert plan.episode_rows["source_episode"].to_pylist() == names
        assert rows["x"].tolist() == [*range(2), *range(10)]


@given(data=st.data())
def test_any_spans(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("made") / "a"
    root.mkdir()
    lengths = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    rows = sum(lengths)
    table = pa.table(
        {
            "episode": np.repeat(np.arange(len(lengths)), lengths),
            "x": np.arange(rows),
            "deep": pa.array(
                np.arange(rows * 6).reshape(rows, 2, 3).tolist(), pa.list_(pa.list_(pa.int16()))
            ),
        }
    )
    edges = sorted({0, rows, *data.draw(st.lists(st.integers(0, rows), max_size=3))})
    for number, (start, stop) in enumerate(itertools.pairwise(edges)):
        group = data.draw(st.integers(1, 9))
        pq.write_table(table.slice(start, stop - start), root / f"{number}.parquet", row_group_size=group)
    pq.write_table(table.slice(0, 0), root / "99.parquet")  # a part without rows
    chosen = data.draw(st.lists(st.sampled_from(range(len(lengths))), unique=True, min_size=1).map(sorted))
    starts = np.cumsum([0, *lengths])
    wanted = np.concatenate([np.arange(starts[e], starts[e + 1]) for e in chosen])
    with open_reader(Source(str(root))) as reader:
        assert reader.facts().lengths == tuple(lengths)
        reader.check(["deep", "x"], chosen)
        found = read_columns(reader, ["deep", "x"], chosen, target_bytes=data.draw(st.integers(1, 300)))
    np.testing.assert_array_equal(found["x"], wanted)
    np.testing.assert_array_equal(found["deep"], np.arange(rows * 6).reshape(rows, 2, 3)[wanted])


def test_structs_and_dotted_names_are_groups(tmp_path: Path) -> None:
    arm = pa.array([{"q": [1.0, 2.0], "grip": True}, {"q": [3.0, 4.0], "grip": False}])
    pq.write_table(
        pa.table(
            {
                "episode": [0, 0],
                "arm": arm,
                "obs.temperature": [20, 21],
                "cost": pa.array([0, 1], pa.decimal128(3)),
            }
        ),
        tmp_path / "a.parquet",
    )
    plan, rows = convert(tmp_path / "a.parquet", tmp_path / "b", exclude=("cost",))
    assert rows["arm"]["q"].tolist() == [[1, 2], [3, 4]]
    assert rows["arm"]["grip"].tolist() == [True, False]
    assert rows["obs"]["temperature"].tolist() == [20, 21]
    assert "the column cost has the Arrow type decimal128(3, 0)" in refusal(tmp_path / "a.parquet", tmp_path)
    assert plan.rows == 2


def test_missing_floats(tmp_path: Path) -> None:
    """As pandas writes NaN."""
    columns = {"episode": [0] * 4, "x": pa.array([1.5, None, float("nan"), 2.0], pa.float32())}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    message = refusal(tmp_path / "a.parquet", tmp_path)
    assert "the column x has no value (null) in row 1" in message
    assert "--option nulls=nan" in message
    _, rows = convert(tmp_path / "a.parquet", tmp_path / "b", format_options={"nulls": "nan"})
    np.testing.assert_array_equal(rows["x"], np.array([1.5, np.nan, np.nan, 2.0], np.float32), strict=True)
    pq.write_table(pa.table({"episode": [0, 0], "n": [1, None]}), tmp_path / "c.parquet")
    message = refusal(tmp_path / "c.parquet", tmp_path, "--option", "nulls=nan")
    assert "the column n has no value (null) in row 1" in message
    assert "`nan` was expected, not '0'" in refusal(STEPS, tmp_path, "--option", "nulls=0")


def test_times_are_the_numbers_that_stand_for_them(tmp_path: Path) -> None:
    types = [
        pa.timestamp("ns", "UTC"),
        pa.timestamp("ms"),
        pa.duration("us"),
        pa.time64("ns"),
        pa.date32(),
        pa.time32("s"),
    ]
    numbers = [0, 86_399]
    columns = {
        str(type_): pa.array(numbers, pa.int32() if type_.bit_width == 32 else pa.int64()).cast(type_)
        for type_ in types
    }
    pq.write_table(pa.table({"episode": [0, 0], **columns}), tmp_path / "a.parquet", version="2.6")
    _, rows = convert(tmp_path / "a.parquet", tmp_path / "b")
    stored = pq.read_table(tmp_path / "a.parquet").schema
    with open_dataset(tmp_path / "b") as buffer:
        about = buffer.attributes["columns"]
    for name in columns:
        found = rows[name]
        unit = {"time32[s]": 1000}.get(name, 1)  # which Parquet keeps in milliseconds
        assert found.tolist() == [number * unit for number in numbers], name
        assert found.dtype == (np.int32 if stored.field(name).type.bit_width == 32 else np.int64)
        assert about[name]["arrow_type"] == str(stored.field(name).type)


def pictures(count: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8).repeat(6, axis=1).repeat(6, axis=2)


@requires_imagecodecs
@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("cell", ["bytes", "struct", "path"])
def test_images(tmp_path: Path, kind: str, cell: str) -> None:
    """JPEG files are stored as they came."""
    import imagecodecs

    encode = {"png": imagecodecs.png_encode, "jpeg": imagecodecs.jpeg8_encode}[kind]
    decode = {"png": imagecodecs.png_decode, "jpeg": imagecodecs.jpeg8_decode}[kind]
    files = [bytes(encode(picture)) for picture in pictures(9)]
    (tmp_path / "a/images").mkdir(parents=True)
    for number, file in enumerate(files):
        (tmp_path / f"a/images/{number}.{kind}").write_bytes(file)
    cells: list[Any] = {
        "bytes": files,
        "struct": [{"bytes": file, "path": None} for file in files],
        "path": [{"bytes": None, "path": f"images/{number}.{kind}"} for number in range(9)],
    }[cell]
    pq.write_table(pa.table({"episode": [0] * 4 + [1] * 5, "image": cells}), tmp_path / "a/a.parquet")
    want = np.stack([decode(file) for file in files])
    for frames in ("copy", "lossless"):
        plan, rows = convert(tmp_path / "a", tmp_path / frames, frames=frames)
        np.testing.assert_array_equal(rows["image"], want)
        (image,) = [planned for planned in plan.columns if planned.path == "image"]
        assert image.column.lossy == ("jpeg" if kind == "jpeg" else None)
        assert image.is_copied == (kind == "jpeg" and frames == "copy")
        assert image.estimate.codec.startswith("jpeg" if image.is_copied else "zstd")


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_without_imagecodecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    import sys

    imagecodecs = pytest.importorskip("imagecodecs")
    encode = {"png": imagecodecs.png_encode, "jpeg": imagecodecs.jpeg8_encode}[kind]
    files = [bytes(encode(picture)) for picture in pictures(3)]
    pq.write_table(pa.table({"episode": [0] * 3, "image": files}), tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with open_reader(Source(str(tmp_path / "a.parquet"))) as reader:
        spaces = {column.name: column.space for column in reader.facts().columns}
        assert (spaces["image"].shape, spaces["image"].dtype) == ((24, 24, 3), np.uint8)
        assert read_columns(reader, ["episode"], [0])["episode"].tolist() == [0, 0, 0]
        with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[images\]'$"):
            reader.check(["image"], [0])


def test_what_a_writer_of_ours_says_comes_back(tmp_path: Path) -> None:
    from unienv_data.formats.writers.parquet import ParquetWriter

    with open_reader(Source(str(STEPS))) as reader:
        facts = reader.facts()
        names = [column.name for column in facts.columns]
        with ParquetWriter.open(tmp_path / "b", facts, {"episode_column": "run"}) as writer:
            for chunk in reader.chunks(names, range(10)):
                writer.write(chunk)
            writer.finish()
        with open_reader(Source(str(tmp_path / "b"))) as again:
            columns = {column.name: column.space for column in again.facts().columns}
            assert columns == {
                **{column.name: column.space for column in facts.columns},
                "run": columns["run"],
            }
            assert again.facts().episodes.to_pylist() == facts.episodes.to_pylist()
            both = [read_columns(each, names, range(10)) for each in (reader, again)]
    for name in names:
        np.testing.assert_array_equal(both[1][name], both[0][name])


def rewrite(act: Callable[[pa.Table], pa.Table], part: int = 8) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        path = root / f"part-{part}.parquet"
        pq.write_table(act(pq.read_table(path)), path)

    return damage


def cut(root: Path) -> None:
    path = root / "part-8.parquet"
    path.write_bytes(path.read_bytes()[:3000])


def flip(root: Path) -> None:
    path = root / "part-8.parquet"
    place = pq.ParquetFile(path).metadata.row_group(1).column(2).data_page_offset
    data = bytearray(path.read_bytes())
    data[place : place + 40] = bytes(40)
    path.write_bytes(bytes(data))


def replace(name: str, values: Callable[[int], Any]) -> Callable[[Path], None]:
    return rewrite(lambda t: t.set_column(t.schema.get_field_index(name), name, values(t.num_rows)))


DAMAGES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "a part is cut": (cut, ["part-8.parquet", "no footer"]),
    "a page is damaged": (flip, ["part-8.parquet", "damaged Parquet file"]),
    "a part lacks a column": (
        rewrite(lambda t: t.drop_columns(["state"])),
        ["part-8.parquet: the column state is missing, in part-5.parquet"],
    ),
    "a column of another type": (
        replace("reward", lambda n: pa.array(np.zeros(n))),
        ["part-8.parquet: the column reward is double, in part-5.parquet it is float"],
    ),
    "lists of another length": (
        replace("action", lambda n: pa.array([[1.0, 2.0, 3.0]] * n, pa.list_(pa.float32()))),
        ["part-8.parquet", "the column action has lists that are not 2 long"],
    ),
    "a value is missing": (
        replace("reward", lambda n: pa.array([None, *[1.0] * (n - 1)], pa.float32())),
        ["part-8.parquet", "the column reward has no value (null) in row 0"],
    ),
    "an episode is not known": (
        replace("episode_index", lambda n: pa.array([None] * n, pa.int64())),
        ["part-8.parquet: the column episode_index: no value (null)"],
    ),
    "an episode comes again": (
        replace("episode_index", lambda n: pa.array([0] * n, pa.int64())),
        ["the rows of episode 0 (column episode_index) do not stand together: rows 0 to 46", "207"],
    ),
    "episodes are fractions": (
        replace("episode_index", lambda n: pa.array([0.5] * n)),
        ["whole numbers or texts that tell episodes apart were expected, not double"],
    ),
    "no rows": (
        lambda root: [pq.write_table(pq.read_table(file).slice(0, 0), file) for file in root.iterdir()],
        ["there are no rows"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_paragraph(tmp_path: Path, damage: str) -> None:
    act, said = DAMAGES[damage]
    act(as_folder(tmp_path / "parts"))
    message = refusal(tmp_path / "parts", tmp_path)
    for part in said:
        assert part in message


def test_all_before_a_damaged_episode_comes(tmp_path: Path) -> None:
    root = as_folder(tmp_path / "parts")
    with open_reader(Source(str(root))) as reader:
        reader.facts()
        flip(root)  # rows 227 to 246 of the state
        assert len(read_columns(reader, ["state"], range(4))["state"]) == 165
        with pytest.raises(ConversionError, match=r"part-8\.parquet"):
            read_columns(reader, ["state"], [4])
        assert len(read_columns(reader, ["state"], range(7, 10))["state"]) == 144


def test_options_that_cannot_be(tmp_path: Path) -> None:
    assert "there is no column 'run'" in refusal(STEPS, tmp_path, "--episode-column", "run")
    assert "`file` or `one` was expected" in refusal(STEPS, tmp_path, "--option", "episodes=two")
    both = ["--option", "episodes=one", "--episode-column", "step"]
    assert "for tables without a column of episodes" in refusal(STEPS, tmp_path, *both)


def test_detected(tmp_path: Path) -> None:
    assert detect(Source(str(STEPS))).name == "parquet"
    root = as_folder(tmp_path / "parts")
    assert detect(Source(str(root))).name == "parquet"
    for name in ("meta/info.json", "state.json"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("{}")
        with open_reader(Source(str(root)), "parquet") as reader:
            assert not reader.probe(Source(str(root)))
        shutil.rmtree(root / "meta", ignore_errors=True)
