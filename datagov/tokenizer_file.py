"""Which tokenizer it is: the name of a `tokenizer.json`, shared by the pipelines that count tokens and the detectors."""

from __future__ import annotations

import json
from pathlib import Path

from datagov.errors import InputError
from datagov.ids import digest

__all__ = ["tokenizer_digest", "tokenizer_file"]

NAME = "tokenizer.json"
INDIFFERENT = ("truncation", "padding")
"""Settings of a session that are stored in the file and change no token id."""


def tokenizer_file(path: Path) -> Path:
    """Return the `tokenizer.json` that `path` is, or that lies in the folder `path`.

    Raises
    ------
    InputError
        There is none.
    """
    found = path / NAME if path.is_dir() else path
    if not found.is_file():
        raise InputError(
            f"{path}: no {NAME}; expected the tokenizer in the format of the library `tokenizers`. "
            "A checkpoint with only a slow tokenizer gets one from transformers' AutoTokenizer(...).save_pretrained"
        )
    return found


def tokenizer_digest(path: Path) -> str:
    """Return 32 hex digits naming the tokenizer in `path` (a `tokenizer.json` or its folder).

    Vocabulary, merges, normalisation and special tokens count; the layout of the file and its truncation and
    padding settings do not.

    Raises
    ------
    InputError
        There is no tokenizer, or it is not JSON.
    """
    file = tokenizer_file(path)
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file}: not a tokenizer ({error}); expected JSON") from error
    if not isinstance(content, dict) or "model" not in content:
        raise InputError(f"{file}: not a tokenizer; expected a JSON object with a model")
    kept = {key: value for key, value in content.items() if key not in INDIFFERENT}
    return digest("tokenizer/1", json.dumps(kept, sort_keys=True, ensure_ascii=False))
