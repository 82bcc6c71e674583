"""Schemas of the detectors' ledger tables, and their rows: the public contract of `score`."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["FINDINGS", "JOINED", "ORIGIN", "SCORES", "TARGETS", "TRIALS", "VERDICTS"]

UUID = pa.uuid()

ORIGIN = (
    pa.field("target", pa.string(), nullable=False),
    pa.field("tokenizer", pa.string(), nullable=False),
    pa.field("engine", pa.string(), nullable=False),
    pa.field("dtype", pa.string(), nullable=False),
    pa.field("start_token_id", pa.int32()),
    pa.field("window_tokens", pa.int64(), nullable=False),
    pa.field("window_policy", pa.string(), nullable=False),
    pa.field("rests_on", pa.string(), nullable=False),
)
"""Columns under which a score was made; scores of a method are comparable when all of them are equal. All but the last
name a `TraceOrigin`: `target` and `tokenizer` are digests; `start_token_id` is NULL where the first token of a window is
not scored. `rests_on` is JSON, keys sorted: digests of the token-frequency table's corpus, the reference model and the
pools of shots, how many shots, and the seed, as far as the method reads them."""

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
        pa.field("details", pa.map_(pa.string(), pa.float64())),
        *ORIGIN,
    ]
)
"""One row a text and method, by text, then in the order the methods were asked for.

`text` is the row of the texts that were scored, `doc_id`, `id` and `source` are theirs where they have them,
`content_id` is NULL where the text has no visible character. `params` is the JSON of all parameters of the method,
keys sorted. `score` is higher for a more likely member and NULL exactly where `reason` is not: `null_text`,
`not_utf8`, `empty_text`, or the method's own, such as `no_tokens`. `tokens` are scored tokens in `windows` windows;
`details` are a method's further readings by name, e.g. `share` of DC-PDD, NULL where it has none."""

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

