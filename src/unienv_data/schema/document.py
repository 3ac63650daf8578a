"""JSON documents whose last member is a checksum of all that stands before it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from unienv_data.checksum import crc32c
from unienv_data.errors import CorruptDataError

__all__ = ["CHECKSUM", "check_document", "decode_document", "encode_document"]

CHECKSUM = "crc32c"
"""The name of the last member."""

_END = re.compile(rb',"crc32c":"([0-9a-f]{8})"}\Z')


def encode_document(document: Mapping[str, Any]) -> bytes:
    """A document of at least one member as strict JSON in UTF-8, its checksum added as the last one.

    Dataclasses in it are written as objects of their fields.
    """
    members = {key: value for key, value in document.items() if key != CHECKSUM}
    # To copy dataclasses into dictionaries first takes ten times as long.
    text = json.dumps(members, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=vars)
    body = text.encode()[:-1]
    return b'%b,"%b":"%08x"}' % (body, CHECKSUM.encode(), crc32c(body))


def decode_document(data: bytes, source: str) -> Any:
    """What is written in `data`, which `check_document` has yet to look at.

    Args:
        data: a JSON document.
        source: what to call it in errors.

    Raises:
        CorruptDataError: it is not JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise CorruptDataError(f"{source}: not a JSON document ({exc})") from exc


def check_document(data: bytes, source: str) -> None:
    """Compare a document with its checksum.

    Raises:
        CorruptDataError: it is not what was written.
    """
    end = _END.search(data)
    if end is None:
        raise CorruptDataError(f"{source}: damaged: it does not end with its checksum")
    found, expected = f"{crc32c(data[: end.start()]):08x}", end[1].decode()
    if found != expected:
        raise CorruptDataError(
            f"{source}: damaged, or edited by hand: its checksum is {found}, it says {expected}; "
            "restore it from a backup, or remove it where older commits will do"
        )
