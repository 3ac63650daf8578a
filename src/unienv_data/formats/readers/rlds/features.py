"""features.json: what a step and an episode are made of.

Source: the JSON that TFDS writes since 4.4: every node names its class, and holds `featuresDict`, `sequence`,
`tensor`, `image`, `text`, `classLabel` or `boundingBox`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from unienv_data.errors import ConversionError
from unienv_data.formats.naming import Path

__all__ = ["Leaf", "Structure", "parse_features"]

_TEXTS = ("string", "str", "object", "object_", "bytes", "bytes_", "str_")
_NUMBERS = (
    "bool",
    "float16",
    "float32",
    "float64",
    *(f"{u}int{n}" for u in ("u", "") for n in (8, 16, 32, 64)),
)


@dataclass(frozen=True)
class Leaf:
    """A feature that holds values.

    Args:
        path: where it stands within a step or an episode.
        key: how records call it.
        kind: `number`, `text`, `image`, or `none` where no store has a place for it.
        dtype: of a number or a pixel.
        shape: of one value; None for what varies.
        encoding: how an array stands in bytes: `bytes` or `zlib`; or ``.
        listed: None; or how long the list of values is that a step has, -1 where that varies.
        reason: why it cannot be read.
        attributes: what else is said of it.
    """

    path: Path
    key: str
    kind: str
    dtype: np.dtype[Any] = field(default=np.dtype(np.uint8))
    shape: tuple[int | None, ...] = ()
    encoding: str = ""
    listed: int | None = None
    reason: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Structure:
    """What records hold.

    Args:
        steps: the features of a step.
        episode: those of the episode itself.
    """

    steps: tuple[Leaf, ...]
    episode: tuple[Leaf, ...]


def parse_features(document: Any, where: str) -> Structure:
    """The features of RLDS episodes.

    Raises:
        ConversionError: the document is none of TFDS, or its examples are no episodes.
    """
    if not isinstance(document, dict) or "pythonClassName" not in document:
        raise ConversionError(
            f"{where}: no description of features as TFDS has written it since version 4.4; write the "
            f"dataset anew with a TFDS of today"
        )
    top = _members(document, where)
    steps = top.get("steps")
    if not isinstance(steps, dict) or "sequence" not in steps:
        raise ConversionError(
            f"{where}: its examples have no `steps`, so they are no RLDS episodes; the features are "
            f"{', '.join(sorted(top)) or 'none'}"
        )
    inner = steps["sequence"].get("feature")
    episode = [leaf for name in sorted(top) if name != "steps" for leaf in _leaves(top[name], (name,), name)]
    return Structure(tuple(_leaves(inner, (), "steps")), tuple(episode))


def _members(node: Mapping[str, Any], where: str) -> dict[str, Any]:
    members = node.get("featuresDict", {}).get("features", {})
    if not isinstance(members, dict):
        raise ConversionError(f"{where}: featuresDict holds no features by their names")
    return members


def _leaves(node: Any, path: Path, key: str) -> Iterator[Leaf]:
    """The features below a node, in the order of their names."""
    if not isinstance(node, dict):
        yield Leaf(path, key, "none", reason="its description is no JSON object")
        return
    if "featuresDict" in node:
        for name, member in sorted(node["featuresDict"].get("features", {}).items()):
            yield from _leaves(member, (*path, name), f"{key}/{name}")
        return
    if "sequence" in node:
        for leaf in _leaves(node["sequence"].get("feature"), path, key):
            yield _listed(leaf, node)
        return
    yield _leaf(node, path, key)


def _listed(leaf: Leaf, node: Mapping[str, Any]) -> Leaf:
    if str(node.get("pythonClassName", "")).endswith("dataset_feature.Dataset"):
        return replace(leaf, kind="none", reason="it is a dataset within a step")
    if leaf.listed is not None:
        return replace(leaf, kind="none", reason="each of its values is a list of lists")
    if leaf.kind not in ("number", "none"):
        return replace(leaf, kind="none", reason=f"each of its values is a list of {leaf.kind}s")
    return replace(leaf, listed=int(node["sequence"].get("length", -1)))


def _leaf(node: Mapping[str, Any], path: Path, key: str) -> Leaf:
    about = {"description": node["description"]} if node.get("description") else {}
    if "text" in node:
        return Leaf(path, key, "text", attributes=about)
    if "classLabel" in node:
        return Leaf(path, key, "number", np.dtype(np.int64), attributes=about)
    if "boundingBox" in node:
        return Leaf(path, key, "number", np.dtype(np.float32), (4,), attributes=about)
    if "image" in node:
        return _image(node["image"], Leaf(path, key, "image", attributes=about))
    if "tensor" in node:
        return _tensor(node["tensor"], Leaf(path, key, "number", attributes=about))
    kind = str(node.get("pythonClassName", "a class without a name")).rpartition(".")[2]
    return Leaf(path, key, "none", reason=f"it is of the class {kind}, which has no place in a store")


def _tensor(node: Mapping[str, Any], leaf: Leaf) -> Leaf:
    dtype, shape = str(node.get("dtype")), _shape(node)
    encoding = str(node.get("encoding", "none")).lower()
    if dtype in _TEXTS:
        if shape:
            return replace(leaf, kind="none", reason="each of its values is an array of texts")
        return replace(leaf, kind="text")
    if dtype not in _NUMBERS:
        return replace(leaf, kind="none", reason=f"its data type is {dtype}")
    if None in shape:
        return replace(leaf, kind="none", reason=f"its shape {_shown(shape)} varies")
    if encoding not in ("none", "bytes", "zlib"):
        return replace(leaf, kind="none", reason=f"it is encoded by {encoding}")
    return replace(leaf, dtype=np.dtype(dtype), shape=shape, encoding="" if encoding == "none" else encoding)


def _image(node: Mapping[str, Any], leaf: Leaf) -> Leaf:
    dtype, shape = str(node.get("dtype", "uint8")), _shape(node)
    if dtype not in ("uint8", "uint16"):
        return replace(leaf, kind="none", reason=f"its pixels are {dtype}")
    return replace(leaf, dtype=np.dtype(dtype), shape=shape if len(shape) == 3 else (None, None, None))


def _shape(node: Mapping[str, Any]) -> tuple[int | None, ...]:
    dimensions = (node.get("shape") or {}).get("dimensions", [])
    return tuple(None if int(size) < 0 else int(size) for size in dimensions)


def _shown(shape: tuple[int | None, ...]) -> str:
    return str([size if size is not None else "any" for size in shape]).replace("'", "")
