"""Conversions from and to an S3 bucket, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats.readers.lerobot.v30.reader import LeRobotV30Reader
from unienv_data.opening import open as open_dataset

pytest.importorskip("av")
pytest.importorskip("imagecodecs")
pytest.importorskip("moto.server")

from moto.server import ThreadedMotoServer

from tests.unienv_data.formats.lerobot_builder import Camera, Recording, build


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, Any]]:
    """The storage options of a bucket called `robots`."""
    moto = ThreadedMotoServer(port=0)
    moto.start()
    host, port = moto.get_host_and_port()
    options = {"key": "testing", "secret": "testing", "endpoint_url": f"http://{host}:{port}"}
    fsspec.filesystem("s3", **options).mkdir("robots")
    yield options
    moto.stop()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    cameras = {"observation.front": Camera(files=((0, 1, 2), (3, 4)))}
    return build(tmp_path_factory.mktemp("made") / "toy", cameras=cameras, images=True)


def test_from_bucket_to_bucket(made: Recording, options: dict[str, Any]) -> None:
    bucket = fsspec.filesystem("s3", **options)
    bucket.put(str(made.root), "robots/toy", recursive=True)
    chosen = ConversionOptions(source_storage_options=options, storage_options=options)
    plan = plan_conversion("s3://robots/toy", "s3://robots/out/x.zarr", chosen)
    assert plan.free_bytes is None
    assert run_conversion(plan).rows == 36
    with open_dataset("s3://robots/out/x.zarr", storage_options=options) as buffer:
        rows = buffer[...]
        assert buffer.episodes["length"].to_pylist() == list(made.lengths)
    np.testing.assert_array_equal(rows["observation"]["front"], made.frames["observation.front"])
    np.testing.assert_array_equal(rows["observation"]["png"], made.columns["observation.png"])


def test_failure_leaves_nothing(
    made: Recording, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_conversion(
        str(made.root), "s3://robots/failed/x.zarr", ConversionOptions(storage_options=options)
    )
    whole = LeRobotV30Reader.chunks

    def broken(self: Any, columns: Any, episodes: Any, **options: Any) -> Any:
        for chunk in whole(self, columns, episodes, **options):
            if chunk.episode == 3:
                raise ConversionError("damaged")
            yield chunk

    monkeypatch.setattr(LeRobotV30Reader, "chunks", broken)
    with pytest.raises(ConversionError, match="damaged"):
        run_conversion(plan)
    bucket = fsspec.filesystem("s3", **options)
    bucket.invalidate_cache()
    assert bucket.find("robots/failed") == []


def test_a_bucket_that_is_not_there(made: Recording, options: dict[str, Any], tmp_path: Path) -> None:
    chosen = ConversionOptions(source_storage_options=options)
    with pytest.raises(ConversionError, match="s3://no-such-bucket/toy"):
        plan_conversion("s3://no-such-bucket/toy", str(tmp_path / "x.zarr"), chosen)
