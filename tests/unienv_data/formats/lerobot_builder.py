"""Writes small LeRobot v3.0 datasets with pyarrow and PyAV, and says what they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imagecodecs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

FPS = 10


@dataclass(frozen=True)
class Camera:
    """A camera: which episodes share a file, and how the frames are encoded.

    `lead` frames that belong to no episode stand at the beginning of each file.
    """

    files: Sequence[Sequence[int]]
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    height: int = 48
    width: int = 64
    lead: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """What was written: `columns` in row order, `frames[camera]` as a plain decode gives them."""

    root: Path
    lengths: tuple[int, ...]
    columns: dict[str, NDArray[Any]]
    frames: dict[str, NDArray[Any]]
    tasks_of: tuple[tuple[str, ...], ...]


def noise_frames(count: int, camera: Camera, seed: int) -> NDArray[np.uint8]:
    """Smooth frames of which no two are alike, (T, H, W, 3)."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, 6, 8, 3), dtype=np.uint8)
    return small.repeat(camera.height // 6, axis=1).repeat(camera.width // 8, axis=2)


def encode(path: Path, camera: Camera, frames: NDArray[Any], fps: int = FPS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(camera.codec, rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = camera.width, camera.height, camera.pixel_format
        options = {"libx264": {"g": "12", "bf": "2"}, "libsvtav1": {"g": "2", "crf": "30", "preset": "12"}}
        stream.options = options.get(camera.codec, {"x265-params": "lossless=1:log-level=error"})
        for image in frames:
            if camera.pixel_format == "gray12le":
                frame = av.VideoFrame.from_ndarray(image, format="gray12le")
            else:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def plain_decode(path: Path, format: str = "rgb24") -> NDArray[Any]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format=format) for frame in container.decode(video=0)])


def png(pixels: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.png_encode(pixels))


DEFAULT_LENGTHS = (7, 3, 12, 5, 9)


