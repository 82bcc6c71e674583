"""frequency: how often each token stands in the texts of one part."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from datagov.documents import micro_batches
from datagov.errors import ConfigError
from datagov.storage import Output, Receipt
from datagov.tokenizer import load_tokenizer
from pipelines.stage import Task, finish
from pipelines.texts import Source, read_part

__all__ = ["apply"]

ENCODED_BYTES = 2**20
"""Text encoded at once: the library keeps some hundred bytes for each token of it."""


def apply(task: Task) -> list[Receipt]:
    """Count the tokens of one part.

    `args`: source (Source), slices, tokenizer (path), tokenizer_digest, token_cap, file (where the counts go),
    threads (whether the library may use all CPUs: not where every worker would).

    Raises
    ------
    ConfigError
        The tokenizer is not the one the work was planned with.
    """
    started = time.perf_counter()
    source: Source = task.args["source"]
    if not task.args["threads"]:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = load_tokenizer(Path(task.args["tokenizer"]))
    if tokenizer.digest != task.args["tokenizer_digest"]:
        raise ConfigError(
            f"tokenizer {task.args['tokenizer']}: was changed while its tokens were counted; run again"
        )
    counts = np.zeros(tokenizer.vocabulary_size, np.int64)
    documents = set_aside = 0
    for chunk in read_part(source, task.args["slices"], ()):
        documents += len(chunk.rows)
        set_aside += len(chunk.text) - len(chunk.rows)
        for texts in _pieces(chunk.texts):
            _, ids = tokenizer.encode(texts.to_pylist(), cap=task.args["token_cap"])
            counts += np.bincount(ids, minlength=len(counts))
    facts = {"documents": documents, "set_aside": set_aside, "tokens": int(counts.sum())}
    return [finish(task, [Output(task.args["file"], pa.table({"count": counts}))], facts, started)]


def _pieces(texts: pa.Array) -> list[pa.Array]:
    sizes = np.diff(np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1])
    return [texts.slice(start, stop - start) for start, stop in micro_batches(sizes, ENCODED_BYTES)]
