"""How a file of this machine becomes visible: whole, under its name, and on disk.

A file is written beside its final name, flushed to disk and linked to the name; a name that exists is never half
a file. Many small files are flushed by threads: the file system's journal takes what waits at the same time in one go.
"""

from __future__ import annotations

import os
import re
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from datagov.errors import PartialRun

__all__ = ["TEMPORARY", "Put", "create", "publish", "publishing", "replace", "several"]

Put = Callable[[str, bytes], None]
"""Puts bytes under a path relative to an output folder."""

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
"""Names under which files are written before they get their own."""
THREADS = 16
"""Files on their way at once, in disk or store; each waits most of the time."""
FEW = 4
"""So many files are put one after the other."""


def publish(path: Path, data: bytes) -> None:
    """Make `data` appear at `path`, whole and on disk, unless the same bytes are already there.

    Raises
    ------
    PartialRun
        The disk refused the bytes (full, read-only); what was committed before stays.
    """
    with _refusals(path):
        _link(path, data)
        _sync_folder(path.parent)


def replace(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, whatever was there; for receipts and run manifests.

    Raises
    ------
    PartialRun
        As for `publish`.
    """
    with _refusals(path), _written(path, data) as temporary:
        temporary.replace(path)
        _sync_folder(path.parent)


def create(path: Path, data: bytes) -> bool:
    """Put `data` at `path` unless something is there; return whether nothing was.

    Raises
    ------
    PartialRun
        As for `publish`.
    """
    with _refusals(path), _written(path, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        _sync_folder(path.parent)
    return True


@contextmanager
def publishing(root: Path) -> Iterator[Put]:
    """Give a function that publishes files below `root`; their names are on disk when the context is left."""
    folders: dict[Path, None] = {}

    def put(path: str, data: bytes) -> None:
        place = root / path
        with _refusals(place):
            _link(place, data)
        folders[place.parent] = None

    yield put
    for folder in folders:
        with _refusals(folder):
            _sync_folder(folder)


@contextmanager
def several(put: Put, count: int) -> Iterator[Put]:
    """Give a function that puts `count` files, several at a time; all are there when the context is left.

    Raises
    ------
    PartialRun
        One of them was refused; raised by a later call, or on leaving.
    """
    if count <= FEW:
        yield put
        return
    under_way: deque[Future[None]] = deque()
    with ThreadPoolExecutor(min(THREADS, count)) as threads:

        def later(path: str, data: bytes) -> None:
            while len(under_way) >= 2 * THREADS:
                under_way.popleft().result()
            under_way.append(threads.submit(put, path, data))

        try:
            yield later
            while under_way:
                under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def _link(path: Path, data: bytes) -> None:
    with _written(path, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            # A file without a receipt is an earlier attempt that was cut off: ours is as good, or newer.
            if path.read_bytes() != data:
                temporary.replace(path)


@contextmanager
def _written(path: Path, data: bytes) -> Iterator[Path]:
    """Give `data` as a file beside `path`, on disk, to be put in its place."""
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Say of what the disk refuses which file it was."""
    try:
        yield
    except OSError as error:
        raise PartialRun(
            f"cannot write {path}: {error.strerror}; what was committed before is kept. "
            "Make room or choose another output folder, then run again to resume"
        ) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
