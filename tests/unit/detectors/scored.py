"""Scores tables and texts as `score` writes them, without a model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.ids import value_ids
from datagov.text.normal import normal_bytes
from detectors.tables import SCORES

ORIGIN = {
    "target": "m1",
    "tokenizer": "t1",
    "engine": "transformers 5",
    "dtype": "float32",
    "start_token_id": 0,
    "window_tokens": 512,
    "window_policy": "first",
    "rests_on": "{}",
}
WORDS = [f"word{n}" for n in range(800)]


def passage(seed: int, *, year: int | None = None) -> str:
    chance = random.Random(seed)
    words = [WORDS[int(800 * chance.random() ** 2)] for _ in range(60)]
    return " ".join([*words, *([f"in {year}"] if year else [])])


def write_scores(
    path: Path,
    texts: Sequence[str],
    values: Sequence[float | None] | np.ndarray,
    *,
    methods: Sequence[str] = ("loss",),
    source: Sequence[str] | None = None,
    tokens: int = 60,
    **origin: Any,
) -> Path:
    """Write scores of `texts` by each method, the same values for each, and the texts beside them."""
    count, times = len(texts), len(methods)
    content = value_ids(normal_bytes(pa.array(texts, pa.large_string())))
    listed = [None if value is None or np.isnan(value) else float(value) for value in values]
    columns: dict[str, Any] = {
        "text": np.repeat(np.arange(count), times),
        "content_id": content.take(pa.array(np.repeat(np.arange(count), times))),
        "id": [f"doc-{row}" for row in range(count) for _ in methods],
        "source": [source[row] if source else None for row in range(count) for _ in methods],
        "method": list(methods) * count,
        "params": ["{}"] * (count * times),
        "score": [listed[row] for row in range(count) for _ in methods],
        "reason": ["no_tokens" if listed[row] is None else None for row in range(count) for _ in methods],
        "tokens": [tokens] * (count * times),
        "windows": [1] * (count * times),
    }
    columns |= {name: [value] * (count * times) for name, value in {**ORIGIN, **origin}.items()}
    arrays = []
    for field in SCORES:
        given = columns.get(field.name)
        if given is None:
            given = pa.nulls(count * times, field.type)
        arrays.append(given if isinstance(given, pa.Array) else pa.array(given, field.type))
    pq.write_table(pa.Table.from_arrays(arrays, schema=SCORES), path)
    pq.write_table(pa.table({"text": list(texts)}), text_path(path))
    return path


def text_path(path: Path) -> Path:
    return path.with_suffix(".texts.parquet")
