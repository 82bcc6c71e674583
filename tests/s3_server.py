"""A real S3 server, started as a process of its own, and a proxy before it that can end whoever writes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pyarrow import fs

__all__ = ["Striking", "settings", "started", "striking"]

BUCKET = "tests"
SERVER = """
import threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
threading.Event().wait()
"""
"""It finds its port itself: one that is found before it starts can be taken by then."""


@contextmanager
def started() -> Iterator[str]:
    """Give the URL of a server with an empty bucket; the environment names it, as it would Amazon's."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as said:
        port = said.readline().strip()
    assert port, "the server has ended"
    url = f"http://127.0.0.1:{port}"
    before = {name: os.environ.get(name) for name in settings(url)}
    os.environ.update(settings(url))
    try:
        fs.FileSystem.from_uri(f"s3://{BUCKET}?allow_bucket_creation=true")[0].create_dir(BUCKET)
        yield url
    finally:
        process.kill()
        process.wait()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def settings(url: str) -> dict[str, str]:
    """Return the environment variables by which the AWS tools find a server."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Striking(ThreadingHTTPServer):
    """Hands requests on to a server; at a PUT of a path it ends the process group that is told to it."""

    daemon_threads = True

    def __init__(self, behind: str, path: str, *, skip: int, done: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handing)
        self.behind = behind.removeprefix("http://")
        self.path = re.compile(path)
        self.skip = skip
        self.done = done
        """Whether the server gets the object before its writer is ended."""
        self.victim = 0
        """Process group; 0 as long as it is not told."""
        self.struck = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is the one."""
        if method != "PUT" or self.struck.is_set() or not self.path.search(path):
            return False
        self.skip -= 1
        return self.skip < 0

    def strike(self) -> None:
        """End the process group."""
        self.struck.set()
        while not self.victim:  # who started it may be slower than its first object; group 0 would be our own
            time.sleep(0.01)
        os.killpg(self.victim, signal.SIGKILL)


class _Handing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Striking

    def _hand_on(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        strikes = self.server.strikes(self.command, self.path)
        if strikes and not self.server.done:
            self.server.strike()
            self.close_connection = True
            return
        connection = HTTPConnection(self.server.behind)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if strikes:
            self.server.strike()
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "content-length", "transfer-encoding", "date", "server"}:
                self.send_header(name, value)
        size = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", size or "0")
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _hand_on

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def striking(behind: str, path: str, *, skip: int = 0, done: bool = False) -> Iterator[Striking]:
    """Give a proxy that strikes at the first PUT of a path, but for `skip` of them, that it sees."""
    proxy = Striking(behind, path, skip=skip, done=done)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
