"""A real S3 server, and folders in its bucket."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest
import s3_server
from obstore.store import S3Store, from_url

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The server's URL."""
    with s3_server.started() as url:
        yield url


@pytest.fixture
def place(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty folder in the bucket; what is fetched goes to a cache of the test's own."""
    monkeypatch.setenv("DATAGOV_CACHE", str(tmp_path / "cache"))
    return f"s3://tests/{next(NUMBERS)}"


def store_of(url: str) -> S3Store:
    """Return another client's view of a folder."""
    return from_url(url, client_options={"allow_http": True})


@pytest.fixture
def objects() -> Callable[[str], dict[str, bytes]]:
    """Read every object below a URL: path -> bytes."""

    def read(url: str) -> dict[str, bytes]:
        store = store_of(url)
        paths = sorted(item["path"] for batch in obstore.list(store) for item in batch)
        return {path: bytes(obstore.get(store, path).bytes()) for path in paths}

    return read


@pytest.fixture
def upload() -> Callable[[Path, str], None]:
    """Put every file below a folder into the bucket, under a URL."""

    def put(folder: Path, url: str) -> None:
        store = store_of(url)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                obstore.put(store, path.relative_to(folder).as_posix(), path.read_bytes())

    return put
