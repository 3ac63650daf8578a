"""Plain columns and episodes as features of TFDS, and features.json."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unienv_data.errors import ConversionError
from unienv_data.formats.naming import Path, path_name
from unienv_data.formats.tabular.plain import PlainColumn, strict_json

__all__ = ["Described", "Known", "described_columns", "features_document", "known_of_episodes", "rlds_paths"]

_CLASSES = "tensorflow_datasets.core.features"
_DICT = f"{_CLASSES}.features_dict.FeaturesDict"
_KEY = re.compile(r"[^/]+")

WORDS: Mapping[Path, Path] = {
    ("actions",): ("action",),
    ("rewards",): ("reward",),
    ("next", "reward"): ("reward",),
    ("task",): ("language_instruction",),
}
GROUPS: Mapping[str, str] = {"obs": "observation", "observations": "observation"}
"""What RLDS calls what others call otherwise."""


@dataclass(frozen=True)
class Described:
    """How a column is stored.

    Args:
        column: which.
        path: where it stands in a step.
        kind: `text`, `image`, `floats`, `integers`, or `raw` for the bytes of an array, which lose nothing of
            float64 and uint64.
        encoding: of images, `png` or `jpeg`.
    """

    column: PlainColumn
    path: Path
    kind: str
    encoding: str = ""

    @property
    def key(self) -> str:
        """What records call it."""
        return "/".join(("steps", *self.path))

    @property
    def node(self) -> dict[str, Any]:
        """Its description."""
        if self.kind == "text" or self.column.dtype is None:
            return _text()
        about = self.column.column.attributes.get("description")
        described = {"description": str(about)} if about else {}
        if self.kind == "image":
            dimensions = [str(size) for size in self.column.shape]
            return described | {
                "pythonClassName": f"{_CLASSES}.image_feature.Image",
                "image": {
                    "shape": {"dimensions": dimensions},
                    "dtype": self.column.dtype.name,
                    "encodingFormat": self.encoding,
                },
            }
        encoding = "bytes" if self.kind == "raw" else "none"
        return described | _tensor(self.column.dtype.name, self.column.shape, encoding)


@dataclass(frozen=True)
class Known:
    """What is known of every episode, of one kind.

    Args:
        name: of it.
        kind: `text`, `integers` or `raw`.
        dtype: of numbers.
        values: one an episode.
    """

    name: str
    kind: str
    dtype: str
    values: Sequence[Any]

    @property
    def node(self) -> dict[str, Any]:
        """Its description."""
        return (
            _text()
            if self.kind == "text"
            else _tensor(self.dtype, (), "bytes" if self.kind == "raw" else "none")
        )


def rlds_paths(columns: Iterable[PlainColumn], title: str) -> dict[str, Path]:
    """Where each column stands in a step: by RLDS's own word, unless another column has it.

    Args:
        columns: of the source.
        title: what people call the format, for messages.

    Raises:
        ConversionError: a part of a path is no name of a feature, or one column would lie inside another.
    """
    ordered = list(columns)
    own = {column.path for column in ordered}
    found: dict[str, Path] = {}
    for column in ordered:
        if not all(_KEY.fullmatch(part) for part in column.path):
            raise ConversionError(
                f"{title}: {path_name(column.path)} has a slash as part of a name, {column.path}, by which "
                f"records part names; give it another one (--rename)"
            )
        path = WORDS.get(column.path, column.path)
        if path[0] in GROUPS and len(path) > 1:
            path = (GROUPS[path[0]], *path[1:])
        is_taken = path != column.path and (path in own or path in found.values())
        found[column.source] = column.path if is_taken else path
    paths = set(found.values())
    for path in paths:
        outer = next((path[:depth] for depth in range(1, len(path)) if path[:depth] in paths), None)
        if outer is not None:
            raise ConversionError(
                f"{title}: {path_name(path)} would lie inside {path_name(outer)}; give one another name "
                "(--rename)"
            )
    return found


def described_columns(columns: Sequence[PlainColumn], title: str, images: str) -> list[Described]:
    """How each column is stored.

    Args:
        columns: of the source.
        title: what people call the format, for messages.
        images: how frames are stored: `png`, `jpeg`, or `none` for the numbers that they are.

    Raises:
        ConversionError: as `rlds_paths`.
    """
    paths = rlds_paths(columns, title)
    return [_described(column, paths[column.source], images) for column in columns]


def _described(column: PlainColumn, path: Path, images: str) -> Described:
    if column.dtype is None:
        return Described(column, path, "text")
    is_depth = column.dtype == np.uint16 and len(column.shape) == 3 and column.shape[2] == 1
    if images != "none" and (column.is_frame or is_depth):
        return Described(column, path, "image", "png" if is_depth else images)
    if column.dtype.name in ("float64", "uint64"):
        return Described(column, path, "raw")
    return Described(column, path, "floats" if column.dtype.kind == "f" else "integers")


def known_of_episodes(table: Any, reserved: Iterable[str]) -> list[Known]:
    """The columns of an episode table: integers, truths, floats and texts as they are, all else as JSON.

    Args:
        table: of the episodes.
        reserved: columns that are told in another way.
    """
    skipped = set(reserved)
    return [
        _known(name.replace("/", "."), table[name].to_pylist())
        for name in table.column_names
        if name not in skipped
    ]


def _known(name: str, values: Sequence[Any]) -> Known:
    if all(type(value) is bool for value in values):
        return Known(name, "integers", "bool", values)
    if all(type(value) is int and -(1 << 63) <= value < 1 << 63 for value in values):
        return Known(name, "integers", "int64", values)
    if all(type(value) is float for value in values):
        return Known(name, "raw", "float64", values)
    return Known(
        name,
        "text",
        "",
        ["" if v is None else v if isinstance(v, str) else strict_json(v) for v in values],
    )


def features_document(columns: Iterable[Described], known: Iterable[Known], added: Mapping[str, str]) -> Any:
    """features.json.

    Args:
        columns: of the steps.
        known: of the episodes.
        added: numbers that steps have besides, one a step: name -> data type.
    """
    steps: dict[str, Any] = {}
    for column in columns:
        inner = steps
        for key in column.path[:-1]:
            inner = inner.setdefault(key, {})
        inner[column.path[-1]] = _Leaf(column.node)
    steps |= {name: _Leaf(_tensor(dtype, (), "none")) for name, dtype in added.items()}
    top: dict[str, Any] = {
        "steps": {
            "pythonClassName": f"{_CLASSES}.dataset_feature.Dataset",
            "sequence": {"feature": _nodes(steps), "length": "-1"},
        }
    }
    about = {each.name: _Leaf(each.node) for each in known}
    if about:
        top["episode_metadata"] = _nodes(about)
    return {"pythonClassName": _DICT, "featuresDict": {"features": top}}


@dataclass(frozen=True)
class _Leaf:
    node: dict[str, Any]


def _nodes(tree: Mapping[str, Any]) -> dict[str, Any]:
    features = {key: each.node if isinstance(each, _Leaf) else _nodes(each) for key, each in tree.items()}
    return {"pythonClassName": _DICT, "featuresDict": {"features": features}}


def _text() -> dict[str, Any]:
    return {"pythonClassName": f"{_CLASSES}.text_feature.Text", "text": {}}


def _tensor(dtype: str, shape: Sequence[int], encoding: str) -> dict[str, Any]:
    """The description of a Tensor, or of a Scalar."""
    kind = "tensor_feature.Tensor" if shape else "scalar.Scalar"
    if encoding != "none":
        kind = "tensor_feature.Tensor"
    dimensions = {"dimensions": [str(size) for size in shape]} if shape else {}
    return {
        "pythonClassName": f"{_CLASSES}.{kind}",
        "tensor": {"shape": dimensions, "dtype": dtype, "encoding": encoding},
    }
