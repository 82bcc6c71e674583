"""One run at a time in an output folder; shares of a job array side by side.

Who holds a folder alone knows that every file written halfway is of a process that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datagov.errors import ConfigError, PartialRun
from datagov.storage import TEMPORARY, Folder
from datagov.store import StoreFolder

__all__ = ["LOCK", "SCRATCH", "output_lock"]

LOCK = ".lock"
"""The file in the output folder that is locked."""
SCRATCH = "work/what-if-"
"""What the scratch folders in an output folder begin with; each has a lock of its own."""


@contextmanager
def output_lock(out: Folder, *, shared: bool) -> Iterator[None]:
    """Hold the folder's lock; the kernel gives it back when the process ends, however it ends.

    Held alone, what killed processes left unfinished is removed first.

    Parameters
    ----------
    out : Path or StoreFolder
        The output folder; made if it is not there. An object store has no locks: runs side by side cannot harm
        each other there, as every run takes a number of its own and each file and receipt has one content; that
        it can be written to is seen here.
    shared : bool
        Whether others may hold it too, if they share as well.

    Raises
    ------
    ConfigError
        Another run is at work there, or the folder cannot be made.
    """
    if isinstance(out, StoreFolder):
        try:
            out.put(LOCK, b"")
        except PartialRun as error:
            raise ConfigError(f"output {out}: cannot be written ({error.message})") from error
        yield
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = (out / LOCK).open("w")
    except OSError as error:
        raise ConfigError(
            f"output {out}: cannot be written ({error.strerror}); choose another folder"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"output {out}: another run is at work in this folder; wait for it or stop it"
            ) from None
        if not shared:
            _remove_abandoned(out)
        yield


def _remove_abandoned(out: Path) -> None:
    for lock in out.glob(f"{SCRATCH}*/{LOCK}"):
        with lock.open("w") as handle, suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
    _sweep(out, spare=list(out.glob(f"{SCRATCH}*")))


def _sweep(root: Path, *, spare: Collection[Path] = ()) -> None:
    """Remove the files that killed writers left unfinished; for who knows that nobody writes below `root`.

    A writer that is alive nevertheless loses the file it is at, fails, and has harmed nothing.

    Parameters
    ----------
    root : Path
    spare : collection of Path
        Folders below `root` where somebody may be writing.
    """
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if Path(folder) / name not in spare]
        for name in filter(TEMPORARY.fullmatch, names):
            with suppress(OSError):
                (Path(folder) / name).unlink()
