"""Finding the reader of a source."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import pytest

from unienv_data.errors import ConversionError
from unienv_data.formats import (
    Chunk,
    Facts,
    Reader,
    Source,
    detect,
    format_names,
    open_reader,
    reader_class,
    registry,
)
from unienv_data.formats.readers.lerobot.v30.reader import LeRobotV30Reader

PUSHT = Path(__file__).parents[3] / "examples/data/lerobot_v30_pusht"


class OtherReader(Reader):
    """A third party's format: whatever has a file called `mine`, or all of LeRobot's."""

    name = "other"
    title = "Other"
    layout = "a file called mine"

    def __init__(self, options: Mapping[str, str] | None) -> None:
        self.options = options

    @classmethod
    def probe(cls, source: Source) -> bool:
        return "mine" in source.files or "meta/info.json" in source.files

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        return cls(options)

    def facts(self) -> Facts:
        raise ConversionError("none")

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        return None

    def chunks(self, columns: Any, episodes: Any, *, target_bytes: int = 1) -> Iterator[Chunk]:
        return iter(())

    def close(self) -> None:
        return None


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch):
    """Registers entry points for a test."""

    def register(**values: str) -> None:
        points = {name: EntryPoint(name, value, registry.ENTRY_POINT_GROUP) for name, value in values.items()}
        monkeypatch.setattr(registry, "_third_party", lambda: points)

    return register


def test_built_in() -> None:
    assert "lerobot_v30" in format_names()
    assert reader_class("lerobot_v30") is LeRobotV30Reader


@pytest.mark.parametrize("name", format_names())
def test_every_format_says_what_it_is(name: str) -> None:
    reader = reader_class(name)
    assert reader.name == name
    assert reader.title
    assert reader.layout
    assert all(extension.startswith(".") for extension in reader.extensions)


def test_detection() -> None:
    assert detect(Source(str(PUSHT))) is LeRobotV30Reader
    with open_reader(Source(str(PUSHT))) as reader:
        assert isinstance(reader, LeRobotV30Reader)


def test_unknown_name() -> None:
    with pytest.raises(ConversionError, match=r"no format 'hdf6'; known formats: .*lerobot_v30"):
        open_reader(Source(str(PUSHT)), "hdf6")


def test_nothing_fits(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ConversionError) as caught:
        detect(Source(str(tmp_path)))
    message = str(caught.value)
    assert "no known format was recognized" in message
    assert "lerobot_v30 (LeRobot v3.0): a folder with meta/info.json" in message
    assert "notes.txt" in message
    assert "--from" in message


def test_entry_points(tmp_path: Path, others: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("a_third_party")
    vars(module)["OtherReader"] = OtherReader
    monkeypatch.setitem(sys.modules, "a_third_party", module)
    others(other="a_third_party:OtherReader")
    (tmp_path / "mine").touch()
    assert "other" in format_names()
    assert detect(Source(str(tmp_path))) is OtherReader
    with open_reader(Source(str(tmp_path)), options={"a": "b"}) as reader:
        assert isinstance(reader, OtherReader)
        assert reader.options == {"a": "b"}
    with pytest.raises(ConversionError, match="choose one with --from lerobot_v30 or --from other"):
        detect(Source(str(PUSHT)))


def test_a_broken_entry_point_does_not_hide_the_others(others: Any, tmp_path: Path) -> None:
    others(broken="no_such_module:Reader", wrong="json:loads")
    assert detect(Source(str(PUSHT))) is LeRobotV30Reader
    with pytest.raises(ConversionError, match=r"broken \(no_such_module:Reader\) cannot be loaded"):
        reader_class("broken")
    with pytest.raises(ConversionError, match=r"wrong is registered as .* not a Reader"):
        reader_class("wrong")
    with pytest.raises(ConversionError, match=r"no known format.* broken .*cannot be loaded"):
        detect(Source(str(tmp_path)))


def test_built_in_names_are_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("lerobot_v30", "json:loads", registry.ENTRY_POINT_GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    registry._third_party.cache_clear()
    try:
        assert reader_class("lerobot_v30") is LeRobotV30Reader
    finally:
        registry._third_party.cache_clear()
