"""What is said of RLDS datasets that are damaged, cut off or of another kind; and nothing is left behind."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import requires_imagecodecs
from tests.unienv_data.formats.reading import read_columns
from unienv_data.cli.app import app
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, open_reader
from unienv_data.opening import open as open_dataset

pytestmark = requires_imagecodecs

DATA = Path(__file__).parents[3] / "data/rlds_features"
TFRECORD = "tfrecord/toy-train.tfrecord-00000-of-00001"
ARRAY_RECORD = "array_record/toy-train.array_record-00000-of-00001"
Damage = Callable[[Path], Any]


def cut(name: str, size: int) -> Damage:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:size])


def flip(name: str, place: int) -> Damage:
    def damage(root: Path) -> None:
        data = bytearray((root / name).read_bytes())
        data[place] ^= 0xFF
        (root / name).write_bytes(data)

    return damage


def edit(name: str, change: Callable[[Any], Any]) -> Damage:
    def damage(root: Path) -> None:
        document = json.loads((root / name).read_text())
        change(document)
        (root / name).write_text(json.dumps(document))

    return damage


def steps_of(document: Any) -> Any:
    return document["featuresDict"]["features"]["steps"]["sequence"]["feature"]["featuresDict"]["features"]


def tensor(shape: list[str], dtype: str = "float32") -> Any:
    return {
        "pythonClassName": "x",
        "tensor": {"dtype": dtype, "shape": {"dimensions": shape}, "encoding": "none"},
    }


INFO = "tfrecord/dataset_info.json"
FEATURES = "tfrecord/features.json"

DAMAGES: dict[str, tuple[str, Damage, list[str]]] = {
    "cut in a record": ("tfrecord", cut(TFRECORD, 40_000), [TFRECORD, "record 3 is cut off", "12,067 bytes"]),
    "cut in a header": ("tfrecord", cut(TFRECORD, 3), [TFRECORD, "record 0 is cut off in its header"]),
    "empty": ("tfrecord", cut(TFRECORD, 0), [TFRECORD, "0 records", "gives it 4"]),
    "a damaged length": ("tfrecord", flip(TFRECORD, 0), [TFRECORD, "record 0 has a damaged length"]),
    "a damaged value": ("tfrecord", flip(TFRECORD, 2500), [TFRECORD, "record 0 is damaged", "checksum"]),
    "no shard": (
        "tfrecord",
        lambda root: (root / TFRECORD).unlink(),
        [TFRECORD, "the file is missing"],
    ),
    "no info": ("tfrecord", lambda root: (root / INFO).unlink(), ["no dataset_info.json"]),
    "info is no JSON": ("tfrecord", cut(INFO, 30), [INFO, "not JSON"]),
    "info without splits": (
        "tfrecord",
        edit(INFO, lambda info: info.pop("splits")),
        [INFO, "splits is None, where a list was expected"],
    ),
    "other files": (
        "tfrecord",
        edit(INFO, lambda info: info.update(fileFormat="riegeli")),
        [INFO, "in riegeli files", "tfds convert_format"],
    ),
    "wrong counts": (
        "tfrecord",
        edit(INFO, lambda info: info["splits"][0].update(shardLengths=["5"])),
        [TFRECORD, "4 records", "gives it 5"],
    ),
    "no features": ("tfrecord", lambda root: (root / FEATURES).unlink(), [FEATURES, "missing"]),
    "no steps": (
        "tfrecord",
        edit(FEATURES, lambda doc: doc["featuresDict"]["features"].pop("steps")),
        [FEATURES, "no `steps`"],
    ),
    "old features": (
        "tfrecord",
        edit(FEATURES, lambda doc: doc.pop("pythonClassName")),
        [FEATURES, "version 4.4"],
    ),
    "another shape": (
        "tfrecord",
        edit(FEATURES, lambda doc: steps_of(doc).update(mask=tensor(["4"]))),
        [TFRECORD, "record 0", "steps/mask", "left over"],
    ),
    "a smaller shape": (
        "tfrecord",
        edit(FEATURES, lambda doc: steps_of(doc).update(mask=tensor([]))),
        [TFRECORD, "record 0", "steps/mask has more values than the 3 steps take"],
    ),
    "a feature that is not there": (
        "tfrecord",
        edit(FEATURES, lambda doc: steps_of(doc).update(lost=tensor([]))),
        [TFRECORD, "record 0", "steps/lost ends after 0 of 3 steps"],
    ),
    "too small a type": (
        "tfrecord",
        edit(
            FEATURES,
            lambda doc: steps_of(doc)["observation"]["featuresDict"]["features"].update(
                u8=tensor(["2", "3"], "int8")
            ),
        ),
        [TFRECORD, "steps/observation/u8", "does not fit int8"],
    ),
    "texts that are numbers": (
        "tfrecord",
        edit(FEATURES, lambda doc: steps_of(doc).update(label={"pythonClassName": "x", "text": {}})),
        [TFRECORD, "steps/label", "int64 numbers where bytes are expected"],
    ),
    "another image size": (
        "tfrecord",
        edit(
            FEATURES,
            lambda doc: steps_of(doc)["observation"]["featuresDict"]["features"]["rgb"]["image"].update(
                shape={"dimensions": ["12", "17", "3"]}
            ),
        ),
        [TFRECORD, "record 0", "rgb", "(12, 17, 3)"],
    ),
    "array records cut": (
        "array_record",
        cut(ARRAY_RECORD, 1 << 16),
        [ARRAY_RECORD, "no postscript", "cut off"],
    ),
    "array records cut short": ("array_record", cut(ARRAY_RECORD, 900), [ARRAY_RECORD, "cut off"]),
    "array records of another kind": (
        "array_record",
        flip(ARRAY_RECORD, 0),
        [ARRAY_RECORD, "no ArrayRecord"],
    ),
    "a damaged chunk": ("array_record", flip(ARRAY_RECORD, 130), [ARRAY_RECORD, "damaged"]),
    "a damaged header of a chunk": ("array_record", flip(ARRAY_RECORD, 64 + 24), [ARRAY_RECORD, "no chunk"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_leaves_nothing(damage: str, tmp_path: Path) -> None:
    folder, act, said = DAMAGES[damage]
    shutil.copytree(DATA / folder, tmp_path / "in" / folder)
    act(tmp_path / "in")
    place = tmp_path / "out"
    place.mkdir()
    source = str(tmp_path / "in" / folder)
    outcome = CliRunner().invoke(
        app, ["convert", source, str(place / "x.zarr"), "--exclude", "words", "--frames", "lossless"]
    )
    assert outcome.exit_code == 2, outcome.output
    assert not list(place.iterdir())
    message = outcome.stderr.strip()
    assert "\n\n" not in message
    joined = " ".join(message.split())
    for part in said:
        assert part.replace(" ", "") in joined.replace(" ", ""), message


def test_an_unreadable_column_is_named(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["convert", str(DATA / "tfrecord"), str(tmp_path / "x.zarr")])
    assert outcome.exit_code == 2
    assert "list of texts" in " ".join(outcome.stderr.split())
    assert not list(tmp_path.iterdir())


def test_what_is_whole_comes_before_what_is_damaged(tmp_path: Path) -> None:
    shutil.copytree(DATA / "tfrecord", tmp_path / "tfrecord")
    flip(TFRECORD, 25_000)(tmp_path)
    with open_reader(Source(str(tmp_path / "tfrecord"))) as reader:
        assert reader.facts().lengths == (3, 9, 5, 7, 13, 11)
        stream = reader.chunks(["label"], range(6))
        assert [next(stream).episode, next(stream).episode] == [0, 1]
        with pytest.raises(ConversionError, match="record 2 is damaged"):
            list(stream)
        assert len(read_columns(reader, ["label"], [3, 4, 5])["label"]) == 31


def test_two_datasets_are_told_apart(tmp_path: Path) -> None:
    shutil.copytree(DATA / "tfrecord", tmp_path / "a/1.0.0")
    shutil.copytree(DATA / "tfrecord", tmp_path / "b/1.0.0")
    with (
        open_reader(Source(str(tmp_path))) as reader,
        pytest.raises(ConversionError, match="several datasets"),
    ):
        reader.facts()


def test_of_two_versions_the_later_is_read(tmp_path: Path) -> None:
    shutil.copytree(DATA / "tfrecord", tmp_path / "toy/1.9.0")
    shutil.copytree(DATA / "tfrecord", tmp_path / "toy/1.10.0")
    edit("toy/1.10.0/dataset_info.json", lambda info: info.update(version="1.10.0"))(tmp_path)
    with open_reader(Source(str(tmp_path))) as reader:
        assert reader.facts().version == "1.10.0"


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (cut(TFRECORD, 40_000), (3, 9, 5, 13, 11)),
        (lambda root: (root / TFRECORD).unlink(), (13, 11)),
        (flip(TFRECORD, 30_000), (3, 9, 5, 13, 11)),
        (flip(TFRECORD, 25_000), (3, 9, 7, 13, 11)),
        (cut(TFRECORD, 0), (13, 11)),
    ],
    ids=["cut", "missing", "structure", "values", "empty"],
)
def test_what_is_whole_can_be_converted(act: Damage, left: tuple[int, ...], tmp_path: Path) -> None:
    shutil.copytree(DATA / "tfrecord", tmp_path / "tfrecord")
    act(tmp_path)
    options = ConversionOptions(exclude=("words",), skip_bad=True)
    run_conversion(plan_conversion(str(tmp_path / "tfrecord"), str(tmp_path / "x.zarr"), options))
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert tuple(episode["length"] for episode in buffer.episodes.to_pylist()) == left


def test_a_late_episode_is_read_without_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    for name in ("record_places", "chunked_records"):
        place = f"unienv_data.formats.readers.rlds.episodes.{name}"
        before = getattr(sys.modules["unienv_data.formats.readers.rlds.episodes"], name)
        monkeypatch.setattr(place, lambda source, file, do=before: looked.append(file) or do(source, file))
    for folder in ("tfrecord", "array_record"):
        looked.clear()
        with open_reader(Source(str(DATA / folder))) as reader:
            assert sum(chunk.rows for chunk in reader.chunks(["label"], [5])) == 11
            assert looked == [f"toy-val.{folder}-00000-of-00001"]


def test_a_length_of_another_century_is_refused_at_once(tmp_path: Path) -> None:
    shutil.copytree(DATA / "array_record", tmp_path / "array_record")
    flip(ARRAY_RECORD, 64 + 15)(tmp_path)  # the highest byte of a chunk's size
    with open_reader(Source(str(tmp_path / "array_record"))) as reader:
        reader.facts()
        with pytest.raises(ConversionError, match="its header is damaged"):
            reader.check(["label"], range(6))
