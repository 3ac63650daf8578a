"""ALOHA's recordings, compressed and plain, against h5py and OpenCV."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unienv_data.formats.expecting import assert_as_expected, assert_refused
from tests.unienv_data.formats.hdf5_damage import cut, delete, edit, empty, no_hdf5, replace
from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.columns import EncodedRows
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, open_reader
from unienv_data.opening import open as open_dataset

h5py = pytest.importorskip("h5py")
pytest.importorskip("imagecodecs")

SAMPLE = Path(__file__).parents[3] / "data/aloha_hdf5"
COMPRESSED = SAMPLE / "compressed"
EXPECTED = json.loads((SAMPLE / "EXPECT.json").read_text(encoding="utf-8"))["variants"]["compressed"]
EXPECTED_COLUMNS = {
    **EXPECTED["columns_concat"],
    **{f"observations/images/{name}": entry for name, entry in EXPECTED["decoded_bgr_imdecode"].items()},
}
TOP = "observations/images/top"


@pytest.mark.parametrize("target_bytes", [1 << 24, 300_000, 1])
def test_every_column_is_as_opencv_reads_it(target_bytes: int) -> None:
    facts, columns = read_all(COMPRESSED, target_bytes=target_bytes)
    assert facts.format == "aloha"
    assert facts.lengths == tuple(EXPECTED["lengths"])
    assert set(columns) == set(EXPECTED_COLUMNS)
    for name, values in columns.items():
        assert_as_expected(values, EXPECTED_COLUMNS[name])
    assert facts.attributes == {"sim": False}
    assert facts.episodes["source_episode"].to_pylist() == [f"episode_{number}.hdf5" for number in range(4)]
    assert "--option jpeg_channels=file" in facts.notes[0]
    assert [column.name for column in facts.columns if column.lossy == "jpeg"] == [
        name for name in columns if "images" in name
    ]


def converted(target: Path, **options: Any) -> Any:
    plan = plan_conversion(str(COMPRESSED), str(target), ConversionOptions(**options))
    run_conversion(plan)
    with open_dataset(str(target)) as buffer:
        return plan, buffer[:]


def test_conversion(tmp_path: Path) -> None:
    plan, rows = converted(tmp_path / "x.zarr")
    assert not any(column.is_copied for column in plan.columns)
    for name, entry in EXPECTED_COLUMNS.items():
        value = rows
        for key in name.split("/"):
            value = value[key]
        assert_as_expected(value, entry)


def test_the_files_are_kept_as_they_came(tmp_path: Path) -> None:
    plan, rows = converted(tmp_path / "x.zarr", format_options={"jpeg_channels": "file"})
    copied = [column.column.name for column in plan.columns if column.is_copied]
    assert copied == [name for name in sorted(EXPECTED_COLUMNS) if "images" in name]
    for name in copied:
        frames = rows["observations"]["images"][name.rsplit("/", 1)[-1]]
        assert_as_expected(frames[..., ::-1], EXPECTED_COLUMNS[name])
    with open_reader(Source(str(COMPRESSED)), options={"jpeg_channels": "file"}) as reader:
        chunk = next(iter(reader.chunks([TOP], [1], encoded=[TOP])))
    kept = chunk.columns[TOP]
    assert isinstance(kept, EncodedRows)
    with h5py.File(COMPRESSED / "episode_1.hdf5") as file:
        written = [row.tobytes().rstrip(b"\0") for row in file[TOP][:]]
    assert [bytes(piece)[:-4] for piece in kept.pieces] == written, "a checksum follows each"


def plain(path: Path, rows: int, seed: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    columns: dict[str, NDArray[Any]] = {
        "action": rng.normal(size=(rows, 14)),
        "observations/images/front": rng.integers(0, 256, (rows, 24, 32, 3), np.uint8),
        "observations/qpos": rng.normal(size=(rows, 14)),
        "observations/qvel": rng.normal(size=(rows, 14)),
    }
    with h5py.File(path, "w") as file:
        file.attrs["sim"] = True
        for name, values in columns.items():
            file.create_dataset(name, data=values, chunks=(1, *values.shape[1:]))
    return columns


def test_plain_episodes_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    written = {number: plain(tmp_path / f"episode_{number}.hdf5", number + 1, number) for number in (10, 2)}
    (tmp_path / "._episode_2.hdf5").write_bytes(b"a file manager's")
    facts, columns = read_all(tmp_path)
    assert facts.lengths == (3, 11)
    assert (facts.attributes, facts.notes) == ({"sim": True}, ())
    for name, values in columns.items():
        np.testing.assert_array_equal(values, np.concatenate([written[2][name], written[10][name]]))
    facts, columns = read_all(tmp_path / "episode_10.hdf5")
    np.testing.assert_array_equal(columns["action"], written[10]["action"])
    assert facts.episodes["source_episode"].to_pylist() == ["episode_10.hdf5"]


def test_grey_images_of_variable_length(tmp_path: Path) -> None:
    from PIL import Image

    frames = [np.full((20, 28), 9 * row, np.uint8) for row in range(5)]
    with h5py.File(tmp_path / "episode_0.hdf5", "w") as file:
        file["action"] = np.zeros((5, 2))
        file["observations/qpos"] = np.zeros((5, 2))
        images = file.create_dataset("observations/images/eye", 5, h5py.vlen_dtype(np.uint8))
        for row, frame in enumerate(frames):
            packed = io.BytesIO()
            Image.fromarray(frame).save(packed, "JPEG")
            images[row] = np.frombuffer(packed.getvalue(), np.uint8)
    _, columns = read_all(tmp_path)
    np.testing.assert_array_equal(columns["observations/images/eye"][..., 0], frames)


def bad_jpeg(file: Any) -> None:
    rows = file[TOP]
    rows[7, 200:] = 0


def other_size(file: Any) -> None:
    from PIL import Image

    packed = io.BytesIO()
    Image.fromarray(np.zeros((50, 60, 3), np.uint8)).save(packed, "JPEG")
    data = np.zeros(file[TOP].shape[1], np.uint8)
    data[: len(packed.getvalue())] = np.frombuffer(packed.getvalue(), np.uint8)
    file[TOP][3] = data


DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "cut": (cut, ["episode_2.hdf5: damaged HDF5 file: it was cut off"]),
    "no HDF5": (no_hdf5, ["episode_2.hdf5: damaged HDF5 file: it does not begin"]),
    "empty": (empty, ["episode_2.hdf5: damaged HDF5 file: it is empty"]),
    "no action": (delete("action"), ["episode_2.hdf5: action and observations/qpos were expected"]),
    "a camera is missing": (delete(TOP), [f"episode_2.hdf5: {TOP}: the dataset is missing"]),
    "too few frames": (
        replace(TOP, np.zeros((50, 10), np.uint8)),
        [f"{TOP}: it has 50 rows, where 51 are expected"],
    ),
    "no images": (
        replace("observations/qpos", np.zeros((51, 13), np.float32)),
        ["observations/qpos: it holds float32 (13,), elsewhere float32 (14,)"],
    ),
    "a damaged image": (edit(bad_jpeg), ["episode_2.hdf5", f"{TOP}, row 7: a damaged JPEG image"]),
    "an image of another size": (edit(other_size), [f"{TOP}, row 3: a damaged JPEG image", "50 x 60"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("order", ["opencv", "file"])
def test_damage_is_named_and_nothing_is_left(tmp_path: Path, damage: str, order: str) -> None:
    act, said = DAMAGES[damage]
    shutil.copytree(COMPRESSED, tmp_path / "source")
    act(tmp_path / "source/episode_2.hdf5")
    if order == "file":
        said = [part.replace(", row 7", "").replace(", row 3", "").removeprefix(TOP) for part in said]
    option = ("--option", f"jpeg_channels={order}")
    assert_refused(tmp_path / "source", tmp_path, str(tmp_path / "source"), *said, options=option)


def test_all_around_a_damaged_image_can_be_read(tmp_path: Path) -> None:
    shutil.copytree(COMPRESSED, tmp_path / "source")
    edit(bad_jpeg)(tmp_path / "source/episode_2.hdf5")
    with open_reader(Source(str(tmp_path / "source"))) as reader:
        reader.facts()
        chunks = reader.chunks([TOP], range(4))
        assert [next(chunks).episode, next(chunks).episode] == [0, 1]
        with pytest.raises(ConversionError, match=r"episode_2\.hdf5"):
            next(chunks)
        assert len(read_columns(reader, [TOP], [3])[TOP]) == 32


@pytest.mark.parametrize("damage", [cut, empty, delete("action"), edit(bad_jpeg)])
def test_bad_files_are_left_out_where_that_is_asked(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """A recording that was killed leaves such a file."""
    folder = tmp_path / "source"
    shutil.copytree(COMPRESSED, folder)
    damage(folder / "episode_2.hdf5")
    plan = plan_conversion(str(folder), str(tmp_path / "x.zarr"), ConversionOptions(skip_bad=True))
    run_conversion(plan)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        lengths = [end - start for start, end in buffer.get_segments()]
        actions = buffer[:]["action"]
    assert lengths == [40, 23, 32]
    parts = [h5py.File(folder / f"episode_{number}.hdf5")["action"][()] for number in (0, 1, 3)]
    np.testing.assert_array_equal(actions, np.concatenate(parts))


def test_where_no_file_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    shutil.copytree(COMPRESSED, folder)
    for number in range(4):
        cut(folder / f"episode_{number}.hdf5")
    assert_refused(folder, tmp_path, "episode_0.hdf5: damaged HDF5 file", options=("--skip-bad",))


def test_options(tmp_path: Path) -> None:
    assert_refused(
        COMPRESSED, tmp_path, "one of opencv, file was expected", options=("--option", "jpeg_channels=bgr")
    )
