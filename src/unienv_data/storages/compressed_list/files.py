"""Items in a folder: one object with all of them, and a document that says what they are.

    compressed_list.json    the document, under schemas/compressed_list.schema.json; replaced atomically
    items-<24 hex digits>   the items one after another, then a record of 12 bytes a slot: length (uint64),
                            crc32c of the item (uint32), both little-endian; the length of a slot that was
                            never written is 0

The document is written last, so that a folder shows the items of before or those of now.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unienv_data.checksum import crc32c
from unienv_data.errors import (
    CorruptDataError,
    DatasetExistsError,
    DatasetNotFoundError,
    UnsupportedVersionError,
)
from unienv_data.schema.document import check_document, decode_document, encode_document
from unienv_data.schema.validation import validate
from unienv_data.storages.compressed_list.form import Item
from unienv_data.store.objects import ObjectStore
from unienv_data.store.removal import is_taken

__all__ = ["DOCUMENT", "Contents", "read_contents", "write_contents"]

DOCUMENT = "compressed_list.json"
_FORMAT = "unienv-data-compressed-list"
_VERSION = 1
_INDEX = np.dtype([("length", "<u8"), ("crc32c", "<u4")])


@dataclass(frozen=True)
class Contents:
    """What a folder holds.

    Attributes:
        codec: "zstd" or "custom".
        capacity: fixed number of slots, or None.
        space: the document of the space of one item, or None.
        layouts: of items without a space.
        items: packed, one a slot.
    """

    codec: str
    capacity: int | None
    space: Any
    layouts: Sequence[Any]
    items: Sequence[Item]


def write_contents(objects: ObjectStore, contents: Contents) -> None:
    """Write to an empty place, or replace what another list wrote there.

    Raises:
        DatasetExistsError: something else stands there.
    """
    before = _written_before(objects)
    if before is None and is_taken(objects):
        raise DatasetExistsError(
            f"{objects.url}: something is there that is no list of items; choose another place"
        )
    index = np.zeros(len(contents.items), _INDEX)
    for slot, item in enumerate(contents.items):
        if item is not None:
            index[slot] = len(item), crc32c(item)
    name = f"items-{secrets.token_hex(12)}"
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "codec": contents.codec,
        "capacity": contents.capacity,
        "slots": len(contents.items),
        "space": contents.space,
        "layouts": contents.layouts,
        "items": name,
        "items_bytes": int(index["length"].sum()),
        "index_crc32c": f"{crc32c(index.tobytes()):08x}",
    }
    try:
        objects.write(name, _parts(contents.items, index.tobytes()))
        objects.sync()
        objects.replace(DOCUMENT, encode_document(document))
    except BaseException:
        objects.delete([name])
        raise
    objects.delete(old for old in before or () if old != name)


def _parts(items: Sequence[Item], index: bytes) -> Iterator[bytes]:
    yield from (item for item in items if item is not None)
    yield index


def _written_before(objects: ObjectStore) -> list[str] | None:
    """The items that lists have left here; None where there is no list."""
    names = objects.list("")
    return [name for name in names if name.startswith("items-")] if DOCUMENT in names else None


def read_contents(objects: ObjectStore) -> Contents:
    """What `write_contents` wrote, every item checked.

    Raises:
        DatasetNotFoundError: nothing stands there.
        CorruptDataError: something is missing or damaged; names the file, and the item.
        UnsupportedVersionError: a later version wrote it.
        DocumentError: the document breaks its schema.
    """
    place = f"{objects.url}/{DOCUMENT}"
    try:
        data = objects.read(DOCUMENT)
    except FileNotFoundError:
        raise DatasetNotFoundError(f"{objects.url}: no list of items stands there") from None
    document = _document(data, place)
    source = f"{objects.url}/{document['items']}"
    try:
        body = objects.read(document["items"])
    except FileNotFoundError as exc:
        raise CorruptDataError(f"{source}: missing, but {DOCUMENT} refers to it") from exc
    return Contents(
        codec=document["codec"],
        capacity=document["capacity"],
        space=document["space"],
        layouts=document["layouts"],
        items=_items(body, document, source),
    )


def _document(data: bytes, place: str) -> Any:
    document = decode_document(data, place)
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise CorruptDataError(f"{place}: not a document of {_FORMAT}")
    version = document.get("version")
    if isinstance(version, int) and version > _VERSION:
        raise UnsupportedVersionError(
            f"{place}: format version {version}, this library reads up to {_VERSION}; "
            "pip install --upgrade unienv-data"
        )
    check_document(data, place)
    validate(document, "compressed_list", place)
    return document


def _items(body: bytes, document: Any, source: str) -> list[Item]:
    slots, size = document["slots"], document["items_bytes"]
    expected = size + slots * _INDEX.itemsize
    if len(body) != expected:
        raise CorruptDataError(f"{source}: expected {expected} bytes, got {len(body)}")
    if f"{crc32c(body[size:]):08x}" != document["index_crc32c"]:
        raise CorruptDataError(f"{source}: the checksum of the index does not match")
    index = np.frombuffer(body, _INDEX, slots, size)
    if int(index["length"].sum()) != size:
        raise CorruptDataError(f"{source}: the items of the index are not {size} bytes")
    items: list[Item] = []
    start = 0
    for slot, (length, checksum) in enumerate(index.tolist()):
        item = body[start : start + length] if length else None
        if item is not None and crc32c(item) != checksum:
            raise CorruptDataError(f"{source}: the checksum of item {slot} does not match")
        items.append(item)
        start += length
    return items
