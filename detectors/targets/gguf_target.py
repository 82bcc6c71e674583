"""A GGUF file in process through llama-cpp-python: its scores of every position, row by row.

The server of the same library gives log-probabilities that belong to the token before; its in-process scores are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from datagov.errors import ConfigError, TargetError
from datagov.ids import digest
from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.ragged import TokenBatch, offsets_of
from detectors.targets.checkpoint_files import file_digest
from detectors.targets.opening import OpenOptions, refuse_options
from detectors.targets.target import Capabilities, Continuations, TargetFacts
from detectors.targets.tolerance import measured_tolerance
from detectors.trace import TraceBatch, TraceOrigin

__all__ = ["GgufTarget", "open_target"]

SCHEME = "gguf:"
FOREIGN = (
    "model",
    "adapter",
    "revision",
    "dtype",
    "device",
    "layout",
    "api",
    "key_variable",
    "concurrency",
    "start_token",
)
"""Options of other targets."""
PROBE_TOKENS = 192
"""Tokens that its tolerance is measured on: rows are never batched, so that few are enough."""
CONTEXT = 2048
"""Most tokens of a window, if the model was made for as many; the library keeps a score for each of them and each word of
the vocabulary."""


class GgufTarget:
    """A model of llama-cpp-python. Its key-value cache is half precision, so its numbers differ from torch's by up to 0.006."""

    def __init__(self, model: Any, name: str, named: str, tokenizer: Tokenizer | None) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._most = _context(model)
        start = next((token for token in (model.token_bos(), model.token_eos()) if token >= 0), None)
        self.facts = TargetFacts(
            name=name,
            digest=named,
            tokenizer_digest=tokenizer.digest if tokenizer else digest("gguf-tokenizer/1", named),
            engine=f"llama-cpp-python {version('llama-cpp-python')}",
            dtype="gguf",
            vocabulary_size=model.n_vocab(),
            start_token_id=start,
        )
        self.capabilities = Capabilities(
            prompt_logprobs="exact",
            generated_logprobs="exact",
            id_prompts=True,
            statistics=frozenset({"entropy", "variance", "top1", "rank"}),
            context_tokens=self._most,
        )

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Return the token ids of each text, without any special token.

        Raises
        ------
        TargetError
            The tokenizer that was named makes other ids of a text than the file's own.
        """
        ids = [self._model.tokenize(text.encode(), add_bos=False, special=False) for text in texts]
        if self._tokenizer is not None:
            named = TokenBatch(*self._tokenizer.encode(texts))
            for row, own in enumerate(ids):
                if named.row(row).tolist() != own:
                    raise TargetError(
                        f"{self.facts.name}: its tokenizer makes other tokens than the one named by --tokenizer of text {row} "
                        f"({texts[row][:40]!r}); name the tokenizer.json that the file was converted with"
                    )
        return TokenBatch.of(ids)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of token ids; bytes that are not UTF-8 become U+FFFD."""
        return str(self._model.detokenize(list(token_ids), special=True).decode("utf-8", "replace"))

    def trace(self, windows: TokenBatch) -> TraceBatch:
        """Return the statistics of every token but the first of each row."""
        offsets = offsets_of(np.maximum(windows.lengths - 1, 0))
        columns_6T = np.empty((6, int(offsets[-1])))
        tokens = np.empty(int(offsets[-1]), dtype=np.int32)
        for row in range(len(windows)):
            ids = windows.row(row)
            place = slice(int(offsets[row]), int(offsets[row + 1]))
            if len(ids) > 1:
                tokens[place] = ids[1:]
                columns_6T[:, place] = _statistics(self._scores(ids)[:-1], ids[1:])
        return TraceBatch(
            origin=TraceOrigin(
                target_digest=self.facts.digest,
                tokenizer_digest=self.facts.tokenizer_digest,
                engine=self.facts.engine,
                dtype=self.facts.dtype,
                start_token_id=None,
                window_tokens=int(windows.lengths.max(initial=0)),
                window_policy="first",
            ),
            text_W=np.arange(len(windows), dtype=np.int64),
            texts=len(windows),
            offsets=offsets,
            token_ids_T=tokens,
            logprob_T=columns_6T[0].astype(np.float32),
            entropy_T=columns_6T[1].astype(np.float32),
            variance_T=columns_6T[2].astype(np.float32),
            top1_T=columns_6T[3].astype(np.float32),
            top1_id_T=columns_6T[5].astype(np.int32),
            rank_T=columns_6T[4].astype(np.int32),
        )

    def force(self, prefixes: TokenBatch, steps: int) -> Continuations:
        """Return the greedy continuation of each prefix by `steps` tokens; it ends with the end-of-text token."""
        tokens = np.full((len(prefixes), steps), -1, dtype=np.int32)
        logprobs = np.full((len(prefixes), steps), np.nan, dtype=np.float32)
        for row in range(len(prefixes)):
            ids = [int(token) for token in prefixes.row(row)]
            for step in range(steps):
                logits_V = self._scores(np.array(ids))[-1]
                chosen = int(logits_V.argmax())
                tokens[row, step] = chosen
                logprobs[row, step] = _statistics(logits_V[None], np.array([chosen]))[0, 0]
                if chosen == self._model.token_eos():
                    break
                ids.append(chosen)
        return Continuations(tokens, logprobs)

    def confirm(self) -> None:
        """Nothing to make sure of: the weights are in this process's memory."""

    def _scores(self, ids: Any) -> Any:
        most = self._most
        if len(ids) > most:
            raise TargetError(
                f"{self.facts.name}: {len(ids)} tokens in a row, its context holds {most}: shorter texts or samples, or windows, fit"
            )
        self._model.reset()
        self._model.eval([int(token) for token in ids])
        return np.asarray(self._model.scores[: len(ids)], dtype=np.float64)


