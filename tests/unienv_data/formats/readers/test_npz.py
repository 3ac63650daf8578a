"""NPZ: a file an episode, or one of all rows; against NumPy, which reads the same files."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.unienv_data.formats.reading import read_columns
from tests.unienv_data.formats.samples import DATA, convert, expectations, refusal, sha
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, detect, open_reader
from unienv_data.opening import open as open_dataset

SAMPLE = DATA / "npz_episodes"
EXPECTED = expectations(SAMPLE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sample's files, alone, in a folder that a test may change."""
    root = tmp_path / "episodes"
    root.mkdir()
    for file in SAMPLE.glob("*.npz"):
        (root / file.name).write_bytes(file.read_bytes())
    return root


def test_conversion_equals_numpys_own(folder: Path, tmp_path: Path) -> None:
    plan, rows = convert(folder, tmp_path / "x.zarr")
    assert plan.format == "npz"
    assert set(rows) == set(EXPECTED["columns_concat"])
    for name, want in EXPECTED["columns_concat"].items():
        values = rows[name]
        assert (list(values.shape), str(values.dtype), sha(values)) == (
            want["shape"],
            want["dtype"],
            want["sha256"],
        ), name
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        episodes = buffer.episodes.to_pylist()
        assert [episode["length"] for episode in episodes] == EXPECTED["lengths"]
        assert episodes[7]["source_episode"] == "episode_0007"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("ends", ["episode_ends", "stops"])
def test_one_file_of_all_rows(tmp_path: Path, save: Any, ends: str) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, NDArray[Any]] = {
        "obs.image": rng.integers(0, 256, (30, 9, 8, 3), dtype=np.uint8),
        "obs.state": np.asfortranarray(rng.normal(size=(30, 4))),
        "action": rng.normal(size=(30, 2)).astype(">f4"),
        "note": np.array([f"ünï {row}" for row in range(30)]),
        "raw": np.array([b"a", b"bc"] * 15),
    }
    save(
        tmp_path / "a.npz", **arrays, **{ends: np.array([4, 4, 19, 30])}, success=np.array([1, 0, 1, 0], bool)
    )
    options = {} if ends == "episode_ends" else {"ends": ends}
    plan, rows = convert(tmp_path / "a.npz", tmp_path / "b", format_options=options)
    np.testing.assert_array_equal(rows["obs"]["image"], arrays["obs.image"])
    np.testing.assert_array_equal(rows["obs"]["state"], arrays["obs.state"])
    np.testing.assert_array_equal(rows["action"], arrays["action"])
    assert rows["action"].dtype == np.float32
    assert rows["note"].tolist() == arrays["note"].tolist()
    assert rows["raw"].tolist() == ["a", "bc"] * 15
    with open_dataset(tmp_path / "b") as buffer:
        assert buffer.get_segments() == [(0, 4), (4, 19), (19, 30)]
        assert buffer.episodes["success"].to_pylist() == [True, True, False]
    assert not plan.notes


def test_one_file_of_one_episode(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(5))
    plan, rows = convert(tmp_path / "a.npz", tmp_path / "b")
    assert rows["x"].tolist() == [0, 1, 2, 3, 4]
    assert plan.notes == ("Nothing says where episodes end: all rows are one (--option ends=ARRAY).",)


