"""Where a new dataset, or a recording in a foreign format, comes to stand: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from unienv_data.conversion.destinations.uploading import sync_tree, upload
from unienv_data.errors import (
    ConversionError,
    DatasetExistsError,
    UniEnvError,
    WorkerError,
)
from unienv_data.formats import Source, Writer
from unienv_data.progress import NO_PROGRESS, Progress
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.store.objects import open_objects, shown_url
from unienv_data.store.objects.local import LocalObjects
from unienv_data.store.objects.secrets import Secrets
from unienv_data.store.platform import sync_directory
from unienv_data.store.removal import is_begun, remove_dataset

__all__ = ["STORAGE", "UNFINISHED", "Destination", "is_to_be_kept"]

STORAGE = "storage"
LOCK = "writer.lock"
"""Where the storage stands below a dataset."""

UNFINISHED = "unfinished"
"""Below the storage: what a conversion needs to be gone on with."""


@dataclass(frozen=True)
class Destination:
    """A local folder or an object store's prefix that is to become a dataset or another format's recording.

    Args:
        uri: a local path or any fsspec URL.
        storage_options: what fsspec's filesystem takes.
        writer: of the foreign format; None for a dataset of ours.
    """

    uri: str
    storage_options: Mapping[str, Any] = field(default_factory=dict)
    writer: type[Writer] | None = None

    def __repr__(self) -> str:
        return f"Destination({self.shown!r})"

    @property
    def shown(self) -> str:
        """The address as it stands in messages: without credentials."""
        return shown_url(self.uri)

    @cached_property
    def _located(self) -> tuple[Any, str]:
        try:
            filesystem, root = fsspec.core.url_to_fs(self.uri, **self.storage_options)
        except (ImportError, ValueError) as exc:
            raise self._told("", exc) from self._cause(exc)
        return filesystem, root

    def _told(self, what: str, exc: Exception) -> ConversionError:
        said = Secrets.of(self.uri, self.storage_options).hidden(str(exc))
        return ConversionError(f"{self.shown}: {what}{said}")

    def _cause(self, exc: Exception) -> Exception | None:
        """What a traceback may show."""
        return None if Secrets.of(self.uri, self.storage_options).shown_by(exc) else exc

    @property
    def name(self) -> str:
        """The last part of the address."""
        return str(self._located[1]).rstrip("/").rsplit("/", 1)[-1]

    @cached_property
    def local(self) -> Path | None:
        """The folder, links followed; None where the destination is not on a local disk."""
        filesystem, root = self._located
        return Path(os.path.realpath(root)) if isinstance(filesystem, LocalFileSystem) else None

    @property
    def free_bytes(self) -> int | None:
        """What is free where the dataset would be written, or None where nobody knows."""
        if self.local is None:
            return None
        return shutil.disk_usage(_nearest_folder(self.local)).free

    def check(
        self, source: Source | None, overwrite: bool, append: bool = False, resume: bool = False
    ) -> None:
        """See that a dataset may come to stand here; of a source, where there is one, apart from it.

        Args:
            source: what is to be read.
            overwrite: whether a dataset that stands here is to be replaced.
            append: whether one that stands here is to be added to.
            resume: whether a conversion that was cut short is to be gone on with, be it after its commit.

        Raises:
            DatasetExistsError: something stands here that may not be replaced.
            ConversionError: source and destination overlap, or nothing can be written here.
        """
        if append and overwrite:
            raise ConversionError("--append and --overwrite: a dataset is added to, or it is replaced")
        if self.local is None:
            self._check_remote(overwrite or append or (resume and self._has_unfinished()))
            return
        if source is not None and source.local_root is not None:
            root = Path(os.path.realpath(source.local_root))
            if self.local == root or self.local in root.parents or root in self.local.parents:
                raise ConversionError(f"{self.shown}: the destination and the source {source.shown} overlap")
        if self.local.is_dir() and not any(self.local.iterdir()):
            pass  # an empty folder is as good as none
        elif os.path.lexists(self.local):
            self._check_replaceable(self.local.is_dir(), overwrite or append)
        folder = _nearest_folder(self.local)
        if not folder.is_dir():
            raise ConversionError(f"{self.shown}: {folder} is not a folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ConversionError(f"{self.shown}: no permission to write in {folder}")

    def _check_remote(self, overwrite: bool) -> None:
        filesystem, root = self._located
        try:
            exists = bool(filesystem.exists(root))
        except Exception as exc:  # every filesystem has exceptions of its own
            raise self._told("cannot be reached: ", exc) from self._cause(exc)
        if exists:
            self._check_replaceable(not filesystem.isfile(root), overwrite)

    def _check_replaceable(self, is_folder: bool, overwrite: bool) -> None:
        if self.writer is not None:
            self._check_recording(self.writer, overwrite)
            return
        if not is_folder:
            raise DatasetExistsError(f"{self.shown}: a file stands there, which is not replaced")
        if self._is_begun():
            return
        if not self.has_dataset():
            raise DatasetExistsError(
                f"{self.shown}: a folder with something else stands there, which is not replaced"
            )
        if not overwrite:
            raise DatasetExistsError(
                f"{self.shown}: a dataset stands there; --overwrite replaces it, --append adds to it"
            )

    def has_dataset(self) -> bool:
        """Whether a dataset stands here."""
        return ReplayBuffer.is_loadable_from(self.uri, storage_options=dict(self.storage_options))

    def _is_begun(self) -> bool:
        return is_begun(open_objects(self.uri, self.storage_options), STORAGE)

    def _has_unfinished(self) -> bool:
        return bool(open_objects(self.uri, self.storage_options).list(f"{STORAGE}/{UNFINISHED}"))

    def left_off(self) -> list[str]:
        """Where conversions to here have been cut short, and nobody goes on with them."""
        if self.local is None:
            return [self.uri] if self._is_begun() or self._has_unfinished() else []
        pattern = re.compile(rf"\.{re.escape(self.local.name)}\.[0-9a-f]{{8}}\.partial")
        if not self.local.parent.is_dir():
            return []
        found = [path for path in self.local.parent.iterdir() if pattern.fullmatch(path.name)]
        return [str(path) for path in sorted(found) if _is_abandoned(path)]

    def clear(self) -> None:
        """Remove what conversions to here have left that were cut short."""
        if self.local is not None:
            for place in self.left_off():
                shutil.rmtree(place, ignore_errors=True)
        elif self._is_begun():
            remove_dataset(open_objects(self.uri, self.storage_options), STORAGE)

    def _check_recording(self, writer: type[Writer], overwrite: bool) -> None:
        there = Source(self.uri, dict(self.storage_options))
        if not writer.is_recording(there):
            raise DatasetExistsError(
                f"{self.shown}: what is not {writer.title} alone stands there, which is not replaced"
            )
        if not overwrite:
            raise DatasetExistsError(
                f"{self.shown}: a recording ({writer.title}) stands there; --overwrite replaces it"
            )

    @contextmanager
    def placing(self, overwrite: bool, progress: Progress = NO_PROGRESS) -> Iterator[Path]:
        """A local path of the destination's name, for a file or a folder that is to stand there.

        It stands at the destination once the context is left, and is removed if it is left by any exception.
        Locally it is renamed; elsewhere its files are uploaded, those that replace others first beside these.
        """
        if self.local is not None:
            self.clear()
            with (
                contextlib.ExitStack() as locked,
                self._writing_locally(self.local, overwrite, within=True) as place,
            ):
                # What a killed process has left can then be told from what somebody writes.
                locked.callback(LocalObjects(place.parent).lock(LOCK, f"process {os.getpid()}").release)
                yield place
            return
        with tempfile.TemporaryDirectory(prefix="unienv-data-") as folder:
            place = Path(folder) / self.name
            yield place
            filesystem, root = self._located
            try:
                upload(filesystem, place, root, overwrite, progress)
            except UniEnvError:
                raise
            except Exception as exc:  # every filesystem has exceptions of its own
                raise self._told("cannot be written: ", exc) from self._cause(exc)

    @contextmanager
    def writing(self, overwrite: bool, going_on: str | None = None, keeps: bool = False) -> Iterator[str]:
        """Where to write. What was written stands at the destination once the context is left, and is removed
        if it is left by any exception.

        Locally that is a hidden folder beside the destination, renamed at the end; a dataset that is replaced
        stays until then. Elsewhere it is the destination, where a dataset exists once it has a commit.

        Args:
            overwrite: whether a dataset that stands here is replaced.
            going_on: one of `left_off`, to be gone on with; where there is none, all of them are removed.
            keeps: leave what has been written where something else than the source ends the conversion.
        """
        if going_on is None:
            self.clear()
        if self.local is None:
            with self._writing_remotely(going_on, keeps) as uri:
                yield uri
        else:
            with self._writing_locally(self.local, overwrite, False, going_on, keeps) as folder:
                yield str(folder)

    @contextmanager
    def _writing_locally(
        self,
        final: Path,
        overwrite: bool,
        within: bool = False,
        going_on: str | None = None,
        keeps: bool = False,
    ) -> Iterator[Path]:
        """What stands at the path given comes to stand at `final`; `within` gives one of the same name, in a
        folder of its own."""
        token = secrets.token_hex(4)
        staging = Path(going_on) if going_on else final.with_name(f".{final.name}.{token}.partial")
        made = _make_parents(final)
        try:
            try:
                place = staging / final.name if within else staging
                if within:
                    staging.mkdir()
                yield place
                if within:
                    sync_tree(place)
                _replace(place, final, final.with_name(f".{final.name}.{token}.replaced"), overwrite)
                if within:
                    shutil.rmtree(staging, ignore_errors=True)
            except BaseException as exc:
                if not (keeps and is_to_be_kept(exc)):
                    shutil.rmtree(staging, ignore_errors=True)
                raise
        except BaseException:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # only while it is empty
            raise

    @contextmanager
    def _writing_remotely(self, going_on: str | None, keeps: bool) -> Iterator[str]:
        filesystem, root = self._located
        before = set() if going_on else set(_objects(filesystem, root))
        try:
            yield self.uri
        except BaseException as exc:
            if keeps and is_to_be_kept(exc):
                raise
            # Never more than what came since: a dataset that was to be replaced may still stand.
            if before:
                added = [name for name in _objects(filesystem, root) if name not in before]
                if added:
                    filesystem.rm(added)
            else:
                with contextlib.suppress(FileNotFoundError):
                    filesystem.rm(root, recursive=True)
            raise


def is_to_be_kept(exc: BaseException) -> bool:
    """Whether what has been written may be of use though this has ended the conversion."""
    return not isinstance(exc, UniEnvError) or isinstance(exc, WorkerError | OSError)


def _is_abandoned(staging: Path) -> bool:
    """Whether a hidden folder of ours holds the beginning of something, which nobody writes."""
    folder = next((each for each in (staging / STORAGE, staging) if (each / LOCK).is_file()), None)
    if folder is None:
        return False
    try:
        lock = LocalObjects(folder).lock(LOCK, f"process {os.getpid()}")
    except OSError:  # it is being written, or somebody else's
        return False
    lock.release()
    return True


def _objects(filesystem: Any, root: str) -> list[str]:
    filesystem.invalidate_cache()
    return list(filesystem.find(root))


def _nearest_folder(path: Path) -> Path:
    """The closest of the folders above `path` that there is, or the file that stands in its place."""
    return next(folder for folder in path.parents if os.path.lexists(folder))


def _make_parents(path: Path) -> list[Path]:
    """Make the folders above `path`; gives those that were missing, deepest first."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _replace(staging: Path, final: Path, aside: Path, overwrite: bool) -> None:
    """Put `staging` in the place of `final` by renaming; at no time is neither or half of either there."""
    if final.is_dir() and not any(final.iterdir()):
        final.rmdir()
    if os.path.lexists(final):
        if not overwrite:
            raise DatasetExistsError(f"{final}: something came to stand there in the meantime")
        final.rename(aside)
        try:
            staging.rename(final)
        except BaseException:
            aside.rename(final)
            raise
    else:
        staging.rename(final)
    sync_directory(str(final.parent))
    if aside.is_file():
        aside.unlink()
    elif aside.exists():
        shutil.rmtree(aside, ignore_errors=True)
