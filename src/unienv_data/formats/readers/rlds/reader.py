"""The reader of RLDS datasets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from unienv_data.errors import CodecError, ConversionError, MissingDependencyError
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
from unienv_data.formats.media.images import image_kind
from unienv_data.formats.readers.rlds.columns import (
    ImageColumn,
    ListColumn,
    NumberColumn,
    StepColumn,
    TextColumn,
    decoded_image,
)
from unienv_data.formats.readers.rlds.episodes import (
    Episode,
    EpisodeIndex,
    Records,
    chunk_sizes,
    episode_table,
)
from unienv_data.formats.readers.rlds.example import bytes_values, features_of
from unienv_data.formats.readers.rlds.features import Leaf, Structure, parse_features
from unienv_data.formats.readers.rlds.metadata import (
    FEATURES,
    METADATA,
    Dataset,
    load_dataset,
    load_json,
    looks_like_tfds,
)
from unienv_data.formats.readers.rlds.records import Record, naming
from unienv_data.formats.source import Source
from unienv_data.store.codecs.imagefiles import rows_of_files

__all__ = ["RldsReader"]

MOST_PROBLEMS = 8

_CODECS: Mapping[str | None, str] = {"jpeg": "jpeg:95", "png": "png"}
"""By what images that are appended later are encoded, by the kind of the source's."""


