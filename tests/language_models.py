"""Language models for tests: a tiny one written by hand, and what is needed to train real ones; no test logic."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from datagov.errors import ConfigError
from datagov.lm.card import CARD
from datagov.lm.programs import find_program
from datagov.model_files import sha256_of

__all__ = ["REQUIRED", "TINY", "require_kenlm", "require_lmplz", "write_lm"]

REQUIRED = "DATAGOV_REQUIRE_LM"
"""Where this is set, what is missing is a failure and no reason to skip: .ci/run sets it."""

TINY = """\\data\\
ngram 1=6
ngram 2=5

\\1-grams:
-1.5\t<unk>\t0
0\t<s>\t-0.4
-0.9\t</s>\t0
-0.6\ta\t-0.3
-0.8\tb\t-0.2
-1.1\t的\t-0.1

\\2-grams:
-0.2\t<s> a
-0.3\ta b
-0.4\tb </s>
-0.7\tb a
-0.35\t的 a

\\end\\
"""
"""Bigrams over a, b and 的."""


def absent(what: str) -> None:
    """Skip the test, or fail it where it has to run."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"{what} is missing, and {REQUIRED} is set")
    pytest.skip(f"{what} is missing: `make lmplz` installs it")


def require_kenlm() -> None:
    """Skip where the library that reads models is not installed."""
    for library in ("kenlm", "sentencepiece"):
        if importlib.util.find_spec(library) is None:
            absent(library)


def require_lmplz() -> None:
    """Skip where models cannot be trained."""
    require_kenlm()
    try:
        find_program("lmplz")
        find_program("build_binary")
    except ConfigError:
        absent("lmplz")


def write_lm(folder: Path, content: str | bytes = TINY, *, file: str = "model.arpa", **card: Any) -> Path:
    """Write a model and its card; return the card's path. `card` changes the card."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / file
    model.write_bytes(content if isinstance(content, bytes) else content.encode())
    reading = {"tokens": "characters"} | card.pop("reading", {})
    written = {
        "datagov_lm": 1,
        "name": "tiny",
        "model": {"file": file, "sha256": sha256_of(model)},
        "reading": reading,
        **card,
    }
    path = folder / CARD
    path.write_text(json.dumps(written), encoding="utf-8")
    return path
