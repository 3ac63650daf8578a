"""What Arrow says of damaged files, told by the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source

__all__ = ["telling_damage"]


@contextmanager
def telling_damage(source: Source, name: str, kind: str) -> Iterator[None]:
    """Have what goes wrong in reading a file told as ConversionError, with the file's address.

    Args:
        source: where the file lies.
        name: its name within the source.
        kind: what it should be.
    """
    try:
        yield
    except FileNotFoundError as exc:
        raise ConversionError(f"{source.where(name)}: the file is missing") from exc
    except (pa.ArrowException, OSError, EOFError) as exc:
        detail = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        if "footer" in detail or "magic bytes" in detail:
            detail = "it has no footer, so it was cut off or never finished by its writer"
        raise ConversionError(f"{source.where(name)}: damaged {kind}: {detail}") from exc