VERDICTS = pa.schema(
    [
        pa.field("document", pa.int64(), nullable=False),
        pa.field("texts", pa.int64(), nullable=False),
        pa.field("doc_id", UUID),
        pa.field("content_id", UUID),
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
"""One row a suspect document, in the order of the suspects' scores.

`document` is the `text` of its first row there and `texts` how many it has: near-duplicates are one document. `verdict`
is evidence | no evidence | confounded | not calibratable, `reason` why it is not one of the first two. `p_value` is
conformal, `adjusted_p` after `correction` (none | bh | holm). `fpr_low` and `fpr_high` enclose the true false-positive
rate of the threshold at `alpha` with 95 %. `blind_outcome` is separated | equivalent | undecided | not run, with its
AUROC and 95 % interval."""

FINDINGS = pa.schema(
    [
        pa.field("context", pa.string(), nullable=False),
        pa.field("context_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("seed", pa.int32(), nullable=False),
        pa.field("seed_name", pa.string(), nullable=False),
        pa.field("seed_kind", pa.string(), nullable=False),
        pa.field("token_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("logprobs", pa.list_(pa.float32()), nullable=False),
        pa.field("base_logprobs", pa.list_(pa.float32())),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("steps", pa.int32(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("mean_logprob", pa.float64(), nullable=False),
        pa.field("score_rank", pa.int32()),
        pa.field("bits", pa.float64()),
        pa.field("bits_tokens", pa.int32()),
        pa.field("bits_rank", pa.int32()),
        pa.field("run_tokens", pa.int32(), nullable=False),
        pa.field("run", pa.large_string(), nullable=False),
        pa.field("sure_tokens", pa.int32(), nullable=False),
        pa.field("sure", pa.large_string(), nullable=False),
        pa.field("stops", pa.bool_(), nullable=False),
        pa.field("loop_unit", pa.large_string()),
        pa.field("loop_count", pa.float64()),
        pa.field("loop_coverage", pa.float64()),
        pa.field("loop_from_seed", pa.bool_()),
        pa.field("zlib_ratio", pa.float64()),
        pa.field("basin_seeds", pa.int64()),
        pa.field("string_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("string", pa.large_string(), nullable=False),
        pa.field("windows", pa.list_(pa.large_string()), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("base", pa.string()),
        pa.field("tokenizer", pa.string(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("dtype", pa.string(), nullable=False),
    ]
)
"""One row a finalist: a forced token after whose context the model says something noteworthy; by context, then by seed.

`token_ids` is the greedy continuation up to and with an end token, `logprobs` the natural logarithms of its
probabilities, `base_logprobs` the same under the base model. `score` is that of `rule` over the first `steps` tokens,
`mean_logprob` (nats) over the same; `score_rank` is NULL where the score is not above `threshold`, both ranks where the
text ends right after the seed. `bits` is the largest sum of log2 p - log2 p_base over a beginning of `bits_tokens` tokens, those left
out that complete three in a row which stand earlier; NULL without a base model. `run` is the
text of the seed and the `run_tokens` tokens after it that all have p >= 0.9. `sure_tokens`, at least as many, and `steps` where the
score is above `threshold`, is the beginning with the largest sum of ln p - ln 0.9, an end token's own counted with it; `sure` is its text.
The loop columns are NULL where nothing loops; `zlib_ratio` where the run is empty; `basin_seeds` (seeds led into the same five tokens)
unless the sweep was exhaustive.

A finding is about `sure_tokens` tokens, or `bits_tokens` where they are more, but no end token; `stops` says that the model ends the text
right after them with p >= 0.5. `string` is what such beginnings of all finalists, each with its seed, are parts of where they overlap. Neither
it nor `sure` has a forced token where another leads into the same text more surely. `windows` are the texts of every five tokens of it,
NULL where they are no whole characters. `tier` is U, unresolved: not held against any corpus."""

JOINED = pa.schema(
    [
        *FINDINGS,
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("copies", pa.int64(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("examples", pa.list_(UUID), nullable=False),
        pa.field("unexplained_tokens", pa.int64()),
        pa.field("unexplained_bits", pa.float64()),
        pa.field("unexplained_sure", pa.int64()),
    ]
)
"""The findings beside a corpus. `tier`: A unexplained with further evidence, B unexplained, C explained by the corpus, D by
the base, U unresolved. `corpus`: digest of what was searched. `documents`, `copies`: of the whole `string`; `source`: the one
with most copies, with its first documents as `examples`. `unexplained_tokens`: the longest run of tokens that no piece
found explains, 0 where the whole string stands there; NULL where nothing could be searched. `unexplained_bits`: as `bits`, of
the tokens that stand in `string` and are not explained; NULL without a base model as well. `unexplained_sure`: as `unexplained_tokens`, of
no more than the model is sure of, its forced token included; 0 where they are fewer than five, and the string is not."""

TRIALS = pa.schema(
    [
        pa.field("trial", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("recipe", pa.string()),
        pa.field("on_suspect", pa.bool_(), nullable=False),
        pa.field("settings", pa.string(), nullable=False),
        pa.field("family", pa.string()),
        pa.field("coverage", pa.float64(), nullable=False),
        pa.field("bits", pa.float64()),
        pa.field("sure", pa.int64(), nullable=False),
        pa.field("unexplained", pa.int64(), nullable=False),
        pa.field("explained", pa.int64(), nullable=False),
        pa.field("said", pa.bool_()),
        pa.field("score_place", pa.int64()),
        pa.field("bits_place", pa.int64()),
        pa.field("held", pa.float64()),
        pa.field("exact", pa.bool_()),
    ]
)
"""One row a model of which it is known whether it hides a text, and what a probe said of it. `kind` is clean, registered
(knows a text of its corpus by heart) or planted, by `recipe`, into a copy of the suspect where `on_suspect`, else into a
lab's model. `settings` is the JSON of how it was probed, `family` names the shape of the model, NULL if not known. `bits` and
`sure` are `hidden_statistics`, where `on_suspect` of strings that hold half of the plant or more; `unexplained` and `explained` count distinct strings of tiers A and B, and of C. Of planted
models: `said`, whether the text was learned; `score_place` and `bits_place`, from 1, of the first string of a ranking that
holds half of the text in one piece, NULL where none does; `held`, the largest share of it in one piece of any string;
`exact`, whether one holds it whole."""
