"""Formats of several forms, each of which has a reader of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from unienv_data.formats.base import DEFAULT_CHUNK_BYTES, Chunk, Facts, Reader

__all__ = ["ReaderOfForms"]


class ReaderOfForms(Reader):
    """Reads by the reader of the form that is there, which `open` chooses.

    Args:
        form: that reader; closed with this one.
    """

    def __init__(self, form: Reader) -> None:
        self._form = form

    def facts(self) -> Facts:
        return self._form.facts()

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        self._form.check(columns, episodes)

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        return self._form.chunks(columns, episodes, target_bytes=target_bytes, encoded=encoded)

    def close(self) -> None:
        self._form.close()
