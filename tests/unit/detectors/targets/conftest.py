"""A trigram model, served honestly or not, and how an endpoint is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tokenizing
from faulty_endpoint import FaultyEndpoint
from serving import served
from trigram import TrigramTarget

from detectors.targets.http.client import Limits
from detectors.targets.http.opening import check_endpoint
from detectors.targets.http.target import HttpTarget
from detectors.targets.opening import OpenOptions

QUICK = Limits(attempts=3, wait_s=0.001, wait_most_s=0.01, request_s=10.0, concurrency=2)
"""As the defaults, without the waits."""


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE of 400 tokens; not to be changed."""
    return tokenizing.make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=400)


@pytest.fixture(scope="session")
def quick_limits() -> Limits:
    """Limits without long waits."""
    return QUICK


@pytest.fixture(scope="session")
def trigram(tokenizer_file: Path) -> TrigramTarget:
    """The model under test."""
    return TrigramTarget(tokenizer_file)


@pytest.fixture
def open_faulty(tokenizer_file: Path, trigram: TrigramTarget) -> Iterator[Callable[..., Any]]:
    """Serve the model with a fault and open it: a context manager of (target, endpoint)."""

    @contextmanager
    def opened(
        fault: str = "", *, api: str | None = "openai", limits: Limits = QUICK, model: Any = None, **when: Any
    ) -> Iterator[tuple[HttpTarget, FaultyEndpoint]]:
        endpoint = FaultyEndpoint(model or trigram, fault, **when)
        with served(endpoint.app) as url:
            target = check_endpoint(url, OpenOptions(tokenizer=tokenizer_file, api=api), limits)
            try:
                yield target, endpoint
            finally:
                target.close()

    return opened
