"""The reader of datasets of this library."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, Self

from unienv_data.columns import ColumnInfo, ColumnNode, columns_of
from unienv_data.errors import ConversionError, CorruptDataError, DatasetError
from unienv_data.formats.base import (
    DEFAULT_CHUNK_BYTES,
    Chunk,
    EncodedForm,
    Facts,
    Reader,
    SourceColumn,
    check_options,
    row_bytes,
)
from unienv_data.formats.naming import Path
from unienv_data.formats.readers.own_store.episodes import Span, episode_table, spans_of
from unienv_data.formats.source import Source
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.ring import slots_of
from unienv_data.schema.commit import FORMAT_NAME, FORMAT_VERSION
from unienv_data.storages import CommittingStorage, ZarrStorage
from unienv_data.store.commits import HINT
from unienv_interface.space import BoxSpace, DictSpace
from unienv_interface.space.space import AnySpace

__all__ = ["OwnStoreReader"]

COMMIT = "commit"
COLUMNS = "columns"
SOURCE = "source"
EARLIER = "earlier_sources"


class OwnStoreReader(Reader):
    """Reads a dataset of this library: every space, its attributes and its episode table, as of one commit.

    Rows that the store keeps by frame or in pieces of video can be had as they are encoded.
    """

    name = "unienv_data"
    title = "a dataset of ours"
    layout = "a folder with storage/commits"
    option_help: ClassVar[Mapping[str, str]] = {
        COMMIT: "the number of the commit to read; the newest without it"
    }

    def __init__(self, source: Source, commit: int | None) -> None:
        self._source = source
        self._commit = commit
        self._opened: ReplayBuffer[Any, Any, Any, Any, Any] | None = None

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are commits, or a hint at them."""
        if any(name.startswith(("storage/commits/", "commits/")) for name in source.files):
            return True
        if HINT not in source.files:
            return False
        try:
            hint = json.loads(source.read(HINT))
        except (ConversionError, ValueError):
            return False
        return isinstance(hint, dict) and hint.get("format") == FORMAT_NAME

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the newest commit, or of the one that was chosen."""
        given = check_options(cls, options).get(COMMIT)
        if given is not None and not given.isdecimal():
            raise ConversionError(f"option {COMMIT}: the number of a commit was expected, not {given!r}")
        return cls(source, None if given is None else int(given))

    def facts(self) -> Facts:
        """What the dataset holds."""
        return self._facts

    @property
    def _buffer(self) -> ReplayBuffer[Any, Any, Any, Any, Any]:
        if self._opened is None:
            with _telling(self._source):
                self._opened = ReplayBuffer.load_from(
                    self._source.uri,
                    commit=self._commit,
                    storage_options=dict(self._source.storage_options),
                )
        return self._opened

    @cached_property
    def _infos(self) -> tuple[ColumnInfo, ...]:
        storage = self._buffer.storage
        return storage.describe() if isinstance(storage, CommittingStorage) else ()

    @cached_property
    def _spans(self) -> list[tuple[Span, int | None]]:
        return spans_of(self._buffer.get_segments(), len(self._buffer))

    @cached_property
    def _leaves(self) -> dict[str, tuple[Path, AnySpace]]:
        leaves = _leaves_of(self._buffer.single_space)
        return {self._root.below(path).name or "value": (path, space) for path, space in leaves}

    @cached_property
    def _root(self) -> ColumnNode:
        return columns_of(self._buffer.single_space)

    @cached_property
    def _facts(self) -> Facts:
        attributes = self._buffer.attributes
        said = attributes.pop(COLUMNS, {})
        # How this dataset came to be: the next one says that it comes from here.
        sources = [*attributes.pop(EARLIER, []), attributes.pop(SOURCE, None)]
        if any(sources):
            attributes[EARLIER] = [source for source in sources if source]
        stored = sum(info.stored_bytes for info in self._infos)
        with _telling(self._source):
            episodes = episode_table(self._buffer.episodes, self._spans)
        return Facts(
            format=self.name,
            version=str(FORMAT_VERSION),
            columns=tuple(
                self._column(name, path, space, said.get(name) if isinstance(said, dict) else None)
                for name, (path, space) in self._leaves.items()
            ),
            episodes=episodes,
            source_bytes=stored or self._source.total_bytes,
            attributes=attributes,
            notes=tuple(self._notes()),
        )

    def _column(self, name: str, path: Path, space: AnySpace, said: Any) -> SourceColumn:
        kept = dict(said) if isinstance(said, dict) else {}
        kept.pop("copied", None)
        lossy = kept.pop("lossy", None)
        if lossy is None:
            lossy = next((info.codec.split(":")[0] for info in self._infos_of(name) if info.lossy), None)
        return SourceColumn(name, path, space, lossy, kept, self._encoded_form(name, path, space))

    def _infos_of(self, name: str) -> list[ColumnInfo]:
        own = {spec.name for spec in self._root.below(self._leaves[name][0]).specs}
        return [info for info in self._infos if info.name in own]

    def _encoded_form(self, name: str, path: Path, space: AnySpace) -> EncodedForm | None:
        storage = self._buffer.storage
        if not isinstance(storage, ZarrStorage) or not storage.gives_encoded(path):
            return None
        # What is appended encoded is not looked at, so that bounds cannot be kept.
        if isinstance(space, BoxSpace) and (space.bounds.restricts_low() or space.bounds.restricts_high()):
            return None
        (info,) = self._infos_of(name)
        return EncodedForm(info.codec, info.chunk_rows, -(-info.stored_bytes // max(1, len(storage))))

    def _notes(self) -> Iterator[str]:
        loose = sum(stop - start for (start, stop), number in self._spans if number is None)
        if loose and len(self._spans) > 1:
            yield f"{loose} rows belong to no ended episode; they become episodes of their own."

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """See that what is to be read can be: the last row of each column is read."""
        last = max((self._spans[episode][0][1] - 1 for episode in episodes), default=None)
        if last is not None:
            self._decoded(columns, range(last, last + 1))

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes."""
        weight = sum(self._weight(name, name in encoded) for name in columns)
        rows_at_once = max(1, target_bytes // max(1, weight))
        decoded = [name for name in columns if name not in encoded]
        for episode in episodes:
            first, last = self._spans[episode][0]
            for start in range(first, last, rows_at_once):
                rows = range(start, min(start + rows_at_once, last))
                values = self._decoded(decoded, rows)
                values |= {name: self._encoded(name, rows) for name in columns if name in encoded}
                yield Chunk(
                    episode,
                    start - first,
                    len(rows),
                    {name: values[name] for name in columns},
                    ends_episode=rows.stop == last,
                )

    def _weight(self, name: str, is_encoded: bool) -> int:
        """About what a row takes in memory."""
        infos = self._infos_of(name)
        rows = max(1, len(self._buffer.storage))
        if is_encoded:
            return sum(info.stored_bytes for info in infos) // rows + 1
        return max(row_bytes([self._leaves[name][1]]), sum(info.raw_bytes for info in infos) // rows)

    def _decoded(self, columns: Sequence[str], rows: range) -> dict[str, Any]:
        if not columns:
            return {}
        paths = [self._leaves[name][0] for name in columns]
        with self._reading(rows):
            values = self._buffer.storage.get_parts(self._slots(rows), paths)
        return dict(zip(columns, values, strict=True))

    def _encoded(self, name: str, rows: range) -> Any:
        storage = self._buffer.storage
        found = None
        if isinstance(storage, ZarrStorage):
            with self._reading(rows):
                found = storage.get_encoded(self._slots(rows), self._leaves[name][0])
        return self._decoded([name], rows)[name] if found is None else found

    def _slots(self, rows: range) -> Any:
        return slots_of(rows, self._buffer.offset, self._buffer.capacity)

    @contextmanager
    def _reading(self, rows: range) -> Iterator[None]:
        with _telling(self._source, f", rows {rows.start} to {rows.stop - 1}"):
            yield

    def close(self) -> None:
        """Close the dataset."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def _leaves_of(space: AnySpace, path: Path = ()) -> Iterator[tuple[Path, AnySpace]]:
    """What is one value to a user, tuples, graphs and unions whole."""
    if isinstance(space, DictSpace) and len(space):
        for key, member in space.spaces.items():
            yield from _leaves_of(member, (*path, key))
    else:
        yield path, space


@contextmanager
def _telling(source: Source, which: str = "") -> Iterator[None]:
    """Where damage may be found, which is told by the place."""
    try:
        yield
    except (CorruptDataError, DatasetError) as exc:
        raise ConversionError(f"{source.where()}{which}: {exc}") from exc
