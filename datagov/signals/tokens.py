"""Family tokens@1: how many tokens of a tokenizer a document has; used under names of recipes."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from datagov.documents import micro_batches
from datagov.errors import ConfigError
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.tokenizer import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from datagov.model_files import ModelFile
    from datagov.text.batch import TextBatch

__all__ = ["TOKENS", "measure", "prepare"]

ENCODED_BYTES: Final = 2**20
"""Text encoded at once: the library keeps some hundred bytes for each token of it."""


@lru_cache(maxsize=4)
def opened(file: ModelFile) -> Tokenizer:
    """Return a tokenizer, read once a process, after a look whether it is the one the recipe was read with."""
    file.check()
    # Each worker has a processor of its own; the library would take all of them in each.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return load_tokenizer(Path(file.path))


def prepare(params: Params) -> Params:
    """Return the parameters with the digest of what the tokenizer does.

    Raises
    ------
    ConfigError
        The library is missing, the file is no tokenizer, or another one is asked for.
    """
    digest = opened(params["tokenizer"]).digest
    if params["digest"] not in ("", digest):
        raise ConfigError(f"the tokenizer {params['digest']} is asked for, and the file holds {digest}.")
    return {**params, "digest": digest}


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of tokens@1 for `batch`, `tokens` and `chars`, int64 and never NULL."""
    tokenizer = opened(params["tokenizer"])
    counts = np.zeros(batch.n, np.int64)
    offsets = np.frombuffer(batch.texts.buffers()[1], np.int64) if batch.n else np.zeros(1, np.int64)
    sizes = np.diff(offsets[batch.texts.offset : batch.texts.offset + batch.n + 1])
    for start, stop in micro_batches(sizes, ENCODED_BYTES):
        ends, _ = tokenizer.encode(batch.texts.slice(start, stop - start).to_pylist())
        counts[start:stop] = np.diff(ends)
    return pa.RecordBatch.from_pydict({"tokens": pa.array(counts), "chars": pa.array(batch.chars)})


SOURCE = "the tokenizer in its file, in the format of the library `tokenizers`"

TOKENS = SignalFamily(
    name="tokens",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="token_count",
            numerator="tokens",
            denominator=None,
            unit="tokens",
            formula="Tokens of the text, encoded whole and without tokens that mark its ends.",
            value_range=(0.0, None),
            null_when="never",
            source=SOURCE,
        ),
        RuleInfo(
            name="chars_per_token",
            numerator="chars",
            denominator="tokens",
            unit="characters per token",
            formula="Code points of the text over its tokens.",
            value_range=(0.0, None),
            null_when="no token, such as an empty text",
            source=SOURCE,
        ),
    ),
    defaults={"digest": ""},
    required=("tokenizer",),
    files=("tokenizer",),
    prepare=prepare,
)
"""`tokenizer`: a `tokenizer.json`. `digest`: filled in, 32 hex digits naming what it does."""
