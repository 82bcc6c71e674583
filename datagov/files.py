"""Files below one place, on this machine or in an object store: the only door to input files.

Paths are relative to the place, with forward slashes, and mean the same wherever it lies.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from datagov.errors import InputError
from datagov.places import is_url
from datagov.s3 import filesystem_of

__all__ = ["Files", "FoundFile"]


@dataclass(frozen=True)
class FoundFile:
    """One file of a listing."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Files:
    """The files below `root`, a local folder or an `s3://` URL; or the one file that it names."""

    root: str

    def found(self) -> list[FoundFile]:
        """Return the files in path order; those with a name (or folder) in `.` or `_` are passed over.

        Raises
        ------
        InputError
            There is nothing at the root.
        """
        listed = self._found_in_store() if is_url(self.root) else self._found_here()
        return listed if self.single else _shown(listed)

    def inside(self, folder: str) -> list[FoundFile]:
        """Return the files directly in a folder below the root ("." is the root), as `found` lists them.

        Raises
        ------
        FileNotFoundError
        """
        if self.single:
            return self.found()
        if is_url(self.root):
            store, base = self._store
            place = base if folder == "." else f"{base}/{folder}"
            infos = store.get_file_info(pa.fs.FileSelector(place))
            listed = [_of_store(info, base) for info in infos if info.type == pa.fs.FileType.File]
        else:
            below = [path for path in (Path(self.root) / folder).iterdir() if path.is_file()]
            listed = [_status(path, path.relative_to(self.root).as_posix()) for path in below]
        return _shown(listed)

    @cached_property
    def single(self) -> bool:
        """Whether the root is one file."""
        if is_url(self.root):
            kind = self._store[0].get_file_info(self._store[1]).type
            return bool(kind == pa.fs.FileType.File)
        return Path(self.root).is_file()

    def open(self, path: str) -> pa.NativeFile:
        """Open one file for reading at any place in it."""
        if is_url(self.root):
            store, base = self._store
            return store.open_input_file(base if self.single else f"{base}/{path}")
        return pa.OSFile(str(self._local(path)), "rb")

    @cached_property
    def _store(self) -> tuple[Any, str]:
        return filesystem_of(self.root)

    def _local(self, path: str) -> Path:
        return Path(self.root) if self.single else Path(self.root) / path

    def _found_in_store(self) -> list[FoundFile]:
        store, base = self._store
        if self.single:
            return [_of_store(store.get_file_info(base), base.rpartition("/")[0])]
        selector = pa.fs.FileSelector(base, recursive=True, allow_not_found=True)
        infos = [info for info in store.get_file_info(selector) if info.type == pa.fs.FileType.File]
        if not infos:
            raise InputError(f"input {self.root}: no such bucket or folder, or nothing in it")
        return [_of_store(info, base) for info in infos]

    def _found_here(self) -> list[FoundFile]:
        root = Path(self.root)
        if not root.exists():
            raise InputError(f"input {root}: no such file or folder")
        if self.single:
            return [_status(root, root.name)]
        found = []
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                if path.is_file():
                    found.append(_status(path, path.relative_to(root).as_posix()))
        return found


def _shown(listed: list[FoundFile]) -> list[FoundFile]:
    shown = [file for file in listed if not any(name[0] in "._" for name in file.path.split("/"))]
    return sorted(shown, key=lambda file: file.path)


def _of_store(info: Any, base: str) -> FoundFile:
    return FoundFile(info.path[len(base) + 1 :], info.size, info.mtime_ns)


def _status(path: Path, name: str) -> FoundFile:
    status = path.stat()
    return FoundFile(name, status.st_size, status.st_mtime_ns)
