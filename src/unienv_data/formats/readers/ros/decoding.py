"""ROS messages as objects, by the definitions that a recording carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from unienv_data.errors import ConversionError
from unienv_data.formats.naming import Path
from unienv_data.formats.readers.ros.recording import Topic
from unienv_interface._optional import import_optional

__all__ = ["Decoder", "Field"]

_STAMPS = ("builtin_interfaces/msg/Time", "builtin_interfaces/msg/Duration")
_TEXTS = ("string", "wstring")
_OCTETS = ("byte", "char", "octet")
_DEEPEST = 16


@dataclass(frozen=True)
class Field:
    """A value, or an array of them, within messages of a type.

    Args:
        path: from the message to it.
        kind: `number`, `text`, `texts` for an array of texts, `stamp` for a time or duration.
        dtype: of numbers.
        listed: at which depth of the path there is an array of messages; None where there is none.
        reason: why it cannot be read, or "".
    """

    path: Path
    kind: str
    dtype: np.dtype[Any]
    listed: int | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """The path with dots."""
        return ".".join(self.path)

    def value(self, message: Any) -> Any:
        """What a message has there: a number or array, a text, a list of texts; times are nanoseconds."""
        return self._within(message, 0)

    def _within(self, value: Any, depth: int) -> Any:
        for number in range(depth, len(self.path)):
            value = getattr(value, self.path[number])
            if number == self.listed:
                inner = [self._within(each, number + 1) for each in value]
                return inner if self.kind == "texts" else np.array(inner, self.dtype)
        if self.kind == "stamp":
            return np.int64(value.sec * 10**9 + value.nanosec)
        if self.kind == "number":
            return np.asarray(value, self.dtype)
        return value


class Decoder:
    """Decodes the messages of one topic.

    Args:
        topic: which.
        where: its recording's address, for messages.

    Raises:
        ConversionError: its messages are of another encoding, or their type is unknown or damaged.
        MissingDependencyError: rosbags is not installed.
    """

    def __init__(self, topic: Topic, where: str) -> None:
        stores = import_optional("rosbags.typesys", extra="ros")
        self._where = f"{where}: {topic.name}"
        self.type = _full_name(topic.type)
        if topic.encoding != "cdr":
            raise ConversionError(
                f"{self._where}: its messages are encoded as {topic.encoding or 'nothing'}; only ROS 2's CDR "
                f"can be read"
            )
        try:
            if topic.definition:
                self._store = stores.get_typestore(stores.Stores.EMPTY)
                parse = {"ros2msg": stores.get_types_from_msg, "ros2idl": stores.get_types_from_idl}.get(
                    topic.language
                )
                if parse is None:
                    raise ConversionError(
                        f"{self._where}: its type is described in {topic.language}; ros2msg and ros2idl "
                        "can be "
                        f"read"
                    )
                args = (topic.definition, self.type) if topic.language == "ros2msg" else (topic.definition,)
                self._store.register(parse(*args))
            else:
                self._store = stores.get_typestore(stores.Stores.LATEST)
        except ConversionError:
            raise
        except Exception as exc:  # whatever a parser of grammars stumbles over
            told = " ".join(str(exc).split())[:200]
            raise ConversionError(f"{self._where}: the definition of {self.type} is damaged: {told}") from exc
        if self.type not in self._store.fielddefs:
            raise ConversionError(
                f"{self._where}: the recording has no definition of {self.type}, which is none of ROS's "
                "own types"
            )
        try:
            self._known = tuple(self._fields(self.type, (), None))
        except (KeyError, TypeError) as exc:
            raise ConversionError(
                f"{self._where}: the definition of {self.type} lacks {exc}, of which it makes use"
            ) from exc

    def decode(self, message: bytes) -> Any:
        """A message as an object with its fields as attributes.

        Raises:
            ConversionError: it is damaged.
        """
        try:
            return self._store.deserialize_cdr(message, self.type)
        except Exception as exc:  # of generated code: an IndexError, a struct.error, an AssertionError ...
            raise ConversionError(
                f"{self._where}: a message of {len(message)} bytes is no {self.type}: "
                f"{' '.join(str(exc).split()) or type(exc).__name__}"
            ) from exc

    def fields(self) -> list[Field]:
        """The fields of the type, those of messages within it included."""
        return list(self._known)

    def has_header(self) -> bool:
        """Whether messages begin with a std_msgs/Header."""
        _, fields = self._store.fielddefs[self.type]
        kinds = import_optional("rosbags.interfaces", extra="ros").Nodetype
        return bool(fields) and fields[0][1] == (kinds.NAME, "std_msgs/msg/Header")

    def _fields(self, kind: str, path: Path, listed: int | None) -> Iterator[Field]:
        _, fields = self._store.fielddefs[kind]
        for name, description in fields:
            yield from self._field((*path, name), description, listed)

    def _field(self, path: Path, description: Any, listed: int | None) -> Iterator[Field]:
        kinds = import_optional("rosbags.interfaces", extra="ros").Nodetype
        node, detail = description
        if node in (kinds.ARRAY, kinds.SEQUENCE):
            inner, depth = detail[0], len(path) - 1
            if inner[0] == kinds.BASE:
                yield self._base(path, inner[1][0], listed, is_list=True)
            elif listed is not None:
                yield Field(path, "none", np.dtype(bool), listed, "it is an array of arrays of messages")
            else:
                yield from self._field(path, inner, depth)
        elif node == kinds.BASE:
            yield self._base(path, detail[0], listed, is_list=False)
        elif detail in _STAMPS:
            yield Field(path, "stamp", np.dtype(np.int64), listed)
        elif len(path) < _DEEPEST:
            yield from self._fields(detail, path, listed)

    @staticmethod
    def _base(path: Path, kind: str, listed: int | None, is_list: bool) -> Field:
        if kind in _TEXTS:
            is_many = is_list or listed is not None
            return Field(path, "texts" if is_many else "text", np.dtype(bool), listed)
        if kind in ("float128", "long double"):
            return Field(path, "none", np.dtype(bool), listed, f"its type is {kind}")
        dtype = np.dtype(np.uint8) if kind in _OCTETS else np.dtype(kind)
        return Field(path, "number", dtype, listed)


def _full_name(kind: str) -> str:
    """`sensor_msgs/msg/Image`, however it was written."""
    parts = kind.split("/")
    return f"{parts[0]}/msg/{parts[1]}" if len(parts) == 2 else kind
