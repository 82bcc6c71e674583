"""An output folder in an object store: objects appear whole, and a record is created once.

What is read is fetched to a folder on this machine first, and kept there as long as the object is the same; so
that a stage reads a path, wherever the output lies. Which version of the object a file holds is told by its
modification time, a digest of the object's ETag: it comes into place with the file, whoever else fetches at the
same time. Nothing else is recorded there, and it may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from datagov.errors import ConfigError, PartialRun
from datagov.ids import digest

__all__ = ["CACHE", "StoreFolder"]

CACHE = "DATAGOV_CACHE"
"""Environment variable: where fetched objects are kept; by default `datagov` in the user's cache folder."""


@dataclass(frozen=True)
class StoreFolder:
    """The objects below an `s3://` URL, under paths relative to it."""

    url: str

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, path: str) -> Path:
        """Return where the object at `path` can be read on this machine; nothing is there if it does not exist."""
        place = self.here / path
        with self._reaching(f"read {self.url}/{path}"):
            try:
                found = self._obstore.head(self._store, path)
            except FileNotFoundError:
                place.unlink(missing_ok=True)
                return place
            if _holds(place, found):
                return place
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.parent / f".{place.name}.{secrets.token_hex(6)}.tmp"
            try:
                got = self._obstore.get(self._store, path)  # maybe newer than what was found
                with temporary.open("wb") as file:
                    for piece in got.stream():
                        file.write(piece)
                os.utime(temporary, ns=(_stamp(got.meta), _stamp(got.meta)))
                temporary.replace(place)
            finally:
                temporary.unlink(missing_ok=True)
        return place

    @cached_property
    def here(self) -> Path:
        """The folder on this machine that fetched objects are kept in."""
        base = os.environ.get(CACHE) or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "datagov"
        return Path(base).expanduser() / f"store-{digest(self.url)[:16]}"

    def read(self, path: str) -> bytes | None:
        """Return an object's bytes, or None where there is none."""
        with self._reaching(f"read {self.url}/{path}"):
            try:
                return bytes(self._obstore.get(self._store, path).bytes())
            except FileNotFoundError:
                return None

    def size(self, path: str) -> int | None:
        """Return an object's bytes by number, or None where there is none."""
        with self._reaching(f"read {self.url}/{path}"):
            try:
                return int(self._obstore.head(self._store, path)["size"])
            except FileNotFoundError:
                return None

    def names(self, folder: str = "") -> list[str]:
        """Return the names directly below a folder, those of folders too."""
        with self._reaching(f"list {self.url}/{folder}"):
            found = self._obstore.list_with_delimiter(self._store, folder or None)
        paths = [*found["common_prefixes"], *(item["path"] for item in found["objects"])]
        return sorted(path.rstrip("/").rpartition("/")[2] for path in paths)

    def put(self, path: str, data: bytes) -> None:
        """Put an object in place, whatever was there."""
        with self._reaching(f"write {self.url}/{path}"):
            self._obstore.put(self._store, path, data)

    def create(self, path: str, data: bytes) -> bool:
        """Put an object in place unless there is one; return whether there was none."""
        with self._reaching(f"write {self.url}/{path}"):
            try:
                self._obstore.put(self._store, path, data, mode="create")
            except self._obstore.exceptions.AlreadyExistsError:
                return False
        return True

    @contextmanager
    def _reaching(self, what: str) -> Iterator[None]:
        """Say of an error which object it is about; what was committed before stays."""
        try:
            yield
        except (self._obstore.exceptions.BaseError, OSError) as error:
            reason = " ".join(str(error).split())
            raise PartialRun(
                f"cannot {what}: {reason[:500]}. What was committed before is kept; see to the bucket, the credentials "
                "(AWS_ACCESS_KEY_ID, ...) or the server (AWS_ENDPOINT_URL), then run again to resume"
            ) from error

    @property
    def _obstore(self) -> Any:
        try:
            import obstore  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"{self.url}: writing to an object store needs pip install 'datagov[s3]'"
            ) from error
        return obstore

    @cached_property
    def _store(self) -> Any:
        from obstore.store import from_url  # noqa: PLC0415 - an extra

        parts = urlsplit(self.url)
        if parts.scheme != "s3" or not parts.netloc:
            raise ConfigError(f"{self.url}: expected a path on this machine, or s3://BUCKET/FOLDER")
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        return from_url(self.url, client_options={"allow_http": True} if plain else None)


def _holds(place: Path, found: Mapping[str, Any]) -> bool:
    """Return whether a file holds this version of an object."""
    try:
        status = place.stat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_mtime_ns) == (found["size"], _stamp(found))


def _stamp(found: Mapping[str, Any]) -> int:
    """Return a modification time (ns) that names a version of an object: whole microseconds, up to 2005."""
    version = [found["e_tag"], found["version"], found["last_modified"].isoformat(), found["size"]]
    return int(digest(json.dumps(version)), 16) % 2**50 * 1000