def _statistics(logits_TV: Any, token_T: Any) -> Any:
    """Return logprob, entropy, variance, top1, rank and the token of top1, float64[6, T]."""
    logs_TV = logits_TV - logits_TV.max(axis=1, keepdims=True)
    logs_TV -= np.log(np.exp(logs_TV).sum(axis=1, keepdims=True))
    probs_TV = np.exp(logs_TV)
    chosen_T = logs_TV[np.arange(len(token_T)), token_T]
    entropy_T = -(probs_TV * logs_TV).sum(axis=1)
    variance_T = (probs_TV * (logs_TV + entropy_T[:, None]) ** 2).sum(axis=1)
    rank_T = (logs_TV > chosen_T[:, None]).sum(axis=1)
    return np.stack([chosen_T, entropy_T, variance_T, logs_TV.max(axis=1), rank_T, logs_TV.argmax(axis=1)])


def open_target(spec: str, options: OpenOptions) -> GgufTarget:
    """Open `gguf:FILE`.

    The file's own tokenizer is used. Frequency tables are keyed by a tokenizer.json: name that as the tokenizer, and every
    text is held against both.

    Raises
    ------
    ConfigError
        No such file, an option that does not fit, or llama-cpp-python is not installed.
    TargetError
        The library cannot read the file.
    """
    path = Path(spec.removeprefix(SCHEME))
    if not path.is_file():
        raise ConfigError(f"--target {spec}: no such file")
    refuse_options(options, FOREIGN, f"is not for GGUF files, and {spec} is one; leave it out")
    tokenizer = None if options.tokenizer is None else load_tokenizer(options.tokenizer)
    from llama_cpp import Llama  # noqa: PLC0415 - an extra; `opening` says which

    try:
        model = Llama(str(path), n_ctx=CONTEXT, logits_all=True, verbose=False)
    except (ValueError, RuntimeError, OSError) as error:
        raise TargetError(f"{path}: cannot be loaded as GGUF ({error})") from error
    target = GgufTarget(model, spec, digest("gguf/1", file_digest(path)), tokenizer)
    seen = measured_tolerance(
        target,
        tokens=PROBE_TOKENS,
        context=target.capabilities.context_tokens,
    )
    target.capabilities = replace(target.capabilities, tolerance_nats=seen)
    return target


def _context(model: Any) -> int:
    """Return the context a model was made for, as its file says, at most what there is room for."""
    made_for = model.metadata.get(f"{model.metadata.get('general.architecture')}.context_length")
    return min(int(made_for or CONTEXT), model.n_ctx())