def build(
    root: Path,
    *,
    lengths: Sequence[int] = DEFAULT_LENGTHS,
    data_files: Sequence[Sequence[int]] = ((0, 1), (2,), (3, 4)),
    cameras: Mapping[str, Camera] | None = None,
    images: bool = False,
    row_groups: str = "episode",
    task_column: str = "task",
    extra: Mapping[str, tuple[pa.Array, dict[str, Any]]] | None = None,
    episode_columns: Mapping[str, Sequence[Any]] | None = None,
    splits: Mapping[str, str] | None = None,
) -> Recording:
    """Write a dataset.

    Args:
        root: a folder that is made.
        lengths: rows of each episode.
        data_files: which episodes share a Parquet file.
        cameras: the video features.
        images: whether to add an image feature, PNG in the Parquet files.
        row_groups: one an `episode`, or one a `file`.
        task_column: what the text column of tasks.parquet is called.
        extra: more columns over all rows, each with its entry in `features`.
        episode_columns: more columns of the episode table.
        splits: of info.json.
    """
    rng = np.random.default_rng(0)
    rows = sum(lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    tasks = ["pick the cube", "place – gently", "wait"]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    values: dict[str, NDArray[Any]] = {
        "observation.state": rng.normal(size=(rows, 3)).astype(np.float32),
        "observation.wide": rng.normal(size=(rows, 2)),
        "observation.matrix": rng.normal(size=(rows, 2, 3)).astype(np.float32),
        "action": rng.integers(-100, 100, (rows, 2)).astype(np.int16),
        "next.done": rng.random(rows) < 0.3,
        "note": np.array([f"row {row} ünï" for row in range(rows)], dtype=object),
        "timestamp": np.concatenate([np.arange(n) / FPS for n in lengths]).astype(np.float32),
        "frame_index": np.concatenate([np.arange(n) for n in lengths]),
        "episode_index": owner,
        "index": np.arange(rows),
        "task_index": (np.arange(rows) // 4) % len(tasks),
    }
    arrow: dict[str, pa.Array] = {
        "observation.state": pa.FixedSizeListArray.from_arrays(values["observation.state"].ravel(), 3),
        "observation.wide": pa.array(list(values["observation.wide"]), pa.list_(pa.float64())),
        "observation.matrix": pa.array(
            values["observation.matrix"].tolist(), pa.list_(pa.list_(pa.float32()))
        ),
        "action": pa.FixedSizeListArray.from_arrays(values["action"].ravel(), 2),
        "note": pa.array(values["note"].tolist(), pa.string()),
    }
    features: dict[str, Any] = {
        "observation.state": {"dtype": "float32", "shape": [3], "names": {"motors": ["x", "y", "z"]}},
        # info.json says float32, the file holds float64: the file is right
        "observation.wide": {"dtype": "float32", "shape": [2], "names": ["a", "b"]},
        "observation.matrix": {"dtype": "float32", "shape": [2, 3], "names": None},
        "action": {"dtype": "int16", "shape": [2], "names": ["dx", "dy"]},
        "next.done": {"dtype": "bool", "shape": [1], "names": None},
        "note": {"dtype": "string", "shape": [1], "names": None},
    }
    for name in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        features[name] = {"dtype": str(values[name].dtype), "shape": [1], "names": None}
    if images:
        camera = Camera(files=())
        values["observation.png"] = noise_frames(rows, camera, seed=99)
        cells = [{"bytes": png(image), "path": None} for image in values["observation.png"]]
        arrow["observation.png"] = pa.array(cells, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
        features["observation.png"] = {
            "dtype": "image",
            "shape": [48, 64, 3],
            "names": ["height", "width", "channels"],
        }
    for name, (array, feature) in (extra or {}).items():
        arrow[name] = array
        features[name] = feature
    episodes: dict[str, list[Any]] = {
        "episode_index": list(range(len(lengths))),
        "tasks": [],
        "length": list(lengths),
        "data/chunk_index": [0] * len(lengths),
        "data/file_index": [0] * len(lengths),
        "dataset_from_index": starts[:-1].tolist(),
        "dataset_to_index": starts[1:].tolist(),
        "stats/action/count": [[length] for length in lengths],
    }
    for name, column in (episode_columns or {}).items():
        episodes[name] = list(column)
    for episode in range(len(lengths)):
        indexes = values["task_index"][starts[episode] : starts[episode + 1]]
        episodes["tasks"].append([tasks[index] for index in dict.fromkeys(indexes.tolist())])

    table = pa.table({name: arrow.get(name, values.get(name)) for name in features})
    for number, members in enumerate(data_files):
        path = root / f"data/chunk-000/file-{number:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [table.slice(starts[episode], lengths[episode]) for episode in members]
        with pq.ParquetWriter(path, table.schema) as writer:
            for part in parts if row_groups == "episode" else [pa.concat_tables(parts)]:
                writer.write_table(part, row_group_size=max(1, part.num_rows))
        for episode in members:
            episodes["data/file_index"][episode] = number

    frames = {}
    for seed, (name, camera) in enumerate((cameras or {}).items()):
        depth = camera.pixel_format == "gray12le"
        features[name] = {
            "dtype": "video",
            "shape": [camera.height, camera.width, 1 if depth else 3],
            "names": ["height", "width", "channels"],
            "info": {"video.fps": FPS, "video.pix_fmt": camera.pixel_format, **camera.info},
        }
        for part in ("chunk_index", "file_index", "from_timestamp", "to_timestamp"):
            episodes[f"videos/{name}/{part}"] = [0] * len(lengths)
        per_episode: dict[int, NDArray[Any]] = {}
        for number, members in enumerate(camera.files):
            total = camera.lead + sum(lengths[episode] for episode in members)
            pixels: NDArray[Any] = noise_frames(total, camera, seed=1000 * seed + number)
            if depth:
                pixels = pixels[..., 0].astype(np.uint16) * 16 + number
            path = root / f"videos/{name}/chunk-000/file-{number:03d}.mp4"
            encode(path, camera, pixels)
            decoded = plain_decode(path, "gray12le" if depth else "rgb24")
            decoded = decoded.reshape(total, camera.height, camera.width, -1)
            first = camera.lead
            for episode in members:
                per_episode[episode] = decoded[first : first + lengths[episode]]
                episodes[f"videos/{name}/file_index"][episode] = number
                # As LeRobot sums them: not the float nearest to first / fps.
                episodes[f"videos/{name}/from_timestamp"][episode] = first * (1 / FPS)
                episodes[f"videos/{name}/to_timestamp"][episode] = (first + lengths[episode]) * (1 / FPS)
                first += lengths[episode]
        frames[name] = np.concatenate([per_episode[episode] for episode in range(len(lengths))])

    meta = root / "meta"
    half = (len(lengths) + 1) // 2
    for number, part in enumerate((slice(0, half), slice(half, None))):
        path = meta / f"episodes/chunk-000/file-{number:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        if episodes["episode_index"][part]:
            pq.write_table(pa.table({name: column[part] for name, column in episodes.items()}), path)
    pq.write_table(pa.table({"task_index": range(len(tasks)), task_column: tasks}), meta / "tasks.parquet")
    info = {
        "codebase_version": "v3.0",
        "robot_type": "toy",
        "total_episodes": len(lengths),
        "total_frames": rows,
        "total_tasks": len(tasks),
        "fps": FPS,
        "splits": dict(splits or {"train": f"0:{len(lengths)}"}),
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        "features": features,
    }
    (meta / "info.json").write_text(json.dumps(info), encoding="utf-8")
    values["task"] = np.array([tasks[index] for index in values["task_index"]], dtype=object)
    return Recording(root, tuple(lengths), values, frames, tuple(map(tuple, episodes["tasks"])))


def edit_info(root: Path, **changes: Any) -> None:
    """Change keys of info.json; None removes one."""
    path = root / "meta/info.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        if value is None:
            info.pop(key, None)
        else:
            info[key] = value
    path.write_text(json.dumps(info), encoding="utf-8")


def truncate(path: Path, keep: float = 0.6) -> None:
    """Cut the end off a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
