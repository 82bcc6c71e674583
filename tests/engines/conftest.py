"""Engines in environments of their own. One that cannot be had here is a skip that says why; a wrong answer is a failure."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab_models import small_lab
from running import free_port, running_server, stop

from detectors.lab.train import Lab

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INSTALL_SECONDS = 420
BUILD_SECONDS = 1800
"""For an engine that is built from source."""
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("engines")


@pytest.fixture(scope="session", autouse=True)
def _told_to_stop() -> None:
    """Let a run that is told to stop end as one that is interrupted: its servers are stopped with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def environment(script: str, folder: str, variable: str, seconds: int = INSTALL_SECONDS) -> Path:
    """Return the Python of an engine's environment, made by its script unless the variable names one."""
    if os.environ.get(variable):
        return Path(os.environ[variable]) / "bin/python"
    place = ROOT / folder
    made = subprocess.Popen(
        [HERE / script, place],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, said = made.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{script} took more than {seconds} s, so that this engine is NOT CHECKED")
    finally:
        stop(made)
    if made.returncode:
        pytest.skip(f"{script} failed, so that this engine is NOT CHECKED: {said.strip()[-600:]}")
    return place / "bin/python"


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The Python of vLLM's environment."""
    return environment("make_vllm.sh", ".venv-vllm", "DATAGOV_VLLM")


@pytest.fixture(scope="session")
def llama_python() -> Path:
    """The Python of llama-cpp-python's environment."""
    return environment("make_llama.sh", ".venv-llama", "DATAGOV_LLAMA", BUILD_SECONDS)


@pytest.fixture(scope="session")
def xllamacpp_python() -> Path:
    """The Python of xllamacpp's environment."""
    return environment("make_xllamacpp.sh", ".venv-xllamacpp", "DATAGOV_XLLAMACPP")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A trained lab, with heads of 64, the least some engines take; not to be changed."""
    return small_lab(tmp_path_factory.mktemp("lab") / "lab")


@pytest.fixture(scope="session")
def start_engine(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., object]:
    """Start an engine's server and wait for it: a context manager of its URL."""

    @contextmanager
    def started(*command: object, ready: str) -> Iterator[str]:
        port = free_port()
        log = tmp_path_factory.mktemp("engine") / "log.txt"
        # An empty cache of models: without the folder, transformers serve fails to list what it has.
        settings = {**os.environ, **QUIET, "HF_HUB_CACHE": str(log.parent)}
        arguments = [str(part).replace("PORT", str(port)) for part in command]
        with running_server(arguments, f"http://127.0.0.1:{port}", ready, log, settings) as url:
            yield url

    return started
