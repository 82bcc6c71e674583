"""A real S3 server, started as a process of its own, and a bucket in it."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store, from_url
from pyarrow import fs

PATIENCE_S = 60
NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The server's URL; the environment names it, as it would Amazon's."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.05)
        fs.FileSystem.from_uri("s3://tests?allow_bucket_creation=true")[0].create_dir("tests")
        yield url
    finally:
        process.kill()
        process.wait()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
