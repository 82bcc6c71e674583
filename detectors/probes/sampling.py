"""What a model says unasked: texts sampled after the start token, ranked by four marks of memory, and looked for in a corpus.

Source: Carlini et al. 2021, Extracting Training Data from Large Language Models, arXiv 2012.07805, sections 4 and 5 (256 tokens, the 40
most probable; perplexity, its ratio to a smaller model's, to zlib and to the lower-cased text's), with its published code.
Nasr et al. 2023, arXiv 2311.17035, for what counts as memory: 50 tokens in a row that stand in the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from detectors.membership.method import Inputs, needed
from detectors.membership.rows import row_means
from detectors.membership.sizes import zlib_bytes
from detectors.probes.remote_sampling import draw_texts
from detectors.ragged import TokenBatch
from detectors.targets.http.target import HttpTarget
from detectors.targets.target import Target
from detectors.targets.transformers_target import TransformersTarget
from detectors.targets.windows import plan_windows
from detectors.trace import TraceBatch
from detectors.trace_store import stored_traces

__all__ = ["RANKS", "Samples", "inputs_of", "places", "require_scores", "sample", "scores_of", "stands_in"]

RANKS = ("perplexity", "smaller", "zlib", "lowercase")
"""Each higher for what is more likely memory, N a text's tokens, LL the mean of their ln p:
perplexity: LL, that is -ln perplexity; smaller: LL of the smaller model / LL; zlib: bytes of zlib / -LL; lowercase: LL of the
lower-cased text / LL."""
CHUNK = 1 << 20
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Samples:
    """N different texts that a model said, in the order in which they came first."""

    texts: list[str]
    times_N: npt.NDArray[np.int64]
    """How often each was said."""
    empty: int
    """Samples that ended before anything was said; they are no text."""
    repeatable: bool = True
    """Whether a seed gives its text again, as far as was seen; an endpoint may draw anew every time."""

    def __len__(self) -> int:
        return len(self.texts)


def require_scores(target: Target) -> None:
    """Make sure that a target gives the log-probabilities that ranks are made of, before anything is drawn.

    Raises
    ------
    TargetError
        It is an endpoint that gives none of prompts, or others than those of its tokens.
    """
    if isinstance(target, HttpTarget):
        target.require_exact()


def sample(
    target: Target, *, count: int, tokens: int, top_k: int | None, seed: int, store: Path | None = None
) -> Samples:
    """Sample texts after the start token; the first of them do not depend on how many there are.

    Parameters
    ----------
    top_k : int or None
        Drawn of so many most probable tokens; None for all.
    store : Path or None
        Where an endpoint's texts are kept until all are there.

    Raises
    ------
    ConfigError
        The target is neither a checkpoint nor an endpoint of completions, or names no start token.
    TargetError
    PartialRun
        An endpoint's budget is spent.
    """
    repeatable = True
    if isinstance(target, HttpTarget):
        drawn = draw_texts(target, count=count, tokens=tokens, top_k=top_k, seed=seed, store=store)
        texts, repeatable = drawn.texts, drawn.repeatable
    elif isinstance(target, TransformersTarget):
        said = target.sample(np.random.default_rng(seed).random((count, tokens)), top_k=top_k)
        texts = [target.decode(said.row(row).tolist()) for row in range(len(said))]
    else:
        raise ConfigError(
            f"--samples: {target.facts.name} is not sampled, only a checkpoint's folder or an endpoint is; without --samples, "
            "passages are continued by any target"
        )
    times: dict[str, int] = {}
    for text in texts:
        times[text] = times.get(text, 0) + 1
    empty = times.pop("", 0)
    return Samples(list(times), np.fromiter(times.values(), np.int64, len(times)), empty, repeatable)


def inputs_of(
    target: Target, smaller: Target | None, texts: Sequence[str], *, store: Path | None = None
) -> Inputs:
    """Return the traces and sizes that the ranks are made of.

    Parameters
    ----------
    store : Path or None
        Where traces are kept, so that a stopped run goes on.

    Raises
    ------
    TargetError
        The smaller model gives no log-probabilities of what it is given.
    PartialRun
        An endpoint's budget is spent.
    """

    def traced(model: Target, strings: Sequence[str]) -> TraceBatch:
        return stored_traces(store, model, strings, plan_windows(model)).by_text()

    lowered = [text.lower() for text in texts]
    return Inputs(
        plain=traced(target, texts),
        lowercase=traced(target, lowered),
        reference=None if smaller is None else traced(smaller, texts),
        zlib_bytes=zlib_bytes(texts),
        unchanged=np.array([a == b for a, b in zip(texts, lowered, strict=True)], np.bool_),
    )


def scores_of(inputs: Inputs) -> dict[str, npt.NDArray[np.float64]]:
    """Return what each of `RANKS` says of N texts, float64[N]; NaN where a rank says nothing.

    Without a smaller model there is no such rank. Lower case says nothing of a text that has none, and no ratio to a
    text that costs nothing is defined.
    """
    plain = needed(inputs.plain, "a trace", "extract")
    lowered = needed(inputs.lowercase, "a trace of the lower-cased texts", "extract")
    unchanged = needed(inputs.unchanged, "which texts lower case does not change", "extract")
    compressed = needed(inputs.zlib_bytes, "the compressed size of the texts", "extract")
    own = row_means(plain.logprob_T, plain.offsets)
    own_or_nan = np.where(own == 0, np.nan, own)
    found = {"perplexity": own}
    if inputs.reference is not None:
        found["smaller"] = row_means(inputs.reference.logprob_T, inputs.reference.offsets) / own_or_nan
    found["zlib"] = compressed / -own_or_nan
    lower = row_means(lowered.logprob_T, lowered.offsets) / own_or_nan
    found["lowercase"] = np.where(unchanged, np.nan, lower)
    return found


def places(score_N: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return each text's place, from 1 for the highest score, equals in their order; 0 without a score."""
    order = np.argsort(-score_N, kind="stable")
    known = order[np.isfinite(score_N[order])]
    found = np.zeros(len(score_N), np.int64)
    found[known] = np.arange(1, len(known) + 1)
    return found


