"""From what methods read to the table of scores: one row a text and method, with everything a score rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.ids import digest
from detectors.membership.method import Inputs, Method, Scores
from detectors.scoring import Extras, Tracer, roles_of
from detectors.tables import SCORES
from detectors.texts import Texts
from detectors.trace import TraceBatch

__all__ = ["Chosen", "score_table"]


@dataclass(frozen=True)
class Chosen:
    """A method with all its parameters."""

    method: Method
    params: Mapping[str, Any]


def score_table(
    texts: Texts,
    tracer: Tracer,
    chosen: Sequence[Chosen],
    inputs: Inputs,
    plain: TraceBatch | None,
    extras: Extras,
) -> pa.Table:
    """Return the `SCORES` rows of all texts under all methods; a text that cannot be scored has NULL and the reason."""
    scored = [one.method.score(inputs, one.params) for one in chosen]
    count, width = len(texts), len(chosen)
    text = np.repeat(np.arange(count), width)
    tokens = np.zeros(count, np.int64) if plain is None else np.diff(plain.by_text().offsets)
    windows = np.zeros(count, np.int64) if plain is None else np.bincount(plain.text_W, minlength=count)
    take = pa.array(text)
    values, reasons, details = _rows(texts, scored)
    facts, plan = tracer.facts, tracer.plan
    columns: dict[str, Any] = {
        "text": text,
        "doc_id": texts.doc_id.take(take),
        "content_id": texts.content_id.take(take),
        "id": texts.id.take(take),
        "source": texts.source.take(take),
        "method": [one.method.name for one in chosen] * count,
        "params": [json.dumps(dict(one.params), sort_keys=True) for one in chosen] * count,
        "score": pa.array(values, pa.float64(), from_pandas=True),
        "reason": reasons,
        "tokens": tokens[text],
        "windows": windows[text],
        "details": details,
        "rests_on": [json.dumps(_rests_on(one.method, inputs, extras), sort_keys=True) for one in chosen]
        * count,
    }
    same = {
        "target": facts.digest,
        "tokenizer": facts.tokenizer_digest,
        "engine": facts.engine,
        "dtype": facts.dtype,
        "start_token_id": plan.start_token_id,
        "window_tokens": plan.window_tokens,
        "window_policy": plan.policy,
    }
    columns.update({name: [value] * len(text) for name, value in same.items()})
    return pa.Table.from_arrays([_cast(columns[name.name], name.type) for name in SCORES], schema=SCORES)


def _rests_on(method: Method, inputs: Inputs, extras: Extras) -> dict[str, Any]:
    """Return what a score depends on besides the text, the target and the method's parameters."""
    found: dict[str, Any] = {}
    if "frequency" in method.needs and inputs.frequency is not None:
        found["frequency"] = inputs.frequency.corpus_digest
        found["token_cap"] = inputs.frequency.token_cap
    if "reference" in method.needs and extras.reference is not None:
        found["reference"] = extras.reference.facts.digest
    if "prefixed" in method.needs:
        pools = {role: digest("pool/1", *sorted(set(pool))) for role, pool in extras.pools.items()}
        found |= {
            "shots": extras.shots,
            "pools": {role: pools[role] for role in roles_of(method) if role in pools},
        }
    if method.needs & {"prefixed", "perturbed"}:
        found["seed"] = extras.seed
    return found


def _rows(texts: Texts, scored: Sequence[Scores]) -> tuple[np.ndarray, list[str | None], list[Any]]:
    """Return score, reason and details text by text, method by method; what the text itself lacks comes first."""
    values = np.array([one.values for one in scored]).T.reshape(-1)
    reasons = [texts.reasons[row] or one.reasons[row] for row in range(len(texts)) for one in scored]
    values[[reason is not None for reason in reasons]] = np.nan
    details = [
        [(name, float(readings[row])) for name, readings in one.details.items() if np.isfinite(readings[row])]
        or None
        for row in range(len(texts))
        for one in scored
    ]
    return values, reasons, details


def _cast(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values if values.type == kind else values.cast(kind)
    return pa.array(values, kind)