@given(data=st.data())
def test_any_spans(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("made")
    lengths = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    order = data.draw(st.sampled_from("CF"))
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    files = []
    for number, length in enumerate(lengths):
        first = 100 * number
        files.append(
            {
                "action": np.array(np.arange(first, first + length * 3).reshape(length, 3), order=order),
                "reward": np.arange(length, dtype=np.float16),
                "obs": np.array(
                    np.arange(first, first + (length + 1) * 2).reshape(length + 1, 2), order=order
                ),
            }
        )
        save(root / f"{number}.npz", **files[-1])
    chosen = data.draw(st.lists(st.sampled_from(range(len(lengths))), unique=True, min_size=1).map(sorted))
    target = data.draw(st.integers(1, 400))
    with open_reader(Source(str(root))) as reader:
        final = {column.name: column.has_final for column in reader.facts().columns}
        assert final == {"action": False, "reward": False, "obs": True}
        assert reader.facts().lengths == tuple(lengths)
        found: dict[int, list[Any]] = {episode: [] for episode in chosen}
        for chunk in reader.chunks(["obs", "action"], chosen, target_bytes=target):
            want, stop = files[chunk.episode], chunk.start + chunk.rows
            np.testing.assert_array_equal(chunk.columns["action"], want["action"][chunk.start : stop])
            np.testing.assert_array_equal(chunk.columns["obs"], want["obs"][chunk.start : stop + 1])
            found[chunk.episode].append(chunk.rows)
        assert {episode: sum(rows) for episode, rows in found.items()} == {e: lengths[e] for e in chosen}
        assert len(read_columns(reader, ["reward"], chosen)["reward"]) == sum(lengths[e] for e in chosen)


def test_a_last_observation_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(2):
        np.savez(
            tmp_path / f"a/{number}.npz", obs=np.arange(4) + 10 * number, action=np.zeros(3), goal=np.ones(7)
        )
    _, rows = convert(tmp_path / "a", tmp_path / "b")
    assert rows["obs"].tolist() == [0, 1, 2, 10, 11, 12]
    assert rows["next_obs"].tolist() == [1, 2, 3, 11, 12, 13]
    with open_dataset(tmp_path / "b") as buffer:
        assert buffer.episodes["goal"].to_pylist() == [[1.0] * 7] * 2


def test_each_array_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", obs=np.arange(1001), action=np.zeros(1000))
    opened = []
    open_member = zipfile.ZipFile.open
    monkeypatch.setattr(
        zipfile.ZipFile,
        "open",
        lambda self, name, *more: [opened.append(name), open_member(self, name, *more)][1],
    )
    with open_reader(Source(str(tmp_path / "a.npz"))) as reader:
        reader.facts()
        opened.clear()
        assert len(list(reader.chunks(["obs", "action"], [0], target_bytes=64))) > 200
    assert opened == ["obs.npy", "action.npy"]


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "gone_off",))

    np.savez(tmp_path / "a.npz", x=np.arange(2), bomb=np.array([Bomb(), Bomb()], object))
    message = refusal(tmp_path / "a.npz", tmp_path)
    assert "bomb holds Python objects, pickled, which are never loaded" in message
    assert not (tmp_path / "gone_off").exists()
    pickle.loads(pickle.dumps(Bomb()))
    assert (tmp_path / "gone_off").exists(), "the test is able to fail"
    _, rows = convert(tmp_path / "a.npz", tmp_path / "b", exclude=("bomb",))
    assert rows["x"].tolist() == [0, 1]


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def change(number: int, act: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        path = root / f"episode_{number:04d}.npz"
        with np.load(path) as archive:
            arrays = dict(archive)
        act(arrays)
        np.savez(path, **arrays)

    return damage


def flip(root: Path) -> None:
    path = root / "episode_0003.npz"
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("image.npy").header_offset + 3000
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(bytes(data))


def shorten(root: Path) -> None:
    """An array whose header promises more rows than follow."""
    path = root / "episode_0003.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    with zipfile.ZipFile(path, "w") as archive:
        for name, values in arrays.items():
            file = io.BytesIO()
            np.save(file, values)
            data = file.getvalue()
            archive.writestr(f"{name}.npy", data[:-100] if name == "state" else data)


DAMAGES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "a file is cut": (
        lambda root: (root / "episode_0003.npz").write_bytes((root / "episode_0003.npz").read_bytes()[:9000]),
        ["episode_0003.npz", "damaged or cut off"],
    ),
    "a file is empty": (
        lambda root: (root / "episode_0003.npz").write_bytes(b""),
        ["episode_0003.npz", "damaged"],
    ),
    "a file is no zip": (
        lambda root: (root / "episode_0003.npz").write_text("x" * 1000),
        ["episode_0003.npz", "not a zip file"],
    ),
    "a byte is another": (flip, ["episode_0003.npz", "the array image"]),
    "an array ends early": (shorten, ["episode_0003.npz", "the array state", "ends within row 12 of 25"]),
    "an array is short": (
        change(3, lambda arrays: arrays.update(image=arrays["image"][:20])),
        ["episode_0003.npz", "the array image has the shape [20, 96, 96, 3]", "25 rows"],
    ),
    "an array is missing": (
        change(3, lambda arrays: arrays.pop("image")),
        ["episode_0003.npz", "the array image is missing"],
    ),
    "an array is wider": (
        change(3, lambda arrays: arrays.update(state=np.zeros((25, 3), np.float32))),
        ["episode_0003.npz", "the array state is float32 [3] a row, in episode_0000.npz it is float32 [2]"],
    ),
    "an array of another type": (
        change(3, lambda arrays: arrays.update(state=np.zeros((25, 2)))),
        ["episode_0003.npz", "the array state is float64 [2] a row"],
    ),
    "nothing in them": (
        lambda root: [file.write_bytes(npz(a=1.0)) for file in root.iterdir()],
        ["there are no arrays with a row a step"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_paragraph(folder: Path, tmp_path: Path, damage: str) -> None:
    act, said = DAMAGES[damage]
    act(folder)
    message = refusal(folder, tmp_path)
    for part in said:
        assert part in message


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([4, 2, 9], "do not rise"),
        (
            [4, 8],
            "the last episode ends after row 8, by episode_ends, but no array has as many rows: x has 9",
        ),
        ([[4, 9]], "integers, one an episode, were expected in episode_ends"),
        ([4.0, 9.0], "integers, one an episode, were expected in episode_ends"),
    ],
)
def test_ends_that_cannot_be(tmp_path: Path, ends: Any, said: str) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(9), episode_ends=np.array(ends))
    assert said in refusal(tmp_path / "a.npz", tmp_path)


