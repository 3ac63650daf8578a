"""Every operation on a dataset, wherever fsspec reaches: the same rows, and no secret anywhere."""

from __future__ import annotations

import functools
import http.server
import io
import json
import pickle
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import unienv_data
from tests.conftest import requires_obstore, requires_s3
from tests.servers import S3Server
from unienv_data import ReplayBuffer, StepSampler, ZarrStorage
from unienv_data.cli.app import app
from unienv_data.conversion import ConversionOptions
from unienv_data.conversion.destinations.destination import Destination
from unienv_data.errors import AccessRefusedError, DatasetError, ReadOnlyError, WriterLockedError
from unienv_data.formats import Source
from unienv_data.storages import CompressedListStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import BoxSpace, DictSpace

SPACE = DictSpace(
    NumpyComputeBackend,
    {
        "frame": BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=(8, 8, 3)),
        "state": BoxSpace(NumpyComputeBackend, -np.inf, np.inf, np.float32, shape=(4,)),
    },
)
_RNG = np.random.default_rng(1)
ROWS = {
    "frame": _RNG.integers(0, 255, (70, 8, 8, 3), dtype=np.uint8),
    "state": _RNG.normal(size=(70, 4)).astype(np.float32),
}
PUSHT = Path(__file__).parents[3] / "examples/data/lerobot_v30_pusht"
CLIENTS = ["fsspec", pytest.param("obstore", marks=requires_obstore)]


def rows(start: int, stop: int) -> dict[str, Any]:
    return {name: column[start:stop] for name, column in ROWS.items()}


def check(buffer: Any, count: int = 70) -> None:
    assert len(buffer) == count
    order = np.random.default_rng(2).permutation(count)
    found = buffer.get_at(order)
    for name, column in ROWS.items():
        assert (found[name] == column[order]).all()


def write(url: str, **options: Any) -> None:
    """40 rows and an episode, then 30 more by another writer."""
    buffer = ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=url, chunks={"frame": 1}, shards={"**": 16}, **options
    )
    buffer.extend(rows(0, 40))
    buffer.mark_segment_end()
    buffer.commit()
    check(buffer, 40)
    with pytest.raises(WriterLockedError, match=r"process \d+ on .* \(this one\) is writing since"):
        unienv_data.open(url, "a", **options)
    buffer.close()
    again = unienv_data.open(url, "a", **options)
    again.extend(rows(40, 70))
    again.close()


@requires_s3
@pytest.mark.parametrize("client", CLIENTS)
def test_a_life_in_a_bucket(s3: S3Server, client: str, tmp_path: Path) -> None:
    url, options = s3.url(uuid.uuid4().hex, "data.zarr"), {"storage_options": s3.options, "client": client}
    write(url, **options)
    reader = unienv_data.open(url, **options)
    check(reader)
    check(pickle.loads(pickle.dumps(reader)))
    batches = [batch["state"] for batch in StepSampler(reader, 16, seed=3).epoch_iter()]
    assert sorted(np.concatenate(batches)[:, 0].tolist()) == sorted(ROWS["state"][:, 0].tolist())
    writer = unienv_data.open(url, "a", **options)
    writer.seal()
    writer.close()
    assert reader.refresh()
    reader.dumps(f"{url}-copy", storage_options=s3.options)
    check(unienv_data.open(f"{url}-copy", **options))
    reader.dumps(tmp_path / "here.zarr")
    check(unienv_data.open(tmp_path / "here.zarr"))
    replaced = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url, overwrite=True, **options)
    replaced.extend(rows(0, 5))
    replaced.close()
    check(unienv_data.open(url, **options), 5)
    items = ReplayBuffer.create(CompressedListStorage, SPACE)
    items.extend(rows(0, 20))
    items.dumps(f"{url}-list", storage_options=s3.options)
    check(unienv_data.open(f"{url}-list", **options), 20)


@requires_s3
def test_commands(s3: S3Server, tmp_path: Path) -> None:
    url, here = s3.url(uuid.uuid4().hex, "data.zarr"), tmp_path / "here.zarr"
    given = [f"--storage-option={name}={value}" for name, value in s3.options.items()]
    write(f"{url}-frames", storage_options=s3.options)
    some = ["--columns", "action", "--columns", "observation.state"]
    for command in (
        ["convert", str(PUSHT), str(here), *some],
        ["convert", str(PUSHT), url, *some, *given],
        ["info", url, *given],
        ["codecs", f"{url}-frames", "--rows", "8", *given],
    ):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, (command[0], done.output[-2000:])
        assert s3.options["secret"] not in done.output
    with unienv_data.open(here) as expected, unienv_data.open(url, storage_options=s3.options) as found:
        assert len(found) == len(expected) > 100
        assert (found[:]["action"] == expected[:]["action"]).all()


# What only serves


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A folder, and the URL under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def make(folder: Path) -> None:
    buffer = ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=folder, chunks={"frame": 1}, shards={"**": 16}
    )
    buffer.extend(ROWS)
    buffer.mark_segment_end()
    buffer.close()


def packed(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder.parent))
    return archive


Places = dict[str, Callable[[str, Path], str]]
PLACES: Places = {
    "http": lambda address, folder: f"{address}/data.zarr",
    "zip": lambda address, folder: f"zip://data.zarr::{packed(folder / 'data.zarr', folder / 'a.zip')}",
    "simplecache of http": lambda address, folder: f"simplecache::{address}/data.zarr",
}


