"""Small made corpora: documents by id, written as shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
from governing import write_shard

__all__ = ["prose", "variant", "write_corpus"]


def prose(seed: int | str, words: int = 60) -> str:
    """A text of its own: no run of five words in common with that of another seed."""
    random = Random(str(seed))
    return " ".join(f"{random.choice('bdfgklmnprst')}{random.randrange(10_000)}" for _ in range(words))


def variant(text: str, *, changed: int = 0, longer: int = 0, seed: int = 0) -> str:
    """`text` with some of its first words replaced and some words added at its end."""
    found = text.split(" ")
    found[:changed] = [f"changed{seed}x{at}" for at in range(changed)]
    return " ".join([*found, *(f"more{seed}x{at}" for at in range(longer))])


def write_corpus(
    root: Path,
    texts: Mapping[str, str | bytes | None] | Sequence[tuple[str, str | bytes | None]],
    *,
    shards: int = 1,
    row_group_rows: int | None = None,
    **columns: Mapping[str, Any] | pa.Array,
) -> Path:
    """Write documents in order as `root/NN.parquet`; more columns by id (None where absent) or as arrays."""
    items = list(texts.items()) if isinstance(texts, Mapping) else list(texts)
    binary = any(isinstance(text, bytes) for _, text in items)
    values = [text.encode() if binary and isinstance(text, str) else text for _, text in items]
    table = pa.table(
        {
            "id": pa.array([key for key, _ in items], pa.string()),
            "text": pa.array(values, pa.binary() if binary else pa.string()),
            **{
                name: pa.array([given.get(key) for key, _ in items]) if isinstance(given, Mapping) else given
                for name, given in columns.items()
            },
        }
    )
    size = -(-len(items) // shards) or 1
    for shard in range(shards):
        piece = table.slice(shard * size, size)
        write_shard(root / f"{shard:02d}.parquet", piece, row_group_rows=row_group_rows)
    return root
