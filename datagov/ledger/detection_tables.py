"""Schemas of what the detection wing records: scores and verdicts. Public, as those in `tables`."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["ORIGIN", "SCORES", "VERDICTS"]

ORIGIN = (
    pa.field("target", pa.string(), nullable=False),
    pa.field("target_digest", pa.string(), nullable=False),
    pa.field("tokenizer_digest", pa.string(), nullable=False),
    pa.field("engine", pa.string(), nullable=False),
    pa.field("dtype", pa.string(), nullable=False),
    pa.field("start_token_id", pa.int32()),
    pa.field("window_tokens", pa.int32(), nullable=False),
    pa.field("window_policy", pa.string(), nullable=False),
)
"""Under which conditions traces were made; scores with different conditions are not comparable."""

SCORES = pa.schema(
    [
        pa.field("doc_id", pa.uuid(), nullable=False),
        pa.field("content_id", pa.uuid()),
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("window", pa.int32()),
        pa.field("method", pa.string(), nullable=False),
        pa.field("params", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("reason", pa.string()),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("details", pa.map_(pa.string(), pa.float64()), nullable=False),
        *ORIGIN,
    ]
)
"""One row a text, or a window of it, and method. `window` counts from 0, NULL where the row is the whole text;
`params` is JSON with sorted keys, defaults and mode included; `value` is NULL exactly where `reason` says why,
and higher = more likely a member; `tokens` are those scored; `details` are further readings by name."""

VERDICTS = pa.schema(
    [
        pa.field("doc_id", pa.uuid(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("method", pa.string(), nullable=False),
        pa.field("params", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("p_value", pa.float64()),
        pa.field("adjusted_p", pa.float64()),
        pa.field("alpha", pa.float64(), nullable=False),
        pa.field("correction", pa.string(), nullable=False),
        pa.field("calibration_documents", pa.int64(), nullable=False),
        pa.field("fpr_low", pa.float64()),
        pa.field("fpr_high", pa.float64()),
        pa.field("blind_outcome", pa.string(), nullable=False),
        pa.field("blind_auroc", pa.float64()),
        pa.field("blind_low", pa.float64()),
        pa.field("blind_high", pa.float64()),
        *ORIGIN,
    ]
)
"""One row a suspect document. `verdict` is evidence | no evidence | confounded | not calibratable, `reason` why it is not
one of the first two; `p_value` is conformal, `adjusted_p` after `correction` (none | bh | holm); `fpr_low` and
`fpr_high` enclose the true false-positive rate of the threshold with 95 %; `blind_outcome` is separated | equivalent |
undecided | not run, with its AUROC and 95 % interval."""
