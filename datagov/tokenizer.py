"""A model's tokenizer, read from its file: what turns texts into token ids, named by a digest.

Both wings tokenize with it: token frequencies and traces are comparable when their digests are equal.
The library `tokenizers` (extra `detect`) is loaded when a tokenizer is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from datagov.errors import ConfigError, InputError
from datagov.tokenizer_file import tokenizer_digest, tokenizer_file

__all__ = ["Tokenizer", "load_tokenizer"]

SETTINGS = ("tokenizer_config.json", "config.json", "generation_config.json")
"""Files of a checkpoint that may name its special tokens, in the order in which they are believed."""


@dataclass(frozen=True)
class Tokenizer:
    """A fast tokenizer; texts are encoded whole and without the special tokens that mark their ends."""

    digest: str
    """See `tokenizer_digest`."""
    vocabulary_size: int
    """One more than the highest id; models may have rows beyond it."""
    start_token_id: int | None
    """BOS, else EOS, as the files beside the tokenizer say; None where none does."""
    backend: Any = field(repr=False, compare=False)
    """The library's object."""

    def encode(self, texts: Sequence[str], *, cap: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the token ids of N texts, laid end to end.

        Parameters
        ----------
        texts : sequence of str
        cap : int or None
            Most ids of a text; the rest is cut off.

        Returns
        -------
        offsets : int64[N+1]
            The ids of text n are `ids[offsets[n]:offsets[n+1]]`.
        ids : int32[T]
        """
        encoded = self.backend.encode_batch_fast(texts, add_special_tokens=False)
        rows = [row.ids if cap is None else row.ids[:cap] for row in encoded]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        ids = np.fromiter(chain.from_iterable(rows), np.int32, count=int(offsets[-1]))
        return offsets, ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of ids, special tokens included; bytes that are not UTF-8 become U+FFFD."""
        return str(self.backend.decode([int(token) for token in token_ids], skip_special_tokens=False))

    def token_id(self, token: str) -> int:
        """Return the id of a token by its name, e.g. `<s>`.

        Raises
        ------
        ConfigError
            The vocabulary has no such token.
        """
        found = self.backend.token_to_id(token)
        if found is None:
            raise ConfigError(
                f"the tokenizer has no token {token!r}; name one of its vocabulary, e.g. its BOS"
            )
        return int(found)


def load_tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer of a file `tokenizer.json` or of a folder that holds one.

    Raises
    ------
    InputError
        There is none, or it cannot be read.
    ConfigError
        The library is not installed.
    """
    file = tokenizer_file(path)
    named = tokenizer_digest(file)
    try:
        library = import_module("tokenizers")
    except ModuleNotFoundError:
        raise ConfigError(
            "token ids need tokenizers, which is not installed: pip install 'datagov[detect]'"
        ) from None
    try:
        backend = library.Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises bare Exception, nothing narrower
        raise InputError(f"{file}: not a tokenizer ({error})") from error
    backend.no_truncation()
    backend.no_padding()
    return Tokenizer(
        digest=named,
        vocabulary_size=max(backend.get_vocab(with_added_tokens=True).values(), default=-1) + 1,
        start_token_id=_start_token(file.parent, backend),
        backend=backend,
    )


def _start_token(folder: Path, backend: Any) -> int | None:
    """Return BOS, else EOS, from the first file that names either."""
    for name in SETTINGS:
        settings = _read_settings(folder / name)
        for role in ("bos_token", "eos_token"):
            named = settings.get(role)
            token = named.get("content") if isinstance(named, dict) else named
            found = backend.token_to_id(token) if isinstance(token, str) else settings.get(f"{role}_id")
            if isinstance(found, list):
                found = found[0] if found else None
            if isinstance(found, int):
                return found
    return None


def _read_settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error})") from error
    return found if isinstance(found, dict) else {}
