"""What views say that they will read is what they read then: nothing else comes, nothing more is asked."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import fsspec
import numpy as np
import pytest

import unienv_data
from tests.unienv_data.store.cache.datasets import ROWS, SHARDS, SPACE, batch, make
from tests.unienv_data.store.cache.making import wait_for
from unienv_data import ReplayBuffer
from unienv_data.batches import (
    AlignedBatch,
    CombinedBatch,
    FrameStackedBatch,
    SliceStackedBatch,
    SubIndexedBatch,
    SubItemBatch,
    ToBackendOrDeviceBatch,
    TransformedBatch,
)
from unienv_data.store.objects.remote import FsspecObjects
from unienv_data.store.resident import budget
from unienv_interface.backends.numpy import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace
from unienv_interface.transformations import IdentityTransformation

BUFFER = 1 << 20
EPISODE = 100
ALL = ("frame", "state", "note")


class Reads:
    """Whole objects and ranges that are asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.whole: list[str] = []
        self.parts: list[str] = []
        read, read_ranges, read_end = (
            FsspecObjects.read,
            FsspecObjects.read_ranges,
            FsspecObjects.read_end,
        )

        def counted(objects: Any, name: str) -> bytes:
            self.whole.append(f"{objects.url}/{name}")
            return read(objects, name)

        def counted_ranges(objects: Any, ranges: Sequence[Any]) -> Any:
            self.parts += [f"{objects.url}/{item.name}" for item in ranges]
            return read_ranges(objects, ranges)

        def counted_end(objects: Any, name: str, length: int) -> bytes:
            self.parts.append(f"{objects.url}/{name}")
            return read_end(objects, name, length)

        monkeypatch.setattr(FsspecObjects, "read", counted)
        monkeypatch.setattr(FsspecObjects, "read_ranges", counted_ranges)
        monkeypatch.setattr(FsspecObjects, "read_end", counted_end)

    def shards(self) -> set[Shard]:
        """Column and number of every shard that was asked for, but those of the texts' values."""
        found = set()
        for url in self.whole + self.parts:
            parts = url.split("/")
            if parts[-1].startswith("c.") and parts[-2] != "values":
                column = parts[-3] if parts[-2] == "index" else parts[-2]
                found.add((column, int(parts[-1].split(".")[1])))
        return found


