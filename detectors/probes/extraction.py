"""Text that a model repeats: the beginning of a passage is given, and the rest is compared with what the corpus has.

Source: Carlini et al. 2023, Quantifying Memorization Across Neural Language Models, arXiv 2202.07646, definition 3.1 (a text is
extractable with k tokens of context if greedy decoding gives it exactly); google-research/lm-extraction-benchmark for 50 + 50
tokens and for the recall when a hundred answers are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.tokenizer import Tokenizer
from detectors.ragged import TokenBatch
from detectors.targets.target import Target

__all__ = ["Replayed", "Span", "Tasks", "passages", "recall_at_wrong", "replay", "span_tasks"]

WRONG = 100
"""Wrong answers at which recall is told."""


@dataclass(frozen=True)
class Span:
    """A stretch of a text by its code points, and what it is."""

    text: int
    """Row of the texts."""
    start: int
    end: int
    rule: str


@dataclass(frozen=True)
class Tasks:
    """N passages: what is given, and what a model that knows it by heart goes on with."""

    prefixes: TokenBatch
    answers: TokenBatch
    text_N: npt.NDArray[np.int64]
    """Row of the texts."""
    rules: list[str | None]
    """What each answer is, where it is a span."""
    left_out: int
    """Texts or spans that are too short, or begin a text."""

    def __len__(self) -> int:
        return len(self.prefixes)


@dataclass(frozen=True)
class Replayed:
    """What the model said to N tasks."""

    matched_N: npt.NDArray[np.int64]
    """Tokens of the answer that it says from the beginning."""
    exact_N: npt.NDArray[np.bool_]
    """It says the whole answer."""
    confidence_N: npt.NDArray[np.float64]
    """Mean ln p of what it says, over the answer's length; NaN where the target gives none."""


def passages(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    *,
    prefix: int,
    suffix: int,
    most: int,
    seed: int,
    start: int | None,
) -> Tasks:
    """Return a passage at a random place of each text that is long enough, of at most so many texts drawn at random.

    Parameters
    ----------
    texts : sequence of str
    tokenizer : Tokenizer
    prefix, suffix : int
        Tokens given, and compared.
    most : int
    seed : int
    start : int or None
        Token before each prefix.
    """
    rows = TokenBatch(*tokenizer.encode(texts))
    long = np.flatnonzero(rows.lengths >= prefix + suffix)
    generator = np.random.default_rng(seed)
    chosen = np.sort(generator.permutation(long)[:most])
    places = [int(generator.integers(0, rows.lengths[row] - prefix - suffix + 1)) for row in chosen]
    before = [] if start is None else [start]
    pieces = [
        rows.row(row)[at : at + prefix + suffix].tolist() for row, at in zip(chosen, places, strict=True)
    ]
    return Tasks(
        TokenBatch.of([[*before, *piece[:prefix]] for piece in pieces]),
        TokenBatch.of([piece[prefix:] for piece in pieces]),
        chosen,
        [None] * len(chosen),
        len(texts) - len(long),
    )


def span_tasks(
    texts: Sequence[str], spans: Sequence[Span], tokenizer: Tokenizer, *, prefix: int, start: int | None
) -> Tasks:
    """Return a task for each span: the tokens before it are given, and it is the answer.

    A span that begins its text has nothing before it and is left out; one before which stand fewer than `prefix` tokens
    has these. Prefix and span are tokens of their own, so that no token reaches from one into the other.
    """
    before = [] if start is None else [start]
    given = [texts[span.text][: span.start] for span in spans]
    kept = [at for at, text in enumerate(given) if text and spans[at].end > spans[at].start]
    prefixes = TokenBatch(*tokenizer.encode([given[at] for at in kept]))
    answers = TokenBatch(
        *tokenizer.encode([texts[spans[at].text][spans[at].start : spans[at].end] for at in kept])
    )
    return Tasks(
        TokenBatch.of([[*before, *prefixes.row(row)[-prefix:].tolist()] for row in range(len(kept))]),
        answers,
        np.array([spans[at].text for at in kept], np.int64),
        [spans[at].rule for at in kept],
        len(spans) - len(kept),
    )


def replay(target: Target, tasks: Tasks) -> Replayed:
    """Let the model go on after each prefix, greedily, and compare.

    Raises
    ------
    TargetError
        The target cannot continue token ids.
    """
    count = len(tasks)
    matched = np.zeros(count, np.int64)
    confidence = np.full(count, np.nan)
    for steps in np.unique(tasks.answers.lengths):
        rows = np.flatnonzero(tasks.answers.lengths == steps)
        said = target.force(TokenBatch.of([tasks.prefixes.row(int(row)) for row in rows]), int(steps))
        answer_NS = np.stack([tasks.answers.row(int(row)) for row in rows])
        same_NS = np.logical_and.accumulate(said.token_ids_NS == answer_NS, axis=1)
        matched[rows] = same_NS.sum(1)
        known_NS = np.isfinite(said.logprob_NS)
        total_N = np.where(known_NS, said.logprob_NS, 0.0).sum(1, dtype=np.float64)
        confidence[rows] = np.divide(
            total_N, known_NS.sum(1), out=np.full(len(rows), np.nan), where=known_NS.any(1)
        )
    return Replayed(matched, matched == tasks.answers.lengths, confidence)


def recall_at_wrong(replayed: Replayed, wrong: int = WRONG) -> float | None:
    """Return the share of all tasks answered exactly before `wrong` answers are wrong, the most confident first.

    None without a task.
    """
    if not len(replayed.exact_N):
        return None
    order = np.argsort(-np.nan_to_num(replayed.confidence_N, nan=-np.inf), kind="stable")
    exact = replayed.exact_N[order]
    kept = np.cumsum(~exact) < wrong
    return float(exact[kept].sum() / len(exact))
