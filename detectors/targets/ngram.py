"""A small model in closed form for tests: an interpolated bigram over token ids, in numpy alone.

    p(x | y) = (1 - uniform) (weight c(y, x) / c(y) + (1 - weight) c(x) / N) + uniform / V

with counts of a text that is part of the file; where y was never followed by anything, the unigram has all the weight.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, InputError, TargetError
from datagov.ids import digest
from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.ragged import TokenBatch, offsets_of
from detectors.targets.opening import OpenOptions, refuse_options
from detectors.targets.target import Capabilities, Continuations, TargetFacts
from detectors.trace import TraceBatch, TraceOrigin

__all__ = ["NgramTarget", "open_target", "save_ngram"]

BIGRAM_WEIGHT = 0.7
UNIFORM = 0.05
SCHEME = "ngram:"
FOREIGN = ("model", "adapter", "revision", "dtype", "device", "layout", "api", "key_variable", "concurrency")
"""Options of other targets."""


@dataclass(frozen=True)
class NgramTarget:
    """A bigram model as a target."""

    probability_VV: npt.NDArray[np.float64]
    """Row y: the distribution of what follows y."""
    facts: TargetFacts
    capabilities: Capabilities
    tokenizer: Tokenizer

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Return the token ids of each text."""
        return TokenBatch(*self.tokenizer.encode(texts))

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of token ids."""
        return self.tokenizer.decode(token_ids)

    def trace(self, windows: TokenBatch) -> TraceBatch:
        """Return the statistics of every token but the first of each row, in closed form."""
        if len(windows.token_ids) and int(windows.token_ids.max()) >= self.facts.vocabulary_size:
            raise TargetError(
                f"{self.facts.name}: token id {int(windows.token_ids.max())} is outside its vocabulary"
            )
        first = np.zeros(len(windows.token_ids), dtype=np.bool_)
        first[windows.offsets[:-1][windows.lengths > 0]] = True
        scored = np.flatnonzero(~first)
        token_T = windows.token_ids[scored]
        probs_TV = self.probability_VV[windows.token_ids[scored - 1]]
        logs_TV = np.log(probs_TV)
        chosen_T = logs_TV[np.arange(len(token_T)), token_T]
        entropy_T = -(probs_TV * logs_TV).sum(axis=1)
        origin = TraceOrigin(
            target_digest=self.facts.digest,
            tokenizer_digest=self.facts.tokenizer_digest,
            engine=self.facts.engine,
            dtype=self.facts.dtype,
            start_token_id=None,
            window_tokens=int(windows.lengths.max(initial=0)),
            window_policy="first",
        )
        return TraceBatch(
            origin=origin,
            text_W=np.arange(len(windows), dtype=np.int64),
            texts=len(windows),
            offsets=offsets_of(np.maximum(windows.lengths - 1, 0)),
            token_ids_T=token_T,
            logprob_T=chosen_T.astype(np.float32),
            entropy_T=entropy_T.astype(np.float32),
            variance_T=(probs_TV * (logs_TV + entropy_T[:, None]) ** 2).sum(axis=1).astype(np.float32),
            top1_T=logs_TV.max(axis=1, initial=-np.inf).astype(np.float32),
            rank_T=(logs_TV > chosen_T[:, None]).sum(axis=1).astype(np.int32),
        )

    def force(self, prefixes: TokenBatch, steps: int) -> Continuations:
        """Return the greedy continuation of each prefix; it has no end."""
        tokens = np.empty((len(prefixes), steps), dtype=np.int32)
        current = np.array([row[-1] for row in map(prefixes.row, range(len(prefixes)))], dtype=np.int64)
        logprobs = np.empty((len(prefixes), steps), dtype=np.float32)
        for step in range(steps):
            rows = self.probability_VV[current]
            current = rows.argmax(axis=1)
            tokens[:, step] = current
            logprobs[:, step] = np.log(rows.max(axis=1))
        return Continuations(tokens, logprobs)

    def confirm(self) -> None:
        """Nothing to make sure of: the model is in this process's memory."""


def save_ngram(path: Path, text: str, tokenizer: Path) -> None:
    """Write a model that counts the bigrams of `text`; the tokenizer is named relative to the file."""
    path.write_text(
        json.dumps({"text": text, "tokenizer": str(tokenizer)}, ensure_ascii=False), encoding="utf-8"
    )


def open_target(spec: str, options: OpenOptions) -> NgramTarget:
    """Open `ngram:FILE`.

    Raises
    ------
    ConfigError
        An option does not fit, or there is no such file.
    InputError
        The file is not a model.
    """
    path = Path(spec.removeprefix(SCHEME))
    if not path.is_file():
        raise ConfigError(f"--target {spec}: no such file")
    refuse_options(options, FOREIGN, f"is not for n-gram models, and {spec} is one; leave it out")
    try:
        content = json.loads(path.read_bytes())
        text, named = content["text"], content["tokenizer"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not an n-gram model; expected JSON with text and tokenizer") from error
    tokenizer = load_tokenizer(options.tokenizer or path.parent / named)
    size = tokenizer.vocabulary_size
    _, ids = tokenizer.encode([text])
    facts = TargetFacts(
        name=spec,
        digest=digest("ngram/1", tokenizer.digest, ids.tobytes()),
        tokenizer_digest=tokenizer.digest,
        engine="ngram 1",
        dtype="float64",
        vocabulary_size=size,
        start_token_id=tokenizer.start_token_id
        if options.start_token is None
        else tokenizer.token_id(options.start_token),
    )
    capabilities = Capabilities(
        prompt_logprobs="exact",
        generated_logprobs="exact",
        id_prompts=True,
        statistics=frozenset({"entropy", "variance", "top1", "rank"}),
    )
    return NgramTarget(_probabilities(ids, size), facts, capabilities, tokenizer)


def _probabilities(ids: npt.NDArray[np.int32], size: int) -> npt.NDArray[np.float64]:
    unigram_V = np.bincount(ids, minlength=size) / max(len(ids), 1)
    if not len(ids):
        unigram_V[:] = 1.0 / size
    pairs_VV = np.zeros((size, size))
    np.add.at(pairs_VV, (ids[:-1], ids[1:]), 1.0)
    totals_V1 = pairs_VV.sum(axis=1, keepdims=True)
    bigram_VV = np.divide(pairs_VV, totals_V1, out=np.zeros_like(pairs_VV), where=totals_V1 > 0)
    mixed_VV = np.where(totals_V1 > 0, BIGRAM_WEIGHT * bigram_VV + (1 - BIGRAM_WEIGHT) * unigram_V, unigram_V)
    return (1 - UNIFORM) * mixed_VV + UNIFORM / size
