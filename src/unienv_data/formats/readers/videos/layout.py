"""What the episodes of videos and tables are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.videos.matching import SINGLE, videos_of
from unienv_data.formats.readers.videos.tables import is_table, is_video, load_table, stem_of
from unienv_data.formats.source import Source
from unienv_data.formats.tables.episodes import EPISODE_COLUMNS, runs_of, spans_of_runs
from unienv_data.formats.tables.parts import in_natural_order

__all__ = ["Choices", "Episode", "episodes_of", "with_alike_rows"]

FRAME_COLUMNS = ("frame_index", "frame", "frame_id", "frame_number")


@dataclass(frozen=True)
class Choices:
    """What a user may choose.

    Args:
        table: which table says what happened; None for the only one, or for one beside each video.
        episode_column: what tells episodes apart.
        frame_column: where the number of each row's frame stands.
    """

    table: str | None = None
    episode_column: str | None = None
    frame_column: str | None = None


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode.

    Args:
        name: what it is called.
        videos: camera -> the name of its file.
        rows: of the table, one a frame; None where the frames are all there is.
        table: the table's name, for messages.
        frames: (T,) the number of each row's frame within the files; None where all frames of the files are
            the episode's.
        about: what is said of the episode.
    """

    name: int | str
    videos: Mapping[str, str]
    rows: pa.Table | None
    table: str
    frames: NDArray[np.int64] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


def episodes_of(source: Source, choices: Choices) -> list[Episode]:
    """The episodes, in order.

    One table may have a row a frame, with a column that tells episodes apart, or a row a video, all of whose
    frames are the episode. Several tables have a row a frame, of the videos that are called like them.

    Raises:
        ConversionError: a table is damaged, or it is not clear what belongs together.
    """
    videos = in_natural_order(name for name in source.files if is_video(name))
    tables = in_natural_order(name for name in source.files if is_table(name))
    if not videos or not tables:
        raise ConversionError(f"{source.where()}: there are no {'tables' if videos else 'videos'}")
    if choices.table is not None:
        if choices.table not in tables:
            raise ConversionError(
                f"{source.where()}: there is no table {choices.table!r}; there are {', '.join(tables[:8])}"
            )
        tables = [choices.table]
    if len(tables) > 1:
        return _of_tables(source, tables, videos, choices)
    (name,) = tables
    table = load_table(source, name)
    where = source.where(name)
    for column in (choices.episode_column, choices.frame_column):
        if column is not None and column not in table.column_names:
            raise ConversionError(
                f"{where}: there is no column {column!r}; the columns are {', '.join(table.column_names)}"
            )
    named = _video_columns(table, name, set(source.files))
    column = choices.episode_column or next((c for c in EPISODE_COLUMNS if c in table.column_names), None)
    if named and all(len(set(files)) == table.num_rows for files in named.values()):
        return _of_videos(table, named, column, name)
    if column is not None:
        return _of_rows(table, name, where, column, named, videos, choices)
    if len(videos) == 1:
        return [Episode(stem_of(videos[0]), {SINGLE: videos[0]}, table, name, _frames(table, where, choices))]
    if videos_of(stem_of(name), videos, name.rpartition("/")[0]):
        return _of_tables(source, tables, videos, choices)
    raise ConversionError(
        f"{where}: it is not clear which videos its rows belong to: no column names them, none tells "
        f"episodes apart (--episode-column NAME), and no video is called {stem_of(name)}"
    )


def with_alike_rows(source: Source, episodes: Sequence[Episode]) -> list[Episode]:
    """The episodes with rows of the same columns and types: where text files have whole numbers in one table
    and fractions in another, all become fractions.

    Raises:
        ConversionError: a column is missing in a table, or of a type that does not go with the first's.
    """
    first = episodes[0]
    if first.rows is None:
        return list(episodes)
    schema = first.rows.schema
    for episode in episodes:
        rows = first.rows if episode.rows is None else episode.rows
        gone = [name for name in first.rows.column_names if name not in rows.column_names]
        if gone:
            raise ConversionError(
                f"{source.where(episode.table)}: the columns {', '.join(gone)} are missing, which "
                f"{first.table} has"
            )
        mine = rows.select(first.rows.column_names).schema
        for number, own in enumerate(mine):
            try:
                both = pa.unify_schemas(
                    [pa.schema([schema.field(number)]), pa.schema([own])], promote_options="permissive"
                )
            except pa.ArrowException as exc:
                raise ConversionError(
                    f"{source.where(episode.table)}: the column {own.name} is {own.type}, in {first.table} "
                    f"it is {schema.field(number).type}"
                ) from exc
            schema = schema.set(number, both.field(0))
    found = []
    for episode in episodes:
        rows = first.rows if episode.rows is None else episode.rows
        try:
            found.append(replace(episode, rows=rows.select(schema.names).cast(schema)))
        except pa.ArrowException as exc:
            raise ConversionError(
                f"{source.where(episode.table)}: its values do not fit others': {exc}"
            ) from exc
    return found


