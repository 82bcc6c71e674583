"""Canaries: sentences with a number that nobody else has, given to a corpus, and looked for in the model it made.

Source: Carlini et al. 2019, The Secret Sharer, arXiv 1802.08232, definitions 1 to 4: exposure = log2 |R| - log2 rank among all
numbers of the generator, here estimated on a sample of them.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.errors import InputError
from datagov.tokenizer import Tokenizer
from detectors.ragged import TokenBatch
from detectors.targets.target import Target

__all__ = ["TEMPLATE", "Exposure", "exposures", "issue", "references", "template_of"]

TEMPLATE = "The number of this canary is {}."
KEY = b"datagov.canaries"
REFERENCE_STREAM, CANARY_STREAM = 1, 0
"""Of one generator: numbers that were given out, and numbers that never were."""


@dataclass(frozen=True)
class Exposure:
    """How well a model knows one canary."""

    text: str
    times: int
    """Copies of it in the corpus, as it was issued."""
    logprob: float
    """ln p of the whole canary."""
    rank: int
    """From 1, among itself and the references; ties count against it."""
    exposure: float
    """Bits: log2 of so many over the rank."""
    p_value: float
    """Rank over so many: of a model that never saw it, P(p <= u) <= u."""


def issue(template: str, times: Sequence[int], each: int, *, seed: int) -> pa.Table:
    """Return canaries as a table of texts: `text`, each as often as it is to be repeated, `canary` and `times`.

    Parameters
    ----------
    template : str
        With one `{}` where the number goes.
    times : sequence of int
        Copies.
    each : int
        Canaries of each number of copies.
    seed : int
        Keep it secret: it is written into the table, and whoever has it can make all numbers.

    Raises
    ------
    InputError
        The template has no `{}`, or several.
    """
    if template.count("{}") != 1:
        raise InputError(f"template {template!r}: expected one {{}} where the number goes")
    copies = np.repeat(np.array(times, np.int64), each)
    texts = _numbered(template, len(copies), (seed, CANARY_STREAM))
    rows = np.repeat(np.arange(len(copies)), copies)
    table = pa.table(
        {
            "text": pa.array([texts[row] for row in rows], pa.large_string()),
            "canary": pa.array(rows, pa.int64()),
            "times": pa.array(copies[rows], pa.int64()),
        }
    )
    said = json.dumps({"template": template, "seed": seed}).encode()
    return table.replace_schema_metadata({KEY: said})


def template_of(canaries: pa.Table, where: str) -> tuple[str, int]:
    """Return the template and the seed that canaries were made with.

    Raises
    ------
    InputError
        They do not say.
    """
    said = (canaries.schema.metadata or {}).get(KEY)
    if said is None:
        raise InputError(f"{where}: not a table of `datagov detect canary issue`")
    record = json.loads(said)
    return str(record["template"]), int(record["seed"])


def references(template: str, count: int, *, seed: int) -> list[str]:
    """Return canaries of the same generator that were never given out."""
    return _numbered(template, count, (seed, REFERENCE_STREAM))


def exposures(
    target: Target, tokenizer: Tokenizer, canaries: pa.Table, others: Sequence[str]
) -> list[Exposure]:
    """Return the exposure of each canary, in the order of their numbers.

    Raises
    ------
    TargetError
        The target gives no log-probabilities of prompts.
    """
    times: dict[str, int] = dict(
        zip(canaries.column("text").to_pylist(), canaries.column("times").to_pylist(), strict=True)
    )
    own, reference = (_logprobs(target, tokenizer, texts) for texts in (list(times), list(others)))
    count = len(reference) + 1
    found = []
    for (text, copies), value in zip(times.items(), own.tolist(), strict=True):
        rank = 1 + int((reference >= value).sum())
        found.append(Exposure(text, copies, value, rank, math.log2(count / rank), rank / count))
    return found


def _logprobs(target: Target, tokenizer: Tokenizer, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return float64[N]: ln p of each whole text after the start token."""
    start = target.facts.start_token_id
    rows = TokenBatch(*tokenizer.encode(texts))
    before = [] if start is None else [start]
    traced = target.trace(
        TokenBatch.of([[*before, *rows.row(row).tolist()] for row in range(len(rows))])
    ).by_text()
    total = np.concatenate([[0.0], np.cumsum(traced.logprob_T, dtype=np.float64)])
    return total[traced.offsets[1:]] - total[traced.offsets[:-1]]


def _numbered(template: str, count: int, seed: tuple[int, int]) -> list[str]:
    generator = np.random.default_rng(seed)
    return [template.replace("{}", str(uuid.UUID(bytes=generator.bytes(16)))) for _ in range(count)]
