"""What is known of a buffer's columns: statistics that are kept with its commits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from unienv_data.base.batch import BatchT
from unienv_data.errors import SpaceError
from unienv_data.progress import NO_PROGRESS, Progress
from unienv_data.replay_buffer.gathering import gathered_statistics
from unienv_data.replay_buffer.lending import LendingBatch
from unienv_data.replay_buffer.statistics_objects import read_episodes, read_statistics, write_statistics
from unienv_data.statistics import DatasetAccumulator, Statistics, spaces_of
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space import BinarySpace

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["StatedBatch"]

MOST_EPISODES = 100_000
"""Of more episodes, statistics of each are not kept: `episode_stats` computes them."""


class StatedBatch(LendingBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Rows that are made durable, with statistics of their columns."""

    @property
    def stats(self) -> Statistics | None:
        """The statistics of the commit that is read, or of what will be committed; None where there are none.

        They are of the first `stats.rows` rows: where rows have been appended since, `update_stats` looks at
        all of them. Whoever removes, evicts or overwrites rows gives the statistics up.

        `NormalizeTransformation(buffer.stats)` normalizes by them.

        Raises:
            CorruptDataError: the object that holds them is missing or damaged.
        """
        self._require_open()
        with self._look():
            self._catch_up()
            name = self._state.statistics
        if name is None or self._committing is None:
            return None
        return read_statistics(self._committing.objects, name)

    def compute_stats(self, *, every_frame: bool = False, progress: Progress = NO_PROGRESS) -> Statistics:
        """The statistics of all rows, computed now and kept nowhere.

        Args:
            every_frame: look at every frame of images; otherwise at a sample, evenly spread, of 16 MiB, or
                of 64 frames of a video.
            progress: told the rows that are read.
        """
        return self._stated(self._gathered(None, every_frame, progress), None)

    def episode_stats(self, *, every_frame: bool = False, progress: Progress = NO_PROGRESS) -> pa.Table:
        """The statistics of each episode: those that are kept where they are of all rows, or computed now.

        Args:
            every_frame: as in `compute_stats`.
            progress: told the rows that are read.

        Returns:
            A row an episode: `length`, and of each column `PATH/count`, `PATH/mean`, `PATH/std` and so on,
            flat lists where a statistic is no single number, null where no row of the episode was looked at.
        """
        kept = self.stats
        if kept is not None and kept.episodes_object and self._committing is not None and not every_frame:
            table = read_episodes(self._committing.objects, kept.episodes_object)
            if table.num_rows == len(self.get_segments() or ()):
                return table
        return self._gathered(None, every_frame, progress).episodes.table()

    def update_stats(
        self,
        *,
        collected: DatasetAccumulator | None = None,
        every_frame: bool = False,
        progress: Progress = NO_PROGRESS,
    ) -> Statistics:
        """Compute the statistics of all rows, to be kept with the next commit.

        Args:
            collected: what is known already of the columns of these very rows and episodes, as whoever wrote
                them has seen them; these columns are not read.
            every_frame: as in `compute_stats`.
            progress: told the rows that are read.

        Raises:
            ReadOnlyError: opened for reading.
            SpaceError: the buffer keeps no commits, and so no statistics; `compute_stats` gives them.
        """
        self._require_writable()
        storage = self._committing
        if storage is None:
            raise SpaceError("a buffer without commits keeps no statistics; compute_stats() gives them")
        with self._turn():
            found = self._gathered(collected, every_frame, progress)
            table = found.episodes.table() if len(found.episodes) <= MOST_EPISODES else None
            kept: list[Statistics] = []

            def make(name: str | None) -> Statistics:
                kept.append(self._stated(found, name))
                return kept[0]

            name = write_statistics(storage.objects, storage.commit_number + 1, table, make)
            self._state = replace(self._state, statistics=name)
        return kept[0]

    def _gathered(
        self, collected: DatasetAccumulator | None, every_frame: bool, progress: Progress
    ) -> DatasetAccumulator:
        self._require_open()
        segments = self.get_segments() or []
        stored = () if self._committing is None else self._committing.describe()
        return gathered_statistics(
            self,
            segments,
            collected=collected,
            every_frame=every_frame,
            videos={column.name for column in stored if column.codec.startswith("video:")},
            progress=progress,
        )

    def _stated(self, found: DatasetAccumulator, episodes: str | None) -> Statistics:
        spaces = spaces_of(self.single_space)
        summaries = found.summaries()
        return Statistics(
            {path: summaries[path] for path in spaces},
            rows=self.count,
            start=self._state.evicted,
            stop=self._state.appended,
            episodes_object=episodes,
            booleans=frozenset(path for path, space in spaces.items() if isinstance(space, BinarySpace)),
        )
