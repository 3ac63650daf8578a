"""The reader of replay buffers that UniEnv's own data package wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from unienv_data.errors import ConversionError
from unienv_data.formats.base import check_options
from unienv_data.formats.forms import ReaderOfForms
from unienv_data.formats.readers.unienv.hdf5 import UniEnvHdf5
from unienv_data.formats.readers.unienv.metadata import METADATA, buffer_document, load_buffer_metadata
from unienv_data.formats.readers.unienv.parquet import UniEnvParquet
from unienv_data.formats.source import Source

__all__ = ["UniEnvReader"]

_FORMS: Mapping[str, type[UniEnvHdf5] | type[UniEnvParquet]] = {
    "HDF5Storage": UniEnvHdf5,
    "ParquetStorage": UniEnvParquet,
}


class UniEnvReader(ReaderOfForms):
    """Reads UniEnv's replay buffers with HDF5 and Parquet storages, rows in the order of the ring.

    The names of the classes that wrote them are only compared with those known, never imported.

    Args:
        form: the reader of the storage that is there.
    """

    name = "unienv"
    title = "UniEnv replay buffer"
    layout = f"a folder with {METADATA} that names a storage (storage_cls)"
    extra = "hdf5"

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether metadata.json is that of a UniEnv replay buffer."""
        return buffer_document(source) is not None

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the buffer; the format has no options."""
        check_options(cls, options)
        storage = load_buffer_metadata(source).storage
        if storage not in _FORMS:
            raise ConversionError(
                f"{source.where(METADATA)}: the storage is a {storage}; {' and '.join(_FORMS)} can be read. "
                f"Copy the buffer into one of these with UniEnv first"
            )
        return cls(_FORMS[storage].open(source))
