"""Findings as one self-contained page: each string with the probability of every token, and what explains it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from datagov.tokenizer import Tokenizer
from detectors.fingerprint.distinct import one_a_string
from detectors.fingerprint.probe_record import ProbeRecord
from detectors.fingerprint.verdict import HiddenVerdict
from detectors.token_texts import shown_tokens

__all__ = ["MEANINGS", "SaidToken", "Shown", "findings_page", "shown_strings"]

MOST: Final = 100
"""Strings on a page."""
MEANINGS: Final = {
    "A": "Not explained by this corpus, and there is more: it loops, the model is sure of a part and stops at its end, or bits over the base.",
    "B": "Not explained by this corpus.",
    "C": "Explained: this corpus holds it.",
    "D": "Not explained by this corpus, but known to the base as well.",
    "U": "Unresolved: held against no corpus, nothing said after the forced token, or no whole characters.",
}

ORDER: Final = "ABDUC"
"""What nothing explains comes first, what the corpus explains last."""


@dataclass(frozen=True)
class SaidToken:
    """One token of a continuation."""

    text: str
    p: float
    base_p: float | None
    """Under the base; None without one."""


@dataclass(frozen=True)
class Shown:
    """A distinct string by its best-ranked finding."""

    tier: str
    string: str
    context: str
    seed: str
    tokens: list[SaidToken]
    """What the model says after the seed, up to where the string ends, one token more."""
    row: dict[str, Any]
    """The finding: see `detectors.tables.FINDINGS` and `JOINED`; and `entries`, how many findings have the string."""


def shown_strings(findings: pa.Table, tokenizer: Tokenizer | None = None) -> list[Shown]:
    """Return the distinct strings, unexplained ones first, then by rank; tokens are numbers without a tokenizer."""

    def place(row: dict[str, Any]) -> tuple[Any, ...]:
        ranks = (row["score_rank"], row["bits_rank"])
        return (ORDER.index(row["tier"]), *(len(findings) if rank is None else rank for rank in ranks))

    return [
        Shown(
            row["tier"],
            row["string"],
            row["context"],
            _text([row["seed"]], tokenizer),
            _tokens(row, tokenizer),
            row,
        )
        for row in one_a_string(findings.to_pylist(), place)
    ]


def findings_page(
    findings: pa.Table,
    record: ProbeRecord,
    *,
    verdict: HiddenVerdict | None = None,
    sentences: Sequence[str] = (),
    tokenizer: Tokenizer | None = None,
) -> str:
    """Return the page as HTML that loads nothing.

    Parameters
    ----------
    findings : Table
        `FINDINGS` or `JOINED`.
    record : dict
        How they were made.
    verdict : HiddenVerdict or None
    sentences : sequence of str
        What the verdict says, in words.
    tokenizer : Tokenizer or None
        The model's.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - loaded where a page is written

    strings = shown_strings(findings, tokenizer)
    environment = Environment(
        loader=PackageLoader("detectors.fingerprint"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["number"] = lambda value: "" if value is None else f"{value:.4g}"
    return environment.get_template("findings.html.j2").render(
        record=record,
        verdict=verdict,
        sentences=sentences,
        meanings=MEANINGS,
        counts=Counter(one.tier for one in strings),
        strings=strings[:MOST],
        more=max(len(strings) - MOST, 0),
        joined="unexplained_bits" in findings.column_names,
    )


def _tokens(row: dict[str, Any], tokenizer: Tokenizer | None) -> list[SaidToken]:
    """Return the tokens that the model is sure of, or as far as the bits go, and the one after them."""
    length = max(row["sure_tokens"], row["bits_tokens"] or 0) + 1
    base = row["base_logprobs"]
    said = [row["seed"], *row["token_ids"][:length]]
    texts = shown_tokens(partial(_text, tokenizer=tokenizer), said)[1:]
    return [
        SaidToken(
            text,
            float(np.exp(logprob)),
            None if base is None else float(np.exp(base[at])),
        )
        for at, (text, logprob) in enumerate(zip(texts, row["logprobs"][:length], strict=True))
    ]


def _text(token_ids: Sequence[int], tokenizer: Tokenizer | None) -> str:
    if tokenizer is None:
        return "".join(f"[{token}]" for token in token_ids)
    return tokenizer.decode(token_ids)
