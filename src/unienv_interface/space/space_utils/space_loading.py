"""Spaces from JSON documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import DTYPE_NAMES
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.errors import DocumentError, SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_numbers import number_reader
from unienv_interface.space.space_utils.document_reading import (
    Problems,
    array_of,
    count,
    count_or_none,
    flag,
    shape,
    text_or_none,
)
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    DynamicBoxSpace,
    GraphSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)

__all__ = ["json_to_space"]


def json_to_space(
    document: Any,
    backend: AnyBackend = NumpyComputeBackend,
    device: Any | None = None,
    *,
    source: str = "space",
) -> AnySpace:
    """The space that `space_to_json` made into `document`.

    Args:
        document: what a JSON parser gives.
        backend: backend of the space.
        device: device of the space and all its parts.
        source: where the document came from, for the message.

    Raises:
        DocumentError: the document is not of that form; lists every problem with its location
            (`$.spaces.image.shape[2]: ...`).
    """
    problems = Problems()
    try:
        space = _Loader(backend, backend.canonical_device(device)).load(document, problems)
    except RecursionError:
        raise DocumentError(source, ["$: nested too deeply"]) from None
    if space is None or problems.found:
        raise DocumentError(source, problems.found)
    return space


@dataclass(frozen=True)
class _Loader:
    backend: AnyBackend
    device: Any | None

    def load(self, document: Any, problems: Problems) -> AnySpace | None:
        """The space at one place of a document, None where there are problems."""
        if not isinstance(document, Mapping):
            problems.add("an object", document)
            return None
        kind = document.get("type")
        if not isinstance(kind, str) or kind not in _LOADERS:
            problems.at("type").add(f"one of {', '.join(_LOADERS)}", kind)
            return None
        return _LOADERS[kind](self, document, problems)

    def dtype(self, value: Any, problems: Problems) -> Any:
        """A data type of the backend, by name."""
        try:
            return self.backend.dtype_from_name(value)
        except (SpaceError, TypeError):
            problems.add(f"the name of a data type of {self.backend}", value)
            return None

    def box(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        bound = number_reader(_dtype_name(document), nested=True)
        readers = {"low": bound, "high": bound, "dtype": self.dtype, "shape": shape}
        return self._build(BoxSpace, problems.fields(document, readers), problems)

    def binary(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        arguments = problems.fields(document, {"shape": shape, "dtype": self.dtype})
        return self._build(BinarySpace, arguments, problems)

    def dynamic_box(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        bound = number_reader(_dtype_name(document), nested=True)
        readers = {
            "low": bound,
            "high": bound,
            "shape_low": shape,
            "shape_high": shape,
            "dtype": self.dtype,
            "fill_value": number_reader(_dtype_name(document), nested=False),
        }
        return self._build(DynamicBoxSpace, problems.fields(document, readers), problems)

    def graph(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        readers = {
            "node_feature_space": self._space_or_none,
            "edge_feature_space": self._space_or_none,
            "is_edge": flag,
            "min_nodes": count,
            "max_nodes": count_or_none,
            "min_edges": count,
            "max_edges": count_or_none,
            "batch_shape": shape,
        }
        return self._build(GraphSpace, problems.fields(document, readers), problems)

    def _space_or_none(self, value: Any, problems: Problems) -> AnySpace | None:
        return None if value is None else self.load(value, problems)

    def dict(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        return self._build(DictSpace, problems.fields(document, {"spaces": self._named}), problems)

    def _named(self, value: Any, problems: Problems) -> Mapping[str, AnySpace | None]:
        if not isinstance(value, Mapping):
            problems.add("an object", value)
            return {}
        return {key: self.load(part, problems.at(key)) for key, part in value.items()}

    def tuple(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        return self._build(TupleSpace, problems.fields(document, {"spaces": array_of(self.load)}), problems)

    def union(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        arguments = problems.fields(document, {"spaces": array_of(self.load)})
        return self._build(UnionSpace, arguments, problems)

    def text(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        readers = {"max_length": count, "min_length": count, "charset": text_or_none}
        return self._build(TextSpace, problems.fields(document, readers), problems)

    def batched(self, document: Mapping[str, Any], problems: Problems) -> AnySpace | None:
        arguments = problems.fields(document, {"single_space": self.load, "batch_shape": shape})
        return problems.build(BatchedSpace, arguments)

    def _build(
        self, kind: Callable[..., AnySpace], arguments: Mapping[str, Any] | None, problems: Problems
    ) -> AnySpace | None:
        if arguments is None:
            return None
        common = {"backend": self.backend, "device": self.device}
        return problems.build(kind, {**arguments, **common})


def _dtype_name(document: Mapping[str, Any]) -> str:
    """The data type of a document, whatever is wrong with it."""
    dtype = document.get("dtype")
    return dtype if isinstance(dtype, str) and dtype in DTYPE_NAMES else "float64"


_LOADERS: Mapping[str, Callable[[_Loader, Mapping[str, Any], Problems], AnySpace | None]] = {
    "BatchedSpace": _Loader.batched,
    "BinarySpace": _Loader.binary,
    "BoxSpace": _Loader.box,
    "DictSpace": _Loader.dict,
    "DynamicBoxSpace": _Loader.dynamic_box,
    "GraphSpace": _Loader.graph,
    "TextSpace": _Loader.text,
    "TupleSpace": _Loader.tuple,
    "UnionSpace": _Loader.union,
}