def test_options_that_cannot_be(folder: Path, tmp_path: Path) -> None:
    assert "it is for a single file; here are 10" in refusal(folder, tmp_path, "--option", "ends=x")
    file = folder / "episode_0000.npz"
    assert "there is no array 'x'" in refusal(file, tmp_path, "--option", "ends=x")


def test_all_before_a_damaged_episode_comes(folder: Path) -> None:
    flip(folder)
    with open_reader(Source(str(folder))) as reader:
        assert len(read_columns(reader, ["image"], [0, 1, 2])["image"]) == 140
        with pytest.raises(ConversionError, match="episode_0003"):
            read_columns(reader, ["image"], [3])
        assert len(read_columns(reader, ["image"], range(4, 10))["image"]) == 315


def test_what_a_writer_of_ours_says_comes_back(tmp_path: Path) -> None:
    from unienv_data.formats.writers.npz import NPZWriter

    np.savez(
        tmp_path / "a.npz",
        **{"obs.state": np.arange(12.0).reshape(6, 2), "task": np.array(list("aabbcc"))},
        episode_ends=np.array([2, 6]),
        success=np.array([True, False]),
    )
    with open_reader(Source(str(tmp_path / "a.npz"))) as reader:
        facts = reader.facts()
        with NPZWriter.open(tmp_path / "b", facts) as writer:
            for chunk in reader.chunks(["obs.state", "task"], [0, 1]):
                writer.write(chunk)
            writer.finish()
        with open_reader(Source(str(tmp_path / "b"))) as again:
            assert again.facts().space == facts.space
            assert again.facts().episodes.to_pylist() == facts.episodes.to_pylist()
            both = [read_columns(each, ["obs.state", "task"], [0, 1]) for each in (reader, again)]
    for name, values in both[0].items():
        np.testing.assert_array_equal(both[1][name], values)


def test_detected(folder: Path) -> None:
    assert detect(Source(str(folder))).name == "npz"
    assert detect(Source(str(folder / "episode_0000.npz"))).name == "npz"
