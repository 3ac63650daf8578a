"""A format whose rows stand in memory: episodes of T rows, with T + 1 observations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from unienv_data.columns import EncodedRows
from unienv_data.errors import ConversionError
from unienv_data.formats import Chunk, EncodedForm, Facts, Reader, Source, SourceColumn
from unienv_data.formats.base import check_options
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_data.store.codecs import rows_of_files

LENGTHS = (5, 1, 0, 7)
FINALS = ("obs.state", "obs.image", "obs.picture")


def values_of(episode: int) -> dict[str, Any]:
    """All values of an episode: T + 1 of FINALS, T of all others."""
    rng = np.random.default_rng(episode)
    rows = LENGTHS[episode]
    more = rows + 1
    return {
        "obs.state": rng.normal(size=(more, 3)).astype(np.float32),
        "obs.image": rng.integers(0, 256, (more, 6, 8, 3)).astype(np.float32),
        "obs.picture": np.repeat(rng.integers(0, 256, (more, 1, 1, 3), dtype=np.uint8), 8, 1).repeat(8, 2),
        "action": rng.normal(size=(rows, 2)),
        "reward": rng.normal(size=rows).astype(np.float32),
        "video": rng.integers(0, 256, (rows, 3, 4, 8), dtype=np.uint8),
        "done": np.arange(rows) == rows - 1,
        "task": np.array(["" if row % 2 else "push" for row in range(rows)], dtype=object),
    }


class ToyReader(Reader):
    """Reads nothing: what it gives is made up, the same each time."""

    name = "toy"
    title = "Toy"
    layout = "a file called toy"
    option_help: ClassVar[Mapping[str, str]] = {"without": "columns that are not there, with commas"}

    def __init__(self, without: Collection[str] = ()) -> None:
        self.without = without
        self.asked: list[tuple[Any, ...]] = []
        self.damaged: int | None = None

    @classmethod
    def probe(cls, source: Source) -> bool:
        return "toy" in source.files

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        given = check_options(cls, options)
        return cls(given.get("without", "").split(","))

    def facts(self) -> Facts:
        sample = values_of(0)
        names = [name for name in sample if name not in self.without]
        columns = [
            SourceColumn(
                name,
                path,
                text_space() if name == "task" else array_space(sample[name].dtype, sample[name].shape[1:]),
                encoded=EncodedForm("png", 1, 300) if name == "obs.picture" else None,
                has_final=name in FINALS,
            )
            for name, path in nested_paths(names).items()
        ]
        episodes = pa.table(
            {
                "length": pa.array(LENGTHS, pa.int64()),
                "source_episode": [f"e{n}" for n in range(len(LENGTHS))],
            }
        )
        return Facts("toy", "1", tuple(columns), episodes, 1000)

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        self.asked.append(("check", list(columns), list(episodes)))

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = 1 << 20,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        self.asked.append(("chunks", list(columns), list(episodes), target_bytes, sorted(encoded)))
        at_once = 2 if target_bytes < 1 << 20 else 4
        for episode in episodes:
            if episode == self.damaged:
                raise ConversionError(f"episode e{episode} is damaged")
            values = values_of(episode)
            length = LENGTHS[episode]
            for start in range(0, length, at_once):
                stop = min(start + at_once, length)
                rows = {name: values[name][start : stop + (name in FINALS)] for name in columns}
                for name in encoded:
                    rows[name] = as_png(rows[name])
                yield Chunk(episode, start, stop - start, rows, stop == length)

    def close(self) -> None:
        self.asked.append(("close",))


def as_png(frames: Any) -> EncodedRows:
    """Frames (B, H, W, 3) as the PNG files that such a source would have."""
    import imagecodecs

    files = [imagecodecs.png_encode(frame) for frame in frames]
    return rows_of_files(files, "png", frames.dtype, frames.shape[1:])
