"""Token-frequency tables: how often each token of a tokenizer stands in a corpus.

One Parquet file: column `count` (int64), row = token id, and what was counted as metadata of the
schema. Term frequency, not document frequency: a token that stands three times counts three.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.errors import ConfigError, InputError
from datagov.ids import digest
from datagov.storage import encode_table, replace

__all__ = ["FrequencyTable", "add_tables", "drift", "read_frequency", "write_frequency"]

FORMAT = "datagov.frequency/1"
KEY = b"datagov.frequency"
SHOWN = 20
"""Tokens that a drift report lists."""


@dataclass(frozen=True)
class FrequencyTable:
    """Term frequencies of a corpus under one tokenizer; tables of the same tokenizer and token cap add up."""

    counts: np.ndarray
    """int64[V]: occurrences of each token id; start and end tokens are not counted."""
    tokenizer_digest: str
    corpus_digest: str
    """Names the documents that were counted."""
    token_cap: int | None
    """Most tokens counted of a document; None: all."""
    documents: int
    sum_of: tuple[str, ...] = ()
    """Digests of the corpora of a sum of tables, ascending; empty where it is one corpus."""

    @property
    def tokens(self) -> int:
        """N': occurrences counted in all."""
        return int(self.counts.sum())

    @property
    def corpora(self) -> tuple[str, ...]:
        """Digests of all that was counted."""
        return self.sum_of or (self.corpus_digest,)

    def facts(self) -> dict[str, Any]:
        """Return what the table says of itself, as JSON knows it."""
        return {
            "format": FORMAT,
            "tokenizer_digest": self.tokenizer_digest,
            "corpus_digest": self.corpus_digest,
            "token_cap": self.token_cap,
            "vocabulary_size": len(self.counts),
            "tokens": self.tokens,
            "documents": self.documents,
            "sum_of": list(self.sum_of),
        }


def write_frequency(path: Path, table: FrequencyTable) -> None:
    """Write a table; equal tables give equal bytes.

    Raises
    ------
    PartialRun
        The disk refused.
    """
    metadata = {KEY: json.dumps(table.facts(), sort_keys=True).encode()}
    schema = pa.schema([pa.field("count", pa.int64(), nullable=False)], metadata=metadata)
    replace(path, encode_table(pa.table([pa.array(table.counts, pa.int64())], schema=schema)))


def read_frequency(path: Path) -> FrequencyTable:
    """Read a table.

    Raises
    ------
    InputError
        There is none at `path`, or what is there contradicts itself.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(
            f"frequency table {path}: no such file; `datagov frequency build` makes one"
        ) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"frequency table {path}: cannot be read ({error})") from error
    facts = json.loads((table.schema.metadata or {}).get(KEY, b"{}"))
    if facts.get("format") != FORMAT:
        raise InputError(f"frequency table {path}: not a table of `datagov frequency build` ({FORMAT})")
    found = FrequencyTable(
        counts=table.column("count").to_numpy(),
        tokenizer_digest=facts["tokenizer_digest"],
        corpus_digest=facts["corpus_digest"],
        token_cap=facts["token_cap"],
        documents=facts["documents"],
        sum_of=tuple(facts["sum_of"]),
    )
    if found.facts() != facts or (len(found.counts) and int(found.counts.min()) < 0):
        raise InputError(f"frequency table {path}: its counts are not those it says it has; build it again")
    return found


def add_tables(tables: Sequence[FrequencyTable]) -> FrequencyTable:
    """Return the sum of tables of one tokenizer and token cap over different corpora.

    Raises
    ------
    ConfigError
        The tables do not go together, or a corpus would be counted twice.
    """
    first = tables[0]
    for table in tables[1:]:
        _require_same_tokenizer(first, table)
        if table.token_cap != first.token_cap:
            raise ConfigError(
                f"tables with token caps {first.token_cap} and {table.token_cap} do not add up; build one of them again"
            )
    corpora = sorted(corpus for table in tables for corpus in table.corpora)
    for earlier, later in pairwise(corpora):
        if earlier == later:
            raise ConfigError(f"corpus {later} would be counted twice; leave one of the tables out")
    return FrequencyTable(
        counts=np.stack([table.counts for table in tables]).sum(axis=0),
        tokenizer_digest=first.tokenizer_digest,
        corpus_digest=corpora[0] if len(corpora) == 1 else digest(*corpora),
        token_cap=first.token_cap,
        documents=sum(table.documents for table in tables),
        sum_of=tuple(corpora) if len(corpora) > 1 else (),
    )


def drift(before: FrequencyTable, after: FrequencyTable) -> dict[str, Any]:
    """Say how far two corpora differ in their tokens.

    Returns
    -------
    dict
        `total_variation` (0 the same, 1 no token in common) and `jensen_shannon_bits` (0 to 1) of the unsmoothed
        shares, NULL where a table is empty; `unseen_before_fraction`, the share of `after`'s occurrences whose token
        `before` lacks; `mean_abs_log_ratio`, the mean over `after`'s occurrences of |ln f_after - ln f_before| with
        f = (count + 1) / (N' + V), which is what moves DC-PDD; and the tokens that moved most of the mass.

    Raises
    ------
    ConfigError
        The tables are of different tokenizers.
    """
    _require_same_tokenizer(before, after)
    found: dict[str, Any] = {
        "before": before.facts(),
        "after": after.facts(),
        "total_variation": None,
        "jensen_shannon_bits": None,
        "unseen_before_fraction": None,
        "mean_abs_log_ratio": None,
        "moved": [],
    }
    if not before.tokens or not after.tokens:
        return found
    p, q = before.counts / before.tokens, after.counts / after.tokens
    size = len(p)
    smooth_p = (before.counts + 1) / (before.tokens + size)
    smooth_q = (after.counts + 1) / (after.tokens + size)
    log_ratio = np.log(smooth_q / smooth_p)
    middle = (p + q) / 2
    moved = np.argsort(-np.abs(q - p), kind="stable")[:SHOWN]
    found.update(
        total_variation=float(np.abs(q - p).sum() / 2),
        jensen_shannon_bits=(_divergence(p, middle) + _divergence(q, middle)) / 2,
        unseen_before_fraction=float(q[before.counts == 0].sum()),
        mean_abs_log_ratio=float((q * np.abs(log_ratio)).sum()),
        moved=[
            {
                "token_id": int(token),
                "before_fraction": float(p[token]),
                "after_fraction": float(q[token]),
                "log_ratio": float(log_ratio[token]),
            }
            for token in moved
            if p[token] != q[token]
        ],
    )
    return found


def _divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Kullback-Leibler divergence in bits."""
    seen = p > 0
    return float((p[seen] * np.log2(p[seen] / q[seen])).sum())


def _require_same_tokenizer(first: FrequencyTable, second: FrequencyTable) -> None:
    if (first.tokenizer_digest, len(first.counts)) != (second.tokenizer_digest, len(second.counts)):
        raise ConfigError(
            f"tables of different tokenizers ({first.tokenizer_digest} and {second.tokenizer_digest}) cannot be "
            "compared or added: token ids mean different things; build both with one tokenizer"
        )