@pytest.fixture
def urls() -> Iterator[list[str]]:
    root = uuid.uuid4().hex
    made = [f"memory://{root}/{name}.zarr" for name in ("a", "b")]
    for salt, url in enumerate(made):
        make(url, salt, sealed=True)
    yield made
    fsspec.filesystem("memory").rm(f"/{root}", recursive=True)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def shards_of(rows: Any, columns: Sequence[str] = ALL) -> set[Shard]:
    """By hand: which shards hold rows."""
    return {(column, int(row) // SHARDS[column]) for column in columns for row in rows}


def windows(rows: Any, steps: Sequence[int]) -> list[int]:
    """By hand: the rows that windows show, which end where episodes do."""
    shown = []
    for row in rows:
        first = row - row % EPISODE
        shown += [min(max(row + step, first), first + EPISODE - 1) for step in steps]
    return shown


Shard = tuple[str, int]
"""A column, and the number of a shard."""

Case = tuple[Callable[[Any], Any], Callable[[Any], set[Shard]]]
"""A view of a buffer, and which shards hold its rows."""

PART = DictSpace(B, {"state": SPACE["state"], "extra": BoxSpace(B, 0, 1, np.float32, shape=())})
CASES: dict[str, Case] = {
    "buffer": (lambda buffer: buffer, shards_of),
    "slice": (lambda buffer: buffer.get_slice(range(300, 90, -3)), lambda rows: shards_of(300 - 3 * rows)),
    "picked rows": (
        lambda buffer: SubIndexedBatch(buffer, np.arange(0, ROWS, 7)),
        lambda rows: shards_of(7 * rows),
    ),
    "column": (lambda buffer: buffer.get_column(["state"]), lambda rows: shards_of(rows, ["state"])),
    "column of a slice": (
        lambda buffer: SubItemBatch(buffer.get_slice(range(200, 400)), ["frame"]),
        lambda rows: shards_of(rows + 200, ["frame"]),
    ),
    "transformed": (lambda buffer: TransformedBatch(buffer, IdentityTransformation()), shards_of),
    "transformed column": (
        lambda buffer: TransformedBatch(buffer.get_column("frame"), IdentityTransformation()),
        lambda rows: shards_of(rows, ["frame"]),
    ),
    "moved": (
        lambda buffer: ToBackendOrDeviceBatch(buffer.get_slice(slice(50, None)), B),
        lambda rows: shards_of(rows + 50),
    ),
    "aligned": (lambda buffer: AlignedBatch(buffer, PART), lambda rows: shards_of(rows, ["state"])),
}

WINDOWS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], set[Shard]], Callable[[Any], set[Shard]]]] = {
    "frames": (
        lambda buffer: FrameStackedBatch(buffer, 3, 2),
        shards_of,
        lambda rows: shards_of(windows(rows, range(-3, 3))),
    ),
    "windows by column": (
        lambda buffer: SliceStackedBatch(buffer, {"state": [-40, 0, 40], "frame": [0, 1]}),
        shards_of,
        lambda rows: (
            shards_of(windows(rows, [-40, 0, 40]), ["state"])
            | shards_of(windows(rows, [0, 1]), ["frame"])
            | shards_of(rows, ["note"])
        ),
    ),
    "windows of a column": (
        lambda buffer: SliceStackedBatch(buffer, [0, 30]).get_column("state"),
        lambda rows: shards_of(rows, ["state"]),
        lambda rows: shards_of(windows(rows, [0, 30]), ["state"]),
    ),
    "complete windows": (
        lambda buffer: SliceStackedBatch(buffer, [0, 10]).complete(),
        lambda rows: shards_of(rows + rows // 90 * 10),
        lambda rows: shards_of([row + row // 90 * 10 + step for row in rows for step in (0, 10)]),
    ),
    "windows of a slice": (
        lambda buffer: FrameStackedBatch(buffer.get_slice(range(100, 200)), 2, 0),
        lambda rows: shards_of(rows + 100),
        lambda rows: shards_of(windows(rows + 100, [-2, -1, 0])),
    ),
}
"""As above; and which shards hold what windows show."""


def leaves_of(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves_of(part)]
    return [value]


@pytest.fixture(params=["0", str(1 << 30)], ids=["nothing resident", "resident"])
def resident(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv(budget.BYTES_VARIABLE, request.param)
    monkeypatch.setenv(budget.FOLDER_VARIABLE, str(tmp_path / "resident"))


def asked_in_reading(
    url: str, make_view: Callable[[Any], Any], held_by: Callable[[Any], set[Shard]], reads: Reads
) -> tuple[Any, set[Shard]]:
    """Expect rows, see that what holds them comes and nothing else, and read them.

    Returns:
        The rows, and the shards that reading them has asked for.
    """
    with ReplayBuffer.load_from(url) as plain:
        view = make_view(plain)
        rows = np.random.default_rng(1).integers(0, min(len(view), 60), 25)
        expected = leaves_of(view.get_at(rows))
    with unienv_data.open(url) as buffer:
        view = make_view(buffer)
        view._stream(BUFFER)
        reads.whole.clear()
        reads.parts.clear()
        expectation = view._expect(rows, [()])
        wanted = held_by(rows)
        wait_for(lambda: reads.shards() == wanted and _is_quiet(buffer))
        assert reads.parts == []
        assert len(reads.whole) == len(set(reads.whole))
        reads.whole.clear()
        found = leaves_of(view.get_at(rows))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
        expectation.release()
    return rows, reads.shards()


@pytest.mark.parametrize("case", CASES)
def test_views_say_what_they_will_read(case: str, resident: None, urls: list[str], reads: Reads) -> None:
    asked_in_reading(urls[0], *CASES[case], reads)
    assert reads.whole + reads.parts == []


@pytest.mark.parametrize("case", WINDOWS)
def test_windows_ask_for_their_edges_only(case: str, resident: None, urls: list[str], reads: Reads) -> None:
    make_view, held_by, shown_from = WINDOWS[case]
    rows, asked = asked_in_reading(urls[0], make_view, held_by, reads)
    assert asked == shown_from(rows) - held_by(rows)
    assert not [url for url in reads.whole if "/columns/" in url]


def _is_quiet(buffer: Any) -> bool:
    """Whether nothing is being brought, that of which the index tells too."""
    fetcher = buffer.storage.objects._near.fetcher
    with fetcher._mutex:
        texts = {name for name in fetcher._pins if "/note/" in name}
        is_told = not texts or any("/values/" in name for name in texts)
        return is_told and not fetcher._queue and not fetcher._under_way


def test_of_several_batches_each_is_told(urls: list[str], reads: Reads) -> None:
    with unienv_data.open(urls[0]) as first, unienv_data.open(urls[1]) as second:
        both = CombinedBatch([first, second.get_slice(range(100))])
        both._stream(BUFFER)
        rows = np.array([3, ROWS + 40, 70, ROWS + 2])
        reads.whole.clear()
        expectation = both._expect(rows, [("state",)])
        names = [f"{urls[0]}/storage/columns/state/c.{i}.0" for i in (0, 1)]
        names.append(f"{urls[1]}/storage/columns/state/c.0.0")
        wait_for(lambda: sorted(reads.whole) == names and _is_quiet(first) and _is_quiet(second))
        reads.whole.clear()
        found = both.get_column("state").get_at(rows)
        np.testing.assert_array_equal(found[[0, 2]], batch([3, 70])["state"])
        np.testing.assert_array_equal(found[[1, 3]], batch([40, 2], 1)["state"])
        assert reads.whole + reads.parts == []
        expectation.release()


def test_no_rows_and_no_columns_are_nothing(urls: list[str], reads: Reads) -> None:
    with unienv_data.open(urls[0]) as buffer:
        buffer._stream(BUFFER)
        reads.whole.clear()
        for view in (buffer, FrameStackedBatch(buffer, 1, 1), CombinedBatch([buffer]), buffer.get_slice([1])):
            view._expect(range(0), [()]).release()
            view._expect(range(1), []).release()
        assert reads.shards() == set()


def test_without_a_stream_nothing_comes(urls: list[str], reads: Reads) -> None:
    with unienv_data.open(urls[0]) as buffer:
        reads.whole.clear()
        buffer._expect(range(ROWS), [()]).release()
        assert reads.whole + reads.parts == []


def test_of_a_tail_all_or_nothing_comes(reads: Reads) -> None:
    root = uuid.uuid4().hex
    url = f"memory://{root}/d.zarr"
    make(url)
    try:
        with unienv_data.open(url) as buffer:
            buffer._stream(BUFFER)
            reads.whole.clear()
            held = buffer._expect(range(ROWS - 2, ROWS), [("state",)])
            assert reads.whole + reads.parts == []  # most of it are other columns
            held.release()
            held = buffer._expect(range(ROWS - 2, ROWS), [()])
            wait_for(lambda: len(reads.whole) >= 1 and _is_quiet(buffer))
            assert ["/tails/" in url for url in reads.whole] == [True]
            reads.whole.clear()
            value = buffer.get_at(range(ROWS - 2, ROWS))
            np.testing.assert_array_equal(value["state"], batch([ROWS - 2, ROWS - 1])["state"])
            assert reads.whole + reads.parts == []
            held.release()
    finally:
        fsspec.filesystem("memory").rm(f"/{root}", recursive=True)
