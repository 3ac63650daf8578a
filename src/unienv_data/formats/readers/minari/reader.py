"""The reader of Minari's datasets.

`<id>/data/metadata.json` says what the spaces are; episodes lie in `main_data.hdf5`, or each in a folder of
Arrow files. After Minari's description of its datasets and what its releases write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from unienv_data.formats.base import check_options
from unienv_data.formats.forms import ReaderOfForms
from unienv_data.formats.hdf5.files import looks_like
from unienv_data.formats.readers.minari.arrow import MinariArrow
from unienv_data.formats.readers.minari.hdf5 import MAIN, MinariHdf5, has_episodes
from unienv_data.formats.readers.minari.metadata import METADATA, base_of
from unienv_data.formats.source import Source

__all__ = ["MinariReader"]


class MinariReader(ReaderOfForms):
    """Reads Minari's datasets of both forms: all rows, also where Minari's own reader cuts long episodes.

    Args:
        form: the reader of the form that is there.
    """

    name = "minari"
    title = "Minari"
    layout = f"a folder with data/{METADATA} and data/{MAIN} or data/0/part-0.arrow"
    extensions = MinariHdf5.extensions
    extra = "hdf5"

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether the metadata lie beside one of the forms, or a file has Minari's episodes."""
        if base_of(source) is None:
            return looks_like(source, has_episodes)
        return MinariHdf5.probe(source) or MinariArrow.probe(source)

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the dataset; the format has no options."""
        check_options(cls, options)
        if MinariArrow.probe(source):
            return cls(MinariArrow.open(source))
        return cls(MinariHdf5.open(source))
