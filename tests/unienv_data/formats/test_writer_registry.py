"""Finding the writer of a destination."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.formats.writing import make
from unienv_data.errors import ConversionError
from unienv_data.formats import (
    Source,
    SourceColumn,
    choose_writer,
    writer_class,
    writer_names,
    writer_registry,
)
from unienv_data.formats.tabular.plain import plain_columns, strict_json
from unienv_data.formats.writers.npz import NPZWriter
from unienv_data.formats.writers.parquet import ParquetWriter
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DynamicBoxSpace


class OtherWriter(NPZWriter):
    """A third party's format."""

    name = "other"
    extensions = (".tar.npz", ".one")


class SameEndingWriter(NPZWriter):
    """Another with the ending of a built-in one."""

    name = "same"


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = ModuleType("a_third_party")
    vars(module).update(OtherWriter=OtherWriter, SameEndingWriter=SameEndingWriter)
    monkeypatch.setitem(sys.modules, "a_third_party", module)

    def register(**values: str) -> None:
        group = writer_registry.WRITER_ENTRY_POINT_GROUP
        points = {name: EntryPoint(name, value, group) for name, value in values.items()}
        monkeypatch.setattr(writer_registry, "_third_party", lambda: points)

    return register


@pytest.mark.parametrize("name", writer_names())
def test_every_format_says_what_it_is(name: str) -> None:
    writer = writer_class(name)
    assert writer.name == name
    assert writer.title
    assert all(extension.startswith(".") for extension in writer.extensions)
    assert writer.members or writer.extensions, "or none could ever be replaced"
    assert all(sentence for sentence in writer.option_help.values())


def test_by_name_and_by_ending() -> None:
    assert choose_writer("x.npz") is NPZWriter
    assert choose_writer("s3://bucket/X.NPZ/") is NPZWriter
    assert choose_writer("x.parquet") is ParquetWriter
    assert choose_writer("x.npz", "parquet") is ParquetWriter
    assert choose_writer("x.zarr") is None
    assert choose_writer("x") is None
    assert choose_writer("x.npz", "unienv_data") is None
    with pytest.raises(
        ConversionError, match=r"no format 'hdf6' to convert to; known are .*npz.*unienv_data"
    ):
        choose_writer("x", "hdf6")


def test_entry_points(others: Any) -> None:
    others(other="a_third_party:OtherWriter")
    assert "other" in writer_names()
    assert choose_writer("x.one") is OtherWriter
    assert choose_writer("x.tar.npz") is OtherWriter, "the longest ending"
    assert choose_writer("x.npz") is NPZWriter
    others(same="a_third_party:SameEndingWriter")
    with pytest.raises(ConversionError, match="choose one with --to npz or --to same"):
        choose_writer("x.npz")
    others(broken="no_such_module:Writer", wrong="json:loads")
    with pytest.raises(ConversionError, match=r"broken .*cannot be loaded"):
        writer_class("broken")
    with pytest.raises(ConversionError, match="not a Writer"):
        writer_class("wrong")


def test_what_may_be_replaced(tmp_path: Path) -> None:
    def is_recording(*names: str) -> bool:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        folder.mkdir(exist_ok=True)
        return NPZWriter.is_recording(Source(str(folder)))

    assert is_recording("episode_0000.npz", "about.json")
    assert not is_recording("episode_0000.npz", "notes.txt")
    assert not is_recording()
    (tmp_path / "x.npz").touch()
    (tmp_path / "x.txt").touch()
    assert NPZWriter.is_recording(Source(str(tmp_path / "x.npz")))
    assert not NPZWriter.is_recording(Source(str(tmp_path / "x.txt")))


def test_every_column_that_does_not_fit_is_named() -> None:
    facts = make({"x": np.zeros(19), "note": np.array(["a"] * 19, dtype=object)}).facts
    box = BoxSpace(NumpyComputeBackend, 0, 1, dtype=np.float32, shape=(2,))
    ragged = DynamicBoxSpace(NumpyComputeBackend, 0, 1, (0,), (4,), dtype=np.float32)
    odd = SourceColumn("odd", ("a", "odd"), ragged)
    many = type(facts)("made", "1", (*facts.columns, odd), facts.episodes, 1)
    with pytest.raises(ConversionError, match=r"2 of the columns.*note holds texts; a/odd is a DynamicBox"):
        plain_columns(many, "This", texts=False)
    twice = (SourceColumn("1", ("a", "b"), box), SourceColumn("2", ("a.b",), box))
    with pytest.raises(ConversionError, match=r"two columns a\.b"):
        plain_columns(type(facts)("made", "1", twice, facts.episodes, 1), "This")


def test_strict_json() -> None:
    text = strict_json({"a": [np.float32(1.5), float("nan"), -np.inf], 1: (b"x", None, True, np.int64(3))})
    assert text == '{"a": [1.5, "NaN", "-Infinity"], "1": ["b\'x\'", null, true, 3]}'
