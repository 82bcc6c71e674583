"""Engines in environments of their own. One that cannot be installed is a skip that says why; a wrong answer is a failure."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import free_port, running_server

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INSTALL_SECONDS = 1500
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


def environment(script: str, folder: str, variable: str) -> Path:
    """Return the Python of an engine's environment, made by its script unless the variable names one."""
    if os.environ.get(variable):
        return Path(os.environ[variable]) / "bin/python"
    place = ROOT / folder
    try:
        made = subprocess.run(
            [HERE / script, place], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{script} did not finish within {INSTALL_SECONDS} s")
    if made.returncode:
        pytest.skip(f"{script} failed, so that this engine is NOT CHECKED: {made.stderr.strip()[-600:]}")
    return place / "bin/python"


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The Python of vLLM's environment."""
    return environment("make_vllm.sh", ".venv-vllm", "DATAGOV_VLLM")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two layers; not to be changed."""
    from tiny_model import make_model

    return make_model(tmp_path_factory.mktemp("tiny-model"))


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
