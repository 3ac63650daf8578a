"""fog_x's and robo-dm's .vla files, which are refused with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Self

from unienv_data.errors import ConversionError
from unienv_data.formats.base import DEFAULT_CHUNK_BYTES, Chunk, Facts, Reader, check_options
from unienv_data.formats.source import Source

__all__ = ["FogXReader"]

_ENDING = ".vla"


class FogXReader(Reader):
    """Recognizes .vla files, so that people are told what is the matter with them.

    They are Matroska files whose packets, but for those of images, are pickles of Python objects: whoever
    reads them runs whatever code their writer put in them.
    """

    name = "fog_x"
    title = "fog_x, robo-dm (recognized, never read: it holds pickles)"
    layout = f"a {_ENDING} file, or a folder of them"
    extensions = (_ENDING,)

    def __init__(self, source: Source) -> None:
        self._source = source

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are files of this name."""
        if source.is_file:
            return source.label.lower().endswith(_ENDING)
        return any(name.lower().endswith(_ENDING) for name in source.files)

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """What refuses the source."""
        check_options(cls, options)
        return cls(source)

    def facts(self) -> Facts:
        """Refused."""
        raise self._refusal()

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Refused."""
        raise self._refusal()

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """Refused."""
        raise self._refusal()

    def close(self) -> None:
        """Nothing is open."""

    def _refusal(self) -> ConversionError:
        return ConversionError(
            f"{self._source.where()}: fog_x (robo-dm) keeps all but the images as pickles within a Matroska "
            f"file, and a pickle runs whatever code its writer put in it, so that such files are not read. "
            f"If you trust this one, load it with fog_x itself and write its arrays as NPZ or HDF5, which "
            f"can be converted"
        )