class RldsReader(Reader):
    """Reads RLDS episodes from TFDS's files: TFRecord and ArrayRecord, without TensorFlow.

    Numbers have the data types of features.json; what TFDS declares as float64 it stores as float32, and so
    it has that precision. JPEG and PNG files can be kept as they are.
    """

    name = "rlds"
    title = "RLDS / TFDS"
    layout = "a folder with dataset_info.json and features.json"
    extra = "images"
    option_help: ClassVar[Mapping[str, str]] = {"split": "only the episodes of this split"}

    def __init__(self, source: Source, split: str | None) -> None:
        self._source = source
        self._split = split
        self._known: dict[str, StepColumn] = {}

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are files of records, or both descriptions."""
        return looks_like_tfds(source)

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the dataset."""
        return cls(source, check_options(cls, options).get("split"))

    def facts(self) -> Facts:
        """What the dataset holds."""
        return self._facts

    @cached_property
    def _dataset(self) -> Dataset:
        dataset = load_dataset(self._source)
        if self._split is None:
            return dataset
        kept = tuple(shard for shard in dataset.shards if shard.split == self._split)
        if not kept:
            known = ", ".join(dict.fromkeys(shard.split for shard in dataset.shards))
            raise ConversionError(f"{self._source.where()}: there is no split {self._split!r}, but {known}")
        return replace(dataset, shards=kept)

    @cached_property
    def _structure(self) -> Structure:
        name = self._dataset.folder + FEATURES
        return parse_features(load_json(self._source, name), self._source.where(name))

    @cached_property
    def _episodes(self) -> EpisodeIndex:
        return EpisodeIndex(self._source, self._dataset, self._structure)

    @cached_property
    def _leaves(self) -> dict[str, Leaf]:
        return {"/".join(leaf.path): leaf for leaf in self._structure.steps if leaf.kind != "none"}

    def _column_of(self, name: str) -> StepColumn:
        if name not in self._known:
            self._known[name] = self._column(self._leaves[name])
        return self._known[name]

    @cached_property
    def _facts(self) -> Facts:
        if not len(self._episodes):
            raise ConversionError(f"{self._source.where()}: the dataset holds no episodes")
        if self._first is None:
            problems = dict.fromkeys(each.problem for each in self._episodes if each.problem)
            told = "; ".join(list(problems)[:MOST_PROBLEMS])
            raise ConversionError(told or f"{self._source.where()}: all its episodes are empty")
        lost = [leaf for leaf in self._structure.episode if leaf.kind not in ("number", "text")]
        return Facts(
            format=self.name,
            version=self._dataset.version,
            columns=tuple(self._source_column(name, self._column_of(name)) for name in self._leaves),
            episodes=episode_table(self._episodes, self._structure),
            source_bytes=sum(
                size for name, size in self._source.files.items() if name.startswith(self._dataset.folder)
            ),
            unreadable={
                "/".join(leaf.path): f"the feature {leaf.key} cannot be stored: {leaf.reason}"
                for leaf in self._structure.steps
                if leaf.kind == "none"
            },
            attributes={**self._said(), "tfds": dict(self._dataset.about)},
            notes=tuple(
                f"The episodes' {leaf.key} is left out: {leaf.reason or f'it is an {leaf.kind}'}."
                for leaf in lost
            ),
        )

    def _said(self) -> dict[str, Any]:
        """What TFDS calls metadata of the whole."""
        name = self._dataset.folder + METADATA
        found = load_json(self._source, name) if name in self._source.files else {}
        return dict(found) if isinstance(found, dict) else {}

    def _source_column(self, name: str, column: StepColumn) -> SourceColumn:
        about = dict(column.leaf.attributes)
        labels = f"{self._dataset.folder}{column.leaf.key.replace('/', '-')}.labels.txt"
        if labels in self._source.files:
            about["names"] = self._source.read(labels).decode(errors="replace").splitlines()
        form = None
        if isinstance(column, ImageColumn) and column.codec is not None:
            form = EncodedForm(column.codec, 1, self._image_bytes(column.leaf))
        path = column.leaf.path
        return SourceColumn(name, path, column.space, column.lossy, about, form)

    def _column(self, leaf: Leaf) -> StepColumn:
        if leaf.kind == "text":
            return TextColumn(leaf)
        if leaf.kind == "image":
            return self._image_column(leaf)
        if leaf.listed == -1:
            return ListColumn(
                leaf, max((each.longest.get(leaf.key, 0) for each in self._episodes), default=0)
            )
        return NumberColumn(leaf)

    def _image_column(self, leaf: Leaf) -> ImageColumn:
        """By the first image, where the features leave its shape open."""
        height, width, channels = leaf.shape
        data = self._first_file(leaf)
        kind = image_kind(data) if data else None
        if height is None or width is None or channels is None:
            if not data:
                raise ConversionError(f"{self._source.where()}: {leaf.key} has neither a shape nor an image")
            height, width, channels = decoded_image(
                data, channels, f"{self._source.where()}: {leaf.key}"
            ).shape
        shape = (height, width, channels)
        codec = None
        if kind in _CODECS and data:
            with suppress(CodecError, MissingDependencyError):  # decoded then, or told by check()
                rows_of_files([data], _CODECS[kind], leaf.dtype, shape)
                codec = _CODECS[kind]
        return ImageColumn(leaf, shape, "jpeg" if kind == "jpeg" else None, codec)

    @cached_property
    def _first(self) -> Episode | None:
        """The first episode that has steps and can be read."""
        return next((each for each in self._episodes if each.length and not each.problem), None)

    def _first_file(self, leaf: Leaf) -> bytes | None:
        files = self._files_of(leaf, self._first)
        return files[0] if files else None

    def _image_bytes(self, leaf: Leaf) -> int:
        """About what an image weighs as it is encoded."""
        files = self._files_of(leaf, self._first, 16)
        return max(1, int(np.mean([len(data) for data in files]))) if files else 1

    def _files_of(self, leaf: Leaf, episode: Episode | None, count: int = 1) -> list[bytes]:
        if episode is None:
            return []
        with closing(Records(self._source)) as records:
            record = records.get(episode.shard.name, episode.number, episode.place, checked=False)
            feature = features_of(record).get(leaf.key)
            return [] if feature is None else next(bytes_values(record, feature, count), [])

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Tell of episodes that cannot be read, and decode the first image of each column."""
        problems = dict.fromkeys(self._episodes[each].problem for each in episodes)
        told = [problem for problem in problems if problem]
        if told:
            more = f"; and {len(told) - MOST_PROBLEMS} more" if len(told) > MOST_PROBLEMS else ""
            raise ConversionError("; ".join(told[:MOST_PROBLEMS]) + more)
        with closing(Records(self._source)) as records:
            for position in episodes[:1]:
                episode = self._episodes[position]
                where = self._where(episode)
                record = records.get(episode.shard.name, episode.number, episode.place, checked=False)
                with naming(where):
                    features = features_of(record)
                    for name in columns:
                        column = self._column_of(name)
                        if isinstance(column, ImageColumn):
                            next(column.values(record, features, 1, where), None)

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The steps of the episodes; each record is read once, and one of them at a time."""
        known = {name: self._column_of(name) for name in columns}
        weight = row_bytes([column.space for name, column in known.items() if name not in encoded])
        weight += sum(self._image_bytes(known[name].leaf) for name in encoded if name in known)
        rows_at_once = max(1, target_bytes // max(1, weight))
        with closing(Records(self._source)) as records:
            for position in episodes:
                episode = self._episodes[position]
                if episode.problem:
                    raise ConversionError(episode.problem)
                if episode.length:
                    record = records.get(episode.shard.name, episode.number, episode.place)
                    yield from self._chunks_of(position, record, known, rows_at_once, encoded)

    def _chunks_of(
        self,
        position: int,
        record: Record,
        known: Mapping[str, StepColumn],
        rows_at_once: int,
        encoded: Collection[str],
    ) -> Iterator[Chunk]:
        episode = self._episodes[position]
        where = self._where(episode)
        with naming(where):
            features = features_of(record)
        streams = {
            name: (
                column.encoded(record, features, rows_at_once, where)
                if isinstance(column, ImageColumn) and name in encoded
                else column.values(record, features, rows_at_once, where)
            )
            for name, column in known.items()
        }
        for start, stop in chunk_sizes(episode.length, rows_at_once):
            values = {}
            for name, stream in streams.items():
                with naming(f"{where}: {known[name].leaf.key}"):
                    values[name] = next(stream, ())
                found = len(values[name])
                is_over = found > stop - start or (stop == episode.length and next(stream, None) is not None)
                if is_over:
                    raise ConversionError(
                        f"{where}: {known[name].leaf.key} has more values than the {episode.length} "
                        f"steps take"
                    )
                if found < stop - start:
                    raise ConversionError(
                        f"{where}: {known[name].leaf.key} ends after {start + found} of {episode.length} "
                        f"steps"
                    )
            yield Chunk(position, start, stop - start, values, ends_episode=stop == episode.length)

    def _where(self, episode: Episode) -> str:
        return f"{self._source.where(episode.shard.name)}: record {episode.number}"

    def close(self) -> None:
        """Close the file that is open."""
        if "_episodes" in self.__dict__:
            self._episodes.close()
