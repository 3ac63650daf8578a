"""The columns that a topic's messages give."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import CodecError, ConversionError, MissingDependencyError
from unienv_data.formats.media.images import image_kind
from unienv_data.formats.readers.ros.decoding import Decoder, Field
from unienv_data.formats.readers.ros.pictures import (
    COMPRESSED,
    RAW,
    declared_shape,
    decoded_file,
    file_of,
    pixels_of,
)
from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_data.store import pool
from unienv_data.store.codecs.imagefiles import rows_of_files
from unienv_interface.space.space import AnySpace

__all__ = ["AgeColumn", "FieldColumn", "PictureColumn", "TopicColumn", "topic_columns", "topic_prefix"]

_TEXTS = ("text", "texts")
CODECS: Mapping[str | None, str] = {"jpeg": "jpeg:95", "png": "png"}


def topic_prefix(topic: str) -> str:
    """How the names of a topic's columns begin.

    Example:
        >>> topic_prefix("/camera/top/compressed")
        'camera.top.compressed'
    """
    return topic.strip("/").replace("/", ".") or "topic"


@dataclass(frozen=True)
class AgeColumn:
    """How long before a row the message that it shows was, in nanoseconds."""

    topic: str
    name: str
    lossy = None

    @property
    def space(self) -> AnySpace:
        """One row's value."""
        return array_space(np.dtype(np.int64), ())

    @property
    def attributes(self) -> dict[str, Any]:
        """What the store keeps of it."""
        return {"topic": self.topic, "unit": "ns"}


@dataclass(frozen=True)
class FieldColumn:
    """A field of a topic's messages.

    Args:
        topic: which topic.
        name: the column's.
        field: where in a message.
        shape: of its value.
        names: what the entries of the value are called, by a field of the message; they may come in another
            order in each message.
        named_by: that field.
    """

    topic: str
    name: str
    field: Field
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()
    named_by: Field | None = None
    lossy = None

    @property
    def space(self) -> AnySpace:
        """One row's value."""
        return text_space() if self.field.kind in _TEXTS else array_space(self.field.dtype, self.shape)

    @property
    def attributes(self) -> dict[str, Any]:
        """What the store keeps of it."""
        about: dict[str, Any] = {"topic": self.topic, "field": self.field.name}
        if self.field.kind == "stamp":
            about["unit"] = "ns"
        if self.field.kind == "texts":
            about["form"] = "JSON"
        if self.names:
            about["names"] = list(self.names)
        return about

    def values(self, messages: Sequence[Any], where: str) -> NDArray[Any]:
        """(N, *shape) of messages.

        Raises:
            ConversionError: a value is of another shape, or its entries have other names.
        """
        try:
            return self._values(messages, where)
        except ConversionError:
            raise
        except (AttributeError, TypeError, ValueError, OverflowError) as exc:
            raise ConversionError(
                f"{where}: {self.field.name} is another than in the first recording, or is not there: {exc}"
            ) from exc

    def _values(self, messages: Sequence[Any], where: str) -> NDArray[Any]:
        if self.field.kind in _TEXTS:
            texts = np.empty(len(messages), dtype=object)
            told = [self.field.value(message) for message in messages]
            is_one = self.field.kind == "text"
            texts[:] = told if is_one else [json.dumps(each, ensure_ascii=False) for each in told]
            return texts
        rows = np.empty((len(messages), *self.shape), self.field.dtype)
        for number, message in enumerate(messages):
            value = np.asarray(self.field.value(message))
            if value.shape != self.shape:
                raise ConversionError(
                    f"{where}: {self.field.name} of a message has the shape {list(value.shape)}, that of the "
                    f"first ones {list(self.shape)}; leave it out with --exclude '{self.name}'"
                )
            rows[number] = value if self.named_by is None else value[self._order(message, where)]
        return rows

    def _order(self, message: Any, where: str) -> Any:
        names = tuple(self.named_by.value(message)) if self.named_by is not None else ()
        if names == self.names:
            return slice(None)
        if sorted(names) != sorted(self.names):
            raise ConversionError(
                f"{where}: a message names {', '.join(names)}, the first one {', '.join(self.names)}"
            )
        return [names.index(name) for name in self.names]


