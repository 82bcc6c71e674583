"""Schemas of the detectors' ledger tables, and their rows: the public contract of `score`."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["ORIGIN", "SCORES", "TARGETS"]

UUID = pa.uuid()

ORIGIN = (
    pa.field("target", pa.string(), nullable=False),
    pa.field("tokenizer", pa.string(), nullable=False),
    pa.field("engine", pa.string(), nullable=False),
    pa.field("dtype", pa.string(), nullable=False),
    pa.field("start_token_id", pa.int32()),
    pa.field("window_tokens", pa.int64(), nullable=False),
    pa.field("window_policy", pa.string(), nullable=False),
)
"""Columns that name a `TraceOrigin`; scores are comparable when all of them are equal. `target` and `tokenizer`
are digests; `start_token_id` is NULL where the first token of a window is not scored."""

SCORES = pa.schema(
    [
        pa.field("text", pa.int64(), nullable=False),
        pa.field("doc_id", UUID),
        pa.field("content_id", UUID),
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("method", pa.string(), nullable=False),
        pa.field("params", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("reason", pa.string()),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("windows", pa.int64(), nullable=False),
        *ORIGIN,
    ]
)
"""One row a text and method, by text, then in the order the methods were asked for.

`text` is the row of the texts that were scored, `doc_id`, `id` and `source` are theirs where they have them,
`content_id` is NULL where the text has no visible character. `params` is the JSON of all parameters of the method,
keys sorted. `score` is higher for a more likely member and NULL exactly where `reason` is not: `null_text`,
`empty_text`, `no_scored_token`, or the method's own. `tokens` are scored tokens in `windows` windows."""

TARGETS = pa.schema(
    [
        pa.field("target", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("tokenizer", pa.string(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("dtype", pa.string(), nullable=False),
        pa.field("vocabulary_size", pa.int64(), nullable=False),
        pa.field("start_token_id", pa.int32()),
        pa.field("prompt_logprobs", pa.string(), nullable=False),
        pa.field("generated_logprobs", pa.string(), nullable=False),
        pa.field("id_prompts", pa.bool_(), nullable=False),
        pa.field("statistics", pa.list_(pa.string()), nullable=False),
        pa.field("context_tokens", pa.int64()),
        pa.field("batch_prompts", pa.int64()),
        pa.field("top_logprobs", pa.int64()),
        pa.field("tolerance_nats", pa.float64(), nullable=False),
        pa.field("deterministic", pa.bool_(), nullable=False),
    ]
)
"""One row a target that was used: `TargetFacts` and `Capabilities`."""
