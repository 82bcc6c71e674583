"""Servers in processes of their own; no test logic."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

__all__ = ["free_port", "running_server", "stop"]

START_SECONDS = 240
STOP_SECONDS = 20


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running_server(
    command: Sequence[str], url: str, ready: str, log: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """Run a server until the block ends, and all it started with it; yield its URL when `ready` answers."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=dict(environment), start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(url + ready):
            said = log.read_text(errors="replace")[-1500:]
            if process.poll() is not None:
                pytest.skip(f"the engine does not start here and is NOT CHECKED:\n{said}")
            if time.monotonic() > deadline:
                pytest.skip(
                    f"the engine took more than {START_SECONDS} s to start and is NOT CHECKED:\n{said}"
                )
            time.sleep(0.5)
        yield url
    finally:
        stop(process)


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process that leads a session, and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(url: str) -> bool:
    """Say whether a URL answers with anything but an error of the server."""
    try:
        return httpx2.get(url, timeout=5, trust_env=False).status_code < 500
    except httpx2.TransportError:
        return False