def stands_in(samples: TokenBatch, corpus: TokenBatch, tokens: int) -> npt.NDArray[np.int64]:
    """Return the first row of the corpus that has so many tokens of each sample in a row, int64[N]; -1 for none.

    Parameters
    ----------
    samples, corpus : TokenBatch
        Of one tokenizer.
    tokens : int
        At least 1.
    """
    best = np.full(len(samples), len(corpus), np.int64)
    starts, row_W = _windows(samples, tokens)
    keys = _keys(samples.token_ids, starts, tokens)
    order = np.argsort(keys, kind="stable")
    keys, starts, row_W = keys[order], starts[order], row_W[order]
    places_W, text_W = _windows(corpus, tokens)
    for begin in range(0, len(places_W), CHUNK):
        at, text = places_W[begin : begin + CHUNK], text_W[begin : begin + CHUNK]
        wanted, first = np.unique(_keys(corpus.token_ids, at, tokens), return_index=True)
        left, right = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
        for hit in np.flatnonzero(left < right):
            passage = corpus.token_ids[at[first[hit]] :][:tokens]
            for window in range(left[hit], right[hit]):
                if np.array_equal(samples.token_ids[starts[window] :][:tokens], passage):
                    best[row_W[window]] = min(best[row_W[window]], text[first[hit]])
    return np.where(best < len(corpus), best, -1)


def _windows(rows: TokenBatch, tokens: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where windows of so many tokens begin that no row's end cuts, and the row of each."""
    count_N = np.maximum(rows.lengths - tokens + 1, 0)
    row_W = np.repeat(np.arange(len(rows), dtype=np.int64), count_N)
    within_W = np.arange(len(row_W)) - np.repeat(np.cumsum(count_N) - count_N, count_N)
    return rows.offsets[row_W] + within_W, row_W


def _keys(
    token_ids: npt.NDArray[np.int32], start_W: npt.NDArray[np.int64], tokens: int
) -> npt.NDArray[np.uint64]:
    """Return one number for each window; equal windows have equal ones."""
    key_W = np.zeros(len(start_W), np.uint64)
    for place in range(tokens):
        key_W = (key_W + token_ids[start_W + place].astype(np.uint64) + np.uint64(1)) * MIX
    return key_W
