"""UniEnv's HDF5 storage: a dataset for each leaf of the space, groups where it is nested."""

from __future__ import annotations

from unienv_data.errors import ConversionError
from unienv_data.formats.hdf5.columns import Hdf5Column, column_of, datasets_below
from unienv_data.formats.hdf5.files import open_hdf5, reading
from unienv_data.formats.hdf5.reader import Hdf5Reader, Span, Survey
from unienv_data.formats.readers.unienv.metadata import load_buffer_metadata
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.episode_columns import episode_table

__all__ = ["UniEnvHdf5"]


class UniEnvHdf5(Hdf5Reader):
    """Reads the HDF5 storage."""

    name = "unienv"
    title = "UniEnv replay buffer"
    layout = "a folder with metadata.json and storage.hdf5"

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there is such a file."""
        return "storage.hdf5" in source.files

    def _survey(self) -> Survey:
        metadata = load_buffer_metadata(self._source)
        columns: list[Hdf5Column] = []
        unreadable: dict[str, str] = {}
        with open_hdf5(self._source, metadata.place) as file, reading(self._source, metadata.place):
            for name, dataset in datasets_below(file):
                rows = int(dataset.shape[0]) if dataset.shape else 0
                if rows < metadata.rows:
                    raise ConversionError(
                        f"{self._source.where(metadata.place)}: {name} has {rows} rows, where "
                        f"{metadata.rows} are expected"
                    )
                try:
                    columns.append(column_of(name, dataset, has_final=False))
                except ConversionError as exc:
                    unreadable[name] = str(exc)
        lengths = metadata.lengths
        return Survey(
            columns=columns,
            spans=[
                Span(metadata.place, "", length, ranges)
                for length, ranges in zip(lengths, metadata.episodes, strict=True)
            ],
            episodes=episode_table(lengths, list(range(len(lengths))), [{} for _ in lengths]),
            unreadable=unreadable,
        )