@pytest.mark.parametrize("place", PLACES)
def test_what_only_serves_is_read_and_not_written(served: tuple[str, Path], place: str) -> None:
    address, folder = served
    make(folder / "data.zarr")
    url = PLACES[place](address, folder)
    reader = unienv_data.open(url)
    check(reader)
    check(pickle.loads(pickle.dumps(reader)))
    assert [list(map(int, span)) for span in reader.get_segments()] == [[0, 70]]
    with pytest.raises(ReadOnlyError, match=r"read-only|for reading"):
        unienv_data.open(url, "a")
    with pytest.raises(ReadOnlyError, match=r"read-only|for reading"):
        unienv_data.open(url, "a", assume_single_writer=True)
    with pytest.raises((ReadOnlyError, FileExistsError)):
        ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url)
    reader.close()


@requires_s3
@pytest.mark.parametrize("link", ["simplecache", "filecache"])
def test_copies_that_fsspec_keeps(s3: S3Server, link: str, tmp_path: Path) -> None:
    url = s3.url(uuid.uuid4().hex, "data.zarr")
    write(url, storage_options=s3.options)
    options: dict[str, Any] = {link: {"cache_storage": str(tmp_path / "kept")}, "s3": s3.options}
    check(unienv_data.open(f"{link}::{url}", storage_options=options))
    assert any((tmp_path / "kept").iterdir())
    with pytest.raises(ReadOnlyError, match=f"{link}:: keeps is for reading; write to the URL without it"):
        unienv_data.open(f"{link}::{url}", "a", storage_options=options)


@requires_s3
def test_an_archive_in_a_bucket(s3: S3Server, tmp_path: Path) -> None:
    import fsspec

    make(tmp_path / "data.zarr")
    archive = packed(tmp_path / "data.zarr", tmp_path / "a.zip")
    prefix = uuid.uuid4().hex
    fsspec.filesystem("s3", **s3.options).pipe_file(f"{s3.bucket}/{prefix}/a.zip", archive.read_bytes())
    check(unienv_data.open(f"zip://data.zarr::{s3.url(prefix, 'a.zip')}", storage_options={"s3": s3.options}))


def test_in_fsspecs_memory() -> None:
    url = f"memory://{uuid.uuid4().hex}/data.zarr"
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url)
    buffer.extend(ROWS)
    buffer.close()
    check(unienv_data.open(url))
    with pytest.raises(DatasetError, match="obstore opens no memory URLs"):
        unienv_data.open(url, client="obstore")


# Secrets


@requires_s3
@pytest.mark.parametrize("client", CLIENTS)
def test_storage_options_are_neither_stored_nor_shown(
    s3: S3Server, client: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    import fsspec

    prefix = uuid.uuid4().hex
    url, options = s3.url(prefix, "data.zarr"), {"storage_options": s3.options, "client": client}
    write(url, **options)
    reader = unienv_data.open(url, **options)
    sampler = StepSampler(reader, 8, seed=0)
    next(iter(sampler.epoch_iter()))
    filesystem = fsspec.filesystem("s3", **s3.options)
    filesystem.invalidate_cache()
    stored = [filesystem.cat_file(name) for name in filesystem.find(f"{s3.bucket}/{prefix}")]
    assert len(stored) > 5
    out, err = capfd.readouterr()
    shown = [repr(reader), str(reader), repr(sampler), repr(reader.storage.__dict__), out, err, caplog.text]
    shown += [json.dumps(sampler.state_dict()), repr(reader.storage.objects)]
    for secret in (s3.options["secret"], s3.options["key"]):
        assert not any(secret.encode() in data for data in stored)
        assert not any(secret in text for text in shown)
    wrong = {**s3.options, "secret": "not-the-Secret-at-all"}
    if s3.kind == "radosgw":
        with pytest.raises(AccessRefusedError) as caught:
            unienv_data.open(url, storage_options=wrong, client=client)
        assert "not-the-Secret" not in str(caught.value)


@pytest.mark.filterwarnings("error")
def test_commands_show_no_credentials_of_a_url() -> None:
    url = f"memory://user:sEcret@{uuid.uuid4().hex}/data.zarr"
    for command in (
        ["convert", str(PUSHT), url, "--columns", "action"],
        ["convert", str(PUSHT), url, "--columns", "action"],  # refused: something is there
        ["convert", str(PUSHT), url, "--columns", "action", "--overwrite", "--json"],
        ["info", url],
        ["info", url, "--json"],
        ["codecs", url],  # refused: there are no frames
        ["info", f"{url}-gone"],
        ["convert", f"{url}-gone", "memory://x/y.zarr"],
    ):
        done = CliRunner().invoke(app, command)
        assert "sEcret" not in done.output, command
    assert "sEcret" not in repr(
        [Source(url), Destination(url), ConversionOptions(storage_options={"key": "sEcret"})]
    )


@requires_s3
def test_a_conversion_with_wrong_credentials(s3: S3Server) -> None:
    if s3.kind != "radosgw":
        pytest.skip("not every server checks signatures")
    given = [f"--storage-option={name}={value}" for name, value in s3.options.items() if name != "secret"]
    url = s3.url(uuid.uuid4().hex)
    done = CliRunner().invoke(app, ["convert", str(PUSHT), url, *given, "--storage-option=secret=sEcret-s"])
    assert done.exit_code
    assert "sEcret-s" not in done.output
    assert s3.options["key"] not in done.output
    assert "Traceback" not in done.output


def test_signed_addresses_are_not_shown(served: tuple[str, Path]) -> None:
    address, _ = served
    host = address.partition("//")[2]
    for url in (
        f"zip::http://user:sEcret@{host}/gone.zip?sig=sEcret",
        f"http://user:sEcret@{host}/gone.zarr",
    ):
        with pytest.raises(OSError, match="gone") as caught:
            unienv_data.open(url)
        out = io.StringIO()
        import traceback

        traceback.print_exception(caught.value, file=out)
        assert "sEcret" not in str(caught.value)
        assert "sEcret" not in "".join(
            line for line in out.getvalue().splitlines() if not line.startswith("  ")
        )
