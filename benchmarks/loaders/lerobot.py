"""LeRobotDataset with `delta_timestamps`, through PyTorch's DataLoader."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.loaders.base import INDEX, Loaded, Loader, Work
from benchmarks.recording import once

RATE = 30
_CAMERA = "observation.images."


class LeRobotImagesLoader(Loader):
    """Frames as PNG images in Parquet."""

    name = "LeRobotDataset, images"
    modules = ("lerobot", "torch")
    distribution = "lerobot"
    settings = "DataLoader, 2 workers, persistent_workers"
    are_videos: ClassVar[bool] = False

    def setup(self, work: Work) -> None:
        from lerobot.datasets.lerobot_dataset import LeRobotDataset
        from torch.utils.data import DataLoader

        self._work = work
        kind = "videos" if self.are_videos else "images"
        root = once(work.recording.folder / f"lerobot-{kind}", lambda: self._write(root_of(work, kind)))
        steps = {
            self._feature(name): [step / RATE for step in offsets]
            for name, offsets in (work.steps or {}).items()
        }
        self._loader = DataLoader(
            LeRobotDataset("benchmarks/rows", root=root, delta_timestamps=steps or None),
            batch_size=work.batch,
            shuffle=True,
            num_workers=work.workers,
            persistent_workers=True,
        )

    def _is_frames(self, name: str) -> bool:
        return self._work.recording.raw(name).ndim == 4

    def _feature(self, name: str) -> str:
        return f"{_CAMERA}{name}" if self._is_frames(name) else name

    def _write(self, root: Path) -> None:
        """Record the rows as LeRobot does."""
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        recording = self._work.recording
        columns = {name: recording.raw(name) for name in recording.columns if name != INDEX}
        features = {}
        for name, rows in columns.items():
            if self._is_frames(name):
                how = {"dtype": "video" if self.are_videos else "image", "shape": rows.shape[1:]}
                features[self._feature(name)] = {**how, "names": ["height", "width", "channels"]}
            else:
                features[name] = {"dtype": str(rows.dtype), "shape": rows.shape[1:], "names": None}
        dataset = LeRobotDataset.create(
            "benchmarks/rows", fps=RATE, features=features, root=root, use_videos=self.are_videos
        )
        for start, stop in recording.episodes:
            for row in range(start, stop):
                frame = {self._feature(name): rows[row] for name, rows in columns.items()}
                dataset.add_frame({**frame, "task": "none"})
            dataset.save_episode()
        dataset.finalize()

    def epoch(self) -> Iterator[Any]:
        return iter(self._loader)

    def loaded(self, batch: Any) -> Loaded:
        columns: dict[str, NDArray[Any]] = {}
        masks: dict[str, NDArray[np.bool_]] = {}
        for name in self._work.recording.columns:
            if name == INDEX:
                continue
            feature = self._feature(name)
            columns[name] = batch[feature].numpy()
            if self._is_frames(name):  # channels first, from 0 to 1
                columns[name] = np.rint(np.moveaxis(columns[name], -3, -1) * 255).astype(np.uint8)
            if f"{feature}_is_pad" in batch:
                masks[name] = ~batch[f"{feature}_is_pad"].numpy()
        return Loaded(batch["index"].numpy(), columns, masks)

    def close(self) -> None:
        del self._loader


class LeRobotVideoLoader(LeRobotImagesLoader):
    """Frames as videos, as LeRobot records by default."""

    name = "LeRobotDataset, video"
    settings = (
        f"{LeRobotImagesLoader.settings}; "
        f"{'torchcodec' if importlib.util.find_spec('torchcodec') else 'pyav'} decodes"
    )
    are_videos = True
    is_lossy = True


def root_of(work: Work, kind: str) -> Path:
    """Where the recording of a kind stands."""
    return work.recording.folder / f"lerobot-{kind}"