def _of_videos(
    table: pa.Table, named: Mapping[str, list[str]], column: str | None, name: str
) -> list[Episode]:
    """A row a video."""
    about = table.drop_columns(list(named)).to_pylist()
    first = next(iter(named.values()))
    names: list[Any] = [stem_of(file) for file in first]
    if column is not None and column in table.column_names:
        names = table[column].to_pylist()
        about = [{key: value for key, value in each.items() if key != column} for each in about]
    if len(set(names)) < len(names):
        names = first
    return [
        Episode(
            names[row], {camera: files[row] for camera, files in named.items()}, None, name, None, about[row]
        )
        for row in range(table.num_rows)
    ]


def _of_rows(
    table: pa.Table,
    name: str,
    where: str,
    column: str,
    named: Mapping[str, list[str]],
    videos: Sequence[str],
    choices: Choices,
) -> list[Episode]:
    """A row a frame, of all episodes."""
    runs = runs_of(table[column], f"{where}: the column {column}")
    spans = spans_of_runs([(key, rows, None) for key, rows in runs], where, column)
    rows = table.drop_columns(list(named))
    episodes = []
    for span in spans:
        if named:
            files = {camera: set(each[span.start : span.stop]) for camera, each in named.items()}
            several = next((camera for camera, each in files.items() if len(each) > 1), None)
            if several is not None:
                raise ConversionError(
                    f"{where}: the rows of episode {span.name!r} name several videos in {several}: "
                    f"{', '.join(sorted(files[several])[:3])}"
                )
            mine = {camera: next(iter(each)) for camera, each in files.items()}
        else:
            mine = videos_of(span.name, videos, name.rpartition("/")[0])
        if not mine:
            raise ConversionError(f"{where}: there is no video of episode {span.name!r}")
        part = rows.slice(span.start, span.stop - span.start)
        frames = _frames(part, f"{where}: episode {span.name!r}", choices)
        episodes.append(Episode(span.name, mine, part, name, frames))
    return episodes


def _of_tables(
    source: Source, tables: Sequence[str], videos: Sequence[str], choices: Choices
) -> list[Episode]:
    """A table a video, with a row a frame."""
    episodes = []
    for name in tables:
        mine = videos_of(stem_of(name), videos, name.rpartition("/")[0])
        if not mine:
            raise ConversionError(
                f"{source.where(name)}: there is no video of this name; if another table says what happened, "
                f"name it (--option table=NAME)"
            )
        table = load_table(source, name)
        frames = _frames(table, source.where(name), choices)
        key = name.rpartition(".")[0]
        episodes.append(Episode(key, mine, table, name, frames))
    return episodes


def _frames(rows: pa.Table, where: str, choices: Choices) -> NDArray[np.int64]:
    """The number of each row's frame: of the column that says so, else one row after the other."""
    column = choices.frame_column or next((c for c in FRAME_COLUMNS if c in rows.column_names), None)
    if column is None:
        return np.arange(rows.num_rows, dtype=np.int64)
    if (
        column not in rows.column_names
        or not pa.types.is_integer(rows[column].type)
        or rows[column].null_count
    ):
        raise ConversionError(f"{where}: the column {column} has no whole number in every row")
    return rows[column].to_numpy().astype(np.int64)


def _video_columns(table: pa.Table, name: str, files: set[str]) -> dict[str, list[str]]:
    """The columns that name videos, as names within the source: from its root, or from the table's folder."""
    folder = name.rpartition("/")[0]
    found = {}
    for column in table.schema:
        if not pa.types.is_string(column.type) or not table.num_rows or table[column.name].null_count:
            continue
        texts: list[str] = [str(text) for text in table[column.name].to_pylist()]
        names = [text.replace("\\", "/").removeprefix("./") for text in texts]
        if not all(is_video(text) for text in names):
            continue
        within = [f"{folder}/{text}" if folder and text not in files else text for text in names]
        found[column.name] = within
    return found