@dataclass(frozen=True)
class PictureColumn:
    """The images of a topic.

    Args:
        topic: which topic.
        name: the column's.
        is_file: whether they are image files rather than pixels.
        shape: (H, W, C).
        dtype: of a pixel.
        lossy: `jpeg`, or None.
        about: what else is said of them.
        codec: by which a store keeps the files as they are; None where it does not.
        file_bytes: what a file weighs, about.
    """

    topic: str
    name: str
    is_file: bool
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    lossy: str | None
    about: tuple[tuple[str, str], ...] = ()
    codec: str | None = None
    file_bytes: int = 1

    @property
    def space(self) -> AnySpace:
        """One row's value, (H, W, C)."""
        return array_space(self.dtype, self.shape)

    @property
    def attributes(self) -> dict[str, Any]:
        """What the store keeps of it."""
        return {"topic": self.topic, **dict(self.about)}

    def values(self, messages: Sequence[Any], where: str) -> NDArray[Any]:
        """The pixels (N, H, W, C) of messages.

        Raises:
            ConversionError: one is damaged, or other than the first.
        """
        images = np.empty((len(messages), *self.shape), self.dtype)

        def decode(start: int, stop: int) -> None:
            for number, message in enumerate(messages[start:stop], start):
                pixels = decoded_file(message, where) if self.is_file else pixels_of(message, where)
                if pixels.shape != self.shape or pixels.dtype != self.dtype:
                    raise ConversionError(
                        f"{where}: an image of {pixels.dtype} {pixels.shape}, where {self.dtype} "
                        f"{self.shape} "
                        f"is expected"
                    )
                images[number] = pixels

        pool.in_spans(decode, len(messages), least=4)
        return images

    def kept(self, messages: Sequence[Any], shown: Sequence[int], where: str) -> EncodedRows:
        """The image files of messages as the store keeps them.

        Args:
            messages: each of which is looked at once.
            shown: which of them each row shows.
            where: their address.

        Raises:
            ConversionError: one is damaged, or other than the first.
        """
        try:
            files = [file_of(each) for each in messages]
            rows = rows_of_files(files, self.codec or "", self.dtype, self.shape)
        except CodecError as exc:
            raise ConversionError(
                f"{where}: {exc}; what cannot be kept as it is can be decoded (--frames lossless)"
            ) from exc
        pieces = [rows.pieces[number] for number in shown]
        return EncodedRows(rows.dtype, rows.row_shape, pieces, [1] * len(pieces))


TopicColumn = AgeColumn | FieldColumn | PictureColumn


def topic_columns(
    topic: str, decoder: Decoder, samples: Sequence[Any], where: str
) -> tuple[list[TopicColumn], dict[str, str], list[str]]:
    """The columns of a topic, those that no store can hold with the reason, and those that are always empty.

    Args:
        topic: its name.
        decoder: of its messages.
        samples: some of its messages, decoded; the first one comes first.
        where: their address, for messages.

    Raises:
        ConversionError: an image is damaged or of an unknown encoding.
    """
    prefix = topic_prefix(topic)
    columns: list[TopicColumn] = []
    lost: dict[str, str] = {}
    empty: list[str] = []
    texts: list[Field] = []
    fields = decoder.fields()
    is_picture = decoder.type in (RAW, COMPRESSED)
    if is_picture:
        columns.append(_picture(topic, f"{prefix}.data", decoder.type == COMPRESSED, samples[0], where))
        fields = [field for field in fields if field.path[0] == "header"]
    for field in fields:
        name = f"{prefix}.{field.name}"
        if field.kind == "texts":
            texts.append(field)
            continue
        shapes = [np.shape(field.value(sample)) for sample in samples] if field.kind != "none" else []
        if field.reason:
            lost[name] = f"{topic}: {field.name} cannot be stored: {field.reason}"
        elif len(set(shapes)) > 1:
            told = " and ".join(str(list(shape)) for shape in dict.fromkeys(shapes[:3]))
            lost[name] = f"{topic}: {field.name} changes its shape between messages: {told}"
        elif 0 in shapes[0]:
            empty.append(name)
        else:
            names, named_by = _names(fields, field, shapes[0], samples[0])
            columns.append(FieldColumn(topic, name, field, shapes[0], names, named_by))
    naming = {column.named_by for column in columns if isinstance(column, FieldColumn)}
    for field in texts:  # those that name the entries of other fields are told with these
        if field not in naming and any(len(field.value(sample)) for sample in samples):
            columns.append(FieldColumn(topic, f"{prefix}.{field.name}", field, ()))
    age = f"{prefix}.age"
    taken = {column.name for column in columns} | set(lost) | set(empty)
    columns.append(AgeColumn(topic, age if age not in taken else f"{prefix}.message_age"))
    return columns, lost, empty


def _names(
    fields: Sequence[Field], field: Field, shape: tuple[int, ...], sample: Any
) -> tuple[tuple[str, ...], Field | None]:
    """What the entries of a vector are called: by a field `name` or `names` of as many texts beside it."""
    for other in fields:
        is_beside = other.path[:-1] == field.path[:-1] and other.path[-1] in ("name", "names", "joint_names")
        if other.kind == "texts" and is_beside and field.kind == "number" and len(shape) == 1:
            names = tuple(str(name) for name in other.value(sample))
            if len(names) == shape[0] and len(set(names)) == len(names):
                return names, other
    return (), None


def _picture(topic: str, name: str, is_file: bool, sample: Any, where: str) -> PictureColumn:
    if not is_file:
        pixels = pixels_of(sample, where)
        about = (("encoding", str(sample.encoding)),)
        return PictureColumn(topic, name, False, pixels.shape, pixels.dtype, None, about)
    data = file_of(sample)
    about = (("format", str(sample.format)),)
    kind = image_kind(data)
    codec = None
    try:
        pixels = decoded_file(sample, where)
    except MissingDependencyError:  # whoever converts the images is told by check()
        shape, dtype = declared_shape(data, where)
        return PictureColumn(topic, name, True, shape, dtype, "jpeg" if kind == "jpeg" else None, about)
    if kind in CODECS:
        with suppress(CodecError, MissingDependencyError):  # decoded then
            rows_of_files([data], CODECS[kind], pixels.dtype, pixels.shape)
            codec = CODECS[kind]
    lossy = "jpeg" if kind == "jpeg" else None
    return PictureColumn(
        topic, name, True, pixels.shape, pixels.dtype, lossy, about, codec, max(len(data), 1)
    )
